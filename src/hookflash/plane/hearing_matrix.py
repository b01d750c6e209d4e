"""Who hears whom in a call, and how loud: one matrix, listeners by speakers."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable

MAX_RULES = 20_000
"""Rules of one call."""
LOUDEST = 10.0
"""The most a rule can make of a speaker (+20 dB)."""


class HearingMatrix:
    """The gains of a call: 1 for everybody but oneself, which is 0, unless a rule says otherwise.

    Args:
        rules: listener, speaker and gain (0 to 10); of two about one pair the later counts.

    Raises:
        ValueError: for a gain that is no such number, and for too many rules.
    """

    __slots__ = ("_gains",)

    def __init__(self, rules: Iterable[tuple[int, int, float]] = ()) -> None:
        self._gains: dict[int, dict[int, float]] = {}
        for count, (listener, speaker, gain) in enumerate(rules):
            if not (math.isfinite(gain) and 0.0 <= gain <= LOUDEST):
                raise ValueError(
                    f"leg {listener} can not hear leg {speaker} with gain {gain}: give 0 (not at all) to "
                    f"{LOUDEST:g}, 1 is as it speaks"
                )
            if count >= MAX_RULES:
                raise ValueError(
                    f"more than {MAX_RULES} hearing rules for one call: say only what is not plain"
                )
            self._gains.setdefault(listener, {})[speaker] = gain

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(self._gains)

    def gain(self, listener: int, speaker: int) -> float:
        """How loud ``listener`` hears ``speaker``."""
        plain = 0.0 if listener == speaker else 1.0
        return self._gains.get(listener, {}).get(speaker, plain)

    def exceptions(self, listener: int, speakers: Container[int]) -> dict[int, float]:
        """Those of ``speakers`` whom ``listener`` hears otherwise than plainly, and how loud."""
        return {
            speaker: gain
            for speaker, gain in self._gains.get(listener, {}).items()
            if speaker in speakers and gain != (0.0 if listener == speaker else 1.0)
        }
