"""Recordings: which call, whose, one at a time, pause and resume, the end, the files."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from calls.conftest import Office
from calls.media_room import MediaRoom, refusal, started

from hookflash.calls import audio_effects, effects, facts
from hookflash.calls.facts import Cause
from hookflash.wire import requests
from hookflash.wire.containers import ContainerRules
from hookflash.wire.enums import (
    RecordingChannelType,
    RecordingContentType,
    RecordingFormatType,
    RecordingStorageKind,
)
from hookflash.wire.identifiers import Identifier
from hookflash.wire.parts import CallLocator
from hookflash.wire.results import Refusal

UNMIXED = {"recording_channel_type": RecordingChannelType.UNMIXED}


@pytest.fixture
def room(office: Any) -> MediaRoom:
    return MediaRoom(office)


# --- starting -------------------------------------------------------------------------------------------


def test_a_recording_by_connection(office, room):
    leg, connection = office.answered()
    response = room.record(connection)
    assert (response.recording_state, response.recording_kind) == ("inactive", "azureCommunicationServices")
    properties = office.get(connection)
    (effect,) = office.all(audio_effects.StartRecording)
    own = office.all(effects.OpenAppLeg)[0].leg
    assert effect == audio_effects.StartRecording(
        recording=response.recording_id,
        call=1,
        resource=office.RED,
        server_call_id=properties.server_call_id,
        correlation_id=properties.correlation_id,
        connection_id=connection,
        content_type="audio",
        channel_type="mixed",
        format="mp3",
        channels=(),
        paused=False,
        destination=None,
        roster=((leg, "4:+14255550123"), (own, office.people(connection)[1].identifier.raw_id)),
        callback="https://app.example/recording",
        version="2026-03-12",
    )
    padded = response.recording_id + "=" * (-len(response.recording_id) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded))["PlatformEndpointId"] == connection


def test_it_is_active_once_the_recorder_runs(office, room):
    _, connection = office.answered()
    recording = room.record(connection).recording_id
    assert room.recording("get", recording).recording_state == "inactive"
    assert room.recorded(recording) == []
    office.tell(facts.RecordingStarted(recording, 1_781_378_458.2137966))
    (note,) = office.lately(effects.Notify)
    assert room.recording("get", recording).recording_state == "active"
    data = note.data
    source = f"calling/recordings/{data.server_call_id}/{recording}/RecordingStateChanged"
    assert note.callback_uri == "https://app.example/recording"
    assert (data.source, data.event_source) == (source, source)
    assert (data.state, data.start_date_time) == ("active", "2026-06-13T19:20:58.2137966+00:00")
    assert (data.call_connection_id, data.recording_kind) == (connection, "azureCommunicationServices")
    office.tell(facts.RecordingStarted(recording, 1.0))
    assert office.last == []


@pytest.mark.parametrize("pad", [True, False])
def test_a_recording_by_server_call_id(office, room, pad):
    _, connection = office.answered()
    server_call_id = office.get(connection).server_call_id
    locator = CallLocator(server_call_id=server_call_id if pad else server_call_id.rstrip("="))
    response = room.record(call_locator=locator)
    assert office.all(audio_effects.StartRecording)[0].connection_id == connection
    assert room.recording("get", response.recording_id).recording_id == response.recording_id


def test_a_call_without_an_app_can_be_recorded(office, room):
    """A call between phones that an app only redirected belongs to the owner of the called number."""
    office.ring()
    office.redirect(office.OUTSIDE)
    dialled = office.all(effects.DialLeg)[0].leg
    office.tell(facts.LegUp(dialled))
    office.tell(facts.LegUp(1))
    call = next(iter(office.exchange._registry.calls.values()))
    call.targets = [Identifier.phone(office.RED_NUMBER)]
    room.record(call_locator=CallLocator(server_call_id=call.id))
    effect = office.all(audio_effects.StartRecording)[0]
    assert effect.connection_id not in office.exchange._registry.connections
    office.tell(facts.LegDown(dialled, Cause(200, "OK")))
    assert office.all(audio_effects.StopRecording)


def test_a_group_call_can_be_recorded_by_its_name(office, room):
    office.connect(group_call_id="29228d3e-040e-4656-a70e-890ab4e173e5")
    room.record(call_locator=CallLocator(group_call_id="29228D3E-040E-4656-A70E-890AB4E173E5"))
    assert office.all(audio_effects.StartRecording)


def test_a_room_cannot_be_named(office, room):
    office.connect(room_id="99466524")
    assert refusal(lambda: room.record(call_locator=CallLocator(room_id="99466524"))) == (
        405,
        "8520",
        "callLocator.roomId",
    )


@pytest.mark.parametrize("locator", [CallLocator(server_call_id="aGk="), CallLocator(group_call_id="nobody")])
def test_a_call_that_is_not_there(room, locator):
    assert refusal(lambda: room.record(call_locator=locator)) == (404, "8522", "callLocator")


def test_a_connection_that_is_not_there(office, room):
    assert refusal(lambda: room.record("nobody")) == (404, "8522", "callConnectionId")
    _, connection = office.answered()
    office.hang_up(connection)
    assert refusal(lambda: room.record(connection)) == (400, "8528", "callConnectionId")


def test_a_call_that_is_not_up_yet(office, room):
    connection = office.create(office.OUTSIDE).call_connection_id
    assert refusal(lambda: room.record(connection)) == (400, "8501", None)
    call = next(iter(office.exchange._registry.calls.values()))
    locator = CallLocator(server_call_id=call.id)
    assert refusal(lambda: room.record(call_locator=locator)) == (400, "8501", None)


def test_another_resources_call(office, room):
    _, connection = office.answered()
    locator = CallLocator(server_call_id=office.get(connection).server_call_id)
    assert refusal(lambda: room.record(connection, office.BLUE)) == (403, "7507", "callConnectionId")
    assert refusal(lambda: room.record(None, office.BLUE, call_locator=locator)) == (
        403,
        "7507",
        "callLocator",
    )


def test_both_resources_of_a_call_may_record_it_but_not_at_once(office, room):
    first = office.create(office.BOB).call_connection_id
    office.answer(office.BLUE)
    locator = CallLocator(server_call_id=office.get(first).server_call_id)
    recording = room.record(None, office.BLUE, call_locator=locator).recording_id
    assert refusal(lambda: room.record(first)) == (400, "8559", None)
    for what in ("get", "pause", "resume", "stop"):
        assert refusal(lambda what=what: room.recording(what, recording)) == (403, "7507", "recordingId")
    room.recording("stop", recording, office.BLUE)
    assert room.record(first).recording_id != recording


def test_a_paused_recording_still_is_one(office, room):
    _, connection, recording = started(room)
    room.recording("pause", recording)
    with pytest.raises(Refusal, match=f"{recording}, inactive"):
        room.record(connection)


@pytest.mark.parametrize(
    ("fields", "channels", "form"),
    [
        ({}, "mixed", "mp3"),
        ({"recording_format_type": RecordingFormatType.WAV}, "mixed", "wav"),
        (UNMIXED, "unmixed", "wav"),
    ],
)
def test_defaults(office, room, fields, channels, form):
    started(room, **fields)
    (effect,) = office.all(audio_effects.StartRecording)
    assert (effect.content_type, effect.channel_type, effect.format) == ("audio", channels, form)


@pytest.mark.parametrize("content", [None, RecordingContentType.AUDIO_VIDEO])
def test_there_is_no_video(office, room, content):
    """What is wrong with the call is told first, and nothing has begun."""
    assert refusal(lambda: room.record("nobody", recording_content_type=content))[0] == 404
    _, connection = office.answered()
    assert refusal(lambda: room.record(connection, recording_content_type=content)) == (
        400,
        "8523",
        "recordingContentType",
    )
    assert office.all(audio_effects.StartRecording) == []
    room.record(connection)
    assert refusal(lambda: room.record(connection, recording_content_type=content))[1] == "8559"


def who(number: str) -> Any:
    return Identifier.phone(number).to_model()


def test_channels_of_participants(office, room):
    affinity = [
        requests.ChannelAffinity(participant=who("+1425555010"), channel=1),
        requests.ChannelAffinity(participant=who("+1425555011")),
    ]
    ordering = [who("+1425555012"), who("+1425555010"), who("+1425555013")]
    started(room, **UNMIXED, channel_affinity=affinity, audio_channel_participant_ordering=ordering)
    assert office.all(audio_effects.StartRecording)[0].channels == (
        ("4:+1425555010", 1),
        ("4:+1425555011", 0),
        ("4:+1425555012", 2),
        ("4:+1425555013", 3),
    )


def test_there_are_five_channels(office, room):
    ordering = [who(f"+142555501{digit}") for digit in range(7)]
    started(room, **UNMIXED, audio_channel_participant_ordering=ordering)
    assert [channel for _, channel in office.all(audio_effects.StartRecording)[0].channels] == [0, 1, 2, 3, 4]


def test_a_mixed_recording_has_no_channels(office, room):
    started(room, audio_channel_participant_ordering=[who("+14255550100")])
    assert office.all(audio_effects.StartRecording)[0].channels == ()


@pytest.mark.parametrize("kind", RecordingStorageKind)
def test_external_storage(kind):
    office = Office(containers=ContainerRules(hosts=("store.example",)))
    container = "https://store.example/container?sig=s3cr3t"
    storage = requests.ExternalStorage(
        recording_storage_kind=kind, recording_destination_container_url=container
    )
    started(MediaRoom(office), external_storage=storage)
    assert "s3cr3t" not in repr(office.all(audio_effects.StartRecording))
    wanted = container if kind is RecordingStorageKind.AZURE_BLOB_STORAGE else None
    assert office.all(audio_effects.StartRecording)[0].destination == wanted


def test_a_container_that_this_server_sends_nothing_to_is_refused(office, room):
    storage = requests.ExternalStorage(
        recording_storage_kind=RecordingStorageKind.AZURE_BLOB_STORAGE,
        recording_destination_container_url="https://store.example/container?sig=s3cr3t",
    )
    _, connection = office.answered()
    with pytest.raises(Refusal, match=r"recording\.external_hosts") as refused:
        room.record(connection, external_storage=storage)
    assert (refused.value.status, refused.value.code) == (400, "8523")
    assert refused.value.target == "externalStorage.recordingDestinationContainerUrl"
    assert office.all(audio_effects.StartRecording) == []


@pytest.mark.parametrize(("broken", "reason"), [(False, "CallEnded"), (True, "SessionFailed")])
def test_files_of_a_recording_from_before_a_restart_are_told_of(office, broken, reason):
    origin = facts.RecordingOrigin(office.RED, "server-call", "corr", "audio", "mixed", "wav", broken)
    chunk = facts.RecordingChunk("doc", 0, "SessionEnded", "a/b", "a/c")
    office.tell(facts.RecordingStored("r9", (chunk,), 1.0, 2000))
    assert office.all(effects.PublishEvent) == []
    office.tell(facts.RecordingStored("r9", (chunk,), 1.0, 2000, origin))
    (event,) = office.all(effects.PublishEvent)
    assert event.resource == office.RED
    assert event.subject == "/recording/call/corr/serverCallId/server-call/recordingId/r9"
    assert event.data.session_end_reason == reason
    (told,) = event.data.recording_storage_info.recording_chunks
    assert told.content_location.endswith("/v1/objects/doc/content/acsaudio")


def test_the_callback_is_checked(office, room):
    _, connection = office.answered()
    with pytest.raises(Refusal) as refused:
        room.record(connection, recording_state_callback_uri="http://app.example/")
    assert refused.value.target == "recordingStateCallbackUri"


def test_without_a_callback_nobody_is_told(office, room):
    _, _, recording = started(room, recording_state_callback_uri=None)
    room.recording("stop", recording)
    assert room.recorded(recording) == []


# --- controlling ----------------------------------------------------------------------------------------


def test_pause_and_resume(office, room):
    _, _, recording = started(room)
    room.recording("pause", recording)
    assert office.lately(audio_effects.PauseRecording) == [audio_effects.PauseRecording(recording)]
    assert room.recording("get", recording).recording_state == "inactive"
    room.recording("resume", recording)
    assert office.lately(audio_effects.ResumeRecording) == [audio_effects.ResumeRecording(recording)]
    states = [state for _, state, _ in room.recorded(recording)]
    assert states == ["active", "inactive", "active"]


def test_repeated_pauses_and_resumes_change_nothing(office, room):
    _, _, recording = started(room)
    room.recording("resume", recording)
    assert office.last == []
    room.recording("pause", recording)
    room.recording("pause", recording)
    assert office.last == []


def test_a_recording_that_begins_paused(office, room):
    _, _, recording = started(room, pause_on_start=True)
    assert office.all(audio_effects.StartRecording)[0].paused
    assert room.recording("get", recording).recording_state == "inactive"
    assert room.recorded(recording) == []
    room.recording("resume", recording)
    assert room.recorded(recording) == [("RecordingStateChanged", "active", 200)]


def test_resuming_before_the_recorder_runs(office, room):
    _, connection = office.answered()
    recording = room.record(connection, pause_on_start=True).recording_id
    room.recording("resume", recording)
    assert office.lately(audio_effects.ResumeRecording)
    assert room.recording("get", recording).recording_state == "inactive"
    office.tell(facts.RecordingStarted(recording, 1.0))
    assert room.recorded(recording) == [("RecordingStateChanged", "active", 200)]


def test_pausing_before_the_recorder_runs(office, room):
    _, connection = office.answered()
    recording = room.record(connection).recording_id
    room.recording("pause", recording)
    assert office.lately(audio_effects.PauseRecording)
    office.tell(facts.RecordingStarted(recording, 1.0))
    assert room.recorded(recording) == []


def test_after_its_stop_it_is_not_found(office, room):
    _, _, recording = started(room)
    room.recording("stop", recording)
    assert office.lately(audio_effects.StopRecording) == [audio_effects.StopRecording(recording, "CallEnded")]
    assert room.recorded(recording)[-1] == ("RecordingStateChanged", "inactive", 200)
    for what in ("get", "pause", "resume", "stop"):
        with pytest.raises(Refusal, match=r"^Recording not found\.$") as refused:
            room.recording(what, recording)
        assert (refused.value.status, refused.value.code) == (404, "8522")


# --- ending ---------------------------------------------------------------------------------------------


def test_the_end_of_the_call_ends_it_first(office, room):
    _, connection, recording = started(room)
    office.terminate(connection)
    told = [type(note.data).__name__ for note in office.all(effects.Notify)]
    assert told[-2:] == ["RecordingStateChanged", "CallDisconnected"]
    assert room.recorded(recording)[-1] == ("RecordingStateChanged", "inactive", 200)
    assert refusal(lambda: room.recording("get", recording)) == (404, "8522", "recordingId")
    assert office.nothing_left()


def test_a_recording_outlasts_the_app_that_started_it(office, room):
    _, connection = office.created(office.OUTSIDE, office.CALLER)
    recording = room.record(connection).recording_id
    office.hang_up(connection)
    assert office.all(audio_effects.StopRecording) == []
    assert room.recording("get", recording).recording_id == recording


def test_a_fault_of_the_platform_is_told(office, room):
    _, _, recording = started(room)
    office.tell(facts.MediaLost((1,)))
    assert room.recorded(recording)[-1] == ("RecordingStateChanged", "inactive", 500)
    told = next(n.data for n in office.lately(effects.Notify) if hasattr(n.data, "recording_id"))
    assert "media worker" in told.result_information.message


def test_a_recorder_that_cannot_start(office, room):
    _, connection = office.answered()
    recording = room.record(connection).recording_id
    office.tell(facts.RecordingFailed(recording, 500, 9999, "No space is left on the disk."))
    (note,) = office.lately(effects.Notify)
    assert type(note.data).__name__ == "StartRecordingFailed"
    assert note.data.source == f"calling/callConnections/{connection}"
    assert note.data.result_information.message == "No space is left on the disk."
    assert refusal(lambda: room.recording("get", recording)) == (404, "8522", "recordingId")
    assert room.record(connection).recording_id != recording


def test_who_named_no_callback_hears_of_a_recorder_that_cannot_start_where_the_call_tells(office, room):
    _, connection = office.answered()
    recording = room.record(connection, recording_state_callback_uri=None).recording_id
    office.tell(facts.RecordingFailed(recording, 500, 9999, "No space is left on the disk."))
    (note,) = office.lately(effects.Notify)
    assert (type(note.data).__name__, note.data.recording_id) == ("StartRecordingFailed", recording)
    assert (note.connection_id, note.callback_uri) == (connection, "https://app.example/cb")


def test_nobody_is_left_to_hear_of_a_recorder_that_cannot_start(office, room):
    """The call goes on between phones; the app that recorded it has left."""
    _, connection = office.created(office.OUTSIDE, office.CALLER)
    recording = room.record(connection, recording_state_callback_uri=None).recording_id
    office.hang_up(connection)
    office.tell(facts.RecordingFailed(recording, 500, 9999, "No space is left on the disk."))
    assert office.lately(effects.Notify) == []


def test_a_recorder_that_breaks_off(office, room):
    _, _, recording = started(room)
    office.tell(facts.RecordingFailed(recording, 500, 9999, "No space is left on the disk."))
    assert room.recorded(recording)[-1] == ("RecordingStateChanged", "inactive", 500)
    office.tell(facts.RecordingFailed(recording, 500, 9999, "again"))
    office.tell(facts.RecordingStarted(recording, 1.0))
    assert office.last == []


def test_versions_without_start_recording_failed_are_told_the_state(office, room):
    _, connection = office.answered()
    recording = room.record(connection, version="2025-05-15").recording_id
    office.tell(facts.RecordingFailed(recording, 500, 9999, "full"))
    assert room.recorded(recording) == [("RecordingStateChanged", "inactive", 500)]


def test_the_recorder_learns_who_comes_and_goes(office, room):
    _, connection = office.created(office.OUTSIDE)
    room.record(connection)
    office.added(connection, "+14255550777")
    assert office.all(audio_effects.UpdateRoster)[-1].roster[-1][1] == "4:+14255550777"
