"""The how-to page on playing audio, its Python snippets run through the official SDK, heard by a phone.

Where a snippet of the page does not compile it is mended, and nothing else.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from azure.communication.callautomation import (
    FileSource,
    PhoneNumberIdentifier,
    SsmlSource,
    TextSource,
    VoiceKind,
)
from azure.core.exceptions import HttpResponseError
from system.room import ALICE, BOB, Call, Room, code, others, result
from system.spoken import needs_speech

pytestmark = needs_speech
LONG = 90
"""Seconds that a play may take to end: the first one starts the voice."""
TEXT_TO_PLAY = "Welcome to Contoso"
SSML = (
    '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en-US">'
    '<voice name="en-US-JennyNeural">Hello World!</voice></speak>'
)
LOUD = 300
FRAME = 160

TEXTS = {
    "locale and gender": TextSource(text=TEXT_TO_PLAY, source_locale="en-US", voice_kind=VoiceKind.FEMALE),
    "voice": TextSource(text=TEXT_TO_PLAY, voice_name="en-US-ElizabethNeural"),
    "locale": TextSource(text=TEXT_TO_PLAY, source_locale="en-US"),
    "ssml": SsmlSource(ssml_text=SSML),
}


def heard(room: Room, number: str) -> float:
    """Seconds in which a phone heard something so far."""
    samples = room.phone(number).heard().astype(float)
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return 0.02 * int(np.count_nonzero(np.abs(frames).max(axis=1) > LOUD))


def wait_heard(room: Room, number: str, seconds: float) -> None:
    """Wait until a phone has heard so much."""
    deadline = time.monotonic() + LONG
    while heard(room, number) < seconds:
        assert time.monotonic() < deadline, f"heard {heard(room, number):.1f} s only"
        threading.Event().wait(0.05)


def completed(room: Room, call: Call, context: str) -> dict[str, Any]:
    """Wait until a play has ended well, with one event at its start and one at its end."""
    data = room.webhook.wait("PlayCompleted", LONG, operationContext=context)
    assert result(data) == (200, 0)
    assert data["resultInformation"]["message"] == "Action completed successfully."
    assert others(room, call, context) == ["PlayStarted", "PlayCompleted"]
    return data


def test_a_file_to_all(room: Room, talk_in_group: Call) -> None:
    play_source = FileSource(url=f"{room.webhook.url}/second.wav")
    talk_in_group.sdk.play_media_to_all(play_source=play_source, operation_context="file")
    completed(room, talk_in_group, "file")
    for number in (ALICE, BOB):
        wait_heard(room, number, 0.2)


def test_a_file_to_one(room: Room, talk_in_group: Call) -> None:
    talk_in_group.sdk.play_media(
        play_source=room.file("second.wav"), play_to=[PhoneNumberIdentifier(ALICE)], operation_context="one"
    )
    completed(room, talk_in_group, "one")
    assert heard(room, ALICE) > 0.2
    assert heard(room, BOB) == 0


@pytest.mark.parametrize("name", TEXTS)
def test_words_to_all(room: Room, talk_in_group: Call, name: str) -> None:
    talk_in_group.sdk.play_media_to_all(play_source=TEXTS[name], operation_context=name)
    completed(room, talk_in_group, name)
    for number in (ALICE, BOB):
        assert 0.4 < heard(room, number) < 4


def test_words_to_one(room: Room, talk_in_group: Call) -> None:
    talk_in_group.sdk.play_media(
        play_source=TEXTS["voice"], play_to=[PhoneNumberIdentifier(BOB)], operation_context="bob's"
    )
    completed(room, talk_in_group, "bob's")
    assert heard(room, BOB) > 0.4
    assert heard(room, ALICE) == 0


def test_several_sources_of_every_kind(room: Room, talk: Call) -> None:
    sources = [room.file("short.wav"), TEXTS["locale and gender"], TEXTS["ssml"]]
    talk.sdk.play_media(play_source=sources, operation_context="playlist")
    completed(room, talk, "playlist")
    assert heard(room, ALICE) > 1.2


def test_words_in_a_loop_until_they_are_canceled(room: Room, talk: Call) -> None:
    play_to = [PhoneNumberIdentifier(ALICE)]
    talk.sdk.play_media(play_source=TEXTS["voice"], play_to=play_to, loop=True, operation_context="loop")
    room.webhook.wait("PlayStarted", LONG, operationContext="loop")
    wait_heard(room, ALICE, 4)  # longer than it takes to say it once
    talk.sdk.cancel_all_media_operations()
    data = room.webhook.wait("PlayCanceled", operationContext="loop")
    assert result(data) == (400, 8508)
    assert others(room, talk, "loop") == ["PlayStarted", "PlayCanceled"]


def test_words_interrupt_what_plays_and_waits(room: Room, talk: Call) -> None:
    talk.sdk.play_media_to_all(room.file("long.wav"), operation_context="running")
    talk.sdk.play_media_to_all(TEXTS["voice"], operation_context="waiting")
    room.webhook.wait("PlayStarted", operationContext="running")
    talk.sdk.play_media_to_all(
        TEXTS["locale"], interrupt_call_media_operation=True, operation_context="urgent"
    )
    completed(room, talk, "urgent")
    assert others(room, talk, "running") == ["PlayStarted", "PlayCanceled"]
    assert others(room, talk, "waiting") == ["PlayCanceled"]


def test_words_are_kept_by_a_cache_id(room: Room, talk: Call) -> None:
    for number in range(2):
        source = TextSource(
            text="This is said twice", voice_name="en-US-JennyNeural", play_source_cache_id="twice"
        )
        talk.sdk.play_media(source, operation_context=f"cached {number}")
        completed(room, talk, f"cached {number}")


def test_a_play_that_fails_says_where(room: Room, talk: Call) -> None:
    sources = [TEXTS["voice"], room.file("nowhere.wav"), TEXTS["ssml"]]
    talk.sdk.play_media(sources, operation_context="second")
    data = room.webhook.wait("PlayFailed", LONG, operationContext="second")
    assert (result(data), data["failedPlaySourceIndex"]) == ((400, 8536), 1)
    assert others(room, talk, "second") == ["PlayStarted", "PlayFailed"]


def test_a_voice_nobody_has_is_another_one_of_its_locale(room: Room, talk: Call) -> None:
    source = TextSource(text=TEXT_TO_PLAY, voice_name="en-US-NobodyKnowsNeural")
    talk.sdk.play_media(source, operation_context="unknown voice")
    completed(room, talk, "unknown voice")


def test_a_text_that_is_too_long_is_refused(room: Room, talk: Call) -> None:
    with pytest.raises(HttpResponseError) as refused:
        talk.sdk.play_media(TextSource(text="a" * 4001, source_locale="en-US"), operation_context="too long")
    assert (refused.value.status_code, code(refused.value)) == (400, "8523")
    assert "4" in str(refused.value)
    assert "000" in str(refused.value)


def test_words_need_cognitive_services(room: Room, single: Call) -> None:
    with pytest.raises(HttpResponseError) as refused:
        single.sdk.play_media(TEXTS["voice"], operation_context="without")
    assert (refused.value.status_code, code(refused.value)) == (405, "8522")
    assert "cognitiveServicesEndpoint" in str(refused.value)


def test_words_for_somebody_on_hold(room: Room, talk: Call) -> None:
    target = PhoneNumberIdentifier(ALICE)
    talk.sdk.hold(target_participant=target, play_source=TEXTS["voice"], operation_context="holdUserContext")
    room.webhook.wait("PlayStarted", LONG, operationContext="holdUserContext")
    wait_heard(room, ALICE, 4)  # it is looped
    talk.sdk.unhold(target_participant=target, operation_context="holdUserContext")
    assert result(room.webhook.wait("PlayCanceled", operationContext="holdUserContext")) == (400, 8508)
