"""Contract section 3: every grammar form, every shape the SDKs send, lookups."""

from __future__ import annotations

import json
import pickle
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.identifiers import (
    MAX_RAW_ID,
    CommunicationIdentifierModel,
    Identifier,
    IdentifierKind,
)
from hookflash.wire.results import Refusal

G1, G2, G3 = (
    "6d889502-3d7a-41a8-befa-d21fd80e8767",
    "00000028-0a94-7987-ac46-04bd456051a5",
    "0dd0c4a8-6d9d-4c0e-8c4f-7a9f1f3d2c11",
)
K = IdentifierKind

FORMS: list[tuple[str, IdentifierKind, dict[str, Any]]] = [
    ("4:+14255550123", K.PHONE_NUMBER, {"phoneNumber": {"value": "+14255550123"}}),
    ("4:anonymous", K.PHONE_NUMBER, {"phoneNumber": {"value": "anonymous", "isAnonymous": True}}),
    (
        "4:+14255550121_123456",
        K.PHONE_NUMBER,
        {"phoneNumber": {"value": "+14255550121", "assertedId": "123456"}},
    ),
    (f"8:acs:{G1}_{G2}", K.COMMUNICATION_USER, {"communicationUser": {"id": f"8:acs:{G1}_{G2}"}}),
    (f"8:dod-acs:{G1}_{G2}", K.COMMUNICATION_USER, {"communicationUser": {"id": f"8:dod-acs:{G1}_{G2}"}}),
    (f"8:gcch-acs:{G1}_{G2}", K.COMMUNICATION_USER, {"communicationUser": {"id": f"8:gcch-acs:{G1}_{G2}"}}),
    (f"8:spool:{G1}", K.COMMUNICATION_USER, {"communicationUser": {"id": f"8:spool:{G1}"}}),
    (
        f"8:acs:{G1}_{G2}_{G3}",
        K.TEAMS_EXTENSION_USER,
        {"teamsExtensionUser": {"userId": G3, "tenantId": G2, "resourceId": G1, "cloud": "public"}},
    ),
    (
        f"8:dod-acs:{G1}_{G2}_{G3}",
        K.TEAMS_EXTENSION_USER,
        {"teamsExtensionUser": {"userId": G3, "tenantId": G2, "resourceId": G1, "cloud": "dod"}},
    ),
    (
        f"8:gcch-acs:{G1}_{G2}_{G3}",
        K.TEAMS_EXTENSION_USER,
        {"teamsExtensionUser": {"userId": G3, "tenantId": G2, "resourceId": G1, "cloud": "gcch"}},
    ),
    (
        f"8:orgid:{G1}",
        K.MICROSOFT_TEAMS_USER,
        {"microsoftTeamsUser": {"userId": G1, "isAnonymous": False, "cloud": "public"}},
    ),
    (
        f"8:dod:{G1}",
        K.MICROSOFT_TEAMS_USER,
        {"microsoftTeamsUser": {"userId": G1, "isAnonymous": False, "cloud": "dod"}},
    ),
    (
        f"8:gcch:{G1}",
        K.MICROSOFT_TEAMS_USER,
        {"microsoftTeamsUser": {"userId": G1, "isAnonymous": False, "cloud": "gcch"}},
    ),
    (
        f"8:teamsvisitor:{G1}",
        K.MICROSOFT_TEAMS_USER,
        {"microsoftTeamsUser": {"userId": G1, "isAnonymous": True, "cloud": "public"}},
    ),
    (f"28:orgid:{G1}", K.MICROSOFT_TEAMS_APP, {"microsoftTeamsApp": {"appId": G1, "cloud": "public"}}),
    (f"28:dod:{G1}", K.MICROSOFT_TEAMS_APP, {"microsoftTeamsApp": {"appId": G1, "cloud": "dod"}}),
    (f"28:gcch:{G1}", K.MICROSOFT_TEAMS_APP, {"microsoftTeamsApp": {"appId": G1, "cloud": "gcch"}}),
    (f"28:{G1}", K.UNKNOWN, {}),
    ("48:something:else", K.UNKNOWN, {}),
    ("8:acs:", K.UNKNOWN, {}),
    ("anybody", K.UNKNOWN, {}),
]


