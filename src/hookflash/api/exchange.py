"""One request and one answer, as the operations see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from hookflash.api.ports import CallEngine, Identities, Keep
from hookflash.wire.models import decode
from hookflash.wire.results import Refusal
from hookflash.wire.versions import NEWEST, STABLE

if TYPE_CHECKING:
    from hookflash.api.repeatability import Repeat

M = TypeVar("M", bound=msgspec.Struct)

CHAIN_ID = b"x-microsoft-skype-chain-id"
"""The response header with the correlationId of the call."""


class Request:
    """An authenticated request.

    Attributes:
        resource: the GUID of its resource.
        version: its api-version in canonical form.
        ids: the decoded ids of the path.
        body: the raw body.
        path, query: as on the request line.
        base_url: where the client reaches us, without a trailing slash: for links in answers.
        repeat: how its answer is kept, None for a request that is not to be repeated.
    """

    __slots__ = ("base_url", "body", "ids", "path", "query", "repeat", "resource", "version")

    def __init__(
        self,
        resource: str,
        version: str,
        ids: tuple[str, ...],
        body: bytes,
        *,
        path: str = "",
        query: bytes = b"",
        base_url: str = "",
    ) -> None:
        self.resource = resource
        self.version = version
        self.ids = ids
        self.body = body
        self.path = path
        self.query = query
        self.base_url = base_url
        self.repeat: Repeat | None = None

    @property
    def keep(self) -> Keep | None:
        """What the engine is handed with the command of this request."""
        return self.repeat.keep if self.repeat is not None else None

    def read(self, model: type[M]) -> M:
        """The body as a wire model, as far as the api-version knows it; Refusal 400/8523 names the field that
        is wrong."""
        return decode(model, self.body, self.version or NEWEST)

    def read_optional(self, model: type[M]) -> M:
        """As :meth:`read`; no body, and ``null``, read as the model with nothing in it."""
        if not self.body or self.body.strip() == b"null":
            return decode(model, b"{}")
        return self.read(model)


class Core(NamedTuple):
    """What the operations act on; ``participants_page`` is how many participants a page has unless asked."""

    engine: CallEngine
    identities: Identities
    participants_page: int = 100


Headers = tuple[tuple[bytes, bytes], ...]


class HeadedRefusal(Refusal):
    """A refusal whose answer has headers of its own."""

    headers: Headers = ()


class Answer(NamedTuple):
    """Status, body and headers besides those every answer has."""

    status: int
    body: bytes = b""
    headers: Headers = ()


class Operation(NamedTuple):
    """One row of the operation table (contract sections 1.2 and 11).

    ``path`` is a template; ``{}`` stands for an id. ``status`` is that of success. ``run`` None: known, but
    not in this version. ``signed`` False: anybody may ask. ``takes_body``: the body matters, so its type does
    too. ``linking``: the answer has links in it. ``versions`` are the api-versions to name when one is wrong.
    """

    name: str
    method: str
    path: str
    status: int
    run: Callable[[Request, Core], Awaitable[Any]] | None = None
    takes_body: bool = False
    repeatable: bool = False
    signed: bool = True
    linking: bool = False
    versions: tuple[str, ...] = STABLE
