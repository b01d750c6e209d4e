"""One place where decisions become deeds, in order.

Everything runs on one event loop. A command or fact is decided at once; its effects are carried out in order;
the entries and deliveries that result go to the journal in one write. The caller of a command gets the answer
once that write is durable. Facts that an edge reports while effects are being carried out wait their turn, so
that a decision never sees a half-applied one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import fields
from functools import partial

import msgspec

from hookflash.calls.audio_effects import (
    CloseStream,
    CloseTranscript,
    OpenStream,
    OpenTranscript,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
    StreamTone,
    UpdateRoster,
    UpdateTranscript,
)
from hookflash.calls.commands import (
    Command,
    GetCall,
    GetParticipant,
    GetRecording,
    GetRecordingResult,
    ListParticipants,
)
from hookflash.calls.effects import (
    AddListener,
    AnswerLeg,
    CloseAppLeg,
    ConnectionClosed,
    ConnectionOpened,
    DialLeg,
    Effect,
    EndLeg,
    JoinMix,
    LeaveMix,
    MoveLeg,
    MuteLeg,
    Notify,
    OpenAppLeg,
    PlayAudio,
    PublishEvent,
    RaiseIncomingCall,
    ReferLeg,
    RefuseLeg,
    RemoveListener,
    RingLeg,
    SendTones,
    StartTimer,
    StopAudio,
    StopTimer,
    StopTones,
    TellReferrer,
)
from hookflash.calls.exchange import Exchange
from hookflash.calls.facts import Fact, NobodyListens, Stopping, TimerFired
from hookflash.calls.speech_effects import FinishListening, StartListening, StopListening, WordsHeard
from hookflash.engine.deaf import Deaf
from hookflash.engine.journaling import command_entry, connection_entry, event_entry, fact_entry
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.edges import Ears, Media, Phones, Publisher, Recorder, Streams
from hookflash.ports.journal import Delivery, Entry, Journal, KeptAnswer, NotDurable
from hookflash.wire.events import cloud_event
from hookflash.wire.ids import Minter
from hookflash.wire.results import internal_error

log = logging.getLogger("hookflash.calls")

_QUERIES = (GetCall, GetParticipant, GetRecording, GetRecordingResult, ListParticipants)

Watch = Callable[[Entry], None]
"""Told of each journal entry when it is written; must not raise."""

Keep = Callable[[msgspec.Struct | None], KeptAnswer]
"""From a command's response to the answer that a repetition of the request gets."""

KNOWN_CONNECTIONS = 50_000
"""How many connections the correlation id is remembered of, ended ones included; the oldest go first."""


