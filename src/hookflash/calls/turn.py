"""One turn of the exchange: the time, the effects decided so far, and who answers for which id.

Everything that has an id outside (a play, a sending, a timer) is registered here with its owner when it
begins and forgotten when it ends, so a fact about it finds its owner at once, and a fact that comes too
late finds nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from hookflash.calls.effects import (
    AddListener,
    AudioFile,
    Effect,
    PlayAudio,
    RemoveListener,
    SendTones,
    StartTimer,
    StopAudio,
    StopTimer,
    StopTones,
)
from hookflash.calls.speech_effects import FinishListening, StartListening, StopListening
from hookflash.media.line import Audio, PlayOwner, Source, TonesOwner, WordsOwner
from hookflash.media.speech import Listening

if TYPE_CHECKING:
    from hookflash.calls.streams import Outlet


Handlers = dict[type, Callable[["Turn", Any], msgspec.Struct | None]]
"""By type of command or fact, what decides about it."""


class Pending:
    """Plays, sendings, listenings, streams and timers under way, by id, and where their ids come from."""

    def __init__(self) -> None:
        self.plays: dict[int, PlayOwner] = {}
        self.sendings: dict[int, TonesOwner] = {}
        self.listenings: dict[int, WordsOwner] = {}
        self.streams: dict[int, Outlet] = {}
        self.timers: dict[int, Callable[[Turn], None]] = {}
        self._play_ids = count(1)
        self._sending_ids = count(1)
        self._listening_ids = count(1)
        self._stream_ids = count(1)
        self._timer_ids = count(1)
        self._serials = count(1)

    def next_serial(self) -> int:
        """Numbers things in the order they were accepted."""
        return next(self._serials)

    def add_play(self, owner: PlayOwner) -> int:
        play = next(self._play_ids)
        self.plays[play] = owner
        return play

    def next_sending(self) -> int:
        return next(self._sending_ids)

    def add_sending(self, owner: TonesOwner) -> int:
        sending = self.next_sending()
        self.sendings[sending] = owner
        return sending

    def add_listening(self, owner: WordsOwner) -> int:
        listening = next(self._listening_ids)
        self.listenings[listening] = owner
        return listening

    def add_stream(self, owner: Outlet) -> int:
        stream = next(self._stream_ids)
        self.streams[stream] = owner
        return stream

    def add_timer(self, fire: Callable[[Turn], None]) -> int:
        timer = next(self._timer_ids)
        self.timers[timer] = fire
        return timer


class Turn:
    """What one command or fact leads to: ``effects`` in order. ``now`` is in seconds."""

    __slots__ = ("effects", "now", "pending")

    def __init__(self, now: float, pending: Pending) -> None:
        self.now = now
        self.pending = pending
        self.effects: list[Effect] = []

    def emit(self, effect: Effect) -> None:
        self.effects.append(effect)

    def next_serial(self) -> int:
        """Numbers things in the order they were accepted."""
        return self.pending.next_serial()

    def start_timer(self, at: float, fire: Callable[[Turn], None]) -> int:
        """Have ``fire`` called at ``at`` (seconds); returns the timer's id."""
        timer = self.pending.add_timer(fire)
        self.emit(StartTimer(timer, at))
        return timer

    def stop_timer(self, timer: int | None) -> None:
        """Stop a timer; None and timers that have fired are ignored."""
        if timer is not None and self.pending.timers.pop(timer, None) is not None:
            self.emit(StopTimer(timer))

    def start_play(
        self,
        call: int,
        legs: tuple[int, ...],
        sources: Sequence[Audio],
        loop: bool,
        owner: PlayOwner,
        until_key: int | None = None,
    ) -> int:
        """Play ``sources`` to ``legs``, a key of the leg ``until_key`` ends it; returns the play's id."""
        play = self.pending.add_play(owner)
        wanted = tuple(
            AudioFile(source.url, source.cache_id) if isinstance(source, Source) else source
            for source in sources
        )
        self.emit(PlayAudio(play, call, legs, wanted, loop, until_key))
        return play

    def add_listener(self, play: int, leg: int) -> None:
        """One more leg hears a running play."""
        self.emit(AddListener(play, leg))

    def remove_listener(self, play: int, leg: int) -> None:
        """One leg does not hear a running play any more."""
        self.emit(RemoveListener(play, leg))

    def stop_play(self, play: int | None) -> None:
        """Stop a play; None and plays that have ended are ignored."""
        if play is not None and self.pending.plays.pop(play, None) is not None:
            self.emit(StopAudio(play))

    def start_tones(self, call: int, leg: int, digits: str, owner: TonesOwner) -> int:
        """Press ``digits`` towards ``leg``; returns the sending's id."""
        sending = self.pending.add_sending(owner)
        self.emit(SendTones(sending, call, leg, digits))
        return sending

    def pass_key(self, call: int, leg: int, digit: str) -> None:
        """Press a key towards ``leg`` that somebody else has pressed; what becomes of it nobody asks."""
        self.emit(SendTones(self.pending.next_sending(), call, leg, digit))

    def stop_tones(self, sending: int | None) -> None:
        """Stop a sending; None and sendings that have ended are ignored."""
        if sending is not None and self.pending.sendings.pop(sending, None) is not None:
            self.emit(StopTones(sending))

    def start_listening(self, call: int, leg: int, wish: Listening, owner: WordsOwner) -> int:
        """Listen to what ``leg`` says; returns the listening's id."""
        listening = self.pending.add_listening(owner)
        self.emit(StartListening(listening, call, leg, wish))
        return listening

    def finish_listening(self, listening: int | None) -> None:
        """No more is to be heard: the final words follow. None and what has ended are ignored."""
        if listening is not None and listening in self.pending.listenings:
            self.emit(FinishListening(listening))

    def stop_listening(self, listening: int | None) -> None:
        """Drop a listening, nothing more comes of it; None and what has ended are ignored."""
        if listening is not None and self.pending.listenings.pop(listening, None) is not None:
            self.emit(StopListening(listening))

    def new_stream(self, owner: Outlet) -> int:
        """A name for a stream or transcript that is about to be opened."""
        return self.pending.add_stream(owner)

    def forget_stream(self, stream: int) -> None:
        """Nothing more is to be heard of a stream."""
        self.pending.streams.pop(stream, None)
