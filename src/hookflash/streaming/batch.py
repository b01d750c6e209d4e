"""Audio frames of many streams at once: base64, JSON, masks and headers by a few steps over one array.

They are what :func:`hookflash.wire.streaming_frames.audio_data` and
:func:`hookflash.streaming.websocket.frame` make of the audio of one.
"""

from __future__ import annotations

import binascii
import os

import numpy as np
from numpy.typing import NDArray

from hookflash.streaming.websocket import TEXT, header

_KEY = 4
"""Octets of a key (RFC 6455 section 5.3)."""
_HEADER = 4
"""Octets of a header before the key, of a message of 126 octets to 64 KiB."""


def framed(head: bytes, audio: NDArray[np.int16], tail: bytes) -> list[bytes]:
    """The frames of a client with a text each: ``head``, a row of ``audio`` [n, samples] in base64, ``tail``.

    Raises ValueError when a text has less than 126 octets or more than 65,535.
    """
    count = len(audio)
    octets = np.ascontiguousarray(audio, "<i2").view(np.uint8).reshape(count, -1)
    used = octets.shape[1]
    unused = -used % 3
    begin, length = len(head), (used + unused) // 3 * 4
    end = begin + length
    size = end + len(tail)
    if not 126 <= size < 1 << 16:
        raise ValueError(f"texts of {size} octets can not be framed at once: from 126 to 65535 can")
    # Keys and texts begin at multiples of four octets.
    wire = np.zeros((count, _HEADER + _KEY + size + -size % 4), np.uint8)
    wire[:, :_HEADER] = np.frombuffer(header(TEXT, size), np.uint8)
    text = wire[:, _HEADER + _KEY :]
    text[:, :begin] = np.frombuffer(head, np.uint8)
    text[:, begin:end] = _base64(octets, unused).reshape(count, length)
    text[:, end - unused : end] = ord("=")
    text[:, end:size] = np.frombuffer(tail, np.uint8)
    words = wire.view(np.uint32)
    keys = np.frombuffer(os.urandom(_KEY * count), np.uint32)
    words[:, 1] = keys
    words[:, 2:] ^= keys[:, np.newaxis]
    everything, stride = wire.tobytes(), wire.shape[1]
    size += _HEADER + _KEY
    return [everything[at : at + size] for at in range(0, count * stride, stride)]


def _base64(octets: NDArray[np.uint8], unused: int) -> NDArray[np.uint8]:
    """All rows in one, each with so many zeros behind it that the next one begins anew."""
    if unused:
        octets = np.pad(octets, ((0, 0), (0, unused)))
    return np.frombuffer(binascii.b2a_base64(octets.data, newline=False), np.uint8)
