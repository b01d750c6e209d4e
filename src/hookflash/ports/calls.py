"""What whoever runs a server can see of its calls: which there are, and what happened in each."""

from __future__ import annotations

from typing import Protocol

from hookflash.calls.views import CallPage, TracedCall

MAX_CALLS = 1000
"""Most calls in one answer."""


class Ambiguous(Exception):
    """An id may mean several calls; ``found`` are callConnectionIds, some of them."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(f"it may mean {len(found)} calls")
        self.found = found


class Calls(Protocol):
    """The calls that are up and those lately ended. ``asker`` is the GUID of the resource that asks, which
    sees its own; None sees all."""

    def listed(self, asker: str | None, after: int | None, top: int) -> CallPage:
        """At most ``top`` calls behind ``after``, the ``next`` of the page before."""
        ...

    def story(self, asker: str | None, text: str) -> TracedCall | None:
        """The call with that callConnectionId, serverCallId or correlationId, or the only one whose
        callConnectionId or correlationId begins like that; None when there is no such. Raises Ambiguous.
        """
        ...
