"""Numbers as words, in American English.

All take text as it is written and return words, or None for what is no such number. Words, because an engine
reads "$1,204.50" or "21st" in a way of its own, and the same prompt has to be the same in every voice.
"""

from __future__ import annotations

import re

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = (
    *("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion", "sextillion"),
    *("septillion", "octillion", "nonillion", "decillion"),
)
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
MAX_DIGITS = 3 * len(_SCALES)
"""Longer numbers are read digit by digit."""

_CARDINAL = re.compile(r"([+−-])?\s*(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d+))?", re.ASCII)
_ORDINAL = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)\s*(?:st|nd|rd|th|\.)?", re.ASCII | re.IGNORECASE)
_FRACTION = re.compile(r"(?:(\d{1,36})\s+)?(\d{1,36})\s*[/⁄]\s*(\d{1,36})", re.ASCII)


def digits(text: str) -> str:
    """Each digit by its name: "104" is "one zero four"; what is no digit is left out."""
    return " ".join(_ONES[int(one)] for one in text if one in "0123456789")


def integer(value: int) -> str:
    """1204 is "one thousand two hundred four"; at least 0, at most :data:`MAX_DIGITS` digits."""
    if value < 1000:
        return _below_thousand(value)
    parts: list[str] = []
    for scale in _SCALES:
        value, rest = divmod(value, 1000)
        if rest:
            parts.append(f"{_below_thousand(rest)} {scale}".rstrip())
        if not value:
            break
    return " ".join(reversed(parts))


def cardinal(text: str) -> str | None:
    """ "-1,204.50" is "minus one thousand two hundred four point five zero"."""
    match = _CARDINAL.fullmatch(text.strip())
    if match is None or not (match[2] or match[3]):
        return None
    words = _whole(match[2] or "0")
    if match[3]:
        words += " point " + digits(match[3])
    sign = {"-": "minus ", "−": "minus ", "+": "plus "}.get(match[1] or "", "")
    return sign + words


def ordinal(text: str) -> str | None:
    """ "21", "21st" and "21." are "twenty-first"."""
    match = _ORDINAL.fullmatch(text.strip())
    if match is None:
        return None
    plain = match[1].replace(",", "")
    if len(plain.lstrip("0")) > MAX_DIGITS:
        return None
    return as_ordinal(integer(int(plain[-MAX_DIGITS:])))


def as_ordinal(words: str) -> str:
    """The ordinal of a cardinal in words."""
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[cut:]
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return words[:cut] + last


def fraction(text: str) -> str | None:
    """ "3/8" is "three eighths", "1 1/2" is "one and one half"."""
    match = _FRACTION.fullmatch(text.strip())
    if match is None or not int(match[3]):
        return None
    above, below = int(match[2]), int(match[3])
    if below == 2:
        name = "half" if above == 1 else "halves"
    elif below == 4:
        name = "quarter" if above == 1 else "quarters"
    elif below == 1:
        name = "over one"
    else:
        name = as_ordinal(integer(below)) + ("" if above == 1 else "s")
    words = f"{integer(above)} {name}"
    return f"{integer(int(match[1]))} and {words}" if match[1] else words


def year(value: int) -> str:
    """A year from 0 to 9999 as people say it: 1905 is "nineteen oh five", 2024 "twenty twenty-four"."""
    century, rest = divmod(value, 100)
    if century < 10 or value % 1000 < 10:
        return integer(value)
    if not rest:
        return f"{integer(century)} hundred"
    return f"{integer(century)} {'oh ' if rest < 10 else ''}{integer(rest)}"


def _whole(text: str) -> str:
    plain = text.replace(",", "")
    if len(plain.lstrip("0")) > MAX_DIGITS:
        return digits(plain)
    return integer(int(plain[-MAX_DIGITS:]))


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = f"{_ONES[hundreds]} hundred" if hundreds else ""
    if not rest and words:
        return words
    if rest < 20:
        below = _ONES[rest]
    else:
        tens, one = divmod(rest, 10)
        below = f"{_TENS[tens]}-{_ONES[one]}" if one else _TENS[tens]
    return f"{words} {below}" if words else below
