"""Texts into pieces that are spoken one after the other, so that the first is heard early.

An engine speaks a piece at a time and is done with a short one sooner. A sentence is the natural piece; a
long one is parted at its clause marks, where a speaker would take breath, and at a space only when it has
none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FIRST = 48
"""Characters of the first piece that are not parted even at a clause mark."""

LONGEST = 160
"""Characters of any other piece that are not parted."""

LEAST = 8
"""A piece shorter than this goes with the one that follows it in its sentence."""

SENTENCE_PAUSE = 0.2
"""Seconds of silence after a sentence, beside what the engine makes of its end."""

CLAUSE_PAUSE = 0.05
"""Seconds of silence after a part of a sentence."""

_ABBREVIATIONS = frozenset(
    (  # noqa: SIM905 - a list of so many quotes cannot be read
        "mr mrs ms dr prof sr jr st mt vs etc inc ltd co corp dept est approx ext fig gen gov hon rev "
        "jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun "
        "e.g i.e a.m p.m u.s u.k"
    ).split()
)
_END = re.compile(
    # Each alternative begins where it can only begin once, so that a long run is not looked at from each of
    # its characters.
    r"(?<![.!?…])(?P<mark>[.!?…]+[\"'”’)\]]*)(?P<space>\s+)|(?P<wide>[。！？]+)\s*|(?P<paragraph>\n\s*\n\s*)"
)
_CLAUSE = re.compile(r"[,;:][\"'”’)\]]*\s+|\s+[–—-]\s+|—|[、，；：]\s*")
_WORD_BEFORE = re.compile(r"[\w.]+$")
_BEFORE = 16
"""Characters before a full stop that are looked at; no abbreviation is as long."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text, and the seconds of silence after it."""

    text: str
    pause: float


def pieces(text: str, *, first: int = FIRST, longest: int = LONGEST) -> list[Piece]:
    """``text`` in pieces that together say all of it; none for a text without a word or a digit.

    The first is at most ``first`` characters where the text lets it, the others ``longest``; only a piece
    without any space in it is longer than ``longest``, and is cut.
    """
    found: list[Piece] = []
    for sentence in sentences(text):
        parts = _parts(sentence, longest if found else min(first, longest), longest)
        found += [Piece(part, CLAUSE_PAUSE) for part in parts[:-1]]
        found.append(Piece(parts[-1], SENTENCE_PAUSE))
    return found


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, without those that have nothing to say."""
    start = 0
    for match in _END.finditer(text):
        if match["mark"] and not _ends(
            text[max(start, match.start() - _BEFORE) : match.start()],
            match["mark"],
            text[match.end() : match.end() + 1],
        ):
            continue
        yield from _worth(text[start : match.end()])
        start = match.end()
    yield from _worth(text[start:])


def _worth(sentence: str) -> Iterator[str]:
    sentence = " ".join(sentence.split())
    if any(map(str.isalnum, sentence)):
        yield sentence


def _ends(before: str, mark: str, after: str) -> bool:
    """Whether a mark ends its sentence; ``before`` is what it ends with, ``after`` one character."""
    dots = mark.rstrip("\"'”’)]")
    if dots.strip(".…"):
        return True
    if dots != ".":
        return not after.islower()
    word = _WORD_BEFORE.search(before)
    if word is None:
        return True
    last = word[0].casefold()
    if last in _ABBREVIATIONS or (last == "no" and after.isdigit()):
        return False
    # "J. Smith", and what goes on in small letters, is no end.
    initial = len(last) == 1 and word[0].isupper() and last != "i"
    return not initial and not after.islower()


def _parts(sentence: str, first: int, longest: int) -> list[str]:
    parts: list[str] = []
    limit = first
    rest = sentence
    while len(rest) > limit:
        cut = _cut(rest, limit, longest)
        if cut == len(rest):
            break
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
        limit = longest
    return [part for part in (*parts, rest) if any(map(str.isalnum, part))]


def _cut(text: str, limit: int, longest: int) -> int:
    """Where to part ``text``, which is longer than ``limit``; its length for nowhere."""
    marks = [match.end() for match in _CLAUSE.finditer(text[: max(limit, longest)])]
    fitting = [at for at in marks if at >= LEAST and len(text) - at >= LEAST]
    within = [at for at in fitting if at <= limit]
    if within:
        return within[-1]
    if fitting and fitting[0] <= longest:
        return fitting[0]
    if len(text) <= longest:
        return len(text)
    space = text.rfind(" ", 1, longest)
    return space + 1 if space > 0 else longest
