"""How long recordings are kept, in virtual time."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_recording_desk import FakeDocuments

from hookflash.recording.keeping import EVERY, Keeping
from hookflash.recording.library import Library
from hookflash.recording.metadata import Label, StoredFile
from hookflash.testing.clock import VirtualClock

HOUR = 3600.0


class Shelf:
    """A library, and the time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        self.library = Library(folder, FakeDocuments())

    def put(self, name: str, hours_ago: float, state: str = "stored", paused: float = 0) -> None:
        """A file of an hour that began so long ago."""
        (self.folder / name).mkdir()
        for part in ("audio.wav", "metadata.json"):
            (self.folder / name / part).write_bytes(b"x")
        label = Label("r", "resource", "s", "c", "audio", "mixed", "wav")
        started = self.clock.wall() - HOUR * hours_ago
        self.library.note(
            StoredFile(
                name,
                label,
                0,
                state,
                f"{name}/audio.wav",
                f"{name}/metadata.json",
                started,
                duration_ms=3_600_000 if state == "stored" else 0,
                paused_ms=round(paused * 3_600_000),
            )
        )

    @property
    def names(self) -> list[str]:
        kept = sorted(file.document_id for file in self.library.files())
        assert kept == sorted(path.name for path in self.folder.iterdir())
        return kept


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_what_ended_too_long_ago_is_deleted_and_nothing_else(shelf: Shelf) -> None:
    shelf.put("old", 50.5)
    shelf.put("young", 48.5)
    shelf.put("paused", 50.5, paused=2)
    shelf.put("running", 100, "recording")
    keeping = Keeping(shelf.library, shelf.clock, 48)
    keeping.start()
    await keeping.close()
    assert shelf.names == ["paused", "running", "young"]


async def test_it_looks_again_every_now_and_then(shelf: Shelf) -> None:
    shelf.put("young", 48.5)
    keeping = Keeping(shelf.library, shelf.clock, 48)
    keeping.start()
    await shelf.clock.elapse(0.5 * HOUR - EVERY)
    assert shelf.names == ["young"]
    await shelf.clock.elapse(2 * EVERY)
    await keeping.close()
    assert shelf.names == []


async def test_for_ever_is_for_ever(shelf: Shelf) -> None:
    shelf.put("old", 100_000)
    keeping = Keeping(shelf.library, shelf.clock, 0)
    keeping.start()
    await shelf.clock.elapse(10 * EVERY)
    await keeping.close()
    assert shelf.names == ["old"]


async def test_what_can_not_be_deleted_is_said_and_tried_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put("old", 100)

    def refuse(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError("not yours")

    async def look() -> None:
        keeping = Keeping(shelf.library, shelf.clock, 48)
        keeping.start()
        await keeping.close()

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        await look()
    assert shelf.names == ["old"]
    assert "could not be deleted: not yours" in caplog.text
    await look()
    assert shelf.names == []
