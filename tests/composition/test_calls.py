"""Calls by their ids, with the other connections of the same call."""

from __future__ import annotations

from typing import Any

import pytest

from hookflash.calls.views import CallPage, TracedCall
from hookflash.composition.calls import CallBook
from hookflash.ports.calls import Ambiguous
from hookflash.testing.clock import VirtualClock

CALL = TracedCall("one", "server", "c", "connected", "answered", "4:+1", [], "", "v", "", [], [], [])


class Exchange:
    """Two connections of one call, and another call."""

    def __init__(self) -> None:
        self.names = {
            "one": (["one"], True),
            "server": (["two", "one"], True),
            "o": (["one", "other"], False),
        }
        self.asked: list[tuple[Any, ...]] = []

    def named(self, text: str, resource: str | None) -> tuple[list[str], bool]:
        return self.names.get(text, ([], True))

    def view(self, clock: float, wall: float, connection_id: str, resource: str | None) -> TracedCall | None:
        self.asked.append((clock, wall, connection_id, resource))
        return CALL if connection_id == "one" else None

    def views(self, *asked: Any) -> CallPage:
        self.asked.append(asked)
        return CallPage([])


def test_the_others_in_a_call_are_named():
    exchange, clock = Exchange(), VirtualClock()
    view = CallBook(exchange, clock).story("red", "one")
    assert view is not None
    assert (view.call_connection_id, view.other_connections) == ("one", ["two"])
    assert exchange.asked == [(clock.now(), clock.wall(), "one", "red")]


def test_what_is_unknown_or_just_gone_is_none():
    book = CallBook(Exchange(), VirtualClock())
    assert book.story(None, "nobody") is None
    assert book.story(None, "server") is None


def test_what_means_several_is_refused_with_their_names():
    with pytest.raises(Ambiguous, match="2 calls") as caught:
        CallBook(Exchange(), VirtualClock()).story(None, "o")
    assert caught.value.found == ["one", "other"]


def test_lists_are_of_now():
    exchange, clock = Exchange(), VirtualClock()
    CallBook(exchange, clock).listed("red", 5, 7)
    assert exchange.asked == [(clock.now(), clock.wall(), 5, 7, "red")]
