"""Which of our addresses a peer can reach us at."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections import OrderedDict

from hookflash.ports.names import RecordKind
from hookflash.sip.flow import Address

_REMEMBERED = 4096
_UNSPECIFIED = ("0.0.0.0", "::")
"""All of our addresses, as the system writes them."""
_DEFAULT_PORTS = {"TLS": 5061, "WSS": 443, "WS": 80}


class Interfaces:
    """The addresses we are bound to, by transport and family.

    ``external`` is what peers are told to reach us at instead; an address only those of its family.
    """

    def __init__(self, external: str = "") -> None:
        self._external = external
        self._external_v6: bool | None = None
        with contextlib.suppress(ValueError):
            self._external_v6 = ipaddress.ip_address(external).version == 6
        self._bound: dict[str, dict[bool, Address]] = {}
        self._leading: OrderedDict[str, str] = OrderedDict()

    def bind(self, transport: str, bound: Address) -> None:
        """Say where a transport listens."""
        self._bound.setdefault(transport, {})[":" in bound[0]] = bound

    @property
    def transports(self) -> list[str]:
        """Those that listen."""
        return list(self._bound)

    def listens(self, transport: str) -> bool:
        """Whether a transport listens at all."""
        return transport in self._bound

    def families(self, transport: str) -> tuple[RecordKind, ...]:
        """Kinds of addresses a transport reaches: IPv6 before IPv4 where there are both."""
        bound = self._bound.get(transport, {})
        return tuple(kind for v6, kind in ((True, RecordKind.AAAA), (False, RecordKind.A)) if v6 in bound)

    def local(self, transport: str, remote: str) -> Address:
        """Where ``remote`` can reach us over a transport, for Via and Contact."""
        v6 = ":" in remote
        bound = self._bound.get(transport, {})
        default = ("::" if v6 else "0.0.0.0", _DEFAULT_PORTS.get(transport, 5060))
        host, port = bound.get(v6) or next(iter(bound.values()), default)
        if self._external and self._external_v6 in (None, v6):
            return (self._external, port)
        return (self._interface(host, remote), port)

    def _interface(self, bound: str, remote: str) -> str:
        """The address of the interface that leads to ``remote`` when we are bound to all of them."""
        if bound not in _UNSPECIFIED:
            return bound
        known = self._leading.get(remote)
        if known is not None:
            self._leading.move_to_end(remote)
            return known
        with socket.socket(socket.AF_INET6 if ":" in bound else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((remote, 9))
                own = str(probe.getsockname()[0])
            except OSError:
                return bound
        self._leading[remote] = own
        if len(self._leading) > _REMEMBERED:
            self._leading.popitem(last=False)
        return own
