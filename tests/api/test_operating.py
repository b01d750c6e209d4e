"""The part of the own surface that runs a server: workers, legs, metrics, draining."""

from __future__ import annotations

import pytest
from api.own_edge import FIRST, SECOND, TWO, World, bearer, refused, served

from hookflash.ports.operating import (
    MAX_DRAIN,
    AbilityView,
    BansView,
    BanView,
    DrainView,
    LegPage,
    LegRow,
    MediaView,
    QualityView,
    SpeechView,
    TargetView,
    TotalsView,
    TrunksView,
    TrunkView,
    WorkerView,
)

WORKER = WorkerView(0, "ready", "", 77, 3, 0.25, 0.2, 1.0, 5.0, 0, 1, 60.0, 0.5)
ROW = LegRow(
    4, "phone", 0, "c", ["conn"], "PCMU", 4000, "192.0.2.1:9", True, QualityView(1, 2, 0, 0, 0, 1, 60, 0)
)


class Operation:
    """A server that takes down what it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.draining: DrainView | None = None
        self.banned = ["203.0.113.9", "203.0.113.10", "2001:db8::/64"]

    def media(self) -> MediaView:
        return MediaView([WORKER], TotalsView(3, 1, 0, 0, 0, 0, 0, 5, 6, 0, 0, 0.0), self.draining)

    def speech(self) -> SpeechView:
        return SpeechView([AbilityView("main", "azure", "speak", [], False, "no key")], [])

    def legs(self, asker: str | None, after: int, top: int, *, worst: bool) -> LegPage:
        self.asked.append((asker, after, top, worst))
        return LegPage([ROW], 4 if top == 1 else None)

    def metrics(self) -> str:
        return "hookflash_draining 0\n"

    def drain_worker(self, worker: int) -> WorkerView | None:
        return WORKER if worker == 0 else None

    def drain(self, seconds: float | None) -> DrainView:
        self.asked.append(("drain", seconds))
        self.draining = DrainView("as it was told to be", 3, seconds or 20.0)
        return self.draining

    def resume(self) -> bool:
        was, self.draining = self.draining, None
        return was is not None

    def bans(self) -> BansView:
        return BansView([BanView(source, "scanner", 30.5, 2, 17) for source in self.banned])

    def trunks(self) -> TrunksView:
        target = TargetView("192.0.2.1:5060", True, True, "2026-06-13T18:58:20.000Z")
        return TrunksView([TrunkView("carrier", "udp", True, [target], 3, {"calls": 1000.0}, {"calls": 2})])

    def lift_bans(self, source: str | None) -> int:
        gone = [one for one in self.banned if source in (None, one)]
        self.banned = [one for one in self.banned if one not in gone]
        return len(gone)

    def may_operate(self, asker: str | None) -> bool:
        return asker in (None, "first")


def live(operation: Operation, *, open_to_all: bool):
    yield from served(World(), TWO, open_to_all=open_to_all, operating=operation)


@pytest.fixture
def operation():
    return Operation()


@pytest.fixture
def client(operation):
    yield from live(operation, open_to_all=True)


@pytest.fixture
def guarded(operation):
    yield from live(operation, open_to_all=False)


def test_who_speaks_and_why_somebody_does_not_is_shown(client):
    (shown,) = client.get("/hookflash/speech").json()["providers"]
    assert shown == {
        "provider": "main",
        "kind": "azure",
        "does": "speak",
        "locales": [],
        "works": False,
        "problem": "no key",
    }


def test_workers_and_sums_are_shown(client, operation):
    shown = client.get("/hookflash/media").json()
    assert shown["workers"][0]["pid"] == 77
    assert shown["workers"][0]["measuredLoad"] == 0.2
    assert "cpu" not in shown["workers"][0]
    assert shown["totals"]["legsOpen"] == 3
    assert "draining" not in shown
    operation.drain(None)
    assert client.get("/hookflash/media").json()["draining"]["calls"] == 3


def test_legs_come_in_pages(client, operation):
    page = client.get("/hookflash/media/legs?top=1").json()
    assert page["next"] == 4
    assert page["value"][0]["quality"]["jitterMs"] == 1
    assert "mos" not in page["value"][0]["quality"]
    assert "next" not in client.get("/hookflash/media/legs?after=4&order=mos").json()
    assert operation.asked == [(None, 0, 1, False), (None, 4, 100, True)]


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("top=0", "top"),
        ("top=1001", "top"),
        ("top=x", "top"),
        ("after=-1", "after"),
        ("after=99999999999999999999", "after"),
        ("after=%D9%A3", "after"),
        ("order=best", "order"),
    ],
)
def test_what_can_not_be_meant_is_refused(client, operation, query, target):
    status, _, named = refused(client.get(f"/hookflash/media/legs?{query}"))
    assert (status, named) == (400, target)
    assert operation.asked == []


def test_metrics_are_text(client):
    answer = client.get("/hookflash/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text == "hookflash_draining 0\n"


def test_a_server_is_drained_and_taken_back(client, operation):
    answer = client.post("/hookflash/drain")
    assert (answer.status_code, answer.json()["secondsLeft"]) == (202, 20.0)
    assert client.post("/hookflash/drain", json={"seconds": 90}).json()["secondsLeft"] == 90.0
    assert operation.asked == [("drain", None), ("drain", 90.0)]
    assert client.delete("/hookflash/drain").status_code == 204
    assert refused(client.delete("/hookflash/drain"))[:2] == (409, "8519")


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"seconds": "soon"}', b'{"seconds": -1}', b'{"second": 1}', b'{"seconds": 1e9}']
)
def test_a_drain_that_makes_no_sense_is_refused(client, operation, body):
    status, code, _ = refused(client.post("/hookflash/drain", data=body))
    assert (status, code) == (400, "8523")
    assert operation.asked == []
    assert client.post("/hookflash/drain", json={"seconds": MAX_DRAIN}).status_code == 202


def test_a_worker_is_drained_by_its_number(client):
    answer = client.post("/hookflash/media/workers/0:drain")
    assert (answer.status_code, answer.json()["worker"]) == (202, 0)
    for name in ("1", "-1", "x", "99999999", "%D9%A0"):
        status, code, target = refused(client.post(f"/hookflash/media/workers/{name}:drain"))
        assert (status, code, target) == (404, "8522", "worker"), name


def test_everything_takes_a_key(guarded):
    for method, path in (
        ("GET", "media"),
        ("GET", "media/legs"),
        ("GET", "metrics"),
        ("POST", "drain"),
        ("DELETE", "drain"),
        ("POST", "media/workers/0:drain"),
    ):
        assert refused(guarded.request(method, f"/hookflash/{path}"))[:2] == (401, "7501"), path


def test_a_resource_sees_its_own_legs_and_only_the_first_decides_for_all(guarded, operation):
    assert guarded.get("/hookflash/media", headers=bearer(SECOND)).status_code == 200
    guarded.get("/hookflash/media/legs", headers=bearer(SECOND))
    assert operation.asked == [("second", 0, 100, False)]
    for method, path in (("POST", "drain"), ("DELETE", "drain"), ("POST", "media/workers/0:drain")):
        answer = guarded.request(method, f"/hookflash/{path}", headers=bearer(SECOND))
        assert refused(answer)[:2] == (403, "7504"), path
    assert len(operation.asked) == 1
    assert guarded.post("/hookflash/drain", headers=bearer(FIRST)).status_code == 202


def test_trunks_are_shown(client):
    (one,) = client.get("/hookflash/trunks").json()["value"]
    assert (one["name"], one["up"], one["calls"], one["refused"]) == ("carrier", True, 3, {"calls": 2})
    assert one["targets"][0] == {
        "target": "192.0.2.1:5060",
        "up": True,
        "watched": True,
        "since": "2026-06-13T18:58:20.000Z",
    }


def test_bans_are_shown_and_lifted(client, operation):
    (first, *_) = client.get("/hookflash/bans").json()["value"]
    assert first == {
        "source": "203.0.113.9",
        "reason": "scanner",
        "secondsLeft": 30.5,
        "times": 2,
        "refused": 17,
    }
    assert client.delete("/hookflash/bans?source=2001:db8::%2F64").json() == {"lifted": 1}
    assert refused(client.delete("/hookflash/bans?source=192.0.2.1"))[::2] == (404, "source")
    assert client.delete("/hookflash/bans").json() == {"lifted": 2}
    assert client.get("/hookflash/bans").json() == {"value": []}
    assert client.delete("/hookflash/bans").json() == {"lifted": 0}
