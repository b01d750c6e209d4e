"""The audio desk: control's side of the rings. Gives out listeners and voices, and tells them of ticks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hookflash.plane.block_listener import BlockListener
from hookflash.plane.listeners import Shelf, TapListener
from hookflash.plane.ring_voice import RingVoice
from hookflash.plane.supervisor import Seat
from hookflash.ports import audio, plane
from hookflash.ports.audio import AudioUnavailable, Lend, Lost, Take, TakeBlock, Together


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

    def listen(
        self, call: int, rate: int, take: Take, lost: Lost, together: Together[Any] | None = None
    ) -> audio.Listener:
        return TapListener(self._shelf_of(call), rate, take, lost, together)

    def listen_in_blocks(
        self, call: int, rate: int, take: TakeBlock, lost: Lost, lend: Lend | None = None
    ) -> audio.BlockListener:
        return BlockListener(self._shelf_of(call), rate, take, lost, lend)

    def speak(self, leg: int, rate: int) -> audio.Voice:
        seat = self._seat_of_leg(leg)
        if seat is None:
            raise AudioUnavailable("the app has no audio in the call")
        shelf = self._shelf(seat)
        # One that is being closed is gone for the worker before it hears of the next.
        if any(voice.leg == leg and not voice.closed for voice in shelf.voices.values()):
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

    def _shelf_of(self, call: int) -> Shelf:
        seat = self._seat_of_call(call)
        if seat is None:
            raise AudioUnavailable("the call has no audio")
        return self._shelf(seat)

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
        shelf.tapped(event.tick)
        for voice in shelf.voices.values():
            voice.tick()

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
        # The memory outlives who wrote it.
        shelf.flush_waiting()
        for voice in shelf.voices.values():
            voice.end()
        for listener in shelf.everybody():
            listener.end()
            listener.lost(f"the media worker is gone: {reason}")
