"""The files of one recording, one after the other. Runs in a thread: this is where a disk is waited for."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from hookflash.ports.audio import Loan
from hookflash.recording.files import RATE, Block, Mp3Writer, SoundWriter, WavWriter
from hookflash.recording.metadata import (
    Label,
    Pause,
    Person,
    StoredFile,
    metadata,
    reserve,
    write_metadata,
)

CHANNELS = 5
"""Channels of an unmixed recording at most (contract section 9.1)."""
SESSION_ENDED = "SessionEnded"
TOO_LARGE = "ChunkMaximumSizeExceeded"
_METADATA = "metadata.json"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STEM = {"wav": "audio.wav", "mp3": "audio.mp3"}


class Recalled(Exception):
    """What was lent was wanted back before it had been written."""


class Disk:
    """Writes blocks into files of at most ``max_bytes`` each; calls must not overlap.

    Args:
        folder: of all recordings; every file gets one of its own, named by its document id.
        label: what is recorded.
        max_bytes: a file that has grown so large is closed, and another begun.
        new_id: makes document ids.

    Attributes:
        files: of the recording so far, the last one is being written.
    """

    def __init__(self, folder: Path, label: Label, max_bytes: int, new_id: Callable[[], str]) -> None:
        self.files: list[StoredFile] = []
        self._folder = folder
        self._label = label
        self._max = max_bytes
        self._new_id = new_id
        self._writer: SoundWriter | None = None
        self._used: list[int] = []

    @property
    def takes_loans(self) -> bool:
        """Whether audio can be written as it lies in memory, see :meth:`write_loan`."""
        return self._label.format == "wav" and self.channels == 1

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

    def begin(self, at: float, people: Sequence[Person]) -> StoredFile:
        """Begin a file; ``at`` is the Unix time of its first sample. Raises OSError, and nothing is left."""
        document = self._new_id()
        folder = self._folder / document
        folder.mkdir(parents=True)
        name = _STEM[self._label.format]
        try:
            reserve(folder / _METADATA)
            self._writer = self._open(folder / name)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        file = StoredFile(
            document,
            self._label,
            len(self.files),
            "recording",
            f"{document}/{name}",
            f"{document}/{_METADATA}",
            at,
            people=tuple(person.raw_id for person in people),
        )
        self.files.append(file)
        return file

    def _open(self, path: Path) -> SoundWriter:
        return WavWriter(path, self.channels) if self._label.format == "wav" else Mp3Writer(path)

    def write(
        self, blocks: Sequence[Block], at: float, people: Sequence[Person], pauses: Sequence[Pause]
    ) -> bool:
        """Append, ``at`` the Unix time of the end of the blocks; whether another file was begun.

        Raises OSError.
        """
        assert self._writer is not None
        self._writer.write(blocks[0] if len(blocks) == 1 else np.concatenate(blocks))
        return self._turn(at, people, pauses)

    def write_loan(self, loan: Loan, at: float, people: Sequence[Person], pauses: Sequence[Pause]) -> bool:
        """The same with what is lent. Raises OSError, and Recalled when nothing of it was appended."""
        assert isinstance(self._writer, WavWriter)
        if not self._writer.write_loan(loan):
            raise Recalled
        return self._turn(at, people, pauses)

    def _turn(self, at: float, people: Sequence[Person], pauses: Sequence[Pause]) -> bool:
        """Go on in another file if this one is full; whether it was."""
        assert self._writer is not None
        if self._writer.size < self._max:
            return False
        self._close(TOO_LARGE, people, pauses)
        self.begin(at, people)
        return True

    def finish(self, people: Sequence[Person], pauses: Sequence[Pause]) -> None:
        """Close the last file; one without a sound in it is as good as any. Raises OSError; idempotent."""
        if self._writer is not None:
            self._close(SESSION_ENDED, people, pauses)

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
            paused_ms=round(
                1000 * sum(pause.seconds for pause in pauses if pause.start >= self.files[-1].started)
            ),
        )
        write_metadata(self._folder / file.metadata_path, metadata(file, channels, people, pauses))
        self.files[-1] = file
