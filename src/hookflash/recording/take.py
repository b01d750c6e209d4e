"""One recording while it runs: frames of a call put on one time line, handed to the disk at intervals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from hookflash.calls.audio_effects import Roster, StartRecording
from hookflash.calls.facts import RecordingChunk, RecordingFailed, RecordingStarted, RecordingStored
from hookflash.ports.audio import (
    FRAMES_PER_SECOND,
    AudioUnavailable,
    BlockListener,
    CallAudio,
    Outlet,
    Prompts,
    Said,
    Source,
    Whole,
)
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.recording.disk import CHANNELS, SESSION_ENDED, SESSION_FAILED, Disk
from hookflash.recording.files import RATE
from hookflash.recording.library import Library
from hookflash.recording.metadata import Pause, Person, StoredFile
from hookflash.recording.noting import Known, Noting
from hookflash.recording.write_behind import WriteBehind

FRAME = RATE // FRAMES_PER_SECOND
EVERY = 40
"""Frames that are written at a time, at least (0.8 s): less than a second of audio is lost in a crash."""
MAX_WAITING = 60 * FRAMES_PER_SECOND
"""Frames that wait for the disk; beyond them it is too slow, and the recording fails."""
MAX_GAP = 5 * FRAMES_PER_SECOND
"""Frames of silence put in for audio that was lost, at most."""
FAILED = (500, 9999)

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Take:
    """Records from its construction until it is stopped or has failed.

    ``over`` is called once, when nothing more will come of it.
    """

    def __init__(
        self,
        effect: StartRecording,
        audio: CallAudio,
        disk: Disk,
        library: Library,
        pool: Executor,
        behind: WriteBehind,
        clock: Clock,
        report: FactSink,
        over: Callable[[], object],
    ) -> None:
        self.effect = effect
        self._audio = audio
        self._disk = disk
        self._library = library
        self._pool = pool
        self._behind = behind
        self._clock = clock
        self._report = report
        self._over = over
        self._names: dict[int, str] = dict(effect.roster)
        self._people: dict[str, Person] = {}
        self._channels: dict[str, int] = dict(effect.channels)
        self._left_out: set[str] = set()
        self._listener: BlockListener | None = None
        self._frames: list[NDArray[np.int16]] = []
        self._waiting = 0
        self._last: int | None = None
        # The machine's clock may be set while it runs; a pause must not become longer or shorter by that.
        self._epoch = clock.wall() - clock.now()
        self._paused_at = self._time() if effect.paused else None
        self._pauses: tuple[Pause, ...] = ()
        self._noting = Noting(library, clock, self._known)
        self._whole = Whole(effect.call)
        self._news = asyncio.Event()
        self._ending = False
        self._stopped = False
        self._broken: Exception | None = None
        self._writing = False
        self._full = False
        self._ends = 0.0
        self._meet(effect.roster)
        # Before anybody is answered that it begins: if the server dies, its app is told at the next start.
        self._began = self._paused_at if self._paused_at is not None else self._time()
        self._first = disk.plan(self._began)
        self._noted = self._noting.begin(self._first)
        self.task = asyncio.create_task(self._run())

    # --- what is asked ------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Record nothing until :meth:`resume`."""
        if self._paused_at is None:
            self._flush()
            self._paused_at = self._time()
            self._noting.changed()

    def resume(self) -> None:
        """Go on in the same file."""
        if self._paused_at is not None:
            self._flush()
            self._pauses = self._pauses_now()
            self._paused_at = None
            self._last = None
            self._noting.changed()

    def stop(self) -> None:
        """Finish the files; RecordingStored follows."""
        self._ending = True
        self._flush()
        self._stopped = True
        self._deafen()

    def roster(self, roster: Roster) -> None:
        """Who is in the call now."""
        self._flush()
        before, self._names = set(self._names), dict(roster)
        self._meet(roster)
        if self._listener is not None and self._unmixed:
            for leg in before - set(self._names):
                self._listener.remove(Said(leg))
            for leg in self._names:
                self._listener.add(Said(leg))

    # --- its life -----------------------------------------------------------------------------------------

    @property
    def _unmixed(self) -> bool:
        return self.effect.channel_type == "unmixed"

    async def _run(self) -> None:
        name, ended = self.effect.recording, SESSION_ENDED
        try:
            try:
                await self._record()
            except (OSError, RuntimeError, AudioUnavailable) as error:
                ended = SESSION_FAILED
                self._deafen()
                _log.error("recording %s broke off: %s%s", name, error, self._disk.advice(error))
                # The paths of this machine are nothing for apps.
                reason = getattr(error, "strerror", None) or error
                self._report(RecordingFailed(name, *FAILED, f"The recording broke off: {reason}."))
            # A disk that hangs keeps nobody from being told.
            await self._drain()
            await self._store(ended)
        finally:
            self._noting.end()
            self._deafen()
            self._over()

    async def _record(self) -> None:
        # What is on the disk must be known after a crash. Without a note it is recorded all the same.
        await asyncio.wait((self._noted,))
        try:
            await self._work(lambda: self._disk.begin(self._first))
        except (OSError, RuntimeError):
            self._not_begun(self._first)
            raise
        if not self._stopped:
            self._listen()
        self._report(RecordingStarted(self.effect.recording, self._began))
        while not self._stopped and self._broken is None:
            await self._news.wait()
            self._news.clear()
        if self._broken is None:
            await self._drain()
        if self._broken is not None:
            raise self._broken

    async def _drain(self) -> None:
        """Wait until all that was heard is written, or nothing can be any more."""
        while self._frames or self._writing:
            self._put_down()
            await self._news.wait()
            self._news.clear()

    def _put_down(self) -> None:
        """Give what is there to the disk, unless it still has what came before."""
        if self._writing or not self._frames:
            return
        frames, self._frames, self._waiting = self._frames, [], 0
        self._writing, self._ends = True, self._time()
        self._behind.do(partial(self._disk.write, frames), self._written)

    def _lend(self, tick: int) -> Outlet | None:
        """Have what comes written as it is, unless something has to be written before it or left out."""
        if self._paused_at is not None or self._stopped or self._broken is not None:
            return None
        if self._writing or self._frames or (self._last is not None and tick != self._last + 1):
            return None
        self._writing = True
        return Outlet(*self._disk.lend(), self._behind.do, self._ended, self._poured)

    def _ended(self, last: int, size: int, recalled: NDArray[np.int16] | None) -> None:
        """No more is written without us: the file has ``size`` octets."""
        self._last, self._ends = last, self._time()
        self._full = self._disk.grown(size)
        if recalled is not None:
            self._frames.append(recalled.reshape(-1, 1))
            self._waiting += len(recalled) // FRAME

    def _poured(self, error: Exception | None) -> None:
        """Nothing is being written any more."""
        self._written(self._full if error is None else error)

    def _written(self, result: bool | Exception) -> None:
        # At the end no file is begun into which nothing would be written.
        if result is True and (self._frames or not (self._ending or self._broken is not None)):
            self._turn()
            return
        self._writing = False
        if isinstance(result, Exception):
            self._fail(result)
            self._frames.clear()
        if self._stopped or self._broken is not None:
            self._news.set()
        elif self._waiting >= EVERY:
            self._put_down()

    def _turn(self) -> None:
        """The file is full. Others write meanwhile: closing it may take long."""
        known = self._known()
        self._noting.end()
        new = self._disk.plan(self._ends)
        job = partial(self._disk.turn, new, known.people, known.pauses)

        def noted(_: asyncio.Future[None]) -> None:
            try:
                turned = asyncio.get_running_loop().run_in_executor(self._pool, job)
            except RuntimeError as error:  # the threads have been stopped
                self._turned(new, error)
                return
            turned.add_done_callback(lambda done: self._turned(new, done.exception()))

        # As with the first one: what is on the disk must be known after a crash.
        self._noting.begin(new).add_done_callback(noted)

    def _turned(self, new: StoredFile, error: BaseException | None) -> None:
        if error is None:
            self._library.note(self._disk.files[-2])
        else:
            self._not_begun(new)
        self._written(error if isinstance(error, Exception) else False)

    def _not_begun(self, file: StoredFile) -> None:
        """Nothing of a file that was planned is on the disk."""
        self._noting.end()
        self._library.forget(file.document_id)

    def _fail(self, error: Exception) -> None:
        """Nothing more can be recorded, for the first reason there was."""
        if self._broken is None:
            self._broken = error
        self._news.set()

    async def _store(self, ended: str) -> None:
        """Close the files and tell; what can not be closed is left as it is. ``ended`` says why they end."""
        self.resume()
        self._noting.end()
        known = self._known()
        try:
            await self._work(lambda: self._disk.finish(ended, known.people, known.pauses))
        except (OSError, RuntimeError) as error:
            _log.error("recording %s could not be closed: %s", self.effect.recording, error)
        files = [file for file in self._disk.files if file.state == "stored"]
        if not files:
            return
        self._library.note(files[-1])
        chunks = tuple(
            RecordingChunk(file.document_id, file.index, file.end_reason, file.path, file.metadata_path)
            for file in files
        )
        self._report(
            RecordingStored(
                self.effect.recording, chunks, self._began, sum(file.duration_ms for file in files)
            )
        )

    async def _work(self, job: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, job)

    def _time(self) -> float:
        """Unix time, by the clock as it was when the recording was asked for."""
        return self._epoch + self._clock.now()

    def _known(self) -> Known:
        """What a thread may look at."""
        return Known(tuple(self._people.values()), self._pauses_now(), self._paused_at is not None)

    def _pauses_now(self) -> tuple[Pause, ...]:
        """The pauses so far; of one that goes on what there is of it."""
        if self._paused_at is None:
            return self._pauses
        return (*self._pauses, Pause(self._paused_at, self._time() - self._paused_at))

    # --- audio --------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        call = self.effect.call
        lend = self._lend if self._disk.lends else None
        self._listener = self._audio.listen_in_blocks(call, RATE, self._take, self._lost, lend)
        if not self._unmixed:
            self._listener.add(self._whole)
            return
        self._listener.add(Prompts(call))
        for leg in self._names:
            self._listener.add(Said(leg))

    def _flush(self) -> None:
        """Have what was heard so far: what is decided now is about what comes."""
        if self._listener is not None:
            self._listener.flush()

    def _deafen(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._news.set()

    def _lost(self, reason: str) -> None:
        self._fail(RuntimeError(f"the audio of the call is gone: {reason}"))

    def _take(self, tick: int, count: int, frames: Mapping[Source, NDArray[np.int16]]) -> None:
        if self._paused_at is not None or self._stopped or self._broken is not None:
            return
        missed = 0 if self._last is None else min(tick - self._last - 1, MAX_GAP)
        self._last = tick + count - 1
        if missed > 0:
            self._frames.append(np.zeros((FRAME * missed, self._disk.channels), np.int16))
        if self._unmixed:
            self._frames.append(self._spread(count, frames))
        else:
            block = frames.get(self._whole)
            if block is None:
                block = np.zeros(FRAME * count, np.int16)
            self._frames.append(block.reshape(-1, 1))
        self._waiting += max(missed, 0) + count
        if self._waiting > MAX_WAITING:
            seconds = MAX_WAITING // FRAMES_PER_SECOND
            self._fail(RuntimeError(f"the disk is too slow: {seconds} s of audio wait for it"))
            self._frames.clear()
        elif self._waiting >= EVERY:
            self._put_down()

    def _spread(self, count: int, frames: Mapping[Source, NDArray[np.int16]]) -> NDArray[np.int16]:
        """Everybody on their channel; what is played belongs to the app."""
        wide = np.zeros((FRAME * count, CHANNELS), np.int32)
        spoken = [
            (int(np.argmax(frame != 0)), name, frame)
            for source, frame in frames.items()
            if (name := self._whose(source)) is not None and frame.any()
        ]
        # Who speaks first has the first channel.
        for _, name, frame in sorted(spoken, key=lambda one: one[0]):
            channel = self._channel(name)
            if channel is not None:
                wide[:, channel] += frame
        return np.clip(wide, -32768, 32767).astype(np.int16)

    def _whose(self, source: Source) -> str | None:
        if isinstance(source, Said):
            return self._names.get(source.leg)
        return next((name for leg, name in self._names.items() if self._audio.is_app_leg(leg)), None)

    def _channel(self, name: str) -> int | None:
        """The channel of somebody who speaks: the one asked for, or the next that nobody shall have."""
        channel = self._channels.get(name)
        if channel is None:
            taken = set(self._channels.values())
            channel = next((one for one in range(CHANNELS) if one not in taken), None)
            if channel is None:
                if name not in self._left_out:
                    self._left_out.add(name)
                    _log.warning(
                        "recording %s has no channel left for %s, who is not heard in it",
                        self.effect.recording,
                        name,
                    )
                return None
            self._channels[name] = channel
        if self._people.get(name) != Person(name, channel):
            self._people[name] = Person(name, channel)
            self._noting.changed()
        return channel

    def _meet(self, roster: Roster) -> None:
        for _, name in roster:
            if name not in self._people:
                self._people[name] = Person(name)
                self._noting.changed()
