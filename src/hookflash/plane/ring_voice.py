"""Control's side of the rings into a worker: what an app says, kept until there is room for it."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.listeners import Shelf
from hookflash.plane.resampling import Resampler, ring_rate
from hookflash.plane.rings import VOICE_SAMPLES
from hookflash.ports import plane
from hookflash.ports.audio import Played, Speaking

VOICE_SECONDS = 60
"""Seconds of audio that may wait to be said by one voice."""
LULL = 3
"""Ticks without anything to say after which a voice has fallen silent: whoever sends in real time is at times
a little late."""
PIECE = 0.06
"""Seconds of a voice made ready at a time."""

Samples = NDArray[np.int16]


class RingVoice:
    """Implements :class:`hookflash.ports.audio.Voice`. ``closed``: nothing more is said."""

    def __init__(self, shelf: Shelf, leg: int, rate: int) -> None:
        self._down = Resampler(rate, ring_rate(rate))
        self._shelf = shelf
        self._voice = shelf.take_voice()
        self._ring = shelf.rings.samples[self._voice]
        self._said = 0
        self._limit = VOICE_SECONDS * rate
        self._piece = round(PIECE * rate)
        self._room = ring_rate(rate)
        self._waiting: deque[Samples | Played] = deque()
        self._waits = 0
        self._ready: Samples = np.zeros(0, np.int16)
        self._half = b""
        self._marks: deque[tuple[int, Played]] = deque()
        self._speaking: Speaking | None = None
        self._heard = 0
        self._idle = LULL
        self.closed = False
        self.leg = leg
        shelf.voices[self._voice] = self
        shelf.seat.post(plane.OpenVoice(self._voice, leg, ring_rate(rate)))

    def say(self, pcm: bytes) -> int:
        if self.closed:
            return len(pcm)
        if self._half:
            pcm = self._half + pcm
        whole = len(pcm) & ~1
        self._half = pcm[whole:]
        room = max(0, self._limit - self._waits)
        samples = np.frombuffer(pcm, "<i2", min(whole // 2, room))
        count = len(samples)
        if count:
            if self._waiting or len(self._ready) or count > self._piece:
                self._waiting.append(samples)
                self._waits += count
                self.pump()
            else:
                # Who sends in real time has nothing waiting.
                self._ready = self._down.feed(samples)
                self._fill(self._space())
        return whole - 2 * count

    def mark(self, played: Played) -> None:
        if self.closed:
            played(False)
            return
        self._waiting.append(played)
        self.pump()
        self._settle()

    def watch(self, speaking: Speaking) -> None:
        self._speaking = speaking
        self._heard = int(self._shelf.rings.spoken[self._voice])

    def hush(self) -> None:
        self._settle()
        dropped = self._drop()
        self._half = b""
        self._ready = np.zeros(0, np.int16)
        self._down.reset()
        if not self.closed:
            self._shelf.rings.void[self._voice] = self._said
        for played in dropped:
            played(False)

    def close(self) -> None:
        if not self.closed:
            self._shelf.seat.post(plane.CloseVoice(self._voice))
            self.end()

    def end(self) -> None:
        """The worker has closed it, or it is gone."""
        self.closed = True
        for played in self._drop():
            played(False)

    def tick(self) -> None:
        """A tick is over: fill the ring again, and say what has been heard of it."""
        if self._waiting or len(self._ready):
            self.pump()
        if self._marks:
            self._settle()
        if self._speaking is not None:
            self._tell(self._speaking)

    def _tell(self, speaking: Speaking) -> None:
        """Tell when it begins to be heard and when it falls silent."""
        spoken = int(self._shelf.rings.spoken[self._voice])
        # Over what was hushed the worker steps without a word.
        was, self._heard = max(self._heard, int(self._shelf.rings.void[self._voice])), spoken
        if spoken > was:
            begins, self._idle = self._idle >= LULL, 0
            if begins:
                speaking(True)
        elif self._idle < LULL:
            self._idle += 1
            if self._idle == LULL:
                speaking(False)

    def pump(self) -> None:
        """Fill the ring: a second of it at most, at either rate."""
        room = self._fill(self._space())
        while room > 0 and self._waiting:
            head = self._waiting.popleft()
            if callable(head):
                self._marks.append((self._said, head))
            else:
                self._ready = self._down.feed(self._piece_of(head))
                room = self._fill(room)

    def _space(self) -> int:
        """Samples for which there is room in the ring."""
        rings, voice = self._shelf.rings, self._voice
        return self._room - self._said + max(int(rings.spoken[voice]), int(rings.void[voice]))

    def _fill(self, room: int) -> int:
        """Put what is ready into the ring, at most ``room`` samples; the room that is left."""
        ready = self._ready
        while len(ready) and room > 0:
            at = self._said % VOICE_SAMPLES
            count = min(room, len(ready), VOICE_SAMPLES - at)
            self._ring[at : at + count] = ready[:count]
            ready = ready[count:]
            room -= count
            self._said += count
            # Only now, when the samples are there.
            self._shelf.rings.said[self._voice] = self._said
        self._ready = ready
        return room

    def _settle(self) -> None:
        """Tell of the marks up to which all has been heard."""
        spoken = int(self._shelf.rings.spoken[self._voice])
        while self._marks and self._marks[0][0] <= spoken:
            self._marks.popleft()[1](True)

    def _drop(self) -> list[Played]:
        """Forget all that waits; the marks in it, for whoever drops them to tell."""
        dropped = [played for _, played in self._marks]
        dropped += [one for one in self._waiting if callable(one)]
        self._marks.clear()
        self._waiting.clear()
        self._waits = 0
        return dropped

    def _piece_of(self, head: Samples) -> Samples:
        if len(head) > self._piece:
            self._waiting.appendleft(head[self._piece :])
            head = head[: self._piece]
        self._waits -= len(head)
        return head
