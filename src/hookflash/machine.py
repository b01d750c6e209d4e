"""State machines as data: a table of transitions, a walker, and a drawing of the table.

A :class:`Table` says which events a state allows and where they lead. Code never assigns a state: it names
what happened, and the table says what that means. What the table does not list cannot happen; trying it
raises :class:`IllegalTransition`, which is a bug in this program, never the fault of an app or of a phone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)


class IllegalTransition(Exception):
    """An event happened in a state that does not allow it."""


@dataclass(frozen=True, slots=True)
class Table(Generic[S, E]):
    """One state machine.

    ``name`` titles it, ``rules`` says in prose what the transitions mean, ``initial`` are the states one
    may begin in, ``final`` those nothing leaves, and ``transitions`` maps (state, event) to the next state.
    """

    name: str
    rules: str
    initial: tuple[S, ...]
    final: frozenset[S]
    transitions: Mapping[tuple[S, E], S]

    def step(self, state: S, event: E) -> S:
        """The state after ``event`` in ``state``. Raises IllegalTransition when the table has no such row."""
        try:
            return self.transitions[state, event]
        except KeyError:
            allowed = sorted(str(e.value) for s, e in self.transitions if s is state)
            raise IllegalTransition(
                f"{self.name}: {event.value!r} cannot happen in state {state.value!r}; "
                f"what can happen there: {', '.join(allowed) or 'nothing, it is final'}"
            ) from None

    def allows(self, state: S, event: E) -> bool:
        return (state, event) in self.transitions

    def states(self) -> list[S]:
        """Every state the table mentions, in the order of first mention."""
        seen: dict[S, None] = dict.fromkeys(self.initial)
        for (source, _), target in self.transitions.items():
            seen.setdefault(source)
            seen.setdefault(target)
        return list(seen)

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram; events between the same two states share an arrow."""
        arrows: dict[tuple[S, S], list[str]] = {}
        for (source, event), target in self.transitions.items():
            arrows.setdefault((source, target), []).append(str(event.value))
        lines = ["stateDiagram-v2"]
        lines += [f"    [*] --> {state.value}" for state in self.initial]
        lines += [
            f"    {source.value} --> {target.value}: {', '.join(events)}"
            for (source, target), events in arrows.items()
        ]
        lines += [f"    {state.value} --> [*]" for state in self.states() if state in self.final]
        return "\n".join(lines)


class Machine(Generic[S, E]):
    """Something that is in one state of a table at a time."""

    __slots__ = ("_state", "_table")

    def __init__(self, table: Table[S, E], state: S) -> None:
        if state not in table.initial:
            raise IllegalTransition(f"{table.name}: nothing begins in state {state.value!r}")
        self._table = table
        self._state = state

    @property
    def state(self) -> S:
        return self._state

    @property
    def over(self) -> bool:
        """Whether a final state has been reached."""
        return self._state in self._table.final

    def allows(self, event: E) -> bool:
        return self._table.allows(self._state, event)

    def fire(self, event: E) -> S:
        """Let ``event`` happen; returns the new state. Raises IllegalTransition when the table forbids it."""
        self._state = self._table.step(self._state, event)
        return self._state
