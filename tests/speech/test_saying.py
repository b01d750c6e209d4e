"""What say-as makes of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.speech import saying


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("(888) 555-1212", "eight eight eight, five five five, one two one two"),
        ("+1 425 555 0123", "plus one, four two five, five five five, zero one two three"),
        ("+14255550123", "plus one, four two five, five five five, zero one two three"),
        ("1-800-555-1212", "one, eight zero zero, five five five, one two one two"),
        ("5551212", "five five five, one two one two"),
        ("911", "nine one one"),
        ("425.555.0123 ext. 45", "four two five, five five five, zero one two three, extension four five"),
        ("555-0123x9", "five five five, zero one two three, extension nine"),
        ("+49 30 123456", "plus four nine, three zero, one two three, four five six"),
        ("*69", "star, six nine"),
        ("1-800-FLOWERS", "one, eight zero zero, FLOWERS"),
        ("call me", None),
        ("", None),
    ],
)
def test_telephone_numbers(text: str, words: str | None) -> None:
    assert saying.telephone(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("99.9 USD", "ninety-nine US dollars and ninety cents"),
        ("$5.99", "five dollars and ninety-nine cents"),
        ("$1", "one dollar"),
        ("$1.01", "one dollar and one cent"),
        ("$0.05", "five cents"),
        ("$.50", "fifty cents"),
        ("$0", "zero dollars"),
        ("$0.00", "zero dollars"),
        ("-$5", "minus five dollars"),
        ("$1,234.50", "one thousand two hundred thirty-four dollars and fifty cents"),
        ("$1.5 million", "one point five million dollars"),
        ("€10", "ten euros"),
        ("10 eur", "ten euros"),
        ("£1.01", "one pound and one penny"),
        ("¥100", "one hundred yen"),
        ("¥1.5", "one point five yen"),
        ("$1.999", "one point nine nine nine dollars"),
        ("5", None),
        ("$", None),
        ("$5 USD", None),
        ("5 XXX", None),
    ],
)
def test_amounts(text: str, words: str | None) -> None:
    assert saying.currency(text) == words


@pytest.mark.parametrize(
    ("kind", "form", "text", "words"),
    [
        ("characters", "", "A1-b", "A, one, dash, B"),
        ("spell-out", "", "test", "T, E, S, T"),
        ("spell-out", "", "ß é", "ß, É"),
        ("digits", "", "1 04", "one zero four"),
        ("digits", "", "12-34", "one two three four"),
        ("number_digit", "", "123", "one two three"),
        ("number", "", "12", "twelve"),
        ("number", "ordinal", "12", "twelfth"),
        ("number", "digits", "12", "one two"),
        ("cardinal", "", " 12 ", "twelve"),
        ("Cardinal", "", "12", "twelve"),
        ("ordinal", "", "3rd", "third"),
        ("fraction", "", "3/8", "three eighths"),
        ("date", "dmy", "1/2/2003", "February first, two thousand three"),
        ("time", "hms12", "1:02pm", "one oh two p.m."),
        ("duration", "ms", "1:02", "one minute and two seconds"),
        ("currency", "", "$2", "two dollars"),
        ("telephone", "", "911", "nine one one"),
        ("cardinal", "", "twelve", None),
        ("name", "", "Ed", None),
        ("", "", "Ed", None),
    ],
)
def test_say_as_in_english(kind: str, form: str, text: str, words: str | None) -> None:
    assert saying.say_as(text, kind, form, "en-US") == words
    assert saying.say_as(text, kind, form, "") == words


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("characters", "A1-b", "A, 1, -, B"),
        ("digits", "104", "1 0 4"),
        ("telephone", "030 12", "0 3 0 1 2"),
        ("cardinal", "12", None),
        ("date", "1/2/2003", None),
        ("currency", "$2", None),
    ],
)
def test_other_languages_keep_their_words(kind: str, text: str, words: str | None) -> None:
    assert saying.say_as(text, kind, "", "de-DE") == words


@given(
    st.text(max_size=600),
    st.sampled_from([*sorted(saying.KNOWN), "?"]),
    st.sampled_from(["", "en-GB", "fr-FR"]),
)
def test_any_text_is_words_or_none(text: str, kind: str, locale: str) -> None:
    words = saying.say_as(text, kind, "", locale)
    assert words is None or len(words) <= 30 * saying.MAX_TEXT


@given(st.text("0123456789", min_size=1, max_size=20))
def test_no_digit_of_a_telephone_number_is_lost(number: str) -> None:
    said = saying.telephone(number)
    assert said is not None
    assert said.replace(",", "") == saying.digits(number)


def test_a_long_text_is_not_looked_at() -> None:
    assert saying.say_as("1" * 501, "cardinal", "", "en-US") is None
