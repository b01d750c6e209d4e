"""Where a message comes from and goes to, and what the core hands back to be sent."""

from __future__ import annotations

from typing import NamedTuple

Address = tuple[str, int]
"""A host (IP literal, IPv6 without brackets) and a port."""


class Flow(NamedTuple):
    """One path between us and a peer.

    ``transport`` is "UDP", "TCP", "TLS", "WS" or "WSS". ``local`` is the address the peer can reach us at
    (what we write into Via and Contact), ``remote`` the peer's. ``connection`` numbers an open connection; 0
    means "whichever connection leads to ``remote``, opened when there is none".

    ``name`` is the domain we want to reach, which a TLS server has to show in its certificate; "" is none but
    the address itself. ``shown`` are the domains a peer has proved to be by its certificate (RFC 5922).
    """

    transport: str
    local: Address
    remote: Address
    connection: int = 0
    name: str = ""
    shown: tuple[str, ...] = ()

    @property
    def secure(self) -> bool:
        """Whether nobody on the way can read along."""
        return self.transport in ("TLS", "WSS")

    @property
    def reliable(self) -> bool:
        """Whether the transport itself retransmits (RFC 3261 section 17)."""
        return self.transport != "UDP"

    def towards(self, remote: Address) -> Flow:
        """The same kind of path to another address, on no particular connection.

        Whoever is there has to be who was reached, or who proved who it is, on this one.
        """
        if remote == self.remote and not self.connection and not self.shown:
            return self
        return Flow(self.transport, self.local, remote, 0, self.name or (self.shown[0] if self.shown else ""))


class Send(NamedTuple):
    """One whole message to put on the network."""

    data: bytes
    flow: Flow

    def __repr__(self) -> str:
        """Without what is said: it may hold keys and credentials."""
        return f"Send({len(self.data)} bytes, {self.flow!r})"
