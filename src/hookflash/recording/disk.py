"""The files of one recording, one after the other. Runs in a thread: this is where a disk is waited for."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from hookflash.recording.files import HEADER_SIZE, RATE, Block, Mp3Writer, SoundWriter, WavWriter
from hookflash.recording.metadata import (
    Label,
    Pause,
    Person,
    StoredFile,
    metadata,
    reserve,
    within,
    write_metadata,
)
from hookflash.recording.sealed_files import SealedMp3Writer, SealedWavWriter
from hookflash.recording.sealing import SealKey, seal_bytes

CHANNELS = 5
"""Channels of an unmixed recording at most (contract section 9.1)."""
SESSION_ENDED = "SessionEnded"
SESSION_FAILED = "SessionFailed"
"""End reason of the file in which a recording broke off."""
TOO_LARGE = "ChunkMaximumSizeExceeded"
TOO_LONG = "ChunkMaximumTimeExceeded"
_METADATA = "metadata.json"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STEM = {"wav": "audio.wav", "mp3": "audio.mp3"}


class Disk:
    """Writes blocks into files of bounded size and length; calls must not overlap.

    Args:
        folder: of all recordings; every file gets one of its own, named by its document id.
        label: what is recorded.
        max_bytes: a file that has grown so large is closed, and another begun.
        new_id: makes document ids.
        max_seconds: a file that holds so much sound is closed, and another begun; 0: however much.
        key: what files are sealed with; None for plain ones.

    Attributes:
        files: those that have been made for the recording so far, the last one is being written.
    """

    def __init__(
        self,
        folder: Path,
        label: Label,
        max_bytes: int,
        new_id: Callable[[], str],
        *,
        max_seconds: float = 0.0,
        key: SealKey | None = None,
    ) -> None:
        self.files: list[StoredFile] = []
        self._folder = folder
        self._label = label
        self._max = max_bytes
        self._max_frames = round(max_seconds * RATE)
        self._key = key
        self._new_id = new_id
        self._writer: SoundWriter | None = None

    @property
    def lends(self) -> bool:
        """Whether audio can be written as it lies in memory, see :meth:`lend`."""
        return self._label.format == "wav" and self.channels == 1 and self._key is None

    @property
    def channels(self) -> int:
        """Of the file while it is written."""
        return CHANNELS if self._label.channel_type == "unmixed" else 1

    def advice(self, error: Exception) -> str:
        """What whoever runs the server can do about what was raised, as the end of a sentence."""
        if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
            return ""
        return (
            f"; free some space on the disk of {self._folder}, delete recordings, or have it done after "
            "recording.keep_hours; the calls go on"
        )

    def plan(self, at: float) -> StoredFile:
        """The file that comes next, of which nothing is on the disk yet; ``at`` is the Unix time of its first
        sample."""
        document = self._new_id()
        name = _STEM[self._label.format]
        return StoredFile(
            document,
            self._label,
            len(self.files),
            "recording",
            f"{document}/{name}",
            f"{document}/{_METADATA}",
            at,
        )

    def begin(self, file: StoredFile) -> None:
        """Begin a file as it was planned. Raises OSError, and nothing is left."""
        folder = self._folder / file.document_id
        folder.mkdir(parents=True)
        try:
            reserve(self._folder / file.metadata_path)
            self._writer = self._open(self._folder / file.path)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.files.append(file)

    def _open(self, path: Path) -> SoundWriter:
        if self._label.format == "wav":
            if self._key is not None:
                return SealedWavWriter(path, self.channels, self._key)
            return WavWriter(path, self.channels)
        return Mp3Writer(path) if self._key is None else SealedMp3Writer(path, self._key)

    def write(self, blocks: Sequence[Block]) -> bool:
        """Append; whether the file is full now, and :meth:`turn` is wanted. Raises OSError."""
        assert self._writer is not None
        self._writer.write(blocks[0] if len(blocks) == 1 else np.concatenate(blocks))
        return bool(self._full)

    def lend(self) -> tuple[int, int, int]:
        """For who appends by themselves, and says so by :meth:`grown`: the file, its size, and at which size
        it is full, octets."""
        assert isinstance(self._writer, WavWriter)
        most = HEADER_SIZE + 2 * self._max_frames if self._max_frames else self._max
        return self._writer.fd, self._writer.size, min(self._max, most)

    def grown(self, size: int) -> bool:
        """It has so many octets now; whether it is full, see :meth:`write`."""
        assert isinstance(self._writer, WavWriter)
        self._writer.grown(size)
        return bool(self._full)

    @property
    def _full(self) -> str:
        """Why nothing more goes into the file; "" when more does."""
        assert self._writer is not None
        if self._writer.size >= self._max:
            return TOO_LARGE
        return TOO_LONG if self._max_frames and self._writer.frames >= self._max_frames else ""

    def turn(self, new: StoredFile, people: Sequence[Person], pauses: Sequence[Pause]) -> None:
        """Go on in another file, as it was planned. Raises OSError.

        It takes as long as the disk needs for all that was written.
        """
        self._close(self._full, people, within(pauses, self.files[-1].started, new.started))
        self.begin(new)

    def finish(self, reason: str, people: Sequence[Person], pauses: Sequence[Pause]) -> None:
        """Close the last file; one without a sound in it is as good as any. Raises OSError; idempotent."""
        if self._writer is not None:
            self._close(reason, people, within(pauses, self.files[-1].started))

    def _close(self, reason: str, people: Sequence[Person], pauses: Sequence[Pause]) -> None:
        assert self._writer is not None
        writer, self._writer = self._writer, None
        used = 1 + max((one.channel for one in people if one.channel is not None), default=0)
        channels = writer.close(min(used, self.channels))
        file = msgspec.structs.replace(
            self.files[-1],
            state="stored",
            duration_ms=round(1000 * writer.frames / RATE),
            bytes=(self._folder / self.files[-1].path).stat().st_size,
            end_reason=reason,
            paused_ms=round(1000 * sum(pause.seconds for pause in pauses)),
        )
        content = metadata(file, channels, people, pauses)
        write_metadata(
            self._folder / file.metadata_path,
            content if self._key is None else seal_bytes(content, self._key),
        )
        self.files[-1] = file
