"""Where a target of a trunk is: its servers in their order, those that failed of late at the end."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from hookflash.ports.clock import Clock
from hookflash.ports.names import Names, Record, RecordKind
from hookflash.sip.flow import Address, Flow
from hookflash.sip.location import Place, Wish, locate

MAX_AVOIDED = 1024
"""Places remembered as failing."""
PATIENCE = 10.0
"""Seconds after which nothing more is asked for one request: a domain may name many servers whose names
nobody answers for, and somebody waits for the call."""


class Wires(Protocol):
    """What is needed of the transports."""

    @property
    def reachable(self) -> tuple[str, ...]:
        """Transports that calls can go out over, the best first."""
        ...

    def families(self, transport: str) -> tuple[RecordKind, ...]:
        """Kinds of addresses a transport reaches."""
        ...

    def path(self, transport: str, address: Address, name: str = "") -> Flow:
        """The path to an address. OSError when there is none."""
        ...

    def send(self, data: bytes, flow: Flow) -> None: ...


class LocatingNetwork:
    """The transports with names in front of them: implements :class:`hookflash.phones.signalling.Network`."""

    def __init__(
        self, wires: Wires, names: Names, clock: Clock, *, draw: Callable[[], float] = random.random
    ) -> None:
        self._wires = wires
        self._names = names
        self._clock = clock
        self._draw = draw
        self._avoided: OrderedDict[tuple[str, Address], float] = OrderedDict()

    def send(self, data: bytes, flow: Flow) -> None:
        """Put a message on the network."""
        self._wires.send(data, flow)

    async def flows_to(
        self, transport: str, host: str, port: int | None, *, secure: bool = False
    ) -> list[Flow]:
        """The paths to a host by RFC 3263, best first. OSError when there is none.

        ``transport`` is "" when DNS may choose; ``port`` None when it may say it; ``secure`` is for
        ``sips:``.
        """
        reachable = self._wires.reachable
        if transport and transport not in reachable:
            have = ", ".join(reachable) or "none"
            raise OSError(f"cannot reach {host} over {transport}: no such transport; there are {have}")
        families = self._wires.families(transport or reachable[0]) if reachable else ()
        search = locate(Wish(host, port, transport, secure, reachable, families), self._draw)
        problem: OSError | None = None
        deadline = self._clock.now() + PATIENCE
        try:
            question = next(search)
            while True:
                records: tuple[Record, ...] = ()
                try:
                    if self._clock.now() >= deadline:
                        raise OSError(f"{host} could not be looked up within {PATIENCE:g} s")
                    records = (await self._names.ask(question)).records
                except OSError as error:
                    # What can be found without this answer is better than nothing.
                    problem = error
                question = search.send(records)
        except StopIteration as stop:
            places: list[Place] = stop.value
        if not places and problem is not None:
            raise problem
        if not places:
            raise OSError(f"{host} has no server that can be reached over {transport or 'any transport'}")
        flows = [self._wires.path(place.transport, place.address, place.name) for place in places]
        return sorted(flows, key=self._is_avoided)

    def avoid(self, flow: Flow, seconds: float) -> None:
        """Try other places first for a while: this one has just failed."""
        key = (flow.transport, flow.remote)
        self._avoided[key] = self._clock.now() + seconds
        self._avoided.move_to_end(key)
        while len(self._avoided) > MAX_AVOIDED:
            self._avoided.popitem(last=False)

    def _is_avoided(self, flow: Flow) -> bool:
        until = self._avoided.get((flow.transport, flow.remote))
        return until is not None and self._clock.now() < until
