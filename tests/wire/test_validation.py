"""Ranges, counts and combinations: each rule at its edges, and the field each refusal names."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from hookflash.wire import validation
from hookflash.wire.constraints import CallbackRules, require_callback
from hookflash.wire.decoding import decode
from hookflash.wire.operations import BY_NAME
from hookflash.wire.results import Refusal

PHONE = {"rawId": "4:+14255550123", "phoneNumber": {"value": "+14255550123"}}
USER = {"rawId": "8:acs:a_b", "communicationUser": {"id": "8:acs:a_b"}}
TEAMS = {"rawId": "8:orgid:g", "microsoftTeamsUser": {"userId": "g"}}
CALLER = {"value": "+18005550100"}
URI = "https://app.example.org/cb?secret=1"
FILE = {"kind": "file", "file": {"uri": "https://x.example.org/a.wav"}}
TEXT = {"kind": "text", "text": {"text": "hello"}}
STREAM = {"transportType": "websocket", "audioChannelType": "mixed", "transportUrl": "wss://x/y"}
SCRIPT = {"transportType": "websocket", "transportUrl": "wss://x/y", "locale": "en-US"}

VALID: dict[str, dict[str, Any]] = {
    "createCall": {"targets": [PHONE], "callbackUri": URI, "sourceCallerIdNumber": CALLER},
    "answerCall": {"incomingCallContext": "x.y.", "callbackUri": URI},
    "redirectCall": {"incomingCallContext": "x.y.", "target": USER},
    "rejectCall": {"incomingCallContext": "x.y."},
    "connect": {"callLocator": {"kind": "serverCallLocator", "serverCallId": "aGk="}, "callbackUri": URI},
    "transferToParticipant": {"targetParticipant": PHONE, "transferee": USER},
    "addParticipant": {"participantToAdd": PHONE, "sourceCallerIdNumber": CALLER},
    "removeParticipant": {"participantToRemove": PHONE},
    "muteParticipants": {"targetParticipants": [USER]},
    "cancelAddParticipant": {"invitationId": "i"},
    "moveParticipants": {"targetParticipants": [USER], "fromCall": "c"},
    "play": {"playSources": [FILE, TEXT], "playTo": []},
    "recognize": {
        "recognizeInputType": "dtmf",
        "recognizeOptions": {"targetParticipant": PHONE, "dtmfOptions": {"maxTonesToCollect": 3}},
    },
    "startContinuousDtmfRecognition": {"targetParticipant": PHONE},
    "stopContinuousDtmfRecognition": {"targetParticipant": PHONE},
    "sendDtmfTones": {"tones": ["one"], "targetParticipant": PHONE},
    "hold": {"targetParticipant": PHONE, "playSourceInfo": FILE},
    "unhold": {"targetParticipant": PHONE},
    "unmuteParticipants": {"targetParticipants": [USER]},
    "startHoldMusic": {"targetParticipant": PHONE, "playSourceInfo": FILE},
    "stopHoldMusic": {"targetParticipant": PHONE},
    "interruptAudioAndAnnounce": {"playSources": [FILE], "playTo": PHONE},
    "startMediaStreaming": {},
    "stopMediaStreaming": {},
    "startTranscription": {"locale": "en-US"},
    "stopTranscription": {},
    "updateTranscription": {"locale": "de-DE"},
    "startRecording": {"callConnectionId": "c", "channelAffinity": []},
    "createIdentity": {"createTokenWithScopes": ["voip"], "expiresInMinutes": 60},
    "issueAccessToken": {"scopes": ["voip", "chat"], "expiresInMinutes": 1440},
    "exchangeTeamsUserAccessToken": {"token": "t", "appId": "a", "userId": "u"},
}


def put(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of ``body`` with ``value`` at a dotted path; objects on the way are made."""
    copy: dict[str, Any] = json.loads(json.dumps(body))
    at = copy
    *way, last = path.split(".")
    for step in way:
        at = at.setdefault(step, {})
    at[last] = value
    return copy


