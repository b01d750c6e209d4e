"""Recordings that are encrypted on the disk: the same sound comes out, and nothing of it lies there."""

from __future__ import annotations

import io
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from streaming_bench import until
from test_recording_desk import FRAME, ROSTER, Room
from test_uploads import OURS, THEIRS, FakeStore

from hookflash.calls import facts
from hookflash.ports.audio import Said, Whole
from hookflash.recording.disk import Disk
from hookflash.recording.files import Mp3Writer, WavWriter, wav_header
from hookflash.recording.library import BROKEN_OFF, Library
from hookflash.recording.metadata import Label
from hookflash.recording.orders import Order
from hookflash.recording.sealed_files import SealedMp3Writer, SealedWavWriter
from hookflash.recording.sealing import (
    SEGMENT,
    KeyRing,
    SealedWriter,
    SealKey,
    is_sealed,
    open_sealed,
    seal_bytes,
)
from hookflash.recording.shelf import Shelf
from hookflash.recording.uploads import Uploads

KEY = SealKey(bytes(range(32)))
RING = KeyRing([KEY])


async def everything(content: Any) -> bytes:
    assert not isinstance(content, Path)
    return b"".join([piece async for piece in content.read(0, content.size)])


async def sound(library: Library, document: str, *, metadata: bool = False) -> bytes:
    """What whoever fetches a file gets."""
    file = library.find(document)
    assert file is not None
    return await everything(await Shelf(library, RING).open(file, metadata=metadata))


def samples(wav: bytes) -> np.ndarray:
    read, rate = soundfile.read(io.BytesIO(wav), dtype="int16", always_2d=True)
    assert rate == 16_000
    return read


def talk(seconds: float) -> np.ndarray:
    """Something that is heard, and that nothing else looks like."""
    rng = np.random.default_rng(5)
    return rng.integers(-9000, 9000, round(seconds * 16_000)).astype(np.int16).reshape(-1, FRAME)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path / "recordings", key=KEY)
    room.library = room.desk._library = Library(room.folder, room.documents, RING)
    yield room
    await room.desk.close()


async def test_a_recording_is_what_it_is_without_encryption(room: Room) -> None:
    listener = await room.start()
    frames = talk(3)
    for tick, frame in enumerate(frames):
        listener.take(tick, 1, {Whole(5): frame})
    (chunk,) = (await room.stop()).chunks
    assert (samples(await sound(room.library, chunk.document_id))[:, 0] == frames.reshape(-1)).all()
    told = json.loads(await sound(room.library, chunk.document_id, metadata=True))
    assert told["chunkDuration"] == 3000
    assert told["participants"] == [{"participantId": name} for _, name in ROSTER]
    for path in room.folder.rglob("*.*"):
        raw = path.read_bytes()
        assert is_sealed(path)
        assert b"participantId" not in raw
        assert frames[7].tobytes()[:16] not in raw
        assert b"RIFF" not in raw


