"""The connections of others to us: how many there may be."""

from __future__ import annotations

import logging
from collections import Counter

from hookflash.ports.clock import Clock
from hookflash.sip.flow import Address
from hookflash.sip.notices import Notices, network_of
from hookflash.sip.transports.limits import Handlers, Limits

log = logging.getLogger("hookflash.sip")


class Visitors:
    """Counts them, by where they come from.

    Attributes:
        refused: connections that were not let in, by the limit that said so.
    """

    def __init__(self, handlers: Handlers, clock: Clock, limits: Limits, notices: Notices) -> None:
        self._handlers = handlers
        self._clock = clock
        self._limits = limits
        self._held: Counter[str] = Counter()
        self._notices = notices
        self.refused: Counter[str] = Counter(connections=0, connections_per_source=0)

    @property
    def count(self) -> int:
        """How many there are."""
        return self._held.total()

    def admit(self, peer: Address) -> bool:
        """Count somebody in who connects to us; False when there are too many, nothing is counted then."""
        held, limits = self._held, self._limits
        if self._handlers.is_barred(peer[0]):
            return False
        source = network_of(peer[0])
        full = held.total() >= limits.connections and not self._handlers.is_known(peer[0])
        if full or held[source] >= limits.per_peer:
            name, most = (
                ("connections", limits.connections) if full else ("connections_per_source", limits.per_peer)
            )
            self.refused[name] += 1
            if (more := self._notices.due(self._clock.now(), "connections", peer[0])) is not None:
                what = {"peer": peer[0], "limit": name, "most": most}
                log.warning("too many connections", extra=what | more)
            return False
        held[source] += 1
        return True

    def release(self, peer: Address) -> None:
        """Count somebody out who was admitted."""
        source = network_of(peer[0])
        self._held[source] -= 1
        if not self._held[source]:
            del self._held[source]
