"""Finished files on their way to where they belong, in virtual time: retries, restarts, who is told when."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from streaming_bench import until
from test_recording_desk import FakeDocuments

from hookflash.calls import facts
from hookflash.recording import uploads
from hookflash.recording.keeping import Keeping
from hookflash.recording.library import BROKEN_OFF, Library
from hookflash.recording.metadata import Label, StoredFile
from hookflash.recording.orders import Order, Upload
from hookflash.recording.shelf import Shelf
from hookflash.recording.stores import Content, StoreError
from hookflash.recording.uploads import FIRST_WAIT, LONGEST_WAIT, ORDERS, UPLOADS, Uploads
from hookflash.testing.clock import VirtualClock

HOUR = 3600.0
SAS = "sp=cw&sig=s3cr3t"
THEIRS = Order("r1", "https://acct.blob.core.windows.net/calls", SAS)
OURS = Order("r1", "s3://bucket/folder", own=True)
SOUND = b"RIFF" + bytes(1000)
METADATA = b'{"chunkIndex":0}'


class FakeStore:
    """A store in memory. ``broken`` makes everything fail, ``gate`` makes it wait."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.puts: list[str] = []
        self.broken = ""
        self.gate = asyncio.Event()
        self.gate.set()

    async def put(self, name: str, content: Content, media_type: str) -> None:
        self.puts.append(name)
        await self.gate.wait()
        if self.broken:
            raise StoreError(self.broken)
        data = b"".join([piece async for piece in content.read(0, content.size)])
        assert len(data) == content.size
        self.objects[name] = (data, media_type)

    async def open(self, name: str) -> Content:
        if self.broken or name not in self.objects:
            raise StoreError(self.broken or f"no {name}", gone=not self.broken)
        return _Bytes(self.objects[name][0])

    async def delete(self, name: str) -> None:
        if self.broken:
            raise StoreError(self.broken)
        self.objects.pop(name, None)


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        yield self._data[start:stop]


