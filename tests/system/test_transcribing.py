"""Transcription on a whole server: phones talk, a scripted speech service understands, an app reads it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import soundfile
from azure.communication.callautomation import (
    PhoneNumberIdentifier,
    StreamingTransportType,
    TextSource,
    TranscriptionOptions,
)
from speech.sounds import RATE, samples, vowel
from system.listener import Listener, until
from system.room import ALICE, BOB, SCRIPTED, Room, ended, result

NARROW = 8_000


def words(pitch: float) -> Any:
    """What a phone says that anybody takes for speech; the service does not hear what it is."""
    return samples(vowel("ah", pitch, 0.8))[:: RATE // NARROW]


def data(listener: Listener) -> list[dict[str, Any]]:
    return [one["transcriptionData"] for one in listener.frames if one["kind"] == "TranscriptionData"]


def audible(room: Room) -> dict[str, int]:
    """How many samples the phones have heard in which there was something."""
    return {number: int(np.count_nonzero(room.phone(number).heard())) for number in (ALICE, BOB)}


def understood(room: Room) -> list[bytes]:
    """Have the speech service understand a phrase in all that it is asked; what it is asked from now on."""
    asked: list[bytes] = []

    def understand(request: bytes) -> tuple[int, dict[str, Any]]:
        asked.append(request)
        text = f"Phrase {len(asked)}."
        return 200, {"text": text, "words": [{"word": "Phrase", "start": 0.1, "end": 0.4}]}

    room.webhook.understand = understand
    return asked


def options(listener: Listener, locale: str = SCRIPTED) -> TranscriptionOptions:
    return TranscriptionOptions(
        transport_url=f"ws://127.0.0.1:{listener.port}/audio",
        transport_type=StreamingTransportType.WEBSOCKET,
        locale=locale,
        start_transcription=True,
        enable_intermediate_results=True,
    )


def test_an_app_reads_who_said_what_until_the_service_fails(room: Room, listener: Listener) -> None:
    asked = understood(room)
    call = room.call(ALICE, BOB, speaks=True, transcription=options(listener))
    started = room.webhook.wait("TranscriptionStarted", callConnectionId=call.id)
    assert started["transcriptionUpdate"] == {
        "transcriptionStatus": "transcriptionStarted",
        "transcriptionStatusDetails": "subscriptionStarted",
    }
    until(lambda: listener.frames)
    shown = call.sdk.get_call_properties().transcription_subscription
    assert shown is not None
    metadata = listener.frames[0]["transcriptionMetadata"]
    assert (metadata["subscriptionId"], metadata["locale"]) == (shown.id, "fr-fr")
    assert (shown.state, shown.locale) == ("active", "fr-FR")

    for number, pitch in ((ALICE, 120), (BOB, 210), (ALICE, 120)):
        count = len(data(listener))
        phone = room.phone(number)
        phone._loop.call_soon_threadsafe(phone.phone.audio.say, words(pitch))
        until(lambda count=count: len(data(listener)) > count)
    told = [(one["text"], one["participantRawID"], one["resultStatus"]) for one in data(listener)]
    assert told == [
        ("Phrase 1.", f"4:{ALICE}", "Final"),
        ("Phrase 2.", f"4:{BOB}", "Final"),
        ("Phrase 3.", f"4:{ALICE}", "Final"),
    ]
    offsets = [one["offset"] for one in data(listener)]
    assert offsets == sorted(offsets)
    assert offsets[2] - offsets[0] > 16_000_000, "on one scale, in ticks of 100 ns"
    assert all(b'name="language"' in one and b"\r\nfr\r\n" in one for one in asked)

    room.webhook.understand = lambda request: (401, {"error": {"message": "no such key"}})
    phone = room.phone(BOB)
    phone._loop.call_soon_threadsafe(phone.phone.audio.say, words(210))
    failed = room.webhook.wait("TranscriptionFailed", callConnectionId=call.id)
    assert result(failed) == (401, 8565)
    assert "no such key" in failed["resultInformation"]["message"]
    assert failed["transcriptionUpdate"]["transcriptionStatusDetails"] == "authenticationFailure"
    until(lambda: listener.code == 1011)
    assert call.sdk.get_participant(PhoneNumberIdentifier(BOB)).identifier.raw_id == f"4:{BOB}"

    call.sdk.start_transcription(locale="ja-JP", operation_context="japanese")
    failed = room.webhook.wait("TranscriptionFailed", operationContext="japanese")
    assert result(failed) == (400, 8565)
    assert "ja-JP" in failed["resultInformation"]["message"]
    assert failed["transcriptionUpdate"]["transcriptionStatusDetails"] == "badRequest"
    shown = call.sdk.get_call_properties().transcription_subscription
    assert (shown.state, shown.locale) == ("inactive", "fr-FR")
    call.sdk.start_transcription(operation_context="as the options say")
    room.webhook.wait("TranscriptionStarted", operationContext="as the options say")
    shown = call.sdk.get_call_properties().transcription_subscription
    assert (shown.state, shown.locale) == ("active", "fr-FR")
    ended(room, call)


def test_a_call_whose_transcript_nobody_understands_goes_on_without(room: Room, listener: Listener) -> None:
    room.phone(ALICE)
    call = room.call(ALICE, speaks=True, transcription=options(listener, locale="ja-JP"))
    failed = room.webhook.wait("TranscriptionFailed", callConnectionId=call.id)
    assert result(failed) == (400, 8565)
    assert "ja-JP" in failed["resultInformation"]["message"]
    assert failed["transcriptionUpdate"]["transcriptionStatusDetails"] == "badRequest"
    assert call.sdk.get_participant(PhoneNumberIdentifier(ALICE)).identifier.raw_id == f"4:{ALICE}"
    ended(room, call)


def test_what_is_played_is_nobodys_words(room: Room, listener: Listener) -> None:
    """A prompt in which somebody speaks, and a text; while phones are silent, and while one talks."""
    asked = understood(room)
    speech, prompt = words(120), io.BytesIO()
    quiet = np.zeros(2 * NARROW, np.int16)  # behind the words: a phrase would have ended there
    soundfile.write(prompt, np.concatenate([speech, quiet]), NARROW, format="WAV", subtype="PCM_16")
    room.webhook.files["/words.wav"] = prompt.getvalue()
    call = room.call(ALICE, BOB, speaks=True, transcription=options(listener))
    room.webhook.wait("TranscriptionStarted", callConnectionId=call.id)
    until(lambda: listener.frames)

    played = room.file("words.wav")
    spoken = TextSource(text="Welcome to Contoso.", voice_name="en-US-ElizabethNeural")
    for context, source, to in (
        ("to all", played, "all"),
        ("to one", played, [PhoneNumberIdentifier(BOB)]),
        ("text", spoken, "all"),
    ):
        before = audible(room)
        call.sdk.play_media(source, to, operation_context=context)
        room.webhook.wait("PlayCompleted", 60, operationContext=context)
        heard = {who for who, samples in audible(room).items() if samples - before[who] > 2_000}
        assert heard == ({BOB} if context == "to one" else {ALICE, BOB})
    assert asked == []

    call.sdk.play_media(played, "all", loop=True, operation_context="loop")
    room.webhook.wait("PlayStarted", operationContext="loop")
    phone = room.phone(ALICE)
    phone._loop.call_soon_threadsafe(phone.phone.audio.say, speech)
    until(lambda: data(listener))
    call.sdk.cancel_all_media_operations()
    room.webhook.wait("PlayCanceled", operationContext="loop")
    call.sdk.stop_transcription()
    until(lambda: listener.code == 1000)  # which waits for the last words
    told = [(one["text"], one["participantRawID"], one["resultStatus"]) for one in data(listener)]
    assert told == [("Phrase 1.", f"4:{ALICE}", "Final")]
    assert len(asked) == 1
    ended(room, call)
