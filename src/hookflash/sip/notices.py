"""Which of the lines about what peers do wrong go into the log: a peer must not be able to fill it."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

BURST = 5
"""Lines about the same matter and source that are written at once."""
EVERY = 10.0
"""Seconds after which there may be one more."""
ALL = 200
"""Lines about all sources together that are written at once; a twentieth of it a second from then on."""
WHOLE = 1.0 - 1e-9
"""Sums of small pieces of time miss a whole line by a rounding error."""
MAX_ACCOUNTS = 4096
"""Matters and sources remembered; the one that was quiet the longest goes first."""


@dataclass(slots=True)
class _Account:
    seen: float
    left: float
    held_back: int = 0


class Notices:
    """Keeps the accounts. Sources of IPv6 count by their /64."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[tuple[str, str], _Account] = OrderedDict()
        self._all = _Account(0.0, ALL)

    def __len__(self) -> int:
        return len(self._accounts)

    def due(self, now: float, matter: str, host: str) -> dict[str, object] | None:
        """None when a line about a matter of an address is to be left out; otherwise what to add to it: how
        many were left out before it, where there were any. ``now`` is in seconds.
        """
        key = (matter, network_of(host))
        account = self._accounts.get(key)
        if account is None:
            account = self._accounts[key] = _Account(now, BURST)
            if len(self._accounts) > MAX_ACCOUNTS:
                self._accounts.popitem(last=False)
        else:
            self._accounts.move_to_end(key)
        _refill(account, now, 1 / EVERY, BURST)
        _refill(self._all, now, ALL / 20, ALL)
        if min(account.left, self._all.left) < WHOLE:
            account.held_back += 1
            return None
        account.left -= 1.0
        self._all.left -= 1.0
        held_back, account.held_back = account.held_back, 0
        return {"left_out": held_back} if held_back else {}


def network_of(host: str) -> str:
    """What an address counts as: itself, or the /64 of IPv6 it is in, which is one customer.

    What is no address stays as it is.
    """
    if ":" not in host or "/" in host:
        return host
    return str(ipaddress.ip_network((host.partition("%")[0], 64), strict=False))


def _refill(account: _Account, now: float, rate: float, most: float) -> None:
    account.left = min(most, account.left + max(0.0, now - account.seen) * rate)
    account.seen = max(account.seen, now)
