"""The seam to speech recognition. There is no recogniser in this version."""

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
class Utterance:
    """What somebody said. Times are ticks of 100 ns; ``leg`` is who; not ``final``: it may still change."""

    leg: int
    text: str
    confidence: float
    offset: int
    duration: int
    words: tuple[Word, ...]
    final: bool


class Recognition(Protocol):
    """One running recognition. Nothing here blocks."""

    def hear(self, leg: int, frame: NDArray[np.int16]) -> None:
        """20 ms of what ``leg`` said."""
        ...

    def update(self, locale: str, speech_model: str | None) -> None: ...

    def close(self) -> None: ...


class Recogniser(Protocol):
    """Turns speech into text."""

    def start(
        self, locale: str, speech_model: str | None, said: Callable[[Utterance], None]
    ) -> Recognition: ...
