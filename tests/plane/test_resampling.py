"""Resampling in pieces: frequencies, levels, images, and that the pieces do not show."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.plane.resampling import Resampler, ring_rate

WAYS = [(16_000, 24_000), (24_000, 16_000)]


def tone(hz: float, rate: int, seconds: float = 0.5, amplitude: float = 8000) -> np.ndarray:
    return np.round(amplitude * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(
        np.int16
    )


def level(audio: np.ndarray, hz: float, rate: int) -> float:
    audio = audio[200:-200]
    window = np.hanning(len(audio))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(audio)) / rate)
    return float(2 * abs((audio * window * wave).sum()) / window.sum())


@pytest.mark.parametrize("hz", [60, 440, 1_000, 3_400, 6_500])
def test_a_tone_keeps_its_level_both_ways(hz):
    up, down = Resampler(16_000, 24_000), Resampler(24_000, 16_000)
    pieces = [up.feed(frame) for frame in tone(hz, 16_000).reshape(-1, 320)]
    assert {len(piece) for piece in pieces} == {480}
    high = np.concatenate(pieces)
    assert level(high, hz, 24_000) == pytest.approx(8_000, rel=0.02)
    image = abs(16_000 - hz) if 16_000 - hz < 12_000 else 24_000 - (16_000 - hz)
    assert level(high, image, 24_000) < 30, "the image"
    assert level(down.feed(high), hz, 16_000) == pytest.approx(8_000, rel=0.03)


@pytest.mark.parametrize("hz", [8_700, 10_000, 11_500])
def test_what_does_not_fit_does_not_fold_back(hz):
    audio = Resampler(24_000, 16_000).feed(tone(hz, 24_000))
    assert np.abs(audio[200:]).max() < 30


@given(way=st.sampled_from(WAYS), cuts=st.lists(st.integers(0, 3_000), max_size=12))
def test_pieces_of_any_length_give_the_same(way, cuts):
    audio = np.random.default_rng(1).normal(0, 6_000, 3_000).astype(np.int16)
    whole = Resampler(*way).feed(audio)
    parts = Resampler(*way)
    pieces = np.concatenate([parts.feed(part) for part in np.split(audio, sorted(cuts))])
    assert np.abs(whole.astype(int) - pieces).max() <= 1
    assert len(whole) == len(audio) * way[1] // way[0]


@pytest.mark.parametrize("way", WAYS)
def test_after_a_reset_nothing_is_left(way):
    resampler = Resampler(*way)
    first = resampler.feed(tone(700, way[0]))
    resampler.reset()
    assert np.array_equal(resampler.feed(tone(700, way[0])), first)


def test_equal_rates_pass_unchanged():
    frame = tone(300, 8_000, 0.02)
    resampler = Resampler(8_000, 8_000)
    resampler.reset()
    assert resampler.feed(frame) is frame


def test_loud_audio_is_clipped_not_wrapped():
    square = np.where(np.arange(3_200) // 160 % 2, 32_767, -32_768).astype(np.int16)
    high = Resampler(16_000, 24_000).feed(square)[24:-216].reshape(-1, 240)[:, 40:200]
    assert all(abs(int(np.sign(plateau).sum())) == 160 for plateau in high)


def test_rings_have_two_rates():
    assert [ring_rate(rate) for rate in (8_000, 16_000, 24_000)] == [8_000, 16_000, 16_000]


@pytest.mark.parametrize("rate", [0, 11_025, 48_000])
def test_other_rates_are_refused(rate):
    with pytest.raises(ValueError, match="give one of 8000, 16000, 24000"):
        ring_rate(rate)
    with pytest.raises(ValueError, match=str(rate)):
        Resampler(16_000, rate)
