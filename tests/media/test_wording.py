"""Words as they compare, and how near two of them are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.media.wording import LONGEST, distance, label_words, likeness, sound, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes, please!", "yes please"),
        ("I'd like it", "id like it"),
        ("I’d like it", "id like it"),
        ("Straße  Café\n", "strasse cafe"),
        ("twenty one", "21"),
        ("Twenty-one", "21"),
        ("one two three", "1 2 3"),
        ("two hundred and five", "205"),
        ("two hundred and nothing", "200 and nothing"),
        ("nine hundred ninety nine", "999"),
        ("a hundred", "a hundred"),
        ("twenty zero", "20 0"),
        ("twenty eleven", "20 11"),
        ("the 1st and 3rd", "the first and third"),
        ("room 21", "room 21"),
        ("snake_case", "snake case"),
        ("日本語", "日本語"),
        ("", ""),
        ("...", ""),
    ],
)
def test_words_are_written_one_way(text, expected):
    assert " ".join(words(text)) == expected


def test_labels_may_be_names_of_programs():
    assert label_words("talkToAgent2") == ("talk", "to", "agent", "2")
    assert label_words("HTTP") == ("http",)


def test_a_text_without_end_is_cut():
    assert "".join(words("a" * 10_000)) == "a" * LONGEST


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sales", "sails"),
        ("night", "knight"),
        ("center", "centre"),
        ("check", "cheque"),
        ("ate", "eight"),
        ("blue", "blew"),
        ("phone", "fone"),
    ],
)
def test_what_sounds_the_same(one, other):
    assert sound(one) == sound(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ball", "bill"), ("sale", "sell"), ("thin", "tin"), ("chat", "cat")]
)
def test_what_does_not(one, other):
    assert sound(one) != sound(other)


def test_other_writings_have_no_english_sound():
    assert sound("привет") == "привет"


def slow(one: str, other: str) -> int:
    """The whole table, without bounds."""
    table = [
        [row + column if not row * column else 0 for column in range(len(other) + 1)]
        for row in range(len(one) + 1)
    ]
    for row in range(1, len(one) + 1):
        for column in range(1, len(other) + 1):
            same = one[row - 1] == other[column - 1]
            best = min(
                table[row - 1][column] + 1,
                table[row][column - 1] + 1,
                table[row - 1][column - 1] + (not same),
            )
            if (
                row > 1
                and column > 1
                and one[row - 1] == other[column - 2]
                and one[row - 2] == other[column - 1]
            ):
                best = min(best, table[row - 2][column - 2] + 1)
            table[row][column] = best
    return table[-1][-1]


SHORT = st.text("abc", max_size=9)


@given(SHORT, SHORT, st.integers(0, 9))
def test_distance_is_that_of_the_whole_table(one, other, most):
    assert distance(one, other, most) == min(slow(one, other), most + 1)
    assert distance(one, other, most) == distance(other, one, most)


@given(SHORT, SHORT, st.floats(0, 1))
def test_likeness_is_between_0_and_1_and_nothing_below_its_least(one, other, least):
    value = likeness(one, other, least)
    assert 0 <= value <= 1
    assert (value == 1) is (one == other != "")
    assert value == 0 or value >= least - 1e-6


@given(st.text(max_size=50))
def test_words_of_words_are_the_same(text):
    once = words(text)
    assert all(word == word.casefold() and word.strip() for word in once)
    assert words(text.upper()) == words(text.upper().casefold())


def test_characters_that_stand_for_many_count_as_many() -> None:
    assert sum(map(len, words("\ufdfa" * LONGEST))) <= LONGEST
    assert words("e\u0301cole") == words("\u00e9cole") == ("ecole",)