def read(text: str) -> Identifier:
    return Identifier.from_model(msgspec.json.decode(text, type=CommunicationIdentifierModel))


def written(identifier: Identifier) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(msgspec.json.encode(identifier.to_model()))
    return result


@pytest.mark.parametrize(("raw_id", "kind", "part"), FORMS)
def test_grammar_form(raw_id: str, kind: IdentifierKind, part: dict[str, Any]) -> None:
    identifier = Identifier.parse(raw_id)
    assert identifier.kind is kind
    assert identifier.raw_id == str(identifier) == raw_id
    assert written(identifier) == {"rawId": raw_id, "kind": kind.value, **part}


@pytest.mark.parametrize(("raw_id", "kind", "part"), [form for form in FORMS if form[2]])
def test_raw_id_is_derived_from_the_sub_object(
    raw_id: str, kind: IdentifierKind, part: dict[str, Any]
) -> None:
    assert read(json.dumps(part)) == Identifier.parse(raw_id)
    nulls = {"rawId": None, "kind": None, "microsoftTeamsApp": None, "phoneNumber": None, **part}
    assert read(json.dumps(nulls)).raw_id == raw_id


@pytest.mark.parametrize(("raw_id", "kind", "part"), FORMS)
def test_output_reads_back(raw_id: str, kind: IdentifierKind, part: dict[str, Any]) -> None:
    identifier = Identifier.parse(raw_id)
    again = Identifier.from_model(identifier.to_model())
    assert again == identifier
    assert again.kind is kind


@pytest.mark.parametrize(
    "text",
    [
        '{"rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123"}}',
        '{"kind":"phoneNumber","rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123","isAnonymous":false}}',
        '{"kind":"PHONENUMBER","phoneNumber":{"value":"+14255550123"}}',
        '{"kind":"somethingNew","rawId":"4:+14255550123"}',
        '{"kind":"communicationUser","rawId":"4:+14255550123","phoneNumber":{"value":"+14255550123"}}',
        '{"rawId":"8:acs:a_b","phoneNumber":{"value":"+14255550123"}}',
    ],
)
def test_shapes_of_a_phone(text: str) -> None:
    assert read(text) == Identifier.phone("+14255550123")


def test_cloud_in_any_case() -> None:
    for cloud in ("PUBLIC", "Public", "public"):
        user = f'{{"microsoftTeamsUser":{{"userId":"g","isAnonymous":false,"cloud":"{cloud}"}}}}'
        assert read(user).raw_id == "8:orgid:g"
    assert read('{"microsoftTeamsApp":{"appId":"g","cloud":"GCCH"}}').raw_id == "28:gcch:g"
    assert read('{"microsoftTeamsApp":{"appId":"g"}}').raw_id == "28:orgid:g"


def test_a_user_id_of_any_form_stays_a_user() -> None:
    identifier = read('{"rawId":"a_b_c","communicationUser":{"id":"a_b_c"}}')
    assert identifier.kind is K.COMMUNICATION_USER
    assert written(identifier)["communicationUser"] == {"id": "a_b_c"}
    assert Identifier.user("x").kind is K.COMMUNICATION_USER


def test_withheld_numbers() -> None:
    assert read('{"phoneNumber":{"value":"","isAnonymous":true}}').is_anonymous
    assert Identifier.parse("8:teamsvisitor:g").is_anonymous
    assert not Identifier.phone("+1").is_anonymous


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"kind":"phoneNumber"}',
        '{"rawId":""}',
        '{"phoneNumber":{"value":""}}',
        '{"rawId":"4:","phoneNumber":{"value":""}}',
        '{"rawId":"4:"}',
        '{"rawId":"8:acs:a\\r\\nb"}',
        '{"communicationUser":{"id":""}}',
        '{"microsoftTeamsUser":{"userId":""}}',
        '{"microsoftTeamsApp":{"appId":""}}',
        '{"teamsExtensionUser":{"userId":"","tenantId":"t","resourceId":"r"}}',
        f'{{"rawId":"{"x" * (MAX_RAW_ID + 1)}"}}',
    ],
)
def test_nothing_usable_is_refused_by_field(text: str) -> None:
    model = msgspec.json.decode(text, type=CommunicationIdentifierModel)
    with pytest.raises(Refusal) as refused:
        Identifier.from_model(model, "targets[0]")
    assert (refused.value.status, refused.value.code, refused.value.target) == (400, "8523", "targets[0]")


