"""Names by DNS, with dnspython; the hosts file and the system's own resolver for what DNS does not know."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from pathlib import Path

import dns.asyncresolver
import dns.exception
import dns.rdatatype
import dns.resolver
from dns.rdtypes.IN.NAPTR import NAPTR
from dns.rdtypes.IN.SRV import SRV

from hookflash.phones.hosts import HostsFile
from hookflash.ports.names import Answer, Naptr, Question, Record, RecordKind, Srv
from hookflash.sip.flow import Address

TIMEOUT = 4.0
"""Seconds for one question, all servers and repetitions together."""
NOTHING_TTL = 30.0
"""Seconds for which a name that is not there stays so."""
LOCAL_TTL = 30.0
"""Seconds for which an answer of the system is taken."""
MAX_RECORDS = 64

_HOSTS = Path("/etc/hosts")
_FAMILIES = {RecordKind.A: socket.AF_INET, RecordKind.AAAA: socket.AF_INET6}


class DnsNames:
    """Implements :class:`~hookflash.ports.names.Names`.

    Args:
        servers: whom to ask; those of the system (``/etc/resolv.conf``) when empty.
        hosts: the file whose addresses come before those of DNS.
    """

    def __init__(self, servers: Iterable[Address] = (), hosts: Path = _HOSTS) -> None:
        self._servers = list(servers)
        self._hosts = HostsFile(hosts)
        self._resolver: dns.asyncresolver.Resolver | None = None

    async def ask(self, question: Question) -> Answer:
        """Ask. OSError when no server answers within :data:`TIMEOUT`, or answers that it failed."""
        family = _FAMILIES.get(question.kind)
        if family is not None:
            found = await self._hosts.find(question.name, 4 if question.kind is RecordKind.A else 6)
            if found:
                return Answer(found, LOCAL_TTL)
            if _is_local(question.name):
                return await _by_system(question.name, family)
        elif _is_local(question.name):
            return Answer((), LOCAL_TTL)
        return await self._by_dns(question)

    async def _by_dns(self, question: Question) -> Answer:
        try:
            if self._resolver is None:
                self._resolver = self._make()
            # Absolute: the search list of the system is for people who type half a name.
            answer = await self._resolver.resolve(
                question.name + ".", question.kind.value, raise_on_no_answer=False, lifetime=TIMEOUT
            )
        except dns.resolver.NXDOMAIN:
            return Answer((), NOTHING_TTL)
        except (dns.exception.DNSException, UnicodeError, ValueError) as error:
            raise OSError(f"{question.kind.value} of {question.name}: {_said(error)}") from error
        if answer.rrset is None:
            return Answer((), NOTHING_TTL)
        records = [record for item in list(answer.rrset)[:MAX_RECORDS] if (record := _record(item))]
        return Answer(tuple(records), float(answer.rrset.ttl))

    def _make(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=not self._servers)
        if self._servers:
            resolver.nameservers = [host for host, _ in self._servers]
            resolver.nameserver_ports = dict(self._servers)
        resolver.timeout = TIMEOUT / 3
        return resolver


def _is_local(name: str) -> bool:
    """Whether a name, that of a service of it included, is of this machine or its neighbours: not in DNS."""
    labels = [label for label in name.lower().split(".") if not label.startswith("_")]
    return len(labels) < 2 or labels[-1] in ("local", "localhost")


async def _by_system(name: str, family: int) -> Answer:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(name, None, family=family, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
            return Answer((), NOTHING_TTL)
        raise
    except UnicodeError as error:
        # A label that is too long, or empty.
        raise OSError(f"{name} is no name that can be looked up: {error}") from error
    addresses = dict.fromkeys(str(one[4][0]) for one in found[:MAX_RECORDS])
    return Answer(tuple(addresses), LOCAL_TTL)


def _record(item: object) -> Record | None:
    if isinstance(item, SRV):
        return Srv(item.priority, item.weight, item.port, item.target.to_text(omit_final_dot=True).strip("."))
    if isinstance(item, NAPTR):
        return Naptr(
            item.order,
            item.preference,
            item.flags.decode("latin-1"),
            item.service.decode("latin-1"),
            item.replacement.to_text(omit_final_dot=True).strip("."),
            item.regexp.decode("latin-1"),
        )
    address = getattr(item, "address", None)
    return address if isinstance(address, str) else None


def _said(error: Exception) -> str:
    if isinstance(error, dns.resolver.LifetimeTimeout):
        return f"no name server answered within {TIMEOUT:g} s"
    if isinstance(error, dns.resolver.NoNameservers):
        return "the name servers could not answer"
    return str(error) or type(error).__name__
