"""Real-time transcription by the recognisers that calls use: all that is said in a call, as it is said.

Each participant is listened to alone. What cannot be understood ends the transcription, with the reason: a
transcript with a hole in it looks like one without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.speech import Recognised, SpeechError
from hookflash.speech.hearing import HearingDesk
from hookflash.speech.speaker import Speaker

Samples = NDArray[np.int16]
Said = Callable[[int, Recognised], None]
"""Told who said what; times are seconds from the first tick that was heard of the call."""
Failed = Callable[[SpeechError], None]


@dataclass(frozen=True, slots=True)
class TranscribingLimits:
    """What transcriptions may take.

    Attributes:
        participants: transcribed at a time, in all calls; more fail at once with 429.
        last_words: seconds for what has been said to be understood once a transcription is to end.
    """

    participants: int = 200
    last_words: float = 3.0


class TranscribingDesk:
    """Transcribes calls. Use within one event loop.

    Args:
        hearing: who understands.
    """

    def __init__(self, hearing: HearingDesk, clock: Clock, limits: TranscribingLimits | None = None) -> None:
        self._hearing = hearing
        self._clock = clock
        self._limits = limits or TranscribingLimits()
        self.participants = 0

    def start(self, wish: Listening, said: Said, failed: Failed) -> Transcribing:
        """Begin a transcription, as yet of nobody.

        ``failed`` is told once why there will be no more of it; it is closed then.

        Raises:
            SpeechError: nobody understands the language.
        """
        refusal = self._hearing.refusal(wish)
        if refusal is not None:
            raise refusal
        return Transcribing(self, wish, said, failed)

    # --- for transcriptions -------------------------------------------------------------------------------

    @property
    def hearing(self) -> HearingDesk:
        return self._hearing

    def take_place(self) -> None:
        """One more participant. Raises SpeechError (429) when there is no room."""
        if self.participants >= self._limits.participants:
            raise SpeechError(
                f"This server transcribes {self.participants} participants already; try again later.",
                code=429,
            )
        self.participants += 1

    def give_place(self) -> None:
        self.participants -= 1

    def after_last_words(self, call: Callable[[], None]) -> Timer:
        """Call when nothing more is waited for."""
        return self._clock.call_at(self._clock.now() + self._limits.last_words, call)


class Transcribing:
    """The transcription of one call; its methods return at once."""

    def __init__(self, desk: TranscribingDesk, wish: Listening, said: Said, failed: Failed) -> None:
        self._desk = desk
        self._wish = wish
        self._said = said
        self._failed = failed
        self._speakers: dict[int, Speaker] = {}
        self._left: set[int] = set()
        self._zero: int | None = None
        self._done: Callable[[], None] | None = None
        self._late: Timer | None = None
        self._closed = False

    def join(self, leg: int) -> None:
        """Somebody who is heard from now on. Raises SpeechError (429) when there is no room."""
        if self._closed or self._done is not None:
            return
        self._left.discard(leg)
        if leg in self._speakers:
            return
        self._desk.take_place()
        self._speakers[leg] = Speaker(
            self._desk.hearing,
            lambda: self._wish,
            partial(self._tell, leg),
            self._fail,
            partial(self._rested, leg),
        )

    def leave(self, leg: int) -> None:
        """Somebody who is gone; what was said is still understood."""
        speaker = self._speakers.get(leg)
        if speaker is None:
            return
        speaker.end()
        self._left.add(leg)
        if speaker.resting:
            self._rested(leg)

    def hear(self, leg: int, tick: int, frame: Samples) -> None:
        """20 ms of what ``leg`` said in a tick, int16 of shape (320,)."""
        if self._zero is None:
            self._zero = tick
        speaker = self._speakers.get(leg)
        if speaker is not None and leg not in self._left and self._done is None:
            speaker.hear(tick - self._zero, frame)

    def update(self, wish: Listening) -> None:
        """Ask so from the next utterance on; fails where nobody understands it."""
        refusal = self._desk.hearing.refusal(wish)
        if refusal is not None:
            self._fail(refusal)
        self._wish = wish

    def finish(self, done: Callable[[], None]) -> None:
        """Hear no more; ``done`` is called once the last words are understood, or no longer waited for."""
        if self._closed:
            done()
            return
        self._done = done
        self._late = self._desk.after_last_words(self._finished)
        for speaker in list(self._speakers.values()):
            speaker.end()
        self._settle()

    def close(self) -> None:
        """Stop everything; idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._late is not None:
            self._late.cancel()
        for speaker in self._speakers.values():
            speaker.close()
            self._desk.give_place()
        self._speakers.clear()

    # --- from speakers ------------------------------------------------------------------------------------

    def _tell(self, leg: int, found: Recognised) -> None:
        if not self._closed:
            self._said(leg, found)

    def _fail(self, error: SpeechError) -> None:
        if self._closed:
            return
        if self._done is not None:
            self._finished()
            return
        self.close()
        self._failed(error)

    def _rested(self, leg: int) -> None:
        if leg in self._left:
            self._left.discard(leg)
            self._speakers.pop(leg).close()
            self._desk.give_place()
        self._settle()

    def _settle(self) -> None:
        if self._done is not None and all(speaker.resting for speaker in self._speakers.values()):
            self._finished()

    def _finished(self) -> None:
        done, self._done = self._done, None
        self.close()
        if done is not None:
            done()
