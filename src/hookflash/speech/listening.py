"""The listening desk: hears single legs for calls, tells of voice at once and of words when they are clear.

What a leg says goes through a gate that knows voice from noise. A recogniser is not bothered before somebody
speaks; from then on it is given what is said, with 300 ms of what was before it and without longer pauses.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hookflash.calls.speech_effects import (
    FinishListening,
    ListeningFailed,
    StartListening,
    StopListening,
    VoiceBegan,
    VoiceEnded,
    WordsHeard,
)
from hookflash.ports.audio import FRAMES_PER_SECOND, AudioUnavailable, CallAudio, Listener, Said, Source
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.edges import FactSink
from hookflash.ports.speech import RATE, Recognised, SpeechError
from hookflash.speech.gate import FRAME, RELEASE, Change, VoiceGate
from hookflash.speech.hearing import HearingDesk, Speech

TICK = 1.0 / FRAMES_PER_SECOND
BEFORE = RELEASE
"""Frames before a voice that go with it: 300 ms, for the consonant it began with."""
LATER = 5e-7
"""Seconds by which a tick may be found to be later than thought, a tick: clocks drift."""

_log = logging.getLogger(__name__)
_NO_SOUND = np.empty(0, np.int16)

Samples = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class ListeningLimits:
    """What a listening may take.

    Attributes:
        listenings: at a time; more fail at once with 429.
        speech: seconds of voice that are listened to; then the speaker counts as silent.
        silence: seconds without any audio (the leg is gone, the plane stalls) that end a voice.
        last_words: seconds a recogniser has for the last words once they are asked for.
    """

    listenings: int = 500
    speech: float = 120.0
    silence: float = 1.0
    last_words: float = 15.0


class ListeningDesk:
    """Implements :class:`hookflash.ports.edges.Ears`. Use within one event loop; :meth:`close` it at the end.

    Args:
        audio: where legs are heard.
        hearing: who understands.
        report: takes the facts.
    """

    def __init__(
        self,
        audio: CallAudio,
        hearing: HearingDesk,
        clock: Clock,
        report: FactSink,
        limits: ListeningLimits | None = None,
    ) -> None:
        self._audio = audio
        self._hearing = hearing
        self._clock = clock
        self._report = report
        self._limits = limits or ListeningLimits()
        self._open: dict[int, _Listening] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def open(self) -> int:
        """Listenings under way."""
        return len(self._open)

    def listen(self, effect: StartListening) -> None:
        number = effect.listening
        if len(self._open) >= self._limits.listenings:
            text = f"This server listens to {len(self._open)} participants already; try again later."
            self._report(ListeningFailed(number, 429, 8565, text))
            return
        one = self._open[number] = _Listening(self, effect)
        try:
            one.start()
        except AudioUnavailable as error:
            self.give_up(number, 500, 9999, f"There is nothing to listen to: {error}.")

    def finish(self, effect: FinishListening) -> None:
        one = self._open.get(effect.listening)
        if one is not None:
            one.finish()

    def stop(self, effect: StopListening) -> None:
        one = self._open.pop(effect.listening, None)
        if one is not None:
            one.close()

    async def close(self) -> None:
        """Drop all listenings; nothing is reported any more."""
        for number in list(self._open):
            self._open.pop(number).close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- for listenings -----------------------------------------------------------------------------------

    @property
    def audio(self) -> CallAudio:
        return self._audio

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def hearing(self) -> HearingDesk:
        return self._hearing

    @property
    def limits(self) -> ListeningLimits:
        return self._limits

    def tell(self, fact: VoiceBegan | VoiceEnded | WordsHeard) -> None:
        """Report a fact of a listening that is still there; the last words end it."""
        if fact.listening not in self._open:
            return
        if isinstance(fact, WordsHeard) and fact.final:
            self._open.pop(fact.listening).close()
        self._report(fact)

    def give_up(self, number: int, code: int, sub_code: int, message: str) -> None:
        """End a listening without words."""
        one = self._open.pop(number, None)
        if one is not None:
            one.close()
            self._report(ListeningFailed(number, code, sub_code, message))

    def run(self, one: _Listening) -> asyncio.Task[None]:
        """Understand what somebody says; the task is held until it is over."""
        task = asyncio.get_running_loop().create_task(one.understand())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Listening:
    """One listening, from StartListening until nothing more comes of it."""

    def __init__(self, desk: ListeningDesk, effect: StartListening) -> None:
        self._desk = desk
        self._number = effect.listening
        self._effect = effect
        self._source = Said(effect.leg)
        self._gate = VoiceGate()
        self._before: deque[Samples] = deque(maxlen=BEFORE)
        self._first: int | None = None
        self._next = 0
        self._anchor = 0.0
        self._heard_at = 0.0
        self._voiced = 0
        self._speech: Speech | None = None
        self._task: asyncio.Task[None] | None = None
        self._listener: Listener | None = None
        self._watch: Timer | None = None
        self._late: Timer | None = None
        self._over = False

    def start(self) -> None:
        """Begin to hear the leg. Raises AudioUnavailable."""
        self._listener = self._desk.audio.listen(self._effect.call, RATE, self._hear, self._lost)
        self._listener.add(self._source)

    def finish(self) -> None:
        """No more is to be heard: the last words."""
        self._deaf()
        if self._speech is None:
            self._desk.tell(WordsHeard(self._number, "", final=True))
            return
        self._speech.end()
        seconds = self._desk.limits.last_words
        self._late = self._desk.clock.call_at(
            self._desk.clock.now() + seconds,
            lambda: self._desk.give_up(
                self._number, 408, 8565, f"The recogniser did not say within {seconds:g} s what it heard."
            ),
        )

    def close(self) -> None:
        """Nobody wants it any more; idempotent."""
        self._over = True
        self._deaf()
        if self._late is not None:
            self._late.cancel()
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    # --- audio --------------------------------------------------------------------------------------------

    def _hear(self, tick: int, frames: Mapping[Source, Samples]) -> None:
        frame = frames.get(self._source)
        if frame is None or len(frame) != FRAME:
            return
        self._heard_at = self._desk.clock.now()
        self._set_time(tick)
        if self._first is None:
            self._first = self._next = tick
        if tick < self._next:
            return
        if tick > self._next:
            missed = tick - self._next
            self._changed(self._gate.skip(missed))
            self._before.clear()
        self._next = tick + 1
        if self._voiced >= self._desk.limits.speech * FRAMES_PER_SECOND:
            frame = np.zeros(FRAME, np.int16)
        change = self._gate.feed(frame)
        if change is not None and change.voice:
            self._changed(change)
            self._pass_on(np.concatenate([*self._before, frame]))
            self._before.clear()
        elif self._gate.open:
            self._pass_on(frame)
        else:
            self._changed(change)
            self._before.append(frame)

    def _pass_on(self, pcm: Samples) -> None:
        if self._speech is not None and not self._over:
            self._voiced += len(pcm) // FRAME
            self._speech.put(pcm)

    def _changed(self, change: Change | None) -> None:
        if change is None or self._over or self._first is None:
            return
        at = self._anchor + (self._first + change.frame) * TICK
        if change.voice:
            if self._speech is None:
                self._speech = Speech()
                self._task = self._desk.run(self)
            self._look_out()
            self._desk.tell(VoiceBegan(self._number, at))
        else:
            if self._speech is not None:
                self._speech.put(_NO_SOUND)
            self._desk.tell(VoiceEnded(self._number, at))

    def _set_time(self, tick: int) -> None:
        """When tick 0 began: the least that any tick says, since a frame may come late but not early."""
        began = self._desk.clock.now() - (tick + 1) * TICK
        if self._first is None or began < self._anchor:
            self._anchor = began
        else:
            self._anchor += min(LATER * max(1, tick + 1 - self._next), began - self._anchor)

    def _look_out(self) -> None:
        """See to it that a voice ends when no audio comes any more."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._desk.clock.call_at(
            self._desk.clock.now() + self._desk.limits.silence, self._still_there
        )

    def _still_there(self) -> None:
        self._watch = None
        if self._over or not self._gate.open:
            return
        if self._desk.clock.now() - self._heard_at >= self._desk.limits.silence - TICK:
            self._changed(self._gate.skip(RELEASE))
            if self._first is not None:
                self._first -= RELEASE  # those frames had no ticks of their own
        else:
            self._look_out()

    def _lost(self, reason: str) -> None:
        self._desk.give_up(self._number, 500, 9999, f"The audio of the call is gone: {reason}.")

    def _deaf(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    # --- words --------------------------------------------------------------------------------------------

    async def understand(self) -> None:
        """Tell of words as they become clear, until the last ones."""
        assert self._speech is not None
        try:
            async with aclosing(self._desk.hearing.understand(self._speech, self._effect.wish)) as results:
                async for found in results:
                    self._desk.tell(self._words(found))
        except SpeechError as error:
            self._desk.give_up(self._number, error.code, error.sub_code, str(error))
        except Exception:
            # A mistake of a provider's: the application is told, or it would wait for words for ever.
            _log.exception("what was said could not be understood (listening %d)", self._number)
            self._desk.give_up(self._number, 500, 9999, "The recogniser broke; see the server's log.")

    def _words(self, found: Recognised) -> WordsHeard:
        return WordsHeard(
            self._number, found.text, found.final, found.confidence, locale=found.locale, choice=found.choice
        )
