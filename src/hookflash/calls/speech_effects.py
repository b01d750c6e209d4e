"""Effects and facts of listening to somebody's words, as plain data (contract section 6.3).

A *listening* is named by a number, like a play. It begins with :class:`StartListening` and tells of voice at
once, of words when they are understood. The room that decides says when the speaker has been quiet for long
enough (:class:`FinishListening`); then the last words come, and with them its end.
"""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.media.speech import Listening


@dataclass(frozen=True, slots=True)
class StartListening:
    """Listen to what ``leg`` says. Facts to come, any number of times: VoiceBegan, VoiceEnded, WordsHeard."""

    listening: int
    call: int
    leg: int
    wish: Listening


@dataclass(frozen=True, slots=True)
class FinishListening:
    """No more is to be heard: WordsHeard with ``final`` follows (with "" if nothing was said), or
    ListeningFailed; after either the listening is gone."""

    listening: int


@dataclass(frozen=True, slots=True)
class StopListening:
    """Drop it. No fact follows."""

    listening: int


@dataclass(frozen=True, slots=True)
class VoiceBegan:
    """Somebody speaks. ``at``: when that began, in seconds of the same clock as the turn's time."""

    listening: int
    at: float


@dataclass(frozen=True, slots=True)
class VoiceEnded:
    """They have fallen silent, for the moment at least. ``at``: when the last voice was, in seconds."""

    listening: int
    at: float


@dataclass(frozen=True, slots=True)
class WordsHeard:
    """What was understood so far; with ``final`` the whole, after FinishListening.

    ``confidence`` is 0 to 1. ``choice`` is the expected phrase a grammar took it for, "" for none.
    ``locale`` is BCP-47, "" where the provider does not say.
    """

    listening: int
    text: str
    final: bool
    confidence: float = 0.0
    locale: str = ""
    choice: str = ""


@dataclass(frozen=True, slots=True)
class ListeningFailed:
    """No words can be had (contract section 4.4: 8563, 8564, 8565, 8570, 9999); the listening is gone."""

    listening: int
    code: int
    sub_code: int
    message: str


@dataclass(frozen=True, slots=True)
class AudioReady:
    """The first audio of a play is there and about to be sent; ``notes`` belong into its trace."""

    play: int
    notes: tuple[str, ...] = ()
