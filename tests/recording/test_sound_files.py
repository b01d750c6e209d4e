"""Sound files that grow: readable at any time, narrowed at the end, mended after a crash."""

from __future__ import annotations

import os
import wave
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


def test_a_wav_that_was_never_closed_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, 2)
    audio = noise(500, 2)
    writer.write(audio)
    with path.open("ab") as file:  # the beginning of a frame
        file.write(b"abc")
    assert path.read_bytes()[40:44] == b"\xff\xff\xff\xff"
    assert mend_wav(path) == 500
    assert np.array_equal(read(path), audio)
    with wave.open(str(path)) as told:
        assert told.getnframes() == 500
    assert path.stat().st_size == 44 + 4 * 500
    path.write_bytes(b"RIFF")
    with pytest.raises(OSError, match="too short"):
        mend_wav(path)


def test_the_header_of_a_closed_wav_tells_its_length_and_nothing_is_behind(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, 1)
    audio = noise(700)
    writer.write(audio)
    with path.open("ab") as file:  # of a write that failed
        file.write(bytes(1000))
    writer.close(1)
    with wave.open(str(path)) as told:
        assert told.getnframes() == 700
    assert np.array_equal(read(path), audio)
    assert path.stat().st_size == writer.size == 44 + 2 * 700


def test_what_others_have_written_is_kept_as_far_as_they_say(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    writer = WavWriter(path, 1)

    def samples(value: int, frames: int) -> np.ndarray:
        return np.full(frames * RATE // 50, value, np.int16)

    os.pwrite(writer.fd, np.concatenate((samples(1, 45), samples(2, 45))), writer.size)
    writer.grown(writer.size + 2 * 45 * 320)
    writer.write(samples(3, 10).reshape(-1, 1))
    writer.close(1)
    assert writer.frames == 55 * 320
    assert np.array_equal(read(path)[:, 0], np.repeat([1, 3], [45 * 320, 10 * 320]))


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
