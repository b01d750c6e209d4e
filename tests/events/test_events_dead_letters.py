from __future__ import annotations

import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hookflash.events import DeadLetters


@pytest.fixture
async def letters(tmp_path: Path) -> AsyncIterator[DeadLetters]:
    made = DeadLetters(tmp_path / "lost", always=True, max_files=10, max_bytes=1000)
    yield made
    made.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_places(tmp_path: Path) -> None:
    everyone = DeadLetters(tmp_path, always=True)
    assert everyone.place("app", "") == tmp_path / "app"
    assert everyone.place("app", "lost") == tmp_path / "lost"
    assert everyone.place("app", "/var/lost") == Path("/var/lost")
    named_only = DeadLetters(tmp_path, always=False)
    assert named_only.place("app", "") is None
    assert named_only.place("app", "lost") == tmp_path / "lost"


async def test_one_private_file_each(letters: DeadLetters) -> None:
    place = letters.folder / "app"
    path = await letters.keep(place, "0d7-1", b'{"id":1}')
    assert path == place / "0d7-1.json"
    assert json.loads(path.read_bytes()) == {"id": 1}
    assert path.stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o700
    await letters.keep(place, "0d7-1", b'{"id":2}')
    assert names(place) == ["0d7-1.json"]
    assert json.loads(path.read_bytes()) == {"id": 2}


async def test_a_name_cannot_lead_elsewhere(letters: DeadLetters) -> None:
    place = letters.folder / "app"
    path = await letters.keep(place, "../../x/" + "y" * 300, b"{}")
    assert path.parent == place
    assert names(letters.folder.parent) == [path.name]


async def fill(letters: DeadLetters, count: int, letter: bytes = b"{}") -> None:
    for n in range(count):
        path = await letters.keep(letters.folder / f"s{n % 2}", f"{n:03d}", letter)
        os.utime(path, (n, n))


async def test_the_oldest_go_when_there_are_too_many(
    letters: DeadLetters, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(letters, 11)
    assert names(letters.folder) == [f"{n:03d}.json" for n in range(2, 11)]
    assert "2 of the oldest dead letters in" in caplog.text
    await fill(letters, 60)
    kept = names(letters.folder)
    assert 9 <= len(kept) <= 10
    assert kept[-1] == "059.json"


async def test_the_oldest_go_when_they_are_too_big(letters: DeadLetters) -> None:
    await fill(letters, 5, b"x" * 250)
    assert names(letters.folder) == ["002.json", "003.json", "004.json"]


async def test_the_newest_stays_however_big(letters: DeadLetters) -> None:
    await fill(letters, 2)
    await letters.keep(letters.folder / "s0", "big", b"x" * 5000)
    assert names(letters.folder) == ["big.json"]


async def test_letters_taken_away_make_room(letters: DeadLetters, caplog: pytest.LogCaptureFixture) -> None:
    await fill(letters, 10)
    for path in letters.folder.rglob("*.json"):
        path.unlink()
    with caplog.at_level(logging.INFO):
        await letters.keep(letters.folder / "s0", "new", b"{}")
    assert names(letters.folder) == ["new.json"]
    assert caplog.text == ""


async def test_what_was_there_before_counts(letters: DeadLetters, tmp_path: Path) -> None:
    await fill(letters, 10)
    again = DeadLetters(letters.folder, always=True, max_files=10, max_bytes=1000)
    await again.keep(letters.folder / "s0", "new", b"{}")
    assert len(names(letters.folder)) == 9
    elsewhere = await again.keep(tmp_path / "elsewhere", "new", b"{}")
    assert elsewhere.exists()
    assert len(names(letters.folder)) == 9
    again.close()


async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    letters = DeadLetters(tmp_path / "file", always=True)
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        await letters.keep(tmp_path / "file" / "app", "1", b"{}")
    letters.close()