class Bench:
    """A library with files, and the uploads of a server that can be started again."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        self.documents = FakeDocuments()
        self.documents.kept = {ORDERS: {}, UPLOADS: {}, "recordings": {}}
        self.store = FakeStore()
        self.asked: list[Order] = []
        self.facts: list[facts.Fact] = []
        self.changes = changes
        self.build()

    def build(self) -> None:
        self.library = Library(self.folder, self.documents)
        self.shelf = Shelf(self.library)
        given: dict[str, Any] = {"window": 2 * HOUR, "keep_local": True, "dice": lambda: 0.5, **self.changes}
        self.uploads = Uploads(
            self.library, self.shelf, self.documents, self.open, self.clock, self.facts.append, **given
        )
        self.shelf.uploads = self.uploads

    def open(self, order: Order) -> FakeStore:
        self.asked.append(order)
        return self.store

    async def again(self) -> None:
        """The server is killed and started again."""
        for task in list(self.uploads._tasks.values()):
            task.cancel()
        await asyncio.sleep(0)
        self.uploads._report = lambda fact: None
        self.build()
        await self.library.load()
        await self.uploads.load()

    def put(
        self, index: int = 0, recording: str = "r1", state: str = "stored", reason: str = "SessionEnded"
    ) -> str:
        """A file of the recording is there."""
        name = f"{recording}-{index}"
        if not (self.folder / name).exists():
            (self.folder / name).mkdir(parents=True)
            (self.folder / name / "audio.wav").write_bytes(SOUND)
            (self.folder / name / "metadata.json").write_bytes(METADATA)
        label = Label(recording, "resource", "server-call", "corr", "audio", "mixed", "wav")
        self.library.note(
            StoredFile(
                name,
                label,
                index,
                state,
                f"{name}/audio.wav",
                f"{name}/metadata.json",
                self.clock.wall() + index,
                duration_ms=1000,
                end_reason=reason,
            )
        )
        return name

    def stored(self, *names: str, recording: str = "r1") -> facts.RecordingStored:
        chunks = tuple(
            facts.RecordingChunk(name, index, "SessionEnded", f"{name}/audio.wav", f"{name}/metadata.json")
            for index, name in enumerate(names)
        )
        fact = facts.RecordingStored(recording, chunks, self.clock.wall(), 1000 * len(names))
        self.uploads.told(fact)
        self.uploads.over(recording)
        return fact

    async def settled(self) -> None:
        await until(lambda: not self.uploads.waiting)

    async def tried(self, times: int) -> None:
        """Until so many attempts have been made, and what they led to is noted."""
        await until(lambda: len(self.store.puts) >= times)
        await self.quiet()

    async def quiet(self) -> None:
        """Until every file waits for its next attempt, or is done."""
        await until(lambda: len(self.clock.pending) >= self.uploads.waiting)

    def note(self, name: str) -> dict[str, Any]:
        found = msgspec.json.decode(self.documents.kept[UPLOADS][name])
        assert isinstance(found, dict)
        return found

    def on_disk(self, name: str) -> bool:
        return (self.folder / name / "audio.wav").exists()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    await bench.uploads.close()


async def test_files_go_where_the_app_wants_them_and_then_it_is_told(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    bench.store.gate.clear()
    name = bench.put()
    fact = bench.stored(name)
    await until(lambda: bench.store.puts)
    assert bench.facts == []
    assert bench.uploads.waiting == 1
    bench.store.gate.set()
    await bench.settled()
    assert bench.facts == [fact]
    assert bench.store.objects == {
        "20260101/corr/r1/0-acsaudio.wav": (SOUND, "audio/wav"),
        "20260101/corr/r1/0-acsmetadata.json": (METADATA, "application/json"),
    }
    assert bench.asked == [THEIRS]
    assert bench.on_disk(name)
    assert (bench.note(name)["state"], bench.note(name)["local"]) == ("uploaded", True)
    assert bench.uploads.figures.uploaded == 1


async def test_a_file_whose_metadata_found_no_room_goes_without(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    bench.store.gate.clear()
    name = bench.put()
    (bench.folder / name / "metadata.json").unlink()
    bench.store.gate.set()
    await bench.settled()
    assert list(bench.store.objects) == ["20260101/corr/r1/0-acsaudio.wav"]
    assert bench.note(name)["state"] == "uploaded"


async def test_the_secret_of_an_app_is_forgotten_with_the_order_and_never_shown(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bench.store.broken = "the container is gone"
    bench.uploads.order(THEIRS)
    assert SAS.encode() in bench.documents.kept[ORDERS]["r1"]
    assert SAS not in repr(THEIRS)
    name = bench.put()
    bench.stored(name)
    await bench.tried(1)
    bench.store.broken = ""
    await bench.clock.elapse(FIRST_WAIT)
    await bench.settled()
    assert bench.documents.kept[ORDERS] == {}
    assert not any(SAS.encode() in body for space in bench.documents.kept.values() for body in space.values())
    assert "s3cr3t" not in caplog.text


async def test_a_chunk_is_sent_while_the_recording_goes_on(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    first = bench.put(0, reason="ChunkMaximumSizeExceeded")
    await bench.settled()
    assert len(bench.store.objects) == 2
    assert bench.facts == []
    assert "r1" in bench.documents.kept[ORDERS]
    second = bench.put(1)
    fact = bench.stored(first, second)
    await bench.settled()
    assert bench.facts == [fact]
    assert len(bench.store.objects) == 4


async def test_what_goes_wrong_is_tried_again_ever_more_seldom(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.store.broken = "403 Forbidden (AuthorizationFailure)"
    bench.uploads.order(THEIRS)
    name = bench.put()
    fact = bench.stored(name)
    waits, last = [], bench.clock.now()
    for attempt in range(1, 12):
        await bench.tried(attempt)
        (due,) = bench.clock.pending
        waits.append(due - last)
        last = due
        bench.clock.advance_to(due)
    expected = [min(FIRST_WAIT * 2**n, LONGEST_WAIT) for n in range(11)]
    assert waits == expected
    assert bench.facts == []
    assert bench.on_disk(name)
    assert bench.note(name)["note"] == "403 Forbidden (AuthorizationFailure)"
    await bench.quiet()
    bench.store.broken = ""
    await bench.clock.elapse(LONGEST_WAIT)
    await bench.settled()
    assert bench.facts == [fact]
    assert bench.uploads.figures.retried >= 11
    assert caplog.text.count("could not be sent") == bench.uploads.figures.retried
    assert [r.levelno for r in caplog.records if "could not be sent" in r.message][:2] == [
        logging.ERROR,
        logging.WARNING,
    ]


@pytest.mark.parametrize(("dice", "share"), [(0.0, 0.75), (1.0, 1.25)])
async def test_attempts_are_spread(tmp_path: Path, dice: float, share: float) -> None:
    bench = Bench(tmp_path, dice=lambda: dice)
    bench.store.broken = "gone"
    bench.uploads.order(THEIRS)
    bench.put()
    await bench.tried(1)
    assert bench.clock.pending == [pytest.approx(share * FIRST_WAIT)]
    await bench.uploads.close()


async def test_it_is_given_up_in_the_end_and_kept_here(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.store.broken = "no such container"
    bench.changes["keep_local"] = False
    bench.uploads.order(THEIRS)
    name = bench.put()
    fact = bench.stored(name)
    began = bench.clock.now()
    attempts = 0
    while bench.uploads.waiting:
        attempts += 1
        await bench.tried(attempts)
        if bench.clock.pending:
            bench.clock.advance_to(bench.clock.pending[0])
    assert 2 * HOUR <= bench.clock.now() - began <= 2 * HOUR + 1.25 * LONGEST_WAIT
    assert bench.facts == [fact]
    assert bench.on_disk(name)
    assert bench.note(name)["state"] == "failed"
    assert bench.documents.kept[ORDERS] == {}
    assert bench.uploads.figures.failed == 1
    assert "was not taken by https://acct.blob.core.windows.net/calls for 2 hours and stays" in caplog.text
    # What is in an app's container is no longer possible; it is not tried at the next start.
    await bench.again()
    assert bench.uploads.waiting == 0


async def test_the_window_goes_on_after_a_restart(bench: Bench) -> None:
    bench.store.broken = "gone"
    bench.uploads.order(THEIRS)
    name = bench.put()
    bench.stored(name)
    await bench.tried(1)
    bench.clock.advance(1.9 * HOUR)
    await bench.again()
    await bench.quiet()
    assert bench.note(name)["state"] == "waiting"
    bench.clock.advance(0.2 * HOUR)
    await bench.settled()
    assert bench.note(name)["state"] == "failed"


async def test_what_was_not_acknowledged_is_sent_after_a_restart_and_told_once(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    bench.store.gate.clear()
    names = [bench.put(0), bench.put(1)]
    bench.stored(*names)
    await until(lambda: len(bench.store.puts) == 2)
    await bench.again()
    bench.store.gate.set()
    await bench.settled()
    assert len(bench.store.objects) == 4
    (fact,) = bench.facts
    assert isinstance(fact, facts.RecordingStored)
    assert [chunk.document_id for chunk in fact.chunks] == names
    assert fact.duration_ms == 2000
    assert fact.origin == facts.RecordingOrigin(
        "resource", "server-call", "corr", "audio", "mixed", "wav", broken=False
    )
    assert bench.asked[-1].sas == SAS
    await bench.again()
    assert bench.uploads.waiting == 0
    assert len(bench.facts) == 1


async def test_what_was_sent_already_is_not_sent_again(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    first = bench.put(0)
    await bench.settled()
    puts = len(bench.store.puts)
    bench.put(1)
    await bench.again()
    await bench.settled()
    assert first not in bench.store.puts[puts:]
    assert len(bench.store.puts) == puts + 2


async def test_an_order_without_files_is_forgotten(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    bench.uploads.over("r1")
    assert bench.documents.kept[ORDERS] == {}
    bench.uploads.order(THEIRS)
    await bench.again()
    assert bench.documents.kept[ORDERS] == {}
    assert bench.facts == []


@pytest.mark.parametrize(
    ("reason", "broken"), [("SessionEnded", False), ("SessionFailed", True), (BROKEN_OFF, True)]
)
async def test_after_a_restart_it_is_still_known_whether_a_recording_broke_off(
    bench: Bench, reason: str, broken: bool
) -> None:
    bench.uploads.order(THEIRS)
    bench.store.gate.clear()
    bench.stored(bench.put(reason=reason))
    await until(lambda: bench.store.puts)
    await bench.again()
    bench.store.gate.set()
    await bench.settled()
    (fact,) = bench.facts
    assert isinstance(fact, facts.RecordingStored)
    assert fact.origin is not None
    assert fact.origin.broken is broken


async def test_recordings_that_go_nowhere_are_told_of_at_once(bench: Bench) -> None:
    name = bench.put()
    fact = bench.stored(name)
    started = facts.RecordingStarted("r1", 1.0)
    bench.uploads.told(started)
    assert bench.facts == [fact, started]
    assert bench.uploads.find(name) is None


async def test_a_recording_that_broke_off_with_the_server_is_told_of(bench: Bench, tmp_path: Path) -> None:
    bench.put(0, "r2", reason=BROKEN_OFF)
    await bench.again()
    assert bench.facts == []
    (file,) = bench.library.files()
    bench.library.broken_off = {"r2": file}
    await bench.uploads.load()
    (fact,) = bench.facts
    assert isinstance(fact, facts.RecordingStored)
    assert fact.origin is not None
    assert fact.origin.broken


@pytest.mark.parametrize("order", [THEIRS, OURS])
async def test_files_are_removed_once_acknowledged_where_that_is_asked_for(
    tmp_path: Path, order: Order
) -> None:
    bench = Bench(tmp_path, keep_local=False)
    bench.uploads.order(order)
    bench.store.broken = "not now"
    name = bench.put()
    fact = bench.stored(name)
    await bench.tried(1)
    assert bench.on_disk(name)
    bench.store.broken = ""
    await bench.clock.elapse(FIRST_WAIT)
    await bench.settled()
    assert not bench.on_disk(name)
    assert not (tmp_path / name).exists()
    assert bench.facts == [fact]
    assert bench.note(name)["local"] is False
    file = bench.library.find(name)
    assert file is not None
    if order.own:
        content = await bench.shelf.open(file, metadata=False)
        assert not isinstance(content, Path)
        assert b"".join([piece async for piece in content.read(0, content.size)]) == SOUND
        assert bench.asked[-1].url == OURS.url
        bench.store.objects.clear()
    with pytest.raises(FileNotFoundError):
        await bench.shelf.open(file, metadata=True)


async def test_nothing_is_removed_while_the_note_on_it_is_not_durable(tmp_path: Path) -> None:
    bench = Bench(tmp_path, keep_local=False)
    bench.uploads.order(THEIRS)
    bench.store.gate.clear()
    name = bench.put()
    await until(lambda: bench.store.puts)
    bench.documents.failing = True
    bench.store.gate.set()
    await bench.quiet()
    assert bench.on_disk(name)
    bench.documents.failing = False
    await bench.clock.elapse(FIRST_WAIT)
    await bench.settled()
    assert not bench.on_disk(name)


async def test_deleting_stops_sending_and_deletes_what_is_the_servers(bench: Bench) -> None:
    bench.uploads.order(OURS)
    name = bench.put()
    bench.stored(name)
    await bench.settled()
    bench.store.broken = "not now"
    with pytest.raises(OSError, match="not now"):
        await bench.shelf.delete(name)
    assert bench.on_disk(name)
    bench.store.broken = ""
    assert await bench.shelf.delete(name)
    assert bench.store.objects == {}
    assert not bench.on_disk(name)
    assert bench.documents.kept[UPLOADS] == {}
    assert not await bench.shelf.delete(name)


async def test_deleting_leaves_what_is_the_apps(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    name = bench.put()
    bench.stored(name)
    await bench.settled()
    assert await bench.shelf.delete(name)
    assert len(bench.store.objects) == 2


@pytest.mark.parametrize("order", [None, OURS, THEIRS])
async def test_of_several_that_delete_at_once_one_has(bench: Bench, order: Order | None) -> None:
    if order is not None:
        bench.uploads.order(order)
    name = bench.put()
    bench.stored(name)
    await bench.settled()
    done = await asyncio.gather(*(bench.shelf.delete(name) for _ in range(8)))
    assert sorted(done) == [False] * 7 + [True]
    assert not bench.on_disk(name)
    assert len(bench.store.objects) == (2 if order is THEIRS else 0)
    assert bench.documents.kept["recordings"] == bench.documents.kept[UPLOADS] == {}


async def test_of_several_that_delete_what_is_being_sent_one_has(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    bench.store.gate.clear()
    name = bench.put()
    fact = bench.stored(name)
    await until(lambda: bench.store.puts)
    done = await asyncio.gather(*(bench.shelf.delete(name) for _ in range(8)))
    assert sorted(done) == [False] * 7 + [True]
    assert bench.facts == [fact]
    assert bench.documents.kept[ORDERS] == bench.documents.kept[UPLOADS] == {}


async def test_a_delete_that_fails_while_another_succeeds_is_no_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.uploads.order(OURS)
    name = bench.put()
    bench.stored(name)
    await bench.settled()
    plain, asked, go_on = bench.store.delete, 0, asyncio.Event()

    async def delete(key: str) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            await go_on.wait()
            raise StoreError("not now")
        await plain(key)

    monkeypatch.setattr(bench.store, "delete", delete)
    slow = asyncio.create_task(bench.shelf.delete(name))
    await until(lambda: asked)
    assert await bench.shelf.delete(name)
    go_on.set()
    assert not await slow


async def test_deleting_what_is_being_sent(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    bench.store.gate.clear()
    name = bench.put()
    fact = bench.stored(name)
    await until(lambda: bench.store.puts)
    assert bench.shelf.files() == []  # too young to be deleted for its age, whatever that is
    assert await bench.shelf.delete(name)
    assert bench.uploads.waiting == 0
    assert bench.facts == [fact]
    assert bench.documents.kept[ORDERS] == {}


async def test_what_the_servers_own_store_refused_is_tried_again_at_the_next_start(bench: Bench) -> None:
    bench.changes["window"] = 0.0
    bench.build()
    bench.store.broken = "no key"
    bench.uploads.order(OURS)
    name = bench.put()
    fact = bench.stored(name)
    await bench.settled()
    assert bench.note(name)["state"] == "failed"
    assert bench.facts == [fact]
    bench.store.broken = ""
    await bench.again()
    await bench.settled()
    assert bench.note(name)["state"] == "uploaded"
    assert len(bench.facts) == 1


async def test_at_most_so_many_files_are_sent_at_once(bench: Bench) -> None:
    there, altogether = uploads.AT_ONCE_THERE, uploads.AT_ONCE
    bench.store.gate.clear()
    for place in range(5):
        url = f"https://acct.blob.core.windows.net/calls{place}"
        bench.uploads.order(Order(f"r{place}", url, SAS))
        for index in range(3):
            bench.put(index, f"r{place}")
        wanted = min((place + 1) * there, altogether)
        await until(lambda wanted=wanted: len(bench.store.puts) == wanted)
        await bench.clock.settle(50)
        assert len(bench.store.puts) == wanted
    assert bench.uploads.waiting == 15
    bench.store.gate.set()
    await bench.settled()
    assert len(bench.store.objects) == 30
    assert not bench.uploads._places


async def test_notes_that_can_not_be_read_are_passed_over(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.documents.kept[ORDERS]["r9"] = b"{"
    bench.documents.kept[UPLOADS]["x"] = msgspec.json.encode(Upload("x", "r", "u", False, "s", "m", 1.0))
    await bench.again()
    assert "the note r9 in recording-orders can not be read" in caplog.text
    assert "x" not in bench.documents.kept[UPLOADS]


async def test_closing_gives_some_time(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    name = bench.put()
    await bench.uploads.close(grace=10)
    assert bench.note(name)["state"] == "uploaded"


async def test_closing_does_not_wait_for_what_waits(bench: Bench) -> None:
    bench.uploads.order(THEIRS)
    bench.store.broken = "gone"
    bench.put()
    await bench.tried(1)
    async with asyncio.timeout(5):
        await bench.uploads.close(grace=60)
    assert bench.uploads.waiting == 0


async def test_a_mistake_of_our_own_is_no_reason_to_forget_a_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(order: Order) -> FakeStore:
        raise KeyError("oops")

    bench.uploads.order(THEIRS)
    with monkeypatch.context() as patch:
        patch.setattr(bench.uploads, "_open_store", mistaken)
        name = bench.put()
        fact = bench.stored(name)
        await bench.quiet()
    assert "oops" in caplog.text
    await bench.clock.elapse(FIRST_WAIT)
    await bench.settled()
    assert bench.facts == [fact]


async def test_what_is_too_old_is_deleted_here_and_in_the_servers_own_store(bench: Bench) -> None:
    bench.uploads.order(OURS)
    name = bench.put()
    bench.store.gate.clear()
    keeping = Keeping(bench.shelf, bench.clock, 1)
    bench.clock.advance(2 * HOUR)
    keeping.start()
    await keeping.close()
    assert bench.on_disk(name)  # it is still on its way
    bench.store.gate.set()
    await bench.settled()
    assert len(bench.store.objects) == 2
    keeping.start()
    await keeping.close()
    assert bench.store.objects == {}
    assert not bench.on_disk(name)


@pytest.mark.parametrize(
    ("order", "advice"),
    [(THEIRS, "delete it at its deleteLocation"), (OURS, "it is sent again at the next start")],
    ids=["theirs", "ours"],
)
async def test_what_was_given_up_is_kept_however_old_it_gets(
    bench: Bench, caplog: pytest.LogCaptureFixture, order: Order, advice: str
) -> None:
    bench.store.broken = "no such container"
    bench.uploads.order(order)
    name = bench.put()
    bench.stored(name)
    await bench.tried(1)
    bench.clock.advance(2 * HOUR)
    await bench.settled()
    assert bench.note(name)["state"] == "failed"
    assert caplog.text.count(advice) == 1
    keeping = Keeping(bench.shelf, bench.clock, 1)
    bench.clock.advance(1_000 * HOUR)
    keeping.start()
    await keeping.close()
    assert bench.on_disk(name), "there is no other copy"
    assert bench.library.find(name) is not None
    # Whoever asks for it can have it deleted.
    assert await bench.shelf.delete(name)
    assert not bench.on_disk(name)
