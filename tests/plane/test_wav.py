"""WAV decoding: what is taken, what it becomes, what is refused and with which words."""

from __future__ import annotations

import contextlib
import io
import tracemalloc

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from hookflash.plane.wav import RATE, NotPlayable, decode, describe, reads_mp3

SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]


def sine(rate: int, seconds: float = 0.5, hz: float = 440.0, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)


def wav(samples: np.ndarray, rate: int, subtype: str = "PCM_16", form: str = "WAV") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form, subtype=subtype)
    return out.getvalue()


def pcm(data: bytes) -> np.ndarray:
    return np.frombuffer(decode(data).pcm, "<i2")


def test_8_khz_16_bit_passes_bit_for_bit() -> None:
    original = np.random.default_rng(1).integers(-32768, 32767, 8000, dtype=np.int16)
    assert np.array_equal(pcm(wav(original, 8000)), original)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize(
    "subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"]
)
def test_every_rate_and_encoding_sounds_the_same(rate: int, subtype: str) -> None:
    got = pcm(wav(sine(rate), rate, subtype)) / 32768
    assert len(got) == pytest.approx(RATE / 2, abs=2)
    want = sine(RATE)[200 : len(got) - 200]
    error = got[200 : 200 + len(want)] - want
    assert np.sqrt(np.mean(error**2)) < 0.02


def test_resampling_keeps_what_8_khz_can_not_carry_out() -> None:
    got = pcm(wav(sine(16_000, hz=6_000), 16_000)) / 32768
    assert np.abs(got[200:-200]).max() < 0.01


def test_channels_are_mixed() -> None:
    left = sine(8000)
    data = wav(np.stack([left, np.zeros_like(left)], axis=1), 8000)
    assert np.abs(pcm(data) / 32768 - left / 2).max() < 0.001
    with pytest.raises(NotPlayable, match="9 channels"):
        decode(wav(np.zeros((80, 9)), 8000))


@pytest.mark.parametrize(
    ("channels", "rate", "subtype", "what"),
    [
        (1, 16_000, "PCM_16", ""),
        (2, 16_000, "PCM_16", "2 channels"),
        (1, 8_000, "PCM_16", "at 8000 Hz"),
        (1, 16_000, "PCM_24", "PCM_24"),
        (1, 16_000, "ULAW", "ULAW"),
    ],
)
def test_strictly_only_what_the_real_service_plays(channels: int, rate: int, subtype: str, what: str) -> None:
    data = wav(np.stack([sine(rate)] * channels, axis=1), rate, subtype)
    assert decode(data).pcm
    if not what:
        assert decode(data, strict=True).pcm
        return
    with pytest.raises(NotPlayable, match=what):
        decode(data, strict=True)


def mp3(samples: np.ndarray, rate: int) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="MP3")
    return out.getvalue()


@pytest.mark.skipif(not reads_mp3(), reason="this libsndfile has no MP3")
@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2])
def test_an_mp3_file_is_played_unless_strictly(rate: int, channels: int) -> None:
    data = mp3(np.stack([sine(rate, 1.0)] * channels, axis=1), rate)
    got = pcm(data) / 32768
    assert len(got) / RATE == pytest.approx(1.0, abs=0.1)
    spectrum = np.abs(np.fft.rfft(got[1000:7000]))
    assert np.argmax(spectrum) * RATE / 6000 == pytest.approx(440, abs=3)
    with pytest.raises(NotPlayable, match="an MP3 file"):
        decode(data, strict=True)


@pytest.mark.skipif(not reads_mp3(), reason="this libsndfile has no MP3")
def test_an_mp3_file_that_unpacks_to_hours_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hookflash.plane.wav.MAX_MP3_SECONDS", 2.0)
    with pytest.raises(NotPlayable, match="longer than 2 s"):
        decode(mp3(np.zeros(16_000 * 3), 16_000))


@pytest.mark.skipif(not reads_mp3(), reason="this libsndfile has no MP3")
@given(st.binary(max_size=200), st.integers(0, 4000))
def test_a_damaged_mp3_file_is_played_or_refused_and_nothing_else(noise: bytes, at: int) -> None:
    data = mp3(sine(16_000, 0.3), 16_000)
    with contextlib.suppress(NotPlayable):
        decode(data[:at] + noise + data[at + len(noise) :])


