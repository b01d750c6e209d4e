"""What a request to record may ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hookflash.wire.decoding import decode
from hookflash.wire.enums import RecordingKind, RecordingStorageKind
from hookflash.wire.gates import gated_response
from hookflash.wire.recording_rules import check_no_video
from hookflash.wire.requests import StartCallRecordingRequest
from hookflash.wire.responses import RecordingState, RecordingStateResponse
from hookflash.wire.results import Refusal
from hookflash.wire.versions import KNOWN

PHONE = {"phoneNumber": {"value": "+14255550123"}}
CONTENTS = (None, "audio", "audioVideo")
CHANNELS = (None, "mixed", "unmixed")
FORMATS = (None, "wav", "mp3", "mp4")
POSSIBLE = {
    ("audio", "mixed"): {None, "wav", "mp3"},
    ("audio", "unmixed"): {None, "wav"},
    ("audioVideo", "mixed"): {None, "mp4"},
}


def other(number: int) -> dict[str, Any]:
    return {"phoneNumber": {"value": f"+1425555020{number}"}}


def read(**body: Any) -> StartCallRecordingRequest:
    return decode(StartCallRecordingRequest, json.dumps({"callConnectionId": "c", **body}).encode())


def refusal(**body: Any) -> tuple[int, str, str | None]:
    with pytest.raises(Refusal) as refused:
        read(**body)
    return refused.value.status, refused.value.code, refused.value.target


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("content", CONTENTS)
def test_combinations(content: str | None, channel: str | None, form: str | None) -> None:
    body = {
        "recordingContentType": content,
        "recordingChannelType": channel,
        "recordingFormatType": form,
    }
    formats = POSSIBLE.get((content or "audioVideo", channel or "mixed"))
    if formats is None:
        assert refusal(**body) == (400, "8523", "recordingChannelType")
    elif form not in formats:
        assert refusal(**body) == (400, "8557", "recordingFormatType")
    else:
        read(**body)


def test_a_format_of_audio_without_a_content_is_refused_in_words_that_help() -> None:
    with pytest.raises(
        Refusal, match="wav goes with recordingContentType audio; left out, that is audioVideo"
    ):
        read(recordingFormatType="wav")


@pytest.mark.parametrize("content", [None, "audioVideo"])
def test_video_is_refused_in_words_that_help(content: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        check_no_video(read(recordingContentType=content, recordingFormatType="mp4"))
    assert (refused.value.status, refused.value.code) == (400, "8523")
    assert refused.value.target == "recordingContentType"
    for words in (f"got {content or 'nothing'}", "no video", "recordingContentType audio", "wav or mp3"):
        assert words in refused.value.message
    check_no_video(read(recordingContentType="audio"))


def test_either_a_locator_or_a_connection() -> None:
    locator = {"kind": "serverCallLocator", "serverCallId": "a"}
    assert refusal(callLocator=locator) == (400, "8523", "callLocator")
    assert refusal(callConnectionId=None) == (400, "8523", "callLocator")
    assert refusal(callConnectionId="") == (400, "8523", "callConnectionId")
    read(callLocator=locator, callConnectionId=None)
    both = {**locator, "groupCallId": "g"}
    assert refusal(callLocator=both, callConnectionId=None) == (400, "8523", "callLocator")
    assert refusal(callLocator={**locator, "kind": "roomCallLocator"}, callConnectionId=None) == (
        400,
        "8523",
        "callLocator.kind",
    )


@pytest.mark.parametrize("channel", [-1, 5])
def test_channels_are_0_to_4(channel: int) -> None:
    read(channelAffinity=[{"participant": PHONE, "channel": 4}, {"participant": other(1)}])
    affinity = [{"participant": PHONE, "channel": channel}]
    assert refusal(channelAffinity=affinity) == (400, "8523", "channelAffinity[0].channel")


def test_a_channel_is_given_once() -> None:
    affinity = [{"participant": PHONE, "channel": 1}, {"participant": other(1), "channel": 1}]
    assert refusal(channelAffinity=affinity) == (400, "8523", "channelAffinity[1].channel")


def test_a_participant_has_one_channel() -> None:
    affinity = [{"participant": PHONE, "channel": 1}, {"participant": PHONE, "channel": 2}]
    assert refusal(channelAffinity=affinity) == (400, "8523", "channelAffinity[1].participant")


def test_at_most_five_participants_have_channels() -> None:
    read(audioChannelParticipantOrdering=[PHONE] * 5)
    assert refusal(audioChannelParticipantOrdering=[PHONE] * 6)[2] == "audioChannelParticipantOrdering"
    assert refusal(channelAffinity=[{"participant": PHONE}] * 6)[2] == "channelAffinity"


def test_blob_storage_needs_a_container() -> None:
    storage = {"recordingStorageKind": "azureBlobStorage"}
    field = "externalStorage.recordingDestinationContainerUrl"
    assert refusal(externalStorage=storage) == (400, "8523", field)
    read(externalStorage={**storage, "recordingDestinationContainerUrl": "https://s.example.org/c"})


def test_the_callback_is_a_url() -> None:
    assert refusal(recordingStateCallbackUri="app")[2] == "recordingStateCallbackUri"


@pytest.mark.parametrize("written", ["azureBlobStorage", "AzureBlobStorage", "AZUREBLOBSTORAGE"])
def test_kinds_are_read_in_any_case(written: str) -> None:
    """SDKs up to 2025-06-15 write a capital, later ones do not."""
    storage = {
        "recordingStorageKind": written,
        "recordingDestinationContainerUrl": "https://s.example.org/c",
    }
    model = read(externalStorage=storage)
    assert model.external_storage is not None
    assert model.external_storage.recording_storage_kind is RecordingStorageKind.AZURE_BLOB_STORAGE
    assert RecordingKind("TeamsCompliance") is RecordingKind.TEAMS_COMPLIANCE


@pytest.mark.parametrize("version", sorted(KNOWN))
def test_the_kind_is_written_in_lower_camel_case_wherever_it_is_known(version: str) -> None:
    response = RecordingStateResponse("r", RecordingState.ACTIVE, RecordingKind.AZURE_COMMUNICATION_SERVICES)
    kind = gated_response(response, version).recording_kind
    assert kind == ("azureCommunicationServices" if version >= "2024-04-15" else None)
