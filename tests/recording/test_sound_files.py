"""Sound files that grow: readable at any time, narrowed at the end, mended after a crash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from hookflash.recording.files import RATE, Mp3Writer, WavWriter, mend_wav


def noise(frames: int, channels: int = 1, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 4000, (frames, channels)).astype(np.int16)


def read(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    assert rate == RATE
    return samples


def test_a_wav_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, 2)
    assert len(read(path)) == 0
    blocks = [noise(1000, 2, seed) for seed in range(3)]
    for count, block in enumerate(blocks, 1):
        writer.write(block)
        assert np.array_equal(read(path), np.concatenate(blocks[:count]))
    writer.close(2)
    writer.close(2)
    assert np.array_equal(read(path), np.concatenate(blocks))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_wav_keeps_the_channels_that_were_used(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, 5)
    audio = noise(200_000, 5)
    writer.write(audio)
    writer.close(channels)
    assert np.array_equal(read(path), audio[:, :channels])
    assert [one.name for one in tmp_path.iterdir()] == ["a.wav"]


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    for name in ("a.wav", "a.mp3"):
        (tmp_path / name).write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        WavWriter(tmp_path / "a.wav", 1)
    with pytest.raises(FileExistsError):
        Mp3Writer(tmp_path / "a.mp3")
    assert (tmp_path / "a.wav").read_bytes() == b"precious"


def test_a_wav_whose_header_is_behind_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, 2)
    audio = noise(500, 2)
    writer.write(audio)
    with path.open("ab") as file:  # what a crash leaves between the audio and the header
        file.write(audio.tobytes() + b"abc")
    assert len(read(path)) == 500
    assert mend_wav(path) == 1000
    assert np.array_equal(read(path)[:1000], np.concatenate([audio, audio]))
    path.write_bytes(b"RIFF")
    with pytest.raises(OSError, match="too short"):
        mend_wav(path)


def test_an_mp3_holds_the_tone_and_can_be_read_before_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    writer = Mp3Writer(path)
    n = np.arange(RATE)
    tone = np.round(8000 * np.sin(2 * np.pi * 700 * n / RATE)).astype(np.int16).reshape(-1, 1)
    for _ in range(5):
        writer.write(tone)
    assert len(read(path)) > 3 * RATE
    writer.close(1)
    samples = read(path)[:, 0]
    assert abs(len(samples) - 5 * RATE) < 5000
    middle = samples[RATE : 2 * RATE]
    level = 2 * abs((middle * np.exp(-2j * np.pi * 700 * n / RATE)).mean())
    assert level == pytest.approx(8000, rel=0.05)
    assert path.stat().st_size < 100_000
    assert writer.frames == 5 * RATE
