"""Plain English text in words, for an engine that has no reader of its own worth the name.

What people write short ("$5.99", "3:30 PM", "+1 425 555 0123", "Dr. Lee") is written out, one kind after the
other, those first that look like another kind to the next. What no rule knows is left as it stands, but for
figures: of those none are left. No word is left out, and reading what was read changes nothing.
"""

from __future__ import annotations

import re

from hookflash.speech import numbers, saying
from hookflash.speech.abbreviations import write_out
from hookflash.speech.addresses import say_addresses
from hookflash.speech.quantities import say_quantities
from hookflash.speech.rewriting import rewritten, rule
from hookflash.speech.written_dates import say_dates

VERSION = "1"
"""Another one whenever a text is read otherwise: spoken prompts are kept by it."""
ROUNDS = 6
"""How often a text is gone over at most; an honest one takes two."""
LONGEST_FACTOR = 20
"""How many times as long as it was a text may become."""

_MONTH_FIRST = ("", "us", "ca", "ph")
"""English regions where 3/4 is in March."""


def read(text: str, locale: str = "en-US") -> str:
    """``text`` in words: "Pay $5.99 by 3:30 PM" is "Pay five dollars and ninety-nine cents by three thirty
    PM".

    Only of English (``locale`` "" counts as such); any other text comes back as it is. Line ends are kept.
    Takes time in proportion to the length of the text, and makes it at most :data:`LONGEST_FACTOR` times as
    long. Raises nothing.
    """
    language, _, region = locale.lower().replace("_", "-").partition("-")
    if language not in ("", "en"):
        return text
    month_first = region in _MONTH_FIRST
    for _ in range(ROUNDS):
        # What ran into a figure or a sign stands alone the next time.
        before, text = text, _once(text, month_first=month_first)
        if text == before:
            break
    return text


def _once(text: str, *, month_first: bool) -> str:
    text = say_addresses(write_out(rewritten(text, _PARTED)))
    if any(one in text for one in "0123456789"):
        text = rewritten(text, _TELEPHONES)
        text = say_quantities(say_dates(text, month_first=month_first))
    return rewritten(text, _SIGNS)


# --- telephone and account numbers ------------------------------------------------------------------------


def _telephone(match: re.Match[str]) -> str | None:
    return saying.telephone(match[0])


def _international(match: re.Match[str]) -> str | None:
    return saying.telephone(match[0]) if 7 <= sum(map(str.isdigit, match[0])) <= 24 else None


def _rows(match: re.Match[str]) -> str:
    """Groups of figures, one by one."""
    return ", ".join(map(numbers.digits, re.findall(r"\d+", match[0])))


_EXTENSION = r"(?:,?[ ]?\b(?:ext\.?|extension|x)[ ]?\d{1,6}(?!\d))?"
_BEGINS, _ENDS = r"(?<![\w.$/-])", r"(?![\w/]|[.,-]\d)"
_TELEPHONES = (
    rule(
        r"(?<![\w+])\+\d{1,15}(?:(?:[ .-]|[ .-]?\(|\)[ .-]?)\d{1,15}){0,6}" + _EXTENSION,
        _international,
    ),
    rule(
        _BEGINS + r"(?:1[ .-])?(?:\(\d{3}\)[ ]?|\d{3}[ .-])\d{3}[ .-]\d{4}" + _ENDS + _EXTENSION, _telephone
    ),
    rule(_BEGINS + r"1-8\d\d-[A-Z0-9]{2,7}(?:-[A-Z0-9]{2,7})?(?![\w-])", _telephone),
    rule(_BEGINS + r"\d{3}-\d{4}" + _ENDS + _EXTENSION, _telephone),
    rule(_BEGINS + r"0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}" + _ENDS, _telephone),
    rule(_BEGINS + r"\d{4}(?:[ -]\d{4}){2,4}" + _ENDS, _rows),
    # Account numbers and the like; round ones are amounts.
    rule(r"(?<![\w.,$€£¥₹+-])(?!\d0{6,}\b)\d{7,40}(?![\w%]|[.,-]\d)", _telephone),
)

# --- signs ------------------------------------------------------------------------------------------------

_PARTS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅛": "1/8", "⅜": "3/8"}
_PARTED = (
    rule(f"(?<=\\d)[ ]?([{''.join(_PARTS)}])", lambda match: f" {_PARTS[match[1]]}"),
    rule(f"[{''.join(_PARTS)}]", lambda match: _PARTS[match[0]]),
)
_ALONE = r"(?<![^\s\"'“‘(\[,;:])", r"(?![^\s\"'”’)\],;:.!?])"
_ROMAN: dict[str, int] = dict(
    zip(
        ("II", "III", "IV", "VI", "VII", "VIII", "IX", "XI", "XII", "XIII", "XIV"),
        (2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14),
        strict=True,
    )
)
_SIGNS = (
    rule(r"\bw/(o\b)?", lambda match: "without" if match[1] else "with"),
    rule(r"[ ]?&[ ]?", lambda match: " and "),
    rule(r"[ ]?@[ ]?", lambda match: " at "),
    rule(r"[ ]?%", lambda match: " percent"),
    rule(r"[ ]=[ ]", lambda match: " equals "),
    rule(r"[ ]\+[ ]", lambda match: " plus "),
    rule(_ALONE[0] + r"\*" + _ALONE[1], lambda match: "star"),
    rule(_ALONE[0] + "#" + _ALONE[1], lambda match: "pound"),
    rule(r"(?<![\w#])#(?=[A-Za-z])", lambda match: "hashtag "),
    rule(
        r"\b([A-Z][a-z]{2,20}[ ])(II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV)\b",
        lambda match: match[1] + numbers.integer(_ROMAN[match[2]]),
    ),
    rule(r"\b([Aa]nd)/or\b", lambda match: f"{match[1]} or"),
)
