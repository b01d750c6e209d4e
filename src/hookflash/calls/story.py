"""The story of one connection beside its media operations: who came and went, what its app was told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hookflash.media.trace import Trace
from hookflash.wire import events

if TYPE_CHECKING:
    from hookflash.calls.participants import Participant

_OF_OPERATIONS = (
    events.PlayStarted,
    events.PlayCompleted,
    events.PlayFailed,
    events.PlayCanceled,
    events.RecognizeCompleted,
    events.RecognizeFailed,
    events.RecognizeCanceled,
    events.ContinuousDtmfRecognitionToneReceived,
    events.ContinuousDtmfRecognitionToneFailed,
    events.ContinuousDtmfRecognitionStopped,
    events.SendDtmfTonesCompleted,
    events.SendDtmfTonesFailed,
    events.HoldFailed,
)
"""Events that the traces of media operations account for."""


class Story:
    """What happened to a connection itself, within the bounds of a trace.

    ``number`` counts connections in the order they were made; ``since`` and ``ended`` are when it began and
    ended, in seconds of the turns' clock, ``ended`` None while it lives.
    """

    __slots__ = ("_people", "ended", "number", "since", "trace")

    def __init__(self, number: int) -> None:
        self.number = number
        self.since = 0.0
        self.ended: float | None = None
        self.trace = Trace()
        self._people: dict[int, tuple[str, bool, bool]] = {}

    def begin(self, at: float, how: str) -> None:
        self.since = at
        self.trace.add(at, how)

    def end(self, at: float, why: str) -> None:
        self.ended = at
        self.trace.add(at, "ends", why)

    def told(self, at: float, event: events.EventData) -> None:
        """The app is sent an event; those of media operations are left to their traces."""
        if isinstance(event, _OF_OPERATIONS):
            return
        result, context = event.result_information, event.operation_context
        parts = [type(event).__name__]
        if isinstance(event, events.ParticipantsUpdated):
            parts.append(f"sequenceNumber {event.sequence_number}, {len(event.participants)} in the call")
        elif result is not None:
            parts.append(f"{result.code}/{result.sub_code} {result.message}".rstrip())
        if context is not None and not isinstance(event, events.ParticipantsUpdated):
            parts.append(f"(operationContext {context!r})")
        self.trace.add(at, "told", " ".join(parts))

    def rings(self, at: float, person: Participant) -> None:
        """A phone that was dialled says that it rings."""
        self.trace.add(at, "ringing", f"{person.identity.raw_id}, leg {person.leg}")

    def left(self, at: float, person: Participant) -> None:
        """Somebody is out of the call."""
        if self._people.pop(person.leg, None) is not None:
            self.trace.add(at, "left", f"{person.identity.raw_id}, leg {person.leg}")

    def roster(self, at: float, present: Iterable[Participant]) -> None:
        """Who is in the call now; what has changed since the last time is put down."""
        now = {one.leg: (one.identity.raw_id, one.on_hold, one.muted) for one in present}
        for leg, (who, held, muted) in now.items():
            shown = f"{who}, leg {leg}"
            before = self._people.get(leg)
            if before is None:
                self.trace.add(at, "joined", shown)
            _, was_held, was_muted = before or (who, False, False)
            if held is not was_held:
                self.trace.add(at, "on hold" if held else "off hold", shown)
            if muted is not was_muted:
                self.trace.add(at, "muted" if muted else "unmuted", shown)
        for leg, (who, _, _) in self._people.items():
            if leg not in now:
                self.trace.add(at, "left", f"{who}, leg {leg}")
        self._people = now
