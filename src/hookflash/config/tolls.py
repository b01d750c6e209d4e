"""The settings of what calls out may cost."""

# ruff: noqa: RUF009 - setting() is dataclasses.field() with our metadata, evaluated once on purpose

from __future__ import annotations

from dataclasses import dataclass

from hookflash.config import kinds
from hookflash.config.setting import setting

MOST = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class TollSettings:
    """Calls out to trunks, whoever makes them: where they may go, how many a minute, and at what expense a
    day. What may not go out fails with 403 and sub-code 510403. Read anew on SIGHUP."""

    allowed: tuple[str, ...] = setting(kinds.listing(kinds.number_pattern()), ())
    """Numbers that may be called, as patterns like those of `[[route]]`; all when empty. Name emergency
    numbers too (`112`), which are no E.164."""
    denied: tuple[str, ...] = setting(kinds.listing(kinds.number_pattern()), ())
    """Numbers that may not be called, even if `allowed`: for example `["+882*", "+883*", "+979*", "+1900*"]`.
    Where numbers are denied and none are named as allowed, only E.164 numbers may be called, so that no `00`
    leads past them."""
    calls_per_minute: int = setting(kinds.integer(0, 100_000, "calls"), 0)
    """Calls out within any minute from one number; 0 for any. Numbers that no `[[number]]` names count as one
    for each resource, as callers may claim any of them."""
    resource_calls_per_minute: int = setting(kinds.integer(0, 1_000_000, "calls"), 0)
    """Calls out within any minute of one resource; 0 for any."""
    units_per_day: float = setting(kinds.number(0, MOST, "units"), 0.0)
    """What calls from one number may cost within 24 hours, in the units of `price`: by default minutes. Calls
    are refused beyond it; 0 for any. It is counted by the hour, and never for less than a day."""
    resource_units_per_day: float = setting(kinds.number(0, MOST, "units"), 0.0)
    """What all calls of one resource may cost within 24 hours; 0 for any."""
    price: float = setting(kinds.number(0, MOST, "units a minute"), 1.0)
    """What a minute costs; with 1 a unit is a minute."""
    prices: dict[str, float] = setting(kinds.mapping(kinds.number(0, MOST, "units a minute")), {})
    """What a minute costs to numbers with a prefix, the longest that fits counting, for example
    `{"+49" = 0.02, "+4915" = 0.1, "+1800" = 0}`."""
    end_calls: bool = setting(kinds.boolean(), False)
    """End the calls that are up when what they may cost is spent. Otherwise they go on, and no new one is
    begun."""
