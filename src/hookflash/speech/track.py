"""Puts a script together: text as it comes, pauses between it, white space as speech has it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace

from hookflash.speech.script import Clip, Manner, Segment, Silence, Utterance


class Track:
    """Segments in the making. Text of the same manner is one utterance until something comes between.

    ``spend`` is told the milliseconds of each silence.
    """

    def __init__(self, spend: Callable[[int], None]) -> None:
        self._spend = spend
        self._segments: list[Segment] = []
        self._text: list[str] = []
        self._manner = Manner()
        self._gap = 0
        self._padded = False

    def say(self, text: str, manner: Manner) -> None:
        """Text as it is in the document."""
        if manner != self._manner and text.strip():
            self._flush()
            self._manner = manner
        if self._padded and text[:1].isalnum():
            self._text.append(" ")
        elif self._padded and text[:1] == "." and self._text[-1][-1:] == ".":
            text = text[1:]
        self._padded = False
        self._text.append(text)

    def insert(self, words: str, manner: Manner) -> None:
        """Words that stand for others: they never run into the text around them."""
        if self._text and self._text[-1][-1:].isalnum() and words[:1].isalnum():
            self._text.append(" ")
        self.say(words, manner)
        self._padded = True

    def pause(self, ms: int) -> None:
        """A pause somebody asked for; it takes the place of one between sentences."""
        self._flush()
        self._gap = 0
        if not ms:
            return
        self._spend(ms)
        match self._segments:
            case [*_, Silence(ms=before)]:
                self._segments[-1] = Silence(before + ms)
            case _:
                self._segments.append(Silence(ms))

    def part(self, ms: int) -> None:
        """A sentence or paragraph ends or begins here: ``ms`` between what is before and after."""
        self._flush()
        if self._segments and not isinstance(self._segments[-1], Silence):
            self._gap = max(self._gap, ms)

    def clip(self, clip: Clip) -> None:
        self._flush()
        self._add(clip)

    def finish(self) -> tuple[Segment, ...]:
        self._flush()
        return tuple(self._segments)

    def _flush(self) -> None:
        text = " ".join("".join(self._text).split())
        self._text.clear()
        self._padded = False
        if not text:
            return
        last = self._segments[-1] if self._segments else None
        if last is not None and not _speakable(text):
            # What is left of a sentence whose end was in another manner: no voice says a full stop alone.
            if isinstance(last, Utterance) and not self._gap:
                self._segments[-1] = replace(last, text=last.text + text)
            return
        self._add(Utterance(text, self._manner))

    def _add(self, segment: Segment) -> None:
        if self._gap:
            self._spend(self._gap)
            self._segments.append(Silence(self._gap))
            self._gap = 0
        self._segments.append(segment)


def _speakable(text: str) -> bool:
    return any(unicodedata.category(one)[0] not in "PZC" for one in text)
