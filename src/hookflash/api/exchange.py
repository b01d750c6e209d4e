"""One request and one answer, as the operations see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from hookflash.api.ports import CallEngine, Identities
from hookflash.wire.models import decode

M = TypeVar("M", bound=msgspec.Struct)


class Request:
    """An authenticated request. ``resource`` is the GUID of its resource, ``version`` its api-version in
    canonical form, ``ids`` the decoded ids of the path, ``body`` the raw body."""

    __slots__ = ("body", "ids", "resource", "version")

    def __init__(self, resource: str, version: str, ids: tuple[str, ...], body: bytes) -> None:
        self.resource = resource
        self.version = version
        self.ids = ids
        self.body = body

    def read(self, model: type[M]) -> M:
        """The body as a wire model; Refusal 400/8523 names the field that is wrong."""
        return decode(model, self.body)

    def read_optional(self, model: type[M]) -> M:
        """As :meth:`read`; no body, and ``null``, read as the model with nothing in it."""
        if not self.body or self.body.strip() == b"null":
            return decode(model, b"{}")
        return decode(model, self.body)


class Core(NamedTuple):
    """What the operations act on."""

    engine: CallEngine
    identities: Identities


Headers = tuple[tuple[bytes, bytes], ...]


class Answer(NamedTuple):
    """Status, body and headers besides those every answer has."""

    status: int
    body: bytes = b""
    headers: Headers = ()


class Operation(NamedTuple):
    """One row of the operation table (contract sections 1.2 and 11).

    ``path`` is a template; ``{}`` stands for an id. ``status`` is that of success. ``run`` None: known, but
    not in this version. ``signed`` False: anybody may ask. ``takes_body``: the body matters, so its type does
    too.
    """

    name: str
    method: str
    path: str
    status: int
    run: Callable[[Request, Core], Awaitable[Any]] | None = None
    takes_body: bool = False
    repeatable: bool = False
    signed: bool = True