def decoded(operation: str, body: dict[str, Any]) -> msgspec.Struct:
    type_ = BY_NAME[operation].request
    assert type_ is not None
    text = json.dumps(body)
    previewed = any(name in text for name in ("locales", "speechLanguages"))
    return decode(type_, text.encode(), "2025-08-15-preview" if previewed else "2026-03-12")


def test_the_samples_cover_every_request() -> None:
    assert set(VALID) == {name for name, op in BY_NAME.items() if op.request}


@pytest.mark.parametrize("operation", sorted(VALID))
def test_valid(operation: str) -> None:
    model = decoded(operation, VALID[operation])
    assert validation.refusal_of(model) is None


ACCEPTED: list[tuple[str, str, Any]] = [
    ("createCall", "callbackUri", "http://127.0.0.1:5000/cb"),
    ("createCall", "targets", [USER, TEAMS]),
    ("createCall", "mediaStreamingOptions", STREAM),
    ("createCall", "transcriptionOptions", SCRIPT),
    ("createCall", "transcriptionOptions", {"transportType": "websocket", "locales": ["en-US", "de-DE"]}),
    ("addParticipant", "invitationTimeoutInSeconds", 0),
    ("addParticipant", "invitationTimeoutInSeconds", 180),
    (
        "addParticipant",
        "customCallingContext",
        {
            "sipHeaders": {"User-To-User": "u", **{f"X-MS-Custom-{n}": "v" for n in range(5)}},
            "voipHeaders": {"a": "b"},
        },
    ),
    ("addParticipant", "customCallingContext", {"sipHeaders": {}, "voipHeaders": {}}),
    (
        "addParticipant",
        "customCallingContext.teamsPhoneCallDetails",
        {
            "callTopic": "t" * 48,
            "teamsPhoneCallerDetails": {"caller": PHONE, "name": "n", "phoneNumber": "+1"},
            "teamsPhoneSourceDetails": {"source": USER, "language": "en", "status": "s"},
        },
    ),
    ("transferToParticipant", "transferee", None),
    ("transferToParticipant", "customCallingContext.teamsPhoneCallDetails", {"intent": "sales"}),
    ("recognize", "recognizeOptions.initialSilenceTimeoutInSeconds", 0),
    ("recognize", "recognizeOptions.initialSilenceTimeoutInSeconds", 300),
    ("recognize", "recognizeOptions.dtmfOptions.interToneTimeoutInSeconds", 1),
    ("recognize", "recognizeOptions.dtmfOptions.interToneTimeoutInSeconds", 60),
    ("recognize", "recognizeOptions.speechLanguages", ["en-US"] * 10),
    ("recognize", "playPrompt", FILE),
    ("sendDtmfTones", "tones", ["one"] * 18),
    ("play", "playSources", [{"kind": "text", "text": {"text": "x" * 4000}}]),
    ("play", "playSources", [{"kind": "ssml", "ssml": {"ssmlText": "x" * 5000}}]),
    ("play", "operationCallbackUri", URI),
    ("connect", "callLocator", {"roomId": "r"}),
    ("startRecording", "recordingStateCallbackUri", URI),
    ("startRecording", "channelAffinity", [{"channel": 4, "participant": PHONE}]),
    (
        "startRecording",
        "externalStorage",
        {"recordingStorageKind": "AzureBlobStorage", "recordingDestinationContainerUrl": "https://b/c"},
    ),
]


@pytest.mark.parametrize(("operation", "path", "value"), ACCEPTED)
def test_accepted_at_the_edge(operation: str, path: str, value: Any) -> None:
    decoded(operation, put(VALID[operation], path, value))


