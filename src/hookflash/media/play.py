"""Playing: to everybody, to some, and music for those on hold (contract sections 6.2 and 6.6).

Any number of sources is one operation with one PlayStarted and one terminal event. PlayStarted goes out
with the first sample; a play that ends before that, because its first source cannot be played or because it
is canceled while that is fetched, says PlayStarted just before its last event, since apps are promised the
pair. A play that is canceled while it is queued never started and says PlayCanceled alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from hookflash.media.compatibility import Kind
from hookflash.media.line import Line, Party, Request, Source, Turn
from hookflash.media.operation import Operation
from hookflash.media.tables import State, Step
from hookflash.wire import results
from hookflash.wire.events import PlayCanceled, PlayCompleted, PlayFailed, PlayStarted


class Play(Operation):
    """A play on the main leg (no targets) or on the sub legs of its targets."""

    canceled_event = PlayCanceled
    failed_event = PlayFailed
    fault_result = results.PLAY_SERVICE_SHUTDOWN

    def __init__(
        self,
        line: Line,
        request: Request,
        targets: tuple[Party, ...],
        since: float,
        sources: Sequence[Source],
        loop: bool,
    ) -> None:
        super().__init__(line, Kind.PLAY_TO if targets else Kind.PLAY_TO_ALL, request, targets, since)
        self.sources = tuple(sources)
        self.loop = loop
        self.play: int | None = None

    def begin(self, turn: Turn) -> None:
        legs = tuple(target.leg for target in self.targets) or self.line.listeners()
        self.machine.fire(Step.PREPARE)
        self.play = turn.start_play(self.line.call, legs, self.sources, self.loop, self)

    def release(self, turn: Turn) -> None:
        turn.stop_play(self.play)
        self.play = None

    def add_listener(self, turn: Turn, leg: int) -> None:
        """Somebody joined: a play to everybody reaches them too, from here on."""
        if self.play is not None and self.kind is Kind.PLAY_TO_ALL:
            turn.add_listener(self.play, leg)

    def remove_listener(self, turn: Turn, leg: int) -> None:
        """Somebody was put on hold: they do not hear the rest."""
        if self.play is not None:
            turn.remove_listener(self.play, leg)

    def cancel(self, turn: Turn) -> None:
        self.audio_started(turn)
        super().cancel(turn)

    def fail(self, turn: Turn, result: results.ResultInformation) -> None:
        self.audio_started(turn)
        super().fail(turn, result)

    def audio_started(self, turn: Turn) -> None:
        if self.state is State.PREPARING:
            self.machine.fire(Step.START)
            self.line.notify(turn, PlayStarted, results.ACTION_COMPLETED, self.request)

    def audio_finished(self, turn: Turn) -> None:
        self.audio_started(turn)
        self.play = None
        self.end(turn, Step.COMPLETE, PlayCompleted, results.ACTION_COMPLETED)

    def audio_failed(self, turn: Turn, source: int, sub_code: int, message: str) -> None:
        self.audio_started(turn)
        self.play = None
        result = results.play_failed(sub_code, message)
        self.end(turn, Step.FAIL, PlayFailed, result, failed_play_source_index=source)


class HoldMusic(Play):
    """A looped play to one participant on hold; it ends with the hold, whatever else is canceled."""

    cancelable = False

    def __init__(self, line: Line, request: Request, target: Party, since: float, source: Source) -> None:
        super().__init__(line, request, (target,), since, (source,), loop=True)

    def repeats(self, request: Request, source: Source) -> bool:
        """Whether this is the very same request once more."""
        return self.request == request and self.sources == (source,)
