"""Number patterns of the SIP-routing SDKs: a regular expression that is looked for in a number, in the syntax
that matters for digits.

They come from apps, so they are not given to ``re``, whose time for one number can grow without bounds. Here
every part of a pattern is looked at once for each place in a number at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hookflash.phones.rewriting import PatternError

MAX_PATTERN = 512
"""Characters of a pattern at most."""
MAX_NODES = 512
MAX_DEPTH = 20
MAX_REPEAT = 64
"""Most repetitions that can be asked for by number."""
MAX_NUMBER = 32
"""Characters of a number that is looked at; a longer one matches nothing."""
_DIGITS = frozenset("0123456789")
_ANY = _DIGITS | frozenset("+*#ABCDabcd -.()")
_META = frozenset("^$\\.[]|()?*+{}")


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """``kind`` is "set", "start", "end", "all" (one after the other), "any" or "repeat"."""

    kind: str
    characters: frozenset[str] = frozenset()
    parts: tuple[_Node, ...] = ()
    least: int = 1
    most: int = 1


class NumberPattern:
    """A pattern, read. It is looked for anywhere in a number, as .NET does, unless it has ``^`` and ``$``.

    Known are digits and the other characters of numbers, ``\\d``, ``.``, ``[0-9]``, ``[^1]``, groups, ``|``,
    ``? * + {2} {2,} {2,5}``, their lazy forms, ``^`` and ``$``. Raises :class:`PatternError` for anything
    else, with the place.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._node = _Reader(text).whole()

    def found_in(self, number: str) -> bool:
        """Whether the pattern fits somewhere in a number."""
        if len(number) > MAX_NUMBER:
            return False
        known: dict[tuple[int, int], frozenset[int]] = {}
        return any(_ends(self._node, number, start, known) for start in range(len(number) + 1))


def _ends(node: _Node, text: str, at: int, known: dict[tuple[int, int], frozenset[int]]) -> frozenset[int]:
    """Where a node that begins at ``at`` may end."""
    key = (id(node), at)
    found = known.get(key)
    if found is None:
        found = known[key] = frozenset(_work_out(node, text, at, known))
    return found


def _work_out(node: _Node, text: str, at: int, known: dict[tuple[int, int], frozenset[int]]) -> set[int]:
    match node.kind:
        case "set":
            return {at + 1} if at < len(text) and text[at] in node.characters else set()
        case "start":
            return {at} if at == 0 else set()
        case "end":
            return {at} if at == len(text) else set()
        case "any":
            return {end for part in node.parts for end in _ends(part, text, at, known)}
        case "all":
            reached = {at}
            for part in node.parts:
                reached = {end for place in reached for end in _ends(part, text, place, known)}
            return reached
    (part,) = node.parts
    reached = {at}
    for _ in range(node.least):
        reached = {end for place in reached for end in _ends(part, text, place, known)}
    ends, fresh = set(reached), reached
    for _ in range(min(node.most - node.least, len(text) + 1)):
        fresh = {end for place in fresh for end in _ends(part, text, place, known)} - ends
        if not fresh:
            break
        ends |= fresh
    return ends


