"""/hookflash/phones over HTTP: shapes, statuses, bounds, and who may ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from api.conftest import Live

from hookflash.api.own import own_surface
from hookflash.api.own_http import MAX_DOCUMENT
from hookflash.api.ports import Resource
from hookflash.calls.effects import AnswerLeg
from hookflash.calls.facts import Fact, IncomingLeg
from hookflash.clock import LoopClock
from hookflash.phones.virtual.lines import Lines
from hookflash.phones.virtual.registry import Registry
from hookflash.phones.virtual.surface import VirtualPhoneDesk

KEY = "b3duIGtleSBvZiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUsIHNlY3JldA=="
NUMBER, APP = "+14255550100", "+18005550100"
IN_BETWEEN = "+18005550101"
"""Who rings without an answer."""


class Rows:
    """Media that always have a row."""

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        return 0

    async def move_leg(self, leg: int, call: int) -> int:
        return 0

    def connect_leg(self, command: object) -> None: ...

    def close_leg(self, leg: int) -> None: ...


def phones() -> VirtualPhoneDesk:
    """Phones whose calls to the app are answered at once."""
    legs = iter(range(1, 1000))

    def sink(fact: Fact) -> None:
        if isinstance(fact, IncomingLeg) and fact.callee.phone_number == APP:
            lines.answer(AnswerLeg(fact.leg, 1))

    registry = Registry(sink)
    lines = Lines(registry, Rows(), sink, lambda: next(legs), LoopClock())
    return VirtualPhoneDesk(registry, lines, LoopClock())


class Nothing:
    """What the rest of the surface needs."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


class Client(requests.Session):
    """Paths below /hookflash/phones instead of URLs."""

    base = ""

    def request(self, method: Any, path: Any, **options: Any) -> requests.Response:
        return super().request(method, f"{self.base}/hookflash/phones{path}", timeout=20, **options)


def running(*, open_to_all: bool = True, on: bool = True) -> Iterator[Client]:
    nothing: Any = Nothing()
    live = Live(
        lambda: own_surface(
            subscriptions=nothing,
            journal=nothing,
            readiness=nothing,
            resources=[Resource("r", "id", (KEY,))],
            open_to_all=open_to_all,
            phones=phones() if on else None,
        )
    )
    live.start()
    client = Client()
    client.base = live.url
    yield client
    client.close()
    live.stop()


@pytest.fixture
def client() -> Iterator[Client]:
    yield from running()


@pytest.fixture
def guarded() -> Iterator[Client]:
    yield from running(open_to_all=False)


@pytest.fixture
def without() -> Iterator[Client]:
    yield from running(on=False)


def refusal(answer: requests.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def test_a_phone_is_made_changed_shown_and_taken_away(client: Client) -> None:
    made = client.put("/ada", json={"identity": NUMBER, "displayName": "Ada"})
    shown = {"id": "ada", "identity": NUMBER, "displayName": "Ada", "calls": []}
    assert (made.status_code, made.json()) == (201, shown)
    again = client.put("/ada", json={"identity": NUMBER, "displayName": "Ada", "script": None})
    assert (again.status_code, again.json()) == (200, shown)
    assert client.get("/ada").json() == shown
    assert client.get("").json() == {"value": [shown]}
    gone = client.delete("/ada")
    assert (gone.status_code, gone.content) == (204, b"")
    assert refusal(client.get("/ada"))[:2] == (404, "NotFound")


def test_a_list_comes_in_pages(client: Client) -> None:
    for id in "cab":
        client.put(f"/{id}", json={"identity": NUMBER})
    first = client.get("?top=2").json()
    assert ([phone["id"] for phone in first["value"]], first["next"]) == (["a", "b"], "b")
    second = client.get("?top=2&after=b").json()
    assert ([phone["id"] for phone in second["value"]], second.get("next")) == (["c"], None)
    assert client.get("?top=0").json() == {"value": []}
    assert client.delete("").status_code == 204
    assert client.get("").json() == {"value": []}


def test_a_whole_call(client: Client) -> None:
    client.put("/ada", json={"identity": NUMBER})
    made = client.post("/ada/call", json={"to": APP, "displayName": "A", "sipHeaders": {"X-A": "1"}})
    assert made.status_code == 202
    up = client.get("/ada/calls/1?state=up")
    assert up.status_code == 200
    assert up.json() == {
        "id": 1,
        "direction": "out",
        "from": NUMBER,
        "to": APP,
        "displayName": "A",
        "state": "up",
        "sipHeaders": {"X-A": "1"},
        "voipHeaders": {},
        "muted": False,
        "held": False,
        "heard": [],
        "digits": "",
    }
    pressed = client.post("/ada/press", json={"digits": "12#"})
    assert (pressed.status_code, pressed.json()["state"]) == (202, "up")
    ended = client.post("/ada/hangup")
    assert (ended.status_code, ended.json()["cause"]) == (202, {"status": 200, "reason": "OK"})
    assert client.get("/ada/calls/last").json() == ended.json()


def test_actions_may_name_their_call(client: Client) -> None:
    client.put("/ada", json={"identity": NUMBER})
    for _ in range(2):
        client.post("/ada/call", json={"to": IN_BETWEEN})
    assert client.post("/ada/hangup?call=1").json()["id"] == 1
    assert client.post("/ada/hangup?call=last").json()["id"] == 2
    assert refusal(client.post("/ada/answer", json={}))[:2] == (409, "Conflict")
    assert refusal(client.post("/ada/reject", json={"status": 603}))[:2] == (409, "Conflict")
    status, code, message = refusal(client.post("/ada/hangup?call=first"))
    assert (status, code) == (400, "8523")
    assert "'first'" in message


def test_waiting_in_vain_is_408(client: Client) -> None:
    client.put("/ada", json={"identity": NUMBER})
    client.post("/ada/call", json={"to": IN_BETWEEN})
    status, code, message = refusal(client.get("/ada/calls/last?state=up&timeoutMs=20"))
    assert (status, code) == (408, "Timeout")
    assert "ringing" in message


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("heard=none", "heard"),
        ("held=yes", "held"),
        ("muted=1", "muted"),
        ("digits=x", "digits"),
        ("digits=" + "1" * 101, "digits"),
        ("timeoutMs=60001", "timeoutMs"),
        ("timeoutMs=-1", "timeoutMs"),
        ("timeoutMs=1e3", "timeoutMs"),
    ],
)
def test_conditions_are_checked(client: Client, query: str, field: str) -> None:
    client.put("/ada", json={"identity": NUMBER})
    answer = client.get(f"/ada/calls/last?{query}")
    assert refusal(answer)[:2] == (400, "8523")
    assert answer.json()["error"]["target"] == field


