"""The desk: runs the media operations of one call connection (contract sections 6.1 to 6.9).

Operations of the main leg wait for each other in one queue and its head runs. Operations of a sub leg run
at once or are refused: one participant takes part in at most one of them. What may start beside what is the
table of :mod:`.compatibility`. Two apps in one call have a desk each and do not see each other's
operations.

``interruptCallMediaOperation`` makes room first: it cancels the plays and recognitions, running or queued, of
whom the new operation concerns, on their own legs and, for a main-leg operation, on the main leg; nobody is
to hear two prompts at once. It never stops tones, subscriptions or hold music. cancelAllMediaOperations
cancels plays and recognitions on every leg, in the order they were accepted.

A participant that leaves, or is put on hold, takes along the operations that concern nobody else.
Everything is decided before anything changes, so a refusal leaves all as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from hookflash.media.compatibility import Kind, allowed
from hookflash.media.continuous import Subscription
from hookflash.media.line import Audio, Line, Party, Request, Turn
from hookflash.media.operation import Operation
from hookflash.media.play import Announcement, HoldMusic, Play, PlayOnHold
from hookflash.media.recognition_rules import rules_of
from hookflash.media.recognize import Recognize
from hookflash.media.sources import audio, audios, refuse_speech
from hookflash.media.tables import State
from hookflash.media.tones import MAX_TONES, SendTones
from hookflash.wire import requests
from hookflash.wire.identifiers import CommunicationIdentifierModel
from hookflash.wire.results import (
    incompatible_operation,
    invalid_argument,
    invalid_state,
)

MAX_QUEUED = 100
"""Most operations of one connection's main leg, running and queued."""
ENDED_KEPT = 50
"""Ended operations of one connection whose traces are kept."""
_SHOWN = 3


