"""What is said in an hour of speech: sentences put together from words, none of them twice.

Three sorts in turn: what is said on a telephone, with numbers, names, dates and sums; what is said anywhere;
and words that do not exist, made of the sounds English has, so that sounds follow each other that no phrase
book brings together.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


NAMES = _words(
    "Alice Abraham Beatrice Boris Charlotte Chester Deirdre Dominic Eleanor Ethan Fiona Felix Georgia Gordon "
    "Harriet Hugo Imogen Isaac Josephine Julian Katherine Kevin Louise Leopold Miriam Matthew Naomi Nigel "
    "Olivia Oscar Philippa Patrick Queenie Quentin Rosalind Rupert Sheila Stephen Theresa Thaddeus Ursula "
    "Victor Winifred Walter Xenia Yvonne Zachary Zoe"
)
SURNAMES = _words(
    "Abbott Anderson Brewster Chang Delacroix Eastwood Fitzgerald Garcia Henderson Ivanov Jankowski Kowalski "
    "Lindqvist MacGregor Nakamura O'Brien Papadopoulos Quigley Rodriguez Sutherland Thompson Underwood "
    "Vasquez Worthington Yamamoto Zimmermann"
)
PLACES = _words(
    "Birmingham Chattanooga Dublin Edinburgh Fairbanks Glasgow Honolulu Indianapolis Johannesburg Kalamazoo "
    "Louisville Minneapolis Newcastle Oklahoma Philadelphia Queensland Reykjavik Sacramento Tallahassee Utah "
    "Vancouver Wellington Yosemite Zanzibar"
)
THINGS = _words(
    "aubergine bicycle cupboard dishwasher envelope fireplace guitar hedgehog instrument jigsaw keyboard "
    "lawnmower microphone newspaper omelette parachute quilt refrigerator suitcase thermometer umbrella "
    "violin wheelbarrow xylophone yoghurt zipper invoice parcel prescription passport router subscription "
    "warranty voucher mortgage appointment password statement refund delivery ticket"
)
QUALITIES = _words(
    "awkward broken cheerful damaged enormous faulty green heavy invisible jolly knitted leaking misty "
    "narrow orange peculiar quiet rusty squeaky thin unusual velvet weightless yellow zealous missing urgent"
)
DOINGS = _words(
    "borrowed carried delivered examined found guarded heard imagined juggled kicked lost measured noticed "
    "opened painted questioned repaired sold threw understood visited washed cancelled ordered returned"
)
WAYS = _words(
    "awkwardly beautifully carefully daily eagerly furiously gently hourly innocently joyfully "
    "kindly loudly mysteriously neatly oddly politely quickly rarely slowly thoroughly usually "
    "voluntarily wisely yearly zestfully"
)
DAYS = _words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _words("January February March April May June July August September October November December")
FIGURES = _words("zero one two three four five six seven eight nine")
OPENINGS = (
    "Hello, I am calling because",
    "Good morning,",
    "Well,",
    "To be honest,",
    "Could you tell me why",
    "I am sorry, but",
    "As I said before,",
    "Oh no,",
    "Excuse me,",
    "Listen,",
    "I think that",
    "My neighbour says",
    "Yes, yes, yes,",
    "Do you know whether",
)

ONSETS = _words(
    "b bl br ch cl cr d dr f fl fr g gl gr h j k l m n p pl pr qu r s sc sh sk sl sm sn sp spl spr st str "
    "sw t th thr tr tw v w wh y z"
)
MIDDLES = _words("a ai ar au aw e ea ee er ey i ie ir igh o oa oi oo or ou ow oy u ue ur")
ENDINGS = _words(
    "b ck d dge f ft g k l ld lk lm lp lt m mp n nch nd ng nk nt p pt r rd rk rm s sh sk st t th ve x"
)

Words = random.Random


def person(words: Words) -> str:
    return f"{words.choice(NAMES)} {words.choice(SURNAMES)}"


def figures(words: Words, most: int = 12) -> str:
    """A number as it is read out, figure by figure."""
    return " ".join(words.choices(FIGURES, k=words.randint(3, most)))


def thing(words: Words) -> str:
    return f"{words.choice(QUALITIES)} {words.choice(THINGS)}"


def date(words: Words) -> str:
    month = f"{words.choice(MONTHS)} {words.randint(1, 28)}, {words.randint(1900, 2099)}"
    return f"{words.choice(DAYS)}, {month}"


def made_up(words: Words) -> str:
    """A word that does not exist."""
    parts = [words.choice(ONSETS) + words.choice(MIDDLES) for _ in range(words.randint(1, 3))]
    return "".join(parts) + (words.choice(ENDINGS) if words.random() < 0.8 else "")


TELEPHONE: tuple[Callable[[Words], str], ...] = (
    lambda w: f"My account number is {figures(w)}, and my name is {person(w)}.",
    lambda w: f"The call back number is {figures(w)}, ask for {person(w)} in {w.choice(PLACES)}.",
    lambda w: f"{w.choice(OPENINGS)} the {thing(w)} from {date(w)} never came.",
    lambda w: f"For the {thing(w)} press {w.choice(FIGURES)}, for a {thing(w)} press {w.choice(FIGURES)}.",
    lambda w: f"You were charged {w.randint(2, 9999)} dollars and {w.randint(1, 99)} cents on {date(w)}.",
    lambda w: f"The train to {w.choice(PLACES)} leaves at {w.randint(1, 12)}:{w.randint(10, 59)}.",
    lambda w: f"Can {person(w)} come on {date(w)}, at about {w.randint(1, 12)} o'clock?",
    lambda w: f"{w.choice(OPENINGS)} the order {figures(w, 8)} {w.choice(WAYS)} {w.choice(DOINGS)} nothing!",
    lambda w: f"That is {', '.join(w.choice(NAMES) for _ in range(3))}, and {person(w)}.",
    lambda w: f"Spell it please: {' '.join(w.choices('ABCDEFGHIJKLMNOPQRSTUVWXYZ', k=w.randint(4, 8)))}.",
)
"""What is said on a telephone."""
ANYWHERE: tuple[Callable[[Words], str], ...] = (
    lambda w: f"{person(w)} {w.choice(WAYS)} {w.choice(DOINGS)} the {thing(w)}.",
    lambda w: f"{w.choice(OPENINGS)} a {thing(w)} in {w.choice(PLACES)} {w.choice(DOINGS)} a {thing(w)}.",
    lambda w: f"Who {w.choice(DOINGS)} {w.choice(NAMES)}'s {thing(w)} in {w.choice(PLACES)}?",
    lambda w: f"Never {w.choice(WAYS)} ask a {thing(w)} what the {thing(w)} {w.choice(DOINGS)}!",
    lambda w: f"{w.choice(NAMES)} and {w.choice(NAMES)} {w.choice(DOINGS)} {w.randint(3, 900)} {thing(w)}s.",
    lambda w: f"Ooh, ah, the {thing(w)}, hmm, {w.choice(WAYS)} {w.choice(DOINGS)}, {w.choice(NAMES)}.",
)
"""What is said anywhere."""


def nonsense(words: Words) -> str:
    """A sentence of words that do not exist."""
    said = " ".join(made_up(words) for _ in range(words.randint(4, 9)))
    return said.capitalize() + words.choice((".", ".", "?", "!"))


def sentences(seed: int) -> Iterator[str]:
    """Sentences without end, each said once; the same for the same ``seed``."""
    words = random.Random(seed)
    said: set[str] = set()
    sorts: tuple[Callable[[Words], str], ...] = (
        lambda w: w.choice(TELEPHONE)(w),
        lambda w: w.choice(ANYWHERE)(w),
        nonsense,
    )
    while True:
        for sort in sorts:
            sentence = sort(words)
            if sentence not in said:
                said.add(sentence)
                yield sentence
