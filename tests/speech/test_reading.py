"""What is made of plain English text before a voice that reads little by itself is given it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash.speech.reading import LONGEST_FACTOR, read


def readings(table: str) -> list[tuple[str, str]]:
    """Lines of "written => read"."""
    return [tuple(line.strip().split(" => ")) for line in table.strip().splitlines()]  # type: ignore[misc]


MONEY = """
    Pay $5.99 now. => Pay five dollars and ninety-nine cents now.
    USD 20, 20 EUR, US$5, 5¢ => twenty US dollars, twenty euros, five US dollars, five cents
    $5M, $20K, $2bn => five million dollars, twenty thousand dollars, two billion dollars
    $1.5 million => one point five million dollars
    -$5 or $5-10 or $5-$10 => minus five dollars or five to ten dollars or five to ten dollars
    $5.99/mo. for it => five dollars and ninety-nine cents per month. for it
    £1.01, €10, $.50 => one pound and one penny, ten euros, fifty cents
"""
TELEPHONES = """
    call +1 425 555 0123 => call plus one, four two five, five five five, zero one two three
    (425) 555-0123 ext. 45. => four two five, five five five, zero one two three, extension four five.
    425.555.0123 => four two five, five five five, zero one two three
    555-0123 => five five five, zero one two three
    +44 (20) 7946 0958 => plus four four, two zero, seven nine four six, zero nine five eight
    1-800-FLOWERS => one, eight zero zero, FLOWERS
    account 12345678 => account one two three, four five six, seven eight
    4111 1111 1111 1111 => four one one one, one one one one, one one one one, one one one one
    PIN 1234, room 204 => PIN one two three four, room two zero four
    your code is 4839 => your code is four eight three nine
    ending in 0042 => ending in zero zero four two
    12-34-56 => one two, three four, five six
"""
DATES = """
    12/24/2026 => December twenty-fourth, twenty twenty-six
    24/12/2026 => December twenty-fourth, twenty twenty-six
    2026-12-24 => December twenty-fourth, twenty twenty-six
    Dec. 24, 2026 => December twenty-fourth, twenty twenty-six
    24 Dec 2026 => December twenty-fourth, twenty twenty-six
    Dec 24-26 => December twenty-fourth to twenty-sixth
    Jan 5, Feb. 3rd, May 2026 => January fifth, February third, May twenty twenty-six
    on 3/4 => on March fourth
    Mon-Fri, Sat. 9-5 => Monday to Friday, Saturday nine to five
    in 1995, the 1990s => in nineteen ninety-five, the nineteen nineties
    You may 5 times. => You may five times.
    He sat. The sun. => He sat. The sun.
"""
TIMES = """
    3:30 PM => three thirty PM
    at 3:30 p.m. Bring it. => at three thirty PM. Bring it.
    at 4 p.m. Eastern => at four PM Eastern
    9am-5pm, 9 AM - 5 PM => nine AM to five PM, nine AM to five PM
    9:00-17:00 => nine o'clock to seventeen hundred
    2026-12-24T10:05 => December twenty-fourth, twenty twenty-six at ten oh five
"""
NUMBERS = """
    1st, 21st and 4th-floor => first, twenty-first and fourth-floor
    10% off, 0.5 %, 10-12% => ten percent off, zero point five percent, ten to twelve percent
    1,204.50 and 1,5 => one thousand two hundred four point five zero and one, five
    1/2, 3/4, 1 1/2, ½, 1½ => one half, three quarters, one and one half, one half, one and one half
    24/7, 5/20 => twenty-four seven, five slash twenty
    5 kg, 1 kg, 5ft, 5 min => five kilograms, one kilogram, five feet, five minutes
    20 °C, 70°F => twenty degrees Celsius, seventy degrees Fahrenheit
    No. 5, #5, no. 6 => number five, number five, number six
    No. I will not. => No. I will not.
    1.2.3 and 192.168.0.1 => one point two point three and one nine two dot one six eight dot zero dot one
    COVID-19 H2O A320 MP3 5G v2.5 => COVID-nineteen H two O A three two zero MP three five G v two point five
    007, 1234567, 2000000 => zero zero seven, one two three, four five six seven, two million
    -5, ~5, 50+, 4x6, 2 + 2 = 4 => minus five, about five, fifty plus, four by six, two plus two equals four
    5'10" tall => five feet ten tall
    World War II => World War two
