"""Sound files that grow encrypted: the writers of :mod:`hookflash.recording.files`, into sealed files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from hookflash.recording.files import MP3, RATE, Block, wav_header
from hookflash.recording.sealing import KeyRing, SealedWriter, SealKey, open_sealed, plain_pieces

_MP3_RATE = 40_000
_log = logging.getLogger(__name__)


def mp3_frames(size: int) -> int:
    """Frames of sound in so many bytes of an MP3, whose rate is constant."""
    return 8 * size * RATE // _MP3_RATE


def sealed_lead(channels: int, data: int) -> bytes:
    """What stands in front of the data of a sealed file: the header of a WAV."""
    return wav_header(channels, data // (2 * channels))


def unsealed(path: Path, keys: KeyRing) -> Iterator[bytes]:
    """A finished sealed file in clear, in pieces. Raises OSError."""
    yield open_sealed(path, keys, sealed_lead).lead
    yield from plain_pieces(path, keys)


class SealedWavWriter:
    """16-bit PCM; whoever reads the file gets it with the header of a WAV."""

    def __init__(self, path: Path, channels: int, key: SealKey) -> None:
        self.frames = 0
        self._path = path
        self._channels = channels
        self._key = key
        self._sealed = SealedWriter(path, key, channels)
        self._open = True

    @property
    def size(self) -> int:
        return self._sealed.size

    def write(self, block: Block) -> None:
        self._sealed.write(np.ascontiguousarray(block, "<i2").reshape(-1).view(np.uint8).data)
        self.frames += len(block)

    def close(self, channels: int) -> int:
        if not self._open:
            return self._channels
        self._open = False
        self._sealed.close()
        if channels < self._channels:
            try:
                self._narrow(channels)
            except OSError as error:
                self._path.with_suffix(".part").unlink(missing_ok=True)
                _log.warning("%s keeps channels without a sound in them: %s", self._path, error)
            else:
                self._channels = channels
        return self._channels

    def _narrow(self, channels: int) -> None:
        """Keep the first channels only: how many there would be was not known when the file was begun."""
        part = self._path.with_suffix(".part")
        part.unlink(missing_ok=True)
        narrow = SealedWriter(part, self._key, channels)
        rest = b""
        for piece in plain_pieces(self._path, KeyRing([self._key])):
            data = rest + piece
            whole = len(data) - len(data) % (2 * self._channels)
            data, rest = data[:whole], data[whole:]
            block = np.frombuffer(data, "<i2").reshape(-1, self._channels)
            narrow.write(np.ascontiguousarray(block[:, :channels]).tobytes())
        narrow.close()
        part.replace(self._path)


class SealedMp3Writer:
    """Layer III, mono."""

    def __init__(self, path: Path, key: SealKey) -> None:
        self.frames = 0
        self._sealed = SealedWriter(path, key)
        self._out = _Appended()
        self._file = soundfile.SoundFile(self._out, "w", RATE, 1, **MP3)

    @property
    def size(self) -> int:
        return self._sealed.size

    def write(self, block: Block) -> None:
        self._do(lambda: self._file.write(block))
        self.frames += len(block)

    def close(self, channels: int) -> int:
        if self._file.closed:
            return 1
        try:
            # The encoder has some of the sound in it.
            self._do(self._file.close)
        except OSError:
            # Of what was written last nothing is there.
            self.frames = mp3_frames(self._sealed.data)
        self._sealed.close()
        return 1

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except soundfile.SoundFileError as error:
            raise OSError(f"the MP3 can not be written: {error}") from error
        self._sealed.write(self._out.taken())


class _Appended:
    """What an encoder writes into, as it knows files.

    When it is closed it goes back to put a table into the first frame, which helps to seek in files of a
    variable rate. A sealed file is only appended to, and this one's rate is constant: that is left out.
    """

    def __init__(self) -> None:
        self._new = bytearray()
        self._end = 0
        self._at = 0

    def taken(self) -> bytes:
        """What was written since the last time."""
        new = bytes(self._new)
        self._new.clear()
        return new

    def write(self, data: bytes) -> int:
        if self._at == self._end:
            self._new += data
            self._end += len(data)
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        return b""

    def flush(self) -> None:
        return