@pytest.mark.parametrize("number", ["first", "-1", "1" * 20])
def test_calls_have_numbers(client: Client, number: str) -> None:
    client.put("/ada", json={"identity": NUMBER})
    assert refusal(client.get(f"/ada/calls/{number}"))[:2] == (400, "8523")


def test_conditions_that_hold(client: Client) -> None:
    client.put("/ada", json={"identity": NUMBER})
    client.post("/ada/call", json={"to": APP})
    found = client.get("/ada/calls/last?state=up&held=false&muted=false&digits=")
    assert found.status_code == 200


@pytest.mark.parametrize(
    ("document", "target"),
    [
        ({}, "identity"),
        ({"identity": 5}, "identity"),
        ({"identity": "ada"}, "identity"),
        ({"identity": NUMBER, "scripts": {}}, "scripts"),
        ({"identity": NUMBER, "script": {"onCall": "sing"}}, "script.onCall"),
        ({"identity": NUMBER, "script": {"status": 200}}, "script.status"),
        ({"identity": NUMBER, "script": {"q850": 0}}, "script.q850"),
        ({"identity": NUMBER, "script": {"afterMs": -1}}, "script.afterMs"),
        ({"identity": NUMBER, "script": {"press": [{"digits": ""}]}}, "script.press[0].digits"),
        ({"identity": NUMBER, "script": {"press": [{"digits": "1"}] * 101}}, "script.press"),
        ({"identity": NUMBER, "script": {"hangUpAfterMs": 3_600_001}}, "script.hangUpAfterMs"),
    ],
)
def test_a_wrong_phone_names_the_field(client: Client, document: dict[str, Any], target: str) -> None:
    answer = client.put("/ada", json=document)
    assert refusal(answer)[:2] == (400, "8523")
    assert answer.json()["error"]["target"] == target


def test_bodies_are_json_and_bounded(client: Client) -> None:
    assert refusal(client.put("/ada", data=b"{"))[:2] == (400, "8523")
    assert client.put("/ada", data=b" " * (MAX_DOCUMENT + 1)).status_code == 413
    client.put("/ada", json={"identity": NUMBER})
    many = {f"X-{n}": "" for n in range(17)}
    assert refusal(client.post("/ada/call", json={"to": APP, "sipHeaders": many}))[:2] == (400, "8523")
    assert refusal(client.post("/ada/press", json={"digits": "1" * 101}))[:2] == (400, "8523")
    assert refusal(client.post("/ada/hangup", json={"please": True}))[:2] == (400, "8523")


def test_what_is_not_there_says_so(client: Client) -> None:
    assert refusal(client.post("/ada"))[:2] == (405, "MethodNotAllowed")
    assert refusal(client.get("/ada/nothing"))[:2] == (404, "NotFound")


def test_a_key_is_asked_for(guarded: Client) -> None:
    assert refusal(guarded.get(""))[:2] == (401, "7501")
    guarded.headers["Authorization"] = f"Bearer {KEY}"
    assert guarded.get("").status_code == 200


@pytest.mark.parametrize("path", ["", "/ada", "/ada/calls/last", "/ada/call"])
def test_where_they_are_off_every_path_says_how_to_turn_them_on(without: Client, path: str) -> None:
    status, code, message = refusal(without.post(path) if path.endswith("call") else without.get(path))
    assert (status, code) == (404, "NotFound")
    assert "virtual_phones = true" in message
