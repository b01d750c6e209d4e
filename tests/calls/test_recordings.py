"""What becomes of a recording after its end: its files are published; and the rules of its states."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from calls.media_room import MediaRoom, refusal, started
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookflash.calls import audio_effects, commands, effects, facts
from hookflash.calls.facts import RecordingChunk
from hookflash.calls.recordings import KeptRecording
from hookflash.wire.results import Refusal, ResultInformation


@pytest.fixture
def room(office: Any) -> MediaRoom:
    return MediaRoom(office)


def stored(recording: str) -> facts.RecordingStored:
    chunk = RecordingChunk("0-hf-1", 0, "SessionEnded", "a/0.mp3", "a/0.json")
    return facts.RecordingStored(recording, (chunk,), 1_781_378_458.0, 4200)


class Kept:
    """What is kept of recordings beside the exchange, which asks."""

    def __init__(self, make_office: Any) -> None:
        self.kept: dict[str, KeptRecording] = {}
        self.office = make_office(files="https://files.example/", kept=lambda name: self.kept.get(name))
        self.room = MediaRoom(self.office)

    def keep(self, recording: str, **known: Any) -> None:
        """Its files are on the disk."""
        origin = facts.RecordingOrigin(
            self.office.RED, "server-call", "corr", "audio", "mixed", "mp3", broken=False
        )
        self.kept[recording] = KeptRecording(replace(stored(recording), origin=origin), **known)

    def result(self, recording: str, resource: str | None = None) -> Any:
        return self.room.recording("result", recording, resource)


@pytest.fixture
def disk(make_office: Any) -> Kept:
    return Kept(make_office)


def test_its_files_are_published(disk):
    office, room = disk.office, disk.room
    _, connection, recording = started(room)
    properties = office.get(connection)
    office.hang_up(connection)
    (event,) = office.tell(stored(recording))
    assert (event.resource, event.type) == (
        office.RED,
        "Microsoft.Communication.RecordingFileStatusUpdated",
    )
    assert event.subject == (
        f"/recording/call/{properties.correlation_id}/serverCallId/{properties.server_call_id}"
        f"/recordingId/{recording}"
    )
    data = event.data
    (chunk,) = data.recording_storage_info.recording_chunks
    assert chunk.content_location == "https://files.example/v1/objects/0-hf-1/content/acsaudio"
    assert chunk.metadata_location == "https://files.example/v1/objects/0-hf-1/content/acsmetadata"
    assert chunk.delete_location == "https://files.example/v1/objects/0-hf-1"
    assert (data.recording_duration_ms, data.session_end_reason) == (4200, "CallEnded")
    assert data.recording_start_time == "2026-06-13T19:20:58.0000000Z"
    assert office.tell(stored(recording)) == []
    disk.keep(recording)
    result = disk.result(recording)
    assert result.recording_storage_info == data.recording_storage_info
    assert (result.recording_duration_ms, result.session_end_reason) == (4200, "CallEnded")
    assert result.recording_start_time == data.recording_start_time
    assert (result.errors, result.recording_expiration_time) == (None, None)


def test_the_result_is_there_while_the_files_are(disk):
    office, room = disk.office, disk.room
    _, _, recording = started(room)
    disk.keep(recording)
    assert refusal(lambda: disk.result(recording)) == (404, "8522", None)
    room.recording("stop", recording)
    with pytest.raises(Refusal, match="not complete"):
        disk.result(recording)
    office.tell(stored(recording))
    assert disk.result(recording)
    assert refusal(lambda: disk.result(recording, office.BLUE)) == (403, "7507", "recordingId")
    assert refusal(lambda: disk.result("nobody")) == (404, "8522", "recordingId")
    disk.kept.clear()
    assert refusal(lambda: disk.result(recording)) == (404, "8522", "recordingId")


def test_the_result_of_a_recording_from_before_a_restart(disk):
    full = ResultInformation(500, 9999, "The recording broke off: full.")
    disk.keep("r9", failure=full, expires=1_781_378_458.0 + 3600)
    result = disk.result("r9")
    (chunk,) = result.recording_storage_info.recording_chunks
    assert chunk.content_location == "https://files.example/v1/objects/0-hf-1/content/acsaudio"
    assert result.recording_start_time == "2026-06-13T19:20:58.0000000Z"
    assert result.recording_expiration_time == "2026-06-13T20:20:58.0000000Z"
    assert (result.recording_duration_ms, result.session_end_reason) == (4200, "SessionFailed")
    assert [(one.code, one.message) for one in result.errors] == [("9999", full.message)]
    assert refusal(lambda: disk.result("r9", disk.office.BLUE)) == (403, "7507", "recordingId")
    # Files that were on their way when the server was restarted are told of with the same reason.
    (event,) = disk.office.tell(disk.kept["r9"].stored)
    assert event.data.session_end_reason == "SessionFailed"


def test_what_was_recorded_before_a_failure_is_published_too(office, room):
    _, _, recording = started(room)
    office.tell(facts.RecordingFailed(recording, 500, 9999, "full"))
    (event,) = office.tell(stored(recording))
    assert event.data.session_end_reason == "SessionFailed"


def test_what_can_not_be_written_after_it_was_stopped_is_a_failure_of_its_files(disk):
    office, room = disk.office, disk.room
    _, connection, recording = started(room)
    room.recording("stop", recording)
    names = office.names(connection)
    assert office.tell(facts.RecordingFailed(recording, 500, 9999, "full")) == []
    assert office.names(connection) == names, "it had been told that it is over"
    (event,) = office.tell(stored(recording))
    assert event.data.session_end_reason == "SessionFailed"
    disk.keep(recording, failure=ResultInformation(500, 9999, "full"))
    assert disk.result(recording).session_end_reason == "SessionFailed"


def test_files_of_recordings_nobody_knows_are_not_published(office):
    assert office.tell(stored("nobody")) == []


def test_only_so_many_recordings_are_remembered_until_their_files_come(make_office):
    office = make_office(memory=2)
    room = MediaRoom(office)
    _, connection = office.answered()
    ended = []
    for _ in range(3):
        recording = room.record(connection).recording_id
        room.recording("stop", recording)
        ended.append(recording)
    assert [len(office.tell(stored(recording))) for recording in ended] == [0, 1, 1]


# --- whatever happens -----------------------------------------------------------------------------------

STEPS = st.lists(
    st.sampled_from(["start", "paused", "runs", "pause", "resume", "stop", "fail", "files", "late", "app"]),
    max_size=25,
)


@given(steps=STEPS, ending=st.sampled_from(["hang up", "lost"]))
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_states_and_recorder_agree(make_office, steps, ending):
    """A model of the recorder beside the exchange: what apps are shown and told follows from it."""
    model = Recorder(make_office())
    for step in steps:
        model.take(step)
        model.check()
    model.end(ending)


class Recorder:
    """One recorder, carrying out effects; ``current`` is what it records now."""

    def __init__(self, office: Any) -> None:
        self.office = office
        self.room = MediaRoom(office)
        _, self.connection = office.answered()
        self.current: str | None = None
        self.runs = self.paused = False
        self.waiting: list[str] = []
        self.published = 0
        self.seen = len(office.effects)

    def settle(self) -> None:
        for effect in self.office.effects[self.seen :]:
            match effect:
                case audio_effects.StartRecording():
                    assert self.current is None, "two recordings of one call"
                    self.current, self.runs, self.paused = effect.recording, False, effect.paused
                case audio_effects.PauseRecording():
                    assert (effect.recording, self.paused) == (self.current, False)
                    self.paused = True
                case audio_effects.ResumeRecording():
                    assert (effect.recording, self.paused) == (self.current, True)
                    self.paused = False
                case audio_effects.StopRecording():
                    assert effect.recording == self.current
                    self.waiting.append(effect.recording)
                    self.current = None
                case effects.PublishEvent():
                    self.published += 1
        self.seen = len(self.office.effects)

    def take(self, step: str) -> None:
        office, room, current = self.office, self.room, self.current
        if step in ("start", "paused"):
            if current is None:
                room.record(self.connection, pause_on_start=step == "paused")
            else:
                assert refusal(lambda: room.record(self.connection))[:2] == (400, "8559")
        elif step in ("pause", "resume", "stop") and current is not None:
            room.recording(step, current)
        elif step == "runs" and current is not None:
            self.runs = True
            office.tell(facts.RecordingStarted(current, 1.0))
        elif step == "fail" and current is not None:
            self.current = None
            office.tell(facts.RecordingFailed(current, 500, 9999, "full"))
            self.waiting.append(current)
        elif step == "files" and self.waiting:
            before = self.published
            office.tell(stored(self.waiting.pop(0)))
            self.settle()
            assert self.published == before + 1
        elif step == "late":
            before = len(office.effects)
            office.tell(facts.RecordingStarted("gone", 1.0))
            office.tell(facts.RecordingFailed("gone", 500, 9999, ""))
            office.tell(stored("gone"))
            assert len(office.effects) == before
        elif step == "app":
            room.office.people(self.connection)
        self.settle()

    def check(self) -> None:
        if self.current is None:
            return
        told = [state for _, state, _ in self.room.recorded(self.current)]
        shown = self.room.recording("get", self.current).recording_state
        assert shown == ("active" if self.runs and not self.paused else "inactive")
        assert (told[-1] if told else "inactive") == shown
        assert all(before != after for before, after in pairwise(told))

    def end(self, how: str) -> None:
        current = self.current
        if how == "lost":
            self.office.tell(facts.MediaLost((1,)))
        else:
            self.office.hang_up(self.connection)
        self.settle()
        assert self.current is None
        if current is not None:
            assert self.room.recorded(current)[-1][1] == "inactive"
        assert self.office.nothing_left()
        book = self.office.exchange._commands[commands.GetRecording].__self__.book
        assert not book.live
        assert [one.id for one in book.over.values() if not one.published] == self.waiting
