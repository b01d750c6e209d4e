"""What programs may ask of virtual phones, what they are told, and how they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from phones.virtual_room import APP, NUMBER, USER, Room

from hookflash.calls.effects import EndLeg
from hookflash.calls.facts import Cause, IncomingLeg, ToneHeard
from hookflash.phones.virtual import phone as phone_module
from hookflash.phones.virtual.script import MAX_WAITING
from hookflash.ports.virtual_phones import (
    CallDocument,
    CallState,
    CallView,
    HeardState,
    OnCall,
    PhoneDocument,
    PressDocument,
    RejectDocument,
    Script,
    Wanted,
)
from hookflash.wire.identifiers import Identifier
from hookflash.wire.results import Refusal

UP = Wanted(state=CallState.UP)


@contextmanager
def refused(status: int, code: str, words: str) -> Iterator[None]:
    """Inside, a refusal has to come with this status and code, and a message that matches these words."""
    with pytest.raises(Refusal, match=words) as caught:
        yield
    assert (caught.value.status, caught.value.code) == (status, code)


# --- phones ---------------------------------------------------------------------------------------------


def test_phones_come_change_and_go() -> None:
    room = Room()
    made, new = room.desk.put("b", PhoneDocument("4:" + NUMBER, "Bob"))
    assert (made.id, made.identity, made.display_name, made.calls, new) == ("b", NUMBER, "Bob", [], True)
    room.desk.put("a", PhoneDocument(USER))
    assert not room.desk.put("a", PhoneDocument(USER, script=Script(OnCall.RING)))[1]
    assert [phone.id for phone in room.desk.listed("", 10)] == ["a", "b"]
    assert [phone.id for phone in room.desk.listed("", 1)] == ["a"]
    assert [phone.id for phone in room.desk.listed("a", 10)] == ["b"]
    room.desk.remove("a")
    assert [phone.id for phone in room.desk.listed("", 10)] == ["b"]
    room.desk.remove_all()
    assert room.desk.listed("", 10) == []


async def test_a_new_script_is_for_the_next_call() -> None:
    room = Room()
    room.phone(on_call=OnCall.RING)
    room.dial(1)
    room.phone(on_call=OnCall.ANSWER)
    room.dial(2)
    await room.clock.settle()
    assert [call.state.value for call in room.desk.show("ada").calls] == ["ringing", "up"]


@pytest.mark.parametrize("id", ["", "a b", "a/b", "ä", "x" * 65])
def test_ids_are_plain(id: str) -> None:
    with refused(400, "8523", "field id"):
        Room().desk.put(id, PhoneDocument(NUMBER))


@pytest.mark.parametrize(
    "identity",
    [
        "",
        "ada",
        "4:",
        "+0123",
        "+1425555010012345",
        "14255550100",
        "8:orgid:me",
        "8:acs:a\nb",
        "8:acs:a b",
        "8:acs:" + "x" * 300,
        "28:orgid:app",
    ],
)
def test_identities_are_numbers_or_users(identity: str) -> None:
    with refused(400, "8523", "field identity"):
        Room().desk.put("ada", PhoneDocument(identity))


def test_texts_are_printable() -> None:
    room = Room()
    with refused(400, "8523", "displayName"):
        room.desk.put("ada", PhoneDocument(NUMBER, "a\r\nb"))
    with refused(400, "8523", r"script\.reason"):
        room.desk.put("ada", PhoneDocument(NUMBER, script=Script(reason="a\0")))
    room.phone(on_call=OnCall.RING)
    room.dial()
    with refused(400, "8523", "reason"):
        room.desk.reject("ada", None, RejectDocument(reason="\n"))


async def test_unknown_phones_say_how_to_make_one() -> None:
    desk = Room().desk
    for ask in (
        lambda: desk.show("x"),
        lambda: desk.remove("x"),
        lambda: desk.call("x", CallDocument(APP)),
        lambda: desk.answer("x", None),
        lambda: desk.reject("x", None, RejectDocument()),
        lambda: desk.hang_up("x", 1),
        lambda: desk.press("x", None, PressDocument("1")),
    ):
        with refused(404, "NotFound", "PUT /hookflash/phones"):
            ask()
    with refused(404, "NotFound", "PUT /hookflash/phones"):
        await desk.wait("x", None, UP, 1000)


# --- calling --------------------------------------------------------------------------------------------


def test_a_call_shows_the_name_of_its_phone_or_its_own() -> None:
    room = Room()
    room.phone()
    assert room.desk.call("ada", CallDocument(APP)).display_name == "Ada"
    assert room.desk.call("ada", CallDocument(USER, "")).display_name == ""
    with refused(400, "8523", "displayName"):
        room.desk.call("ada", CallDocument(APP, "\n"))


@pytest.mark.parametrize(
    "sip", [{"Via": "x"}, {"X-A B": "x"}, {"X-A": "a\r\nVia: b"}, {"x": "y"}, {"X-" + "ä": "x"}]
)
def test_only_custom_headers_can_be_sent(sip: dict[str, str]) -> None:
    room = Room()
    room.phone()
    with refused(400, "8523", "sipHeaders"):
        room.desk.call("ada", CallDocument(APP, sip_headers=sip))
    assert room.facts == []


@pytest.mark.parametrize("voip", [{"a\n": "x"}, {"a": "\0"}])
def test_voip_headers_are_printable(voip: dict[str, str]) -> None:
    room = Room()
    room.phone()
    with refused(400, "8523", "voipHeaders"):
        room.desk.call("ada", CallDocument(APP, voip_headers=voip))


def test_a_phone_makes_only_so_many_calls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_module, "MAX_CALLS", 2)
    room = Room()
    room.phone()
    room.start()
    room.start()
    with refused(429, "TooManyCalls", "hang some up"):
        room.start()
    room.desk.hang_up("ada", 1)
    room.start()
    assert [call.id for call in room.desk.show("ada").calls] == [2, 3]


# --- acting on calls ------------------------------------------------------------------------------------


async def test_the_newest_call_that_is_not_over_is_meant() -> None:
    room = Room()
    room.phone(on_call=OnCall.RING)
    for leg in (1, 2, 3):
        room.dial(leg)
    room.lines.end(EndLeg(3, Cause(200, "OK")))
    assert room.desk.reject("ada", None, RejectDocument(603, None, 21)).id == 2
    assert room.shown(call=2).cause is not None
    assert room.desk.answer("ada", None).id == 1
    await room.clock.settle()
    with refused(409, "Conflict", "answered already"):
        room.desk.answer("ada", 1)
    room.desk.hang_up("ada", 1)
    with refused(409, "Conflict", "has ended: 200 OK"):
        room.desk.hang_up("ada", 1)
    with refused(409, "Conflict", "has no call"):
        room.desk.hang_up("ada", None)
    with refused(404, "NotFound", "no call 9"):
        room.desk.hang_up("ada", 9)


def test_a_ringing_call_is_answered_or_rejected_not_hung_up() -> None:
    room = Room()
    room.phone(on_call=OnCall.RING)
    room.dial()
    with refused(409, "Conflict", "answer or reject"):
        room.desk.hang_up("ada", None)


def test_a_phone_cannot_answer_its_own_call() -> None:
    room = Room()
    room.phone()
    room.start()
    with refused(409, "Conflict", "cannot be answered by it"):
        room.desk.answer("ada", None)
    with refused(409, "Conflict", "cannot be rejected by it"):
        room.desk.reject("ada", None, RejectDocument())


async def test_keys_need_a_call_that_is_up() -> None:
    room = Room()
    room.phone()
    leg = room.start()
    with refused(409, "Conflict", "not up"):
        room.desk.press("ada", None, PressDocument("1"))
    room.desk.hang_up("ada", None)
    leg = await room.answered()
    room.facts.clear()
    for _ in range(MAX_WAITING // 100 + 1):
        try:
            room.desk.press("ada", None, PressDocument("1" * 100))
        except Refusal as refusal:
            last = refusal
    assert (last.status, last.code) == (429, "TooManyKeys")
    await room.clock.elapse(1000 * 0.2 + 1)
    assert room.facts == [ToneHeard(leg, "1")] * MAX_WAITING


# --- waiting --------------------------------------------------------------------------------------------


async def waiting(room: Room, call: int | None, wanted: Wanted, ms: int = 1000) -> asyncio.Task[CallView]:
    """A long poll that has begun."""
    task = asyncio.ensure_future(room.desk.wait("ada", call, wanted, ms))
    await room.clock.settle()
    return task


async def test_what_is_so_already_is_told_at_once() -> None:
    room = Room()
    room.phone()
    await room.up()
    room.lines.end(EndLeg(1, Cause(200, "OK")))
    assert (await room.desk.wait("ada", 1, UP, 0)).state is CallState.ENDED  # past it
    assert (await room.desk.wait("ada", None, Wanted(), 0)).id == 1


async def test_a_call_that_has_not_come_yet_is_waited_for() -> None:
    room = Room()
    room.phone()
    last, first, second = [await waiting(room, call, UP) for call in (None, 1, 2)]
    await room.up(1)
    assert (await last).id == (await first).id == 1
    assert not second.done()
    await room.up(2)
    assert (await second).id == 2


async def test_every_condition_has_to_hold() -> None:
    room = Room()
    room.phone()
    await room.up()
    call = room.lines.call_of(1)
    assert call is not None
    everything = Wanted(CallState.UP, True, True, HeardState.STARTED, "12")
    task = await waiting(room, None, everything)
    call.muted = call.held = True
    call.hears(1, ["http://a"])
    call.gets_keys("01")
    await room.clock.settle()
    assert not task.done()
    call.gets_keys("2")
    view = await task
    assert (view.muted, view.held, view.digits, view.heard[0].sources) == (True, True, "012", ["http://a"])
    assert (await room.desk.wait("ada", None, Wanted(digits="12"), 0)).id == 1
    for wanted in (Wanted(muted=False), Wanted(held=False), Wanted(heard=HeardState.FINISHED)):
        with refused(408, "Timeout", "muted True, held True, heard started, digits '012'"):
            await room.desk.wait("ada", None, wanted, 0)


async def test_waiting_ends_with_408_and_says_how_it_is() -> None:
    room = Room()
    room.phone()
    room.start()
    task = await waiting(room, 1, UP, 500)
    await room.clock.elapse(0.4)
    assert not task.done()
    await room.clock.elapse(0.2)
    with refused(408, "Timeout", "not as wanted within 500 ms: it is ringing, muted False"):
        await task
    room.desk.hang_up("ada", None)
    with refused(408, "Timeout", "it is ended, ended by 487 Cancelled by the caller"):
        await room.desk.wait("ada", 1, Wanted(muted=True), 0)
    assert room.clock.next_at is None


async def test_no_call_at_all() -> None:
    room = Room()
    room.phone()
    with refused(404, "NotFound", "no call; timeoutMs waits"):
        await room.desk.wait("ada", None, Wanted(), 0)
    task = await waiting(room, 3, Wanted(), 500)
    await room.clock.elapse(1)
    with refused(408, "Timeout", "no call 3 after 500 ms"):
        await task


async def test_a_forgotten_call_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_module, "MAX_CALLS", 1)
    room = Room()
    room.phone(on_call=OnCall.REJECT)
    room.dial(1)
    room.dial(2)
    with refused(404, "NotFound", "Call 1 of phone 'ada' is forgotten"):
        await room.desk.wait("ada", 1, UP, 1000)


async def test_a_client_that_goes_away_leaves_nothing() -> None:
    room = Room()
    room.phone()
    task = await waiting(room, None, UP)
    task.cancel()
    await room.clock.settle()
    assert task.cancelled()
    assert room.clock.next_at is None
    await room.up()


async def test_a_phone_taken_away_tells_those_who_wait() -> None:
    room = Room()
    room.phone()
    task = await waiting(room, None, UP)
    room.desk.remove("ada")
    with refused(404, "NotFound", "was taken away"):
        await task


async def test_a_server_that_stops_tells_those_who_wait() -> None:
    room = Room()
    room.phone()
    task = await waiting(room, None, UP)
    room.desk.stop()
    with refused(503, "Stopping", "being stopped"):
        await task


async def test_only_so_many_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_module, "MAX_WAITERS", 1)
    room = Room()
    room.phone()
    task = await waiting(room, None, UP)
    with refused(429, "TooManyPolls", "wait at phone"):
        await room.desk.wait("ada", None, UP, 1000)
    await room.up()
    await task


# --- as whom a phone calls ------------------------------------------------------------------------------


def test_a_number_may_be_withheld() -> None:
    room = Room()
    room.phone()
    view = room.desk.call("ada", CallDocument(APP, anonymous=True))
    (fact,) = room.facts
    assert isinstance(fact, IncomingLeg)
    assert (fact.caller, fact.display_name) == (Identifier.phone("anonymous"), "")
    assert fact.caller.is_anonymous
    assert (view.from_, view.display_name) == ("anonymous", "")


def test_callers_of_one_number_may_be_told_apart() -> None:
    room = Room()
    room.phone()
    view = room.desk.call("ada", CallDocument(APP, asserted_id="123456"))
    (fact,) = room.facts
    assert isinstance(fact, IncomingLeg)
    assert fact.caller.raw_id == f"4:{NUMBER}_123456"
    assert (view.from_, fact.display_name) == (NUMBER, "Ada")


@pytest.mark.parametrize(
    ("identity", "document", "words"),
    [
        (USER, CallDocument(APP, anonymous=True), "anonymous.*only numbers"),
        (USER, CallDocument(APP, asserted_id="1"), "assertedId.*only numbers"),
        (NUMBER, CallDocument(APP, anonymous=True, asserted_id="1"), "assertedId.*one of the two"),
        (NUMBER, CallDocument(APP, anonymous=True, display_name="Ada"), "displayName.*one of the two"),
    ],
)
def test_nobody_calls_as_what_he_is_not(identity: str, document: CallDocument, words: str) -> None:
    room = Room()
    room.phone(identity=identity)
    with refused(400, "8523", words):
        room.desk.call("ada", document)
    assert room.desk.show("ada").calls == []
