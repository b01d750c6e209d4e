"""What is asked of the domain name system, as plain data and a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol


class RecordKind(Enum):
    """Kinds of records."""

    NAPTR = "NAPTR"
    SRV = "SRV"
    A = "A"
    AAAA = "AAAA"


@dataclass(frozen=True, slots=True)
class Naptr:
    """Which service a domain has (RFC 3403): ``replacement`` is the name of its SRV records.

    ``regexp`` is kept to tell those records that SIP has no use for.
    """

    order: int
    preference: int
    flags: str
    service: str
    replacement: str
    regexp: str = ""


@dataclass(frozen=True, slots=True)
class Srv:
    """One server of a service (RFC 2782). ``target`` "" says that the service is decidedly not there."""

    priority: int
    weight: int
    port: int
    target: str


Record = Naptr | Srv | str
"""An address record is the address."""


class Question(NamedTuple):
    """A name and what is wanted of it. Names are without the dot at their end."""

    name: str
    kind: RecordKind


class Answer(NamedTuple):
    """The records, none when there are none; for ``ttl`` seconds the answer stays the same."""

    records: tuple[Record, ...]
    ttl: float


class Names(Protocol):
    """Who knows names."""

    async def ask(self, question: Question) -> Answer:
        """The answer. OSError when nobody can be asked; a name that is not there is no error."""
        ...
