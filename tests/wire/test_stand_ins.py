"""Every broken rule of a body is told, one a field, and stand-ins break none themselves."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire import stand_ins
from hookflash.wire.decoding import decode
from hookflash.wire.identity import IssueTokenRequest
from hookflash.wire.openapi_texts import EXAMPLES
from hookflash.wire.operations import BY_NAME
from hookflash.wire.requests import (
    AddParticipantRequest,
    CreateCallRequest,
    PlayRequest,
    RecognizeRequest,
    SendDtmfTonesRequest,
    StartHoldMusicRequest,
)
from hookflash.wire.results import Refusal
from hookflash.wire.validation import refusal_of
from hookflash.wire.violations import MOST

PHONE = {"phoneNumber": {"value": "+14255550123"}}
FIELDS = [
    "initialSilenceTimeoutInSeconds",
    "interToneTimeoutInSeconds",
    "maxTonesToCollect",
    "speechLanguage",
    "speechRecognitionModelEndpointId",
    "interruptPrompt",
]
REQUESTS = {op.request.__name__: op.request for op in BY_NAME.values() if op.request is not None}


def refusal(type_: type[msgspec.Struct], body: object) -> Refusal:
    with pytest.raises(Refusal) as info:
        decode(type_, json.dumps(body).encode())
    return info.value


def told(type_: type[msgspec.Struct], body: object) -> list[str | None]:
    found = refusal(type_, body)
    return [one.target for one in found.details or ()] or [found.target]


def test_broken_rules_of_several_fields() -> None:
    body = {
        "targets": [],
        "callbackUri": "nowhere",
        "sourceDisplayName": "a\x00b",
        "transcriptionOptions": {"transportType": "websocket", "locale": "english"},
        "operationContext": "x" * 20_000,
    }
    found = refusal(CreateCallRequest, body)
    assert (found.code, found.target) == ("8523", "targets")
    assert found.message.endswith("4 more are listed in details.")
    assert [one.target for one in found.details or ()] == [
        "targets",
        "callbackUri",
        "sourceDisplayName",
        "transcriptionOptions.locale",
        "operationContext",
    ]
    assert not found.details[0].message.endswith("details.")  # type: ignore[index]


def test_a_rule_between_fields_is_told_when_it_is_broken_itself() -> None:
    assert told(AddParticipantRequest, {"participantToAdd": PHONE}) == ["sourceCallerIdNumber"]
    body = {"participantToAdd": PHONE, "invitationTimeoutInSeconds": 999}
    assert told(AddParticipantRequest, body)[0] == "sourceCallerIdNumber"


def test_what_follows_from_a_stand_in_is_not_told() -> None:
    # Nobody to add: whether a caller id is required cannot be told.
    assert told(AddParticipantRequest, {"participantToAdd": {}, "operationCallbackUri": "x"}) == [
        "participantToAdd",
        "operationCallbackUri",
    ]


def test_a_field_without_a_stand_in_ends_the_look() -> None:
    assert told(IssueTokenRequest, {"scopes": [], "expiresInMinutes": 1}) == ["scopes"]


def test_every_range_at_fault_within_an_object_is_told() -> None:
    options = {
        "targetParticipant": {},
        "initialSilenceTimeoutInSeconds": 301,
        "dtmfOptions": {"interToneTimeoutInSeconds": 0, "maxTonesToCollect": 5000, "stopTones": ["one"] * 20},
        "speechLanguage": "english",
        "speechRecognitionModelEndpointId": "x" * 1000,
    }
    body = {"recognizeInputType": "dtmf", "recognizeOptions": options, "operationCallbackUri": "x"}
    assert told(RecognizeRequest, body) == [
        "recognizeOptions.targetParticipant",
        "recognizeOptions.initialSilenceTimeoutInSeconds",
        "recognizeOptions.dtmfOptions.interToneTimeoutInSeconds",
        "recognizeOptions.dtmfOptions.maxTonesToCollect",
        "recognizeOptions.dtmfOptions.stopTones",
        "recognizeOptions.speechLanguage",
        "recognizeOptions.speechRecognitionModelEndpointId",
        "operationCallbackUri",
    ]


def test_what_the_input_type_asks_for_is_told_with_what_is_out_of_range() -> None:
    options = {"targetParticipant": PHONE, "initialSilenceTimeoutInSeconds": 301, "speechLanguage": "x"}
    body = {"recognizeInputType": "dtmf", "recognizeOptions": options}
    assert told(RecognizeRequest, body) == [
        "recognizeOptions.initialSilenceTimeoutInSeconds",
        "recognizeOptions.dtmfOptions.maxTonesToCollect",
        "recognizeOptions.speechLanguage",
    ]


def test_each_entry_of_a_list_is_told_and_nothing_that_follows_from_a_stand_in() -> None:
    choices = [
        {"label": "", "phrases": ["yes"], "tone": "one"},
        {"label": "", "phrases": ["no"]},
        {"label": "again", "phrases": [], "tone": "one"},
    ]
    options = {"targetParticipant": PHONE, "choices": choices, "speechLanguage": "x"}
    body = {"recognizeInputType": "choices", "recognizeOptions": options}
    assert told(RecognizeRequest, body) == [
        "recognizeOptions.choices[0].label",
        "recognizeOptions.choices[1].label",
        "recognizeOptions.choices[2].tone",
        "recognizeOptions.speechLanguage",
    ]
    sources = [
        {"kind": "file", "file": {"uri": "x"}},
        {"kind": "file"},
        {"kind": "file", "file": {"uri": "y"}},
    ]
    assert told(PlayRequest, {"playSources": sources, "operationCallbackUri": "x"}) == [
        "playSources[0].file.uri",
        "playSources[1].file",
        "operationCallbackUri",
    ]


def test_no_more_are_told_than_anybody_reads() -> None:
    choices = [{"label": "", "phrases": ["x"]} for _ in range(100)]
    options = {"targetParticipant": PHONE, "choices": choices}
    body = {"recognizeInputType": "choices", "recognizeOptions": options}
    assert len(told(RecognizeRequest, body)) <= MOST


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5000) | st.sampled_from(["", "x", "en-US", "one", PHONE]),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=4,
    ),
    st.lists(
        st.tuples(st.sampled_from(FIELDS), st.integers(-5, 5000) | st.sampled_from(["", "x", "one"])),
        max_size=6,
    ),
)
def test_whatever_is_wrong_is_told_once(first: object, more: list[tuple[str, object]]) -> None:
    dtmf = {"maxTonesToCollect": first} | {name: value for name, value in more if "Tone" in name}
    options = {"targetParticipant": PHONE, "dtmfOptions": dtmf} | dict(more)
    body = {"recognizeInputType": "dtmf", "recognizeOptions": options}
    try:
        decode(RecognizeRequest, json.dumps(body).encode())
    except Refusal as found:
        targets = [one.target for one in found.details or ()]
        assert len(targets) == len(set(targets)) <= MOST


def test_a_fault_of_no_single_field_ends_the_look() -> None:
    model = decode(SendDtmfTonesRequest, json.dumps(EXAMPLES["SendDtmfTonesRequest"]).encode())
    first = Refusal(400, 8523, "The body as a whole is odd.")
    assert stand_ins.all_refusals(model, first) == [first]


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_stand_ins_break_no_rule(name: str) -> None:
    if name not in EXAMPLES:
        pytest.skip("no example of it")
    model = decode(REQUESTS[name], json.dumps(EXAMPLES[name]).encode())
    for field in msgspec.structs.fields(type(model)):
        if field.required and field.name in stand_ins._STAND_INS:
            good = stand_ins._STAND_INS[field.name]
            assert refusal_of(msgspec.structs.replace(model, **{field.name: good})) is None, field.name


def test_a_required_source_is_put_right() -> None:
    body = {
        "targetParticipant": PHONE,
        "playSourceInfo": {"kind": "file", "file": {"uri": "x"}},
        "operationContext": "x" * 20_000,
    }
    assert told(StartHoldMusicRequest, body) == ["playSourceInfo.file.uri", "operationContext"]
