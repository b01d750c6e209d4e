"""WAV files into what the plane plays: 16-bit mono PCM at 8,000 and 16,000 Hz (contract section 6.2)."""

from __future__ import annotations

import hashlib
import io
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

_RATES = range(4_000, 192_001)
_MAX_CHANNELS = 8
_ENCODINGS = frozenset({"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "ULAW", "ALAW"})
_CONTAINERS = frozenset({"WAV", "WAVEX"})

_KNOWN = (
    (b"ID3", "an MP3 file"),
    (b"\xff\xfb", "an MP3 file"),
    (b"\xff\xf3", "an MP3 file"),
    (b"\xff\xf2", "an MP3 file"),
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


def decode(data: bytes, *, downmix: bool, max_seconds: float = MAX_SECONDS) -> Audio:
    """Decode a WAV file.

    Args:
        data: the file.
        downmix: take several channels and mix them into one; otherwise only mono is taken.
        max_seconds: longest audio taken.

    Raises:
        NotPlayable: not a WAV, an encoding not supported, too long, empty, or not mono.
    """
    if data[:4] not in (b"RIFF", b"RIFX") or data[8:12] != b"WAVE":
        raise NotPlayable(f"it is not a WAV file but {describe(data)}")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            # A file of floats may hold anything; what is no number is silence.
            samples = np.nan_to_num(_read(file, downmix, max_seconds), nan=0.0, posinf=1.0, neginf=-1.0)
            rate = file.samplerate
    except soundfile.SoundFileError as error:
        raise NotPlayable(f"it is a damaged WAV file: {error}") from error
    pcm = _at(RATE, samples, rate)
    if not pcm:
        raise NotPlayable("it is a WAV file without any audio in it")
    wide = b""
    if rate > RATE:
        wide = _at(WIDE_RATE, samples, rate)[: 2 * len(pcm)].ljust(2 * len(pcm), b"\0")
    return Audio(hashlib.sha256(pcm + wide).digest(), pcm, wide)


def _at(wanted: int, samples: np.ndarray, rate: int) -> bytes:
    """Samples of -1..1 at another rate, as int16 LE."""
    if rate != wanted:
        samples = soxr.resample(samples, rate, wanted, quality="HQ")
    return np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2").tobytes()


def _read(file: soundfile.SoundFile, downmix: bool, max_seconds: float) -> np.ndarray:
    if file.format not in _CONTAINERS or file.subtype not in _ENCODINGS:
        raise NotPlayable(
            f"it is a {file.format} file encoded as {file.subtype}; give 16-bit PCM, mono, at 8 or 16 kHz"
        )
    if file.samplerate not in _RATES:
        raise NotPlayable(f"its sample rate is {file.samplerate} Hz; give 8,000 or 16,000 Hz")
    if file.channels > (_MAX_CHANNELS if downmix else 1):
        raise NotPlayable(f"it has {file.channels} channels; give one (mono)")
    limit = int(max_seconds * file.samplerate)
    # One frame more than allowed tells a file that is too long whatever its header claims.
    samples: np.ndarray = file.read(limit + 1, dtype="float32", always_2d=True)
    if len(samples) > limit:
        raise NotPlayable(f"it is longer than {max_seconds:g} s")
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)


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
