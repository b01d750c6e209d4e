"""Number patterns, and how numbers are written another way for a trunk and from one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PREFIX = re.compile(r"(\+?[0-9]*)\*?")

LONGEST = 64
"""Characters of a number that patterns are tried on; a longer one matches none."""


class PatternError(ValueError):
    """A pattern or replacement that cannot work; the message says why."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Numbers that match ``pattern`` are written as ``replacement``.

    ``pattern`` is a prefix ("+49", also written "+49*"; "*" is everything) or a regular expression over the
    whole number; ``replacement`` is in the syntax of ``re.Match.expand``; group 1 of a prefix is what follows
    it.
    """

    pattern: str
    replacement: str


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression of a pattern. Raises :class:`PatternError`."""
    prefix = _PREFIX.fullmatch(pattern)
    try:
        return re.compile(f"{re.escape(prefix[1])}(.*)" if prefix else pattern)
    except re.error as error:
        raise PatternError(str(error)) from None


def check(pattern: str, replacement: str) -> None:
    """Raises :class:`PatternError` unless the replacement goes with the pattern."""
    try:
        # The template is compiled against the pattern; the text itself does not matter.
        re.compile(f"(?:{compiled(pattern).pattern})|").sub(replacement, "")
    except (re.error, IndexError) as error:
        raise PatternError(str(error)) from None


def matches(number: str, patterns: tuple[str, ...]) -> bool:
    """Whether a number fits one of the patterns."""
    return len(number) <= LONGEST and any(compiled(one).fullmatch(number) is not None for one in patterns)


def rewritten(number: str, rules: tuple[Rewrite, ...]) -> str:
    """The number as the first rule that fits writes it; as it is when none does."""
    if len(number) <= LONGEST:
        for rule in rules:
            match = compiled(rule.pattern).fullmatch(number)
            if match is not None:
                return match.expand(rule.replacement)
    return number