"""
WORDS = """
    Dr. Smith and Dr Lee => Doctor Smith and Doctor Lee
    12 Oak Dr. is it => twelve Oak Drive is it
    The Dr. is in. => The Doctor is in.
    St. James on Main St. near 5th St. => Saint James on Main Street near fifth Street.
    Mr. and Mrs. Jones, Ms. Lee => Mister and Missus Jones, Miz Lee
    this, e.g. that, i.e. both => this, for example that, that is both
    Acme Inc. is it. We are Acme Inc. => Acme Incorporated is it. We are Acme Incorporated.
    cats, dogs, etc. Then => cats, dogs, et cetera. Then
    AT&T, and/or, w/ milk, w/o => AT and T, and or, with milk, without
    press # or *, #5 => press pound or star, number five
"""
ADDRESSES = """
    john.doe@example.co.uk. => john dot doe at example dot co dot U K.
    https://www.example.com/a-b => www dot example dot com slash a dash b
    example.net?x=1. => example dot net question mark x equals one.
    example.org/ is => example dot org is
    http://localhost:8080/ => localhost colon eight zero eight zero
    file.txt, end.Next => file.txt, end.Next
"""


@pytest.mark.parametrize(
    ("written", "words"),
    [
        pair
        for table in (MONEY, TELEPHONES, DATES, TIMES, NUMBERS, WORDS, ADDRESSES)
        for pair in readings(table)
    ],
)
def test_what_is_written_short_is_read_in_words(written: str, words: str) -> None:
    assert read(written) == words


def test_lines_and_everything_else_stay() -> None:
    text = 'Thank you for calling.\n\nPlease hold the line… "it\'s" (really) naïve: 你好!\n'
    assert read(text) == text


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-US", "May sixth, twenty twenty"),
        ("", "May sixth, twenty twenty"),
        ("EN", "May sixth, twenty twenty"),
        ("en-GB", "June fifth, twenty twenty"),
        ("en-AU", "June fifth, twenty twenty"),
        ("de-DE", "5/6/2020"),
        ("es", "5/6/2020"),
    ],
)
def test_the_locale_tells_days_from_months_and_english_from_the_rest(locale: str, words: str) -> None:
    assert read("5/6/2020", locale) == words


BITS = st.sampled_from(
    # So many quotes cannot be read.
    """$ 5 . 99 % +1 425 555 - 0123 Dr Dr. St. St Oak Jan Dec. 24 2026 / : 30 PM p.m. am @ example .com www.
    http:// # * & 1st e.g. i.e. No. no kg C ° ½ k M million USD x ' s ( ) , VI World Mon Sun. – to PIN code
    T € and/or w/ = + ~ v1 00 007 é ٣ … Ms. Mr and Mrs. ext. in of per month 1,000 9 " ID [ III""".split()  # noqa: SIM905
) | st.sampled_from(" \n\u00a0")
TEXTS = (
    st.lists(BITS, max_size=14).map("".join)
    | st.text(max_size=60)
    | st.text(alphabet="0123456789 .,:/-$%+#@&*()x'\"ABkmTtPpAMw", max_size=40)
)
KEPT = ("please", "press", "the", "account", "balance", "is", "due", "hello", "Monday", "thanks", "Smith")
NUMBER = re.compile(
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|teen|twent|thirt|fort|fift|hundred"
    "|first|second|third|half|quarter"
)


@settings(deadline=None, max_examples=500)
@given(TEXTS)
def test_whatever_it_is_no_figure_is_left_it_stays_short_and_reads_as_itself(text: str) -> None:
    words = read(text)
    assert not re.search("[0-9]", words)
    assert len(words) <= LONGEST_FACTOR * len(text)
    assert read(words) == words


@settings(deadline=None, max_examples=500)
@given(st.lists(st.sampled_from(KEPT) | TEXTS, max_size=12))
def test_words_are_never_left_out_nor_put_in_another_order(parts: list[str]) -> None:
    text = " ".join(parts)
    kept = [word for word in re.findall(r"(?<!\S)[A-Za-z]+(?!\S)", text) if word in KEPT]
    words = iter(re.findall(r"[A-Za-z]+", read(text)))
    assert all(word in words for word in kept), read(text)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 10**12), TEXTS, TEXTS)
def test_a_number_is_heard_wherever_it_stands(number: int, before: str, after: str) -> None:
    assert NUMBER.search(read(f"{before} {number} {after}"))


@pytest.mark.parametrize(
    "text",
    """1 1, 1,111, 1- a1 $1 +1 (1 a@ a. 1/ 1:11 Dr. Oak_St._ Mon- Jan_1_ _ ½ A1- code_1 # &_ 0_ 12_Oak_ http://a
    www.""".split(),  # noqa: SIM905
)
def test_long_texts_are_read_in_time_that_grows_with_their_length_only(text: str) -> None:
    # What takes quadratic time in one of these takes minutes.
    text = text.replace("_", " ")
    assert read((text * 50_000)[:50_000])