class Engine:
    """Runs an :class:`Exchange` against the outside.

    Args:
        exchange: the pure aggregate of all calls.
        clock: the only source of time.
        journal: where commands, facts and events become durable.
        phones, media, streams, recorder, publisher: the edges that carry effects out.
        ears: the edge that understands speech; without it nobody's words are understood.
        minter: mints the ids of CloudEvents.
        watch: an observer of the journal.
        undurable: takes the deliveries of a write that failed. What cannot be kept for a restart can still be
            delivered: an app must not wait for ever because a disk is full.
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        clock: Clock,
        journal: Journal,
        phones: Phones,
        media: Media,
        publisher: Publisher,
        streams: Streams,
        recorder: Recorder,
        minter: Minter,
        ears: Ears | None = None,
        watch: Watch | None = None,
        undurable: Callable[[list[Delivery]], None] | None = None,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._journal = journal
        self._phones = phones
        self._media = media
        self._publisher = publisher
        self._streams = streams
        self._recorder = recorder
        self._minter = minter
        self._watch = watch
        self._undurable = undurable
        self._timers: dict[int, Timer] = {}
        self._waiting: deque[Fact] = deque()
        self._busy = False
        self._failing = False
        self._entries: list[Entry] = []
        self._deliveries: list[Delivery] = []
        # callConnectionId -> (resource, correlationId)
        self._known: OrderedDict[str, tuple[str, str]] = OrderedDict()
        ears = ears or Deaf(self.observe)
        self._hands: dict[type, Callable[..., None]] = {
            DialLeg: phones.dial,
            MoveLeg: phones.move,
            ReferLeg: phones.refer,
            TellReferrer: phones.tell_referrer,
            RingLeg: phones.ring,
            AnswerLeg: phones.answer,
            RefuseLeg: phones.refuse,
            EndLeg: phones.end,
            OpenAppLeg: lambda e: media.open_app_leg(e.leg, e.call),
            CloseAppLeg: lambda e: media.close_app_leg(e.leg),
            JoinMix: lambda e: media.join_mix(e.leg),
            LeaveMix: lambda e: media.leave_mix(e.leg),
            MuteLeg: lambda e: media.mute(e.leg, e.muted),
            PlayAudio: media.play,
            AddListener: media.add_listener,
            RemoveListener: media.remove_listener,
            StopAudio: lambda e: media.stop_audio(e.play),
            SendTones: media.send_tones,
            StopTones: lambda e: media.stop_tones(e.sending),
            StartListening: ears.listen,
            FinishListening: ears.finish,
            StopListening: ears.stop,
            OpenStream: streams.open_stream,
            CloseStream: streams.close_stream,
            OpenTranscript: streams.open_transcript,
            UpdateTranscript: streams.update_transcript,
            CloseTranscript: streams.close_transcript,
            StreamTone: streams.tone,
            UpdateRoster: self._update_roster,
            StartRecording: recorder.start,
            PauseRecording: recorder.pause,
            ResumeRecording: recorder.resume,
            StopRecording: recorder.stop,
            Notify: self._notify,
            RaiseIncomingCall: self._raise_incoming_call,
            PublishEvent: self._publish_event,
            ConnectionOpened: self._connection_opened,
            ConnectionClosed: self._connection_closed,
            StartTimer: self._start_timer,
            StopTimer: self._stop_timer,
        }

    async def execute(self, command: Command, keep: Keep | None = None) -> msgspec.Struct | None:
        """Decide a command, carry it out, and answer once it is durable. Queries leave no trace.

        With ``keep`` the answer it makes becomes durable in the same act as the command, so that after a
        crash either both are known or neither.

        Raises:
            Refusal: the command was refused (nothing has changed), or it could not be journalled (500/9999).
        """
        if isinstance(command, _QUERIES):
            return self._exchange.execute(self._clock.now(), command).response
        if self._failing:
            await self._probe()
        outcome = self._exchange.execute(self._clock.now(), command)
        entry = command_entry(command, outcome.response, self._clock.wall())
        self._entries.append(entry)
        log.info(entry.name, extra={"callConnectionId": entry.connection or None})
        durable = self._carry_out(outcome.effects, [keep(outcome.response)] if keep is not None else [])
        try:
            await durable
        except NotDurable as error:
            raise internal_error(
                f"The request was not made durable ({error}); look at the server's disk and log, then retry."
            ) from error
        return outcome.response

    def observe(self, fact: Fact) -> None:
        """Take a fact from an edge; facts are decided in the order in which they are reported."""
        self._waiting.append(fact)
        if not self._busy:
            self._carry_out([])

    def correlation_of(self, resource: str, connection_id: str) -> str | None:
        """The correlationId of a resource's connection, up or ended; None when it is not known (any more).

        What belongs to another resource is not known either: an answer must not tell of it.
        """
        owner, correlation_id = self._known.get(connection_id.casefold(), ("", None))
        return correlation_id if owner == resource else None

    def remember(self, opened: Iterable[ConnectionOpened]) -> None:
        """Connections of an earlier process, oldest first, for :meth:`correlation_of`."""
        for effect in opened:
            self._know(effect)

    def new_leg(self) -> int:
        """Mint a leg id for a phone that calls us."""
        return self._exchange.new_leg()

    async def end_all(self) -> None:
        """End every call, tell its apps, and wait until that is durable. For a stop in good order.

        When it cannot be made durable, that is logged and the stop goes on.
        """
        self._waiting.append(Stopping())
        with contextlib.suppress(NotDurable):
            await self._carry_out([])

    # --- carrying out -----------------------------------------------------------------------------------

    def _carry_out(
        self, effects: list[Effect], answers: list[KeptAnswer] | None = None
    ) -> asyncio.Future[None]:
        self._busy = True
        try:
            self._apply(effects)
            while self._waiting:
                fact = self._waiting.popleft()
                try:
                    effects = self._exchange.observe(self._clock.now(), fact)
                except Exception:
                    # A fault in a decision: the facts that wait behind it concern other calls.
                    log.exception("a fact could not be decided: %s", _named(fact))
                    continue
                if not (isinstance(fact, WordsHeard) and not fact.final):
                    # What is understood on the way decides nothing, and comes several times a second.
                    self._entries.append(fact_entry(fact, effects, self._clock.wall()))
                self._apply(effects)
        finally:
            self._busy = False
            entries, self._entries = self._entries, []
            deliveries, self._deliveries = self._deliveries, []
            if self._watch is not None:
                for entry in entries:
                    self._watch(entry)
            if answers:
                durable = self._journal.write(entries, deliveries, answers)
            else:
                durable = self._journal.write(entries, deliveries)
            durable.add_done_callback(partial(self._written, deliveries))
        return durable

    async def _probe(self) -> None:
        """Before anything is done while the journal fails: is it still failing?

        So a client that retries does not have the same command carried out again and again.
        """
        try:
            await self._journal.write([Entry("fact", "JournalProbed", self._clock.wall())], [])
        except NotDurable as error:
            raise internal_error(
                f"Nothing was done: the journal cannot be written ({error}); look at the server's disk."
            ) from error
        self._failing = False

    def _written(self, deliveries: list[Delivery], durable: asyncio.Future[None]) -> None:
        if durable.cancelled():
            return
        self._failing = durable.exception() is not None
        if not self._failing:
            return
        log.error("journal entries were lost: %s", durable.exception())
        if deliveries and self._undurable is not None:
            self._undurable(deliveries)

    def _apply(self, effects: list[Effect]) -> None:
        for effect in effects:
            try:
                self._hands[type(effect)](effect)
            except Exception:
                # An edge broke its promise not to raise; the decision's other effects must still happen.
                log.exception("an effect could not be carried out: %s", type(effect).__name__)

    def _notify(self, effect: Notify) -> None:
        event_id = self._minter.event_id()
        at = self._clock.wall()
        name = type(effect.data).__name__
        self._entries.append(event_entry(effect, event_id, at))
        self._deliveries.append(
            Delivery(
                id=event_id,
                lane=effect.connection_id,
                url=effect.callback_uri,
                body=cloud_event(effect.data, id=event_id, time=at),
                audience=effect.resource,
                name=name,
            )
        )
        log.info(
            name,
            extra={
                "callConnectionId": effect.connection_id,
                "correlationId": effect.data.correlation_id,
                "operationContext": effect.data.operation_context,
            },
        )

    def _raise_incoming_call(self, effect: RaiseIncomingCall) -> None:
        deliveries = self._publisher.incoming_call(effect, self._clock.wall())
        self._deliveries.extend(deliveries)
        extra = {"correlationId": effect.data.correlation_id, "to": effect.data.to.raw_id}
        if deliveries:
            log.info("IncomingCall", extra={**extra, "subscriptions": len(deliveries)})
        else:
            log.warning("IncomingCall: no subscription matches; add a [[subscription]]", extra=extra)
            self._waiting.append(NobodyListens(effect.data.incoming_call_context))

    def _publish_event(self, effect: PublishEvent) -> None:
        deliveries = self._publisher.event(effect, self._clock.wall())
        self._deliveries.extend(deliveries)
        if deliveries:
            log.info(effect.type.rpartition(".")[2], extra={"subscriptions": len(deliveries)})

    def _update_roster(self, effect: UpdateRoster) -> None:
        self._streams.roster(effect)
        self._recorder.roster(effect)

    def _know(self, effect: ConnectionOpened) -> None:
        self._known[effect.connection_id.casefold()] = (effect.resource, effect.correlation_id)
        if len(self._known) > KNOWN_CONNECTIONS:
            self._known.popitem(last=False)

    def _connection_opened(self, effect: ConnectionOpened) -> None:
        self._know(effect)
        self._entries.append(connection_entry("opened", effect, self._clock.wall()))

    def _connection_closed(self, effect: ConnectionClosed) -> None:
        self._entries.append(connection_entry("closed", effect, self._clock.wall()))

    # --- timers -----------------------------------------------------------------------------------------

    def _start_timer(self, effect: StartTimer) -> None:
        timer = effect.timer

        def fire() -> None:
            self._timers.pop(timer, None)
            self.observe(TimerFired(timer))

        self._timers[timer] = self._clock.call_at(effect.at, fire)

    def _stop_timer(self, effect: StopTimer) -> None:
        handle = self._timers.pop(effect.timer, None)
        if handle is not None:
            handle.cancel()


def _named(fact: Fact) -> str:
    """What a fact is and whom it is about, without what was said, pressed or sent in it."""
    numbers = {field.name: getattr(fact, field.name) for field in fields(fact)}
    about = ", ".join(f"{name}={value}" for name, value in numbers.items() if type(value) is int)
    return f"{type(fact).__name__}({about})"
