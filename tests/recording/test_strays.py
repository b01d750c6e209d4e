"""What is left of recordings that no note names: the empty is removed, and nothing else is ever touched."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from test_recording_desk import FakeDocuments

from hookflash.recording import strays
from hookflash.recording.files import Mp3Writer, WavWriter, wav_header
from hookflash.recording.library import Library
from hookflash.recording.sealed_files import SealedMp3Writer, SealedWavWriter
from hookflash.recording.sealing import SealKey
from hookflash.recording.strays import AGE, new_document_id

KEY = SealKey(bytes(range(32)))
WRITERS = {
    "wav": lambda folder: WavWriter(folder / "audio.wav", 1),
    "mp3": lambda folder: Mp3Writer(folder / "audio.mp3"),
    "sealed wav": lambda folder: SealedWavWriter(folder / "audio.wav", 1, KEY),
    "sealed mp3": lambda folder: SealedMp3Writer(folder / "audio.mp3", KEY),
}


def made(root: Path, name: str | None = None, **files: bytes) -> Path:
    folder = root / (name or new_document_id())
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file.replace("_", ".")).write_bytes(content)
    return folder


def age(folder: Path, seconds: float = AGE + 60) -> None:
    at = time.time() - seconds
    for one in (*folder.iterdir(), folder):
        os.utime(one, (at, at), follow_symlinks=False)


def everything(root: Path) -> list[Path]:
    return sorted(root.rglob("*"))


async def load(root: Path, documents: FakeDocuments | None = None) -> Library:
    library = Library(root, documents or FakeDocuments())
    await library.load()
    return library


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("sound", [False, True], ids=["empty", "sound"])
async def test_one_without_a_sound_goes_and_one_with_sound_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, sound: bool
) -> None:
    folder = made(tmp_path, metadata_part=bytes(4096))
    writer = WRITERS[kind](folder)
    if sound:
        writer.write(np.ones((16_000, 1), np.int16))
    age(folder)
    await load(tmp_path)
    assert folder.exists() is sound
    if sound:
        assert {path.name[:5] for path in folder.iterdir()} == {"audio", "metad"}
    assert folder.name in caplog.text if sound else "1 folders without a sound" in caplog.text


@pytest.mark.parametrize(
    "files",
    [
        {"audio_wav": wav_header(1, None) + b"\1\0"},
        {"audio_wav": b"", "notes_txt": b""},
        {"audio_wav": wav_header(1, 0), "metadata_json": b"{}"},
        {"audio_wav": wav_header(5, None), "audio_part": wav_header(1, 1) + b"\1\0"},
    ],
    ids=["a sample", "a file of somebody's", "one that was finished", "one being narrowed"],
)
async def test_what_may_be_wanted_is_left(tmp_path: Path, files: dict[str, bytes]) -> None:
    folder = made(tmp_path, **files)
    age(folder)
    await load(tmp_path)
    assert len(list(folder.iterdir())) == len(files)


async def test_only_folders_named_as_ours_are(tmp_path: Path) -> None:
    ours = new_document_id()
    others = [made(tmp_path, name, audio_wav=b"") for name in ("x", ours[:-1], ours + "0", ours.upper())]
    others.append(made(tmp_path / "elsewhere", audio_wav=b""))
    for folder in others:
        age(folder)
    linked, holding = tmp_path / new_document_id(), made(tmp_path)
    linked.symlink_to(others[-1])
    (holding / "audio.wav").symlink_to(others[-1] / "audio.wav")
    (tmp_path / new_document_id()).write_bytes(b"")
    age(holding)
    before = everything(tmp_path)
    await load(tmp_path)
    assert everything(tmp_path) == before


async def test_one_that_may_be_written_by_another_server_is_left(tmp_path: Path) -> None:
    folder = made(tmp_path, audio_wav=wav_header(1, None), metadata_part=bytes(4096))
    age(folder, AGE - 3_600)
    await load(tmp_path)
    assert len(list(folder.iterdir())) == 2


async def test_a_note_that_can_not_be_read_is_one(tmp_path: Path) -> None:
    folder = made(tmp_path, audio_wav=wav_header(1, None))
    age(folder)
    documents = FakeDocuments()
    documents.kept["recordings"] = {folder.name: b"{"}
    await load(tmp_path, documents)
    assert (folder / "audio.wav").exists()


async def test_a_lost_journal_costs_no_sound(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folders = [made(tmp_path, audio_wav=wav_header(1, 1) + b"\1\0", metadata_json=b"{}") for _ in range(30)]
    for folder in folders:
        age(folder)
    await load(tmp_path)
    assert all(len(list(folder.iterdir())) == 2 for folder in folders)
    (told,) = [record.getMessage() for record in caplog.records]
    assert "30 folders" in told
    assert sum(folder.name in told for folder in folders) == 10


async def test_no_more_than_so_many_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(strays, "MOST", 3)
    for _ in range(5):
        age(made(tmp_path, audio_wav=b""))
    await load(tmp_path)
    assert len(os.listdir(tmp_path)) == 2
    assert "not all were looked at" in caplog.text
    await load(tmp_path)
    assert os.listdir(tmp_path) == []


async def test_where_nothing_was_recorded_there_is_nothing_to_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await load(tmp_path / "recordings")
    assert not caplog.records
