"""Playing: to everybody, to some, announcements, music on hold (contract sections 1.3, 6.2 and 6.6).

Any number of sources is one operation with one PlayStarted and one terminal event. PlayStarted goes out
with the first sample; a play that ends before that, because its first source cannot be played or because it
is canceled while that is fetched, says PlayStarted just before its last event, since apps are promised the
pair. A play that is canceled while it is queued never started and says PlayCanceled alone.

Hold music that is never heard, because its source cannot be played or because the participant is gone before
it was fetched, is a HoldFailed instead: the hold it belongs to was accepted and did not become what was
asked for. Whoever was put on hold stays on hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hookflash.media.compatibility import Kind
from hookflash.media.line import Audio, AudioFailure, Line, Party, Request, Turn
from hookflash.media.operation import Operation
from hookflash.media.sources import described, first_empty
from hookflash.media.tables import State, Step
from hookflash.wire import results
from hookflash.wire.events import (
    HoldFailed,
    PlayCanceled,
    PlayCompleted,
    PlayFailed,
    PlayStarted,
    is_known,
)


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
        sources: Sequence[Audio],
        loop: bool,
    ) -> None:
        super().__init__(line, Kind.PLAY_TO if targets else Kind.PLAY_TO_ALL, request, targets, since)
        self.sources = tuple(sources)
        self.loop = loop
        self.play: int | None = None
        self.hushed: list[tuple[Play, int]] = []

    def asked(self) -> str:
        return described(self.sources) + (", again and again" if self.loop else "")

    def begin(self, turn: Turn) -> None:
        legs = tuple(target.leg for target in self.targets) or self.line.listeners()
        self.machine.fire(Step.PREPARE)
        self.note(turn, "begun")
        empty = first_empty(self.sources)
        if empty is not None:
            self.audio_failed(turn, AudioFailure(empty, results.PLAY_SOURCE_EMPTY.sub_code, ""))
            return
        self.play = turn.start_play(self.line.call, legs, self.sources, self.loop, self)

    def release(self, turn: Turn) -> None:
        turn.stop_play(self.play)
        self.play = None

    def add_listener(self, turn: Turn, leg: int) -> None:
        """Somebody joined: a play to everybody reaches them too, from here on."""
        if self.play is not None and self.kind is Kind.PLAY_TO_ALL:
            self.note(turn, "one more hears it", f"leg {leg}")
            turn.add_listener(self.play, leg)

    def remove_listener(self, turn: Turn, leg: int) -> None:
        """Somebody was put on hold: they do not hear the rest."""
        if self.play is not None:
            self.note(turn, "one less hears it", f"leg {leg}")
            turn.remove_listener(self.play, leg)

    def hush(self, turn: Turn, plays: Iterable[Play], leg: int) -> None:
        """Keep ``leg`` from hearing ``plays`` until this one is over."""
        for play in plays:
            play.remove_listener(turn, leg)
            self.hushed.append((play, leg))

    def unhush(self, turn: Turn) -> None:
        """It is over: the rest of those plays is heard again by those who still have part in them."""
        hushed, self.hushed = self.hushed, []
        for play, leg in hushed:
            hears = play.concerns(leg) if play.targets else leg in self.line.listeners()
            if play.play is not None and hears:
                turn.add_listener(play.play, leg)

    def cancel(self, turn: Turn) -> None:
        self.audio_started(turn, heard=False)
        super().cancel(turn)

    def fail(self, turn: Turn, result: results.ResultInformation) -> None:
        self.audio_started(turn, heard=False)
        super().fail(turn, result)

    def audio_ready(self, turn: Turn, notes: Sequence[str]) -> None:
        self.note(turn, "audio ready", "; ".join(notes))

    def audio_started(self, turn: Turn, *, heard: bool = True) -> None:
        """``heard`` is False for what ends before its first sample: apps are promised PlayStarted."""
        if self.state is State.PREPARING:
            self.machine.fire(Step.START)
            self.note(turn, "first sample" if heard else "never heard")
            self.line.notify(turn, PlayStarted, results.ACTION_COMPLETED, self.request)

    def audio_finished(self, turn: Turn) -> None:
        self.audio_started(turn)
        self.play = None
        self.end(turn, Step.COMPLETE, PlayCompleted, results.ACTION_COMPLETED)

    def audio_failed(self, turn: Turn, failure: AudioFailure) -> None:
        self.audio_started(turn, heard=False)
        self.play = None
        result = results.play_failed(failure.sub_code, failure.message, failure.code)
        self.end(turn, Step.FAIL, PlayFailed, result, failed_play_source_index=failure.source)


_SILENCE = "The participant is on hold, in silence."


class PlayOnHold(Play):
    """A play to some that those of them on hold hear too, in place of their music (contract section 6.2)."""

    survives_hold = True


class Announcement(Play):
    """A play to one participant, on hold or not, in place of all they would hear (contract section 1.3)."""

    survives_hold = True

    def __init__(
        self, line: Line, request: Request, target: Party, since: float, sources: Sequence[Audio]
    ) -> None:
        super().__init__(line, request, (target,), since, sources, loop=False)
        self.target = target


class HoldMusic(Play):
    """A play to one participant on hold; it ends with the hold, whatever else is canceled."""

    cancelable = False

    def __init__(
        self, line: Line, request: Request, target: Party, since: float, source: Audio, *, loop: bool = True
    ) -> None:
        super().__init__(line, request, (target,), since, (source,), loop)

    def repeats(self, request: Request, source: Audio) -> bool:
        """Whether this is the very same request once more."""
        return self.request == request and self.sources == (source,)

    def fail(self, turn: Turn, result: results.ResultInformation) -> None:
        if not self._never_heard(turn, result):
            super().fail(turn, result)

    def audio_failed(self, turn: Turn, failure: AudioFailure) -> None:
        message = f"{failure.message} {_SILENCE}".lstrip()
        self.play = None
        if not self._never_heard(turn, results.play_failed(failure.sub_code, message, failure.code)):
            super().audio_failed(turn, failure)

    def gone(self, turn: Turn) -> None:
        """The participant has left."""
        if not self._never_heard(turn, results.PARTICIPANT_NOT_FOUND):
            self.cancel(turn)

    def _never_heard(self, turn: Turn, result: results.ResultInformation) -> bool:
        """End it as HoldFailed, if it has not been heard and the app knows that event."""
        if self.state is not State.PREPARING or not is_known(HoldFailed, self.request.version):
            return False
        self.end(turn, Step.FAIL, HoldFailed, result)
        return True
