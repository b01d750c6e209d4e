"""Frames made of the audio of many streams at once, against those made one by one."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from aiohttp._websocket.helpers import websocket_mask
from hypothesis import given
from hypothesis import strategies as st

from hookflash.streaming.batch import framed
from hookflash.streaming.websocket import TEXT, frame, header
from hookflash.wire.streaming_frames import audio_data, audio_ends


def unmasked(whole: bytes) -> bytes:
    """The text of a frame as clients send it, by the book (RFC 6455 section 5.2)."""
    first, second, size = struct.unpack("!BBH", whole[:4])
    assert (first, second) == (0x80 | TEXT, 0x80 | 126)
    assert len(whole) == 8 + size
    text = bytearray(whole[8:])
    for place in range(size):
        text[place] ^= whole[4 + place % 4]
    return bytes(text)


@given(
    count=st.integers(1, 12),
    samples=st.integers(100, 500),
    time=st.floats(0, 4e9),
    silent=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_they_are_what_is_made_one_by_one(
    count: int, samples: int, time: float, silent: bool, seed: int
) -> None:
    audio = np.random.default_rng(seed).integers(-32768, 32768, (count, samples)).astype(np.int16)
    head, tail = audio_ends(time, silent=silent)
    made = framed(head, audio, tail)
    assert [unmasked(one) for one in made] == [
        audio_data(time, row.astype("<i2").tobytes(), silent=silent) for row in audio
    ]
    single = frame(TEXT, unmasked(made[0]))
    assert (single[:4], len(single)) == (made[0][:4], len(made[0]))


def test_each_has_a_key_of_its_own() -> None:
    made = framed(b"x" * 100, np.zeros((200, 320), np.int16), b"y")
    assert len({one[4:8] for one in made}) > 190
    text = bytearray(made[0][8:])
    websocket_mask(made[0][4:8], text)
    assert text == b"x" * 100 + b"A" * 854 + b"==" + b"y"


@pytest.mark.parametrize("head", [0, 109, 64_000])
def test_a_text_whose_header_has_another_length_is_refused(head: int) -> None:
    assert len(header(TEXT, 125)) == 2
    assert len(header(TEXT, 65_536)) == 10
    assert len(framed(bytes(110), np.zeros((1, 6), np.int16), b"")[0]) == 8 + 126
    with pytest.raises(ValueError, match="from 126 to 65535 can"):
        framed(bytes(head), np.zeros((1, 6 if head < 1_000 else 600), np.int16), b"")
