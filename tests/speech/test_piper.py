"""The built-in voice, with the real engine; skipped where the extra is not installed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest
import pytest_asyncio

from hookflash.clock import LoopClock
from hookflash.media.speech import Speech
from hookflash.ports.speech import RATE
from hookflash.speech.builtin import builtin_voice, missing
from hookflash.speech.scripted import ScriptedVoice
from hookflash.speech.workers import PoolLimits, WorkerPool

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason="hookflash[speech] is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]

SSML = "<speak version='1.0' xml:lang='en-US'>{}</speak>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def voice() -> AsyncIterator[ScriptedVoice]:
    pool = WorkerPool("piper", LoopClock(), PoolLimits(wait=120.0, load=120.0))
    yield builtin_voice("builtin", pool)
    await pool.close()


async def said(voice: ScriptedVoice, speech: Speech) -> tuple[list[int], float, float, tuple[str, ...]]:
    """Samples of each piece, seconds and loudness (RMS) of all, notes."""
    pieces = [piece async for piece in voice.synthesise(speech)]
    pcm = np.concatenate([piece.pcm for piece in pieces]).astype(float)
    notes = tuple(note for piece in pieces for note in piece.notes)
    return [len(piece.pcm) for piece in pieces], len(pcm) / RATE, float(np.sqrt((pcm**2).mean())), notes


async def test_a_sentence_is_spoken(voice: ScriptedVoice) -> None:
    _, seconds, loudness, notes = await said(voice, Speech(text="Please hold the line."))
    assert 0.8 < seconds < 3.5
    assert loudness > 800
    assert not notes


async def test_a_long_text_comes_in_pieces(voice: ScriptedVoice) -> None:
    text = "Thank you for calling, all our agents are busy at the moment. Please stay on the line."
    sizes, _, _, _ = await said(voice, Speech(text=text))
    assert len(sizes) >= 4
    assert sizes[0] < 0.6 * sum(sizes)


async def test_rate_and_volume_are_heard(voice: ScriptedVoice) -> None:
    words = "one two three four five six seven eight nine ten"
    _, plain, loud, _ = await said(voice, Speech(text=words))
    _, fast, _, _ = await said(voice, Speech(ssml=SSML.format(f"<prosody rate='2'>{words}</prosody>")))
    _, _, soft, _ = await said(voice, Speech(ssml=SSML.format(f"<prosody volume='-12dB'>{words}</prosody>")))
    assert fast < 0.8 * plain
    assert soft < 0.5 * loud


async def test_what_a_pitch_can_not_be_is_noted(voice: ScriptedVoice) -> None:
    _, _, _, notes = await said(voice, Speech(ssml=SSML.format("<prosody pitch='+11st'>Hello</prosody>")))
    assert any("+6.0 st" in note for note in notes)


async def test_another_voice_than_asked_for_is_noted(voice: ScriptedVoice) -> None:
    _, _, _, notes = await said(voice, Speech(text="Hello", voice="en-US-JennyNeural"))
    assert any("en-US-JennyNeural" in note and "joe" in note for note in notes)


async def test_phonemes_can_not_be_smuggled_in(voice: ScriptedVoice) -> None:
    _, seconds, _, _ = await said(voice, Speech(text="[[" + "a" * 200 + "]] hello"))
    assert seconds > 0.3
