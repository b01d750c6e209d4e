"""A second opinion on choices: PocketSphinx, which knows nothing but the phrases that may be said.

It hears one of them in nearly anything, so it is never believed alone (see
:mod:`~hookflash.speech.engines.choosing`). It errs in other ways than a model of the whole language does,
which is what makes it worth asking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pocketsphinx
from numpy.typing import NDArray

from hookflash.speech.reading import read

RATE = 16_000
LONGEST = 10 * RATE
"""Samples of an utterance that is listened to: it takes some 20 ms a second, and a choice is short."""
MOST_PHRASES = 200
MOST_WORDS = 1000
"""Words of all phrases together."""

_NAME = "choices"


class Grammar:
    """Knows which of some phrases audio is most like. Use from one thread."""

    def __init__(self) -> None:
        self._decoder = pocketsphinx.Decoder(samprate=float(RATE), lm=None, loglevel="FATAL")
        self._phrases: tuple[str, ...] = ()
        self._by_words: dict[str, str] = {}
        self._known: set[str] = set()

    def pick(self, pcm: NDArray[np.int16], phrases: Sequence[str]) -> str:
        """The one of ``phrases`` that ``pcm`` (int16, 16,000 Hz) is most like, "" for none.

        Phrases with a word that is not in the dictionary are left out: nobody knows how it sounds.
        """
        self._expect(tuple(phrases))
        if not self._by_words or not len(pcm) or len(pcm) > LONGEST:
            return ""
        decoder = self._decoder
        decoder.start_utt()
        try:
            decoder.process_raw(pcm.astype("<i2").tobytes(), False, True)
        finally:
            decoder.end_utt()
        found = decoder.hyp()
        return self._by_words.get(found.hypstr, "") if found is not None else ""

    def _expect(self, phrases: tuple[str, ...]) -> None:
        """Make a network of phrases, side by side, and listen for it."""
        if phrases == self._phrases:
            return
        self._phrases, self._by_words = phrases, {}
        room = MOST_WORDS
        for phrase in phrases[:MOST_PHRASES]:
            spoken = self.spoken(phrase)
            room -= len(spoken)
            if spoken and room >= 0:
                self._by_words.setdefault(" ".join(spoken), phrase)
        if not self._by_words:
            return
        steps: list[tuple[int, int, float, str]] = []
        nodes, share = 2, 1.0 / len(self._by_words)
        for line in self._by_words:
            at, chance = 0, share
            *first, last = line.split()
            for word in first:
                steps.append((at, nodes, chance, word))
                at, nodes, chance = nodes, nodes + 1, 1.0
            steps.append((at, 1, chance, last))
        self._decoder.add_fsg(_NAME, self._decoder.create_fsg(_NAME, 0, 1, steps))
        self._decoder.activate_search(_NAME)

    def spoken(self, phrase: str) -> list[str]:
        """The words of a phrase, figures as words; none when one of them is not in the dictionary."""
        words = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", read(phrase).lower().replace("’", "'"))
        return words if all(map(self._knows, words)) else []

    def _knows(self, word: str) -> bool:
        # Each look-up of a word that is there costs memory for good; they are kept, as many as there are.
        if word not in self._known and word.isascii() and self._decoder.lookup_word(word) is not None:
            self._known.add(word)
        return word in self._known
