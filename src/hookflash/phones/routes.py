"""Choosing trunks: by number for calls out, by source address for calls in."""

from __future__ import annotations

import ipaddress
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from hookflash.phones.config import RouteConfig, TrunkConfig
from hookflash.phones.rewriting import PatternError, check, compiled, rewritten
from hookflash.sip.certificates import matching
from hookflash.sip.flow import Flow

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


LEARNT = 3600.0
"""Seconds for which an address stays that of a trunk after its name last stood for it."""
MAX_LEARNT = 4096
"""Addresses learnt of names; the one that was named the longest ago goes first."""


class RouteError(ValueError):
    """A route or trunk that cannot work; the message names it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A trunk that may take a call, and what to dial there."""

    trunk: TrunkConfig
    number: str


class Routes:
    """The route table. Raises :class:`RouteError` for unknown trunks and broken patterns."""

    def __init__(self, trunks: tuple[TrunkConfig, ...], routes: tuple[RouteConfig, ...]) -> None:
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._routes = [
            (_compile(route), route, self._trunk(route))
            for route in sorted(routes, key=lambda route: route.priority)
        ]

    def _trunk(self, route: RouteConfig) -> TrunkConfig:
        if route.trunk not in self._trunks:
            known = ", ".join(sorted(self._trunks)) or "none"
            raise RouteError(
                f'route "{route.pattern}" names trunk "{route.trunk}", which is not configured; '
                f"trunks are: {known}"
            )
        return self._trunks[route.trunk]

    def choices(self, number: str) -> list[Choice]:
        """The trunks for an E.164 number, best first, each trunk once."""
        found: dict[str, Choice] = {}
        for pattern, route, trunk in self._routes:
            match = pattern.fullmatch(number)
            if match is not None and trunk.name not in found:
                usual = rewritten(number, trunk.dial_rewrite)
                found[trunk.name] = Choice(trunk, match.expand(route.rewrite) if route.rewrite else usual)
        return list(found.values())


def _compile(route: RouteConfig) -> re.Pattern[str]:
    try:
        check(route.pattern, route.rewrite)
        return compiled(route.pattern)
    except PatternError as error:
        raise RouteError(
            f'route "{route.pattern}" does not compile: {error}; write a prefix or a regular expression'
        ) from None


class Sources:
    """Which trunk a call comes from: by what its certificate proves, else by its source address.

    The addresses of the targets of a trunk over TLS count over connections only; over UDP it takes one that
    it allows. Over WebSockets no address counts.

    ``wildcards`` as for :func:`hookflash.sip.certificates.matching`; ``now`` tells the time in seconds.
    """

    def __init__(
        self,
        trunks: tuple[TrunkConfig, ...],
        *,
        wildcards: bool = False,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._wildcards = wildcards
        self._now = now
        self._learnt: OrderedDict[str, tuple[TrunkConfig, float]] = OrderedDict()
        self._domains = [
            (tuple(host for host, _ in trunk.targets), trunk) for trunk in trunks if trunk.transport == "TLS"
        ]
        self._known: list[tuple[Network, TrunkConfig]] = []
        self._resolved: dict[str, TrunkConfig] = {}
        for trunk in trunks:
            for text in trunk.allow:
                try:
                    self._known.append((ipaddress.ip_network(text, strict=False), trunk))
                except ValueError as error:
                    raise RouteError(
                        f'trunk "{trunk.name}" allows "{text}", which is no address or network: {error}'
                    ) from None
            for host, _ in trunk.targets:
                address = _address(host)
                if address is not None:
                    self._resolved.setdefault(address, trunk)

    def learn(self, host: str, trunk: TrunkConfig) -> None:
        """Remember for :data:`LEARNT` seconds an address that the name of a target of a trunk stands for.

        Not for ever: where addresses are rented, the next to have it is somebody else. An address that is
        another trunk's stays that one's.
        """
        address, now = _address(host), self._now()
        if address is None:
            return
        known, until = self._learnt.get(address, (trunk, 0.0))
        if known is not trunk and now < until:
            return
        self._learnt[address] = (trunk, now + LEARNT)
        self._learnt.move_to_end(address)
        if len(self._learnt) > MAX_LEARNT:
            self._learnt.popitem(last=False)

    def forget(self, gone: Callable[[TrunkConfig], bool]) -> None:
        """Forget what was learnt of trunks that are no more."""
        for address in [address for address, (trunk, _) in self._learnt.items() if gone(trunk)]:
            del self._learnt[address]

    def keep(self, trunk: TrunkConfig) -> None:
        """The names of a trunk could not be looked up: what they stood for last holds on."""
        for address, (known, until) in list(self._learnt.items()):
            if known is trunk and self._now() < until:
                self.learn(address, trunk)

    def of(self, flow: Flow) -> TrunkConfig | None:
        """The trunk at the other end of a flow; None for a stranger."""
        if flow.shown:
            for domains, trunk in self._domains:
                if matching(flow.shown, domains, wildcards=self._wildcards) is not None:
                    return trunk
        if flow.transport in ("WS", "WSS"):
            # Any page that is open at a trunk's address could be it.
            return None
        found = self.trunk(flow.remote[0])
        if found is not None and found.transport == "TLS" and flow.transport == "UDP":
            # Anybody can send in its name, which is what it has TLS for.
            return self._allowed(flow.remote[0])
        return found

    def trunk(self, host: str) -> TrunkConfig | None:
        """The trunk that sends from ``host``; None for a stranger."""
        address = _address(host)
        if address is None:
            return None
        known = self._resolved.get(address)
        if known is not None:
            return known
        learnt, until = self._learnt.get(address, (None, 0.0))
        if learnt is not None and self._now() < until:
            return learnt
        return self._allowed(address)

    def _allowed(self, host: str) -> TrunkConfig | None:
        """The trunk whose configuration lists ``host`` as an address of its calls."""
        address = ipaddress.ip_address(_address(host) or host)
        for network, trunk in self._known:
            if address in network:
                return trunk
        return None


@lru_cache(1024)
def _address(host: str) -> str | None:
    """An address in the words it is compared in: IPv4 as such, without a zone; None for a name."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
