"""Where a message comes from and goes to, and what the core hands back to be sent."""

from __future__ import annotations

from typing import NamedTuple

Address = tuple[str, int]
"""A host (IP literal, IPv6 without brackets) and a port."""


class Flow(NamedTuple):
    """One path between us and a peer.

    ``transport`` is "UDP" or "TCP". ``local`` is the address the peer can reach us at (what we write into Via
    and Contact), ``remote`` the peer's. ``connection`` numbers an open TCP connection; 0 means "whichever
    connection leads to ``remote``, opened when there is none".
    """

    transport: str
    local: Address
    remote: Address
    connection: int = 0

    @property
    def reliable(self) -> bool:
        """Whether the transport itself retransmits (RFC 3261 section 17)."""
        return self.transport != "UDP"

    def towards(self, remote: Address) -> Flow:
        """The same kind of path to another address, on no particular connection."""
        return Flow(self.transport, self.local, remote)


class Send(NamedTuple):
    """One whole message to put on the network."""

    data: bytes
    flow: Flow