async def test_channels_that_nobody_used_are_taken_out(room: Room) -> None:
    listener = await room.start(channel_type="unmixed")
    frames = talk(2)
    for tick, frame in enumerate(frames):
        listener.take(tick, 1, {Said(10): frame, Said(11): frame // 2})
    (chunk,) = (await room.stop()).chunks
    read = samples(await sound(room.library, chunk.document_id))
    assert read.shape == (2 * 16_000, 2)
    assert (read[:, 0] == frames.reshape(-1)).all()
    assert (read[:, 1] == (frames // 2).reshape(-1)).all()
    assert sorted(path.name for path in (room.folder / chunk.document_id).iterdir()) == [
        "audio.wav",
        "metadata.json",
    ]


async def test_mp3(room: Room, tmp_path: Path) -> None:
    listener = await room.start(format="mp3")
    plain = Mp3Writer(tmp_path / "plain.mp3")
    frames = talk(4)
    for tick, frame in enumerate(frames):
        listener.take(tick, 1, {Whole(5): frame})
        plain.write(frame.reshape(-1, 1))
    plain.close(1)
    (chunk,) = (await room.stop()).chunks
    mp3 = await sound(room.library, chunk.document_id)
    wanted, _ = soundfile.read(tmp_path / "plain.mp3")
    found, rate = soundfile.read(io.BytesIO(mp3))
    assert rate == 16_000
    assert len(mp3) == (tmp_path / "plain.mp3").stat().st_size
    # The first frame has no table in it here, and says nothing of padding.
    assert abs(len(found) - len(wanted)) <= 2500
    best = max(np.corrcoef(found[shift : shift + 40_000], wanted[:40_000])[0, 1] for shift in range(2500))
    assert best > 0.999


@pytest.mark.parametrize("format", ["wav", "mp3"])
async def test_what_the_server_was_recording_when_it_died_is_finished(
    room: Room, format: str, tmp_path: Path
) -> None:
    listener = await room.start(format=format)
    frames = talk(6)
    for tick, frame in enumerate(frames):
        listener.take(tick, 1, {Whole(5): frame})
    take = room.desk._takes["r1"]
    await until(lambda: take._disk._writer.frames >= 5 * 16_000 and not take._writing)
    frames_written = take._disk._writer.frames
    (name,) = room.documents.kept["recordings"]
    path = room.folder / name / f"audio.{format}"
    assert not (room.folder / name / "metadata.json").exists()
    # As a kill leaves it, in the middle of a write.
    data = path.read_bytes()
    os.truncate(path, len(data) - 3)

    keyless = Library(room.folder, room.documents)
    await keyless.load()
    found = keyless.find(name)
    assert found is not None
    assert found.state == "recording"

    library = Library(room.folder, room.documents, RING)
    await library.load()
    assert set(library.broken_off) == {"r1"}
    file = library.find(name)
    assert file is not None
    assert (file.state, file.end_reason) == ("stored", BROKEN_OFF)
    read = await sound(library, name)
    if format == "wav":
        got = samples(read)[:, 0]
        assert frames_written - SEGMENT // 2 <= len(got) <= frames_written
        assert (got == frames.reshape(-1)[: len(got)]).all()
        assert file.duration_ms == round(len(got) / 16)
    else:
        got, _ = soundfile.read(io.BytesIO(read))
        assert file.duration_ms == pytest.approx(len(got) / 16, abs=150)
    assert json.loads(await sound(library, name, metadata=True))["chunkDuration"] == file.duration_ms
    path.write_bytes(data)  # the fixture goes on recording into it


@settings(deadline=None, max_examples=25)
@given(
    st.integers(1, 5), st.lists(st.integers(0, 4000), min_size=1, max_size=8), st.integers(1, 5), st.data()
)
async def test_wav_files_are_the_same_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, channels: int, sizes: list[int], kept: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("same")
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    one, other = WavWriter(folder / "a", channels), SealedWavWriter(folder / "b", channels, KEY)
    for size in sizes:
        block = rng.integers(-32768, 32767, (size, channels)).astype(np.int16)
        one.write(block)
        other.write(block)
    for writer in (one, other):
        for _ in range(2):
            assert writer.close(min(kept, channels)) == min(kept, channels)
    assert one.frames == other.frames
    content = Shelf(Library(folder, None), RING)._open_local(folder / "b")  # type: ignore[arg-type]
    assert await everything(content) == (folder / "a").read_bytes()


@pytest.mark.parametrize("when", [0, 1, 3])
async def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    path = tmp_path / "audio.wav"
    writer = SealedWavWriter(path, 1, KEY)
    block = talk(1).reshape(-1, 1)
    for _ in range(when):
        writer.write(block)
    real = os.pwrite

    def half(fd: int, data: Any, at: int) -> int:
        real(fd, bytes(data)[: len(data) // 2], at)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half)
        with pytest.raises(OSError, match="No space"):
            writer.write(block)
    with pytest.raises(OSError, match="an earlier write has failed"):
        writer.write(block)
    writer.close(1)
    content = Shelf(Library(tmp_path, None), RING)._open_local(path)  # type: ignore[arg-type]
    assert (samples(await everything(content)).reshape(-1) == np.tile(block[:, 0], when)).all()


def test_an_encoder_s_file_is_only_appended_to(tmp_path: Path) -> None:
    writer = SealedMp3Writer(tmp_path / "a", KEY)
    sizes = []
    for _ in range(5):
        writer.write(talk(1).reshape(-1, 1))
        sizes.append(writer.size)
    writer.close(1)
    writer.close(1)
    assert sizes == sorted(sizes)
    assert writer.frames == 80_000


@pytest.mark.parametrize("size", [0, 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT])
async def test_small_files_are_sealed_in_memory(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "m").write_bytes(seal_bytes(data, KEY))
    assert open_sealed(tmp_path / "m", RING, wav_header).data == size
    content = Shelf(Library(tmp_path, None), RING)._open_local(tmp_path / "m")  # type: ignore[arg-type]
    assert await everything(content) == data


def test_a_full_disk_ends_an_mp3_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SealedMp3Writer(tmp_path / "m", KEY)
    for _ in range(4):
        writer.write(talk(1).reshape(-1, 1))
    size = writer.size

    def full(fd: int, data: Any, at: int) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match="No space"):
            writer.write(talk(1).reshape(-1, 1))
    assert writer.close(1) == 1
    assert writer.close(1) == 1
    assert (tmp_path / "m").stat().st_size == size
    assert writer.frames == pytest.approx(4 * 16_000, abs=4000)


async def test_a_file_without_its_key_is_not_given_out(room: Room) -> None:
    await room.start()
    (chunk,) = (await room.stop()).chunks
    file = room.library.find(chunk.document_id)
    assert file is not None
    with pytest.raises(OSError, match="no key is configured"):
        await Shelf(room.library).open(file, metadata=False)
    with pytest.raises(OSError, match="which is not configured"):
        await Shelf(room.library, KeyRing([SealKey(bytes(32))])).open(file, metadata=False)


@pytest.mark.parametrize("order", [THEIRS, OURS], ids=["theirs", "ours"])
async def test_apps_get_it_in_clear_and_the_servers_own_store_does_not(room: Room, order: Order) -> None:
    store = FakeStore()
    shelf = Shelf(room.library, RING)
    uploads = Uploads(
        room.library,
        shelf,
        room.documents,
        lambda order: store,
        room.clock,
        room.facts.append,
        window=3600,
        keep_local=False,
    )
    shelf.uploads = uploads
    room.desk._uploads = uploads
    room.desk._storage = OURS.url
    listener = await room.start(destination=None if order.own else f"{order.url}?{order.sas}")
    frames = talk(2)
    for tick, frame in enumerate(frames):
        listener.take(tick, 1, {Whole(5): frame})
    (chunk,) = (await room.stop()).chunks
    file = room.library.find(chunk.document_id)
    assert file is not None
    assert not (room.folder / chunk.document_id).exists()
    sent = {name.rpartition("-")[2]: data for name, (data, _) in store.objects.items()}
    if order.own:
        assert not any(b"RIFF" in data or b"participantId" in data for data in sent.values())
        fetched = await everything(await shelf.open(file, metadata=False))
        told = await everything(await shelf.open(file, metadata=True))
    else:
        fetched, told = sent["acsaudio.wav"], sent["acsmetadata.json"]
    assert (samples(fetched)[:, 0] == frames.reshape(-1)).all()
    assert json.loads(told)["chunkDuration"] == 2000
    await uploads.close()


def test_files_are_bounded_in_time(tmp_path: Path) -> None:
    label = Label("r", "resource", "s", "c", "audio", "mixed", "wav")
    names = iter("abcdef")
    disk = Disk(tmp_path, label, 1 << 30, lambda: next(names), max_seconds=2)
    disk.begin(disk.plan(0.0))
    block = talk(0.8).reshape(-1, 1)
    full = []
    for second in range(1, 8):
        full.append(disk.write([block]))
        if full[-1]:
            disk.turn(disk.plan(second * 0.8), (), ())
    disk.finish("SessionEnded", (), ())
    assert full == [False, False, True, False, False, True, False]
    assert [(file.end_reason, file.duration_ms) for file in disk.files] == [
        ("ChunkMaximumTimeExceeded", 2400),
        ("ChunkMaximumTimeExceeded", 2400),
        ("SessionEnded", 800),
    ]


async def test_a_long_recording_is_several_files(tmp_path: Path) -> None:
    room = Room(tmp_path, max_seconds=2.0)
    listener = await room.start()
    for second in range(5):
        room.give(listener, {Whole(5): second + 1}, 50)
        await until(lambda: not room.desk._takes["r1"]._frames)
    stored: facts.RecordingStored = await room.stop()
    assert len(stored.chunks) == 3
    assert stored.duration_ms == 5000
    whole = np.concatenate([room.read(chunk) for chunk in stored.chunks])
    assert whole[::16_000, 0].tolist() == [1, 2, 3, 4, 5]
    await room.desk.close()


def test_sizes_are_those_of_the_file(tmp_path: Path) -> None:
    for writer, path in (
        (SealedWavWriter(tmp_path / "w", 1, KEY), tmp_path / "w"),
        (SealedMp3Writer(tmp_path / "m", KEY), tmp_path / "m"),
    ):
        writer.write(talk(2).reshape(-1, 1))
        assert writer.size == path.stat().st_size
        writer.close(1)
    assert isinstance(SealedWriter(tmp_path / "x", KEY), SealedWriter)
