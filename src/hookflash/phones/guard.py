"""Who is not listened to any more: strangers that probe, flood, guess passwords or send what is no SIP.

Offences are points in a bucket that leaks. A source whose bucket runs over is banned for a while, longer each
time. Sources that a trunk is known by never get here: over UDP anybody can send in their name. For the same
reason a source that has proved to be a trunk is trusted for a while.
"""

from __future__ import annotations

import ipaddress
import logging
from collections import Counter, OrderedDict
from dataclasses import dataclass
from enum import Enum

from hookflash.ports.clock import Clock
from hookflash.sip.notices import Notices

log = logging.getLogger("hookflash.sip")

MAX_SOURCES = 8192
"""Sources remembered for what they did lately; the one that was quiet the longest goes first."""
MAX_BANS = 10_000
"""Bans in force at most; the oldest goes first."""
MAX_TRUSTED = 4096
"""Sources remembered as trunks; the one that proved it the longest ago goes first."""
TRUSTED = 86400.0
"""Seconds for which a source is trusted that has proved to be a trunk, by its password or certificate."""
MOST_BAN = 86400.0
"""Seconds of the longest ban."""
FORGIVEN = 86400.0
"""Seconds after a ban for which the next one is longer."""
SCANNERS = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sipscan",
    "sundayddr",
    "iwar",
    "sivus",
    "pplsip",
    "smap",
    "eyebeam-scan",
)
"""What scanners call themselves, in small letters."""


class Offence(Enum):
    """What strangers do, and the points it costs; 20 are a ban unless configured otherwise."""

    UNKNOWN = 1.0
    """Asks for something, and belongs to no trunk."""
    FLOOD = 0.25
    """Sends faster than is answered."""
    REGISTERING = 0.2
    """Wants to register, and does not say yet who it is."""
    MALFORMED = 2.0
    """Sends what is no SIP."""
    HANDSHAKE = 1.5
    """Fails in a TLS handshake."""
    PASSWORD = 4.0
    """Has a wrong user name or password."""
    SCANNER = 20.0
    """Calls itself a scanner."""


@dataclass(frozen=True, slots=True)
class GuardRules:
    """``points`` in a bucket that leaks ``forgiven`` a second are a ban of ``ban`` seconds, 0 for never.

    ``rate`` messages a second from one stranger are looked at, ``burst`` at once.
    """

    points: float = 20.0
    forgiven: float = 0.1
    ban: float = 600.0
    rate: float = 20.0
    burst: float = 60.0


@dataclass(frozen=True, slots=True)
class Ban:
    """One source that is not listened to: until ``until`` (of the clock), for the ``times``-th time."""

    source: str
    reason: Offence
    until: float
    times: int
    refused: int


@dataclass(slots=True)
class _Source:
    """What a source did lately: points and messages left, both as of ``seen``."""

    seen: float
    left: float
    points: float = 0.0


@dataclass(slots=True)
class _Sentence:
    reason: Offence
    until: float
    times: int
    refused: int = 0


