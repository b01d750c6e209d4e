"""Resampling in pieces: frequencies, levels, images, and that the pieces do not show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.plane.resampling import Downsampler, Upsampler


def tone(hz: float, rate: int, seconds: float = 0.5, amplitude: float = 8000) -> np.ndarray:
    return np.round(amplitude * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(
        np.int16
    )


def level(audio: np.ndarray, hz: float, rate: int) -> float:
    audio = audio[200:-200]
    window = np.hanning(len(audio))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(audio)) / rate)
    return float(2 * abs((audio * window * wave).sum()) / window.sum())


@pytest.mark.parametrize("rate", [16_000, 24_000])
@pytest.mark.parametrize("hz", [60, 440, 1_000, 3_000, 3_400])
def test_a_tone_keeps_its_level_both_ways(rate, hz):
    up, down = Upsampler(rate), Downsampler(rate)
    pieces = [up.feed(frame) for frame in tone(hz, 8_000).reshape(-1, 160)]
    assert {len(piece) for piece in pieces} == {rate // 50}
    high = np.concatenate(pieces)
    assert level(high, hz, rate) == pytest.approx(8_000, rel=0.02)
    assert level(high, 8_000 - hz, rate) < 30, "the image"
    assert level(down.feed(high), hz, 8_000) == pytest.approx(8_000, rel=0.03)


@pytest.mark.parametrize(
    ("rate", "hz"), [(16_000, 4_400), (16_000, 7_500), (24_000, 5_000), (24_000, 11_000)]
)
def test_what_a_telephone_can_not_carry_does_not_fold_back(rate, hz):
    audio = Downsampler(rate).feed(tone(hz, rate))
    assert np.abs(audio[200:]).max() < 30


@given(rate=st.sampled_from([8_000, 16_000, 24_000]), cuts=st.lists(st.integers(0, 3_000), max_size=12))
def test_pieces_of_any_length_give_the_same(rate, cuts):
    audio = np.random.default_rng(1).normal(0, 6_000, 3_000).astype(np.int16)
    whole = Downsampler(rate).feed(audio)
    down = Downsampler(rate)
    parts = np.split(audio, sorted(cuts))
    pieces = np.concatenate([down.feed(part) for part in parts])
    assert np.abs(whole.astype(int) - pieces).max() <= 1
    assert len(whole) == len(audio) * 8_000 // rate


def test_the_plane_s_own_rate_passes_unchanged_in_a_copy():
    frame = tone(300, 8_000, 0.02)
    copy = Upsampler(8_000).feed(frame)
    assert np.array_equal(copy, frame)
    assert copy is not frame
    assert np.array_equal(Downsampler(8_000).feed(frame), frame)


def test_loud_audio_is_clipped_not_wrapped():
    square = np.where(np.arange(1_600) // 80 % 2, 32_767, -32_768).astype(np.int16)
    high = Upsampler(16_000).feed(square)[32:-128].reshape(-1, 160)[:-1, 40:120]
    assert all(abs(int(np.sign(plateau).sum())) == 80 for plateau in high)


@pytest.mark.parametrize("rate", [0, 11_025, 48_000])
def test_other_rates_are_refused(rate):
    with pytest.raises(ValueError, match="give one of 8000, 16000, 24000"):
        Upsampler(rate)
    with pytest.raises(ValueError, match=str(rate)):
        Downsampler(rate)
