"""The measure of the interop tests tells alike from unlike."""

from __future__ import annotations

import numpy as np
import pytest
from listening import RATE, babble, likeness

BEFORE = np.zeros(3000)


@pytest.mark.parametrize("rate", [RATE, 16_000])
def test_the_same_is_alike_wherever_it_lies_and_however_loud(rate: int) -> None:
    speech = babble(1, 2, rate)
    assert likeness(speech, np.concatenate([BEFORE, 0.1 * speech, BEFORE]), rate) > 0.99


def test_what_is_moved_in_the_middle_is_alike() -> None:
    speech = babble(1, 2)
    moved = np.concatenate([BEFORE, speech[:7900], speech[8100:], BEFORE])
    assert likeness(speech, moved) > 0.93


def test_other_speech_and_silence_are_not_alike() -> None:
    speech = babble(1, 2)
    assert likeness(speech, babble(2, 8)) < 0.3
    assert likeness(speech, np.zeros(80_000)) == 0.0
    assert likeness(speech, speech[:4000]) == 0.0


@pytest.mark.parametrize("lost", [0.15, 0.3, 0.5])
def test_what_lacks_parts_is_less_alike(lost: float) -> None:
    speech = babble(1, 2)
    part = speech.copy()
    part[3000 : 3000 + int(lost * len(speech))] = 0
    assert likeness(speech, np.concatenate([BEFORE, part, BEFORE])) < 1 - 0.7 * lost


def test_a_mix_is_half_alike() -> None:
    assert 0.6 < likeness(babble(1, 2), babble(1, 2) + babble(2, 2)) < 0.8