def test_too_long_empty_damaged_and_odd_files_are_refused() -> None:
    with pytest.raises(NotPlayable, match="longer than 1 s"):
        decode(wav(sine(8000, 1.01), 8000), max_seconds=1.0)
    with pytest.raises(NotPlayable, match="without any audio"):
        decode(wav(sine(8000, 0), 8000))
    with pytest.raises(NotPlayable, match="damaged"):
        decode(wav(sine(8000), 8000)[:20])
    with pytest.raises(NotPlayable, match="MS_ADPCM"):
        decode(wav(sine(8000), 8000, "MS_ADPCM"))
    with pytest.raises(NotPlayable, match="2000 Hz"):
        decode(wav(sine(2000), 2000))


def test_a_stream_of_unknown_length_is_played() -> None:
    """Text-to-speech services send WAV headers whose sizes they did not know yet."""
    data = bytearray(wav(sine(8000), 8000))
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    assert len(pcm(bytes(data))) == 4000


def test_loud_audio_is_clipped_not_wrapped() -> None:
    got = pcm(wav(np.full(800, 1.5, np.float32), 8000, "FLOAT"))
    assert got.min() == 32767


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xff\xfb\x90\x00", "an MP3 file"),
        (b"OggS\x00", "an Ogg file"),
        (b"\x00\x00\x00\x18ftypisom", "an MP4 file"),
        (b'  {"error": 1}', "a JSON document"),
        (b"<?xml version", "an XML document"),
        (b"Not found", "text that starts with 'Not found'"),
        (b"\x00\x01\x02\x03", "unknown data that starts with the bytes 00 01 02 03"),
        (b"", "empty"),
    ],
)
def test_what_it_is_instead_is_named(data: bytes, name: str) -> None:
    assert describe(data) == name
    with pytest.raises(NotPlayable):
        decode(data)


@given(st.binary(max_size=300), st.integers(0, 100))
def test_garbage_is_played_or_refused_and_nothing_else(noise: bytes, at: int) -> None:
    data = wav(sine(8000, 0.01), 8000)
    mangled = data[:at] + noise + data[at + len(noise) :]
    with contextlib.suppress(NotPlayable):
        assert len(decode(mangled).pcm) % 2 == 0


def correlation(a, b) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
def test_what_a_wideband_leg_can_hear_is_kept(rate):
    """Speech-like tones up to 6.5 kHz: 16,000 Hz holds them all, 8,000 Hz those below 3.4 kHz."""
    n = np.arange(rate)
    low = sum(np.sin(2 * np.pi * hz * n / rate + hz) for hz in (210, 640, 1900, 3100))
    high = sum(np.sin(2 * np.pi * hz * n / rate + hz) for hz in (4700, 6500))
    audio = decode(wav((low + high) / 8, rate))
    narrow, wide = np.frombuffer(audio.pcm, "<i2"), np.frombuffer(audio.wide, "<i2")
    assert len(wide) == 2 * len(narrow)
    assert audio.size == 3 * len(audio.pcm)
    t8, t16 = np.arange(len(narrow)) / 8000, np.arange(len(wide)) / 16000
    heard_low = sum(np.sin(2 * np.pi * hz * t8 + hz) for hz in (210, 640, 1900, 3100))
    heard = sum(np.sin(2 * np.pi * hz * t16 + hz) for hz in (210, 640, 1900, 3100, 4700, 6500))
    assert correlation(narrow[200:-200], heard_low[200:-200]) > 0.99
    assert correlation(wide[200:-200], heard[200:-200]) > 0.99


def test_a_narrowband_file_has_nothing_more_to_give():
    audio = decode(wav(sine(8000), 8000))
    assert audio.wide == b""
    assert audio.size == len(audio.pcm)


def test_both_rates_stay_together_whatever_the_length():
    for samples in range(1, 40):
        audio = decode(wav(np.full(samples, 0.1), 16000)) if samples > 1 else None
        assert audio is None or len(audio.wide) == 2 * len(audio.pcm)


def test_a_file_of_a_high_rate_is_never_in_memory_as_a_whole():
    data = wav(np.zeros(4_000_000), 192_000, "PCM_U8")
    tracemalloc.start()
    try:
        decode(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(data)
