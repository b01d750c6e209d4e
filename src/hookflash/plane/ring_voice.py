"""Control's side of the rings into a worker: what an app says, kept until there is room for it."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.listeners import Shelf
from hookflash.plane.resampling import Resampler, ring_rate
from hookflash.plane.rings import VOICE_SAMPLES
from hookflash.ports import plane

VOICE_SECONDS = 300
"""Seconds of audio that may wait to be said by one voice."""
PIECE = 0.06
"""Seconds of a voice made ready at a time."""

Samples = NDArray[np.int16]


class RingVoice:
    """Implements :class:`hookflash.ports.audio.Voice`."""

    def __init__(self, shelf: Shelf, leg: int, rate: int) -> None:
        self._down = Resampler(rate, ring_rate(rate))
        self._shelf = shelf
        self._voice = shelf.take_voice()
        self._limit = VOICE_SECONDS * rate
        self._piece = round(PIECE * rate)
        self._room = ring_rate(rate)
        self._waiting: deque[Samples] = deque()
        self._waits = 0
        self._ready: Samples = np.zeros(0, np.int16)
        self._half = b""
        self._closed = False
        self.leg = leg
        shelf.voices[self._voice] = self
        shelf.seat.post(plane.OpenVoice(self._voice, leg, ring_rate(rate)))

    def say(self, pcm: bytes) -> int:
        if self._closed:
            return len(pcm)
        if self._half:
            pcm = self._half + pcm
        whole = len(pcm) & ~1
        self._half = pcm[whole:]
        room = max(0, self._limit - self._waits)
        samples = np.frombuffer(pcm, "<i2", min(whole // 2, room))
        if len(samples):
            self._waiting.append(samples)
            self._waits += len(samples)
            self.pump()
        return whole - 2 * len(samples)

    def hush(self) -> None:
        self._waiting.clear()
        self._waits = 0
        self._half = b""
        self._ready = np.zeros(0, np.int16)
        self._down.reset()
        if not self._closed:
            self._shelf.rings.void[self._voice] = self._shelf.rings.said[self._voice]

    def close(self) -> None:
        if not self._closed:
            self._shelf.seat.post(plane.CloseVoice(self._voice))
            self.end()

    def end(self) -> None:
        """The worker has closed it, or it is gone."""
        self._closed = True
        self._waiting.clear()

    def pump(self) -> None:
        """Fill the ring: a second of it at most, at either rate."""
        rings, voice = self._shelf.rings, self._voice
        said = int(rings.said[voice])
        heard = max(int(rings.spoken[voice]), int(rings.void[voice]))
        room = self._room - (said - heard)
        while room > 0:
            if not len(self._ready):
                if not self._waiting:
                    return
                self._ready = self._down.feed(self._next_piece())
                continue
            count = min(room, len(self._ready))
            at = said % VOICE_SAMPLES
            first = min(count, VOICE_SAMPLES - at)
            rings.samples[voice, at : at + first] = self._ready[:first]
            rings.samples[voice, : count - first] = self._ready[first:count]
            self._ready = self._ready[count:]
            said += count
            room -= count
            # Only now, when the samples are there.
            rings.said[voice] = said

    def _next_piece(self) -> Samples:
        head = self._waiting.popleft()
        if len(head) > self._piece:
            self._waiting.appendleft(head[self._piece :])
            head = head[: self._piece]
        self._waits -= len(head)
        return head
