"""/hookflash/phones: virtual phones, to be scripted from any language."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hookflash.api.own_http import Guard, document, json_answer
from hookflash.ports.virtual_phones import (
    MAX_DIGITS,
    MAX_POLL_MS,
    CallDocument,
    CallState,
    CallView,
    HeardState,
    NothingDocument,
    PhoneDocument,
    PhoneView,
    PressDocument,
    RejectDocument,
    VirtualPhones,
    Wanted,
)
from hookflash.wire.decoding import decode
from hookflash.wire.results import Refusal, invalid_argument

PATH = "/hookflash/phones"
DEFAULT_POLL_MS = 10_000
"""How long a request that waits for something waits when it does not say."""
MAX_PAGE = 1_000
"""Phones in one answer."""
DEFAULT_PAGE = 100

_E = TypeVar("_E", bound=Enum)
_D = TypeVar("_D", bound=msgspec.Struct)
_BOOLEANS = {"true": True, "false": False}


class _Page(msgspec.Struct, omit_defaults=True):
    """Phones in order of their ids; ``next`` is the ``after`` of the next page, absent on the last."""

    value: list[PhoneView]
    next: str | None = None


def phone_routes(phones: VirtualPhones | None, guarded: Guard) -> list[Route]:
    """The routes of virtual phones; without ``phones`` each of them says that they are off."""
    if phones is None:
        return [Route(path, guarded(_off), methods=_METHODS) for path in (PATH, PATH + "/{rest:path}")]
    surface = _Surface(phones)
    one, calls = PATH + "/{id}", PATH + "/{id}/calls/{call}"
    routes = [
        ("GET", PATH, surface.listed),
        ("DELETE", PATH, surface.remove_all),
        ("PUT", one, surface.put),
        ("GET", one, surface.show),
        ("DELETE", one, surface.remove),
        ("GET", calls, surface.wait),
        ("POST", one + "/call", surface.call),
        ("POST", one + "/answer", surface.answer),
        ("POST", one + "/reject", surface.reject),
        ("POST", one + "/hangup", surface.hang_up),
        ("POST", one + "/press", surface.press),
    ]
    return [Route(path, guarded(endpoint), methods=[method]) for method, path, endpoint in routes]


_METHODS = ["GET", "PUT", "POST", "DELETE"]


async def _off(request: Request) -> Response:
    raise Refusal(
        404,
        "NotFound",
        "Virtual phones are off in this server; virtual_phones = true under [server] turns them on.",
    )


class _Surface:
    """Requests into calls of :class:`VirtualPhones`, and answers out of what they return."""

    def __init__(self, phones: VirtualPhones) -> None:
        self._phones = phones

    async def listed(self, request: Request) -> Response:
        top = _number(request, "top", DEFAULT_PAGE, MAX_PAGE)
        found = self._phones.listed(request.query_params.get("after", ""), top)
        return json_answer(_Page(found, found[-1].id if top and len(found) == top else None))

    async def remove_all(self, request: Request) -> Response:
        self._phones.remove_all()
        return Response(status_code=204)

    async def put(self, request: Request) -> Response:
        wanted = await _read(PhoneDocument, request)
        phone, new = self._phones.put(_id(request), wanted)
        return json_answer(phone, 201 if new else 200)

    async def show(self, request: Request) -> Response:
        return json_answer(self._phones.show(_id(request)))

    async def remove(self, request: Request) -> Response:
        self._phones.remove(_id(request))
        return Response(status_code=204)

    async def wait(self, request: Request) -> Response:
        wanted = Wanted(
            _choice(request, "state", CallState),
            _boolean(request, "muted"),
            _boolean(request, "held"),
            _choice(request, "heard", HeardState),
            _digits(request),
        )
        patience = DEFAULT_POLL_MS if wanted != Wanted() else 0
        timeout = _number(request, "timeoutMs", patience, MAX_POLL_MS)
        named = request.path_params["call"]
        call = None if named == "last" else _call_number(named, "the call in the path")
        return json_answer(await self._phones.wait(_id(request), call, wanted, timeout))

    async def call(self, request: Request) -> Response:
        wanted = await _read(CallDocument, request)
        return json_answer(self._phones.call(_id(request), wanted), 202)

    async def answer(self, request: Request) -> Response:
        await _read(NothingDocument, request)
        return self._done(request, self._phones.answer)

    async def reject(self, request: Request) -> Response:
        wanted = await _read(RejectDocument, request)
        return self._done(request, lambda id, call: self._phones.reject(id, call, wanted))

    async def hang_up(self, request: Request) -> Response:
        await _read(NothingDocument, request)
        return self._done(request, self._phones.hang_up)

    async def press(self, request: Request) -> Response:
        wanted = await _read(PressDocument, request)
        return self._done(request, lambda id, call: self._phones.press(id, call, wanted))

    @staticmethod
    def _done(request: Request, do: Callable[[str, int | None], CallView]) -> Response:
        named = request.query_params.get("call", "last")
        call = None if named == "last" else _call_number(named, "call")
        return json_answer(do(_id(request), call), 202)


def _id(request: Request) -> str:
    found: str = request.path_params["id"]
    return found


async def _read(kind: type[_D], request: Request) -> _D:
    return decode(kind, await document(request))


def _call_number(text: str, field: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise invalid_argument(field, f'expected the number of a call or "last", got {text[:64]!r}.')


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most:
        return int(text)
    raise invalid_argument(name, f"expected a whole number from 0 to {most}, got {text[:64]!r}.")


def _boolean(request: Request, name: str) -> bool | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    raise invalid_argument(name, f"expected true or false, got {text[:64]!r}.")


def _choice(request: Request, name: str, kind: type[_E]) -> _E | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return kind(text)
    except ValueError:
        values = ", ".join(str(one.value) for one in kind)
        raise invalid_argument(name, f"expected one of {values}, got {text[:64]!r}.") from None


def _digits(request: Request) -> str:
    text = request.query_params.get("digits", "")
    if len(text) > MAX_DIGITS or set(text) - set("0123456789*#ABCD"):
        raise invalid_argument(
            "digits",
            f"expected at most {MAX_DIGITS} keys of 0123456789*#ABCD (# written as %23), got {text[:64]!r}.",
        )
    return text
