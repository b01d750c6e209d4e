"""Audio as services send it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from speech.services.fakes import tone

from hookflash.speech.services.pcm import NotPcm, PcmReader, wav


def read(reader: PcmReader, data: bytes, cuts: list[int]) -> np.ndarray:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [reader.read(data[a:b]) for a, b in pairwise(edges)]
    return np.concatenate([*pieces, reader.read(b"", last=True)])


SPEECH = tone(0.05)


@given(st.lists(st.integers(0, 2000), max_size=8), st.booleans())
def test_pieces_may_be_cut_anywhere(cuts: list[int], with_header: bool) -> None:
    raw = SPEECH.astype("<i2").tobytes()
    made = read(PcmReader(16_000), wav(raw) if with_header else raw, cuts)
    np.testing.assert_array_equal(made, SPEECH)


def test_other_rates_are_resampled_whole() -> None:
    raw = tone(1.0, 1000.0, 24_000).tobytes()
    made = read(PcmReader(24_000), raw, list(range(0, len(raw), 777)))
    assert abs(len(made) - 16_000) <= 16
    middle = slice(2000, 14_000)
    np.testing.assert_allclose(made[middle], tone(1.0, 1000.0)[: len(made)][middle], atol=60)


def test_the_rate_of_a_wav_counts() -> None:
    made = read(PcmReader(24_000), wav(tone(1.0, 440.0, 8000).tobytes(), 8000), [])
    assert abs(len(made) - 16_000) <= 16


def test_half_a_sample_at_the_end_is_dropped() -> None:
    assert len(read(PcmReader(16_000), b"\1\2\3\4\5", [])) == 2
    assert len(read(PcmReader(16_000), b"\1", [])) == 0
    assert len(read(PcmReader(16_000), b"", [])) == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"ID3\4" + bytes(100), "MP3"),
        (b"\xff\xfb\x90\x44" + bytes(100), "MP3"),
        (b"OggS" + bytes(100), "Ogg"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\2\0\x80\x3e\0\0\0\xfa\0\0\4\0\x10\0data", "2 channels"),
        (b"RIFF\0\0\0\0WAVE", "without samples"),
        (b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 1000, "without samples"),
    ],
)
def test_what_is_no_pcm_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(NotPcm, match=words):
        read(PcmReader(16_000), data, [])


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_any_bytes_are_samples_or_the_one_error(data: bytes, cuts: list[int]) -> None:
    for start in (b"", b"RIFF\0\0\0\0WAVE"):
        try:
            read(PcmReader(24_000), start + data, cuts)
        except NotPcm:
            continue
