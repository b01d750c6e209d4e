"""What is configured about looking after a trunk, as plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """The place of a target among those of its trunk: lower ``priority`` first, and among equal ones a chance
    in proportion to ``weight`` (RFC 2782)."""

    priority: int = 0
    weight: int = 1


@dataclass(frozen=True, slots=True)
class TrunkCare:
    """How a trunk is looked after; times in seconds.

    ``calls`` at the same time and ``calls_per_second``, both directions together; None is no limit.
    ``shares`` has one entry for each target, or none: then they are tried in their order. Every
    ``health_interval`` each target is asked by OPTIONS whether it is there (0: never); ``health_failures``
    in a row and it is down. With ``register`` we register as ``account`` at the targets, for
    ``register_expires`` unless the trunk wants something else.
    """

    calls: int | None = None
    calls_per_second: float | None = None
    shares: tuple[Share, ...] = ()
    health_interval: float = 0.0
    health_failures: int = 3
    register: bool = False
    account: str = ""
    register_expires: int = 600
