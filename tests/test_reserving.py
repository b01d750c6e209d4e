"""Blocks reserved ahead of a growing file: they are no part of it, are asked for seldom, and go back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hookflash import reserving
from hookflash.recording.files import WavWriter, mend_wav
from hookflash.reserving import AHEAD, reserve

BLOCK = 512  # of st_blocks


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    calls: list[tuple[int, int]] = []

    def fallocate(fd: int, mode: int, offset: int, size: int) -> int:
        calls.append((offset, size))
        return -1  # a disk that is full, a file system that knows no such thing

    monkeypatch.setattr(reserving, "_fallocate", fallocate)
    return calls


def test_it_is_asked_for_once_a_piece(asked: list[tuple[int, int]]) -> None:
    at = 0
    for size in (44, *[28_800] * 100):
        reserve(-1, at, size)
        at += size
    assert asked == [(0, AHEAD), (AHEAD, AHEAD), (2 * AHEAD, AHEAD)]


def test_a_file_is_written_where_nothing_can_be_reserved(
    asked: list[tuple[int, int]], tmp_path: Path
) -> None:
    writer = WavWriter(tmp_path / "audio.wav", 1)
    writer.write(np.ones((1000, 1), np.int16))
    writer.close(1)
    assert asked == [(0, AHEAD)]
    assert (tmp_path / "audio.wav").stat().st_size == 2044


def test_nothing_is_asked_where_there_is_no_such_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reserving, "_fallocate", None)
    reserve(-1, 0, 44)
    monkeypatch.setattr("sys.platform", "darwin")
    assert reserving._find() is None


def reserved(path: Path) -> int:
    return BLOCK * path.stat().st_blocks


def _reserves(folder: Path) -> bool:
    """Whether the file system does."""
    with (folder / "probe").open("wb") as file:
        reserve(file.fileno(), 0, 1)
        return BLOCK * os.fstat(file.fileno()).st_blocks >= AHEAD


def test_what_is_reserved_is_no_part_of_the_file_and_goes_back(tmp_path: Path) -> None:
    if not _reserves(tmp_path):
        pytest.skip("this file system reserves nothing")
    path = tmp_path / "audio.wav"
    writer = WavWriter(path, 1)
    assert reserved(path) >= AHEAD
    assert path.stat().st_size == 44
    for _ in range(40):
        writer.write(np.ones((14_400, 1), np.int16))
    size = 44 + 40 * 28_800
    assert path.stat().st_size == size
    assert reserved(path) >= 2 * AHEAD
    writer.close(1)
    assert path.stat().st_size == size
    assert reserved(path) < size + AHEAD // 2


def test_what_a_killed_server_had_reserved_goes_back_when_the_file_is_mended(tmp_path: Path) -> None:
    if not _reserves(tmp_path):
        pytest.skip("this file system reserves nothing")
    path = tmp_path / "audio.wav"
    writer = WavWriter(path, 1)
    writer.write(np.ones((14_400, 1), np.int16))
    assert reserved(path) >= AHEAD
    assert mend_wav(path) == 14_400
    assert path.stat().st_size == 44 + 28_800
    assert reserved(path) < AHEAD // 2
    writer.close(1)
