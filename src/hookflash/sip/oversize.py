"""Requests too large for UDP go over TCP, and back to UDP if nobody takes that (RFC 3261 section 18.1.1)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from hookflash.sip.flow import Address, Flow
from hookflash.sip.message import Request

MAX_DATAGRAM = 1300
"""Bytes from which on a request does not go over UDP: it might not fit into one packet of the network."""
REMEMBERED = 600.0
"""Seconds for which somebody who took no TCP is not asked for it again."""
MAX_REMEMBERED = 1024


class Oversize:
    """Chooses between UDP and TCP. ``limit`` is the longest datagram in bytes.

    Attributes:
        stays: says of a flow over UDP that everything goes over it, however large.
    """

    def __init__(self, limit: int = MAX_DATAGRAM) -> None:
        self._limit = limit
        self.stays: Callable[[Flow], bool] = lambda flow: False
        self._refused: OrderedDict[Address, float] = OrderedDict()

    def path(self, now: float, size: int, flow: Flow) -> Flow:
        """The flow that ``size`` bytes go over which are meant for ``flow``."""
        if flow.transport != "UDP" or size <= self._limit:
            return flow
        if now < self._refused.get(flow.remote, now) or self.stays(flow):
            return flow
        return flow._replace(transport="TCP")

    def refused(self, now: float, remote: Address) -> None:
        """Somebody takes no TCP connection, or says nothing over it."""
        self._refused[remote] = now + REMEMBERED
        self._refused.move_to_end(remote)
        while len(self._refused) > MAX_REMEMBERED:
            self._refused.popitem(last=False)


def readdress(request: Request, flow: Flow) -> None:
    """Let the top Via name the transport of a flow; its branch stays."""
    request.headers.replace_first("Via", str(replace(request.via, transport=flow.transport)))
