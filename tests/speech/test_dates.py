"""Dates, times and durations as words."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.speech import dates


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [
        ("10/19/2010", "mdy", "October nineteenth, twenty ten"),
        ("10-12-2016", "", "October twelfth, twenty sixteen"),
        ("10-12-2016", "dmy", "December tenth, twenty sixteen"),
        ("2024-02-29", "", "February twenty-ninth, twenty twenty-four"),
        ("2024-29-02", "ydm", "February twenty-ninth, twenty twenty-four"),
        ("19.10.10", "dmy", "October nineteenth, twenty ten"),
        ("1/2/75", "mdy", "January second, nineteen seventy-five"),
        ("Oct 19, 2010", "", "October nineteenth, twenty ten"),
        ("19th of October 2010", "", "October nineteenth, twenty ten"),
        ("19 October 2010", "mdy", "October nineteenth, twenty ten"),
        ("Sept 3rd", "", "September third"),
        ("3 May", "", "May third"),
        ("10/2010", "", "October twenty ten"),
        ("2010-10", "", "October twenty ten"),
        ("10/2010", "my", "October twenty ten"),
        ("5/4", "md", "May fourth"),
        ("5/4", "dm", "April fifth"),
        ("12", "d", "twelfth"),
        ("12", "m", "December"),
        ("2012", "y", "twenty twelve"),
        ("1999", "", "nineteen ninety-nine"),
        ("13/13/2010", "", None),
        ("2/30/2010", "", None),
        ("10/19", "mdy", None),
        ("10/19/2010", "xyz", None),
        ("tomorrow", "", None),
        ("1/2/3/4", "", None),
        ("", "", None),
        ("10 & 12", "", None),
    ],
)
def test_dates(text: str, form: str, words: str | None) -> None:
    assert dates.date(text, form) == words


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_all_ways_to_write_a_date_are_the_same_date(day: datetime.date) -> None:
    year = f"{day.year:04}"
    by_format = {
        "ymd": f"{year}-{day.month:02}-{day.day:02}",
        "mdy": f"{day.month}/{day.day}/{year}",
        "dmy": f"{day.day}.{day.month}.{year}",
        "ydm": f"{year} {day.day} {day.month}",
    }
    said = {dates.date(text, form) for form, text in by_format.items()}
    assert said == {dates.date(by_format["ymd"])}
    assert None not in said


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [
        ("4:00am", "hms12", "four a.m."),
        ("12:35pm", "hms12", "twelve thirty-five p.m."),
        ("12:35 P.M.", "", "twelve thirty-five p.m."),
        ("4pm", "", "four p.m."),
        ("4:05", "hms12", "four oh five"),
        ("4:00", "", "four o'clock"),
        ("1:14:32", "", "one fourteen and thirty-two seconds"),
        ("08:15", "hms24", "oh eight fifteen"),
        ("08:15", "hms12", "eight fifteen"),
        ("16:00", "", "sixteen hundred"),
        ("02:50:01", "hms24", "oh two fifty and one second"),
        ("00:30", "", "zero thirty"),
        ("00:00", "hms24", "zero hundred"),
        ("25:00", "", None),
        ("4:60", "", None),
        ("13:00pm", "", None),
        ("4", "", None),
        ("noon", "", None),
    ],
)
def test_times(text: str, form: str, words: str | None) -> None:
    assert dates.time(text, form) == words


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [
        ("01:18:30", "", "one hour, eighteen minutes and thirty seconds"),
        ("01:18:30", "hms", "one hour, eighteen minutes and thirty seconds"),
        ("01:18", "ms", "one minute and eighteen seconds"),
        ("01:18", "hm", "one hour and eighteen minutes"),
        ("00:00", "", "zero seconds"),
        ("02:00:00", "", "two hours"),
        ("1:2:3:4", "", None),
        ("1:x", "", None),
        ("01:18", "hms", None),
    ],
)
def test_durations(text: str, form: str, words: str | None) -> None:
    assert dates.duration(text, form) == words


@given(
    st.text(max_size=40), st.sampled_from(["", *dates.DATE_FORMATS, "hms12", "hms24", "hms", "hm", "ms", "?"])
)
def test_any_text_is_words_or_none(text: str, form: str) -> None:
    for function in (dates.date, dates.time, dates.duration):
        words = function(text, form)
        assert words is None or words
