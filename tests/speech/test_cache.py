"""Synthesised prompts in memory and on disk."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.speech.cache import UNUSED, DiskCache, MemoryCache, Prompt, pack, unpack


def prompt(samples: int, value: int = 1, notes: tuple[str, ...] = ()) -> Prompt:
    return Prompt(np.full(samples, value, np.int16), notes)


def key(number: int) -> str:
    return f"{number:064x}"


def test_memory_is_bounded_and_forgets_what_was_not_used_for_longest() -> None:
    cache = MemoryCache(3 * prompt(1000).size)
    for number in range(3):
        cache.put(key(number), prompt(1000, number))
    assert cache.get(key(0)) is not None
    cache.put(key(3), prompt(1000, 3))
    assert [cache.get(key(number)) is not None for number in range(4)] == [True, False, True, True]
    assert cache.bytes == 3 * prompt(1000).size
    cache.put(key(4), prompt(100_000))
    assert cache.get(key(4)) is None
    assert cache.get(key(3)) is not None, "what fits nowhere drives nothing out"


def test_the_same_key_again_takes_no_more_room() -> None:
    cache = MemoryCache(1 << 20)
    cache.put(key(1), prompt(1000))
    cache.put(key(1), prompt(500))
    assert cache.bytes == prompt(500).size


def test_disk_survives_a_restart(tmp_path: Path) -> None:
    DiskCache(tmp_path / "prompts", 1 << 20).put(key(1), prompt(1000, 7, ("joe speaks",)))
    found = DiskCache(tmp_path / "prompts", 1 << 20).get(key(1))
    assert found is not None
    assert found.notes == ("joe speaks",)
    assert (found.pcm == 7).all()
    assert len(found.pcm) == 1000


def test_disk_is_bounded(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 3 * len(pack(prompt(1000))))
    for number in range(3):
        cache.put(key(number), prompt(1000))
    cache.get(key(0))
    cache.put(key(3), prompt(1000))
    assert [cache.get(key(number)) is not None for number in range(4)] == [True, False, True, True]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) == cache.bytes
    cache.put(key(4), prompt(1_000_000))
    assert cache.get(key(4)) is None


def test_a_smaller_bound_holds_after_a_restart(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, 1 << 20)
    for number in range(5):
        cache.put(key(number), prompt(1000))
    smaller = DiskCache(tmp_path, 2 * len(pack(prompt(1000))))
    assert sum(smaller.get(key(number)) is not None for number in range(5)) == 2


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path: Path, damage: str) -> None:
    DiskCache(tmp_path, 1 << 20).put(key(1), prompt(1000, notes=("a note",)))
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    data = bytearray(path.read_bytes())
    match damage:
        case "cut":
            data = data[:-3]
        case "flip":
            data[-1] ^= 1
        case "empty":
            data = bytearray()
        case "other":
            data = bytearray(b"RIFF" * 100)
    path.write_bytes(data)
    cache = DiskCache(tmp_path, 1 << 20)
    assert cache.get(key(1)) is None
    assert not path.exists()
    assert cache.bytes == 0


def test_what_was_half_written_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / "00").mkdir()
    (tmp_path / "00" / "left.partial").write_bytes(b"half")
    assert DiskCache(tmp_path, 1 << 20).get(key(1)) is None
    assert not list(tmp_path.rglob("*.partial"))


def test_a_folder_that_can_not_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = DiskCache(tmp_path / "file", 1 << 20)
    for number in range(3):
        cache.put(key(number), prompt(10))
        assert cache.get(key(number)) is None
    assert caplog.text.count("cannot be kept on disk") == 1


@given(st.binary(max_size=400))
def test_no_file_is_taken_for_a_prompt_by_chance(data: bytes) -> None:
    with pytest.raises(ValueError):
        unpack(data)


@given(st.lists(st.integers(-32768, 32767), min_size=1), st.lists(st.text(), max_size=5))
def test_what_goes_in_comes_out(samples: list[int], notes: list[str]) -> None:
    back = unpack(pack(Prompt(np.array(samples, np.int16), tuple(notes))))
    assert back.pcm.tolist() == samples
    assert back.notes == tuple(notes)


def test_a_disk_that_is_full_is_not_filled_with_halves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    cache = DiskCache(tmp_path, 1 << 20)
    for number in range(3):
        cache.put(key(number), prompt(1000))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert cache.bytes == 0
    assert "No space left" in caplog.text


def test_who_floods_the_cache_pushes_out_nobody_else(tmp_path: Path) -> None:
    room = 5 * len(pack(prompt(1000)))
    quiet = key(99)
    memory, disk = MemoryCache(room), DiskCache(tmp_path, room)
    for cache in (memory, disk):
        cache.put(quiet, prompt(1000), "quiet")
        for number in range(10):
            cache.put(key(number), prompt(1000), "loud")
        kept = [number for number in range(10) if cache.get(key(number)) is not None]
        assert kept == [*range(10 - len(kept), 10)]
        assert len(kept) >= 2
        assert cache.get(quiet) is not None
        assert cache.bytes <= room
    again = DiskCache(tmp_path, room)  # whose they are outlives the process
    for number in range(10, 20):
        again.put(key(number), prompt(1000), "loud")
    assert again.get(quiet) is not None
    assert len(list(tmp_path.glob("*/*.prompt"))) == 5


def test_what_nobody_played_for_long_goes_at_the_next_start(tmp_path: Path) -> None:
    disk = DiskCache(tmp_path, 1 << 20)
    for number in range(3):
        disk.put(key(number), prompt(1000), "gone")
    (old, *_) = tmp_path.glob(f"*/{key(0)}.prompt")
    os.utime(old, (1.0, 1.0))
    stranger = tmp_path / "ab" / f"{key(9)}.prompt"  # of a former layout
    stranger.parent.mkdir()
    stranger.write_bytes(old.read_bytes())
    again = DiskCache(tmp_path, 1 << 20, now=lambda: 1.0 + UNUSED + 1)
    assert [again.get(key(number)) is not None for number in (0, 1, 2, 9)] == [False, True, True, False]
    assert not old.exists()
    assert not stranger.exists()
