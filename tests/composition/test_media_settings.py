"""What the workers get out of the settings."""

from __future__ import annotations

import os

import pytest

from hookflash.composition.media import media_desk, pinned_to
from hookflash.config import MediaSettings, PortRange, Settings
from hookflash.plane.options import parse
from hookflash.plane.playback import PromptSource
from hookflash.plane.wav import Audio
from hookflash.testing.clock import VirtualClock


class NoPrompts(PromptSource):
    async def fetch(self, url: str, cache_id: str | None = None) -> Audio:
        raise AssertionError("nothing is played")


def having(monkeypatch: pytest.MonkeyPatch, *cpus: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(cpus))


def test_workers_are_pinned_in_their_order() -> None:
    assert pinned_to(Settings(media=MediaSettings(workers=2, cpus=(3, 1)))) == (3, 1)
    assert pinned_to(Settings(media=MediaSettings(workers=2, cpus=(1, 1, 5)))) == (1, 1)
    assert pinned_to(Settings(media=MediaSettings(workers=2))) == (None, None)


def test_auto_leaves_the_first_cpus_to_the_rest(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    having(monkeypatch, 0, 2, 4, 6)
    assert pinned_to(Settings(media=MediaSettings(workers=3, cpus="auto"))) == (2, 4, 6)
    assert pinned_to(Settings(media=MediaSettings(workers=4, cpus="auto"))) == (0, 2, 4, 6)
    assert pinned_to(Settings(media=MediaSettings(workers=5, cpus="auto"))) == (None,) * 5
    assert "5 workers are not pinned, because there are 4 CPUs" in caplog.text


async def test_each_worker_has_its_share_of_the_ports_and_the_limits() -> None:
    media = MediaSettings(workers=2, rtp_ports=PortRange(20001, 20100), load_limit=0.5, legs=70, cpus=(0, 0))
    desk = media_desk(Settings(media=media), NoPrompts(), VirtualClock())
    limits = desk._settings.limits
    assert [(one.load, one.legs, one.ports) for one in limits] == [(0.5, 70, 24), (0.5, 70, 24)]
    assert [one.cpu for one in desk.health()] == [0, 0]
    command = desk._seats[1]._make()._arguments  # type: ignore[attr-defined]
    assert "--cpu=0" in command
    assert "--legs=70" in command
    assert "--first-port=20051" in command


@pytest.mark.parametrize(
    ("given", "first", "least", "most"),
    [({}, 60, 20, 200), ({"jitter_least_ms": 80}, 80, 80, 200), ({"jitter_most_ms": 40}, 40, 20, 40)],
)
async def test_workers_know_how_long_packets_may_wait(
    given: dict[str, int], first: int, least: int, most: int
) -> None:
    media = MediaSettings(workers=1, **given)  # type: ignore[arg-type]
    desk = media_desk(Settings(media=media), NoPrompts(), VirtualClock())
    command = desk._seats[0]._make()._arguments  # type: ignore[attr-defined]
    _, options = parse(["--fd=3", *command])
    assert (options.jitter_ms, options.jitter_least_ms, options.jitter_most_ms) == (first, least, most)


async def test_inline_is_one_seat_with_all_ports() -> None:
    media = MediaSettings(workers=0, rtp_ports=PortRange(20000, 20099))
    desk = media_desk(Settings(media=media), NoPrompts(), VirtualClock())
    assert [one.ports for one in desk._settings.limits] == [50]
    assert [one.state for one in desk.health()] == ["starting"]
