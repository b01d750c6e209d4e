"""One virtual phone: its identity, its script, the calls it remembers, and who waits for something."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hookflash.phones.virtual.call import Call
from hookflash.phones.virtual.tables import State
from hookflash.ports.virtual_phones import CallView, PhoneView, Script
from hookflash.wire.identifiers import Identifier
from hookflash.wire.results import Refusal

MAX_CALLS = 100
"""Calls remembered of one phone, live ones included."""
MAX_WAITERS = 100
"""Long polls at one phone at once."""

Check = Callable[[], CallView | None]
"""What a waiter waits for: the answer, None while there is none."""


class Phone:
    """``id`` is its name on the HTTP surface."""

    def __init__(self, id: str, identity: Identifier, display_name: str, script: Script) -> None:
        self.id = id
        self.identity = identity
        self.display_name = display_name
        self.script = script
        self.calls: dict[int, Call] = {}
        self._count = 0
        self._waiters: dict[asyncio.Future[CallView], Check] = {}

    @property
    def address(self) -> str:
        """Its identity as people write it: a bare number, or the id of a user."""
        return address_of(self.identity)

    # --- calls ------------------------------------------------------------------------------------------

    def next_number(self) -> int | None:
        """The number of a new call, forgetting an old one if need be; None when it has too many already."""
        if len(self.calls) >= MAX_CALLS:
            over = next((n for n, call in self.calls.items() if call.state is State.ENDED), None)
            if over is None:
                return None
            del self.calls[over]
        self._count += 1
        return self._count

    def add(self, call: Call) -> None:
        """Keep a new call."""
        self.calls[call.id] = call
        self.changed()

    def live(self) -> list[Call]:
        """The calls that are not over, oldest first."""
        return [call for call in self.calls.values() if call.state is not State.ENDED]

    def newest(self) -> Call | None:
        """The call that came last, even if it is over."""
        return self.calls[next(reversed(self.calls))] if self.calls else None

    def forgotten(self, number: int) -> bool:
        """Whether a call of this number was there once."""
        return number <= self._count and number not in self.calls

    # --- waiting ----------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Something about it is different: answer those who waited for that."""
        for future, check in list(self._waiters.items()):
            found = check()
            if found is not None and not future.done():
                future.set_result(found)

    def wait(self, check: Check) -> asyncio.Future[CallView]:
        """A future of what ``check`` gives; the caller ends the wait with :meth:`unwait`."""
        if len(self._waiters) >= MAX_WAITERS:
            raise Refusal(
                429, "TooManyPolls", f"{MAX_WAITERS} requests wait at phone {self.id!r} already; end some."
            )
        future: asyncio.Future[CallView] = asyncio.get_running_loop().create_future()
        self._waiters[future] = check
        return future

    def unwait(self, future: asyncio.Future[CallView]) -> None:
        self._waiters.pop(future, None)
        future.cancel()

    def give_up(self, refusal: Refusal) -> None:
        """Answer everybody who waits: it will not happen."""
        for future in list(self._waiters):
            if not future.done():
                future.set_exception(refusal)

    # --- showing ----------------------------------------------------------------------------------------

    def view(self) -> PhoneView:
        """As it is now."""
        return PhoneView(
            self.id, self.address, self.display_name, [call.view() for call in self.calls.values()]
        )


def address_of(identity: Identifier) -> str:
    """A bare number, or a rawId."""
    return identity.phone_number or identity.raw_id
