"""Dates, times of day and their ranges in plain English texts, in words."""

from __future__ import annotations

import re

from hookflash.speech import dates
from hookflash.speech.abbreviations import stop_after
from hookflash.speech.rewriting import Rule, Say, rewritten, rule

_MONTH = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
)
_LONG = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = {name[:3]: name for name in _LONG}
_SHORT |= {"Tues": "Tuesday", "Thur": "Thursday", "Thurs": "Thursday"}
_DAY = "|".join((*_LONG, *sorted(_SHORT, key=len, reverse=True)))
_ZONE = re.compile(
    rf"[ ](?:Eastern|Central|Mountain|Pacific|[ECMP][SD]?T\b|GMT|UTC|BST|(?:{_DAY})\b|{_MONTH})", re.ASCII
)
"""What may follow a "p.m." that ends no sentence."""
_YEAR = r"(?:1[5-9]|20)\d\d"
_NTH = r"\d{1,2}(?:st|nd|rd|th)?"
_AFTER = r"(?![\w:/%]|[.,]\d)"
_HALF = r"[ ]?(?:[AaPp]\.[ ]?[Mm]\.|[AaPp][Mm]\b)"
_TIME = rf"(\d{{1,2}}:\d\d(?::\d\d)?)({_HALF})?"


def say_dates(text: str, *, month_first: bool = True) -> str:
    """``text`` with its dates and times in words; ``month_first``: whether 3/4 is in March."""
    return rewritten(text, (*(_MONTH_FIRST if month_first else _DAY_FIRST), *_NAMED, *_TIMES))


def _ordered(*forms: str) -> Say:
    """A date of figures in one of the orders, the likeliest first."""

    def say(match: re.Match[str]) -> str | None:
        return next(filter(None, (dates.date(match[0], form) for form in forms)), None)

    return say


def _numeric(*forms: str) -> tuple[Rule, ...]:
    return (
        rule(r"(?<=\d\d)T(?=\d\d:)", lambda match: " at "),
        rule(r"(?<![\w/.-])\d{4}([/-])\d{1,2}\1\d{1,2}(?![\w/-])", _ordered("ymd")),
        rule(
            rf"(?<![\w/.-])\d{{1,2}}(?:([./-])\d{{1,2}}\1{_YEAR}|/\d{{1,2}}/\d\d)(?![\w/-])", _ordered(*forms)
        ),
        rule(
            r"(?<=on |by )\d{1,2}/\d{1,2}(?![\w/-]|[.,]\d)",
            _ordered(*(form.removesuffix("y") for form in forms)),
        ),
    )


_MONTH_FIRST, _DAY_FIRST = _numeric("mdy", "dmy"), _numeric("dmy", "mdy")


def _days(match: re.Match[str]) -> str | None:
    """ "Dec. 24-26"."""
    first, last = dates.date(match[1]), dates.date(f"January {match[2]}")
    return f"{first} to {last.removeprefix('January ')}" if first and last else None


def _date(match: re.Match[str]) -> str | None:
    return dates.date(match[0])


def _long(name: str) -> str:
    return _SHORT.get(name, name)


_NAMED = (
    rule(rf"\b({_MONTH}[ ]{_NTH})[ ]?[-–][ ]?({_NTH}){_AFTER}", _days),
    rule(rf"\b{_MONTH}[ ]{_NTH}(?:,?[ ]{_YEAR})?(?!{_HALF}){_AFTER}", _date),
    rule(rf"(?<![\w.,$/-]){_NTH}[ ](?:of[ ])?{_MONTH}(?:,?[ ]{_YEAR})?{_AFTER}", _date),
    rule(rf"\b{_MONTH},?[ ]{_YEAR}{_AFTER}", _date),
    rule(
        rf"\b({_DAY})\.?[ ]?[-–][ ]?({_DAY})\b(?:\.(?=[ ,]))?",
        lambda match: f"{_long(match[1])} to {_long(match[2])}",
    ),
    # "Sat", "Sun" and "Wed" are words too, but hardly before a time or a comma and a month.
    rule(
        rf"\b({_DAY})\b(?:\.(?=[ ,]))?(?=,?[ ](?:(?:from|at|the)[ ])?\d|,?[ ]{_MONTH}[ ])",
        lambda m: _long(m[1]),
    ),
    rule(r"\b(Mon|Tues?|Thu(?:rs?)?|Fri)\.", lambda match: _long(match[1]) + stop_after(match)),
)


def _time(match: re.Match[str]) -> str | None:
    half = match[2] and match[2].strip(" \u00a0\u202f")
    said = dates.time(match[1] + (f"{half[0]}m" if half else ""))
    if said is None or not half:
        return said
    ends = half.endswith(".") and not _ZONE.match(match.string, match.end())
    words = said.removesuffix(f"{half[0].lower()}.m.")
    return f"{words}{half[0].upper()}M{stop_after(match) if ends else ''}"


_TIMES = (
    # "9 to 5 PM" is of both; "9 AM - 5 PM" is a range, "room 5 - 3rd floor" is none.
    rule(rf"((?:\d|\b)\d(?:{_HALF}|:\d\d(?:{_HALF})?))[ ]?[-–—][ ]?(?=\d)", lambda match: f"{match[1]} to "),
    rule(rf"(?<![\w:.,$]){_TIME}(?![\w:])", _time),
    rule(rf"(?<![\w:.,$/-])(\d{{1,2}})({_HALF})", _time),
)
