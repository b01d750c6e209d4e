"""Which of the choices was meant (contract section 6.3), and never a guess.

What was said is compared with each phrase, then with the labels, then with the names of the keys, after
what people say around an answer ("I'd like ... please") is taken off. What is written the same is taken; so
is what is nearly the same in letters or in sound, unless another choice is about as near. A number has to be
right in every figure, and a word of up to three letters in every letter. What a recogniser's grammar took it
for is an opinion: it makes up for a poor likeness, never for none, since a grammar hears one of its phrases
in anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hookflash.media.wording import label_words, likeness, sound, sounds_like, words
from hookflash.wire.enums import Tone

NEAR = 0.8
"""The likeness from which on a phrase is taken, 0 to 1."""
NEAR_WITH_GRAMMAR = 0.6
"""The same where a grammar took it for that phrase."""
MARGIN = 0.1
"""How much nearer it has to be than the phrases of other choices."""
SHORT = 3
"""Letters up to which nothing may differ."""
LONGEST_NEAR = 40
"""Letters up to which phrases are compared for likeness; longer ones have to be the same."""
MOST_NEAR = 1000
"""Phrases that are compared for likeness."""

_AROUND = frozenset(
    words(
        """a an the um uh er erm hm hmm mhm oh ah well okay ok so please thanks thank you just id ill im i it
    its thats that is would like want need have get give me my take choose pick select press say go with for
    to can could may lets let us think guess maybe option number choice"""
    )
)
"""What people say around an answer, apostrophes left out."""
_KEYS: dict[Tone, tuple[str, ...]] = {
    Tone.POUND: ("pound", "hash"),
    Tone.ASTERISK: ("star", "asterisk"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the choices: its ``label``, the ``phrases`` that mean it, and the key that does, if any."""

    label: str
    phrases: tuple[str, ...]
    tone: Tone | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """What was meant.

    ``phrase`` is the phrase of the choice that fits, or what was said where that was its label or its key.
    ``likeness`` is 1 where nothing differed. ``how`` says by what it was found.
    """

    label: str
    phrase: str
    likeness: float
    how: str


def of_tone(choices: Sequence[Choice], tone: Tone) -> Choice | None:
    """The choice a key stands for."""
    return next((choice for choice in choices if choice.tone is tone), None)


def phrases(choices: Sequence[Choice]) -> tuple[str, ...]:
    """Everything that may be said, for a recogniser to expect: each choice's phrases, or else its label."""
    return tuple(phrase for choice in choices for phrase in choice.phrases or (choice.label,))


def meant(choices: Sequence[Choice], said: str, grammar: str = "") -> Match | None:
    """The choice that ``said`` means, None when it is none of them or could be several.

    ``grammar`` is the phrase a grammar took it for, "" for none.
    """
    forms = _forms(words(said))
    if not forms:
        return None
    same = _same(choices, forms, said)
    if same is not None:
        return same if isinstance(same, Match) else None
    ranked = sorted(_near(choices, forms), key=lambda match: -match.likeness)
    if not ranked:
        return None
    best = ranked[0]
    rival = next((match.likeness for match in ranked if match.label != best.label), 0.0)
    if best.likeness >= NEAR and best.likeness - rival >= MARGIN:
        return best
    hinted = words(grammar) if grammar else ()
    for match in ranked:
        if match.label == best.label and words(match.phrase) == hinted and best.likeness > rival:
            return Match(match.label, match.phrase, match.likeness, "grammar and likeness")
    return None


def _forms(said: tuple[str, ...]) -> list[tuple[str, ...]]:
    """What was said, as it was, without what stands around it, and as it may have sounded."""
    first, last = 0, len(said)
    while first < last and said[first] in _AROUND:
        first += 1
    while last > first and said[last - 1] in _AROUND:
        last -= 1
    forms = [said, said[first:last]]
    forms += [_once(form) for form in forms]
    # A word alone, also one that is taken off elsewhere: "to" is a key's name.
    alone = {form[0] for form in forms if len(form) == 1} | ({said[-1]} if first == last and said else set())
    forms += [(other,) for word in sorted(alone) for other in sounds_like(word)]
    return [form for at, form in enumerate(forms) if form and form not in forms[:at]]


def _once(form: tuple[str, ...]) -> tuple[str, ...]:
    """Without repetitions: "no no no" is "no". Figures may come twice."""
    return tuple(word for at, word in enumerate(form) if not at or word != form[at - 1] or word[0].isdigit())


def _same(choices: Sequence[Choice], forms: list[tuple[str, ...]], said: str) -> Match | str | None:
    """The choice that one of the forms names exactly; "" when it names several."""
    named = {"".join(form) for form in forms} | {"".join(_bare(form)) for form in forms} - {""}
    for how in ("phrase", "label", "key"):
        found: dict[str, str] = {}
        for choice in choices:
            for wanted, phrase in _names(choice, how):
                if "".join(wanted) in named or ("".join(_bare(wanted)) or None) in named:
                    found.setdefault(choice.label, phrase or said.strip())
        if len(found) > 1:
            return ""
        for label, phrase in found.items():
            return Match(label, phrase, 1.0, how)
    return None


def _names(choice: Choice, how: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """What may be said for ``choice``, as words, and the phrase it is of."""
    if how == "phrase":
        for phrase in choice.phrases:
            yield words(phrase), phrase
    elif how == "label":
        yield label_words(choice.label), ""
        yield words(choice.label), ""
    elif choice.tone is not None:
        for name in _KEYS.get(choice.tone, (choice.tone.value,)):
            yield words(name), ""


def _bare(form: tuple[str, ...]) -> tuple[str, ...]:
    """Without articles: who offers "the sales team" has offered "sales team"."""
    return tuple(word for word in form if word not in ("a", "an", "the"))


def _near(choices: Sequence[Choice], forms: list[tuple[str, ...]]) -> Iterator[Match]:
    """The phrases that are at all like one of the forms."""
    texts = {_bare(form) for form in forms if SHORT < sum(map(len, _bare(form))) <= LONGEST_NEAR}
    compared = 0
    for choice in choices:
        for phrase in choice.phrases:
            wanted = _bare(words(phrase))
            if not SHORT < sum(map(len, wanted)) <= LONGEST_NEAR:
                continue
            compared += 1
            if compared > MOST_NEAR:
                return
            value = max((_alike(text, wanted) for text in texts), default=0.0)
            if value >= NEAR_WITH_GRAMMAR:
                yield Match(choice.label, phrase, value, "likeness")


def _alike(said: tuple[str, ...], wanted: tuple[str, ...]) -> float:
    """How near two texts are in letters or in sound; 0 when a figure or the first sound differs."""
    if _figures("".join(said)) != _figures("".join(wanted)):
        return 0.0
    one, other = "".join(map(sound, said)), "".join(map(sound, wanted))
    if one[:1] != other[:1]:
        return 0.0
    in_letters = likeness("".join(said), "".join(wanted), NEAR_WITH_GRAMMAR)
    return max(in_letters, 0.95 * likeness(one, other, NEAR_WITH_GRAMMAR))


def _figures(text: str) -> str:
    return "".join(char for char in text if char.isdigit())
