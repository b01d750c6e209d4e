"""The base of every media operation: its state, its one terminal event, its audience."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hookflash.machine import Machine
from hookflash.media.compatibility import Kind
from hookflash.media.line import Line, Party, Request, Turn
from hookflash.media.tables import OPERATION, State, Step
from hookflash.media.trace import Trace
from hookflash.wire.events import EventData
from hookflash.wire.results import CANCELED, ResultInformation

MEDIA_GONE = ResultInformation(
    500, 9999, "Action failed, the media service ended while it was under way; set the call up again."
)
"""How what has no code of its own fails when the media plane breaks down."""


def _nobody(turn: Turn, operation: Operation) -> None:
    """Told of the end of an operation that no desk runs."""


def ended(event: type[EventData], result: ResultInformation) -> str:
    """How something ended, for its trace."""
    return f"{event.__name__} {result.code}/{result.sub_code} {result.message}".rstrip()


class Operation:
    """A play, a recognition or a sending, from the request to its terminal event.

    ``targets`` are the participants it concerns, none for a play to everybody; ``named`` are the rawIds of
    all that it concerned when it was accepted. ``since`` is when that was, in seconds. The desk that runs it
    is told through :attr:`ended` exactly once.
    """

    canceled_event: ClassVar[type[EventData]]
    failed_event: ClassVar[type[EventData]]
    canceled_result: ClassVar[ResultInformation] = CANCELED
    fault_result: ClassVar[ResultInformation] = MEDIA_GONE
    """How it fails when the media plane breaks down."""
    cancelable: ClassVar[bool] = True
    """Whether cancelAllMediaOperations and interruptCallMediaOperation end it (contract section 6.8)."""
    survives_hold: ClassVar[bool] = False
    """Whether it goes on when its participant is put on hold."""

    def __init__(
        self, line: Line, kind: Kind, request: Request, targets: tuple[Party, ...], since: float
    ) -> None:
        self.line = line
        self.kind = kind
        self.request = request
        self.targets = targets
        self.named = tuple(target.identity.raw_id for target in targets)
        self.since = since
        self.serial = 0
        self.machine = Machine(OPERATION, State.QUEUED)
        self.trace = Trace()
        self.ended: Callable[[Turn, Operation], None] = _nobody

    @property
    def state(self) -> State:
        return self.machine.state

    @property
    def over(self) -> bool:
        return self.machine.over

    def concerns(self, leg: int) -> bool:
        """Whether ``leg`` belongs to one of the targets."""
        return any(target.leg == leg for target in self.targets)

    def note(self, turn: Turn, what: str, detail: str = "") -> None:
        """Put something that happened just now into the trace."""
        self.trace.add(turn.now, what, detail)

    # --- what a kind of operation says about itself -----------------------------------------------------

    def asked(self) -> str:
        """What was asked for, for people."""
        return ""

    def begin(self, turn: Turn) -> None:
        """Leave the queue and start working."""
        raise NotImplementedError

    def release(self, turn: Turn) -> None:
        """Stop whatever still runs outside: audio, tones, timers."""
        raise NotImplementedError

    def heard(self, turn: Turn, digit: str) -> None:
        """A target pressed a key. Only recognisers listen."""

    # --- endings ----------------------------------------------------------------------------------------

    def cancel(self, turn: Turn) -> None:
        """End it because somebody asked for that, or because nobody is left it concerns."""
        self.end(turn, Step.CANCEL, self.canceled_event, self.canceled_result)

    def fail(self, turn: Turn, result: ResultInformation) -> None:
        """End it because it cannot go on, for instance because the media worker died."""
        self.end(turn, Step.FAIL, self.failed_event, result)

    def end(
        self, turn: Turn, step: Step, event: type[EventData], result: ResultInformation, **fields: Any
    ) -> None:
        """The one way any operation ends: stop everything, send the terminal event, tell the desk."""
        self.release(turn)
        self.machine.fire(step)
        self.note(turn, "ended", ended(event, result))
        self.line.notify(turn, event, result, self.request, **fields)
        self.ended(turn, self)

    # --- audience ---------------------------------------------------------------------------------------

    def without(self, leg: int) -> bool:
        """Forget a target that left or was put on hold; whether that leaves nobody it concerns."""
        if self.concerns(leg):
            self.targets = tuple(target for target in self.targets if target.leg != leg)
            return not self.targets
        return False
