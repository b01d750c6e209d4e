"""The OpenAPI document says what the tables, models and codes say, and is valid."""

from __future__ import annotations

import json
import re

import pytest
from openapi_spec_validator import validate

from hookflash.wire import catalogue
from hookflash.wire.decoding import decode
from hookflash.wire.openapi import STATUSES, Schema, document
from hookflash.wire.openapi_schemas import plain, schemas
from hookflash.wire.openapi_texts import EXAMPLES, IDS, TEXTS
from hookflash.wire.operation import Operation
from hookflash.wire.operations import BY_NAME, OPERATIONS
from hookflash.wire.requests import CreateCallRequest, PlayRequest, RecognizeRequest
from hookflash.wire.results import ErrorBody, invalid_argument

EXTRA = Operation("buyCake", "POST", "/cakes/{cakeId}", "", False, 200)
DOCUMENT = document(
    [*BY_NAME.values(), EXTRA],
    served=set(BY_NAME) - {"summarizeCall"},
    version="1.2.3",
    versions={"buyCake": ("2030-01-01",)},
)


def operation(name: str) -> Schema:
    row = EXTRA if name == "buyCake" else BY_NAME[name]
    found: Schema = DOCUMENT["paths"][row.path][row.method.lower()]
    return found


def test_it_is_a_valid_document() -> None:
    validate(DOCUMENT)
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


@pytest.mark.parametrize("row", [*BY_NAME.values()], ids=lambda row: row.name)
def test_every_row_of_the_tables_is_in_it(row: Operation) -> None:
    found = operation(row.name)
    assert found["operationId"] == row.name
    assert str(row.status) in found["responses"]
    names = [one.get("name") or one["$ref"].rpartition("/")[2] for one in found["parameters"]]
    assert set(re.findall(r"\{(\w+)\}", row.path)) <= set(names)
    assert ("requestId" in names) == row.repeatable
    assert ("requestBody" in found) == (row.request is not None)
    if row.response is not None:
        schema = found["responses"][str(row.status)]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{row.response.__name__}"}
    (version,) = [one for one in found["parameters"] if one.get("name") == "api-version"]
    assert version["required"]
    assert version["example"] in version["schema"]["enum"]
    if row.path.startswith("/calling"):
        assert version["schema"]["enum"] == list(row.versions())


def test_every_row_has_words() -> None:
    assert {row.name for row in OPERATIONS} <= set(TEXTS)
    assert all(text.summary.endswith(".") for text in TEXTS.values())
    assert {name for row in BY_NAME.values() for name in re.findall(r"\{(\w+)\}", row.path)} <= set(IDS)
    assert operation("buyCake")["summary"] == "Buy cake"
    assert operation("buyCake")["tags"] == ["Other"]


def test_what_is_special_is_flagged() -> None:
    assert operation("startHoldMusic")["x-preview"]
    assert "x-preview" not in operation("play")
    assert operation("summarizeCall")["x-not-offered"]
    assert "405" in operation("summarizeCall")["description"]
    assert "x-not-offered" not in operation("play")
    # Muting had another status in one preview.
    assert {"200", "202"} <= set(operation("muteParticipants")["responses"])


def test_bodies_that_need_nothing_are_optional() -> None:
    assert not operation("stopMediaStreaming")["requestBody"]["required"]
    assert operation("createCall")["requestBody"]["required"]
    # Every field of it may be missing, but not all of them.
    assert operation("startRecording")["requestBody"]["required"]


def test_refusals_carry_the_codes_of_the_catalogue() -> None:
    for status in STATUSES:
        answer = DOCUMENT["components"]["responses"][str(status)]
        examples = answer["content"]["application/json"].get("examples", {})
        for row in catalogue.rows():
            assert (row.code in examples) == (row.emitted and status in row.answers), (row.code, status)
        for one in examples.values():
            assert decode(ErrorBody, json.dumps(one["value"]).encode()).error.code
    told = {status for row in catalogue.rows() if row.emitted for status in row.answers}
    assert told <= set(STATUSES)


def test_every_code_is_on_it_for_the_page() -> None:
    listed = [one["code"] for one in DOCUMENT["x-hookflash-codes"]]
    assert listed == [row.code for row in catalogue.rows() if row.emitted]


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_examples_are_bodies_that_are_taken(name: str) -> None:
    models = {
        model.__name__: model for row in BY_NAME.values() for model in (row.request, row.response) if model
    }
    if name in models:
        assert decode(models[name], json.dumps(EXAMPLES[name]).encode())
    assert DOCUMENT["components"]["schemas"][name]["examples"] == [EXAMPLES[name]]


def test_a_refusal_of_ours_fits_the_schema() -> None:
    body = json.loads(invalid_argument("x", "no.").body())
    error = DOCUMENT["components"]["schemas"]["Error"]
    assert set(body["error"]) <= set(error["properties"])
    assert set(error["required"]) <= set(body["error"])


def test_schemas_tell_bounds_and_leave_null_out() -> None:
    found = schemas([CreateCallRequest, PlayRequest, RecognizeRequest])
    assert found["CreateCallRequest"]["properties"]["targets"]["maxItems"] == 100
    assert found["CreateCallRequest"]["properties"]["callbackUri"]["format"] == "uri"
    assert found["DtmfOptions"]["properties"]["interToneTimeoutInSeconds"]["maximum"] == 60
    assert found["Tone"]["type"] == "string"
    text = json.dumps(found)
    assert '"null"' not in text
    assert ": null" not in text


def test_nothing_of_the_inside_is_in_it() -> None:
    text = json.dumps(DOCUMENT)
    assert "contract section" not in text
    assert ":meth:" not in text
    assert ":func:" not in text


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("One thing (contract section 1.4).", "One thing."),
        ("``kind`` says\n    which; see :meth:`Identifier.parse`.", "`kind` says which."),
        ("All of it is :func:`hidden`.", ""),
    ],
)
def test_docstrings_for_other_readers(docstring: str, shown: str) -> None:
    assert plain(docstring) == shown


def test_other_paths_are_put_beside() -> None:
    item = {"get": {"tags": ["Hookflash"], "responses": {"200": {"description": "Done."}}}}
    found = document(OPERATIONS, served=(), version="1", more_paths={"/hookflash/x": item})
    assert found["paths"]["/hookflash/x"] == item
    assert [tag["name"] for tag in found["tags"]] == [
        "Calls",
        "Participants",
        "Media",
        "Recordings",
        "Hookflash",
    ]
