"""The plays of the media desk: fed to the workers of their calls, and reported as they start, end or fail."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Container, Sequence

from hookflash.calls import effects, facts
from hookflash.calls.speech_effects import AudioReady
from hookflash.plane.feeds import PromptSource, Voice
from hookflash.plane.placement import Placement
from hookflash.plane.playback import UNKNOWN_ERROR, ClipShelf, Playback
from hookflash.plane.supervisor import Seat
from hookflash.ports import plane
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink

_log = logging.getLogger(__name__)


class PlayDesk:
    """Implements the part of :class:`~hookflash.ports.edges.Media` that is about plays.

    Args:
        placement: which worker has which call.
        seats: the workers.
        prompts, voice: who has the audio.
        wideband: tells whether a leg hears at 16,000 Hz.
        clock: for what a play's trace tells of time.
        report: where facts go.
    """

    def __init__(
        self,
        placement: Placement,
        seats: Sequence[Seat],
        prompts: PromptSource,
        voice: Voice | None,
        wideband: Callable[[int], bool],
        clock: Clock,
        report: FactSink,
    ) -> None:
        self._placement = placement
        self._prompts = prompts
        self._voice = voice
        self._wideband = wideband
        self._clock = clock
        self._report = report
        self._clip_ids = itertools.count(1)
        self._shelves = {seat: self._new_shelf(seat) for seat in seats}
        self._plays: dict[int, Playback] = {}

    def play(self, effect: effects.PlayAudio) -> None:
        """Begin to feed a play; AudioStarted or AudioFailed follows."""
        seat = self._placement.seat_of_call(effect.call)
        if seat is None:
            # From the event loop: the caller is in the middle of carrying out effects.
            failed = facts.AudioFailed(effect.play, 0, UNKNOWN_ERROR, "the call has no audio any more")
            asyncio.get_running_loop().call_soon(self._report, failed)
            return
        playback = Playback(
            effect,
            seat,
            self._shelves[seat],
            self._prompts,
            self._voice,
            wide=self._wideband,
            ready=lambda notes: self._report(AudioReady(effect.play, notes)),
            now=self._clock.now,
        )
        self._plays[effect.play] = playback
        playback.task = asyncio.create_task(playback.run())
        playback.task.add_done_callback(lambda task: self._fed(playback, task))

    def add_listener(self, effect: effects.AddListener) -> None:
        playback = self._plays.get(effect.play)
        if playback is not None:
            playback.add_leg(effect.leg)

    def remove_listener(self, effect: effects.RemoveListener) -> None:
        playback = self._plays.get(effect.play)
        if playback is not None:
            playback.remove_leg(effect.leg)

    def stop_audio(self, play: int) -> None:
        """End a play; unknown ones are ignored."""
        playback = self._plays.pop(play, None)
        if playback is not None:
            playback.stop()

    async def stop(self) -> None:
        """Stop feeding all plays; the workers are not told."""
        plays, self._plays = self._plays, {}
        tasks = [play.task for play in plays.values() if play.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what becomes of calls and workers ----------------------------------------------------------------

    def leg_moved(self, leg: int, call: int) -> None:
        """A leg has been moved out of a call: what goes on there goes on without it."""
        for playback in self._plays.values():
            if playback.effect.call == call:
                playback.remove_leg(leg)

    def calls_over(self, calls: Container[int]) -> None:
        """Calls have no audio any more; nor have their plays."""
        for play in [play for play, playing in self._plays.items() if playing.effect.call in calls]:
            self.stop_audio(play)

    def empty_shelf(self, seat: Seat) -> None:
        """A worker is new and holds no audio."""
        self._shelves[seat] = self._new_shelf(seat)

    # --- what workers say of plays ------------------------------------------------------------------------

    def started(self, event: plane.PlayStarted) -> None:
        if event.play in self._plays:
            self._report(facts.AudioStarted(event.play))

    def finished(self, event: plane.PlayFinished) -> None:
        playback = self._plays.pop(event.play, None)
        if playback is not None:
            self._report(playback.failure or facts.AudioFinished(event.play))

    def unheard(self, event: plane.PlayUnheard) -> None:
        """One leg misses a play; a play that no leg hears at all has failed."""
        _log.warning("play %d is not heard on leg %d: %s", event.play, event.leg, event.reason)
        playback = self._plays.get(event.play)
        if playback is not None and playback.forget_leg(event.leg):
            self.stop_audio(event.play)
            self._report(facts.AudioFailed(event.play, playback.source, UNKNOWN_ERROR, event.reason))

    def clip_refused(self, seat: Seat, event: plane.ClipRefused) -> None:
        """A worker had no room for audio; the sources it is of have failed."""
        _log.error("media worker %d refused audio: %s", seat.number, event.reason)
        self._shelves[seat].forget(event.clip)
        for playback in self._plays.values():
            playback.miss(event.clip, event.reason)

    # --- inside -------------------------------------------------------------------------------------------

    def _new_shelf(self, seat: Seat) -> ClipShelf:
        return ClipShelf(seat, lambda: next(self._clip_ids))

    def _fed(self, playback: Playback, task: asyncio.Task[facts.AudioFailed | None]) -> None:
        play = playback.effect.play
        if task.cancelled() or self._plays.get(play) is not playback:
            return
        error = task.exception()
        if error is not None:
            _log.error("play %d broke off", play, exc_info=error)
            self.stop_audio(play)
            self._report(
                facts.AudioFailed(play, playback.source, UNKNOWN_ERROR, f"the play broke off: {error}")
            )
            return
        failure = task.result()
        if failure is not None:
            del self._plays[play]
            self._report(failure)
