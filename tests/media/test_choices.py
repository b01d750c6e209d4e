"""Which choice was meant, and when nobody can say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.media.choices import MOST_NEAR, Choice, meant, of_tone, phrases
from hookflash.wire.enums import Tone

CHOICES = (
    Choice("Sales", ("sales", "the sales team"), Tone.ONE),
    Choice("Support", ("support", "technical support"), Tone.TWO),
    Choice("Billing", ("billing", "my bill", "invoices"), Tone.THREE),
    Choice("Confirm", ("yes", "confirm"), Tone.FOUR),
    Choice("Cancel", ("no", "cancel"), Tone.EIGHT),
    Choice("talkToAgent", ("operator", "talk to an agent"), Tone.POUND),
    Choice("Room", ("room twenty one",)),
    Choice("Blue", ("blue",)),
    Choice("Red", ("red",), Tone.ASTERISK),
)

MEANT = {
    "Sales": [
        "Sales.",
        "SALES",
        "sails",
        "sails please",
        "I'd like sales, please.",
        "um, sales",
        "sales sales",
        "the sales team",
        "sales team",
        "a sales team",
        "one",
        "1",
        "press one",
        "number one, please",
        "won",
    ],
    "Support": ["support", "Supports", "suport", "technical support!", "two", "to", "too", "press to"],
    "Billing": ["billing", "my bill", "invoice", "in voices", "three"],
    "Confirm": ["Yes.", "yes, please", "yes yes", "confirm", "conform", "four", "for", "Confirm"],
    "Cancel": ["No.", "no no no", "No, thanks.", "know", "cancel", "can sell", "eight", "ate"],
    "talkToAgent": ["operator", "talk to an agent", "talk to the agent", "talk to agent", "pound", "hash"],
    "Room": ["room 21", "room twenty-one", "Room Twenty One."],
    "Blue": ["blue", "blew"],
    "Red": ["red", "read", "star", "asterisk"],
}
NOT_MEANT = [
    "",
    "...",
    "please",
    "um",
    "the weather is nice today",
    "I have no idea",
    "now",
    "new",
    "bread",
    "filling",
    "tales",
    "sales or support",
    "sales support",
    "yes no",
    "room twenty two",
    "room 12",
    "ten",
    "five",
    "yesterday",
    "I want to talk about something else entirely",
    "ball",
    "opera",
]


@pytest.mark.parametrize(("label", "said"), [(label, said) for label, all in MEANT.items() for said in all])
def test_what_is_meant(label, said):
    match = meant(CHOICES, said)
    assert match is not None
    assert match.label == label


@pytest.mark.parametrize("said", NOT_MEANT)
def test_what_is_not(said):
    assert meant(CHOICES, said) is None


def test_a_phrase_is_told_as_the_app_wrote_it_and_a_key_as_it_was_said():
    assert meant(CHOICES, "ROOM 21").phrase == "room twenty one"
    assert meant(CHOICES, "sails").phrase == "sales"
    assert meant(CHOICES, "Press one.").phrase == "Press one."
    assert meant(CHOICES, "Sales").likeness == 1.0
    assert 0.8 <= meant(CHOICES, "sails").likeness < 1.0


def test_a_phrase_comes_before_a_label_and_a_label_before_a_key():
    choices = (Choice("two", ("one",), Tone.THREE), Choice("three", ("two",), Tone.ONE))
    assert meant(choices, "one").label == "two"
    assert meant(choices, "two").label == "three"
    assert meant(choices, "three").label == "three"


def test_the_same_phrase_for_two_choices_means_neither():
    choices = (Choice("a", ("help",)), Choice("b", ("help", "assistance")))
    assert meant(choices, "help") is None
    assert meant(choices, "assistance").label == "b"


def test_two_phrases_that_are_about_as_near_mean_neither():
    choices = (Choice("a", ("marina",)), Choice("b", ("marine",)))
    assert meant(choices, "marins") is None
    assert meant(choices, "marine").label == "b"


def test_a_grammar_makes_up_for_a_poor_likeness_and_never_for_none():
    assert meant(CHOICES, "opera", "operator").label == "talkToAgent"
    assert meant(CHOICES, "opera", "operator").how == "grammar and likeness"
    assert meant(CHOICES, "opera", "sales") is None
    assert meant(CHOICES, "the weather is nice today", "sales") is None
    assert meant(CHOICES, "", "sales") is None
    assert meant(CHOICES, "sales", "support").label == "Sales"


def test_keys():
    assert of_tone(CHOICES, Tone.TWO) is CHOICES[1]
    assert of_tone(CHOICES, Tone.NINE) is None


def test_what_may_be_said_is_the_phrases_or_else_the_label():
    assert phrases((Choice("a", ("b", "c")), Choice("d", (), Tone.ONE))) == ("b", "c", "d")


def test_without_latin_letters_it_has_to_be_near_in_letters():
    choices = (Choice("yes", ("はい",)), Choice("operator", ("オペレーター",)))
    assert meant(choices, "はい。").label == "yes"
    assert meant(choices, "オペレータ").label == "operator"
    assert meant(choices, "いいえ") is None


@given(st.text(max_size=80), st.sampled_from(["", "sales", "operator"]))
def test_whatever_is_said_it_means_one_of_them_or_none(said, grammar):
    match = meant(CHOICES, said, grammar)
    assert match is None or match.label in {choice.label for choice in CHOICES}


@given(st.integers(0, 999))
def test_every_number_is_only_itself(number):
    choices = tuple(Choice(f"n{value}", (f"room {value}",)) for value in range(0, 1000, 7))
    match = meant(choices, f"room {number}")
    assert (match.label if match else None) == (f"n{number}" if number % 7 == 0 else None)


def test_of_very_many_phrases_the_first_are_compared_for_likeness_and_all_for_sameness():
    choices = tuple(Choice(f"c{a}", tuple(f"phrase {a} and {b}" for b in range(MOST_NEAR))) for a in range(2))
    choices += (Choice("last", ("something else",)),)
    assert meant(choices, "something else").label == "last"
    assert meant(choices, "somethin else") is None
    assert meant(choices[-1:], "somethin else").label == "last"
    assert meant(choices, "phrase 1 and 999").label == "c1"
