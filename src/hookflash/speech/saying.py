"""What SSML's say-as makes of a text, in words that every engine reads the same way.

Exact for English; of other languages only what has no words of a language in it (single characters and
digits) is done, the rest is left to the engine.
"""

from __future__ import annotations

import re

from hookflash.speech import dates, numbers

MAX_TEXT = 500
"""Characters that are looked at; nothing that long is a number or to be spelled."""

_CHARACTERS = {
    "*": "star",
    "#": "pound",
    "+": "plus",
    "-": "dash",
    "_": "underscore",
    ".": "dot",
    ",": "comma",
    "@": "at",
    "/": "slash",
    "\\": "backslash",
    "&": "and",
    "%": "percent",
    "$": "dollar",
    ":": "colon",
    ";": "semicolon",
    "!": "exclamation mark",
    "?": "question mark",
    "=": "equals",
    "'": "apostrophe",
    '"': "quote",
    "(": "open parenthesis",
    ")": "close parenthesis",
}
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "USD": ("US dollar", "US dollars", "cent", "cents"),
    "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("British pound", "British pounds", "penny", "pence"),
    "JPY": ("Japanese yen", "Japanese yen", "", ""),
    "INR": ("Indian rupee", "Indian rupees", "paisa", "paise"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "MXN": ("Mexican peso", "Mexican pesos", "centavo", "centavos"),
}
_SIGNS = re.escape("".join(one for one in _CURRENCIES if len(one) == 1))
_CODES = "|".join(one for one in _CURRENCIES if len(one) > 1)
_AMOUNT = r"(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d+))?"
_CURRENCY = re.compile(
    rf"([−-])?\s*(?:([{_SIGNS}]|{_CODES})\s*)?([−-])?{_AMOUNT}\s*(thousand|million|billion|trillion)?"
    rf"\s*([{_SIGNS}]|{_CODES})?",
    re.ASCII | re.IGNORECASE,
)
_EXTENSION = re.compile(r"(?:extension|ext|x)\.?\s*", re.ASCII | re.IGNORECASE)


def say_as(text: str, interpret_as: str, form: str, locale: str) -> str | None:
    """The words for ``text``, or None where it is to be spoken as it stands: it is not what ``interpret_as``
    says, or that is not known, or not in this language."""
    text = " ".join(text.split())
    if len(text) > MAX_TEXT:
        return None
    kind = interpret_as.strip().lower()
    english = locale.lower().partition("-")[0] in ("", "en")
    if kind in ("characters", "spell-out", "letters", "verbatim"):
        return characters(text, english=english)
    if kind in ("digits", "number_digit"):
        return digits(text, english=english)
    if not english:
        return digits(text, english=False) if kind == "telephone" else None
    if kind == "date":
        return dates.date(text, form.strip())
    if kind == "time":
        return dates.time(text, form.strip())
    if kind == "duration":
        return dates.duration(text, form.strip())
    if kind == "number" and form.strip().lower() in ("ordinal", "digits", "telephone"):
        kind = form.strip().lower()
    by_kind = {
        "cardinal": numbers.cardinal,
        "number": numbers.cardinal,
        "digits": digits,
        "ordinal": numbers.ordinal,
        "fraction": numbers.fraction,
        "telephone": telephone,
        "currency": currency,
    }
    return by_kind[kind](text) if kind in by_kind else None


KNOWN = frozenset(
    (
        *("characters", "spell-out", "letters", "verbatim", "digits", "number_digit", "date", "time"),
        *("duration", "cardinal", "number", "ordinal", "fraction", "telephone", "currency"),
    )
)
"""What say-as can be told to be."""


def characters(text: str, *, english: bool = True) -> str:
    """Each character by its name: "A1-b" is "A, one, dash, B"."""
    named = [_character(one) if english else one.upper() for one in text if not one.isspace()]
    return ", ".join(named)


def digits(text: str, *, english: bool = True) -> str:
    """Each digit by its name, other characters where they stand: "12 b" is "one two b"."""
    parts: list[str] = []
    for one in re.findall(r"[0-9]|[^0-9\s]+", text):
        if one.isdigit() and english:
            parts.append(numbers.digits(one))
        elif one.strip("-./()") or not english:
            parts.append(one)
    return " ".join(parts)


def telephone(text: str) -> str | None:
    """ "(425) 555-0123" is "four two five, five five five, zero one two three"."""
    number, *extension = _EXTENSION.split(text, maxsplit=1)
    if not re.fullmatch(r"\+?[0-9A-Za-z()*#\s./-]+", number.strip()):
        return None
    groups: list[str] = []
    for run in re.findall(r"\+|[0-9]+|[A-Za-z]+|[*#]", number):
        if not run.isdigit():
            groups.append(_CHARACTERS.get(run, run))
            continue
        groups.extend(numbers.digits(piece) for piece in _grouped(run))
    if not any(one.isdigit() for one in number):
        return None
    if groups[0] == "plus":
        groups[:2] = ["plus " + groups[1]]
    if extension:
        if not re.fullmatch(r"[0-9\s-]+", extension[0].strip()):
            return None
        groups.append("extension " + numbers.digits(extension[0]))
    return ", ".join(groups)


def currency(text: str) -> str | None:
    """ "$5.99" is "five dollars and ninety-nine cents", "99 USD" "ninety-nine US dollars"."""
    match = _CURRENCY.fullmatch(text.strip())
    if match is None or not (match[4] or match[5]) or bool(match[2]) == bool(match[7]):
        return None
    one, many, cent, cents = _CURRENCIES[(match[2] or match[7]).upper()]
    minus = "minus " if match[1] or match[3] else ""
    whole, part = match[4] or "0", match[5] or ""
    if match[6]:
        return f"{minus}{numbers.cardinal(whole + (f'.{part}' if part else ''))} {match[6].lower()} {many}"
    if part and (not cent or len(part) > 2):
        return f"{minus}{numbers.cardinal(f'{whole}.{part}')} {many}"
    words = numbers.cardinal(whole) or ""
    total = f"{words} {one if words == 'one' else many}"
    small = int((part + "0")[:2]) if part else 0
    if not small:
        return minus + total
    change = f"{numbers.integer(small)} {cent if small == 1 else cents}"
    return f"{minus}{change}" if words == "zero" else f"{minus}{total} and {change}"


def _character(one: str) -> str:
    if one in "0123456789":
        return numbers.digits(one)
    return _CHARACTERS.get(one, one.upper() if len(one.upper()) == 1 else one)


def _grouped(run: str) -> list[str]:
    """A run of digits as it is said: as the North American plan has it, else in threes."""
    if len(run) <= 4:
        return [run]
    if len(run) == 11 and run[0] == "1":
        return [run[0], *_grouped(run[1:])]
    cuts = range(0, len(run), 3)
    pieces = [run[at : at + 3] for at in cuts]
    if len(pieces) > 1 and len(pieces[-1]) == 1:
        pieces[-2:] = ["".join(pieces[-2:])]
    return pieces