REFUSED: list[tuple[str, str, Any, str]] = [
    # callback URIs
    ("createCall", "callbackUri", "ftp://x/", "callbackUri"),
    ("createCall", "callbackUri", "", "callbackUri"),
    ("createCall", "callbackUri", "/relative", "callbackUri"),
    ("createCall", "callbackUri", "https://", "callbackUri"),
    ("createCall", "callbackUri", "https://[broken/", "callbackUri"),
    ("createCall", "callbackUri", "https://x:99999/", "callbackUri"),
    ("createCall", "callbackUri", "https://x/ y", "callbackUri"),
    ("createCall", "callbackUri", "https://x/\r\nHost: y", "callbackUri"),
    ("createCall", "callbackUri", "https://x/" + "a" * 2048, "callbackUri"),
    ("play", "operationCallbackUri", "nowhere", "operationCallbackUri"),
    ("startMediaStreaming", "operationCallbackUri", "nowhere", "operationCallbackUri"),
    ("play", "operationContext", "x" * 16_385, "operationContext"),
    # who is called
    ("createCall", "targets", [], "targets"),
    ("createCall", "targets", [USER] * 101, "targets"),
    ("createCall", "targets", [USER, {}], "targets[1]"),
    ("createCall", "targets", [{"rawId": "4:anonymous"}], "targets[0]"),
    ("createCall", "targets", [{"rawId": "4:+1;drop"}], "targets[0]"),
    ("createCall", "targets", [{"rawId": "4:" + "1" * 33}], "targets[0]"),
    ("createCall", "sourceCallerIdNumber", None, "sourceCallerIdNumber"),
    ("createCall", "sourceCallerIdNumber", {"value": "me"}, "sourceCallerIdNumber"),
    ("addParticipant", "sourceCallerIdNumber", None, "sourceCallerIdNumber"),
    ("addParticipant", "participantToAdd", {}, "participantToAdd"),
    ("addParticipant", "invitationTimeoutInSeconds", -1, "invitationTimeoutInSeconds"),
    ("addParticipant", "invitationTimeoutInSeconds", 181, "invitationTimeoutInSeconds"),
    ("addParticipant", "invitationTimeoutInSeconds", int("9" * 400), "invitationTimeoutInSeconds"),
    ("addParticipant", "sourceDisplayName", "me\r\nVia: x", "sourceDisplayName"),
    ("createCall", "sourceDisplayName", "x" * 257, "sourceDisplayName"),
    ("answerCall", "incomingCallContext", "", "incomingCallContext"),
    ("rejectCall", "incomingCallContext", "x" * 16_385, "incomingCallContext"),
    ("redirectCall", "target", {}, "target"),
    ("transferToParticipant", "transferee", {}, "transferee"),
    ("transferToParticipant", "sourceCallerIdNumber", {"value": ""}, "sourceCallerIdNumber"),
    ("removeParticipant", "participantToRemove", {}, "participantToRemove"),
    ("muteParticipants", "targetParticipants", [], "targetParticipants"),
    ("muteParticipants", "targetParticipants", [USER, USER], "targetParticipants"),
    ("muteParticipants", "targetParticipants", [PHONE], "targetParticipants[0]"),
    ("cancelAddParticipant", "invitationId", "", "invitationId"),
    ("moveParticipants", "targetParticipants", [], "targetParticipants"),
    ("moveParticipants", "fromCall", "", "fromCall"),
    # locators
    ("connect", "callLocator", {}, "callLocator"),
    ("connect", "callLocator", {"serverCallId": "a", "roomId": "r"}, "callLocator"),
    ("connect", "callLocator", {"kind": "groupCallLocator", "roomId": "r"}, "callLocator.kind"),
    # custom calling context
    (
        "addParticipant",
        "customCallingContext.sipHeaders",
        {f"X-{n}": "v" for n in range(6)},
        "customCallingContext.sipHeaders",
    ),
    ("addParticipant", "customCallingContext.sipHeaders", {"Via": "x"}, "customCallingContext.sipHeaders"),
    ("addParticipant", "customCallingContext.sipHeaders", {"": "x"}, "customCallingContext.sipHeaders"),
    ("addParticipant", "customCallingContext.sipHeaders", {"X-a b": "x"}, "customCallingContext.sipHeaders"),
    (
        "addParticipant",
        "customCallingContext.sipHeaders",
        {"X-" + "a" * 63: "x"},
        "customCallingContext.sipHeaders",
    ),
    (
        "addParticipant",
        "customCallingContext.sipHeaders",
        {"X-a": "v" * 257},
        "customCallingContext.sipHeaders.X-a",
    ),
    (
        "addParticipant",
        "customCallingContext.sipHeaders",
        {"X-a": "v\r\nVia: x"},
        "customCallingContext.sipHeaders.X-a",
    ),
    (
        "addParticipant",
        "customCallingContext.voipHeaders",
        {"a": "v" * 1025},
        "customCallingContext.voipHeaders.a",
    ),
    (
        "addParticipant",
        "customCallingContext.voipHeaders",
        {f"k{n}": "v" for n in range(1001)},
        "customCallingContext.voipHeaders",
    ),
    (
        "addParticipant",
        "customCallingContext.teamsPhoneCallDetails",
        {"callTopic": "t" * 49},
        "customCallingContext.teamsPhoneCallDetails.callTopic",
    ),
    (
        "addParticipant",
        "customCallingContext.teamsPhoneCallDetails.teamsPhoneCallerDetails",
        {
            "caller": PHONE,
            "name": "n",
            "phoneNumber": "+1",
            "additionalCallerInformation": {str(n): "v" for n in range(11)},
        },
        "customCallingContext.teamsPhoneCallDetails.teamsPhoneCallerDetails.additionalCallerInformation",
    ),
    # play
    ("play", "playSources", [], "playSources"),
    ("play", "playSources", [FILE] * 101, "playSources"),
    ("play", "playSources", [FILE, {"kind": "file"}], "playSources[1].file"),
    ("play", "playSources", [{"kind": "file", "file": {"uri": "a.wav"}}], "playSources[0].file.uri"),
    ("play", "playSources", [{"kind": "text", "file": {"uri": "https://x/a"}}], "playSources[0].text"),
    ("play", "playSources", [{"kind": "text", "text": {"text": "x" * 4001}}], "playSources[0].text.text"),
    ("play", "playSources", [{"kind": "ssml"}], "playSources[0].ssml"),
    ("play", "playTo", [PHONE, {}], "playTo[1]"),
    ("hold", "playSourceInfo", {"kind": "ssml"}, "playSourceInfo.ssml"),
    ("hold", "targetParticipant", {}, "targetParticipant"),
    ("unhold", "targetParticipant", {}, "targetParticipant"),
    # recognize
    ("recognize", "recognizeOptions.targetParticipant", {}, "recognizeOptions.targetParticipant"),
    (
        "recognize",
        "recognizeOptions.initialSilenceTimeoutInSeconds",
        301,
        "recognizeOptions.initialSilenceTimeoutInSeconds",
    ),
    (
        "recognize",
        "recognizeOptions.initialSilenceTimeoutInSeconds",
        -1,
        "recognizeOptions.initialSilenceTimeoutInSeconds",
    ),
    ("recognize", "recognizeOptions.dtmfOptions", None, "recognizeOptions.dtmfOptions.maxTonesToCollect"),
    ("recognize", "recognizeOptions.dtmfOptions", {}, "recognizeOptions.dtmfOptions.maxTonesToCollect"),
    (
        "recognize",
        "recognizeOptions.dtmfOptions.maxTonesToCollect",
        0,
        "recognizeOptions.dtmfOptions.maxTonesToCollect",
    ),
    (
        "recognize",
        "recognizeOptions.dtmfOptions.interToneTimeoutInSeconds",
        0,
        "recognizeOptions.dtmfOptions.interToneTimeoutInSeconds",
    ),
    (
        "recognize",
        "recognizeOptions.dtmfOptions.interToneTimeoutInSeconds",
        61,
        "recognizeOptions.dtmfOptions.interToneTimeoutInSeconds",
    ),
    (
        "recognize",
        "recognizeOptions.speechOptions",
        {"endSilenceTimeoutInMs": -1},
        "recognizeOptions.speechOptions.endSilenceTimeoutInMs",
    ),
    ("recognize", "recognizeOptions.speechLanguages", ["en-US"] * 11, "recognizeOptions.speechLanguages"),
    ("recognize", "playPrompt", {"kind": "file"}, "playPrompt.file"),
    ("recognize", "playPrompts", [FILE, {"kind": "text"}], "playPrompts[1].text"),
    ("startContinuousDtmfRecognition", "targetParticipant", {}, "targetParticipant"),
    # tones
    ("sendDtmfTones", "tones", [], "tones"),
    ("sendDtmfTones", "tones", ["one"] * 19, "tones"),
    ("sendDtmfTones", "targetParticipant", USER, "targetParticipant"),
    # streams
    (
        "createCall",
        "mediaStreamingOptions",
        {**STREAM, "transportUrl": URI},
        "mediaStreamingOptions.transportUrl",
    ),
    (
        "answerCall",
        "transcriptionOptions",
        {**SCRIPT, "transportUrl": URI},
        "transcriptionOptions.transportUrl",
    ),
    ("answerCall", "transcriptionOptions", {**SCRIPT, "locale": None}, "transcriptionOptions.locale"),
    ("connect", "transcriptionOptions", {**SCRIPT, "locale": "en"}, "transcriptionOptions.locale"),
    ("startTranscription", "locale", "english", "locale"),
    ("updateTranscription", "locale", "en-US" * 20, "locale"),
    # recording
    ("startRecording", "callConnectionId", None, "callLocator"),
    ("startRecording", "callLocator", {"serverCallId": "a"}, "callLocator"),
    ("startRecording", "recordingStateCallbackUri", "x", "recordingStateCallbackUri"),
    ("startRecording", "recordingChannelType", "unmixed", "recordingChannelType"),
    ("startRecording", "audioChannelParticipantOrdering", [{}], "audioChannelParticipantOrdering[0]"),
    (
        "startRecording",
        "channelAffinity",
        [{"channel": 5, "participant": PHONE}],
        "channelAffinity[0].channel",
    ),
    ("startRecording", "channelAffinity", [{"participant": {}}], "channelAffinity[0].participant"),
    ("startRecording", "channelAffinity", [{"participant": PHONE}] * 6, "channelAffinity"),
    (
        "startRecording",
        "externalStorage",
        {"recordingStorageKind": "azureBlobStorage"},
        "externalStorage.recordingDestinationContainerUrl",
    ),
    # identity
    ("createIdentity", "expiresInMinutes", 59, "expiresInMinutes"),
    ("createIdentity", "expiresInMinutes", 1441, "expiresInMinutes"),
    ("issueAccessToken", "scopes", [], "scopes"),
    ("issueAccessToken", "expiresInMinutes", 0, "expiresInMinutes"),
]


