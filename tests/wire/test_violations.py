"""Every fault of a body by its path, bounded, without secrets."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.identity import IssueTokenRequest, TeamsTokenExchangeRequest
from hookflash.wire.operations import BY_NAME
from hookflash.wire.requests import (
    AnswerCallRequest,
    CreateCallRequest,
    PlayRequest,
    RecognizeRequest,
    SendDtmfTonesRequest,
)
from hookflash.wire.violations import MOST, Violation, violations

REQUESTS = sorted({op.request for op in BY_NAME.values() if op.request}, key=lambda one: one.__name__)
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


def of(type_: type[msgspec.Struct], value: object) -> dict[str, str]:
    return dict(violations(type_, value))


def test_missing_wrong_and_misspelt_in_one_body() -> None:
    value = {
        "recognizeInputType": "dtfm",
        "recognizeOptions": {
            "interruptPrompt": 1,
            "dtmfOptions": {"stopTones": ["pound", "hash", 3], "interToneTimeoutInSeconds": 2.5},
        },
        "playPrompts": [{"kind": "file", "file": {"url": "https://x/a.wav"}}, "b.wav"],
    }
    assert of(RecognizeRequest, value) == {
        "recognizeInputType": "'dtfm' is not one of its values; expected dtmf, speech, speechOrDtmf, choices;"
        " did you mean dtmf?",
        "recognizeOptions.targetParticipant": "it is required, but missing.",
        "recognizeOptions.interruptPrompt": "expected true or false, got an integer, 1.",
        "recognizeOptions.dtmfOptions.interToneTimeoutInSeconds": "expected an integer, got a number, 2.5.",
        "recognizeOptions.dtmfOptions.stopTones[1]": "'hash' is not one of its values; expected zero, one, "
        "two, three, four, five, six, seven, eight, nine, a, b, c, d, pound, asterisk.",
        "recognizeOptions.dtmfOptions.stopTones[2]": "expected a string, got an integer, 3.",
        "playPrompts[0].file.uri": "it is required, but missing.",
        "playPrompts[1]": "expected an object, got a string, 'b.wav'.",
    }


def test_a_name_that_looks_like_the_missing_one_is_pointed_at() -> None:
    found = of(CreateCallRequest, {"targets": [], "CallbackURL": "https://x/"})
    assert found == {
        "callbackUri": "it is required, but missing; 'CallbackURL' is no field here, write callbackUri."
    }


@pytest.mark.parametrize("value", [[], "x", 7, True, 1.5, None])
def test_a_body_that_is_no_object(value: object) -> None:
    (only,) = violations(CreateCallRequest, value)
    assert only.path == ""
    assert "expected an object" in only.problem


def test_maps_and_lists() -> None:
    value = {
        "targets": [],
        "callbackUri": "https://x/",
        "customCallingContext": {"sipHeaders": {"X-a": 1}, "voipHeaders": []},
    }
    assert of(CreateCallRequest, value) == {
        "customCallingContext.sipHeaders.X-a": "expected a string, got an integer, 1.",
        "customCallingContext.voipHeaders": "expected an object, got an array.",
    }
    assert "targets" in of(CreateCallRequest, {"targets": 1.5, "callbackUri": "https://x/"})


def test_numbers_of_any_size_and_kind() -> None:
    value = {"scopes": ["voip"], "expiresInMinutes": "1"}
    assert of(IssueTokenRequest, value) == {"expiresInMinutes": "expected an integer, got a string, '1'."}
    assert of(IssueTokenRequest, {"scopes": 10**30}) == {"scopes": "expected an array, got an integer."}
    assert of(IssueTokenRequest, {"scopes": ["voip"], "expiresInMinutes": True}) == {
        "expiresInMinutes": "expected an integer, got true."
    }


def test_secrets_are_not_repeated() -> None:
    found = str(violations(AnswerCallRequest, {"callbackUri": "https://x/", "incomingCallContext": ["ey"]}))
    assert "ey" not in found.replace("they", "")
    token = {"token": {"a": 1}, "appId": "a", "userId": "b"}
    assert of(TeamsTokenExchangeRequest, token) == {"token": "expected a string, got an object."}
    url = {"playSources": "https://u:pw@x/a.wav?sig=abc", "playOptions": {"loop": False}}
    (problem,) = of(PlayRequest, url).values()
    assert "pw" not in problem
    assert "sig" not in problem

    class Holder(msgspec.Struct):
        access_key: int

    (secret,) = violations(Holder, {"access_key": "c2VjcmV0"})
    assert secret.problem == "expected an integer, got a string."


def test_only_so_many_are_told_and_not_at_length() -> None:
    value = {"tones": ["x" * 100_000] * 10_000}
    found = violations(SendDtmfTonesRequest, value)
    assert len(found) == MOST
    assert sum(len(one.path) + len(one.problem) for one in found) < MOST * 400
    headers = {"x" * 100_000: 1}
    value = {"targets": [], "callbackUri": "https://x/", "customCallingContext": {"sipHeaders": headers}}
    (long,) = violations(CreateCallRequest, value)
    assert len(long.path) < 200


Map = Annotated[dict[Annotated[str, msgspec.Meta(max_length=2)], int], msgspec.Meta(min_length=1)]


class Inner(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    after_ms: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0
    tones: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,3}$")] = "1"
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=3)] = "ab"
    many: Annotated[list[int], msgspec.Meta(max_length=1)] = []
    map: Map = msgspec.field(default_factory=lambda: {"a": 1})
    least: Annotated[int, msgspec.Meta(ge=1)] = 1
    most: Annotated[float, msgspec.Meta(le=1)] = 1


@pytest.mark.parametrize(
    ("value", "path", "problem"),
    [
        ({"afterMs": 11}, "afterMs", "expected 0 to 10, got an integer, 11."),
        ({"least": 0}, "least", "expected at least 1, got an integer, 0."),
        ({"most": 1.5}, "most", "expected at most 1, got a number, 1.5."),
        ({"tones": "12a"}, "tones", "expected text of the form ^[0-9]{1,3}$, got a string, '12a'."),
        ({"name": "a"}, "name", "expected at least 2 characters, got 1."),
        ({"name": "abcd"}, "name", "expected at most 3 characters, got 4."),
        ({"many": [1, 2]}, "many", "expected at most 1 entries, got 2."),
        ({"map": {}}, "map", "expected at least 1 entries, got 0."),
        ({"map": {"abc": 1}}, "map.abc", "expected at most 2 characters, got 3."),
        ({"aftrMs": 1}, "aftrMs", "there is no such field; did you mean afterMs?"),
        ({"x": 1}, "x", "there is no such field; fields are afterMs, tones, name, many, map, least, most."),
    ],
)
def test_bounds_of_the_types(value: object, path: str, problem: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, Inner)
    assert violations(Inner, value) == [(path, problem)]


def test_a_field_deeper_down_that_nobody_knows() -> None:
    class Outer(msgspec.Struct):
        inner: Inner

    assert violations(Outer, {"inner": {"x" * 1000: 1}})[0].path == "inner." + "x" * 100


def test_what_the_types_here_do_not_have_is_left_to_the_decoder() -> None:
    class Odd(msgspec.Struct):
        count: Annotated[int, msgspec.Meta(multiple_of=2)]
        data: bytes = b""

    assert violations(Odd, {"count": 1, "data": 7}) == []


@given(st.data())
def test_it_finds_something_just_when_the_decoder_does(data: st.DataObject) -> None:
    type_ = data.draw(st.sampled_from(REQUESTS))
    names = [field.encode_name for field in msgspec.structs.fields(type_)]
    body = data.draw(st.dictionaries(st.sampled_from(names), ANY_JSON) | ANY_JSON)
    text = json.dumps(body).encode()
    found = violations(type_, msgspec.json.decode(text))
    try:
        msgspec.json.decode(text, type=type_)
    except msgspec.ValidationError:
        assert found
    else:
        assert found == []
    assert all(isinstance(one, Violation) and one.problem.endswith((".", "?")) for one in found)
