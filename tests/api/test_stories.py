"""The part of the own surface that shows calls and what happened in them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from api.own_edge import SECOND, TWO, World, bearer, refused, served

from hookflash.calls.views import CallPage, CallRow, OperationView, TracedCall, TraceView
from hookflash.ports.calls import MAX_CALLS, Ambiguous

ID = "421f0b00-1c3a-4f52-9a3b-000000000001"
SERVER = "aHR0cHM6Ly9h/+LmI="
ROW = CallRow(ID, SERVER, "c", "connected", "answered", "2026-06-13T18:58:20.000Z", ["4:+1"], lasted=2.5)
CALL = TracedCall(
    call_connection_id=ID,
    server_call_id=SERVER,
    correlation_id="c",
    state="connected",
    origin="answered",
    caller="4:+1",
    targets=["4:+2"],
    callback_uri="https://app.example/cb",
    api_version="2026-03-12",
    since="2026-06-13T18:58:20.000Z",
    participants=[],
    operations=[
        OperationView(
            7,
            "PlayToAll",
            "main",
            "playing",
            [],
            "2026-06-13T18:58:21.000Z",
            1.0,
            [TraceView("2026-06-13T18:58:21.000Z", 0.0, "queued")],
        )
    ],
    trace=[],
)


class Book:
    """Calls as told; takes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []

    def listed(self, asker: str | None, after: int | None, top: int) -> CallPage:
        self.asked.append((asker, after, top))
        return CallPage([ROW], 9 if top == 1 else None)

    def story(self, asker: str | None, text: str) -> TracedCall | None:
        self.asked.append((asker, text))
        if text == "421f":
            raise Ambiguous(["421f-1", "421f-2"])
        return CALL if text in (ID, SERVER, "c") else None


def live(book: Book, *, open_to_all: bool) -> Any:
    yield from served(World(), TWO, open_to_all=open_to_all, calls=book)


@pytest.fixture
def book():
    return Book()


@pytest.fixture
def client(book):
    yield from live(book, open_to_all=True)


@pytest.fixture
def guarded(book):
    yield from live(book, open_to_all=False)


def test_calls_come_in_pages(client, book):
    page = client.get("/hookflash/calls?top=1").json()
    assert page["next"] == 9
    assert page["value"] == [
        {
            "callConnectionId": ID,
            "serverCallId": SERVER,
            "correlationId": "c",
            "state": "connected",
            "origin": "answered",
            "since": "2026-06-13T18:58:20.000Z",
            "participants": ["4:+1"],
            "lasted": 2.5,
        }
    ]
    assert "next" not in client.get("/hookflash/calls?after=9").json()
    assert book.asked == [(None, None, 1), (None, 9, 100)]


@pytest.mark.parametrize(
    ("query", "target"),
    [("top=0", "top"), (f"top={MAX_CALLS + 1}", "top"), ("after=x", "after"), ("after=-1", "after")],
)
def test_what_can_not_be_meant_is_refused(client, book, query, target):
    status, _, named = refused(client.get(f"/hookflash/calls?{query}"))
    assert (status, named) == (400, target)
    assert book.asked == []


@pytest.mark.parametrize("text", [ID, SERVER, "c"])
def test_a_call_is_shown_by_each_of_its_ids(client, book, text):
    for path in (quote(text, safe=""), quote(text)):
        shown = client.get(f"/hookflash/calls/{path}").json()
        assert shown["callConnectionId"] == ID
        (play,) = shown["operations"]
        assert (play["number"], play["offset"], play["trace"][0]["what"]) == (7, 1.0, "queued")
    assert book.asked == [(None, text)] * 2


def test_what_is_not_known_says_what_to_do(client):
    answer = client.get("/hookflash/calls/nobody")
    assert refused(answer) == (404, "8522", "id")
    message = answer.json()["error"]["message"]
    for part in ("'nobody'", "ended too long ago", "GET /hookflash/calls lists", "/hookflash/journal/"):
        assert part in message


def test_what_may_mean_several_names_them(client):
    answer = client.get("/hookflash/calls/421f")
    assert refused(answer) == (409, "8519", "id")
    assert "421f-1, 421f-2" in answer.json()["error"]["message"]


def test_a_resource_sees_its_own_calls(guarded, book):
    for path in ("calls", f"calls/{ID}"):
        assert refused(guarded.get(f"/hookflash/{path}"))[:2] == (401, "7501"), path
        assert guarded.get(f"/hookflash/{path}", headers=bearer(SECOND)).status_code == 200
    assert book.asked == [("second", None, 100), ("second", ID)]
