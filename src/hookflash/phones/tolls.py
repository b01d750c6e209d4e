"""The one gate that every call out to a trunk passes: where to, how many a minute, and at what expense a day.

However a call comes about (an app creates it, adds somebody, transfers, redirects; a phone dials or refers),
it goes out as one effect on a leg, and that is asked about here.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hookflash.calls.facts import Cause
from hookflash.phones.callers import Owner, nobody
from hookflash.phones.causes import NOT_ALLOWED
from hookflash.phones.ledger import Ledger, Save
from hookflash.phones.rewriting import matches
from hookflash.ports.clock import Clock, Timer
from hookflash.sip.grammar import printable

log = logging.getLogger("hookflash.sip")

REASONS = ("prefix", "rate", "spend")
"""Why a call may not go out."""
_E164 = re.compile(r"\+[1-9][0-9]{1,14}")
_SEPARATORS = str.maketrans("", "", "-.() ")


@dataclass(frozen=True, slots=True)
class NumberRules:
    """What holds for calls from one number instead of what holds for all; None is what holds for all."""

    allowed: tuple[str, ...] | None = None
    calls_per_minute: int | None = None
    units_per_day: float | None = None


@dataclass(frozen=True, slots=True)
class TollRules:
    """Where calls may go, and at what expense; 0 of any bound is none.

    ``allowed`` and ``denied`` are patterns of numbers; denied ones go before allowed ones, and all are
    allowed where none are named. ``prices`` are units a minute by prefix, the longest that fits counting, and
    ``price`` those of all other numbers. ``end_calls`` ends calls that are up when a day's units are spent.
    """

    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    calls_per_minute: int = 0
    resource_calls_per_minute: int = 0
    units_per_day: float = 0.0
    resource_units_per_day: float = 0.0
    price: float = 1.0
    prices: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    end_calls: bool = False
    numbers: Mapping[str, NumberRules] = field(default_factory=lambda: MappingProxyType({}))

    def price_of(self, number: str) -> float:
        """Units a minute of a call to a number."""
        fitting = [
            (len(prefix), price)
            for written, price in self.prices.items()
            if number.startswith(prefix := written.removesuffix("*"))
        ]
        return max(fitting)[1] if fitting else self.price


@dataclass(frozen=True, slots=True)
class Toll:
    """One account as it is seen: ``kind`` is "number", "others" (numbers nobody owns) or "resource"."""

    kind: str
    number: str
    resource: str
    calls_last_minute: int
    calls_per_minute: int
    running: int
    spent: float
    units_per_day: float


@dataclass(slots=True)
class _Call:
    accounts: tuple[str, ...]
    rate: float


class TollGate:
    """Lets calls out, or says why not.

    ``end`` is told which legs have to end because a day's units are spent; ``save`` as for
    :class:`~hookflash.phones.ledger.Ledger`.
    """

    def __init__(
        self, clock: Clock, rules: TollRules | None = None, owner: Owner = nobody, save: Save | None = None
    ) -> None:
        self._clock = clock
        self._rules = rules or TollRules()
        self._owner = owner
        self._calls: dict[int, _Call] = {}
        self._timers: dict[str, Timer] = {}
        self.ledger = Ledger(clock, save)
        self.refused: Counter[str] = Counter(dict.fromkeys(REASONS, 0))
        self.ended = 0
        """Calls ended because a day's units were spent."""
        self.end: Callable[[int, Cause], None] = lambda leg, cause: None

    def become(self, rules: TollRules) -> None:
        """Go by other rules from now on; running calls keep their price."""
        self._rules = rules
        for name in self.ledger.names:
            self._watch(name)

    def admit(self, leg: int, number: str, caller: str | None, resource: str) -> Cause | None:
        """Whether a leg may call a number; None lets it, otherwise the cause to fail it with."""
        refusal = self._refusal(number, caller, resource)
        if refusal is not None:
            reason, what = refusal
            self.refused[reason] += 1
            shown = {"leg": leg, "to": printable(number), "caller": printable(caller or ""), "why": reason}
            log.warning("call not allowed", extra=shown | {"resource": resource})
            return Cause(403, what, NOT_ALLOWED)
        accounts = self._accounts(caller, resource)
        for account in accounts:
            self.ledger.began(account)
        self._calls[leg] = _Call(accounts, self._rules.price_of(number) / 60.0)
        return None

    def forbids(self, number: str, caller: str | None) -> str:
        """Why a number may not be called, "" when it may: for one that a call is sent on to."""
        rules, own = self._rules, self._own(caller)
        allowed = rules.allowed if own.allowed is None else own.allowed
        if not allowed and not rules.denied:
            return ""
        plain = number.translate(_SEPARATORS)
        shown = printable(number)
        if matches(plain, rules.denied):
            return f"calls to {shown} are denied by the configuration (tolls.denied)"
        if allowed and not matches(plain, allowed):
            return f"calls to {shown} are not among those that the configuration allows (tolls.allowed)"
        # Otherwise 00 or a trunk's own code would lead past what is denied.
        if not allowed and _E164.fullmatch(plain) is None:
            return f"{shown} is no E.164 number, so that it cannot be said whether it may be called"
        return ""

    def up(self, leg: int) -> None:
        """A leg is up: it costs something from now on."""
        call = self._calls.get(leg)
        if call is not None:
            for account in call.accounts:
                self.ledger.up(account, leg, call.rate)
                self._watch(account)

    def gone(self, leg: int) -> None:
        """A leg is over, however that came about."""
        call = self._calls.pop(leg, None)
        if call is not None:
            for account in call.accounts:
                self.ledger.over(account, leg)
                self._watch(account)

    def view(self) -> list[Toll]:
        """Every account with something in it, resources first."""
        return [self._toll(name) for name in sorted(self.ledger.names, key=_order)]

    def close(self) -> None:
        """Keep what was spent, and watch no longer."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.ledger.close()

    # --- inside ---------------------------------------------------------------------------------------------

    def _own(self, caller: str | None) -> NumberRules:
        return self._rules.numbers.get(caller or "", NumberRules())

    def _accounts(self, caller: str | None, resource: str) -> tuple[str, ...]:
        """At whose expense a call is made.

        Numbers that nobody here owns share an account: whoever calls may name any of them.
        """
        scope = resource.casefold()
        own = f"number:{caller}" if caller and self._owner(caller) is not None else f"others:{scope}"
        return own, f"resource:{scope}"

    def _refusal(self, number: str, caller: str | None, resource: str) -> tuple[str, str] | None:
        if what := self.forbids(number, caller):
            return "prefix", what
        for account in self._accounts(caller, resource):
            toll = self._toll(account)
            who = _who(toll)
            if 0 < toll.calls_per_minute <= toll.calls_last_minute:
                return "rate", f"{who} may make {toll.calls_per_minute} calls a minute, and has; wait"
        for account in self._accounts(caller, resource):
            toll = self._toll(account)
            if 0 < toll.units_per_day <= toll.spent and self._rules.price_of(number) > 0:
                return "spend", _spent(toll)
        return None

    def _toll(self, name: str) -> Toll:
        kind, _, rest = name.partition(":")
        rules, own = self._rules, self._own(rest if kind == "number" else None)
        if kind == "resource":
            calls, units = rules.resource_calls_per_minute, rules.resource_units_per_day
        else:
            calls = rules.calls_per_minute if own.calls_per_minute is None else own.calls_per_minute
            units = rules.units_per_day if own.units_per_day is None else own.units_per_day
        number = rest if kind == "number" else ""
        resource = (self._owner(rest) or "") if kind == "number" else rest
        ledger = self.ledger
        return Toll(
            kind,
            number,
            resource,
            ledger.lately(name),
            calls,
            len(ledger.running(name)),
            ledger.spent(name),
            units,
        )

    def _watch(self, name: str) -> None:
        """Have the calls of an account ended when its units are spent."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        toll, rate = self._toll(name), self.ledger.rate(name)
        if not self._rules.end_calls or not toll.units_per_day or rate <= 0:
            return
        left = max(0.0, toll.units_per_day - toll.spent)
        # Rounding must not wake it a moment early, again and again.
        due = self._clock.now() + left / rate + 0.001
        self._timers[name] = self._clock.call_at(due, lambda: self._run_out(name))

    def _run_out(self, name: str) -> None:
        self._timers.pop(name, None)
        toll = self._toll(name)
        if not self._rules.end_calls or not 0 < toll.units_per_day <= toll.spent:
            self._watch(name)
            return
        cause = Cause(403, _spent(toll), NOT_ALLOWED)
        # What costs nothing goes on.
        legs = [leg for leg in self.ledger.running(name) if leg in self._calls and self._calls[leg].rate > 0]
        log.warning("calls ended", extra={"account": name, "why": "spend", "calls": len(legs)})
        for leg in legs:
            self.ended += 1
            self.end(leg, cause)


def _who(toll: Toll) -> str:
    if toll.kind == "number":
        return toll.number
    return "the resource" if toll.kind == "resource" else "callers without a number of their own"


def _spent(toll: Toll) -> str:
    return (
        f"{_who(toll)} may spend {toll.units_per_day:g} units a day on calls, and has spent "
        f"{toll.spent:.1f}; wait, or raise what it may spend"
    )


def _order(name: str) -> tuple[int, str]:
    kind = name.partition(":")[0]
    return ("resource", "others", "number").index(kind), name
