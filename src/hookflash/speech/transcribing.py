"""Real-time transcription by the recognisers that calls use: one stream of speech for each leg."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hookflash.media.speech import Listening
from hookflash.ports.speech import Recognised, SpeechError
from hookflash.speech.gate import FRAME, RELEASE, VoiceGate
from hookflash.speech.hearing import HearingDesk, Speech

_log = logging.getLogger(__name__)
_NO_SOUND = np.empty(0, np.int16)

LONGEST = 60 * 50
"""Frames of one utterance; a longer one is cut."""
WAITING = 8
"""Utterances of a leg that may wait to be understood; the oldest is given up."""

Samples = NDArray[np.int16]
Said = Callable[[int, float, Recognised], None]
"""Told who, the seconds from the first frame of that leg at which the utterance began, and what it was."""


@dataclass
class _Leg:
    gate: VoiceGate = field(default_factory=VoiceGate)
    before: deque[Samples] = field(default_factory=lambda: deque(maxlen=RELEASE))
    frames: int = 0
    length: int = 0
    speech: Speech | None = None


class Transcribing:
    """Everything that is said by the legs of one call, utterance by utterance.

    Args:
        hearing: who understands.
        locale: BCP-47.
        model: custom speech model, "" for none.
        said: told of partial and final results.
    """

    def __init__(self, hearing: HearingDesk, locale: str, model: str, said: Said) -> None:
        self._hearing = hearing
        self._wish = Listening((locale,), model=model)
        self._said = said
        self._legs: dict[int, _Leg] = {}
        self._tasks: dict[asyncio.Task[None], int] = {}

    def hear(self, leg: int, frame: Samples) -> None:
        """20 ms of what ``leg`` said, int16 of shape (320,)."""
        one = self._legs.setdefault(leg, _Leg())
        change = one.gate.feed(frame)
        one.frames += 1
        if change is not None and change.voice:
            one.speech, one.length = Speech(), 0
            began = (one.frames - 1 - len(one.before)) * FRAME / 16_000
            self._begin(leg, began, one.speech)
            one.speech.put(np.concatenate([*one.before, frame]))
            one.before.clear()
        elif one.speech is not None:
            one.speech.put(frame)
            one.length += 1
        else:
            one.before.append(frame)
        if one.speech is not None and (not one.gate.open or one.length >= LONGEST):
            one.speech.put(_NO_SOUND)
            one.speech.end()
            one.speech = None
            if one.gate.open:  # the next utterance begins where this one was cut
                one.gate = VoiceGate()

    def update(self, locale: str, model: str) -> None:
        """From the next utterance on in another language."""
        self._wish = Listening((locale,), model=model)

    def close(self) -> None:
        """Nobody reads any more."""
        for task in list(self._tasks):
            task.cancel()

    def _begin(self, leg: int, began: float, speech: Speech) -> None:
        mine = [task for task, owner in self._tasks.items() if owner == leg]
        if len(mine) >= WAITING:
            _log.warning("somebody speaks faster than it can be understood; a sentence is left out")
            mine[0].cancel()
        task = asyncio.get_running_loop().create_task(self._understand(leg, began, speech, self._wish))
        self._tasks[task] = leg
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    async def _understand(self, leg: int, began: float, speech: Speech, wish: Listening) -> None:
        try:
            async with aclosing(self._hearing.understand(speech, wish)) as results:
                async for found in results:
                    if found.text:
                        self._said(leg, began, found)
        except SpeechError as error:
            _log.warning("a sentence could not be understood: %s", error)
