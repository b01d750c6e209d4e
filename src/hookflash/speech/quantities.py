"""Amounts, measures and other figures in plain English texts, in words."""

from __future__ import annotations

import re

from hookflash.speech import numbers, saying
from hookflash.speech.rewriting import rewritten, rule

_UNITS = {
    "kg": ("kilogram", "kilograms"),
    "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "lb": ("pound", "pounds"),
    "lbs": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "m": ("meter", "meters"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "sq ft": ("square foot", "square feet"),
    "yd": ("yard", "yards"),
    "ml": ("milliliter", "milliliters"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "ms": ("millisecond", "milliseconds"),
    "sec": ("second", "seconds"),
    "secs": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"),
    "hr": ("hour", "hours"),
    "hrs": ("hour", "hours"),
    "yr": ("year", "years"),
    "yrs": ("year", "years"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "%": ("percent", "percent"),
    "¢": ("cent", "cents"),
}
_PER = {"mo": "month", "yr": "year", "wk": "week", "hr": "hour", "min": "minute", "sec": "second"}
_SCALES = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion", "t": "trillion"}
_CODES = {"US": "USD", "CA": "CAD", "C": "CAD", "AU": "AUD", "A": "AUD"}
_SIGN, _CODE = "[$€£¥₹]", "USD|CAD|AUD|EUR|GBP|JPY|INR|CHF|MXN"
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_AMOUNT = rf"(?:{_NUMBER}|\.\d+)"
_SCALE = r"(?:[ ]?(?:thousand|million|billion|trillion|[kKMB]|bn)\b)?"
_ALONE = r"(?<![\w.,$€£¥₹])"


def say_quantities(text: str) -> str:
    """``text`` with its figures in words; none (of ASCII) are left. To be asked after telephone numbers,
    dates and times are."""
    return rewritten(text, _RULES)


# --- money ------------------------------------------------------------------------------------------------


def _money(match: re.Match[str]) -> str | None:
    written = " ".join(match[0].split())
    prefix = re.match(r"(-?)(US|CA|AU|[CA])\$", written)
    if prefix:
        written = f"{prefix[1]}{_CODES[prefix[2]]} {written[prefix.end() :]}"
    short = re.search(r"\d ?([kKMB]|bn)\b", written)
    if short:
        scale = _SCALES[short[1].lower()]
        written = f"{written[: short.start(1)].rstrip()} {scale}{written[short.end(1) :]}"
    return saying.currency(written)


def _money_range(match: re.Match[str]) -> str:
    """ "$5-10" is "5 to $10"."""
    return f"{match[2]} to {match[1]}{match[3]}"


def _measure(match: re.Match[str]) -> str:
    one, many = _UNITS[" ".join(match[2].split())]
    return f"{match[1]} {one if match[1] == '1' else many}"


# --- numbers that count, name or order --------------------------------------------------------------------


def _year(match: re.Match[str]) -> str:
    return f"{match[1]}{numbers.year(int(match[2]))}"


def _decade(match: re.Match[str]) -> str | None:
    """ "1990s", "'90s"."""
    century, tens = match[1], numbers.integer(int(match[2]))
    if tens == "zero":
        return None if not century else f"{numbers.year(int(century) * 100)}s"
    plural = f"{tens[:-1]}ies" if tens.endswith("y") else f"{tens}s"
    return f"{numbers.integer(int(century))} {plural}" if century else plural


def _plural(match: re.Match[str]) -> str | None:
    words = numbers.cardinal(match[1]) or ""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return words + ("es" if words.endswith("x") else "s")


def _over(match: re.Match[str]) -> str | None:
    """ "3/4", "1 1/2", "24/7", "12/24"."""
    whole, above, below = match[1] or "", int(match[2]), int(match[3])
    if (above, below) == (24, 7):
        return "twenty-four seven"
    if 0 < above < below and (below <= 10 or below in (12, 16, 32, 100)):
        return numbers.fraction(match[0])
    if len(match[2]) > 4 or len(match[3]) > 4:
        return None
    return f"{whole} {match[2]} slash {match[3]}".strip()


def _row(match: re.Match[str]) -> str:
    """The figures in a match, group by group, one by one."""
    return ", ".join(map(numbers.digits, re.findall(r"\d+", match[0])))


def _code(match: re.Match[str]) -> str:
    return f"{match[1]}{numbers.digits(match[2])}"


def _dotted(match: re.Match[str]) -> str:
    """ "1.2.3", "192.168.0.1"."""
    groups = match[0].split(".")
    mark = " point " if len(groups) == 3 else " dot "
    return mark.join(_named(group) for group in groups)


def _named(figures: str) -> str:
    """A number in a name: "19" is nineteen, "320" is three two zero."""
    return (
        numbers.integer(int(figures))
        if len(figures.lstrip("0") or "0") == len(figures) < 3
        else numbers.digits(figures)
    )


def _in_name(match: re.Match[str]) -> str:
    """ "B12", "v2.5", "3D"."""
    return _named(match[1] or match[3]) + (f" point {numbers.digits(match[2])}" if match[2] else "")


def _cardinal(match: re.Match[str]) -> str | None:
    figures = match[0]
    zeros = len(figures) > 1 and figures[0] == "0" and figures[1].isdigit()
    return numbers.digits(figures) if zeros and "." not in figures else numbers.cardinal(figures)


_NAMES = (
    r"[Cc]ode|PIN|[Pp]in|[Pp]asscode|[Pp]assword|ID|[Zz]ip|ZIP|[Aa]ccount|[Cc]onfirmation|[Rr]eference"
    r"|[Ee]xtension|[Ss]erial|[Ff]light|[Rr]oom|[Ee]nding in|[Ee]nds in|[Ee]nding with"
)
"""What has a number of figures to be said one by one."""
_TIMES = "month|mo|year|yr|week|wk|day|night|hour|hr|minute|min|second|sec|person|unit|mile"
_MEASURES = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_WHEN = r"[Ii]n|[Ss]ince|[Dd]uring|[Uu]ntil|[Yy]ear|[Cc]opyright|[Ss]ummer|[Ww]inter|[Ss]pring|[Ff]all"
_LAST = r"(?![\w%/-]|[.,]\d)"
"""Behind a number that does not go on."""
_RULES = (
    rule(
        rf"({_SIGN})({_NUMBER})[ ]?(?:[-–]|to)[ ]?{_SIGN}?({_NUMBER}{_SCALE})(?![\w-]|[.,]\d)", _money_range
    ),
    rule(rf"(?<![\w.,])[-−]?(?:(?:US|CA|AU|[CA])?{_SIGN}|(?:{_CODE})[ ]?)[-−]?{_AMOUNT}{_SCALE}", _money),
    rule(rf"{_ALONE}[-−]?{_AMOUNT}{_SCALE}[ ]?(?:[€£]|(?:{_CODE})\b)", _money),
    rule(r"(?<![\w.])(\d)['’′](\d{1,2})[\"”″]", lambda match: f"{match[1]} feet {match[2]}"),
    rule(r"(?<![\d.])\d{1,4}(?:\.\d{1,4}){2,5}(?![\w.]*\d)", _dotted),
    rule(r"(?<![\w.,-])\d+(?:-\d+){2,6}(?![\w-]|[.,]\d)", _row),
    rule(
        r"(?<=\d)[ ]?–[ ]?(?=[$€£¥₹]?\d)|(?<=\d)-(?=[$€£¥₹]?\d)|(?<=%)[ ]?[-–][ ]?(?=\d)",
        lambda match: " to ",
    ),
    rule(
        rf"(?<=[\da-z%])[ ]?/[ ]?({_TIMES})\b",
        lambda match: f" per {_PER.get(match[1], match[1])}",
    ),
    rule(
        rf"{_ALONE}({_AMOUNT})[ ]?({_MEASURES})(?![A-Za-z\d/°])",
        _measure,
    ),
    rule(
        rf"\b((?:{_NAMES})(?:[ ](?:number|is|was|code|no\.?))?(?:[ ]?[:#])?[ ]?)(\d{{3,40}}){_LAST}",
        _code,
    ),
    rule(r"(?:#[ ]?|№[ ]?|\bNo\.?[ ]?|\bno\.[ ]?)(?=\d)", lambda match: "number "),
    rule(r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", lambda match: numbers.ordinal(match[1])),
    rule(r"(?<!\w)['’]?(1[1-9]|20)?(\d0)['’]?s\b", _decade),
    rule(r"(?<![\w.,])(\d{1,9})['’]?s\b", _plural),
    rule(
        rf"\b((?:{_WHEN})[ ](?:of[ ]|early[ ]|late[ ])?)((?:1[5-9]|20)\d\d){_LAST}",
        _year,
    ),
    rule(r"\b((?:[Bb]y|[Bb]efore|[Aa]fter|[Ff]rom|[Oo]f|to|and)[ ])((?:19|20)\d\d)" + _LAST, _year),
    rule(rf"{_ALONE}(?:(\d{{1,4}})[ ])?(\d{{1,4}})[/⁄](\d{{1,4}})(?![\w/])", _over),
    rule(r"(?<=\d)[ ]?[x×][ ]?(?=\d)", lambda match: " by "),
    rule(r"(?<![\w.,])(\d{1,3})(?=[kK]\b)", _cardinal),
    rule(r"(?<=[A-Za-z])(\d+)(?:\.(\d+))?|(?<!\d)(\d+)(?=[A-Za-z])", _in_name),
    rule(r"(?<![\w)])[-−](?=[.]?\d)", lambda match: "minus "),
    rule(r"(?<=\d)[ ]?\+[ ]?(?=\d)", lambda match: " plus "),
    rule(r"(?<=\d)\+(?!\w)", lambda match: " plus"),
    rule(r"~[ ]?(?=\d)", lambda match: "about "),
    rule(r"(?<=\d)[ ]?:[ ]?(?=\d)", lambda match: " to "),
    rule(r"(?<=\d),(?=\d{1,2}(?!\d)|\d{4})", lambda match: ", "),
    rule(_NUMBER + r"|\.\d+", _cardinal),
)
