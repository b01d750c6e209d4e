"""The audio desk: control's side of the rings. Hands frames to listeners, keeps what voices have to say."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.resampling import Downsampler, Upsampler, factor_of
from hookflash.plane.rings import TAP_FRAMES, TAPS, VOICE_SAMPLES, VOICES, Rings
from hookflash.plane.supervisor import Seat
from hookflash.ports import audio, plane
from hookflash.ports.audio import AudioUnavailable, Heard, Lost, Prompts, Said, Source, Take

_log = logging.getLogger(__name__)

VOICE_SECONDS = 300
"""Seconds of audio that may wait to be said by one voice."""
PIECE = 480
"""Samples of a voice (at 8,000 Hz) made ready at a time."""

Samples = NDArray[np.int16]


class Shelf:
    """The rings of one worker, as control hands them out."""

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
        self.lost = 0
        self.rings: Rings = seat.rings
        self.listeners: list[TapListener] = []
        self.voices: dict[int, RingVoice] = {}
        self.by_tap: dict[int, tuple[TapListener, Source]] = {}
        self.free_taps = list(range(TAPS - 1, -1, -1))
        self.free_voices = list(range(VOICES - 1, -1, -1))

    def take_tap(self) -> int:
        """A free ring, emptied. Raises AudioUnavailable."""
        if not self.free_taps:
            raise AudioUnavailable(f"all {TAPS} taps of media worker {self.seat.number} are in use")
        tap = self.free_taps.pop()
        self.rings.written[tap] = self.rings.read[tap] = self.rings.lost[tap] = 0
        return tap

    def take_voice(self) -> int:
        """A free ring, emptied. Raises AudioUnavailable."""
        if not self.free_voices:
            raise AudioUnavailable(f"all {VOICES} voices of media worker {self.seat.number} are in use")
        voice = self.free_voices.pop()
        self.rings.said[voice] = self.rings.spoken[voice] = self.rings.void[voice] = 0
        return voice


class TapListener:
    """Implements :class:`hookflash.ports.audio.Listener`."""

    def __init__(self, shelf: Shelf, rate: int, take: Take, lost: Lost) -> None:
        factor_of(rate)
        self.lost = lost
        self._shelf = shelf
        self._rate = rate
        self._take = take
        self._taps: dict[Source, tuple[int, Upsampler]] = {}
        self._closed = False
        self._missed = 0
        shelf.listeners.append(self)

    def add(self, source: Source) -> None:
        if self._closed or source in self._taps:
            return
        tap = self._shelf.take_tap()
        self._taps[source] = tap, Upsampler(self._rate)
        self._shelf.by_tap[tap] = self, source
        self._shelf.seat.post(_command(tap, source))

    def remove(self, source: Source) -> None:
        found = self._taps.pop(source, None)
        if found is not None:
            self._shelf.seat.post(plane.CloseTap(found[0]))

    def forget(self, source: Source, tap: int) -> None:
        """The worker has closed the tap of a source by itself."""
        if (found := self._taps.get(source)) is not None and found[0] == tap:
            del self._taps[source]

    def close(self) -> None:
        if not self._closed:
            for source in list(self._taps):
                self.remove(source)
            self.end()

    def end(self) -> None:
        """The worker is gone, or nobody listens any more."""
        self._closed = True
        if self in self._shelf.listeners:
            self._shelf.listeners.remove(self)

    def pump(self, tick: int) -> None:
        """Hand over what the rings hold up to ``tick``."""
        rings = self._shelf.rings
        frames: dict[int, dict[Source, Samples]] = {}
        missed = 0
        for source, (tap, upsampler) in self._taps.items():
            at, written = int(rings.read[tap]), int(rings.written[tap])
            while at < written:
                place = at % TAP_FRAMES
                when = int(rings.ticks[tap, place])
                if when > tick:
                    break  # of the next tick, which the worker is in the middle of
                frames.setdefault(when, {})[source] = upsampler.feed(rings.frames[tap, place])
                at += 1
            rings.read[tap] = at
            missed += int(rings.lost[tap])
        if missed > self._missed:
            _log.warning(
                "%d frames of a call were lost on the way to who listens: this process was too busy",
                missed - self._missed,
            )
            self._shelf.lost += missed - self._missed
        self._missed = missed
        for when in sorted(frames):
            if not self._closed:
                self._take(when, frames[when])


class RingVoice:
    """Implements :class:`hookflash.ports.audio.Voice`."""

    def __init__(self, shelf: Shelf, leg: int, rate: int) -> None:
        self._down = Downsampler(rate)
        self._shelf = shelf
        self._voice = shelf.take_voice()
        self._limit = VOICE_SECONDS * rate
        self._piece = PIECE * self._down.factor
        self._waiting: deque[Samples] = deque()
        self._waits = 0
        self._ready: Samples = np.zeros(0, np.int16)
        self._half = b""
        self._closed = False
        self.leg = leg
        shelf.voices[self._voice] = self
        shelf.seat.post(plane.OpenVoice(self._voice, leg))

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
        """Fill the ring."""
        rings, voice = self._shelf.rings, self._voice
        said = int(rings.said[voice])
        heard = max(int(rings.spoken[voice]), int(rings.void[voice]))
        room = VOICE_SAMPLES - (said - heard)
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


class AudioDesk:
    """Implements :class:`hookflash.ports.audio.CallAudio`.

    Args:
        seat_of_call, seat_of_leg: where calls and legs are.
        is_app_leg: whether a leg is an app's.
    """

    def __init__(
        self,
        seat_of_call: Callable[[int], Seat | None],
        seat_of_leg: Callable[[int], Seat | None],
        is_app_leg: Callable[[int], bool],
    ) -> None:
        self._seat_of_call = seat_of_call
        self._seat_of_leg = seat_of_leg
        self.is_app_leg = is_app_leg
        self._shelves: dict[Seat, Shelf] = {}

    def listen(self, call: int, rate: int, take: Take, lost: Lost) -> audio.Listener:
        seat = self._seat_of_call(call)
        if seat is None:
            raise AudioUnavailable("the call has no audio")
        return TapListener(self._shelf(seat), rate, take, lost)

    def speak(self, leg: int, rate: int) -> audio.Voice:
        seat = self._seat_of_leg(leg)
        if seat is None:
            raise AudioUnavailable("the app has no audio in the call")
        shelf = self._shelf(seat)
        if any(voice.leg == leg for voice in shelf.voices.values()):
            raise AudioUnavailable("the app speaks through another stream already")
        return RingVoice(shelf, leg, rate)

    @property
    def open(self) -> int:
        """Taps and voices in use."""
        return sum(len(shelf.by_tap) + len(shelf.voices) for shelf in self._shelves.values())

    @property
    def lost(self) -> int:
        """Frames that found no room because control was too busy to take them, on the workers of now."""
        return sum(shelf.lost for shelf in self._shelves.values())

    def _shelf(self, seat: Seat) -> Shelf:
        shelf = self._shelves.get(seat)
        if shelf is None:
            try:
                shelf = self._shelves[seat] = Shelf(seat)
            except plane.LegUnavailable as error:
                raise AudioUnavailable(str(error)) from error
        return shelf

    # --- from the seats -----------------------------------------------------------------------------------

    def tapped(self, seat: Seat, event: plane.AudioTapped) -> None:
        """A tick has been written."""
        shelf = self._shelves.get(seat)
        if shelf is None:
            return
        for listener in list(shelf.listeners):
            try:
                listener.pump(event.tick)
            except Exception:
                # One listener's fault must not cost the others their audio.
                _log.exception("audio could not be handed over")
        for voice in shelf.voices.values():
            voice.pump()

    def tap_closed(self, seat: Seat, event: plane.TapClosed) -> None:
        """A ring is free again."""
        shelf = self._shelves.get(seat)
        if shelf is None or event.tap not in shelf.by_tap:
            return
        listener, source = shelf.by_tap.pop(event.tap)
        listener.forget(source, event.tap)
        shelf.free_taps.append(event.tap)

    def voice_closed(self, seat: Seat, event: plane.VoiceClosed) -> None:
        """A ring is free again."""
        shelf = self._shelves.get(seat)
        if shelf is None or event.voice not in shelf.voices:
            return
        shelf.voices.pop(event.voice).end()
        shelf.free_voices.append(event.voice)

    def seat_lost(self, seat: Seat, reason: str) -> None:
        """The worker is gone, and its rings with it."""
        shelf = self._shelves.pop(seat, None)
        if shelf is None:
            return
        for voice in shelf.voices.values():
            voice.end()
        for listener in list(shelf.listeners):
            listener.end()
            listener.lost(f"the media worker is gone: {reason}")


def _command(tap: int, source: Source) -> plane.OpenTap:
    match source:
        case Heard(leg, itself):
            return plane.OpenTap(tap, "heard", leg, itself)
        case Said(leg):
            return plane.OpenTap(tap, "said", leg)
        case Prompts(call):
            return plane.OpenTap(tap, "prompts", call)
        case audio.Whole(call):
            return plane.OpenTap(tap, "whole", call)
