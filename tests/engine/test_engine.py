"""The loop between decisions and edges: order, durability, time, and edges that misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from hookflash.calls.audio_effects import UpdateRoster
from hookflash.calls.commands import AnswerCall, GetCall, HangUp, RejectCall
from hookflash.calls.directory import Directory, Resource
from hookflash.calls.effects import (
    DialLeg,
    Effect,
    EndLeg,
    JoinMix,
    LeaveMix,
    MoveLeg,
    MuteLeg,
    PublishEvent,
    RaiseIncomingCall,
    ReferLeg,
    TellReferrer,
)
from hookflash.calls.exchange import Exchange
from hookflash.calls.facts import Cause, Fact, IncomingLeg, LegDown, LegRinging, LegUp, ToneHeard
from hookflash.calls.speech_effects import (
    FinishListening,
    ListeningFailed,
    StartListening,
    StopListening,
    WordsHeard,
)
from hookflash.engine import Engine
from hookflash.engine.deaf import Deaf
from hookflash.engine.recovery import LostRecording, recover
from hookflash.media.speech import Listening
from hookflash.ports.journal import Delivery, Entry, NotDurable
from hookflash.testing.clock import VirtualClock
from hookflash.wire.constraints import CallbackRules
from hookflash.wire.identifiers import Identifier
from hookflash.wire.ids import Minter
from hookflash.wire.models import AnswerCallRequest, RejectCallRequest
from hookflash.wire.results import Refusal

RESOURCE = "6d889502-3d7a-41a8-befa-d21fd80e8767"
VERSION = "2026-03-12"


class FakeJournal:
    """Keeps what is written; durable at once unless told otherwise."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.deliveries: list[Delivery] = []
        self.failure: Exception | None = None
        self.held: list[asyncio.Future[None]] | None = None

    def write(self, entries: list[Entry], deliveries: list[Delivery]) -> asyncio.Future[None]:
        self.entries += entries
        self.deliveries += deliveries
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.held is not None:
            self.held.append(future)
        elif self.failure is not None:
            future.set_exception(self.failure)
        else:
            future.set_result(None)
        return future

    def names(self, kind: str) -> list[str]:
        return [entry.name for entry in self.entries if entry.kind == kind]


class FakeEdges:
    """Phones, media and publisher in one; notes the effects it is given."""

    def __init__(self) -> None:
        self.done: list[tuple[str, Any]] = []
        self.on: dict[str, Callable[[Any], None]] = {}
        self.subscribers = 1
        self.raised: list[RaiseIncomingCall] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        def note(*arguments: Any) -> None:
            self.done.append((name, arguments[0] if arguments else None))
            if name in self.on:
                self.on[name](arguments[0])

        return note

    def incoming_call(self, effect: RaiseIncomingCall, at: float) -> list[Delivery]:
        self.raised.append(effect)
        return [Delivery(f"grid-{n}", "grid", "http://app/in", b"[]") for n in range(self.subscribers)]

    def event(self, effect: PublishEvent, at: float) -> list[Delivery]:
        self.done.append(("event", effect))
        return [
            Delivery(f"{effect.subject}-{n}", "grid", "http://app/in", b"[]") for n in range(self.subscribers)
        ]

    def names(self) -> list[str]:
        return [name for name, _ in self.done]


