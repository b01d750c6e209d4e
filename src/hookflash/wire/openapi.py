"""The OpenAPI 3.1 document of the Azure surfaces, made from the operation tables, the models and the codes.

Nothing in it is written twice: paths and statuses come from ``wire.operations``, bodies from the models that
requests are decoded with, bounds from the checks, refusals from the catalogue. Only the words are its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from hookflash.wire import catalogue
from hookflash.wire.openapi_schemas import Schema, reference, schemas
from hookflash.wire.openapi_texts import EXAMPLES, IDS, TAGS, TEXTS, Text
from hookflash.wire.operations import EARLIER_STATUSES, Operation
from hookflash.wire.results import ErrorBody
from hookflash.wire.validation import refusal_of
from hookflash.wire.versions import IDENTITY, NEWEST, is_preview

OPENAPI = "3.1.0"
JSON = "application/json"

_ABOUT = """\
Hookflash speaks the Azure Communication Services Call Automation contract. Apps on the official SDKs need
nothing of this document; it is for everybody else.

A field that is null counts as missing. Enumerations are read in any letter case. Names that are not known are
ignored. What an api-version does not know is left out of answers and events.
"""

_HMAC = """\
HMAC-SHA256 with an access key of a resource, as every SDK signs by itself. The header is
`HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=<base64>`. The signature is the HMAC,
with the base64-decoded access key, of three lines: the method, the path with its query as sent, and the
values of the three headers joined by `;`. `x-ms-content-sha256` is the base64 of the SHA-256 of the body.
"""

_BEARER = "A token of the configured issuer; in dev mode also a static one."

STATUSES = {
    400: "The request, or the state of the call, does not allow it.",
    401: "The signature or token does not hold.",
    403: "It belongs to another resource.",
    404: "There is no such thing, or it is over.",
    405: "The operation, or an option of it, is not offered.",
    408: "The request did not arrive in time.",
    409: "Something else is under way.",
    412: "It does not go together with what runs, or it is repeated too late.",
    413: "The body is too large.",
    414: "The path or query is too long.",
    415: "The body is not JSON.",
    422: "SIP routing cannot be what is asked for.",
    429: "Too much at once; see Retry-After.",
    431: "The headers are too large.",
    500: "Hookflash failed; its log has the reason.",
    503: "The server cannot take requests of this kind now; see Retry-After.",
}
"""Refusals by HTTP status."""


def document(
    operations: Iterable[Operation],
    *,
    served: Collection[str],
    version: str,
    versions: Mapping[str, Sequence[str]] | None = None,
    more_paths: dict[str, Schema] | None = None,
    more_models: Iterable[type[msgspec.Struct]] = (),
) -> Schema:
    """The whole document.

    Args:
        operations: rows of the operation tables.
        served: names of those that are carried out; the others are refused with 405.
        version: that of the server.
        versions: api-versions by operation, where the row does not know them.
        more_paths: path items of other surfaces, put beside these; ``more_models`` are their schemas.
    """
    rows = list(operations)
    paths: dict[str, Schema] = {}
    for row in rows:
        known = (versions or {}).get(row.name) or _versions(row)
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, row.name in served, known)
    for path, item in (more_paths or {}).items():
        paths.setdefault(path, {}).update(item)
    models = {model for row in rows for model in (row.request, row.response) if model is not None}
    found = schemas(sorted({*models, *more_models, ErrorBody}, key=lambda model: model.__name__))
    for name, example in EXAMPLES.items():
        if name in found:
            found[name]["examples"] = [example]
    used = {tag for item in paths.values() for one in item.values() for tag in one["tags"]}
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "Hookflash",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This server."}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items() if name in used],
        "security": [{"hmac": []}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": found,
            "responses": {str(status): _refusal(status) for status in STATUSES},
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": {
                "hmac": {"type": "apiKey", "in": "header", "name": "Authorization", "description": _HMAC},
                "bearer": {"type": "http", "scheme": "bearer", "description": _BEARER},
                "accessKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": (
                        "An access key of a resource, as it is in the connection string. Not asked for where "
                        "`server.open_own_surface` is on (dev mode)."
                    ),
                },
            },
        },
        "x-hookflash-codes": codes(),
    }


PARAMETERS: dict[str, Schema] = {
    "requestId": {
        "name": "Repeatability-Request-ID",
        "in": "header",
        "description": (
            "A UUID that names the request: sent again with the same one, it runs once. Goes "
            "together with Repeatability-First-Sent."
        ),
        "schema": {"type": "string", "format": "uuid"},
        "example": "6f9c3a6e-1d7f-4a37-9a52-0c5b3f2ad9a1",
    },
    "firstSent": {
        "name": "Repeatability-First-Sent",
        "in": "header",
        "description": "When the request was first sent.",
        "schema": {"type": "string"},
        "example": "Sun, 22 Nov 2026 06:01:45 GMT",
    },
    "clientRequestId": {
        "name": "x-ms-client-request-id",
        "in": "header",
        "description": "Comes back in the answer.",
        "schema": {"type": "string", "maxLength": 256},
    },
}
HEADERS: dict[str, Schema] = {
    "Link": {
        "description": "The page about the code of the refusal, on this server.",
        "schema": {"type": "string"},
        "example": '</hookflash/docs#8523>; rel="help"',
    },
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "X-Microsoft-Skype-Chain-ID": {
        "description": "The correlation id of the call.",
        "schema": {"type": "string"},
    },
}


def _operation(row: Operation, served: bool, versions: Sequence[str]) -> Schema:
    text = TEXTS.get(row.name) or _text(row)
    about = text.summary if not text.then else f"{text.summary} Then: {text.then}"
    item: Schema = {"operationId": row.name, "tags": [text.tag], "summary": text.summary.rstrip(".")}
    if all(is_preview(one) for one in versions):
        about = f"Preview only. {about}"
        item["x-preview"] = True
    if not served:
        about = f"{about} Known, but not offered: it is refused with 405 and code 8520."
        item["x-not-offered"] = True
    item["description"] = about
    item["parameters"] = _parameters(row, versions)
    if row.request is not None:
        item["requestBody"] = {
            "required": _needed(row.request),
            "content": {JSON: {"schema": reference(row.request)}},
        }
    done = {row.status} | {names[row.name] for names in EARLIER_STATUSES.values() if row.name in names}
    answer = success(row.response, chain="callConnectionId" in row.path)
    item["responses"] = {str(status): answer for status in sorted(done)}
    item["responses"] |= refusals(_statuses(row, served))
    return item


def _needed(model: type[msgspec.Struct]) -> bool:
    """Whether a request cannot go without its body."""
    if any(field.required for field in msgspec.structs.fields(model)):
        return True
    return refusal_of(model()) is not None


def _text(row: Operation) -> Text:
    """For what has no words of its own: the name, and by the path what it is about."""
    words = re.sub(r"([A-Z])", lambda found: f" {found[1].lower()}", row.name)
    numbers = row.path.startswith(("/phoneNumbers", "/availablePhoneNumbers", "/operatorInformation", "/sip"))
    return Text("Numbers" if numbers else "Other", f"{words[:1].upper()}{words[1:]}.")


def _parameters(row: Operation, versions: Sequence[str]) -> list[Schema]:
    found = [path_parameter(name, IDS.get(name, "")) for name in re.findall(r"\{(\w+)\}", row.path)]
    found.append(_version(versions))
    if row.repeatable:
        found += [parameter("requestId"), parameter("firstSent")]
    found.append(parameter("clientRequestId"))
    return found


def _versions(row: Operation) -> Sequence[str]:
    if row.path.startswith("/calling/"):
        return row.versions()
    return [one for one in IDENTITY if one >= row.since]


def _version(known: Sequence[str]) -> Schema:
    return {
        "name": "api-version",
        "in": "query",
        "required": True,
        "description": "The version of the contract that the client speaks.",
        "schema": {"type": "string", "enum": list(known)},
        "example": NEWEST if NEWEST in known else known[-1],
    }


def path_parameter(name: str, description: str) -> Schema:
    """A parameter of the path."""
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "minLength": 1},
    }


def parameter(name: str) -> Schema:
    """A reference to one of :data:`PARAMETERS`."""
    return {"$ref": f"#/components/parameters/{name}"}


def success(model: type[msgspec.Struct] | None, *, chain: bool = False) -> Schema:
    """An answer with a body of ``model``, or without one; ``chain`` when it is about a call."""
    found: Schema = {"description": "Done." if model is None else "Done; the body tells."}
    if chain:
        name = "X-Microsoft-Skype-Chain-ID"
        found["headers"] = {name: {"$ref": f"#/components/headers/{name}"}}
    if model is not None:
        found["content"] = {JSON: {"schema": reference(model)}}
    return found


def refusals(statuses: Iterable[int]) -> Schema:
    """References to the refusals of these statuses."""
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)}


def _statuses(row: Operation, served: bool) -> set[int]:
    found = {400, 401, 403, 404, 405, 408, 414, 429, 431, 500, 503}
    if row.request is not None:
        found |= {413, 415}
    if row.path == "/sip" and row.request is not None:
        found |= {422}
    if row.repeatable or row.path.startswith("/calling"):
        found |= {409, 412}
    return found


def _refusal(status: int) -> Schema:
    rows = [row for row in catalogue.rows() if row.emitted and status in row.answers]
    listed = "; ".join(f"`{row.code}` {row.name}" for row in rows)
    headers = {"Link": {"$ref": "#/components/headers/Link"}}
    if status in (429, 503):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    content: Schema = {"schema": reference(ErrorBody)}
    if rows:
        content["examples"] = {row.code: {"value": example(row)} for row in rows}
    return {
        "description": f"{STATUSES[status]} Codes: {listed}." if listed else STATUSES[status],
        "headers": headers,
        "content": {JSON: content},
    }


def example(row: catalogue.Row) -> Schema:
    """An error body with this code."""
    error: Schema = {"code": row.code, "message": row.message}
    if row.target:
        error["target"] = row.target
    return {"error": error}


def codes() -> list[Schema]:
    """The table of codes, for the page that people read."""
    return [
        {
            "code": row.code,
            "name": row.name,
            "meaning": row.meaning,
            "remedy": row.remedy,
            "answers": list(row.answers),
            "events": {str(code): list(types) for code, types in row.events.items()},
            "message": row.message,
        }
        for row in catalogue.rows()
        if row.emitted
    ]
