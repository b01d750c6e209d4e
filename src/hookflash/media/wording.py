"""Words as they compare: written one way, and how near two of them are, in letters and in sound.

The sound is that of English, roughly: good enough to see that "sails" was "sales", and not asked where the
letters agree anyway.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

LONGEST = 400
"""Characters of a text that are looked at."""

_UNITS = re.findall(
    r"\w+",
    """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen""",
)
_NUMBERS = {word: value for value, word in enumerate(_UNITS)}
_TENS = {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_ORDINALS = {
    "1st": "first",
    "2nd": "second",
    "3rd": "third",
    "4th": "fourth",
    "5th": "fifth",
    "6th": "sixth",
    "7th": "seventh",
    "8th": "eighth",
    "9th": "ninth",
    "10th": "tenth",
}
# How a number of one figure is written by those who heard another word; asked only where it stands alone.
_SOUNDS_LIKE: dict[str, tuple[str, ...]] = {
    "won": ("1",),
    "to": ("2",),
    "too": ("2",),
    "tree": ("3",),
    "for": ("4",),
    "fore": ("4",),
    "sex": ("6",),
    "ate": ("8",),
    "o": ("0",),
    "oh": ("0",),
    "know": ("no",),
    "by": ("bye", "buy"),
    "buy": ("bye", "by"),
    "bye": ("buy", "by"),
    "read": ("red",),
    "red": ("read",),
    "see": ("c",),
    "sea": ("c",),
    "be": ("b",),
    "bee": ("b",),
}

_SPLIT_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])")
_NOT_A_WORD = re.compile(r"[^\w]+|_+")
_APOSTROPHES = str.maketrans("", "", "'\u2018\u2019\u02bc`")


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The words of ``text``: without case, accents and punctuation, numbers in figures.

    Only its first :data:`LONGEST` characters count.
    """
    plain = text[:LONGEST]
    if not plain.isascii():
        # Cut once more: one character may stand for a dozen.
        plain = unicodedata.normalize("NFKD", plain)[:LONGEST]
    plain = plain.casefold().translate(_APOSTROPHES)
    if not plain.isascii():
        plain = "".join(char for char in plain if not unicodedata.combining(char))
        plain = unicodedata.normalize("NFC", plain)
    found = [word for word in _NOT_A_WORD.split(plain) if word]
    return tuple(_in_figures([_ORDINALS.get(word, word) for word in found]))


def label_words(label: str) -> tuple[str, ...]:
    """As :func:`words`, for a name that may be written ``likeThis`` or ``likeThis2``."""
    return words(_SPLIT_CAMEL.sub(" ", label[:LONGEST]))


def sounds_like(word: str) -> tuple[str, ...]:
    """What may have been said where ``word`` was written and stands alone."""
    return _SOUNDS_LIKE.get(word, ())


def _in_figures(found: list[str]) -> list[str]:
    """ "twenty one" becomes 21, "two hundred and five" 205; "one two" stays two numbers."""
    result: list[str] = []
    at = 0
    while at < len(found):
        value, used = _number(found[at:])
        result.append(str(value) if used else found[at])
        at += used or 1
    return result


def _number(found: list[str]) -> tuple[int, int]:
    """A number below a thousand at the front of ``found``, and how many words it takes; 0 for none."""
    value, used = _below_hundred(found)
    if used and value < 10 and found[used : used + 1] == ["hundred"]:
        value, used = value * 100, used + 1
        skip = used + (found[used : used + 1] == ["and"])
        more, taken = _below_hundred(found[skip:])
        if taken:
            return value + more, skip + taken
    return value, used


def _below_hundred(found: list[str]) -> tuple[int, int]:
    if not found:
        return 0, 0
    first = found[0]
    if first in _NUMBERS:
        return _NUMBERS[first], 1
    if first not in _TENS:
        return 0, 0
    unit = _NUMBERS.get(found[1], 0) if len(found) > 1 else 0
    return (_TENS[first] + unit, 2) if 0 < unit < 10 else (_TENS[first], 1)


# --- nearness -------------------------------------------------------------------------------------------

_SPELLINGS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"^(kn|gn|pn)", "n"),
        (r"^wr", "r"),
        (r"^ps", "s"),
        (r"^wh", "w"),
        (r"^x", "s"),
        (r"eigh", "A"),
        (r"igh", "I"),
        (r"gh(?=t)|gh$", ""),
        (r"ph", "f"),
        (r"[aeiou]r$|(?<=[b-df-hj-np-tv-z])re$", "R"),
        # A silent e makes the vowel before it long.
        (r"a([b-df-hj-np-tv-z])e(s?)$", r"A\1\2"),
        (r"e([b-df-hj-np-tv-z])e(s?)$", r"E\1\2"),
        (r"i([b-df-hj-np-tv-z])e(s?)$", r"I\1\2"),
        (r"o([b-df-hj-np-tv-z])e(s?)$", r"O\1\2"),
        (r"u([b-df-hj-np-tv-z])e(s?)$", r"U\1\2"),
        (r"tch", "C"),
        (r"sch|sh|[tsc]i(?=[ao])", "S"),
        (r"ch", "C"),
        (r"th", "T"),
        (r"dg(?=e)", "J"),
        (r"ck", "k"),
        (r"c(?=[eiy])", "s"),
        (r"[cq]u?", "k"),
        (r"x", "ks"),
        (r"z", "s"),
        (r"j|g(?=e$)", "J"),
        (r"ai|ay|ei|ey", "A"),
        (r"ee|ea|ie|y$", "E"),
        (r"oa|oe|o$", "O"),
        (r"oo|ue|ew|ui", "U"),
        (r"ou|ow", "W"),
        (r"oi|oy", "Y"),
        (r"au|aw", "o"),
        (r"(?<=[a-zA-Z]{2})e$", ""),
        (r"y", "i"),
        (r"(.)\1+", r"\1"),
    )
)


@lru_cache(maxsize=4096)
def sound(letters: str) -> str:
    """How ``letters`` sound in English: capitals are long vowels and consonants of two letters.

    Other writings come back as they are.
    """
    if not letters.isascii():
        return letters
    for pattern, replacement in _SPELLINGS:
        letters = pattern.sub(replacement, letters)
    return letters


def distance(one: str, other: str, most: int) -> int:
    """How many letters are put in, left out, replaced or swapped with their neighbour to make ``other`` of
    ``one``; ``most`` + 1 when it is more than ``most``.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        current = [row] + [most + 1] * len(other)
        for column in range(max(1, row - most), min(len(other), row + most) + 1):
            same = letter == other[column - 1]
            best = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (not same))
            swapped = (
                row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == other[column - 1]
            )
            current[column] = min(best, before[column - 2] + 1) if swapped else best
        if min(current) > most:
            return most + 1
        before, last = last, current
    return min(last[-1], most + 1)


def likeness(one: str, other: str, least: float) -> float:
    """1 when both are the same, 0 when they share nothing, or less than ``least``."""
    longest = max(len(one), len(other))
    if not longest:
        return 0.0
    most = int((1.0 - least) * longest + 1e-9)
    apart = distance(one, other, most)
    return 1.0 - apart / longest if apart <= most else 0.0
