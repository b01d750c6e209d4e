"""What the HTTP edge needs of the rest, as protocols; ``app`` hands the implementations in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from hookflash.calls.commands import Command
from hookflash.ports.journal import Entry, KeptAnswer
from hookflash.wire.identity import (
    CommunicationAccessToken,
    CreateIdentityRequest,
    CreateIdentityResponse,
    IssueTokenRequest,
    TeamsTokenExchangeRequest,
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A communication resource as the edge knows it: ``id`` is its GUID, ``access_keys`` are base64,
    ``tokens`` static bearer tokens."""

    name: str
    id: str
    access_keys: tuple[str, ...]
    tokens: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Resource({self.name!r}, {self.id!r})"


Keep = Callable[[msgspec.Struct | None], KeptAnswer]
"""From an operation's response to the answer that is kept for repetitions."""


class CallEngine(Protocol):
    """Decides commands."""

    async def execute(self, command: Command, keep: Keep | None = None) -> msgspec.Struct | None:
        """Carry out a command; returns the response model, None for an empty response.

        Raises ``wire.results.Refusal``. What is returned has been made durable, and with it what ``keep``
        made of it.
        """
        ...

    def correlation_of(self, resource: str, connection_id: str) -> str | None:
        """The correlationId of a resource's call connection, up or ended; None when it is not known."""
        ...


class Identities(Protocol):
    """Users and tokens; every method raises ``Refusal``. ``resource`` is the authenticated resource's
    GUID."""

    async def create(self, resource: str, request: CreateIdentityRequest) -> CreateIdentityResponse: ...

    async def issue_token(
        self, resource: str, user_id: str, request: IssueTokenRequest
    ) -> CommunicationAccessToken: ...

    async def revoke_tokens(self, resource: str, user_id: str) -> None: ...

    async def delete(self, resource: str, user_id: str) -> None: ...

    async def exchange_teams_token(
        self, resource: str, request: TeamsTokenExchangeRequest
    ) -> CommunicationAccessToken: ...


class KeyDocuments(Protocol):
    """The public side of the keys that sign webhook tokens."""

    def openid_configuration(self, base_url: str) -> dict[str, Any]: ...

    def jwks(self) -> dict[str, Any]: ...


class Subscriptions(Protocol):
    """Event Grid subscriptions at run time, in the event room's own shape.

    ``asker`` is the GUID of the resource that asks; None may see and change those of every resource.
    """

    def listed(self, asker: str | None) -> Sequence[msgspec.Struct]:
        """All that the asker may see, and where their validation handshakes stand."""
        ...

    async def put(self, document: bytes, asker: str | None) -> msgspec.Struct:
        """Add, or replace by name, a subscription given as JSON; ``Refusal`` when it cannot be used."""
        ...

    async def remove(self, name: str, asker: str | None) -> bool:
        """False when there is none of that name; ``Refusal`` when it is another resource's."""
        ...

    def confirm(self, code: str) -> str | None:
        """Somebody opened a validation URL: the subscription's name, None when the code is not known."""
        ...


class Readiness(Protocol):
    """Whether calls can be taken."""

    def problems(self) -> Sequence[str]:
        """What stands in the way, for people; empty when ready."""
        ...


class JournalLine(Protocol):
    """An entry and its place in the journal."""

    @property
    def seq(self) -> int: ...

    @property
    def entry(self) -> Entry: ...


class JournalReader(Protocol):
    """What happened on a connection."""

    async def entries_of_connection(
        self, connection: str, after: int = 0, limit: int = 10_000
    ) -> Sequence[JournalLine]:
        """In the order it happened, from beyond ``after``; empty for an unknown connection."""
        ...
