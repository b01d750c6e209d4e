"""The seam to speech recognition: what a transcript needs of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from hookflash.wire.streaming_frames import Word

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 16_000
"""Sample rate recognisers are given, Hz."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of a recogniser.

    Attributes:
        locale: BCP-47, with a region.
        speech_model: id of a custom model, None for none.
        intermediate: what is understood so far is wanted too.
        owner: the GUID of the resource whose call it is.
    """

    locale: str
    speech_model: str | None
    intermediate: bool
    owner: str


@dataclass(frozen=True, slots=True)
class Utterance:
    """What somebody said. Times are ticks of 100 ns; ``leg`` is who; not ``final``: it may still change.

    Offsets count from the first audio of the call that was heard, for all participants.
    """

    leg: int
    text: str
    confidence: float
    offset: int
    duration: int
    words: tuple[Word, ...]
    final: bool


class RecognitionFailed(Exception):
    """There is no (more) recognition; ``details``, ``code`` and ``sub_code`` are for TranscriptionFailed."""

    def __init__(self, message: str, details: str, code: int, sub_code: int) -> None:
        super().__init__(message)
        self.details = details
        self.code = code
        self.sub_code = sub_code


class Recognition(Protocol):
    """One running recognition. Nothing here blocks."""

    def join(self, leg: int) -> None:
        """Somebody is heard from now on; one who is there already stays. Raises RecognitionFailed."""
        ...

    def leave(self, leg: int) -> None:
        """Somebody is heard no more; what was said is still told."""
        ...

    def hear(self, leg: int, tick: int, frame: NDArray[np.int16]) -> None:
        """20 ms of what ``leg`` said, in a tick of the call."""
        ...

    def update(self, wanted: Wanted) -> None:
        """From the next utterance on."""
        ...

    def finish(self, done: Callable[[], None]) -> None:
        """Hear no more; ``done`` follows within some seconds, when the last words have been told."""
        ...

    def close(self) -> None:
        """Stop at once; idempotent. Nothing is told any more."""
        ...


class Recogniser(Protocol):
    """Turns speech into text."""

    def start(
        self,
        wanted: Wanted,
        said: Callable[[Utterance], None],
        failed: Callable[[RecognitionFailed], None],
    ) -> Recognition:
        """Begin; ``failed`` is told once if it ends by itself. Raises RecognitionFailed."""
        ...
