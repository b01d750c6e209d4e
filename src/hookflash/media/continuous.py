"""Continuous DTMF recognition: a subscription to one participant's keys (contract section 6.4).

Start and stop carry no repeatability headers, so a client that retries sends them twice: both are
idempotent. A second start for the same participant goes on counting and adopts the newer request's context
and callback; a stop when nothing is subscribed succeeds and says nothing. When the media plane breaks down,
the last event is ContinuousDtmfRecognitionToneFailed instead of Stopped.
"""

from __future__ import annotations

from hookflash.machine import Machine
from hookflash.media.compatibility import Kind
from hookflash.media.line import Line, Party, Request, Turn
from hookflash.media.operation import MEDIA_GONE, ended
from hookflash.media.tables import SUBSCRIPTION, Listening, ListeningStep
from hookflash.media.trace import Trace
from hookflash.wire import results
from hookflash.wire.enums import Tone
from hookflash.wire.events import (
    ContinuousDtmfRecognitionStopped,
    ContinuousDtmfRecognitionToneFailed,
    ContinuousDtmfRecognitionToneReceived,
    EventData,
)
from hookflash.wire.results import ResultInformation


class Subscription:
    """Reports every key of ``target``; ``sequenceId`` counts from 1 without gaps."""

    def __init__(self, line: Line, request: Request, target: Party, since: float) -> None:
        self.line = line
        self.request = request
        self.target = target
        self.named = (target.identity.raw_id,)
        self.since = since
        self.serial = 0
        self.trace = Trace()
        self.heard_so_far = 0
        self.machine = Machine(SUBSCRIPTION, Listening.LISTENING)

    @property
    def kind(self) -> Kind:
        return Kind.CONTINUOUS_DTMF

    @property
    def state(self) -> Listening:
        return self.machine.state

    def asked(self) -> str:
        """What was asked for, for people."""
        return "every key"

    def note(self, turn: Turn, what: str, detail: str = "") -> None:
        """Put something that happened just now into the trace."""
        self.trace.add(turn.now, what, detail)

    def adopt(self, turn: Turn, request: Request) -> None:
        """Started once more: later events go where the newer request says."""
        self.machine.fire(ListeningStep.ADOPT)
        self.note(turn, "begun again")
        self.request = request

    def heard(self, turn: Turn, digit: str) -> None:
        self.machine.fire(ListeningStep.TONE)
        self.heard_so_far += 1
        self.note(turn, "key", f"{Tone.of_digit(digit)}, sequenceId {self.heard_so_far}")
        self.line.notify(
            turn,
            ContinuousDtmfRecognitionToneReceived,
            results.SUCCESS,
            self.request,
            sequence_id=self.heard_so_far,
            tone=Tone.of_digit(digit),
        )

    def stop(self, turn: Turn, request: Request | None = None) -> None:
        """End it. The stop request's context and callback, where given, are those of the last event."""
        self.machine.fire(ListeningStep.STOP)
        last = self.request
        if request is not None:
            last = Request(
                request.version, request.context or last.context, request.callback or last.callback
            )
        self._ends(turn, ContinuousDtmfRecognitionStopped, results.SUCCESS, last)

    def fail(self, turn: Turn) -> None:
        """End it because no key will be heard any more, through a fault of ours."""
        self.machine.fire(ListeningStep.STOP)
        self._ends(turn, ContinuousDtmfRecognitionToneFailed, MEDIA_GONE, self.request)

    def _ends(self, turn: Turn, event: type[EventData], result: ResultInformation, request: Request) -> None:
        self.note(turn, "ended", ended(event, result))
        self.line.notify(turn, event, result, request)
