"""Texts in pieces that are spoken one after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.speech.sentences import LONGEST, pieces, sentences


def texts(text: str) -> list[str]:
    return [piece.text for piece in pieces(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("Dr. Smith lives on St. James Rd. He is in.", ["Dr. Smith lives on St. James Rd.", "He is in."]),
        ("It costs 3.50 dollars. Really!", ["It costs 3.50 dollars.", "Really!"]),
        ("Come at 10 a.m. on Friday.", ["Come at 10 a.m. on Friday."]),
        ('He said "no." Then he left.', ['He said "no."', "Then he left."]),
        ("J. R. Miller called.", ["J. R. Miller called."]),
        ("One\n\nTwo", ["One", "Two"]),
        ("One\nline", ["One line"]),
        ("Wait... what?", ["Wait... what?"]),
        ("你好。再见！", ["你好。", "再见！"]),
        ("... !? ", []),
        ("", []),
        ("See hookflash.example.org for more", ["See hookflash.example.org for more"]),
    ],
)
def test_sentences(text: str, wanted: list[str]) -> None:
    assert list(sentences(text)) == wanted


def test_a_short_text_is_one_piece() -> None:
    assert texts("Please hold the line.") == ["Please hold the line."]


def test_the_first_sentence_is_parted_at_an_early_mark() -> None:
    text = "Please hold the line, the next free agent, if there is one, will be with you shortly."
    assert texts(text) == [
        "Please hold the line, the next free agent,",
        "if there is one, will be with you shortly.",
    ]


def test_a_mark_too_early_or_too_late_is_not_used() -> None:
    assert texts("Well, " + "word " * 12) == ["Well, " + "word " * 11 + "word"]


def test_only_the_first_piece_of_a_text_is_that_short() -> None:
    long = "This is another sentence, with a mark in it, but it is spoken while the first is heard."
    assert texts("Good morning. " + long) == ["Good morning.", long]


def test_words_are_parted_at_a_space_only_when_they_have_no_mark() -> None:
    found = texts("word " * 200)
    assert all(len(piece) <= LONGEST for piece in found)
    assert " ".join(found).split() == ["word"] * 200


def test_pauses_tell_sentences_from_clauses() -> None:
    found = pieces("Please hold the line, the next free agent will be with you shortly. Thank you.")
    assert found[0].pause < found[1].pause == found[2].pause


@given(st.text(alphabet="ab 1.,;:!?—-\n\"')。、é", max_size=600))
def test_nothing_is_lost_or_said_twice(text: str) -> None:
    found = texts(text)
    assert "".join(filter(str.isalnum, "".join(found))) == "".join(filter(str.isalnum, text))
    assert all(len(piece) <= LONGEST + 1 for piece in found)
    assert all(any(map(str.isalnum, piece)) for piece in found)


@pytest.mark.parametrize(
    "text",
    [
        "a. " * 6_600,
        "a" * 9_000 + " ." + " a ." * 2_700,
        "." * 19_999 + "a",
        "a, " * 6_600,
        "a" + " " * 10_000 + "\n" + " " * 9_000 + "b",
        "a" + " \n" * 9_000 + "b",
    ],
    ids=["initials", "no end", "dots", "clauses", "white space", "empty lines"],
)
def test_hostile_texts_are_parted_in_time_that_grows_with_their_length_only(text: str) -> None:
    # Each of these once took seconds to hours, in a loop that everybody waited for.
    found = "".join(texts(text))
    assert found.replace(" ", "").strip(".") == "".join(text.split()).strip(".")


@given(st.text(alphabet='aB1 .,!\n"”…。;—', max_size=60))
def test_whether_a_sentence_ends_depends_on_little_around_its_mark(text: str) -> None:
    # A long way off, the same text is parted in the same places.
    far = list(sentences("Far away it began. " + text))
    assert "".join(far).replace(" ", "") == "".join(
        (*sentences("Far away it began."), *sentences(text))
    ).replace(" ", "")
