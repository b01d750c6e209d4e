"""The table of the DTMF bench in small: required rows are passed, and the bench can tell if one is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import dtmf


@pytest.fixture(scope="module")
def results():
    return list(dtmf.run(phases=1, hours=0.04, legs=10, seed=3))


def test_every_required_row_is_passed(results):
    # With few legs a share means little where packets are lost, but a doubled key is one at any size.
    failed = [dtmf.line(r) for r in results if not r.ok and not r.name.endswith("heard")]
    assert failed == []
    assert all(min(r.shares) > 0.85 for r in results if r.name.endswith("heard"))


def test_every_part_of_the_table_is_there(results):
    assert {r.name.split()[0] for r in results} == {str(n) for n in range(1, 16)}
    assert sum(r.least is not None for r in results) > 60


@pytest.mark.parametrize(
    ("decide", "least"),
    [
        (lambda signals, law, rng: [""] * len(signals), 30),
        (lambda signals, law, rng: ["5"] * len(signals), 60),
    ],
)
def test_a_deaf_and_a_credulous_detector_fail(decide, least, monkeypatch):
    monkeypatch.setattr(dtmf, "run_loss", lambda *arguments: ())
    results = list(dtmf.run(phases=1, hours=0.01, legs=1, decide=decide))
    assert sum(not r.ok for r in results) >= least


def test_the_exit_status_says_whether_a_required_row_failed(monkeypatch, capsys):
    good = dtmf.Result("1 good", (1.0, 1.0, 1.0), 1.0, 5)
    poor = dtmf.Result("2 poor", (1.0, 0.98, 1.0), 0.99, 5)
    told = dtmf.Result("3 told", (0.0,), None, 5)
    for rows, status in (((good, told), 0), ((good, poor), 1)):
        monkeypatch.setattr(dtmf, "run", lambda rows=rows, **options: iter(rows))
        assert dtmf.main([]) == status
    out = capsys.readouterr().out
    assert "FAILED" in out
    assert "1 required rows failed" in out
    assert "every required row passed" in out
