"""What the endpoints under /hookflash share: who may ask, bodies within bounds, JSON answers."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from hookflash.api.ports import Resource
from hookflash.api.reading import too_large
from hookflash.wire.results import Refusal, invalid_token

MAX_DOCUMENT = 64 * 1024
"""Largest body in bytes."""

Endpoint = Callable[[Request], Awaitable[Response]]
Guard = Callable[[Endpoint], Endpoint]
"""Lets nobody through to an endpoint who has no business there."""

_ENCODER = msgspec.json.Encoder()


def json_answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_ENCODER.encode(content), status, headers, "application/json; charset=utf-8")


def key_guard(resources: Iterable[Resource], open_to_all: bool) -> Guard:
    """Asks for an access key of one of the resources as bearer token, unless it is ``open_to_all``.

    Whose key it was is told by :func:`asker`. ``resources`` is gone through for each request, because keys
    are rotated while the server runs.
    """

    def guarded(endpoint: Endpoint) -> Endpoint:
        async def guard(request: Request) -> Response:
            request.state.asker = _owner_of_key(request, resources)
            return await endpoint(request)

        return endpoint if open_to_all else guard

    return guarded


def asker(request: Request) -> str | None:
    """The GUID of the resource whose key came with a request: it sees and changes what is its own.

    None where no key is asked for: then everything.
    """
    found: str | None = getattr(request.state, "asker", None)
    return found


def _owner_of_key(request: Request, resources: Iterable[Resource]) -> str:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    offered = given.strip().encode("utf-8", "surrogateescape")
    keys = [(one.id, key.encode()) for one in resources for key in one.access_keys]
    # Every key is compared, so that the time says nothing about which one came near.
    owners = [owner for owner, key in keys if hmac.compare_digest(offered, key)]
    if scheme.lower() != "bearer" or not owners:
        raise invalid_token(
            "This part of /hookflash asks for a key: Authorization: Bearer <access key of a resource>."
        )
    return owners[0]


async def document(request: Request) -> bytes:
    """The body, at most :data:`MAX_DOCUMENT` bytes of it. Raises Refusal."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_DOCUMENT:
                raise too_large(f"more than {MAX_DOCUMENT}", MAX_DOCUMENT)
    except ClientDisconnect:
        raise Refusal(
            400, "BadRequest", "The body ended early; send the request again.", target="body"
        ) from None
    return bytes(body)


def whole_number(request: Request, name: str, usual: int, least: int, most: int) -> int:
    """A query parameter, ``usual`` when it is not there. Raises Refusal unless it is within the bounds."""
    text = request.query_params.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) < 20 and least <= int(text) <= most):
        raise Refusal(
            400,
            "BadRequest",
            f"{name} is {text[:40]!r}; give a whole number from {least} to {most}.",
            target=name,
        )
    return int(text)
