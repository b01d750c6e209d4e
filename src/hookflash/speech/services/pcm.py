"""Audio as services send it, made into what is played here: int16, mono, 16,000 Hz."""

from __future__ import annotations

import struct

import numpy as np
import soxr
from numpy.typing import NDArray

from hookflash.ports.speech import RATE

_MAX_HEAD = 4096
_OTHERS = {b"ID3": "MP3", b"OggS": "Ogg", b"fLaC": "FLAC", b"\xff\xfb": "MP3", b"\xff\xf3": "MP3"}


class NotPcm(ValueError):
    """What came is no 16-bit mono audio."""


class PcmReader:
    """Bytes in pieces of any length to samples. A WAV header in front is read, since some servers send one
    where raw audio was asked for.

    Args:
        rate: Hz of raw audio.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._head: bytes | None = b""
        self._rest = b""
        self._resampler: soxr.ResampleStream | None = None

    def read(self, data: bytes, *, last: bool = False) -> NDArray[np.int16]:
        """The samples of a piece; with ``last`` what is still held back as well. Raises :class:`NotPcm`."""
        if self._head is not None:
            self._head += data
            data = b""
            start = self._start(self._head, last)
            if start is not None:
                data, self._head = self._head[start:], None
                if self._rate != RATE:
                    self._resampler = soxr.ResampleStream(self._rate, RATE, 1, dtype="int16")
        data = self._rest + data
        whole = len(data) & ~1
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], "<i2").astype(np.int16)
        if self._resampler is None:
            return samples
        made: NDArray[np.int16] = self._resampler.resample_chunk(samples, last=last)
        return made

    def _start(self, head: bytes, last: bool) -> int | None:
        """Where the samples begin, None while that is not known."""
        for mark, kind in _OTHERS.items():
            if head.startswith(mark):
                raise NotPcm(f"it sent {kind} instead of PCM")
        if not head.startswith(b"RIFF"):
            return 0 if len(head) >= 4 or last else None
        at = 12
        while len(head) >= at + 8:
            name, size = struct.unpack_from("<4sI", head, at)
            if name == b"data":
                return at + 8
            if name == b"fmt " and len(head) >= at + 24:
                kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at + 8)
                if (kind, channels, bits) not in ((1, 1, 16), (0xFFFE, 1, 16)) or not 8000 <= rate <= 48000:
                    raise NotPcm(
                        f"it sent a WAV of {channels} channels, {bits} bits, {rate} Hz, format {kind}"
                    )
                self._rate = rate
            at += 8 + size + (size & 1)
        if len(head) > _MAX_HEAD or last:
            raise NotPcm("it sent a WAV without samples")
        return None


def wav(pcm: bytes, rate: int = RATE) -> bytes:
    """A WAV file of 16-bit mono samples."""
    return wav_header(len(pcm), rate) + pcm


def wav_header(size: int, rate: int = RATE) -> bytes:
    """The header of a WAV file with ``size`` bytes of samples; 0 for a stream of unknown length."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        *(
            b"RIFF",
            36 + size if size else 0,
            b"WAVE",
            b"fmt ",
            16,
            1,
            1,
            rate,
            rate * 2,
            2,
            16,
            b"data",
            size,
        ),
    )
