"""Which of the expected phrases was said, by three who may be wrong in ways of their own.

How likely the model finds a phrase, beside what it would have written of its own accord, decides where that
is clear. In between, the text it wrote has to be like that phrase, or the grammar has to hear it too; further
down both. In any case the text has to be like no other phrase more. So the grammar, which hears one of its
phrases in anything, is believed only where text and model agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hookflash.media.wording import likeness, sound, words

SURE = -1.0
"""How much less likely than what the model wrote a phrase may be, in nats, to be taken at once."""
LIKELY = -3.0
"""The same for one that the text or the grammar confirms."""
OPEN = -8.0
"""The same for one that both confirm."""
LIKE = 0.5
"""How much of a phrase has to be in the text, in letters or in sound, for the text to confirm it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``choice``: the phrase that was said, "" when nobody can tell; ``grammar``: what the grammar heard, ""
    where it was not asked or heard nothing."""

    choice: str = ""
    grammar: str = ""


def judge(text: str, gaps: Mapping[str, float], ask: Callable[[], str]) -> Verdict:
    """What was said.

    Args:
        text: what the model wrote.
        gaps: of each phrase that it might be, how much likelier it is than ``text``, in nats.
        ask: asks the grammar, which is done only where it may matter.
    """
    best = max(gaps, key=lambda phrase: gaps[phrase], default="")
    if not best or gaps[best] < OPEN:
        return Verdict()
    if gaps[best] >= SURE:
        return Verdict(best)
    alike = {phrase: nearness(text, phrase) for phrase in gaps}
    nearest = alike[best] >= max(alike.values())
    confirmed = nearest and alike[best] >= LIKE
    if confirmed and gaps[best] >= LIKELY:
        return Verdict(best)
    heard = ask()
    if heard == best and nearest and (confirmed or gaps[best] >= LIKELY):
        return Verdict(best, heard)
    return Verdict("", heard)


def nearness(text: str, phrase: str) -> float:
    """How much two texts have in common, in letters or in English sound, 0 to 1."""
    one, other = words(text), words(phrase)
    written = likeness("".join(one), "".join(other), 0.0)
    return max(written, likeness("".join(map(sound, one)), "".join(map(sound, other)), 0.0))
