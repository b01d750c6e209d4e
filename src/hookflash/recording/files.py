"""Sound files that grow: WAV whose header is right at any time, and MP3. Not for the event loop."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000
"""Sample rate of every recording, Hz (contract section 9.1)."""
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_COPY = 1 << 16

Block = NDArray[np.int16]
"""Samples as [frames, channels]."""


class SoundWriter(Protocol):
    """A file being recorded. Everything may raise OSError."""

    frames: int
    """Frames written."""

    @property
    def size(self) -> int:
        """Octets of the file."""
        ...

    def write(self, block: Block) -> None:
        """Append; what was written before can be read whatever happens from now on."""
        ...

    def close(self, channels: int) -> None:
        """Finish the file with so many of its channels; idempotent."""
        ...


class WavWriter:
    """16-bit PCM in a RIFF WAVE file."""

    def __init__(self, path: Path, channels: int) -> None:
        self.frames = 0
        self._path = path
        self._channels = channels
        self._file = path.open("xb", buffering=0)
        self._write_all(memoryview(_header(channels, 0)))

    def write(self, block: Block) -> None:
        self._write_all(np.ascontiguousarray(block, "<i2").data)
        self.frames += len(block)
        os.pwrite(self._file.fileno(), _header(self._channels, self.frames), 0)

    def close(self, channels: int) -> None:
        if self._file.closed:
            return
        os.fsync(self._file.fileno())
        self._file.close()
        if channels < self._channels:
            self._narrow(channels)

    @property
    def size(self) -> int:
        return _HEADER.size + 2 * self._channels * self.frames

    def _write_all(self, view: memoryview) -> None:
        done = self._file.write(view)
        while done < view.nbytes:
            done += self._file.write(view.cast("B")[done:])

    def _narrow(self, channels: int) -> None:
        """Keep the first channels only: how many there would be was not known when the file was begun."""
        part = self._path.with_suffix(".part")
        with self._path.open("rb") as wide, part.open("wb") as narrow:
            wide.seek(_HEADER.size)
            narrow.write(_header(channels, self.frames))
            while piece := wide.read(2 * self._channels * _COPY):
                block = np.frombuffer(piece, "<i2").reshape(-1, self._channels)
                narrow.write(np.ascontiguousarray(block[:, :channels]).tobytes())
            narrow.flush()
            os.fsync(narrow.fileno())
        part.replace(self._path)


def _header(channels: int, frames: int) -> bytes:
    size = 2 * channels * frames
    frame = 2 * channels
    # Sizes beyond 32 bits can not be told; players then read to the end of the file.
    return _HEADER.pack(
        b"RIFF",
        min(36 + size, 0xFFFF_FFFF),
        b"WAVE",
        b"fmt ",
        16,
        1,
        channels,
        RATE,
        RATE * frame,
        frame,
        16,
        b"data",
        min(size, 0xFFFF_FFFF),
    )


def mend_wav(path: Path) -> int:
    """Make the header of a WAV of ours tell the length the file really has; the frames. Raises OSError."""
    with path.open("r+b") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            raise OSError(f"{path} is too short to be a recording")
        channels = _HEADER.unpack(head)[6]
        frames = (path.stat().st_size - _HEADER.size) // (2 * channels)
        file.seek(0)
        file.write(_header(channels, frames))
    return int(frames)


class Mp3Writer:
    """Layer III, mono. An MP3 is a row of frames: what was written can be read without more ado."""

    def __init__(self, path: Path) -> None:
        self.frames = 0
        self._path = path
        # soundfile would write over a file that is there.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        # Constant 40 kbit/s: from such a file players tell the length rightly before it is finished.
        self._file = soundfile.SoundFile(
            path,
            "w",
            RATE,
            1,
            "MPEG_LAYER_III",
            format="MP3",
            bitrate_mode="CONSTANT",
            compression_level=0.8,
        )

    @property
    def size(self) -> int:
        return self._path.stat().st_size

    def write(self, block: Block) -> None:
        try:
            self._file.write(block)
        except soundfile.SoundFileError as error:
            raise OSError(f"the MP3 can not be written: {error}") from error
        self.frames += len(block)

    def close(self, channels: int) -> None:
        self._file.close()
