"""/hookflash/openapi.json and /hookflash/docs: the server describes itself, with nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import hookflash
from hookflash.api.exchange import Operation
from hookflash.api.keys import CONFIGURATION_PATH, KEYS_PATH
from hookflash.api.own_operations import ANSWERS, OWN, REQUESTS, Own, Schema
from hookflash.wire import operation as wire
from hookflash.wire.openapi import JSON, document, path_parameter, refusals
from hookflash.wire.openapi_schemas import reference
from hookflash.wire.operations import BY_NAME

DOCUMENT_PATH = "/hookflash/openapi.json"
PAGE_PATH = "/hookflash/docs"
_EVERY = (400, 401, 405, 431, 500)
"""Refusals that any guarded operation of the own surface may have."""
_CACHE = "no-cache"
"""Kept by browsers, but asked after each time; the answer to that is mostly 304."""
_POLICY = (
    "default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def openapi_routes(operations: Sequence[Operation]) -> list[Route]:
    """The two routes. The document is made when it is first asked for, of whatever routes there are then.

    Args:
        operations: those of the Azure surfaces, as they are served.
    """
    documents: dict[int, _Kept] = {}
    page = _page()

    async def show_document(request: Request) -> Response:
        routes: list[BaseRoute] = request.app.routes
        kept = documents.get(len(routes))
        if kept is None:
            built = msgspec.json.encode(build(routes, operations))
            kept = documents[len(routes)] = _Kept(built, {"content-type": JSON})
        return kept.answer(request)

    async def show_page(request: Request) -> Response:
        return page.answer(request)

    return [
        Route(DOCUMENT_PATH, show_document, methods=["GET"]),
        Route(PAGE_PATH, show_page, methods=["GET"]),
    ]


def build(routes: Iterable[BaseRoute], operations: Sequence[Operation]) -> Schema:
    """The OpenAPI document of these operations and of these routes of the own surface."""
    paths = {**_KEYS}
    models: list[type[msgspec.Struct]] = []
    for method, path in own_operations(routes):
        own = OWN.get((method, path)) or Own(f"{method} {path}.")
        paths.setdefault(path, {})[method.lower()] = _item(method, path, own)
        models += [one for one in (own.body, own.answer) if isinstance(one, type)]
    signed = [one for one in operations if one.signed]
    return document(
        [BY_NAME.get(one.name) or _row(one) for one in signed],
        served={one.name for one in signed if one.run is not None},
        version=hookflash.__version__,
        versions={one.name: one.versions for one in signed if one.name not in BY_NAME},
        more_paths=paths,
        more_models=models,
    )


def _row(operation: Operation) -> wire.Operation:
    """A row for an operation that is in no table of the contract: its ids are called by what they follow."""
    path = re.sub(r"(\w+)/\{\}", lambda found: f"{found[1]}/{{{_ids(found[1])}}}", operation.path)
    return wire.Operation(
        operation.name,
        operation.method,
        path,
        "",
        operation.repeatable,
        operation.status,
        REQUESTS.get(operation.name),
        ANSWERS.get(operation.name),
    )


_IDS = {"countries": "countryCode", "searchResults": "searchId", "phoneNumbers": "phoneNumber"}


def _ids(collection: str) -> str:
    return _IDS.get(collection, f"{collection[:-1]}Id")


def own_operations(routes: Iterable[BaseRoute]) -> list[tuple[str, str]]:
    """Method and path of every route, but for those that take whatever comes (a part that is off)."""
    return [
        (method, route.path)
        for route in routes
        if isinstance(route, Route) and ":path}" not in route.path
        for method in sorted(route.methods or ())
        if method != "HEAD"
    ]


def _item(method: str, path: str, own: Own) -> Schema:
    words = re.findall(r"\w+", path.removeprefix("/hookflash"))
    item: Schema = {
        "operationId": "".join([method.lower(), *(word[:1].upper() + word[1:] for word in words)]),
        "tags": ["Hookflash"],
        "summary": own.summary.rstrip("."),
        "description": f"{own.summary} {own.about}".rstrip(),
        "security": [] if own.open else [{"accessKey": []}],
        "parameters": [path_parameter(name, "") for name in re.findall(r"\{(\w+)\}", path)]
        + [{"name": name, "in": "query", "schema": schema} for name, schema in own.query.items()],
    }
    if own.body is not None:
        item["requestBody"] = {"content": {JSON: {"schema": _schema(own.body)}}}
    done: Schema = {"description": "Done."}
    if own.answer is not None:
        done["content"] = {JSON: {"schema": _schema(own.answer)}}
    elif own.status == 200:
        done["content"] = {"text/plain": {}, "text/html": {}}
    answers = {str(own.status): done}
    if own.also is not None:
        answers[str(own.also)] = done
    item["responses"] = answers | refusals(set(own.refusals).union(() if own.open else _EVERY))
    return item


def _schema(shape: type[msgspec.Struct] | Schema) -> Schema:
    return reference(shape) if isinstance(shape, type) else shape


def _open_document(name: str, summary: str) -> Schema:
    return {
        "get": {
            "operationId": name,
            "tags": ["Keys"],
            "summary": summary,
            "description": f"{summary}. Webhooks and WebSockets get tokens that are signed with them.",
            "security": [],
            "responses": {"200": {"description": "Done.", "content": {JSON: {"schema": {"type": "object"}}}}},
        }
    }


_KEYS: dict[str, Schema] = {
    CONFIGURATION_PATH: _open_document("getOpenIdConfiguration", "The OpenID configuration"),
    KEYS_PATH: _open_document("getSigningKeys", "The keys as a JWKS"),
}


class _Kept:
    """Bytes that are the same for everybody, with their ETag."""

    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        self._body = body
        tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        self._headers = {"etag": tag, "cache-control": _CACHE, "x-content-type-options": "nosniff", **headers}

    def answer(self, request: Request) -> Response:
        """The bytes, or 304 for a client that has them."""
        known = [
            one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")
        ]
        if self._headers["etag"] in known or "*" in known:
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, headers=self._headers)


def _page() -> _Kept:
    """The page. It may run its own script and style, by their hashes, and ask this server; nothing else."""
    text = files("hookflash.api").joinpath("docs_page.html").read_text("utf-8")
    hashes = {name: _hash_of(text, name) for name in ("script", "style")}
    headers: dict[str, Any] = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": _POLICY.format(**hashes),
        "referrer-policy": "no-referrer",
    }
    return _Kept(text.encode(), headers)


def _hash_of(text: str, element: str) -> str:
    inside = text.partition(f"<{element}>")[2].partition(f"</{element}>")[0]
    return base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
