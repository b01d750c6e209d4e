"""Audio files into what the plane plays: 16-bit mono PCM at 8,000 and 16,000 Hz (contract section 6.2).

The real service takes WAV files of one kind; here WAV files of every common kind will do, and MP3 where
libsndfile reads it, unless its limits are asked for.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr

RATE = 8_000
"""Samples per second of what phones hear."""

WIDE_RATE = 16_000
"""Samples per second of what wideband phones hear."""

MAX_SECONDS = 3_600.0
"""Longest file taken, in seconds of audio."""

MAX_MP3_SECONDS = 900.0
"""Longest MP3 file taken: a small one may unpack to much."""

_BLOCK = 1 << 16
_RATES = range(4_000, 192_001)
_MAX_CHANNELS = 8
_ENCODINGS = frozenset({"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"})
_CONTAINERS = frozenset({"WAV", "WAVEX"})

_MP3 = "an MP3 file"
_KNOWN = (
    (b"ID3", _MP3),
    (b"\xff\xfb", _MP3),
    (b"\xff\xf3", _MP3),
    (b"\xff\xf2", _MP3),
    (b"\xff\xf1", "an AAC file"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"FORM", "an AIFF file"),
    (b"\x1aE\xdf\xa3", "a WebM file"),
    (b"%PDF", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
)


class NotPlayable(Exception):
    """These bytes can not be played; the message says what they are instead."""


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Decoded audio, int16 LE mono.

    ``pcm`` is at 8,000 Hz; ``wide`` the same at 16,000 Hz, with two samples for each of ``pcm``, empty when
    the file holds nothing that is lost at 8,000 Hz. ``key`` is a digest of both: same audio, same key.
    """

    key: bytes
    pcm: bytes
    wide: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of memory it takes."""
        return len(self.pcm) + len(self.wide)

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / RATE


def decode(data: bytes, *, strict: bool = False, max_seconds: float = MAX_SECONDS) -> Audio:
    """Decode a WAV or MP3 file; several channels are mixed into one.

    Args:
        data: the file.
        strict: take what the real service takes: WAV, 16-bit PCM, mono, 16,000 Hz.
        max_seconds: longest audio taken.

    Raises:
        NotPlayable: another file, an encoding not supported, too long, or empty.
    """
    wav = data[:4] in (b"RIFF", b"RIFX") and data[8:12] == b"WAVE"
    mp3 = not wav and not strict and reads_mp3() and describe(data) == _MP3
    if not wav and not mp3:
        raise NotPlayable(f"it is not a WAV file but {describe(data)}")
    kind = "MP3" if mp3 else "WAV"
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            _check(file, mp3=mp3, strict=strict)
            longest = min(max_seconds, MAX_MP3_SECONDS) if mp3 else max_seconds
            rate = file.samplerate
            narrow, both = _Track(RATE, rate), _Track(WIDE_RATE, rate) if rate > RATE else None
            for block in _blocks(file, longest):
                narrow.add(block)
                if both is not None:
                    both.add(block)
    except soundfile.SoundFileError as error:
        raise NotPlayable(f"it is a damaged {kind} file: {error}") from error
    pcm = narrow.end()
    if not pcm:
        raise NotPlayable(f"it is a {kind} file without any audio in it")
    wide = b""
    if both is not None:
        wide = both.end()[: 2 * len(pcm)].ljust(2 * len(pcm), b"\0")
    return Audio(hashlib.sha256(pcm + wide).digest(), pcm, wide)


class _Track:
    """Samples of -1..1 as int16 LE at another rate, block by block: what a small file unpacks to at a high
    rate is never in memory as a whole."""

    def __init__(self, wanted: int, rate: int) -> None:
        self._made = bytearray()
        self._resampler = (
            soxr.ResampleStream(rate, wanted, 1, dtype="float32", quality="HQ") if rate != wanted else None
        )

    def add(self, samples: np.ndarray, *, last: bool = False) -> None:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples, last=last)
        self._made += np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()

    def end(self) -> bytes:
        """All of it."""
        self.add(np.zeros(0, np.float32), last=True)
        return bytes(self._made)


@functools.cache
def reads_mp3() -> bool:
    """Whether the libsndfile at hand knows MP3 (1.1 and later do)."""
    return "MP3" in soundfile.available_formats()


def _check(file: soundfile.SoundFile, *, mp3: bool, strict: bool) -> None:
    if not mp3 and (file.format not in _CONTAINERS or file.subtype not in _ENCODINGS):
        raise NotPlayable(
            f"it is a {file.format} file encoded as {file.subtype}; give PCM of 8 to 32 bits, float, "
            "mu-law or A-law"
        )
    if file.samplerate not in _RATES:
        raise NotPlayable(f"its sample rate is {file.samplerate} Hz; give 8,000 or 16,000 Hz")
    if file.channels > (1 if strict else _MAX_CHANNELS):
        raise NotPlayable(f"it has {file.channels} channels; give one (mono)")
    if strict and (file.subtype != "PCM_16" or file.samplerate != WIDE_RATE):
        raise NotPlayable(
            f"it is {file.subtype} at {file.samplerate} Hz, and media.strict_files is on; give 16-bit PCM at "
            "16,000 Hz"
        )


def _blocks(file: soundfile.SoundFile, max_seconds: float) -> Iterator[np.ndarray]:
    """All channels mixed, as samples of -1..1. Raises NotPlayable at the end of what is too long."""
    limit = int(max_seconds * file.samplerate)
    left = limit + 1  # one frame more than allowed tells a file that is too long whatever its header claims
    while left > 0:
        block = file.read(min(left, _BLOCK), dtype="float32", always_2d=True)
        if not len(block):
            break
        left -= len(block)
        mixed = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)
        # A file of floats may hold anything; what is no number is silence.
        yield np.nan_to_num(mixed, nan=0.0, posinf=1.0, neginf=-1.0)
    if left <= 0:
        raise NotPlayable(f"it is longer than {max_seconds:g} s")


def describe(data: bytes) -> str:
    """What ``data`` looks like, for people: "an MP3 file", "an HTML page", "text that starts with ..."."""
    if not data:
        return "empty"
    for magic, name in _KNOWN:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return "an MP4 file"
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    if head.startswith(b"<?xml"):
        return "an XML document"
    if head.startswith((b"{", b"[")):
        return "a JSON document"
    start = data[:24]
    if all(32 <= byte < 127 or byte in b"\r\n\t" for byte in start):
        return f"text that starts with {start.decode('ascii')!r}"
    return f"unknown data that starts with the bytes {start[:8].hex(' ')}"
