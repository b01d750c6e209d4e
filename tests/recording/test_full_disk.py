"""A disk without room: what is there of a recording is kept, closed and told of, and nothing else is left."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from streaming_bench import until
from test_recording_desk import FRAME, Room

from hookflash.calls import facts
from hookflash.ports.audio import Said, Whole
from hookflash.recording.files import RATE, Mp3Writer, WavWriter
from hookflash.recording.library import Library


class SmallDisk:
    """Lets files grow by ``room`` octets altogether. What is there can be written over."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.room = 1 << 30
        self._pwrite, self._allocate = os.pwrite, os.posix_fallocate
        patch.setattr(os, "pwrite", self._write)
        patch.setattr(os, "posix_fallocate", self._reserve)

    def _write(self, fd: int, data: Any, offset: int) -> int:
        size = memoryview(data).nbytes
        more = max(0, offset + size - self._has(fd))
        if more > self.room:
            size -= more - self.room
            if size <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            more = self.room
        self.room -= more
        return self._pwrite(fd, memoryview(data).cast("B")[:size], offset)

    def _reserve(self, fd: int, offset: int, size: int) -> None:
        if size > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= size
        self._allocate(fd, offset, size)

    def _has(self, fd: int) -> int:
        return os.fstat(fd).st_size


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    with monkeypatch.context() as patch:
        yield SmallDisk(patch)


@pytest.mark.parametrize("room", range(0, 400, 37))
async def test_a_recording_ends_where_the_room_does(tmp_path: Path, disk: SmallDisk, room: int) -> None:
    """Also in the middle of a sample; its metadata has had its room from the beginning."""
    one = Room(tmp_path / "recordings")
    listener = await one.start()
    disk.room = 32_000 + room
    one.give(listener, {Whole(5): 100}, 50)
    one.give(listener, {Whole(5): 200}, 50)
    stored = await one.stored()
    (failed,) = one.of(facts.RecordingFailed)
    assert failed.message == "The recording broke off: No space left on device."
    (chunk,) = stored.chunks
    samples = one.read(chunk)
    assert (one.folder / chunk.path).stat().st_size == 44 + 2 * len(samples)
    assert samples[:, 0].tolist() == [100] * RATE
    assert stored.duration_ms == 1_000
    assert one.metadata(chunk)["chunkDuration"] == 1_000
    folder = (one.folder / chunk.path).parent
    assert {path.name for path in folder.iterdir()} == {"audio.wav", "metadata.json"}
    await one.desk.close()


async def test_the_log_says_what_to_do(
    tmp_path: Path, disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    one = Room(tmp_path / "recordings")
    disk.room = 4_000
    one.desk.start(one.effect())
    await until(lambda: one.facts and not one.desk.open)
    (failed,) = one.facts
    assert isinstance(failed, facts.RecordingFailed)
    assert str(tmp_path) not in failed.message
    assert f"free some space on the disk of {one.folder}" in caplog.text
    assert list(one.folder.iterdir()) == [], "nothing is left of a recording that has not begun"
    await one.desk.close()


async def test_channels_that_can_not_be_left_out_are_kept(
    tmp_path: Path, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: WavWriter, channels: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(WavWriter, "_narrow", full)
    one = Room(tmp_path / "recordings")
    listener = await one.start(channel_type="unmixed")
    one.give(listener, {Said(10): 10}, 5)
    (chunk,) = (await one.stop()).chunks
    assert one.read(chunk).shape == (5 * FRAME, 5)
    assert one.metadata(chunk)["recordingInfo"]["audioConfiguration"]["channels"] == 5
    assert one.of(facts.RecordingFailed) == []
    await one.desk.close()


def test_what_can_not_be_narrowed_leaves_no_second_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = WavWriter(tmp_path / "audio.wav", 5)
    writer.write(np.ones((RATE, 5), np.int16))

    def full(fd: int) -> None:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".part"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert writer.close(2) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["audio.wav"]
    assert soundfile.info(tmp_path / "audio.wav").channels == 5


def test_an_mp3_says_what_the_disk_says_and_can_be_read(tmp_path: Path, disk: SmallDisk) -> None:
    path = tmp_path / "audio.mp3"
    writer = Mp3Writer(path)
    n = np.arange(RATE)
    second = np.round(8_000 * np.sin(2 * np.pi * 500 * n / RATE)).astype(np.int16).reshape(-1, 1)
    writer.write(second)
    disk.room = 6_000
    with pytest.raises(OSError, match="No space left on device") as caught:
        writer.write(np.concatenate([second] * 5))
    assert caught.value.errno == errno.ENOSPC
    assert writer.close(1) == 1
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == RATE
    assert abs(len(samples) - writer.frames) <= 576, "a frame of MPEG, of which a part may be there"
    assert 1.5 * RATE < len(samples) < 3 * RATE


async def test_a_restart_with_a_full_disk_keeps_what_was_recorded(
    tmp_path: Path, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metadata has its room even then, and where it has not, the sound does not go with it."""
    one = Room(tmp_path)
    listener = await one.start()
    one.give(listener, {Whole(5): 100}, 50)
    (file,) = one.library.files()
    await until(lambda: (tmp_path / file.path).stat().st_size == 44 + 2 * RATE)
    notes = dict(one.documents.kept["recordings"])
    disk.room = 0
    again = Library(tmp_path, one.documents)
    await again.load()
    assert json.loads((tmp_path / file.metadata_path).read_bytes())["chunkDuration"] == 1_000

    one.documents.kept["recordings"] = notes
    (tmp_path / file.metadata_path).unlink()
    again = Library(tmp_path, one.documents)
    await again.load()
    found = again.find(file.document_id)
    assert found is not None
    assert (found.state, found.duration_ms) == ("stored", 1_000)
    assert not (tmp_path / file.metadata_path).exists()
    await one.desk.close()
