"""What is known of recordings that are over, before a restart and after it."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_uploads import HOUR, THEIRS, Bench

from hookflash.calls import facts
from hookflash.calls.recordings import KeptRecording
from hookflash.recording.library import BROKEN_OFF
from hookflash.recording.outcomes import FAILURES, Outcomes

FULL = facts.RecordingFailed("r1", 500, 9999, "The recording broke off: No space left on device.")


class Records(Bench):
    """A bench that knows what became of its recordings."""

    def __init__(self, folder: Path, hours: float = 0.0) -> None:
        self.hours = hours
        super().__init__(folder)

    def build(self) -> None:
        super().build()
        self.documents.kept.setdefault(FAILURES, {})
        self.outcomes = Outcomes(self.library, self.documents, self.facts.append, self.hours)
        self.outcomes.uploads = self.uploads
        self.uploads._report = self.outcomes.told

    async def again(self) -> None:
        await super().again()
        await self.outcomes.load()

    def kept(self, recording: str = "r1") -> KeptRecording:
        found = self.outcomes.kept(recording)
        assert found is not None
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Records:
    return Records(tmp_path)


async def test_the_files_of_a_recording_in_their_order(bench: Records) -> None:
    names = [bench.put(1), bench.put(0)]
    bench.put(0, "r2")
    for _ in range(2):
        stored = bench.kept().stored
        assert [chunk.document_id for chunk in stored.chunks] == sorted(names)
        assert (stored.recording, stored.duration_ms) == ("r1", 2000)
        assert stored.origin is not None
        assert stored.origin.resource == "resource"
        assert bench.kept().failure is None
        assert bench.outcomes.kept("r3") is None
        await bench.again()


async def test_nothing_is_known_once_the_files_are_deleted(bench: Records) -> None:
    names = [bench.put(0), bench.put(1)]
    await bench.shelf.delete(names[0])
    assert [chunk.document_id for chunk in bench.kept().stored.chunks] == names[1:]
    await bench.shelf.delete(names[1])
    assert bench.outcomes.kept("r1") is None
    await bench.again()
    assert bench.outcomes.kept("r1") is None


async def test_nothing_is_known_while_files_are_on_their_way(bench: Records) -> None:
    bench.uploads.order(THEIRS)
    bench.store.gate.clear()
    name = bench.put()
    assert bench.outcomes.kept("r1") is None
    bench.stored(name)
    assert bench.outcomes.kept("r1") is None
    await bench.again()
    assert bench.outcomes.kept("r1") is None
    bench.store.gate.set()
    await bench.settled()
    assert bench.kept()


async def test_a_file_that_is_being_recorded_is_not_known(bench: Records) -> None:
    bench.put(state="recording")
    assert bench.outcomes.kept("r1") is None


async def test_a_part_is_not_answered_as_the_whole(bench: Records) -> None:
    bench.put(0)
    bench.put(1, state="recording")
    assert bench.outcomes.kept("r1") is None


async def test_what_was_given_up_is_deleted_by_nobody_and_never_expires(tmp_path: Path) -> None:
    bench = Records(tmp_path, 1.0)
    bench.uploads.order(THEIRS)
    bench.store.broken = "no such container"
    name = bench.put()
    bench.stored(name)
    attempts = 0
    while bench.uploads.waiting:
        attempts += 1
        await bench.tried(attempts)
        if bench.clock.pending:
            bench.clock.advance_to(bench.clock.pending[0])
    upload = bench.uploads.find(name)
    assert upload is not None
    assert upload.state == "failed"
    for _ in range(2):
        assert bench.kept().expires is None
        assert bench.shelf.files() == []
        await bench.again()


async def test_why_a_server_that_died_broke_it_off_outlives_its_last_file(bench: Records) -> None:
    bench.put(0)
    last = bench.put(1, reason=BROKEN_OFF)
    bench.library.broken_off = {"r1": bench.library.of("r1")[-1]}
    await bench.outcomes.load()
    await bench.shelf.delete(last)
    for _ in range(2):
        failure = bench.kept().failure
        assert failure is not None
        assert "restarted" in failure.message
        await bench.again()


@pytest.mark.parametrize("hours", [0.0, 48.0])
async def test_when_the_first_file_is_deleted(tmp_path: Path, hours: float) -> None:
    bench = Records(tmp_path, hours)
    first = bench.clock.wall() + 1.0
    bench.put(0)
    bench.put(1)
    wanted = first + 48 * HOUR if hours else None
    assert bench.kept().expires == wanted
    await bench.again()
    assert bench.kept().expires == wanted


async def test_why_it_broke_off_is_known_after_a_restart(bench: Records) -> None:
    bench.put()
    bench.uploads.told(FULL)
    assert bench.facts == [FULL]
    for _ in range(2):
        failure = bench.kept().failure
        assert failure is not None
        assert (failure.code, failure.sub_code, failure.message) == (500, 9999, FULL.message)
        await bench.again()


async def test_failures_without_files_are_not_kept(bench: Records) -> None:
    bench.uploads.told(FULL)
    assert bench.documents.kept[FAILURES] == {}
    name = bench.put()
    bench.uploads.told(FULL)
    assert set(bench.documents.kept[FAILURES]) == {"r1"}
    await bench.shelf.delete(name)
    await bench.again()
    assert bench.documents.kept[FAILURES] == {}


async def test_failures_whose_files_have_gone_are_forgotten_with_the_next_one(bench: Records) -> None:
    name = bench.put()
    bench.uploads.told(FULL)
    await bench.shelf.delete(name)
    bench.put(0, "r2")
    bench.uploads.told(facts.RecordingFailed("r2", 500, 9999, "No."))
    assert set(bench.documents.kept[FAILURES]) == {"r2"}
    assert set(bench.outcomes._failures) == {"r2"}


async def test_the_end_of_the_server_is_a_failure(bench: Records) -> None:
    bench.put(reason=BROKEN_OFF)
    failure = bench.kept().failure
    assert failure is not None
    assert (failure.code, failure.sub_code) == (500, 9999)
    assert "restarted" in failure.message
