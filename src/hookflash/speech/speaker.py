"""One participant who is transcribed: what is said is parted into utterances, each understood in turn.

An utterance begins with a voice and the 300 ms before it. It ends with 600 ms of quiet; a long one already
with 300 ms, and one that goes on and on where it is quietest. The recogniser hears it while it is said, and
is told of the pauses in it, so that most of the work is done when it ends.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.audio import FRAMES_PER_SECOND
from hookflash.ports.speech import Recognised, SpeechError
from hookflash.speech.gate import FRAME, RELEASE, VoiceGate
from hookflash.speech.hearing import HearingDesk, Speech

END = 2 * RELEASE
"""Frames of quiet that end an utterance: 600 ms."""
LONG = 10 * FRAMES_PER_SECOND
"""Frames of an utterance from which on every pause ends it."""
LONGER = 22 * FRAMES_PER_SECOND
"""Frames from which on it ends with a frame of little power, be it within a word."""
LONGEST = 26 * FRAMES_PER_SECOND
"""Frames with which it ends in any case: what the built-in model understands in one go."""
LITTLE = 0.02
"""Of the mean power of an utterance (-17 dB)."""
BACKLOG = 8
"""Utterances of one participant that may wait to be understood."""

_log = logging.getLogger(__name__)
_NO_SOUND = np.empty(0, np.int16)

Samples = NDArray[np.int16]
Told = Callable[[Recognised], None]
"""Told what was said; times are seconds from tick 0."""
Failed = Callable[[SpeechError], None]


@dataclass(slots=True)
class _Utterance:
    wish: Listening
    began: int
    speech: Speech = field(default_factory=Speech)
    frames: int = 0
    power: float = 0.0

    def put(self, pcm: Samples) -> None:
        self.frames += len(pcm) // FRAME
        self.power += _power(pcm)
        self.speech.put(pcm)

    def end(self) -> None:
        self.speech.put(_NO_SOUND)
        self.speech.end()


class Speaker:
    """Use within one event loop.

    Args:
        hearing: who understands.
        wish: asked for each utterance when it begins.
        told: told of partial results and final ones, in the order in which they were said.
        failed: told once when an utterance could not be understood; nothing follows.
        rested: told whenever nothing is left to be understood.
    """

    def __init__(
        self,
        hearing: HearingDesk,
        wish: Callable[[], Listening],
        told: Told,
        failed: Failed,
        rested: Callable[[], None],
    ) -> None:
        self._hearing = hearing
        self._wish = wish
        self._told = told
        self._failed = failed
        self._rested = rested
        self._gate = VoiceGate()
        self._before: deque[Samples] = deque(maxlen=END - RELEASE)
        self._next: int | None = None
        self._quiet = 0
        self._utterance: _Utterance | None = None
        self._waiting: deque[_Utterance] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def resting(self) -> bool:
        """Whether nothing is left to be understood."""
        return self._task is None

    def hear(self, tick: int, frame: Samples) -> None:
        """20 ms of what they say, int16 of shape (320,); ticks that were left out count as quiet."""
        if self._next is None:
            self._next = tick
        if self._closed or tick < self._next or len(frame) != FRAME:
            return
        for missed in range(self._next, min(tick, self._next + END)):
            self._hear(missed, np.zeros(FRAME, np.int16))
        if tick > self._next:
            self._before.clear()
        self._next = tick + 1
        self._hear(tick, frame)

    def end(self) -> None:
        """They say no more, or are gone: what was said is still understood."""
        self._cut()
        self._gate = VoiceGate()
        self._before.clear()
        self._next = None

    def close(self) -> None:
        """Nobody wants to know any more; nothing is heard from then on."""
        self._closed = True
        self._utterance = None
        self._waiting.clear()
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    # --- utterances ---------------------------------------------------------------------------------------

    def _hear(self, tick: int, frame: Samples) -> None:
        self._gate.feed(frame)
        if self._gate.open:
            self._voice(tick, frame)
            return
        self._before.append(frame)
        utterance = self._utterance
        if utterance is None:
            return
        if self._quiet == 0:
            self._before.clear()
            utterance.put(frame)
            utterance.speech.put(_NO_SOUND)  # a pause, perhaps the end
        self._quiet += 1
        if self._quiet + RELEASE > END or utterance.frames >= LONG:
            self._cut()

    def _voice(self, tick: int, frame: Samples) -> None:
        self._quiet = 0
        pcm = np.concatenate([*self._before, frame])
        self._before.clear()
        if self._utterance is None:
            self._begin(tick + 1 - len(pcm) // FRAME)
        utterance = self._utterance
        if utterance is None:
            return
        utterance.put(pcm)
        if utterance.frames >= LONGEST or (
            utterance.frames >= LONGER and _power(frame) * utterance.frames < LITTLE * utterance.power
        ):
            self._cut()

    def _begin(self, tick: int) -> None:
        if len(self._waiting) >= BACKLOG:
            self._fail(
                SpeechError(
                    f"The recogniser is behind by {len(self._waiting)} sentences of one participant.",
                    code=429,
                )
            )
            return
        self._utterance = _Utterance(self._wish(), tick)
        self._waiting.append(self._utterance)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    def _cut(self) -> None:
        utterance, self._utterance = self._utterance, None
        if utterance is not None:
            utterance.end()

    # --- words --------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        """Understand one utterance after the other."""
        try:
            while self._waiting:
                await self._understand(self._waiting[0])
                self._waiting.popleft()
        except SpeechError as error:
            self._fail(error)
        except Exception:
            # A mistake of a provider's: the transcription is told, or it would wait for words for ever.
            _log.exception("what was said could not be understood")
            broken = SpeechError("The recogniser broke; see the server's log.", code=500, sub_code=9999)
            self._fail(broken)
        else:
            self._task = None
            self._rested()

    async def _understand(self, utterance: _Utterance) -> None:
        at = utterance.began / FRAMES_PER_SECOND
        async with aclosing(self._hearing.understand(utterance.speech, utterance.wish)) as results:
            async for found in results:
                if found.text:
                    self._told(_later(found, at))

    def _fail(self, error: SpeechError) -> None:
        self.close()
        self._failed(error)


def _later(found: Recognised, seconds: float) -> Recognised:
    return replace(
        found,
        start=found.start + seconds,
        words=tuple(replace(word, start=word.start + seconds) for word in found.words),
    )


def _power(pcm: Samples) -> float:
    wide = pcm.astype(np.float32)
    return float(wide @ wide)
