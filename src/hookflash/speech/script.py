"""A script: what an SSML document asks for, in the order in which it is to be heard.

Plain data between the parser and whoever speaks: pieces of plain text with the manner in which each is to be
spoken, silences, and recorded audio.
"""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.ports.speech import SpeechError

SILENT_DB = -96.0
"""The gain of what is to be silent."""


class SsmlError(SpeechError):
    """A document that cannot be spoken, by nobody: 400/8582 (contract section 4.4).

    ``line`` and ``column`` begin at 1; ``reason`` is without them, the message has all.
    """

    def __init__(self, reason: str, line: int = 1, column: int = 1) -> None:
        super().__init__(
            f"The SSML is not valid at line {line}, column {column}: {reason}.",
            code=400,
            sub_code=8582,
            final=True,
        )
        self.reason = reason
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Manner:
    """How a piece of text is to be spoken.

    Attributes:
        voice: the name in the document ("en-US-JennyNeural"), "" for none.
        locale: BCP-47, "" for none.
        gender: "male" or "female", "" for either.
        rate: speed as a factor, 0.5 to 2.
        gain_db: loudness against the voice's own, at most +6 dB; :data:`SILENT_DB` for silence.
        pitch: semitones above the voice's own, -12 to 12.
    """

    voice: str = ""
    locale: str = ""
    gender: str = ""
    rate: float = 1.0
    gain_db: float = 0.0
    pitch: float = 0.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """Plain text, white space made single; never empty."""

    text: str
    manner: Manner = Manner()


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing, for ``ms`` milliseconds; more than 0."""

    ms: int


@dataclass(frozen=True, slots=True)
class Clip:
    """Recorded audio at ``url``; ``fallback`` is spoken where it cannot be had."""

    url: str
    fallback: tuple[Utterance | Silence | Clip, ...] = ()
    gain_db: float = 0.0


Segment = Utterance | Silence | Clip


@dataclass(frozen=True, slots=True)
class Script:
    """A whole document: at least one segment. ``notes`` say what of it was not understood or not possible."""

    segments: tuple[Segment, ...]
    notes: tuple[str, ...] = ()