@pytest.mark.parametrize(("operation", "path", "value", "target"), REFUSED)
def test_refused_by_field(operation: str, path: str, value: Any, target: str) -> None:
    with pytest.raises(Refusal) as info:
        decoded(operation, put(VALID[operation], path, value))
    assert (info.value.status, info.value.code, info.value.target) == (400, "8523", target)
    assert target in info.value.message


def recognize(kind: str, **options: Any) -> msgspec.Struct:
    body = {"recognizeInputType": kind, "recognizeOptions": {"targetParticipant": PHONE, **options}}
    return decoded("recognize", body)


@pytest.mark.parametrize("kind", ["speech", "speechOrDtmf", "choices"])
def test_words_may_be_waited_for_as_long_as_keys(kind: str) -> None:
    choices = [{"label": "yes", "phrases": ["yes"]}]
    recognize(kind, choices=choices, initialSilenceTimeoutInSeconds=300)
    with pytest.raises(Refusal, match="0 to 300 seconds"):
        recognize(kind, choices=choices, initialSilenceTimeoutInSeconds=301)


@pytest.mark.parametrize(
    ("choices", "target"),
    [
        (None, "choices"),
        ([], "choices"),
        ([{"label": "x", "phrases": ["x"]}] * 101, "choices"),
        ([{"label": "", "phrases": ["x"]}], "choices[0].label"),
        ([{"label": "x", "phrases": []}], "choices[0].phrases"),
        ([{"label": "x", "phrases": ["p"] * 101}], "choices[0].phrases"),
        ([{"label": "x", "phrases": ["p" * 200] * 100}] * 4, "choices"),
    ],
)
def test_choices(choices: Any, target: str) -> None:
    with pytest.raises(Refusal) as info:
        recognize("choices", choices=choices)
    assert info.value.target == f"recognizeOptions.{target}"


