"""Lists page by page (contract section 1.5): bounds on a page, and the link to the next one.

A link carries where to go on, readable by this server only as far as its form goes: it is a position in one
list, and worth nothing to whoever may not read that list. It is absolute, on the host the client used, and
keeps the api-version, because the SDKs follow it as it is.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote

import msgspec

from hookflash.api.exchange import Core, Request
from hookflash.wire.responses import CallParticipant, GetParticipantsResponse
from hookflash.wire.results import Refusal, invalid_argument

T = TypeVar("T")

PAGE = 100
"""Entries of a page unless asked for otherwise."""
MAX_PAGE = 1000
"""Most entries of a page that can be asked for."""
SIZE_NAMES = ("maxpagesize", "$top", "top")
SKIP_NAMES = ("$skip", "skip")
CONTINUATION = "continuationToken"
_MAX_TOKEN = 2048


class _Position(msgspec.Struct, array_like=True):
    """Where a page ended: of which list, and behind which entry."""

    of: str
    after: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Position).decode


def _parameters(query: bytes) -> dict[str, str]:
    return {name.lower(): value for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True)}


def _number(parameters: dict[str, str], names: tuple[str, ...], least: int, most: int) -> int | None:
    for name in names:
        text = parameters.get(name)
        if text is None:
            continue
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise invalid_argument(
                name, f"expected a whole number from {least} to {most}, got {text[:40]!r}."
            )
        return int(text)
    return None


def _link(request: Request, parameters: dict[str, str], more: dict[str, str]) -> str:
    kept = {"api-version": parameters.get("api-version", request.version), **more}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in kept.items())
    return f"{request.base_url}{request.path}?{query}"


def skip_and_top(request: Request, entries: Sequence[T]) -> tuple[list[T], str | None]:
    """The page of a list that does not move, by ``skip`` and ``top``, and the link to the next one."""
    parameters = _parameters(request.query)
    skip = _number(parameters, SKIP_NAMES, 0, 10**9 - 1) or 0
    size = _number(parameters, SIZE_NAMES, 1, MAX_PAGE) or PAGE
    link = None
    if skip + size < len(entries):
        link = _link(request, parameters, {"skip": str(skip + size), "top": str(size)})
    return list(entries[skip : skip + size]), link


def participants_page(
    request: Request, everybody: Sequence[CallParticipant], usual: int = PAGE
) -> GetParticipantsResponse:
    """The page of participants that a request asks for, with ``usual`` entries unless it says how many.

    Raises Refusal 400 when the page size is out of bounds, or the continuation is not one of this call's (any
    more): the participant it goes on behind has left, so it cannot be told who was listed already.
    """
    parameters = _parameters(request.query)
    size = _number(parameters, SIZE_NAMES, 1, MAX_PAGE)
    first = 0
    token = parameters.get(CONTINUATION.lower())
    if token is not None:
        first = _behind(token, request.ids[0], everybody)
    page = list(everybody[first : first + (size or usual)])
    if first + len(page) >= len(everybody):
        return GetParticipantsResponse(page)
    position = _encode(_Position(request.ids[0].casefold(), page[-1].identifier.raw_id or ""))
    more = {CONTINUATION: base64.urlsafe_b64encode(position).rstrip(b"=").decode("ascii")}
    if size is not None:
        more = {"maxpagesize": str(size), **more}
    return GetParticipantsResponse(page, _link(request, parameters, more))


def _behind(token: str, connection: str, everybody: Sequence[CallParticipant]) -> int:
    try:
        if len(token) > _MAX_TOKEN:
            raise ValueError
        position = _decode(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise invalid_argument(
            CONTINUATION, "it is not one that was given here; follow a nextLink as it is, or begin anew."
        ) from None
    if position.of != connection.casefold():
        raise invalid_argument(CONTINUATION, "it is of another call; follow each call's own nextLink.")
    for index, one in enumerate(everybody):
        if one.identifier.raw_id == position.after:
            return index + 1
    raise Refusal(
        400,
        8523,
        f"The field {CONTINUATION} is invalid: it is stale, {position.after[:200]} has left the call since "
        "that page was read. Begin anew without it.",
        target=CONTINUATION,
    )


def paged(run: Callable[[Request, Core], Awaitable[Any]]) -> Callable[[Request, Core], Awaitable[Any]]:
    """Give the participants that ``run`` lists page by page."""

    async def page(request: Request, core: Core) -> Any:
        answer = await run(request, core)
        return participants_page(request, answer.value, core.participants_page)

    return page
