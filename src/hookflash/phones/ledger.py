"""What calls out cost, by account: units within a rolling day, and calls within a minute.

An account's running calls cost so many units a second between them, so that nothing has to be done while they
go on; what has come together is settled whenever somebody looks. Spending is kept by the hour.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from hookflash.ports.clock import Clock, Timer

HOUR = 3600
DAY_HOURS = 24
"""Whole hours that count beside the one that runs: never less than a day."""
MINUTE = 60.0
SETTLE = 60.0
"""Seconds after which what runs is settled and kept: as much is lost when the process is killed."""
_STILL = 1e-9
"""Units that are none: what rounding leaves."""

Save = Callable[[str, bytes | None], None]
"""Keeps the document of an account, or forgets it."""
Hours = dict[int, float]
"""Units by the hour, counted in hours of Unix time."""


class Kept(msgspec.Struct):
    """The document of an account."""

    hours: Hours


_decode = msgspec.json.Decoder(Kept, strict=False).decode


@dataclass(slots=True)
class Account:
    """``rate`` is what its running calls cost, in units a second, settled up to ``settled``."""

    hours: Hours = field(default_factory=dict)
    rate: float = 0.0
    settled: float = 0.0
    legs: dict[int, float] = field(default_factory=dict)
    """The rate of each leg that is up."""
    minute: deque[list[float]] = field(default_factory=deque)
    """When calls began, to the second, and how many."""
    dirty: bool = False


class Ledger:
    """The accounts, by name. ``save`` is told of every account that has changed, once in :data:`SETTLE`."""

    def __init__(self, clock: Clock, save: Save | None = None) -> None:
        self._clock = clock
        self._save = save
        self._accounts: dict[str, Account] = {}
        self._timer: Timer | None = None

    def load(self, documents: Mapping[str, bytes]) -> None:
        """Go on with what was kept; what is older than a day, or cannot be read, is forgotten."""
        for name, body in documents.items():
            try:
                hours = _decode(body).hours
            except (msgspec.MsgspecError, UnicodeDecodeError):
                hours = {}
            account = Account(dict(hours), settled=self._clock.now())
            self._forget_old(account)
            if account.hours:
                self._accounts[name] = account
            elif self._save is not None:
                self._save(name, None)

    @property
    def names(self) -> list[str]:
        """The accounts with something in them."""
        return [name for name, one in self._accounts.items() if self.spent(name) or one.legs or one.minute]

    def spent(self, name: str) -> float:
        """Units within a day, running calls included."""
        account = self._accounts.get(name)
        if account is None:
            return 0.0
        self._settle(account)
        self._forget_old(account)
        return sum(account.hours.values())

    def rate(self, name: str) -> float:
        """Units a second that running calls cost now."""
        account = self._accounts.get(name)
        return account.rate if account is not None else 0.0

    def running(self, name: str) -> list[int]:
        """The legs that are up at the expense of an account, in the order in which they came up."""
        account = self._accounts.get(name)
        return list(account.legs) if account is not None else []

    def lately(self, name: str) -> int:
        """Calls begun within a minute."""
        account = self._accounts.get(name)
        if account is None:
            return 0
        since = self._clock.now() - MINUTE
        while account.minute and account.minute[0][0] <= since:
            account.minute.popleft()
        return int(sum(count for _, count in account.minute))

    def began(self, name: str) -> None:
        """One more call has begun."""
        account, now = self._of(name), self._clock.now()
        if account.minute and now - account.minute[-1][0] < 1.0:
            account.minute[-1][1] += 1
        else:
            account.minute.append([now, 1])

    def up(self, name: str, leg: int, rate: float) -> None:
        """A call is up and costs so many units a second from now on."""
        account = self._of(name)
        self._settle(account)
        account.legs[leg] = rate
        account.rate += rate
        if self._timer is None and self._save is not None:
            self._arm()

    def over(self, name: str, leg: int) -> None:
        """A call has ended; nothing happens for one that is not up."""
        account = self._accounts.get(name)
        if account is None or leg not in account.legs:
            return
        self._settle(account)
        account.rate -= account.legs.pop(leg)
        if not account.legs:
            account.rate = 0.0
            self._keep(name, account)

    def settle(self) -> None:
        """Put down what running calls have cost up to now, and keep it."""
        for name, account in list(self._accounts.items()):
            self._settle(account)
            self._forget_old(account)
            self._keep(name, account)
            if not account.hours and not account.legs and not self.lately(name):
                del self._accounts[name]

    def close(self) -> None:
        """Settle for the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.settle()

    # --- inside ---------------------------------------------------------------------------------------------

    def _of(self, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = Account(settled=self._clock.now())
        return account

    def _settle(self, account: Account) -> None:
        now = self._clock.now()
        units = account.rate * (now - account.settled)
        account.settled = now
        if units > _STILL:
            hour = int(self._clock.wall() // HOUR)
            account.hours[hour] = account.hours.get(hour, 0.0) + units
            account.dirty = True

    def _forget_old(self, account: Account) -> None:
        """Hours that are over for a day; and those to come, which a clock that was wrong has left behind."""
        now = int(self._clock.wall() // HOUR)
        for hour in [one for one in account.hours if not now - DAY_HOURS <= one <= now]:
            del account.hours[hour]
            account.dirty = True

    def _keep(self, name: str, account: Account) -> None:
        if account.dirty and self._save is not None:
            self._save(name, msgspec.json.encode(Kept(account.hours)) if account.hours else None)
        account.dirty = False

    def _arm(self) -> None:
        self._timer = self._clock.call_at(self._clock.now() + SETTLE, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.settle()
        if any(account.legs for account in self._accounts.values()):
            self._arm()
