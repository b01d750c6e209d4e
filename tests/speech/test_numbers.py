"""Numbers as words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.speech import numbers

_UNITS = {numbers.integer(n): n for n in range(20)} | {numbers.integer(n): n for n in range(20, 100, 10)}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}


def read(words: str) -> int:
    """The number that words say, the way a child adds them up."""
    total = group = 0
    for word in words.replace("-", " ").split():
        if word == "hundred":
            group *= 100
        elif word in _SCALES:
            total, group = total + group * _SCALES[word], 0
        else:
            group += _UNITS[word]
    return total + group


@given(st.integers(0, 10**15 - 1))
def test_every_number_reads_back(value: int) -> None:
    assert read(numbers.integer(value)) == value


@given(st.integers(0, 10**15 - 1))
def test_commas_change_nothing(value: int) -> None:
    assert numbers.cardinal(f"{value:,}") == numbers.cardinal(str(value)) == numbers.integer(value)


@given(st.text(max_size=60))
def test_any_text_is_a_number_or_none(text: str) -> None:
    for function in (numbers.cardinal, numbers.ordinal, numbers.fraction):
        words = function(text)
        assert words is None or words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0", "zero"),
        ("10", "ten"),
        ("21", "twenty-one"),
        ("100", "one hundred"),
        ("101", "one hundred one"),
        ("1204", "one thousand two hundred four"),
        ("1,204.50", "one thousand two hundred four point five zero"),
        ("-5", "minus five"),
        ("−5", "minus five"),
        ("+5", "plus five"),
        (".5", "zero point five"),
        ("007", "seven"),
        ("1000000", "one million"),
        ("1000001", "one million one"),
        ("12,34", None),
        ("1.2.3", None),
        ("", None),
        (".", None),
        ("ten", None),
        ("٣", None),
        ("1" + "0" * 33, "one decillion"),
        ("1" * 37, " ".join(["one"] * 37)),
        ("0" * 5000, "zero"),
    ],
)
def test_cardinals(text: str, words: str | None) -> None:
    assert numbers.cardinal(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1", "first"),
        ("2nd", "second"),
        ("3rd", "third"),
        ("5th", "fifth"),
        ("8.", "eighth"),
        ("9", "ninth"),
        ("12th", "twelfth"),
        ("20", "twentieth"),
        ("21st", "twenty-first"),
        ("40TH", "fortieth"),
        ("100th", "one hundredth"),
        ("101st", "one hundred first"),
        ("1,000", "one thousandth"),
        ("0", "zeroth"),
        ("first", None),
        ("-1", None),
        ("1" * 37, None),
        ("0" * 5000 + "3", "third"),
    ],
)
def test_ordinals(text: str, words: str | None) -> None:
    assert numbers.ordinal(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3/8", "three eighths"),
        ("1/8", "one eighth"),
        ("1/2", "one half"),
        ("3/2", "three halves"),
        ("1/4", "one quarter"),
        ("3/4", "three quarters"),
        ("2/1", "two over one"),
        ("1 1/2", "one and one half"),
        ("5/21", "five twenty-firsts"),
        ("1/0", None),
        ("1/2/3", None),
    ],
)
def test_fractions(text: str, words: str | None) -> None:
    assert numbers.fraction(text) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "zero"),
        (476, "four hundred seventy-six"),
        (1000, "one thousand"),
        (1066, "ten sixty-six"),
        (1900, "nineteen hundred"),
        (1905, "nineteen oh five"),
        (1999, "nineteen ninety-nine"),
        (2000, "two thousand"),
        (2005, "two thousand five"),
        (2010, "twenty ten"),
        (2024, "twenty twenty-four"),
        (2100, "twenty-one hundred"),
    ],
)
def test_years(value: int, words: str) -> None:
    assert numbers.year(value) == words


def test_digits() -> None:
    assert numbers.digits("1-0x4") == "one zero four"
