"""Which phrase was said, when the model, its text and the grammar do not all say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.speech.engines.choosing import LIKE, LIKELY, OPEN, SURE, Verdict, judge, nearness

PHRASES = ("gift cards", "returns", "refund", "wrong", "no")
FAR = -20.0


def judged(text: str, grammar: str, **gaps: float) -> Verdict:
    """``gaps`` by the first word of the phrase; others are far off."""
    all_gaps = {phrase: gaps.get(phrase.split()[0], FAR) for phrase in PHRASES}
    return judge(text, all_gaps, lambda: grammar)


def unasked() -> str:
    raise AssertionError("the grammar was asked")


@pytest.mark.parametrize(
    ("text", "grammar", "gaps", "choice"),
    [
        ("Hey.", "refund", {"wrong": -0.5}, "wrong"),
        # What the model finds likely needs a second.
        ("Run.", "", {"wrong": -2.0}, "wrong"),
        ("After fun.", "refund", {"refund": -2.0}, "refund"),
        ("After fun.", "returns", {"refund": -2.0}, ""),
        ("Banana.", "", {"no": -2.2}, ""),
        ("Return.", "refund", {"refund": -2.0, "returns": -2.5}, ""),
        # What it finds possible needs both.
        ("Good card.", "gift cards", {"gift": -4.0}, "gift cards"),
        ("Good card.", "refund", {"gift": -4.0}, ""),
        ("Good card.", "", {"gift": -4.0}, ""),
        ("Good evening.", "gift cards", {"gift": -4.0}, ""),
        # And what it does not, nobody believes.
        ("Gift card.", "gift cards", {"gift": -9.0}, ""),
    ],
)
def test_choices(text: str, grammar: str, gaps: dict[str, float], choice: str) -> None:
    assert judged(text, grammar, **gaps).choice == choice


def test_the_grammar_is_asked_only_where_it_may_matter() -> None:
    assert judge("Hey.", {"wrong": SURE}, unasked).choice == "wrong"
    assert judge("Run.", {"wrong": LIKELY}, unasked).choice == "wrong"
    assert judge("Hey.", {"wrong": OPEN - 0.1}, unasked) == Verdict()
    assert judge("Hey.", {}, unasked) == Verdict()


def test_what_the_grammar_heard_is_told_where_nothing_is_decided() -> None:
    assert judged("Good evening.", "refund", gift=-4.0) == Verdict("", "refund")


SAID = st.sampled_from(
    (*PHRASES, "run", "good card", "return", "re fund", "", "Nope.", "grifted cars")
) | st.text(max_size=12)
GAPS = st.dictionaries(st.sampled_from(PHRASES), st.floats(-12.0, 3.0), max_size=5)


@given(SAID, GAPS, st.sampled_from(("", *PHRASES)))
def test_the_grammar_never_decides_alone(text: str, gaps: dict[str, float], grammar: str) -> None:
    alone = judge(text, gaps, lambda: "").choice
    choice = judge(text, gaps, lambda: grammar).choice
    assert choice in (alone, grammar)
    if not choice:
        return
    assert gaps[choice] == max(gaps.values()), "it is what the model finds likeliest"
    if choice != alone:
        assert gaps[choice] >= OPEN
        assert all(nearness(text, other) <= nearness(text, choice) for other in gaps)
        assert gaps[choice] >= LIKELY or nearness(text, choice) >= LIKE


@given(SAID, SAID)
def test_nearness_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    assert 0.0 <= nearness(one, other) == nearness(other, one) <= 1.0
    assert nearness(one, one) in (0.0, 1.0)
