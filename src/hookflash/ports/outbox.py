"""What the event room needs of the store: the outbox to work off, documents to keep, keys to sign with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hookflash.ports.journal import Delivery, Progress

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a delivery ended.

    ``delivered`` is False for a dropped one. ``status`` is the last HTTP status, 0 when no answer came.
    ``attempts`` counts the requests made, ``at`` is Unix time, ``note`` says why a delivery was dropped.
    """

    id: str
    delivered: bool
    status: int
    attempts: int
    at: float
    note: str = ""


class Outbox(Protocol):
    """The durable side of delivery: what is owed, what was tried, and what has been settled.

    A *parked* delivery waits for a time of its own, and nothing waits behind it: it need not be in memory.
    """

    async def pending_deliveries(self, limit: int | None = None) -> list[Delivery]:
        """What is neither delivered nor dropped nor parked, in the order it was written; the first ``limit``
        of it.
        """
        ...

    async def due_deliveries(self, now: float, limit: int) -> list[Delivery]:
        """The parked deliveries whose time has come by ``now`` (Unix time), the longest due first."""
        ...

    async def next_due(self) -> float | None:
        """When the first parked delivery is due (Unix time); None when nothing is parked."""
        ...

    def postpone(self, id: str, progress: Progress, *, parked: bool) -> asyncio.Future[None]:
        """Record what was tried for a delivery that stays owed; unknown and settled ids are ignored."""
        ...

    def settle(self, settlement: Settlement) -> asyncio.Future[None]:
        """Record the end of a delivery; unknown ids are ignored."""
        ...


class Documents(Protocol):
    """Small named JSON documents that outlive the process."""

    async def documents(self, space: str) -> dict[str, bytes]:
        """All documents of a space by key, in order of the keys."""
        ...

    def put_document(self, space: str, key: str, body: bytes) -> asyncio.Future[None]: ...

    def delete_document(self, space: str, key: str) -> asyncio.Future[None]: ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key for RS256; ``kid`` is its RFC 7638 thumbprint, ``created`` Unix time."""

    kid: str
    created: float
    private: RSAPrivateKey


class KeyRing(Protocol):
    """The server's signing keys: one signs, all are published."""

    @property
    def current(self) -> SigningKey: ...

    @property
    def keys(self) -> Sequence[SigningKey]:
        """Newest first; the first is :attr:`current`."""
        ...
