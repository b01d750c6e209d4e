"""What recognisers are asked for: plain data between the server and a worker.

The audio of a job for the built-in ones is one utterance; its result is one :class:`Understood`, when the
audio has ended. A service is asked to :class:`Listen`; each of its results is a
:class:`~hookflash.ports.speech.Recognised`.
"""

from __future__ import annotations

import msgspec

from hookflash.media.speech import Listening


class Understand(msgspec.Struct, frozen=True, omit_defaults=True):
    """A whole job.

    Attributes:
        phrases: what may be said, empty when anything may be.
        words: the single words and their times are wanted too.
    """

    phrases: tuple[str, ...] = ()
    words: bool = False


class Word(msgspec.Struct, frozen=True):
    """A word; ``start`` and ``end`` in seconds from the first sample of the audio."""

    text: str
    start: float
    end: float


class Understood(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was said, "" for nothing. ``confidence`` is 0 to 1; ``choice`` is one of the phrases or ""."""

    text: str = ""
    confidence: float = 0.0
    choice: str = ""
    words: tuple[Word, ...] = ()


class Listen(msgspec.Struct, frozen=True, tag="listen"):
    """A whole job of a service. The owner in ``wish`` is left out: no service is told who asks."""

    wish: Listening