class Desk:
    """The operations of one call connection."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.main: list[Operation] = []
        self.subs: list[Operation] = []
        self.music: dict[int, HoldMusic] = {}
        self.subscriptions: dict[int, Subscription] = {}
        self.ended: deque[Operation | Subscription] = deque(maxlen=ENDED_KEPT)
        """What has ended, the newest last, for people who ask what happened."""

    @property
    def idle(self) -> bool:
        return not (self.main or self.subs or self.music or self.subscriptions)

    # --- requests ---------------------------------------------------------------------------------------

    def play(self, turn: Turn, version: str, body: requests.PlayRequest) -> None:
        """Play to everybody, or to ``playTo``. Raises Refusal before anything changes."""
        if not body.play_sources:
            raise invalid_argument("playSources", "there is nothing to play; give at least one source.")
        sources = self._audios(body.play_sources, "playSources")
        targets = self._targets(body.play_to or [])
        through = bool(targets) and body.on_hold_too
        for target in targets:
            if not through:
                self._refuse_on_hold(target)
        if not targets and not self.line.listeners():
            raise invalid_state(
                "Nobody hears what is played to all, every participant is on hold; unhold one first."
            )
        request = Request(version, body.operation_context, body.operation_callback_uri)
        kind = PlayOnHold if through else Play
        play = kind(self.line, request, targets, turn.now, sources, body.loop)
        self._start(turn, play, bool(body.interrupt_call_media_operation))
        if through and not play.over:
            for target in targets:
                play.hush(turn, self._music_of(target.leg), target.leg)

    def recognize(self, turn: Turn, version: str, body: requests.RecognizeRequest) -> None:
        """Collect keys or words of one participant. Raises Refusal before anything changes."""
        refuse_speech(body, self.line)
        rules = rules_of(body)
        field = "playPrompts" if body.play_prompts else "playPrompt"
        prompts = self._audios(body.prompts, field)
        target = self.line.find(
            body.recognize_options.target_participant, "recognizeOptions.targetParticipant"
        )
        self._refuse_on_hold(target)
        kind = Kind.RECOGNIZE_ONE_TO_ONE if self.line.is_one_to_one() else Kind.RECOGNIZE_GROUP
        request = Request(version, body.operation_context, body.operation_callback_uri)
        recognition = Recognize(self.line, kind, request, target, turn.now, prompts, rules)
        interrupt = body.interrupt_call_media_operation
        self._start(turn, recognition, True if interrupt is None else interrupt)

    def announce(self, turn: Turn, version: str, body: requests.InterruptAudioAndAnnounceRequest) -> None:
        """Play to one participant at once, on hold or not, in place of what they hear (contract section 1.3).

        Plays to named participants and recognitions are canceled where they concern them; a play to everybody
        and music on hold go on unheard by them, and are heard again afterwards. Raises Refusal before
        anything changes.
        """
        sources = self._audios(body.play_sources, "playSources")
        target = self.line.find(body.play_to, "playTo")
        request = Request(version, body.operation_context)
        announcement = Announcement(self.line, request, target, turn.now, sources)
        self._start(turn, announcement, interrupt=True)
        if not announcement.over:
            plays = [op for op in self.main[:1] if isinstance(op, Play)]
            announcement.hush(turn, [*plays, *self._music_of(target.leg)], target.leg)

    def send_tones(self, turn: Turn, version: str, body: requests.SendDtmfTonesRequest) -> None:
        """Press keys towards a phone. Raises Refusal before anything changes."""
        if not 1 <= len(body.tones) <= MAX_TONES:
            raise invalid_argument(
                "tones", f"{len(body.tones)} tones were given; 1 to {MAX_TONES} can be sent at a time."
            )
        target = self.line.find(body.target_participant, "targetParticipant")
        if not target.is_phone or target.identity.phone_number is None:
            raise invalid_argument(
                "targetParticipant",
                f"{target.identity.raw_id} is not a phone number; tones can be sent to phone numbers only.",
            )
        request = Request(version, body.operation_context, body.operation_callback_uri)
        self._start(turn, SendTones(self.line, request, target, turn.now, body.digits), interrupt=False)

    def start_continuous(
        self, turn: Turn, version: str, body: requests.ContinuousDtmfRecognitionRequest
    ) -> None:
        """Subscribe to a participant's keys; idempotent. Raises Refusal before anything changes."""
        target = self.line.find(body.target_participant, "targetParticipant")
        request = Request(version, body.operation_context, body.operation_callback_uri)
        running = self.subscriptions.get(target.leg)
        if running is not None:
            running.adopt(turn, request)
            return
        self._refuse_incompatible(turn, Kind.CONTINUOUS_DTMF, (target,), self.subs)
        subscription = Subscription(self.line, request, target, turn.now)
        subscription.serial = turn.next_serial()
        subscription.note(turn, "begun")
        self.subscriptions[target.leg] = subscription

    def stop_continuous(
        self, turn: Turn, version: str, body: requests.ContinuousDtmfRecognitionRequest
    ) -> None:
        """Unsubscribe; idempotent. Raises Refusal when there is no such participant."""
        target = self.line.find(body.target_participant, "targetParticipant")
        subscription = self.subscriptions.pop(target.leg, None)
        if subscription is not None:
            self.ended.append(subscription)
            subscription.stop(turn, Request(version, body.operation_context, body.operation_callback_uri))

    def hold_music(self, source: requests.PlaySource | None) -> Audio | None:
        """The music a hold request asks for, checked; None for silence."""
        if source is None:
            return None
        return audio(source, "playSourceInfo", self.line)

    def start_music(
        self, turn: Turn, request: Request, target: Party, source: Audio, *, loop: bool = True
    ) -> None:
        """Play music to a participant on hold; other music to them ends, the same goes on."""
        running = self.music.get(target.leg)
        if running is not None and running.repeats(request, source):
            return
        self.stop_music(turn, target.leg, "other music takes its place")
        music = HoldMusic(self.line, request, target, turn.now, source, loop=loop)
        music.ended = self._music_ended
        music.serial = turn.next_serial()
        music.note(turn, "queued")
        self.music[target.leg] = music
        music.begin(turn)

    def stop_music(self, turn: Turn, leg: int, why: str = "off hold") -> None:
        """End the music of a participant, if there is any."""
        music = self.music.get(leg)
        if music is not None:
            music.note(turn, "canceled", why)
            music.cancel(turn)

    def cancel_all(self, turn: Turn) -> None:
        """Cancel every play and recognition, running or queued, on all legs."""
        self._cancel(turn, [op for op in self._accepted() if op.cancelable], "cancelAllMediaOperations")

    # --- facts ------------------------------------------------------------------------------------------

    def heard(self, turn: Turn, leg: int, digit: str) -> None:
        """A participant pressed a key."""
        subscription = self.subscriptions.get(leg)
        if subscription is not None:
            subscription.heard(turn, digit)
        for operation in [*self.main[:1], *self.subs]:
            if operation.concerns(leg):
                operation.heard(turn, digit)

    def joined(self, turn: Turn, leg: int) -> None:
        """Somebody came up, or off hold: they hear what plays to everybody from here on."""
        for operation in self.main[:1]:
            if isinstance(operation, Play):
                operation.add_listener(turn, leg)

    def held(self, turn: Turn, leg: int) -> None:
        """A participant was put on hold: what concerns nobody else ends, and they miss the rest of plays."""
        stays = [op for op in self._accepted() if op.survives_hold]
        concerned = (op for op in self._accepted() if op.cancelable and op not in stays)
        self._without(turn, leg, concerned, "is put on hold")
        for operation in [*self.main[:1], *self.subs]:
            if isinstance(operation, Play) and operation not in stays:
                operation.remove_listener(turn, leg)

    def left(self, turn: Turn, leg: int) -> None:
        """A participant is gone: everything that concerned nobody else ends."""
        music = self.music.get(leg)
        if music is not None:
            music.gone(turn)
        self._without(turn, leg, self._accepted(), "has left")
        subscription = self.subscriptions.pop(leg, None)
        if subscription is not None:
            self.ended.append(subscription)
            subscription.stop(turn)

    def close(self, turn: Turn, *, fault: bool = False) -> None:
        """The connection ends: every operation ends, canceled or, with a ``fault`` of ours, failed."""
        operations = [*self._accepted(), *self.music.values()]
        subscriptions = list(self.subscriptions.values())
        self.main, self.subs, self.music, self.subscriptions = [], [], {}, {}
        for operation in operations:
            if isinstance(operation, Play):
                operation.hushed.clear()  # nobody hears the rest of anything
            if fault:
                operation.fail(turn, operation.fault_result)
            else:
                operation.note(turn, "canceled", "the call ends")
                operation.cancel(turn)
        for subscription in subscriptions:
            self.ended.append(subscription)
            if fault:
                subscription.fail(turn)
            else:
                subscription.stop(turn)

    # --- the queue --------------------------------------------------------------------------------------

    def _accepted(self) -> list[Operation]:
        """Everything running or queued on any leg, in the order of acceptance."""
        return sorted([*self.main, *self.subs], key=lambda operation: operation.serial)

    def _start(self, turn: Turn, operation: Operation, interrupt: bool) -> None:
        on_main = operation.kind.on_main_leg
        doomed = self._in_the_way(operation) if interrupt else []
        staying = [op for op in self.subs if op not in doomed]
        self._refuse_incompatible(turn, operation.kind, operation.targets, staying)
        if on_main and sum(op not in doomed for op in self.main) >= MAX_QUEUED:
            raise invalid_state(
                f"{len(self.main)} media operations are running or queued, which is the most one call "
                "takes; wait for some to end, cancel them, or set interruptCallMediaOperation."
            )
        operation.serial = turn.next_serial()
        self._cancel(turn, doomed, f"{named(operation)} interrupts it")
        operation.ended = self._ended
        (self.main if on_main else self.subs).append(operation)
        before = len(self.main) - 1 if on_main else 0
        operation.note(turn, "queued", _behind(self.main[:before]))
        if not on_main or self.main[0] is operation:
            operation.begin(turn)

    def _in_the_way(self, new: Operation) -> list[Operation]:
        """What ``new`` cancels when it interrupts."""
        return [op for op in self._accepted() if op.cancelable and _clears_away(new, op)]

    def _cancel(self, turn: Turn, operations: Iterable[Operation], why: str) -> None:
        """Cancel ``operations`` in their order; none of them gets to begin because another one ended."""
        doomed = list(operations)
        self.main = [op for op in self.main if op not in doomed]
        self.subs = [op for op in self.subs if op not in doomed]
        for operation in doomed:
            operation.note(turn, "canceled", why)
            operation.cancel(turn)

    def _without(self, turn: Turn, leg: int, operations: Iterable[Operation], what: str) -> None:
        nobody_hears = not self.line.listeners()
        doomed = [
            op for op in operations if op.without(leg) or (op.kind is Kind.PLAY_TO_ALL and nobody_hears)
        ]
        self._cancel(turn, doomed, f"leg {leg} {what}, nobody else is concerned")
        self._advance(turn)

    def _ended(self, turn: Turn, operation: Operation) -> None:
        self.ended.append(operation)
        if operation in self.main:
            self.main.remove(operation)
        if operation in self.subs:
            self.subs.remove(operation)
        if isinstance(operation, Play):
            operation.unhush(turn)
        self._advance(turn)

    def _music_ended(self, turn: Turn, operation: Operation) -> None:
        self.ended.append(operation)
        self.music = {leg: music for leg, music in self.music.items() if music is not operation}

    def _music_of(self, leg: int) -> list[HoldMusic]:
        return [music for whose, music in self.music.items() if whose == leg]

    def _advance(self, turn: Turn) -> None:
        if self.main and self.main[0].state is State.QUEUED:
            self.main[0].begin(turn)

    # --- checks -----------------------------------------------------------------------------------------

    def _audios(self, sources: Sequence[requests.PlaySource], field: str) -> tuple[Audio, ...]:
        return audios(sources, field, self.line)

    def _targets(self, models: Iterable[CommunicationIdentifierModel]) -> tuple[Party, ...]:
        found = {
            party.leg: party
            for party in (self.line.find(model, f"playTo[{i}]") for i, model in enumerate(models))
        }
        return tuple(found.values())

    def _refuse_on_hold(self, target: Party) -> None:
        if target.on_hold:
            raise invalid_state(
                f"{target.identity.raw_id} is on hold and hears only hold music; unhold them first."
            )

    def _refuse_incompatible(
        self, turn: Turn, kind: Kind, targets: tuple[Party, ...], running: Iterable[Operation]
    ) -> None:
        for operation in running:
            if _shares(operation, targets) and not allowed(operation.kind, kind):
                whom = ", ".join(target.identity.raw_id for target in operation.targets)
                context = operation.request.context
                named = f"operationContext {context!r}" if context is not None else "no operationContext"
                age = max(0.0, turn.now - operation.since)
                raise incompatible_operation(
                    f"{kind.value} cannot start while {operation.kind.value} ({named}) runs for {whom}; "
                    f"it began {age:.1f} s ago. Wait for its last event, or cancel it first."
                )


def named(operation: Operation) -> str:
    """An operation, for people: its number, what it is, and its operationContext."""
    context = operation.request.context
    return f"#{operation.serial} {operation.kind.value}{f' {context!r}' if context is not None else ''}"


def _behind(waiting: Sequence[Operation]) -> str:
    """What an operation has to wait for, the next first."""
    if not waiting:
        return ""
    more = f" and {len(waiting) - _SHOWN} more" if len(waiting) > _SHOWN else ""
    return f"behind {', '.join(map(named, waiting[:_SHOWN]))}{more}"


def _clears_away(new: Operation, old: Operation) -> bool:
    """Whether ``new``, interrupting, cancels ``old``: on its own leg, and what concerns its participants."""
    if old.kind.on_main_leg:
        return new.kind.on_main_leg or (isinstance(new, Announcement) and _shares(old, new.targets))
    return not new.targets or _shares(old, new.targets)


def _shares(operation: Operation, targets: tuple[Party, ...]) -> bool:
    return any(operation.concerns(target.leg) for target in targets)
