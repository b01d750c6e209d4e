"""Rules that replace what is written in a text by words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

Say = Callable[[re.Match[str]], str | None]
"""The words for a match; None where it is no such thing after all, and stands as it is."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for, and what to say instead."""

    pattern: re.Pattern[str]
    say: Say


def rule(pattern: str, say: Say) -> Rule:
    """A rule for ``pattern``, in which ``\\d`` and ``\\w`` are of ASCII, and a space may be one that does not
    break."""
    return Rule(re.compile(pattern.replace("[ ]", "[ \u00a0\u202f]"), re.ASCII), say)


def rewritten(text: str, rules: Iterable[Rule]) -> str:
    """``text`` after all of ``rules``, one after the other. Words never run into those beside them."""
    for one in rules:
        text = one.pattern.sub(partial(_replaced, one), text)
    return text


def _replaced(rule: Rule, match: re.Match[str]) -> str:
    return _set_apart(match, rule.say(match))


def _set_apart(match: re.Match[str], words: str | None) -> str:
    if words is None:
        return match[0]
    before = match.string[match.start() - 1 : match.start()]
    after = match.string[match.end() : match.end() + 1]
    left = " " if before.isalnum() and words[:1].isalnum() else ""
    right = " " if after.isalnum() and words[-1:].isalnum() else ""
    return f"{left}{words}{right}"
