"""Where to send a request: servers of a domain by NAPTR, SRV and address records (RFC 3263).

:func:`locate` asks nothing itself. It is a generator that yields a :class:`~hookflash.ports.names.Question`,
is sent the records, and returns the places to try in their order.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass

from hookflash.ports.names import Naptr, Question, Record, RecordKind, Srv
from hookflash.sip.flow import Address

MAX_PLACES = 16
"""Places tried for one request at most."""
MAX_RECORDS = 32
"""Records of one answer that are looked at."""
MAX_QUESTIONS = 48
"""Questions asked for one request at most."""

_SERVICES = {"SIP+D2U": "UDP", "SIP+D2T": "TCP", "SIPS+D2T": "TLS"}
_PREFIXES = {"UDP": "_sip._udp", "TCP": "_sip._tcp", "TLS": "_sips._tcp"}
_PORTS = {"TLS": 5061}

Asking = Generator[Question, Sequence[Record], list["Place"]]
_Finding = Generator[Question, Sequence[Record], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """Where a request is to go.

    ``transport`` is "" when DNS may choose among ``transports``, which are those we have, the best first.
    ``port`` is None when DNS may say it. ``secure`` is for ``sips:``: TLS or nothing. ``families`` are the
    kinds of addresses we can reach, the better first.
    """

    host: str
    port: int | None = None
    transport: str = ""
    secure: bool = False
    transports: tuple[str, ...] = ("UDP", "TCP", "TLS")
    families: tuple[RecordKind, ...] = (RecordKind.A,)


@dataclass(frozen=True, slots=True)
class Place:
    """One server: a transport and an address. A certificate has to be for ``name``, the domain asked for."""

    transport: str
    address: Address
    name: str


def locate(wish: Wish, random: Callable[[], float]) -> Asking:
    """The places to try, best first (section 4); none when the domain has no server we can reach.

    ``random`` is uniform in [0, 1); it spreads requests over servers of one priority by their weights.
    """
    host = wish.host.removesuffix(".").lower()
    search = _Search(wish, host, random)
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError:
        yield from search.by_name()
    else:
        transport = search.implied()
        if transport:
            search.add(transport, address, wish.port or _PORTS.get(transport, 5060))
    return search.places


class _Search:
    """One search: what has been found, and how much has been asked."""

    def __init__(self, wish: Wish, host: str, random: Callable[[], float]) -> None:
        self._wish = wish
        self._host = host
        self._random = random
        self._questions = 0
        self.places: list[Place] = []

    def implied(self) -> str:
        """The transport where DNS is not asked for one (section 4.1); "" when we do not have it."""
        wish = self._wish
        transport = wish.transport or ("TLS" if wish.secure else "UDP")
        if not wish.transport and not wish.secure and "UDP" not in wish.transports:
            transport = next(iter(wish.transports), "")
        return transport if transport in wish.transports and self._allowed(transport) else ""

    def by_name(self) -> _Finding:
        wish = self._wish
        if wish.port is not None:
            transport = self.implied()
            if transport:
                yield from self._addresses(transport, self._host, wish.port)
            return
        transports = [t for t in wish.transports if self._allowed(t) and wish.transport in ("", t)]
        if not wish.transport:
            services = yield from self._services()
            if services:
                for transport, name in services:
                    yield from self._servers(transport, name)
                return
        described = False
        for transport in transports:
            described |= yield from self._servers(transport, f"{_PREFIXES[transport]}.{self._host}")
        if not described and (transport := self.implied()):
            yield from self._addresses(transport, self._host, _PORTS.get(transport, 5060))

    def add(self, transport: str, address: str, port: int) -> None:
        place = Place(transport, (address, port), self._host)
        if place not in self.places and len(self.places) < MAX_PLACES:
            self.places.append(place)

    def _allowed(self, transport: str) -> bool:
        return transport == "TLS" or not self._wish.secure

    def _ask(self, name: str, kind: RecordKind) -> Generator[Question, Sequence[Record], Sequence[Record]]:
        if self._questions >= MAX_QUESTIONS or len(self.places) >= MAX_PLACES:
            return ()
        self._questions += 1
        records = yield Question(name, kind)
        return records[:MAX_RECORDS]

    def _services(self) -> Generator[Question, Sequence[Record], list[tuple[str, str]]]:
        """Transports with the names of their SRV records, as the domain prefers them (section 4.1)."""
        records = yield from self._ask(self._host, RecordKind.NAPTR)
        found: list[tuple[int, int, str, str]] = []
        for record in records:
            if not isinstance(record, Naptr) or record.flags.lower() != "s" or record.regexp:
                continue
            transport = _SERVICES.get(record.service.upper(), "")
            if record.replacement and transport in self._wish.transports and self._allowed(transport):
                found.append((record.order, record.preference, transport, record.replacement))
        return [(transport, name) for _, _, transport, name in sorted(found)]

    def _servers(self, transport: str, name: str) -> Generator[Question, Sequence[Record], bool]:
        """Add the servers SRV records name; True when there are such records, be it to say there is none."""
        records = yield from self._ask(name, RecordKind.SRV)
        servers = [record for record in records if isinstance(record, Srv)]
        for server in ordered(servers, self._random):
            if server.target and server.port:
                yield from self._addresses(transport, server.target, server.port)
        return bool(servers)

    def _addresses(self, transport: str, name: str, port: int) -> _Finding:
        for kind in self._wish.families:
            records = yield from self._ask(name, kind)
            for record in records:
                if isinstance(record, str):
                    self.add(transport, record, port)


def ordered(servers: Iterable[Srv], random: Callable[[], float]) -> list[Srv]:
    """SRV records in the order in which to try them (RFC 2782): by rising priority, and within one each next
    with a chance in proportion to its weight. Those of weight 0 have a very small one.
    """
    found: list[Srv] = []
    groups: dict[int, list[Srv]] = {}
    for server in servers:
        groups.setdefault(server.priority, []).append(server)
    for priority in sorted(groups):
        left = sorted(groups[priority], key=lambda server: server.weight != 0)
        while left:
            total = sum(server.weight for server in left)
            # A whole number from 0 to the total, both included, as the RFC has it.
            drawn = int(random() * (total + 1))
            running = 0
            for server in left:
                running += server.weight
                if running >= drawn:
                    break
            left.remove(server)
            found.append(server)
    return found
