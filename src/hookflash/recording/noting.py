"""The note on the file that is being recorded, kept up to date: after a crash it says who was in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from hookflash.ports.clock import Clock, Timer
from hookflash.recording.library import Library
from hookflash.recording.metadata import Pause, Person, StoredFile, within

EVERY = 1.0
"""Seconds from one note on a file to the next, at least: as much as may be lost of its sound."""
PAUSED = 30.0
"""Seconds after which a pause that goes on is noted again: a crash makes it shorter by no more."""


class Known(NamedTuple):
    """What is known of a recording: who is in it, its pauses up to now, and whether it is paused."""

    people: Sequence[Person]
    pauses: Sequence[Pause]
    paused: bool


class Noting:
    """Notes down what is known of one file at a time. Nothing waits for it: the store writes in its thread.

    Args:
        library: where the notes go.
        clock: for not noting too often.
        look: what is known now.
    """

    def __init__(self, library: Library, clock: Clock, look: Callable[[], Known]) -> None:
        self._library = library
        self._clock = clock
        self._look = look
        self._file: StoredFile | None = None
        self._noted = 0.0
        self._changed = False
        self._timer: Timer | None = None

    def begin(self, file: StoredFile) -> asyncio.Future[None]:
        """``file`` is being recorded; done once that is kept."""
        self._file = file
        return self._note()

    def changed(self) -> None:
        """There is something new to note."""
        if self._file is not None and not self._changed:
            self._changed = True
            self._wake(max(self._clock.now(), self._noted + EVERY))

    def end(self) -> None:
        """The file is about to be closed: note what has not been noted, and then nothing more."""
        if self._changed:
            self._note()
        self._quiet()
        self._file = None

    def _wake(self, at: float) -> None:
        self._quiet()
        self._timer = self._clock.call_at(at, self._again)

    def _quiet(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _again(self) -> None:
        self._note()

    def _note(self) -> asyncio.Future[None]:
        assert self._file is not None
        self._quiet()
        self._changed, self._noted = False, self._clock.now()
        known = self._look()
        noted = self._library.note(
            msgspec.structs.replace(
                self._file,
                people=tuple(one.raw_id for one in known.people),
                channels={one.raw_id: one.channel for one in known.people if one.channel is not None},
                pauses=within(known.pauses, self._file.started),
            )
        )
        if known.paused:
            self._wake(self._noted + PAUSED)
        return noted
