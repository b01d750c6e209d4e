"""The journal and the outbox, as the engine sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal.

    ``kind`` is "command", "fact", "event" or "connection"; ``name`` what it was (the command's, fact's or
    event's type; for "connection" it is "opened" or "closed"). ``data`` is JSON, secrets already taken out.
    ``at`` is Unix time in seconds. ``call`` (the correlationId) and ``connection`` (the callConnectionId) are
    "" where they do not apply.
    """

    kind: str
    name: str
    at: float
    call: str = ""
    connection: str = ""
    data: bytes = b"{}"


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been tried for a delivery that is still owed; it survives a restart.

    ``tries`` counts the requests made. ``status`` is the HTTP status of the last one, 0 when no answer came;
    ``outcome`` is it in one word, ``note`` in words for people, ``at`` when it was (Unix time). ``next_at``
    (Unix time) is before when the next one must not be made.
    """

    tries: int = 0
    status: int = 0
    outcome: str = ""
    note: str = ""
    at: float = 0.0
    next_at: float = 0.0


UNTRIED = Progress()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST the outbox owes somebody.

    ``id`` is unique (the CloudEvent's). Deliveries of one ``lane`` go out in order, one at a time.
    ``audience`` is the resource GUID for the bearer token, "" for none (Event Grid). ``expires_at`` (Unix
    time) and ``attempts`` bound the retries. ``name`` is what is delivered, for people. ``progress`` is what
    was tried before a restart.
    """

    id: str
    lane: str
    url: str
    body: bytes
    audience: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    attempts: int = 5
    expires_at: float | None = None
    name: str = ""
    progress: Progress = UNTRIED


class KeptAnswer(NamedTuple):
    """The answer to a repeatable request, kept so that a repetition gets the same one (contract section 1.6).

    ``key`` tells the request from every other, ``digest`` is of its body. ``at`` is Unix time in seconds,
    ``chain`` the correlationId of the call it is about, "" when it is about none.
    """

    key: str
    digest: str
    at: float
    status: int
    body: bytes = b""
    chain: str = ""


class NotDurable(Exception):
    """Something could not be made durable; the message says why and what to do."""


class Journal(Protocol):
    """Durable, ordered, group-committed."""

    def write(
        self, entries: list[Entry], deliveries: list[Delivery], answers: Sequence[KeptAnswer] = ()
    ) -> asyncio.Future[None]:
        """Append in call order; the future resolves once everything is on disk, all of it or nothing.

        Deliveries start only then. Raises nothing itself; the future fails with :class:`NotDurable`.
        """
        ...
