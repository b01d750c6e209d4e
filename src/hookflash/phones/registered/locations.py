"""Where registered phones are (RFC 3261 section 10, the location service), in memory and without a clock.

A *binding* is one contact of a phone with the path its REGISTER came by; calls go back that path, not to
where the contact claims to be, so that NAT does not matter. A binding over a connection ends with it: nobody
could open another one to a phone behind NAT, and the phone registers again anyway.

Nothing of this is kept over a restart: connections are gone then, and every phone is back after the time
that it was granted, most at once as they see their connection close.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hookflash.sip.flow import Address, Flow
from hookflash.sip.registration import Contact, Registration

ALWAYS_LONG = 3600
"""Seconds that a registrar may not call too brief (section 10.3, step 7)."""
Place = tuple[str, int | Address]
"""A transport, and a connection of it or the address that datagrams come from."""


def place_of(flow: Flow) -> Place:
    """What tells one sender from another."""
    return (flow.transport, flow.connection or flow.remote)


class NotRegistered(Exception):
    """A REGISTER that changes nothing; ``status`` is its answer: 423, 500 out of order, 503 no room."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds a contact is granted: ``least`` to ``most``, over a connection ``longest_open`` at most.

    ``each`` contacts of one phone and ``total`` of all are kept.
    """

    least: int = 60
    most: int = 3600
    longest_open: int = 840
    each: int = 10
    total: int = 50_000


@dataclass(slots=True, eq=False)
class Binding:
    """One contact of the phone ``name``.

    ``flow`` is where its REGISTER came from, ``path`` where calls go. ``since`` and ``until`` are in seconds
    of the clock; it is no more at ``until``.
    """

    name: str
    contact: Contact
    flow: Flow
    path: Flow
    call_id: str
    number: int
    since: float
    until: float
    agent: str = ""
    due: float = 0.0
    """When the table looks at it next."""
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What a REGISTER has done."""

    added: tuple[Binding, ...] = ()
    removed: tuple[Binding, ...] = ()


