"""The recording desk: carries out the effects on recordings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from hookflash.calls.audio_effects import (
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
    UpdateRoster,
)
from hookflash.calls.facts import RecordingFailed
from hookflash.ports.audio import CallAudio
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.recording.disk import Disk
from hookflash.recording.library import Library
from hookflash.recording.metadata import Label
from hookflash.recording.orders import Order
from hookflash.recording.sealing import SealKey
from hookflash.recording.strays import new_document_id
from hookflash.recording.take import Take
from hookflash.recording.uploads import Uploads
from hookflash.recording.write_behind import WriteBehind
from hookflash.wire.containers import read_container

THREADS = 2
"""That begin and finish files, which may wait for a disk to take all of one."""
ENCODERS = 2
"""Threads that encode MP3; each has a core's time for some 150 recordings."""
INVALID_ARGUMENT = 8523
MAX_FILE = 1 << 30
"""Bytes of one file unless said otherwise."""


class RecordingDesk:
    """Implements :class:`hookflash.ports.edges.Recorder`.

    Args:
        audio: where the audio of calls is had.
        library: where files go and are noted down.
        clock: for the times in files.
        report: where facts go.
        max_bytes: size at which a file is closed and another begun.
        max_seconds: seconds of sound at which a file is closed and another begun; 0: never.
        key: what files are sealed with; None for plain ones.
        uploads: sends files to where they belong; None where they stay on the disk.
        storage: where files go that no app wants elsewhere; "" for nowhere.
        new_id: makes document ids.
    """

    def __init__(
        self,
        audio: CallAudio,
        library: Library,
        clock: Clock,
        report: FactSink,
        *,
        max_bytes: int = MAX_FILE,
        max_seconds: float = 0.0,
        key: SealKey | None = None,
        uploads: Uploads | None = None,
        storage: str = "",
        new_id: Callable[[], str] = new_document_id,
    ) -> None:
        self._audio = audio
        self._library = library
        self._clock = clock
        self._report = report
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._key = key
        self._uploads = uploads
        self._storage = storage
        self._new_id = new_id
        self._pool = ThreadPoolExecutor(THREADS, "recording")
        # One: what is written meanwhile waits in memory, and two would only take turns at the interpreter.
        self._writer = ThreadPoolExecutor(1, "recording-writer")
        self._behind = WriteBehind(self._writer)
        # They encode without the interpreter, and nobody waits for them who writes plain samples.
        self._encoder = ThreadPoolExecutor(ENCODERS, "recording-encoder")
        self._encode = WriteBehind(self._encoder)
        self._takes: dict[str, Take] = {}

    @property
    def open(self) -> int:
        """Recordings whose files are not finished."""
        return len(self._takes)

    async def close(self) -> None:
        """Finish every file."""
        takes = list(self._takes.values())
        for take in takes:
            take.stop()
        await asyncio.gather(*(take.task for take in takes), return_exceptions=True)
        self._pool.shutdown(wait=False)
        self._writer.shutdown(wait=False)
        self._encoder.shutdown(wait=False)

    def start(self, effect: StartRecording) -> None:
        name = effect.recording
        if effect.destination is not None and self._uploads is None:
            message = "This server keeps recordings on its own disk; leave externalStorage out."
            self._refuse(RecordingFailed(name, 400, INVALID_ARGUMENT, message))
        else:
            order = self._order(effect)
            if order is not None and self._uploads is not None:
                self._uploads.order(order)
            disk = Disk(
                self._library.folder,
                Label.of(effect),
                self._max_bytes,
                self._new_id,
                max_seconds=self._max_seconds,
                key=self._key,
            )
            self._takes[name] = Take(
                effect,
                self._audio,
                disk,
                self._library,
                self._pool,
                self._encode if effect.format == "mp3" else self._behind,
                self._clock,
                self._report if self._uploads is None else self._uploads.told,
                partial(self._over, name),
            )

    def _over(self, name: str) -> None:
        self._takes.pop(name, None)
        if self._uploads is not None:
            self._uploads.over(name)

    def _order(self, effect: StartRecording) -> Order | None:
        """Where the files of a recording go, if anywhere."""
        if effect.destination is None:
            return Order(effect.recording, self._storage, own=True) if self._storage else None
        container = read_container(effect.destination)
        return Order(effect.recording, container.url, container.sas)

    def pause(self, effect: PauseRecording) -> None:
        if (take := self._takes.get(effect.recording)) is not None:
            take.pause()

    def resume(self, effect: ResumeRecording) -> None:
        if (take := self._takes.get(effect.recording)) is not None:
            take.resume()

    def stop(self, effect: StopRecording) -> None:
        if (take := self._takes.get(effect.recording)) is not None:
            take.stop()

    def roster(self, effect: UpdateRoster) -> None:
        for take in self._takes.values():
            if take.effect.call == effect.call:
                take.roster(effect.roster)

    def _refuse(self, fact: RecordingFailed) -> None:
        """Report from the event loop: the caller is in the middle of carrying out effects."""
        asyncio.get_running_loop().call_soon(self._report, fact)
