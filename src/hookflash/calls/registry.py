"""Where everything alive is found: legs, connections, calls, invitations; and a memory of connections that
ended.

What ends leaves these indexes in the same turn. Of an ended connection only its id and resource are
remembered, the newest ten thousand of them: GET answers 404/8522 for it, anything else 400/8528, and when
it is forgotten everything is 404/8522.
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from hookflash.calls.admission import Admission
from hookflash.calls.directory import Directory
from hookflash.calls.invitations import InvitationBook
from hookflash.calls.turn import Pending
from hookflash.calls.views import ParticipantView, people_of
from hookflash.media.speech import WORDLESS, Abilities
from hookflash.wire.identifiers import Identifier
from hookflash.wire.ids import Minter
from hookflash.wire.results import call_terminated, not_found, wrong_resource

if TYPE_CHECKING:
    from hookflash.calls.connection import Connection
    from hookflash.calls.participants import Participant
    from hookflash.calls.server_call import ServerCall

MEMORY = 10_000
"""How many ended connections are remembered."""
TRACED = 64
"""Of how many ended connections it is remembered what happened in them."""


@dataclass(frozen=True, slots=True)
class NamedCall:
    """A group call or room of a resource (its GUID), by the name apps gave it; ``kind`` "group" or "room"."""

    resource: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds: ``invitation`` for deciding an IncomingCall, ``ring`` where phones or devices ring as well."""

    invitation: float = 30.0
    ring: float = 60.0


class Registry:
    """The indexes of one exchange."""

    def __init__(
        self,
        directory: Directory,
        minter: Minter,
        first_leg: int,
        timings: Timings,
        memory: int,
        abilities: Abilities = WORDLESS,
    ) -> None:
        self.abilities = abilities
        self.directory = directory
        self.minter = minter
        self.timings = timings
        self.pending = Pending()
        self.admission = Admission()
        self.book = InvitationBook(memory)
        self.calls: dict[int, ServerCall] = {}
        self._by_id: dict[str, ServerCall] = {}
        self.legs: dict[int, tuple[ServerCall, Participant]] = {}
        self.connections: dict[str, Connection] = {}
        self.devices: dict[str, dict[str, int]] = {}
        """By rawId of a user, how many devices are registered for it; at least one."""
        self.named: dict[NamedCall, ServerCall] = {}
        """Group calls and rooms that somebody is in."""
        self._ended: OrderedDict[str, str] = OrderedDict()
        self._traced: OrderedDict[str, tuple[Connection, list[ParticipantView]]] = OrderedDict()
        self._memory = memory
        self._call_numbers = count(1)
        self._connection_numbers = count(1)
        self._legs = count(first_leg)

    def new_leg(self) -> int:
        return next(self._legs)

    def new_user(self, resource: str) -> Identifier:
        """An identity for an app of ``resource`` that has not named one."""
        return Identifier.user(self.minter.user_id(resource))

    def new_call_number(self) -> int:
        return next(self._call_numbers)

    def new_connection_number(self) -> int:
        return next(self._connection_numbers)

    def call_of_id(self, server_call_id: str) -> ServerCall | None:
        """The live call with that serverCallId."""
        return self._by_id.get(server_call_id.rstrip("="))

    def add_call(self, call: ServerCall) -> None:
        self.calls[call.number] = call
        self._by_id[call.id.rstrip("=")] = call

    def remove_call(self, call: ServerCall) -> None:
        """A call is over."""
        del self.calls[call.number]
        del self._by_id[call.id.rstrip("=")]
        if call.name is not None:
            del self.named[call.name]

    def remember_ended(self, connection: Connection) -> None:
        """Take a connection out of the index and into the memory."""
        del self.connections[connection.id]
        self._ended[connection.id] = connection.resource
        while len(self._ended) > self._memory:
            self._ended.popitem(last=False)
        self._traced[connection.id] = connection, people_of(connection)
        while len(self._traced) > min(TRACED, self._memory):
            self._traced.popitem(last=False)

    def traced(self, connection_id: str) -> tuple[Connection, list[ParticipantView] | None] | None:
        """A connection and, if it has ended, who was in the call then; None when nothing is known of it."""
        key = connection_id.casefold()
        live = self.connections.get(key)
        return (live, None) if live is not None else self._traced.get(key)

    def recent(self, before: int | None = None) -> Iterator[tuple[Connection, list[ParticipantView] | None]]:
        """Connections that live and those remembered, the newest first, each as in :meth:`traced`.

        ``before`` is a number of a story: only what is older.
        """
        live = ((one, None) for one in reversed(self.connections.values()))
        ended = sorted(self._traced.values(), key=lambda one: one[0].story.number, reverse=True)
        for one in heapq.merge(live, ended, key=lambda one: one[0].story.number, reverse=True):
            if before is None or one[0].story.number < before:
                yield one

    def connection(
        self, resource: str, connection_id: str, *, reading: bool = False, field: str = "callConnectionId"
    ) -> Connection:
        """The connection a request names in ``field``.

        Raises Refusal 404/8522, 403/7507, or 400/8528 once it ended.
        """
        key = connection_id.casefold()
        connection = self.connections.get(key)
        owner = self._ended.get(key) if connection is None else connection.resource
        if owner is None:
            raise not_found(
                f"Call not found: there is no call connection {connection_id!r}; take the id from the answer "
                "that set the call up, or from an event of it.",
                target=field,
            )
        if owner.casefold() != resource.casefold():
            raise wrong_resource(
                f"Call connection {connection_id!r} belongs to another resource; use the key of that one.",
                target=field,
            )
        if connection is not None:
            return connection
        if reading:
            raise not_found(f"Call not found: call connection {connection_id!r} has ended.", target=field)
        raise call_terminated(
            f"Call connection {connection_id!r} has ended; nothing can be done in it any more.",
            target=field,
        )