class Guard:
    """Keeps the accounts. Sources are addresses; those of IPv6 count by their /64, which is one customer.

    Attributes:
        refused: what was not looked at, by the setting that says so: messages of a stranger beyond
            "stranger_rate"; messages and connections of who is banned ("ban_points").
    """

    def __init__(self, clock: Clock, rules: GuardRules | None = None) -> None:
        self._clock = clock
        self._rules = rules or GuardRules()
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._bans: OrderedDict[str, _Sentence] = OrderedDict()
        self._former: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._trusted: OrderedDict[str, float] = OrderedDict()
        self._notices = Notices()
        self.refused: Counter[str] = Counter(stranger_rate=0, ban_points=0)

    def trust(self, host: str) -> None:
        """An address has proved to be a trunk: its points, and a ban in its name, are forgotten.

        Only the address itself counts, not the whole /64 it is in.
        """
        address = address_of(host)
        self._trusted[address] = self._clock.now() + TRUSTED
        self._trusted.move_to_end(address)
        if len(self._trusted) > MAX_TRUSTED:
            self._trusted.popitem(last=False)
        self.clear(host)

    def trusts(self, host: str) -> bool:
        """Whether an address has lately proved to be a trunk."""
        until = self._trusted.get(address_of(host)) if self._trusted else None
        return until is not None and self._clock.now() < until

    def barred(self, host: str) -> bool:
        """Whether a source is banned; each time it is asked for counts as something refused."""
        if not self._bans:
            return False
        source = source_of(host)
        sentence = self._bans.get(source)
        if sentence is None:
            return False
        if self._clock.now() >= sentence.until:
            self._release(source)
            return False
        if self.trusts(host):
            return False
        sentence.refused += 1
        self.refused["ban_points"] += 1
        return True

    def allows(self, host: str) -> bool:
        """Whether one more message of a stranger is looked at; too many are an offence."""
        if self.trusts(host):
            return True
        account = self._account(host)
        if account.left >= 1.0:
            account.left -= 1.0
            return True
        self.refused["stranger_rate"] += 1
        self.offend(host, Offence.FLOOD)
        return False

    def excuse(self, host: str) -> None:
        """A message of a stranger belonged to a call: it does not count."""
        account = self._account(host)
        account.left = min(self._rules.burst, account.left + 1.0)

    def offend(self, host: str, offence: Offence) -> bool:
        """Put an offence to the account of a source; True when that is a ban.

        This machine itself is never banned: a proxy on it speaks for everybody. Who is banned already does
        not get another ban: what was on its way over a connection still arrives.
        """
        if ipaddress.ip_address(host.partition("%")[0]).is_loopback or self.trusts(host):
            return False
        sentence = self._bans.get(source_of(host)) if self._bans else None
        if sentence is not None and self._clock.now() < sentence.until:
            return False
        account = self._account(host)
        account.points += offence.value
        if account.points < self._rules.points or not self._rules.ban:
            return False
        account.points = 0.0
        if sentence is not None:
            self._release(source_of(host))
        self._ban(source_of(host), offence)
        return True

    def bans(self) -> list[Ban]:
        """The bans in force, the one that ends first in front."""
        now = self._clock.now()
        for source in [source for source, one in self._bans.items() if one.until <= now]:
            self._release(source)
        found = [Ban(name, one.reason, one.until, one.times, one.refused) for name, one in self._bans.items()]
        return sorted(found, key=lambda ban: ban.until)

    def clear(self, host: str | None = None) -> int:
        """Lift the ban of a source, or all, with their history; returns how many were lifted."""
        if host is None:
            count = len(self._bans)
            for memory in (self._bans, self._former, self._sources):
                memory.clear()
            return count
        try:
            source = source_of(host.partition("/")[0])
        except ValueError:
            return 0
        self._former.pop(source, None)
        self._sources.pop(source, None)
        return int(self._bans.pop(source, None) is not None)

    def _account(self, host: str) -> _Source:
        source, now, rules = source_of(host), self._clock.now(), self._rules
        account = self._sources.get(source)
        if account is None:
            account = self._sources[source] = _Source(now, rules.burst)
            if len(self._sources) > MAX_SOURCES:
                self._sources.popitem(last=False)
            return account
        self._sources.move_to_end(source)
        passed = now - account.seen
        account.seen = now
        account.left = min(rules.burst, account.left + passed * rules.rate)
        account.points = max(0.0, account.points - passed * rules.forgiven)
        return account

    def _ban(self, source: str, reason: Offence) -> None:
        now = self._clock.now()
        last, times = self._former.pop(source, (0.0, 0))
        times = times + 1 if times and now - last < FORGIVEN else 1
        seconds = min(self._rules.ban * 2.0 ** min(times - 1, 20), MOST_BAN)
        self._bans[source] = _Sentence(reason, now + seconds, times)
        if len(self._bans) > MAX_BANS:
            # Not the one that ends first: to look for it at each of many forged datagrams takes too long.
            self._release(next(iter(self._bans)))
        if (more := self._notices.due(now, "banned", source.partition("/")[0])) is not None:
            what = {"peer": source, "reason": reason.name.lower(), "seconds": round(seconds)}
            log.warning("source banned", extra=what | more)

    def _release(self, source: str) -> None:
        sentence = self._bans.pop(source)
        self._former[source] = (sentence.until, sentence.times)
        self._former.move_to_end(source)
        if len(self._former) > MAX_SOURCES:
            self._former.popitem(last=False)


def address_of(host: str) -> str:
    """An address as it is compared: without its zone, IPv4 as such. ValueError for what is no address."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def source_of(host: str) -> str:
    """What an address counts as: itself, or the /64 it is in. ValueError for what is no address."""
    address = address_of(host)
    return str(ipaddress.ip_network((address, 64), strict=False)) if ":" in address else address


def is_scanner(name: str | None) -> bool:
    """Whether a User-Agent is the name of a scanner."""
    return name is not None and any(word in name.lower() for word in SCANNERS)
