"""The voice of tones, and SSML read for voices that know plain text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hookflash.media.speech import Speech
from hookflash.ports.speech import RATE, SpeechError, Spoken
from hookflash.speech.beep import beep_voice, tones
from hookflash.speech.scripted import louder
from hookflash.speech.speaking_jobs import Say

SSML = "<speak version='1.0' xml:lang='en-US'>{}</speak>"


async def said(speech: Speech, **more: object) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    pieces = [piece async for piece in beep_voice(**more).synthesise(speech)]  # type: ignore[arg-type]
    assert all(isinstance(piece, Spoken) and len(piece.pcm) for piece in pieces)
    return np.concatenate([piece.pcm for piece in pieces]), pieces[0].notes


def words(pcm: NDArray[np.int16]) -> int:
    """Tones in some audio."""
    loud = np.abs(pcm.astype(int)) > 200
    envelope = np.convolve(loud, np.ones(160), "same") > 0
    return int(np.count_nonzero(np.diff(envelope.astype(int)) == 1)) + int(envelope[0])


async def test_a_tone_for_each_word_for_as_long_as_it_takes_to_say() -> None:
    text = "Welcome to Contoso, please press one for sales or two for support."
    pcm, notes = await said(Speech(text=text))
    assert words(pcm) == len(text.split())
    assert 3.0 < len(pcm) / RATE < 8.0
    assert "beep voice" in notes[0]


async def test_a_woman_is_higher_than_a_man() -> None:
    def pitch(pcm: NDArray[np.int16]) -> float:
        return float(np.argmax(np.abs(np.fft.rfft(pcm)))) * RATE / len(pcm)

    high, _ = await said(Speech(text="Hello", gender="female"))
    low, _ = await said(Speech(text="Hello", gender="male"))
    assert pitch(high) > 1.3 * pitch(low)


async def test_prosody_is_heard() -> None:
    plain, _ = await said(Speech(ssml=SSML.format("Hello there")))
    fast, _ = await said(Speech(ssml=SSML.format("<prosody rate='2'>Hello there</prosody>")))
    soft, _ = await said(Speech(ssml=SSML.format("<prosody volume='-6dB'>Hello there</prosody>")))
    assert len(fast) == pytest.approx(len(plain) / 2, rel=0.05)
    assert np.abs(soft).max() == pytest.approx(np.abs(plain).max() / 2, rel=0.05)


async def test_a_break_is_silence_of_that_length() -> None:
    without, _ = await said(Speech(ssml=SSML.format("Hello there")))
    pcm, _ = await said(Speech(ssml=SSML.format("Hello<break time='2s'/>there")))
    assert len(pcm) - len(without) == pytest.approx(2 * RATE, abs=0.3 * RATE)


async def test_audio_is_played_where_it_stands() -> None:
    async def fetch(url: str) -> NDArray[np.int16]:
        assert url == "https://a.example/ding.wav"
        return np.append(np.full(1234, 5000, np.int16), np.zeros(1600, np.int16))

    pcm, _ = await said(
        Speech(ssml=SSML.format("One <audio src='https://a.example/ding.wav'>ding</audio> two")), fetch=fetch
    )
    assert np.count_nonzero(pcm == 5000) >= 1234
    assert words(pcm) == 3


async def test_audio_that_can_not_be_had_is_said_instead_and_noted() -> None:
    async def fetch(url: str) -> NDArray[np.int16]:
        raise SpeechError("the server answered 404")

    pieces = [
        piece
        async for piece in beep_voice(fetch=fetch).synthesise(
            Speech(ssml=SSML.format("One <audio src='https://a.example/ding.wav'>ding dong</audio> two"))
        )
    ]
    assert words(np.concatenate([piece.pcm for piece in pieces])) == 4
    assert any("404" in note for piece in pieces for note in piece.notes)


async def test_nothing_to_say_is_told() -> None:
    with pytest.raises(SpeechError) as empty:
        await said(Speech(text="  "))
    assert (empty.value.code, empty.value.sub_code) == (400, 8582)


async def test_the_longest_text_is_made_a_piece_at_a_time() -> None:
    pieces = beep_voice().synthesise(Speech(text="word " * 4000))

    piece = await anext(pieces)
    await pieces.aclose()
    assert len(piece.pcm) < 60 * RATE


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=300))
def test_no_word_is_too_long_or_too_short(word: str) -> None:
    seconds = len(tones(word, Say(word))) / RATE
    assert 0.1 < seconds < 1.2


@given(st.lists(st.integers(-32768, 32767), min_size=1), st.floats(-40, 20))
def test_louder_clips_and_does_not_wrap(samples: list[int], db: float) -> None:
    pcm = np.array(samples, np.int16)
    wanted = np.clip(pcm.astype(float) * 10 ** (db / 20), -32768, 32767)
    assert np.abs(louder(pcm, db).astype(float) - wanted).max() <= 1.0
