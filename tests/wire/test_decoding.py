"""Bodies from bytes: leniency where the contract wants it, and refusals that say where and what."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.decoding import decode
from hookflash.wire.enums import PlaySourceKind, RecognizeInputType, Tone
from hookflash.wire.identity import CreateIdentityRequest, IssueTokenRequest
from hookflash.wire.operations import BY_NAME
from hookflash.wire.requests import (
    CreateCallRequest,
    HoldRequest,
    PlayRequest,
    RecognizeRequest,
    RejectCallRequest,
    SendDtmfTonesRequest,
    StartCallRecordingRequest,
    StopMediaStreamingRequest,
)
from hookflash.wire.results import Refusal

PHONE = '{"rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123"}}'


def refusal(type_: type[msgspec.Struct], text: str | bytes) -> Refusal:
    with pytest.raises(Refusal) as info:
        decode(type_, text if isinstance(text, bytes) else text.encode())
    assert (info.value.status, info.value.code) == (400, "8523")
    assert info.value.message.startswith(("The field ", "The request body "))
    return info.value


def test_unknown_names_are_ignored_and_null_is_missing() -> None:
    body = (
        f'{{"targetParticipant":{PHONE},"playSourceInfo":null,"operationContext":null,'
        '"operationCallbackUri":null,"somethingNew":{"a":[1,2]}}'
    )
    request = decode(HoldRequest, body.encode())
    assert request == decode(HoldRequest, f'{{"targetParticipant":{PHONE}}}'.encode())


def test_enums_in_any_case() -> None:
    body = f'{{"tones":["ONE","Pound","asterisk"],"targetParticipant":{PHONE}}}'
    request = decode(SendDtmfTonesRequest, body.encode())
    assert request.tones == [Tone.ONE, Tone.POUND, Tone.ASTERISK]
    assert request.digits == "1#*"


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        ("{}", "targets", "required, but missing"),
        ('{"targets":null,"callbackUri":"https://x/"}', "targets", "required, but null; expected an array"),
        ('{"targets":[{}],"callbackUri":7}', "callbackUri", "expected a string, got an integer"),
        ('{"targets":{},"callbackUri":"https://x/"}', "targets", "expected an array, got an object"),
        ('{"targets":[7],"callbackUri":"https://x/"}', "targets[0]", "expected an object, got an integer"),
        (
            '{"targets":[{"phoneNumber":{}}],"callbackUri":"https://x/"}',
            "targets[0].phoneNumber.value",
            "required, but missing",
        ),
        (
            '{"targets":[{"microsoftTeamsUser":{"userId":"a","cloud":"mars"}}],"callbackUri":"https://x/"}',
            "targets[0].microsoftTeamsUser.cloud",
            "'mars' is not one of its values; expected public, dod, gcch",
        ),
        (
            '{"targets":[],"callbackUri":"https://x/","mediaStreamingOptions":{"transportType":"pigeon",'
            '"audioChannelType":"mixed"}}',
            "mediaStreamingOptions.transportType",
            "expected websocket",
        ),
        (
            '{"targets":[],"callbackUri":"https://x/","enableLoopbackAudio":"yes"}',
            "enableLoopbackAudio",
            "expected true or false, got a string, 'yes'",
        ),
        ("[]", "body", "expected an object, got an array"),
        ("null", "body", "required, but null"),
        ("7", "body", "expected an object, got an integer"),
    ],
)
def test_the_field_is_named(text: str, target: str, says: str) -> None:
    refused = refusal(CreateCallRequest, text)
    assert refused.target == target
    assert says in refused.message
    assert json.loads(refused.body())["error"]["target"] == target


def test_every_field_at_fault_is_told() -> None:
    body = '{"mediaStreamingOptions":{"transportType":"websockets","audioChannelType":"mixed"}}'
    refused = refusal(CreateCallRequest, body)
    assert refused.target == "targets"
    assert refused.message.endswith("2 more are listed in details.")
    error = json.loads(refused.body())["error"]
    assert [(one["code"], one["target"]) for one in error["details"]] == [
        ("8523", "targets"),
        ("8523", "callbackUri"),
        ("8523", "mediaStreamingOptions.transportType"),
    ]
    assert "did you mean websocket?" in error["details"][2]["message"]
    assert all(one["target"] in one["message"] for one in error["details"])


def test_one_fault_needs_no_details() -> None:
    assert refusal(CreateCallRequest, '{"targets":[]}').details is None


def test_a_body_that_breaks_off_after_a_wrong_field_is_no_json() -> None:
    refused = refusal(CreateCallRequest, '{"targets":7,')
    assert (refused.target, refused.details) == ("body", None)
    deep = refusal(CreateCallRequest, '{"targets":7,"x":' + "[" * 100_000)
    assert "nested too deeply" in deep.message


def test_a_number_that_no_float_holds() -> None:
    assert decode(HoldRequest, f'{{"targetParticipant":{PHONE},"x":1e999}}'.encode())
    refused = refusal(HoldRequest, '{"targetParticipant":7,"x":1e999}')
    assert (refused.code, refused.target) == ("8523", "targetParticipant")


def test_enumerations_inside_lists_and_long_ones() -> None:
    refused = refusal(SendDtmfTonesRequest, f'{{"tones":["one","eleven"],"targetParticipant":{PHONE}}}')
    assert refused.target == "tones[1]"
    assert "expected zero, one, two" in refused.message
    scopes = refusal(IssueTokenRequest, '{"scopes":["voip","fax"]}')
    assert scopes.target == "scopes[1]"
    assert "chat, voip" in scopes.message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty"),
        (b"  \n", "it is empty"),
        (b"{", "truncated"),
        (b'{"callbackUri":7,"targets":[', "truncated"),
        (b'{"a":}', "malformed"),
        (b"\xff\xfe", "malformed"),
        (b'{"callbackUri":"\xff"}', "utf-8"),
        (b'{"x":' + b"[" * 100_000, "nested too deeply"),
        (b'{"targets":[],"callbackUri":""} trailing', "malformed"),
    ],
)
def test_what_is_no_json(data: bytes, says: str) -> None:
    refused = refusal(CreateCallRequest, data)
    assert refused.target == "body"
    assert says in refused.message


@pytest.mark.parametrize("type_", [StopMediaStreamingRequest, CreateIdentityRequest])
@pytest.mark.parametrize("data", [b"", b" ", b"null", b"{}", b" null\n"])
def test_an_empty_body_where_nothing_is_required(type_: type[msgspec.Struct], data: bytes) -> None:
    assert decode(type_, data) == type_()


@pytest.mark.parametrize("data", [b"", b"null", b"{}"])
def test_an_empty_body_is_held_against_the_rules_too(data: bytes) -> None:
    assert refusal(StartCallRecordingRequest, data).target == "callLocator"


def test_an_empty_body_where_something_is() -> None:
    assert refusal(RejectCallRequest, b"").target == "body"


def test_python_sdk_bodies_decode() -> None:
    recognize = decode(
        RecognizeRequest,
        b'{"recognizeInputType":"dtmf","playPrompts":[{"kind":"file","file":{"uri":"https://x/a.wav"}}],'
        b'"interruptCallMediaOperation":false,"recognizeOptions":{"interruptPrompt":false,"targetParticipant":'
        + PHONE.encode()
        + b',"dtmfOptions":{"maxTonesToCollect":3,"stopTones":["pound"]}},"operationContext":"c"}',
    )
    assert recognize.recognize_input_type is RecognizeInputType.DTMF
    assert [source.kind for source in recognize.prompts] == [PlaySourceKind.FILE]
    speech = decode(
        RecognizeRequest,
        b'{"recognizeInputType":"speech","recognizeOptions":{"targetParticipant":'
        + PHONE.encode()
        + b',"speechOptions":{"endSilenceTimeoutInMs":500.0}}}',
    )
    assert speech.recognize_options.speech_options is not None
    assert speech.recognize_options.speech_options.end_silence_timeout_in_ms == 500
    assert speech.prompts == []


def test_prompts_and_loop_have_defaults() -> None:
    one = decode(
        RecognizeRequest,
        b'{"recognizeInputType":"speech","playPrompt":{"kind":"text","text":{"text":"hi"}},"playPrompts":[],'
        b'"recognizeOptions":{"targetParticipant":' + PHONE.encode() + b"}}",
    )
    assert len(one.prompts) == 1
    play = decode(
        PlayRequest, b'{"playSources":[{"kind":"ssml","ssml":{"ssmlText":"<speak/>"}}],"playTo":[]}'
    )
    assert play.loop is False
    looped = b'{"playSources":[{"kind":"file","file":{"uri":"http://x/a"}}],"playOptions":{"loop":true}}'
    assert decode(PlayRequest, looped).loop is True
    assert decode(RejectCallRequest, b'{"incomingCallContext":"x"}').reason == "none"
    assert (
        decode(RejectCallRequest, b'{"incomingCallContext":"x","callRejectReason":"BUSY"}').reason == "busy"
    )


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
REQUESTS = sorted({op.request for op in BY_NAME.values() if op.request}, key=lambda t: t.__name__)


def test_messages_do_not_repeat_megabytes() -> None:
    body = f'{{"tones":["{"x" * 500_000}"],"targetParticipant":{PHONE}}}'
    assert len(refusal(SendDtmfTonesRequest, body).message) < 500


def test_other_complaints_are_passed_on() -> None:
    class Bounded(msgspec.Struct):
        count: Annotated[int, msgspec.Meta(multiple_of=2)]

    refused = refusal(Bounded, '{"count":1}')
    assert refused.target == "count"
    assert "multiple of 2" in refused.message


def outcome(type_: type[msgspec.Struct], data: bytes) -> msgspec.Struct | Refusal:
    try:
        return decode(type_, data)
    except Refusal as refused:
        return refused


@given(st.data())
def test_any_json_is_decoded_or_refused(data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(REQUESTS))
    names = [field.encode_name for field in msgspec.structs.fields(type_)]
    body = data.draw(st.dictionaries(st.sampled_from(names), JSON_VALUES))
    result = outcome(type_, json.dumps(body).encode())
    assert isinstance(result, type_) or (result.status == 400 and result.target)  # type: ignore[attr-defined]


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    result = outcome(CreateCallRequest, data)
    assert isinstance(result, CreateCallRequest) or result.code == "8523"  # type: ignore[attr-defined]