def test_a_choice_by_tone_needs_no_phrase() -> None:
    recognize("choices", choices=[{"label": "x", "phrases": [], "tone": "one"}])
    with pytest.raises(Refusal, match="at most 4 languages"):
        recognize("choices", choices=[{"label": "x", "phrases": ["x"]}], speechLanguages=["en-US"] * 5)


@pytest.mark.parametrize(
    ("content", "channel", "form"),
    [
        ("audio", "mixed", "mp3"),
        ("audio", "mixed", "wav"),
        ("audio", "unmixed", "wav"),
        ("audioVideo", "mixed", "mp4"),
        (None, None, None),
        ("audio", None, None),
        ("audio", "unmixed", None),
    ],
)
def test_recording_combinations(content: str | None, channel: str | None, form: str | None) -> None:
    decoded(
        "startRecording",
        {
            "callLocator": {"serverCallId": "a"},
            "recordingContentType": content,
            "recordingChannelType": channel,
            "recordingFormatType": form,
        },
    )


def test_own_storage_needs_no_container() -> None:
    storage = {"recordingStorageKind": "azureCommunicationServices"}
    decoded("startRecording", put(VALID["startRecording"], "externalStorage", storage))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "224.0.0.1",
        "[::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "localhost",
        "a.localhost.",
    ],
)
def test_callbacks_to_private_addresses_are_refused_where_they_are_not_allowed(host: str) -> None:
    require_callback(f"https://{host}/cb", "callbackUri", CallbackRules())
    with pytest.raises(Refusal) as info:
        require_callback(f"https://{host}/cb", "callbackUri", CallbackRules(private=False))
    assert info.value.target == "callbackUri"
    assert "public internet" in info.value.message
    require_callback("https://8.8.8.8/cb", "callbackUri", CallbackRules(private=False))
    require_callback("https://app.example.org/cb", "callbackUri", CallbackRules(private=False))


def test_callbacks_must_be_https_unless_allowed() -> None:
    require_callback("https://x/", "callbackUri", CallbackRules())
    require_callback("http://x/", "callbackUri", CallbackRules(http=True))
    with pytest.raises(Refusal) as info:
        require_callback("http://x/?code=secret", "callbackUri", CallbackRules())
    assert "secret" not in info.value.message
    assert info.value.target == "callbackUri"
    assert "https" in info.value.message


def test_refusal_of_gives_instead_of_raising() -> None:
    type_ = BY_NAME["sendDtmfTones"].request
    assert type_ is not None
    model = msgspec.convert({"tones": [], "targetParticipant": PHONE}, type_)
    refusal = validation.refusal_of(model)
    assert refusal is not None
    assert refusal.target == "tones"
