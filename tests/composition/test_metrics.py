"""Figures in Prometheus' text format."""

from __future__ import annotations

import re

from hookflash.composition.metrics import Facts, render
from hookflash.plane.quality_desk import QualityDesk
from hookflash.plane.roster import WorkerHealth
from hookflash.ports.plane import LegClosed, LegQuality

WORKERS = [
    WorkerHealth(0, True, "full", "why", 7, None, 1, 40, 0.81, 0.8, 1.5, 12.25, 3, 100.0, 0.5),
    WorkerHealth(1, False, "starting", "", 0, 1, 2, 0, 0.0, 0.0, 0.0, 0.0, 0, 0.0, 9.0),
]


def figures() -> dict[str, str]:
    desk = QualityDesk()
    for mos, lost in ((4.3, 1), (2.2, 30), (4.45, 0), (0.0, 0)):
        desk.closed(0, LegClosed(1, 100, 101, lost, 0.0, LegQuality(mos=mos, discarded=2, concealed_ms=60)))
    desk.totals.workers_lost = 2
    text = render(
        Facts(
            {"calls": 20, "phones": 3},
            WORKERS,
            desk.totals,
            9,
            True,
            left_out={"app": 6},
            uploads={"retried": 2},
            tolls={"prefix": 5},
            sip_refused={"calls_per_source": 8},
            contacts=7,
            registrations={"registered": 12, "lost": 5},
        )
    )
    assert text.endswith("\n")
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            assert re.fullmatch(r'hookflash_[a-z_]+(\{[a-z]+="[^"\\]+"\})? [-0-9.e+]+', line), line
            name, _, value = line.rpartition(" ")
            assert name not in found, name
            found[name.removeprefix("hookflash_")] = value
    return found


def test_figures_are_what_was_counted() -> None:
    found = figures()
    assert found['alive{kind="calls"}'] == "20"
    assert (found["draining"], found["calls_refused_total"]) == ("1", "9")
    assert found['recording_uploads_total{result="retried"}'] == "2"
    assert found['calls_not_allowed_total{why="prefix"}'] == "5"
    assert found['transcription_intermediate_left_out_total{busy="app"}'] == "6"
    assert found['sip_refused_total{limit="calls_per_source"}'] == "8"
    assert (found["phone_contacts"], found['phone_registrations_total{what="lost"}']) == ("7", "5")
    assert found['media_workers{state="full"}'] == "1"
    assert found['media_workers{state="ready"}'] == "0"
    assert found['media_worker_load{worker="0"}'] == "0.81"
    assert found['media_worker_busy_seconds{worker="0"}'] == "0.01225"
    assert found['media_worker_starts_total{worker="1"}'] == "2"
    assert (found["media_packets_lost_total"], found["media_packets_discarded_total"]) == ("31", "8")
    assert found["media_concealed_seconds_total"] == "0.24"
    assert (found["media_legs_closed_total"], found["media_workers_lost_total"]) == ("4", "2")


def test_the_histogram_of_scores_adds_up() -> None:
    found = figures()
    buckets = [int(value) for name, value in found.items() if name.startswith("media_leg_mos_bucket")]
    assert buckets == [0, 0, 1, 1, 1, 1, 1, 1, 2, 3]
    assert found['media_leg_mos_bucket{le="2.5"}'] == "1"
    assert found['media_leg_mos_bucket{le="+Inf"}'] == found["media_leg_mos_count"] == "3"
    assert found["media_leg_mos_sum"] == "10.95"


def test_every_family_is_said_what_it_is_before_its_figures() -> None:
    lines = render(Facts({}, WORKERS, QualityDesk().totals, 0, False)).splitlines()
    said: dict[str, str] = {}
    for line in lines:
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in said
            said[name] = kind
        elif not line.startswith("#"):
            name = re.sub(r"(_bucket|_sum|_count)$", "", re.split(r"[{ ]", line)[0])
            assert name in said
            assert (said[name] == "counter") == name.endswith("_total")