@pytest.mark.parametrize("raw_id", ["", "4:", "x" * (MAX_RAW_ID + 1)])
def test_parse_refuses(raw_id: str) -> None:
    with pytest.raises(ValueError):
        Identifier.parse(raw_id)


def test_constructors_refuse_nothing() -> None:
    with pytest.raises(ValueError, match="number"):
        Identifier.phone("")
    with pytest.raises(ValueError, match="id"):
        Identifier.user("")


def test_value_semantics() -> None:
    one, two = Identifier.phone("+1"), Identifier.parse("4:+1")
    assert one == two
    assert hash(one) == hash(two)
    assert one != Identifier.phone("+2")
    assert one != "4:+1"
    assert repr(one) == "Identifier('4:+1')"
    assert pickle.loads(pickle.dumps(one)) == one
    with pytest.raises(AttributeError):
        one.raw_id = "4:+2"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del one.raw_id  # type: ignore[misc]


def test_lookup_by_path_segment() -> None:
    phone = Identifier.parse("4:+14255550121_123456")
    assert phone.phone_number == "+14255550121"
    for text in ("4%3A%2B14255550121_123456", "4:+14255550121_123456", "4:%2B14255550121", "4:+14255550121"):
        assert phone.matches_raw(text), text
    assert not phone.matches_raw("4:+14255550122")
    assert not phone.matches_raw("8:acs:a_b")
    user = Identifier.user("8:acs:a_b")
    assert user.matches_raw("8%3Aacs%3Aa_b")
    assert not user.matches_raw("4:+1")
    assert user.phone_number is None


def test_matching() -> None:
    assert Identifier.phone("+1").matches(Identifier.phone("+1", "77"))
    assert not Identifier.phone("+1").matches(Identifier.phone("+2"))
    assert not Identifier.user("8:acs:a_b").matches(Identifier.user("8:acs:a_c"))
    one, two = Identifier.phone("anonymous", "1"), Identifier.phone("anonymous", "2")
    assert not one.matches(two)
    assert one.matches(one)


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters=":_"),
    min_size=1,
    max_size=20,
)


PRINTABLE = st.characters(codec="utf-8").filter(str.isprintable)


@given(st.text(PRINTABLE, min_size=1, max_size=60).filter(lambda text: text != "4:"))
def test_any_text_round_trips(raw_id: str) -> None:
    identifier = Identifier.parse(raw_id)
    again = Identifier.from_model(identifier.to_model())
    assert again == identifier
    assert again.kind is identifier.kind
    assert again.matches_raw(raw_id)


@given(
    st.sampled_from(
        ["8:acs:", "8:dod-acs:", "8:gcch-acs:", "8:orgid:", "8:dod:", "8:gcch:", "28:orgid:", "4:"]
    ),
    st.lists(NAMES, min_size=1, max_size=4),
)
def test_known_prefixes_round_trip(prefix: str, names: list[str]) -> None:
    raw_id = prefix + "_".join(names)
    identifier = Identifier.parse(raw_id)
    assert identifier.kind is not K.UNKNOWN
    model = identifier.to_model()
    assert Identifier.from_model(model) == identifier
    model.raw_id = model.kind = None
    assert Identifier.from_model(model) == identifier


def test_agrees_with_the_python_sdk() -> None:
    from azure.communication.callautomation._shared.models import identifier_from_raw_id

    for raw_id, kind, _ in FORMS:
        theirs = identifier_from_raw_id(raw_id)
        if raw_id != "8:acs:":
            assert str(getattr(theirs.kind, "value", theirs.kind)).replace("_", "") == kind.value.lower(), (
                raw_id
            )
