"""Speech as calls see it: what is to be spoken, what was heard, and who does either.

A provider speaks or recognises (or both). Text to speech and speech to text have one protocol each; behind
them stand the built-in engines and services that are asked over the network, all in processes of their own.
Audio is signed 16-bit mono PCM at :data:`RATE` Hz in numpy arrays of shape (samples,).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hookflash.media.speech import Listening, Speech

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000
"""Sample rate of all speech, Hz."""


class SpeechError(Exception):
    """Speech could not be made or understood; the message says why and what to do.

    ``code`` and ``sub_code`` are what an app is told (contract section 4.4): 400, 401, 403, 408 or 429 with
    8565 for a provider that refuses, is slow or is busy; 400/8582 for a document that cannot be spoken.
    ``final``: another provider would say the same, so none is asked. ``outage``: what was asked is not at
    fault, the provider is not there or is broken.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int = 400,
        sub_code: int = 8565,
        final: bool = False,
        outage: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.sub_code = sub_code
        self.final = final
        self.outage = outage


@dataclass(frozen=True, slots=True)
class Spoken:
    """A piece of synthesised speech.

    Attributes:
        pcm: int16 samples at :data:`RATE`; never empty.
        notes: what the app's owner should know of it (an unknown voice was replaced, for example), in the
            first piece only.
    """

    pcm: NDArray[np.int16]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One recognised word; ``start`` and ``duration`` in seconds from the first sample of the audio."""

    text: str
    start: float
    duration: float


@dataclass(frozen=True, slots=True)
class Recognised:
    """What was understood so far, or in the end.

    Attributes:
        text: in the writing of the locale; "" when there was no speech.
        final: nothing more comes about this stretch of speech.
        confidence: 0 to 1.
        locale: BCP-47, the language it was taken for.
        start, duration: seconds from the first sample of the audio.
        words: where the provider tells them.
        choice: the phrase among the expected ones that a grammar found, "" for none; it is an opinion to be
            believed only where the text agrees, since a grammar hears one of its phrases in anything.
    """

    text: str
    final: bool
    confidence: float = 0.0
    locale: str = ""
    start: float = 0.0
    duration: float = 0.0
    words: tuple[HeardWord, ...] = ()
    choice: str = ""


class Synthesiser(Protocol):
    """Turns text into speech."""

    @property
    def name(self) -> str:
        """What settings and traces call it."""
        ...

    def synthesise(self, speech: Speech) -> AsyncIterator[Spoken]:
        """Speak; the first piece comes as early as possible. Raises :class:`SpeechError`.

        Closing the iterator stops the work.
        """
        ...


class Recogniser(Protocol):
    """Turns speech into text."""

    @property
    def name(self) -> str:
        """What settings and traces call it."""
        ...

    def recognise(
        self, audio: AsyncIterator[NDArray[np.int16]], wish: Listening
    ) -> AsyncIterator[Recognised]:
        """Understand ``audio`` until it ends; partial results, then final ones. Raises :class:`SpeechError`.

        The audio comes at the pace of the call, any number of samples at a time, without its longer pauses;
        an empty array says that the speaker has paused. Final results belong one behind the other. Closing
        the iterator stops the work.
        """
        ...


Note = Callable[[str], None]
"""Told what belongs into the trace of whoever asked."""


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """How a provider does, for metrics and ``hookflash check``."""

    name: str
    ready: bool
    problem: str = ""
    details: dict[str, str] = field(default_factory=dict)