class World:
    """An engine with fake edges under virtual time."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.journal = FakeJournal()
        self.undurable: list[Delivery] = []
        self.edges = FakeEdges()
        self.watched: list[Entry] = []
        count = iter(range(1 << 30))
        self.minter = Minter("ab", lambda n: next(count).to_bytes(n, "big"))
        directory = Directory([Resource(RESOURCE, "tests")], {"+18005550100": RESOURCE})
        self.exchange = Exchange(directory, self.minter, callbacks=CallbackRules(http=True))
        self.engine = Engine(
            self.exchange,
            clock=self.clock,
            journal=self.journal,
            undurable=self.undurable.extend,
            phones=self.edges,
            media=self.edges,
            publisher=self.edges,
            streams=self.edges,
            recorder=self.edges,
            ears=self.edges,
            minter=self.minter,
            watch=self.watched.append,
        )

    def ring(self) -> int:
        """A phone calls the owned number; its leg."""
        leg = self.engine.new_leg()
        self.engine.observe(
            IncomingLeg(leg, Identifier.phone("+14255550123"), Identifier.phone("+18005550100"))
        )
        return leg

    async def answer(self) -> str:
        """The app answers the last call that rang; its connection id."""
        context = self.edges.raised[-1].data.incoming_call_context
        request = AnswerCallRequest(incoming_call_context=context, callback_uri="http://app/cb")
        response = await self.engine.execute(AnswerCall(RESOURCE, VERSION, request))
        return str(response.call_connection_id)  # type: ignore[union-attr]


@pytest.fixture
async def world() -> World:
    return World()


async def test_a_call_in_is_published_answered_and_told_of_in_order(world: World) -> None:
    leg = world.ring()
    assert world.edges.names() == ["ring"]
    assert [d.id for d in world.journal.deliveries] == ["grid-0"]
    connection = await world.answer()
    assert "answer" in world.edges.names()
    world.engine.observe(LegUp(leg))
    told = [d for d in world.journal.deliveries if d.lane == connection]
    assert [d.name for d in told] == ["CallConnected", "ParticipantsUpdated"]
    assert {d.url for d in told} == {"http://app/cb"}
    assert {d.audience for d in told} == {RESOURCE}
    assert json.loads(told[0].body)[0]["id"] == told[0].id
    assert world.journal.names("connection") == ["opened"]
    assert world.journal.names("fact") == ["IncomingLeg", "LegUp"]
    assert [entry.name for entry in world.watched] == [entry.name for entry in world.journal.entries]


async def test_the_context_that_answers_a_call_is_not_journalled(world: World) -> None:
    world.ring()
    context = world.edges.raised[-1].data.incoming_call_context
    await world.answer()
    written = b"".join(entry.data for entry in world.journal.entries)
    assert world.journal.names("command") == ["AnswerCall"]
    assert context.encode() not in written


async def test_a_fact_reported_while_effects_are_carried_out_waits_its_turn(world: World) -> None:
    leg = world.ring()
    seen_during: list[list[str]] = []

    def hang_up_at_once(effect: object) -> None:
        world.engine.observe(LegUp(leg))
        world.engine.observe(LegDown(leg, Cause(200, "OK")))
        seen_during.append(world.journal.names("event"))

    world.edges.on["answer"] = hang_up_at_once
    await world.answer()
    assert seen_during == [[]]
    assert world.journal.names("event") == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]
    assert world.journal.names("connection") == ["opened", "closed"]
    assert world.exchange.live_calls == 0


async def test_the_answer_waits_until_it_is_durable(world: World) -> None:
    world.ring()
    world.journal.held = []
    answering = asyncio.ensure_future(world.answer())
    await world.clock.settle()
    assert not answering.done()
    assert "answer" in world.edges.names()
    for future in world.journal.held:
        future.set_result(None)
    assert await answering


async def test_what_cannot_be_made_durable_is_refused(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.ring()
    world.journal.failure = NotDurable("the disk is full; make room")
    with pytest.raises(Refusal) as raised:
        await world.answer()
    assert (raised.value.status, raised.value.code) == (500, "9999")
    assert "the disk is full" in raised.value.message
    await world.clock.settle()
    assert "journal entries were lost" in caplog.text


async def test_a_full_disk_keeps_no_event_from_its_app_and_no_server_from_stopping(world: World) -> None:
    leg = world.ring()
    await world.answer()
    world.journal.failure = NotDurable("the disk is full; make room")
    world.engine.observe(LegUp(leg))
    await world.clock.settle()
    told = [one.name for one in world.undurable if one.lane != "grid"]
    assert told == ["CallConnected", "ParticipantsUpdated"]
    assert len([one for one in world.undurable if one.lane == "grid"]) == 2
    await world.engine.end_all()
    await world.clock.settle()
    assert [one.name for one in world.undurable if one.lane != "grid"][-1] == "CallDisconnected"
    assert world.exchange.live_calls == 0


async def test_a_refusal_leaves_no_trace(world: World) -> None:
    before = len(world.journal.entries)
    with pytest.raises(Refusal):
        await world.engine.execute(GetCall(RESOURCE, VERSION, "2c006980-8ef1-46c2-84fa-357fefac0893"))
    assert len(world.journal.entries) == before
    assert world.edges.done == []


async def test_nobody_listens(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.edges.subscribers = 0
    world.ring()
    assert world.edges.names() == ["ring", "refuse"]
    assert "add a [[subscription]]" in caplog.text
    assert world.exchange.live_calls == 0


async def test_timers_fire_and_are_stopped(world: World) -> None:
    world.ring()
    world.clock.advance(29)
    assert "refuse" not in world.edges.names()
    world.clock.advance(2)
    assert "refuse" in world.edges.names()
    world.ring()
    context = world.edges.raised[-1].data.incoming_call_context
    request = RejectCallRequest(incoming_call_context=context)
    await world.engine.execute(RejectCall(RESOURCE, VERSION, request))
    assert world.clock.pending == []


async def test_an_edge_that_raises_does_not_stop_the_rest(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    leg = world.ring()
    connection = await world.answer()
    world.engine.observe(LegUp(leg))

    def broken(effect: object) -> None:
        raise RuntimeError("a bug")

    world.edges.on["end"] = broken
    await world.engine.execute(HangUp(RESOURCE, VERSION, connection))
    assert "EndLeg" in caplog.text
    assert world.journal.names("event")[-1] == "CallDisconnected"


async def test_a_stop_in_good_order_ends_every_call(world: World) -> None:
    leg = world.ring()
    await world.answer()
    world.engine.observe(LegUp(leg))
    world.ring()
    await world.engine.end_all()
    assert world.exchange.live_calls == 0
    assert world.journal.names("event")[-1] == "CallDisconnected"
    assert world.journal.names("connection") == ["opened", "closed"]
    assert world.clock.pending == []


async def test_a_connection_that_a_crash_left_open_is_ended_at_the_next_start(world: World) -> None:
    leg = world.ring()
    connection = await world.answer()
    world.engine.observe(LegUp(leg))
    opened = [entry for entry in world.journal.entries if entry.kind == "connection"]
    entries, deliveries = recover(opened, world.minter, 1_800_000_000.0)
    assert [(entry.name, entry.connection) for entry in entries] == [("closed", connection)]
    (delivery,) = deliveries
    assert (delivery.lane, delivery.url, delivery.name) == (connection, "http://app/cb", "CallDisconnected")
    (event,) = json.loads(delivery.body)
    assert event["type"] == "Microsoft.Communication.CallDisconnected"
    assert event["data"]["resultInformation"]["code"] == 500
    assert event["data"]["callConnectionId"] == connection


async def test_a_recording_that_a_crash_broke_off_is_told_of_before_the_end_of_its_call(world: World) -> None:
    leg = world.ring()
    connection = await world.answer()
    world.engine.observe(LegUp(leg))
    opened = [entry for entry in world.journal.entries if entry.kind == "connection"]
    lost = LostRecording(
        recording_id="r1",
        resource=RESOURCE,
        connection_id=connection,
        server_call_id="s1",
        correlation_id="c1",
        version=VERSION,
        began=1_767_225_600.0,
        callback_uri="http://app/recording?code=secret",
    )
    assert "secret" not in repr(lost)
    _, (first, second) = recover(opened, world.minter, 1_800_000_000.0, [lost])
    assert (first.lane, second.lane) == (connection, connection)
    assert (first.name, second.name) == ("RecordingStateChanged", "CallDisconnected")
    assert (first.url, first.audience) == (lost.callback_uri, RESOURCE)
    (event,) = json.loads(first.body)
    data = event["data"]
    assert (data["recordingId"], data["state"]) == ("r1", "inactive")
    assert data["startDateTime"].startswith("2026-01-01T00:00:00")
    assert (data["resultInformation"]["code"], data["resultInformation"]["subCode"]) == (500, 9999)
    assert "restarted" in data["resultInformation"]["message"]


async def test_while_the_journal_fails_nothing_is_done(world: World) -> None:
    leg = world.ring()
    connection = await world.answer()
    world.engine.observe(LegUp(leg))
    world.journal.failure = NotDurable("the disk is full; make room")
    with pytest.raises(Refusal, match="not made durable"):
        await world.engine.execute(HangUp(RESOURCE, VERSION, connection))
    await world.clock.settle()
    world.ring()
    done = len(world.edges.done)
    with pytest.raises(Refusal, match="Nothing was done"):
        await world.answer()
    assert len(world.edges.done) == done
    world.journal.failure = None
    assert await world.answer()
    await world.clock.settle()
    assert world.journal.names("fact").count("JournalProbed") == 2


async def test_a_query_leaves_no_trace(world: World) -> None:
    world.ring()
    connection = await world.answer()
    before = len(world.journal.entries)
    assert await world.engine.execute(GetCall(RESOURCE, VERSION, connection)) is not None
    assert len(world.journal.entries) == before


async def test_a_fact_that_cannot_be_decided_does_not_hold_up_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decide = world.exchange.observe

    def broken(now: float, fact: Any) -> Any:
        if isinstance(fact, LegDown | ToneHeard):
            raise RuntimeError("a bug")
        return decide(now, fact)

    monkeypatch.setattr(world.exchange, "observe", broken)
    world.engine.observe(LegDown(99, Cause(200, "OK")))
    assert "a fact could not be decided: LegDown(leg=99)" in caplog.text
    # What was pressed or said is nobody's business who reads logs.
    world.engine.observe(ToneHeard(99, "7"))
    assert "a fact could not be decided: ToneHeard(leg=99)" in caplog.text
    world.ring()
    assert world.edges.names() == ["ring"]


@pytest.mark.parametrize(
    ("effect", "done"),
    [
        (DialLeg(1, 1, Identifier.phone("+14255550123"), None), ["dial"]),
        (MoveLeg(1, 2), ["move"]),
        (ReferLeg(1, Identifier.phone("+14255550123")), ["refer"]),
        (TellReferrer(1, 1, 200, "OK"), ["tell_referrer"]),
        (EndLeg(1, Cause(200, "OK")), ["end"]),
        (JoinMix(1), ["join_mix"]),
        (LeaveMix(1), ["leave_mix"]),
        (MuteLeg(1, True), ["mute"]),
        (StartListening(1, 1, 1, Listening()), ["listen"]),
        (FinishListening(1), ["finish"]),
        (StopListening(1), ["stop"]),
        (UpdateRoster(1, ((1, "4:+14255550123"),)), ["roster", "roster"]),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_calls_decide_is_carried_out_by_the_edge_it_is_for(
    world: World, monkeypatch: pytest.MonkeyPatch, effect: Effect, done: list[str]
) -> None:
    monkeypatch.setattr(world.exchange, "observe", lambda now, fact: [effect])
    world.engine.observe(LegRinging(1))
    assert world.edges.names() == done


async def test_a_call_is_reported_to_event_grid_while_it_lasts(world: World) -> None:
    leg = world.ring()
    await world.answer()
    world.engine.observe(LegUp(leg))
    world.engine.observe(LegDown(leg, Cause(200, "OK")))
    reported = [effect.type.rpartition(".")[2] for name, effect in world.edges.done if name == "event"]
    assert reported == ["CallStarted", "CallParticipantAdded", "CallParticipantRemoved", "CallEnded"]
    assert [d.lane for d in world.journal.deliveries if d.id.startswith("call/")] == ["grid"] * 4


async def test_an_event_nobody_subscribed_to_goes_nowhere(world: World) -> None:
    leg = world.ring()
    await world.answer()
    world.edges.subscribers = 0
    world.engine.observe(LegUp(leg))
    assert [d for d in world.journal.deliveries if d.id.startswith("call/")] == []


def test_without_ears_whoever_listens_is_told_at_once() -> None:
    told: list[Fact] = []
    deaf = Deaf(told.append)
    deaf.listen(StartListening(3, 1, 1, Listening()))
    deaf.finish(FinishListening(3))
    deaf.stop(StopListening(3))
    (failure,) = told
    assert isinstance(failure, ListeningFailed)
    assert (failure.listening, failure.code, failure.sub_code) == (3, 400, 8564)


async def test_of_what_is_understood_the_last_words_are_journalled(world: World) -> None:
    world.engine.observe(WordsHeard(1, "good", False))
    world.engine.observe(WordsHeard(1, "good day", True))
    assert [entry.name for entry in world.journal.entries] == ["WordsHeard"]
    assert b"good day" in world.journal.entries[0].data
