"""How many calls one source may have coming in at a time, so that nobody takes the ports of everybody else.

Trunks have limits of their own. A registered phone is one source wherever it calls from, everybody else
counts by the address, or by the /64 it is in.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from hookflash.phones.guard import source_of
from hookflash.ports.clock import Clock
from hookflash.sip.notices import Notices
from hookflash.sip.sdp import is_loopback
from hookflash.sip.stateless import BriefAnswer

log = logging.getLogger("hookflash.sip")

FULL_FOR = 5
"""Seconds after which a caller who has too many calls may try again (Retry-After)."""


def source_of_phone(username: str) -> str:
    """What the calls of a registered phone count for."""
    return f"phone {username}"


def source_of_stranger(host: str) -> str:
    """What the calls from an address count for; "" for this machine: a proxy on it speaks for everybody."""
    return "" if is_loopback(host) else source_of(host)


class CallCaps:
    """Refuses what is beyond ``most`` calls; ``active`` says how many a source has now.

    Attributes:
        refused: calls so far that were.
    """

    def __init__(self, most: int, active: Callable[[str], int], clock: Clock) -> None:
        self._most = most
        self._active = active
        self._clock = clock
        self._notices = Notices()
        self.refused = 0

    def refuses(self, source: str) -> BriefAnswer | None:
        """The answer to one call more of a source, None when it may have it."""
        if not source or self._active(source) < self._most:
            return None
        self.refused += 1
        if (more := self._notices.due(self._clock.now(), "calls", source)) is not None:
            why = f"it has {self._most} calls, as many as sip.calls_per_source allows"
            log.warning("call refused", extra={"peer": source, "problem": why} | more)
        return BriefAnswer(503, "", (("Retry-After", str(FULL_FOR)),))