class _Reader:
    """Reads one pattern."""

    def __init__(self, text: str) -> None:
        if not text or len(text) > MAX_PATTERN:
            raise PatternError(f"a pattern has 1 to {MAX_PATTERN} characters")
        self._text = text
        self._at = 0
        self._nodes = 0

    def whole(self) -> _Node:
        node = self._choice(0)
        if self._at < len(self._text):
            raise self._wrong("is not expected here")
        return node

    def _wrong(self, what: str) -> PatternError:
        shown = self._text[self._at : self._at + 1] or "the end"
        return PatternError(f"{shown!r} at {self._at + 1} {what}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        taken = self._peek()
        self._at += 1
        return taken

    def _node(self, kind: str, **more: Any) -> _Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise PatternError("has too many parts")
        return _Node(kind, **more)

    def _choice(self, depth: int) -> _Node:
        if depth > MAX_DEPTH:
            raise self._wrong("is nested too deeply")
        branches = [self._sequence(depth)]
        while self._peek() == "|":
            self._take()
            branches.append(self._sequence(depth))
        return branches[0] if len(branches) == 1 else self._node("any", parts=tuple(branches))

    def _sequence(self, depth: int) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._one(depth)))
        return self._node("all", parts=tuple(parts))

    def _one(self, depth: int) -> _Node:
        taken = self._take()
        match taken:
            case "^":
                # "^+[1-9]..." stands in the documentation of the service, and means a plus sign.
                return self._node("start")
            case "$":
                return self._node("end")
            case ".":
                return self._node("set", characters=_ANY)
            case "\\":
                return self._node("set", characters=self._escaped())
            case "[":
                return self._node("set", characters=self._class())
            case "(":
                if self._text.startswith("?:", self._at):
                    self._at += 2
                elif self._peek() == "?":
                    raise self._wrong("begins what is not known here; only (?: is")
                inner = self._choice(depth + 1)
                if self._take() != ")":
                    self._at -= 1
                    raise self._wrong("comes where ) is missing")
                return inner
            case "+" if self._at == 1 or self._text[self._at - 2] in "^(|":
                return self._node("set", characters=frozenset("+"))
            case _ if taken not in _META and taken in _ANY:
                return self._node("set", characters=frozenset(taken))
        self._at -= 1
        raise self._wrong("cannot stand here, or is in no number")

    def _repeated(self, part: _Node) -> _Node:
        if part.kind in ("start", "end"):
            return part
        least, most = 1, 1
        match self._peek():
            case "?":
                least, most = 0, 1
            case "*":
                least, most = 0, MAX_NUMBER
            case "+":
                least, most = 1, MAX_NUMBER
            case "{":
                least, most = self._bounds()
            case _:
                return part
        self._take()
        if self._peek() == "?":
            # What is lazy finds the same numbers.
            self._take()
        if self._peek() in ("?", "*", "+", "{"):
            raise self._wrong("repeats what is repeated already")
        return self._node("repeat", parts=(part,), least=least, most=most)

    def _bounds(self) -> tuple[int, int]:
        """``{2}``, ``{2,}`` or ``{2,5}``, up to the closing brace."""
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at + 1 : max(end, self._at)].partition(",")
        if end < 0 or not _is_count(least) or not (_is_count(most) or (comma and not most) or not comma):
            raise self._wrong("begins no number of repetitions such as {2,5}")
        low = int(least)
        high = low if not comma else (int(most) if most else MAX_REPEAT)
        if not low <= high <= MAX_REPEAT:
            raise self._wrong(f"asks for repetitions beyond {MAX_REPEAT}, or for more than the most")
        self._at = end
        return low, high

    def _escaped(self) -> frozenset[str]:
        taken = self._take()
        if taken == "d":
            return _DIGITS
        if taken == "D":
            return _ANY - _DIGITS
        if taken and (taken in _META or taken in "-/# "):
            return frozenset(taken)
        self._at -= 1
        raise self._wrong("is no escape that is known here")

    def _class(self) -> frozenset[str]:
        """``[0-9]`` and the like, after the opening bracket."""
        negated = self._peek() == "^"
        if negated:
            self._take()
        found: set[str] = set()
        while self._peek() != "]" or not found:
            taken = self._take()
            if not taken or taken == "]":
                self._at -= 1
                raise self._wrong("ends a class that has nothing in it, or no end")
            low = self._escaped() if taken == "\\" else frozenset(taken)
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._take()
                last = self._take()
                if len(low) != 1 or taken > last or last == "\\":
                    self._at -= 1
                    raise self._wrong("ends no range")
                low = frozenset(map(chr, range(ord(taken), min(ord(last), 255) + 1)))
            found |= low
        self._take()
        return _ANY - found if negated else frozenset(found)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 3
