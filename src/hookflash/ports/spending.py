"""What calls out have cost, as whoever runs the server sees it."""

from __future__ import annotations

from typing import Protocol

import msgspec


class AccountView(msgspec.Struct, rename="camel", omit_defaults=True):
    """One account of calls out: ``kind`` is "resource", "number", or "others" for the calls of a resource
    from numbers that nobody owns. ``resource`` is a GUID, "" for calls that no app has asked for. ``spent``
    is in units within a day, with what running calls have cost up to now; a bound left out is none."""

    kind: str
    resource: str
    calls_last_minute: int
    running: int
    spent: float
    number: str | None = None
    calls_per_minute: int | None = None
    units_per_day: float | None = None


class SpendingView(msgspec.Struct):
    """The accounts with something in them, resources first."""

    value: list[AccountView]


class Spending(Protocol):
    """Shows accounts."""

    def accounts(self, asker: str | None) -> SpendingView:
        """Those of the resource that asks, by its GUID; None sees all."""
        ...
