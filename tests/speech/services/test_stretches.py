"""Audio parted at its pauses."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from speech.services.fakes import tone

from hookflash.ports.speech import RATE
from hookflash.speech.services import stretches
from hookflash.speech.services.stretches import Stretch, Stretches


def quiet(seconds: float, level: float = 5.0) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, level, round(seconds * RATE))
    return noise.astype(np.int16)


def parted(audio: np.ndarray, step: int = 320) -> list[Stretch]:
    made = Stretches()
    found: list[Stretch] = []
    for at in range(0, len(audio), step):
        found += made.push(audio[at : at + step])
    return found + made.end()


def test_each_stretch_comes_with_its_surroundings_and_place() -> None:
    audio = np.concatenate((quiet(2), tone(1), quiet(1.5), tone(0.5), quiet(2)))
    first, second = parted(audio)
    for stretch, start, seconds in ((first, 2.0, 1.0), (second, 4.5, 0.5)):
        assert abs(stretch.start / RATE - (start - 0.3)) < 0.05
        assert abs(len(stretch.pcm) / RATE - (seconds + 0.6)) < 0.1
        np.testing.assert_array_equal(stretch.pcm, audio[stretch.start : stretch.start + len(stretch.pcm)])


def test_a_stretch_comes_as_soon_as_it_has_ended() -> None:
    made = Stretches()
    assert made.push(np.concatenate((quiet(1), tone(1), quiet(0.6)))) == []
    assert len(made.push(quiet(0.2))) == 1


def test_a_short_pause_parts_nothing() -> None:
    assert len(parted(np.concatenate((tone(1), quiet(0.4), tone(1))))) == 1


def test_silence_noise_and_clicks_are_no_speech() -> None:
    assert parted(quiet(3)) == []
    assert parted(np.concatenate((quiet(1), tone(0.04), quiet(2)))) == []
    assert parted(np.empty(0, np.int16)) == []
    loud_room = quiet(30, level=50.0)
    assert parted(loud_room) == []


def test_endless_speech_is_cut() -> None:
    found = parted(tone(70))
    assert [len(one.pcm) for one in found] == [stretches.LONGEST, stretches.LONGEST, 10 * RATE]
    assert [one.start for one in found] == [0, stretches.LONGEST, 2 * stretches.LONGEST]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0.02, 1.0)), max_size=5), st.integers(20, 5000))
def test_stretches_are_in_order_and_what_was_said(parts: list[tuple[bool, float]], step: int) -> None:
    audio = np.concatenate(
        [np.empty(0, np.int16), *(tone(seconds) if loud else quiet(seconds) for loud, seconds in parts)]
    )
    at = 0
    for stretch in parted(audio, step):
        assert stretch.start >= at
        at = stretch.start + len(stretch.pcm)
        np.testing.assert_array_equal(stretch.pcm, audio[stretch.start : at])
