"""[media]: CPUs there are, and ports that go round."""

from __future__ import annotations

import os

import pytest

from hookflash.config import ConfigError, Settings, parse


@pytest.fixture(autouse=True)
def four_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2, 5})


def media(text: str) -> Settings:
    return parse("[media]\n" + text)


def mistake(text: str) -> str:
    with pytest.raises(ConfigError) as wrong:
        media(text)
    assert len(wrong.value.problems) == 1, wrong.value
    return str(wrong.value.problems[0])


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("workers = 2\ncpus = [1, 2]", (1, 2)),
        ("workers = 3\ncpus = [1, 1, 5]", (1, 1, 5)),
        ("workers = 1\ncpus = [5, 2]", (5, 2)),
        ('cpus = "auto"\nworkers = 9', "auto"),
        ('cpus = "None"', ()),
        ("cpus = []", ()),
    ],
)
def test_cpus_that_will_do(text: str, cpus: object) -> None:
    assert media(text).media.cpus == cpus


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("workers = 1\ncpus = [3]", "CPU 3, which this process can not run on; it can run on 0-2, 5"),
        ("workers = 3\ncpus = [1, 2]", "has 2 CPUs for 3 workers; name one for each worker"),
        ("workers = 0\ncpus = [1]", "media.workers is 0"),
        ('workers = 0\ncpus = "auto"', "media.workers is 0"),
        ('cpus = "all"', 'or "auto" or "none"'),
        ("cpus = [-1]", "from 0 to 4095"),
        ("cpus = [true]", "from 0 to 4095"),
        ("cpus = 1", "CPU numbers"),
        ('workers = 40\nrtp_ports = "20000-20099"', "50 pairs of ports for 40 workers"),
        ("load_limit = 1.5", "a number from 0.05 to 1"),
        ("legs = 1", "from 2 to 50000"),
        ("jitter_least_ms = 19", "milliseconds from 20 to 300"),
        ("jitter_most_ms = 301", "milliseconds from 20 to 300"),
        ("jitter_least_ms = 120\njitter_most_ms = 100", "is 120, and media.jitter_most_ms is 100"),
        ("jitter_least_ms = 250", "is 250, and media.jitter_most_ms is 200; make it less"),
    ],
)
def test_mistakes_are_told_with_what_would_do(text: str, what: str) -> None:
    assert what in mistake(text)


def test_cpus_come_from_the_environment_too() -> None:
    for text, cpus in (("1,2", (1, 2)), ("[2, 1]", (2, 1)), ("auto", "auto"), ("none", ())):
        settings = parse("[media]\nworkers = 2\n", environment={"HOOKFLASH_MEDIA__CPUS": text})
        assert settings.media.cpus == cpus


def test_the_defaults() -> None:
    settings = parse("")
    assert (settings.media.load_limit, settings.media.legs, settings.media.cpus) == (0.8, 4800, ())
    assert settings.server.drain_seconds == 20