class Locations:
    """The bindings of all phones. ``now`` is in seconds and never goes back."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._phones: dict[str, list[Binding]] = {}
        self._places: dict[Place, set[Binding]] = {}
        self._hosts: Counter[str] = Counter()
        self._due: list[tuple[float, int, Binding]] = []
        self._count = 0
        self._pushed = 0

    def __len__(self) -> int:
        return self._count

    def of(self, name: str, now: float) -> list[Binding]:
        """The bindings of a phone that hold, preferred ones first, and of those the latest."""
        held = [one for one in self._phones.get(name, ()) if one.until > now]
        return sorted(held, key=lambda one: (-one.contact.quality, -one.since))

    def count(self, name: str) -> int:
        """How many contacts of a phone are kept."""
        return len(self._phones.get(name, ()))

    def all(self) -> Iterator[Binding]:
        """Every binding, by name."""
        for name in sorted(self._phones):
            yield from self._phones[name]

    def hosts(self, host: str) -> bool:
        """Whether a phone is registered from an address."""
        return host in self._hosts

    def at(self, flow: Flow) -> bool:
        """Whether a phone is registered from just there: the connection, or address and port."""
        return place_of(flow) in self._places

    # --- registering ------------------------------------------------------------------------------------

    def repeated(self, name: str, wish: Registration, flow: Flow) -> bool:
        """Whether a REGISTER is one that was carried out already and whose answer was lost."""
        return any(
            (one.call_id, one.number) == (wish.call_id, wish.number) and one.flow == flow
            for one in self._phones.get(name, ())
        )

    def register(
        self, now: float, name: str, wish: Registration, flow: Flow, path: Flow, agent: str = ""
    ) -> Changes:
        """Carry out a REGISTER, whole or not at all. Raises NotRegistered.

        ``flow`` is where it came from, ``path`` where calls to its contacts go.
        """
        held = list(self._phones.get(name, ()))
        if wish.clear:
            for one in held:
                _in_order(one, wish)
            return Changes(removed=self._drop(held))
        found = [(contact, _find(held, contact)) for contact in wish.contacts]
        new = 0
        for contact, known in found:
            if 0 < contact.expires < min(self.bounds.least, ALWAYS_LONG):
                raise NotRegistered(423, f"{contact.expires} s are less than {self.bounds.least}")
            if known is not None:
                _in_order(known, wish)
            new += known is None and contact.expires > 0
        if new and len(held) + new > self.bounds.each:
            raise NotRegistered(503, f"it has {len(held)} contacts already, {self.bounds.each} are kept")
        if new and self._count + new > self.bounds.total:
            raise NotRegistered(503, f"{self._count} contacts are registered, {self.bounds.total} are kept")
        added: list[Binding] = []
        removed: list[Binding] = []
        most = min(self.bounds.most, self.bounds.longest_open) if flow.connection else self.bounds.most
        for contact, _ in found:
            # Looked for again: one REGISTER may name the same contact twice.
            known = _find(self._phones.get(name, ()), contact)
            if contact.expires == 0:
                removed += self._drop([] if known is None else [known])
                continue
            until = now + min(contact.expires, max(most, self.bounds.least))
            if known is None:
                known = Binding(name, contact, flow, path, wish.call_id, wish.number, now, until, agent)
                self._put(known)
                added.append(known)
            else:
                self._move(known, flow)
                known.contact, known.path, known.agent = contact, path, agent
                known.call_id, known.number = wish.call_id, wish.number
                self._prolong(known, until)
        gone = [one for one in added if one.gone]
        return Changes(
            tuple(one for one in added if one not in gone), tuple(one for one in removed if one not in gone)
        )

    def forget(self, name: str) -> list[Binding]:
        """Take all contacts of a phone away, whoever says so; gives what is gone."""
        return list(self._drop(list(self._phones.get(name, ()))))

    def lost(self, flow: Flow) -> list[Binding]:
        """A connection is gone: so are the bindings that came over it."""
        if not flow.connection:
            return []
        return list(self._drop(list(self._places.get(place_of(flow), ()))))

    # --- time -------------------------------------------------------------------------------------------

    def next_due(self) -> float | None:
        """When :meth:`expire` has something to look at; None when never."""
        return self._due[0][0] if self._due else None

    def expire(self, now: float) -> list[Binding]:
        """Forget what has not been refreshed in time; gives what is gone."""
        over: list[Binding] = []
        while self._due and self._due[0][0] <= now:
            at, _, binding = heapq.heappop(self._due)
            if binding.gone or binding.due != at:
                continue
            if binding.until <= now:
                over += self._drop([binding])
            else:
                self._push(binding)
        return over

    def _prolong(self, binding: Binding, until: float) -> None:
        """A later end needs no new look: the one that is due finds it."""
        binding.until = until
        if until < binding.due:
            self._push(binding)

    def _push(self, binding: Binding) -> None:
        self._pushed += 1
        binding.due = binding.until
        heapq.heappush(self._due, (binding.due, self._pushed, binding))
        if len(self._due) > 2 * self._count + 64:
            self._due = [entry for entry in self._due if not entry[2].gone and entry[2].due == entry[0]]
            heapq.heapify(self._due)

    # --- the indexes ------------------------------------------------------------------------------------

    def _put(self, binding: Binding) -> None:
        self._phones.setdefault(binding.name, []).append(binding)
        self._count += 1
        self._places.setdefault(place_of(binding.flow), set()).add(binding)
        self._hosts[binding.flow.remote[0]] += 1
        self._push(binding)

    def _drop(self, bindings: Iterable[Binding]) -> tuple[Binding, ...]:
        dropped = tuple(bindings)
        for binding in dropped:
            binding.gone = True
            held = self._phones[binding.name]
            held.remove(binding)
            if not held:
                del self._phones[binding.name]
            self._count -= 1
            self._displace(binding)
        if not self._count:
            self._due.clear()
        return dropped

    def _move(self, binding: Binding, flow: Flow) -> None:
        if flow != binding.flow:
            self._displace(binding)
            binding.flow = flow
            self._places.setdefault(place_of(flow), set()).add(binding)
            self._hosts[flow.remote[0]] += 1

    def _displace(self, binding: Binding) -> None:
        place, host = place_of(binding.flow), binding.flow.remote[0]
        self._places[place].discard(binding)
        if not self._places[place]:
            del self._places[place]
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]


def _find(held: Iterable[Binding], contact: Contact) -> Binding | None:
    return next((one for one in held if contact.same(one.contact)), None)


def _in_order(binding: Binding, wish: Registration) -> None:
    """A REGISTER that was overtaken by a later one must not undo it (section 10.3, step 7)."""
    if binding.call_id == wish.call_id and wish.number <= binding.number:
        raise NotRegistered(500, f"CSeq {wish.number} comes after {binding.number}")
