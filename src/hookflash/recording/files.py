"""Sound files that grow and can be read at any time: WAV and MP3. Not for the event loop."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from hookflash.reserving import reserve

RATE = 16_000
"""Sample rate of every recording, Hz (contract section 9.1)."""
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_SIZE = _HEADER.size
"""Octets before the samples of a WAV."""
_COPY = 1 << 16
_UNKNOWN = 0xFFFF_FFFF
"""Size of what still grows, or does not fit into 32 bits: players read to the end of the file."""

_log = logging.getLogger(__name__)

MP3: dict[str, Any] = {
    "subtype": "MPEG_LAYER_III",
    "format": "MP3",
    # Constant 40 kbit/s: from such a file players tell the length rightly before it is finished.
    "bitrate_mode": "CONSTANT",
    "compression_level": 0.8,
}
"""How an MP3 is encoded."""

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

    def close(self, channels: int) -> int:
        """Finish the file with so many of its channels, or all where there is no room to leave some out; how
        many it has. Idempotent."""
        ...


class WavWriter:
    """16-bit PCM in a RIFF WAVE file, whose header tells its length from the moment it is closed."""

    def __init__(self, path: Path, channels: int) -> None:
        self.frames = 0
        self.size = _HEADER.size
        self._path = path
        self._channels = channels
        self._file = path.open("xb", buffering=0)
        reserve(self._file.fileno(), 0, self.size)
        self._write_all(memoryview(wav_header(channels, None)), 0)

    def write(self, block: Block) -> None:
        reserve(self._file.fileno(), self.size, 2 * self._channels * len(block))
        self._write_all(np.ascontiguousarray(block, "<i2").reshape(-1).view(np.uint8).data, self.size)
        self._grow(len(block))

    @property
    def fd(self) -> int:
        """For who appends at :attr:`size` by themselves, and says so by :meth:`grown`."""
        return self._file.fileno()

    def grown(self, size: int) -> None:
        """The file has so many octets now."""
        self._grow((size - self.size) // (2 * self._channels))

    def close(self, channels: int) -> int:
        if self._file.closed:
            return self._channels
        with self._file:
            fd = self._file.fileno()
            # Of a write that failed a part may be there, and what was reserved.
            os.ftruncate(fd, self.size)
            self._write_all(memoryview(wav_header(self._channels, self.frames)), 0)
            os.fsync(fd)
        if channels < self._channels:
            try:
                self._narrow(channels)
            except OSError as error:
                _log.warning("%s keeps channels without a sound in them: %s", self._path, error)
            else:
                self._channels = channels
        return self._channels

    def _grow(self, frames: int) -> None:
        self.frames += frames
        self.size += 2 * self._channels * frames

    def _write_all(self, view: memoryview, offset: int) -> None:
        done, fd = 0, self._file.fileno()
        while done < view.nbytes:
            done += os.pwrite(fd, view[done:], offset + done)

    def _narrow(self, channels: int) -> None:
        """Keep the first channels only: how many there would be was not known when the file was begun."""
        part = self._path.with_suffix(".part")
        try:
            with self._path.open("rb") as wide, part.open("wb") as narrow:
                wide.seek(_HEADER.size)
                narrow.write(wav_header(channels, self.frames))
                while piece := wide.read(2 * self._channels * _COPY):
                    block = np.frombuffer(piece, "<i2").reshape(-1, self._channels)
                    narrow.write(np.ascontiguousarray(block[:, :channels]).tobytes())
                narrow.flush()
                os.fsync(narrow.fileno())
            part.replace(self._path)
        except OSError:
            part.unlink(missing_ok=True)
            raise


def wav_header(channels: int, frames: int | None) -> bytes:
    """The header of a file of so many frames, None while that is not known."""
    frame = 2 * channels
    size = _UNKNOWN if frames is None else frame * frames
    return _HEADER.pack(
        b"RIFF",
        min(36 + size, _UNKNOWN),
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
        min(size, _UNKNOWN),
    )


def mend_wav(path: Path) -> int:
    """Make the header of a WAV of ours tell the length the file really has; the frames. Raises OSError."""
    with path.open("r+b") as file:
        head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            raise OSError(f"{path} is too short to be a recording")
        channels = _HEADER.unpack(head)[6]
        frames = (path.stat().st_size - _HEADER.size) // (2 * channels)
        file.truncate(_HEADER.size + 2 * channels * frames)
        file.seek(0)
        file.write(wav_header(channels, frames))
    return int(frames)


class _Sink:
    """What libsndfile writes to: it would only say "System error" of a file that it has opened itself.

    What could not be written is kept in ``error``, since nothing can be raised through libsndfile.
    """

    def __init__(self, path: Path) -> None:
        self.size = 0
        self.error: OSError | None = None
        self._file = path.open("xb", buffering=0)
        self._at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def write(self, data: bytes) -> int:
        done = 0
        try:
            while self.error is None and done < len(data):
                done += os.pwrite(self._file.fileno(), data[done:], self._at + done)
        except OSError as error:
            self.error = error
        self._at += done
        self.size = max(self.size, self._at)
        return done

    def close(self) -> None:
        with self._file:
            os.fsync(self._file.fileno())


class Mp3Writer:
    """Layer III, mono. An MP3 is a row of frames: what was written can be read without more ado."""

    def __init__(self, path: Path) -> None:
        self.frames = 0
        self._path = path
        self._sink = _Sink(path)
        self._file = soundfile.SoundFile(self._sink, "w", RATE, 1, **MP3)

    @property
    def size(self) -> int:
        return self._sink.size

    def write(self, block: Block) -> None:
        self._do(lambda: self._file.write(block))
        self.frames += len(block)

    def close(self, channels: int) -> int:
        if self._file.closed:
            return 1
        broken = self._sink.error is not None
        try:
            # The encoder has some of the sound in it.
            self._do(self._file.close)
        except OSError:
            broken = True
        self._sink.close()
        if broken:
            # Of what was written last only a part is there.
            try:
                self.frames = soundfile.info(self._path).frames
            except soundfile.SoundFileError as error:
                raise OSError(f"there is nothing in the MP3 that can be read: {error}") from error
        return 1

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except soundfile.SoundFileError as error:
            if self._sink.error is None:
                raise OSError(f"the MP3 can not be written: {error}") from error
        if self._sink.error is not None:
            raise self._sink.error
