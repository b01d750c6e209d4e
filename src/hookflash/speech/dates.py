"""Dates, times of day and durations as words, in American English.

All take text as it is written and return words, or None for what is no such thing.
"""

from __future__ import annotations

import re

from hookflash.speech import numbers

DATE_FORMATS = ("mdy", "dmy", "ymd", "ydm", "my", "md", "ym", "dm", "d", "m", "y")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PIECE = re.compile(r"\d{1,4}|[a-z]{3,9}", re.ASCII | re.IGNORECASE)
_FILL = re.compile(r"(?:st|nd|rd|th)?(?:[\s./,-]|of)*", re.IGNORECASE)
_TIME = re.compile(
    r"(\d{1,2})(?:[:.](\d{2}))?(?:[:.](\d{2}))?\s*(?:([ap])\.?\s?m\.?)?", re.ASCII | re.IGNORECASE
)
_CENTURY_TURN = 50
"""A year of two digits below this is of this century, else of the last."""


def date(text: str, form: str = "") -> str | None:
    """ "10/19/2010" is "October nineteenth, twenty ten".

    ``form`` tells the order of day, month and year (one of :data:`DATE_FORMATS`); without it the date is
    year first where it begins with four digits, and month first otherwise.
    """
    pieces = _pieces(text)
    if not pieces or len(pieces) > 3:
        return None
    form = form.lower() or _usual(pieces)
    if form not in DATE_FORMATS or len(form) != len(pieces):
        return None
    named = [one for one in pieces if one.isalpha()]
    if named:
        # A month by its name is where it is, whatever the order was said to be.
        if len(named) > 1 or "m" not in form:
            return None
        numbered = iter([one for one in pieces if one.isdigit()])
        pieces = [named[0] if kind == "m" else next(numbered) for kind in form]
    values = dict(zip(form, pieces, strict=True))
    month = _month(values["m"]) if "m" in values else None
    day = _number(values["d"], 1, 31) if "d" in values else None
    when = _year(values["y"]) if "y" in values else ""
    if ("m" in values and month is None) or ("d" in values and day is None) or when is None:
        return None
    if month and day and day > _DAYS[month - 1]:
        return None
    words = " ".join(
        ([_MONTHS[month - 1]] if month else []) + ([numbers.as_ordinal(numbers.integer(day))] if day else [])
    )
    if not when:
        return words
    return f"{words}, {when}" if day else f"{words} {when}".strip()


def time(text: str, form: str = "") -> str | None:
    """ "4:05am" is "four oh five a.m.", "16:00" is "sixteen hundred".

    ``form`` is "hms12" or "hms24"; without it a time with "am" or "pm" is of twelve hours, and so is one from
    1 to 12 that does not begin with 0.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None or (match[2] is None and match[4] is None):
        return None
    hour, minute, second = int(match[1]), int(match[2] or 0), int(match[3] or 0)
    half = f" {match[4].lower()}.m." if match[4] else ""
    if minute > 59 or second > 59 or hour > 24 or (half and not 1 <= hour <= 12):
        return None
    twelve = bool(half) or (
        1 <= hour <= 12 and (form.lower().endswith("12") or (not form and not match[1].startswith("0")))
    )
    if minute:
        words = f"{_hour(hour, twelve)} {'oh ' if minute < 10 else ''}{numbers.integer(minute)}"
    elif second or half:
        words = _hour(hour, twelve)
    else:
        words = f"{numbers.integer(hour)} o'clock" if twelve else f"{_hour(hour, twelve)} hundred"
    if second:
        words += f" and {_count(second, 'second')}"
    return words + half


def duration(text: str, form: str = "") -> str | None:
    """ "01:18:30" is "one hour, eighteen minutes and thirty seconds"; ``form`` is hms, hm or ms."""
    parts = text.strip().split(":")
    form = form.lower() or {2: "ms", 3: "hms"}.get(len(parts), "")
    if form not in ("hms", "hm", "ms") or len(parts) != len(form):
        return None
    if not all(re.fullmatch(r"\d{1,4}", one, re.ASCII) for one in parts):
        return None
    units = {"h": "hour", "m": "minute", "s": "second"}
    said = [_count(int(n), units[unit]) for unit, n in zip(form, parts, strict=True) if int(n)]
    if not said:
        return _count(0, units[form[-1]])
    return " and ".join(filter(None, (", ".join(said[:-1]), said[-1])))


def _pieces(text: str) -> list[str] | None:
    """The numbers and names of a date; None where something else is between them."""
    found: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _PIECE.match(text, at)
        if match is None or len(found) == 3:
            return None
        found.append(match[0])
        fill = _FILL.match(text, match.end())
        at = fill.end() if fill else match.end()
    return found


def _usual(pieces: list[str]) -> str:
    """The order of a date that does not say it."""
    named = [at for at, one in enumerate(pieces) if one.isalpha()]
    year_first = len(pieces[0]) == 4 and 0 not in named
    if len(pieces) == 3:
        if year_first:
            return "ymd"
        return "dmy" if named == [1] else "mdy"
    if len(pieces) == 2:
        if year_first:
            return "ym"
        if len(pieces[1]) == 4:
            return "my"
        return "dm" if named == [1] else "md"
    return "m" if named else "y" if year_first else "d"


def _month(text: str) -> int | None:
    if text.isdigit():
        return _number(text, 1, 12)
    for at, name in enumerate(_MONTHS):
        if name.lower().startswith(text.lower()) or (text.lower() == "sept" and name == "September"):
            return at + 1
    return None


def _number(text: str, low: int, high: int) -> int | None:
    return int(text) if text.isdigit() and low <= int(text) <= high else None


def _year(text: str) -> str | None:
    if not text.isdigit() or len(text) == 3:
        return None
    value = int(text)
    if len(text) <= 2:
        value += 2000 if value < _CENTURY_TURN else 1900
    return numbers.year(value)


def _hour(hour: int, twelve: bool) -> str:
    return numbers.integer(hour) if twelve or hour >= 10 or not hour else f"oh {numbers.integer(hour)}"


def _count(value: int, unit: str) -> str:
    return f"{numbers.integer(value)} {unit}{'' if value == 1 else 's'}"
