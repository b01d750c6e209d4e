"""Which number a trunk is shown as the caller's."""

from __future__ import annotations

from collections.abc import Callable

from hookflash.phones.config import TrunkConfig
from hookflash.phones.rewriting import matches, rewritten

OWNED = "owned"
"""Stands for the numbers of the resource that calls, among the patterns of what may be shown."""
OTHERWISE = ("replace", "withhold", "refuse")
"""What becomes of a number that may not be shown: the trunk's own instead, none, or no call over it."""
WITHHELD = "anonymous"

Owner = Callable[[str], str | None]
"""The GUID of the resource that owns a number (E.164), None when nobody does."""


def nobody(number: str) -> str | None:
    """The owner of a number where none is owned."""
    return None


def shown_to(trunk: TrunkConfig, caller: str | None, resource: str, owner: Owner) -> str | None:
    """The number to show for a call of ``resource`` ("" for none), in the trunk's way of writing.

    :data:`WITHHELD` where none is to be shown; None where the trunk must not be used for the call. A call
    without a number of its own has the trunk's, sent as it is configured, if there is one.
    """
    if not caller:
        return trunk.caller or WITHHELD
    if caller == WITHHELD:
        return WITHHELD
    if may_show(trunk, caller, resource, owner):
        return rewritten(caller, trunk.caller_rewrite)
    if trunk.otherwise == "refuse":
        return None
    return (trunk.caller if trunk.otherwise == "replace" else "") or WITHHELD


def may_show(trunk: TrunkConfig, caller: str, resource: str, owner: Owner) -> bool:
    """Whether the rules of the trunk let a number be shown; without any, every number may be."""
    if not trunk.callers:
        return True
    if OWNED in trunk.callers:
        owned_by = owner(caller)
        if owned_by is not None and (not resource or owned_by.casefold() == resource.casefold()):
            return True
    return matches(caller, tuple(one for one in trunk.callers if one != OWNED))
