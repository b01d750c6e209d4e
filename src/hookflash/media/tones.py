"""Sending DTMF to a phone (contract section 6.5)."""

from __future__ import annotations

from hookflash.media.compatibility import Kind
from hookflash.media.line import Line, Party, Request, Turn
from hookflash.media.operation import Operation
from hookflash.media.tables import Step
from hookflash.wire import results
from hookflash.wire.events import SendDtmfTonesCompleted, SendDtmfTonesFailed
from hookflash.wire.results import ResultInformation

MAX_TONES = 18
"""Most tones one request may send."""


class SendTones(Operation):
    """Presses ``digits`` towards one phone. cancelAllMediaOperations does not stop it."""

    canceled_event = SendDtmfTonesFailed
    failed_event = SendDtmfTonesFailed
    cancelable = False

    def __init__(self, line: Line, request: Request, target: Party, since: float, digits: str) -> None:
        super().__init__(line, Kind.SEND_DTMF, request, (target,), since)
        self.target = target
        self.digits = digits
        self.sending: int | None = None

    def asked(self) -> str:
        return f"{len(self.digits)} tones, {self.digits}"

    def begin(self, turn: Turn) -> None:
        self.machine.fire(Step.SEND)
        self.note(turn, "begun")
        self.sending = turn.start_tones(self.line.call, self.target.leg, self.digits, self)

    def release(self, turn: Turn) -> None:
        turn.stop_tones(self.sending)
        self.sending = None

    def tones_done(self, turn: Turn) -> None:
        self.sending = None
        self.end(turn, Step.COMPLETE, SendDtmfTonesCompleted, results.ACTION_COMPLETED)

    def tones_failed(self, turn: Turn, message: str) -> None:
        self.sending = None
        known = results.UNKNOWN_ERROR
        self.fail(
            turn,
            ResultInformation(
                known.code, known.sub_code, f"Action failed, the tones were not sent: {message}"
            ),
        )
