"""Recognition and playing as the wire contract has them, through a real server and the official SDK."""

from __future__ import annotations

from typing import Any

import pytest
from azure.communication.callautomation import (
    DtmfTone,
    PhoneNumberIdentifier,
)
from azure.core.exceptions import HttpResponseError
from system.harness import Webhook
from system.room import (
    ALICE,
    NEWEST,
    Call,
    Room,
    code,
    others,
    recognize,
    result,
)

# --- recognition ----------------------------------------------------------------------------------------


def test_recognition_ends_at_enough_tones(room: Room, single: Call) -> None:
    recognize(room, single, "max", play_prompt=room.file("short.wav"))
    room.webhook.wait("PlayStarted", operationContext="max")
    room.phone(ALICE).play("expect audio; wait 0.4; press 12#")
    data = room.webhook.wait("RecognizeCompleted", operationContext="max")
    assert result(data) == (200, 8531)
    assert data["recognitionType"] == "dtmf"
    assert data["dtmfResult"] == {"tones": ["one", "two", "pound"]}
    assert others(room, single, "max") == ["PlayStarted", "RecognizeCompleted"]


def test_recognition_ends_at_a_stop_tone(room: Room, single: Call) -> None:
    recognize(room, single, "stop", dtmf_max_tones_to_collect=9, dtmf_stop_tones=[DtmfTone.POUND])
    room.phone(ALICE).play("press 47#")
    data = room.webhook.wait("RecognizeCompleted", operationContext="stop")
    assert (result(data), data["dtmfResult"]) == ((200, 8514), {"tones": ["four", "seven"]})


def test_recognition_fails_between_tones_and_without_any(room: Room, single: Call) -> None:
    recognize(room, single, "between", dtmf_inter_tone_timeout=1)
    room.phone(ALICE).play("press 1")
    assert result(room.webhook.wait("RecognizeFailed", operationContext="between")) == (400, 8532)
    recognize(room, single, "silent", initial_silence_timeout=1, play_prompt=room.file("short.wav"))
    assert result(room.webhook.wait("RecognizeFailed", operationContext="silent")) == (400, 8510)
    assert others(room, single, "silent") == ["PlayStarted", "RecognizeFailed"]


def test_a_key_interrupts_the_prompt_and_counts(room: Room, single: Call) -> None:
    recognize(
        room, single, "barge", dtmf_max_tones_to_collect=2, play_prompt=room.file("long.wav"),
        interrupt_prompt=True,
    )  # fmt: skip
    room.webhook.wait("PlayStarted", operationContext="barge")
    room.phone(ALICE).play("expect audio; press 8; wait 0.1; expect silence for 0.2; press 9")
    data = room.webhook.wait("RecognizeCompleted", operationContext="barge")
    assert data["dtmfResult"] == {"tones": ["eight", "nine"]}


def test_keys_during_a_prompt_that_is_not_to_be_interrupted_do_not_count(room: Room, single: Call) -> None:
    """Several prompts are one PlayStarted; Python sends interruptPrompt false unless told otherwise."""
    prompts = [room.file(name) for name in ("short.wav", "second.wav", "narrow.wav")]
    recognize(room, single, "patient", dtmf_max_tones_to_collect=1, play_prompt=prompts)
    room.webhook.wait("PlayStarted", operationContext="patient")
    room.phone(ALICE).play("press 1; wait 0.9; press 2")
    data = room.webhook.wait("RecognizeCompleted", operationContext="patient")
    assert data["dtmfResult"] == {"tones": ["two"]}
    assert others(room, single, "patient") == ["PlayStarted", "RecognizeCompleted"]


def test_a_prompt_that_cannot_be_played_fails_the_recognition(room: Room, single: Call) -> None:
    recognize(room, single, "bad prompt", play_prompt=room.file("text.wav"))
    assert result(room.webhook.wait("RecognizeFailed", operationContext="bad prompt")) == (500, 8511)


def test_absent_options_have_the_defaults_of_the_service(room: Room, single: Call) -> None:
    """interruptPrompt and interruptCallMediaOperation absent mean true (section 6.3); JS omits both."""
    single.sdk.play_media(room.file("long.wav"), operation_context="before")
    room.webhook.wait("PlayStarted", operationContext="before")
    body = {
        "recognizeInputType": "dtmf",
        "playPrompt": {"kind": "file", "file": {"uri": room.file("long.wav").url}},
        "recognizeOptions": {
            "targetParticipant": {"phoneNumber": {"value": ALICE}},
            "dtmfOptions": {"maxTonesToCollect": 1},
        },
        "operationContext": "defaults",
    }
    path = f"/calling/callConnections/{single.id}:recognize?api-version={NEWEST}"
    assert room.send("POST", path, body)[0] == 202
    room.webhook.wait("PlayCanceled", operationContext="before")
    room.webhook.wait("PlayStarted", operationContext="defaults")
    room.phone(ALICE).play("press 5")
    assert result(room.webhook.wait("RecognizeCompleted", operationContext="defaults")) == (200, 8531)


def test_recognition_interrupts_a_play_to_its_target(room: Room, single: Call) -> None:
    single.sdk.play_media(
        room.file("short.wav"), [PhoneNumberIdentifier(ALICE)], loop=True, operation_context="to alice"
    )
    room.webhook.wait("PlayStarted", operationContext="to alice")
    recognize(room, single, "urgent", dtmf_max_tones_to_collect=1, interrupt_call_media_operation=True)
    assert result(room.webhook.wait("PlayCanceled", operationContext="to alice")) == (400, 8508)
    room.phone(ALICE).play("wait 0.1; expect silence for 0.2; press 3")
    room.webhook.wait("RecognizeCompleted", operationContext="urgent")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"dtmf_max_tones_to_collect": 0}, "maxTonesToCollect"),
        ({"dtmf_max_tones_to_collect": None}, "maxTonesToCollect"),
        ({"dtmf_inter_tone_timeout": 0}, "interToneTimeoutInSeconds"),
        ({"dtmf_inter_tone_timeout": 61}, "interToneTimeoutInSeconds"),
        ({"initial_silence_timeout": 301}, "initialSilenceTimeoutInSeconds"),
    ],
)
def test_ranges_of_recognition(room: Room, shared: Call, options: dict[str, Any], field: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        recognize(room, shared, "range", **options)
    assert (refused.value.status_code, code(refused.value)) == (400, "8523")
    assert field in str(refused.value)


# --- playing --------------------------------------------------------------------------------------------


def test_several_sources_are_one_play(room: Room, single: Call) -> None:
    single.sdk.play_media(
        [room.file("short.wav"), room.file("narrow.wav"), room.file("second.wav")], operation_context="three"
    )
    room.phone(ALICE).play("expect audio")
    data = room.webhook.wait("PlayCompleted", operationContext="three")
    assert data["resultInformation"]["message"] == "Action completed successfully."
    assert others(room, single, "three") == ["PlayStarted", "PlayCompleted"]


def test_a_loop_plays_until_it_is_canceled(room: Room, single: Call) -> None:
    single.sdk.play_media(room.file("short.wav"), loop=True, operation_context="loop")
    room.webhook.wait("PlayStarted", operationContext="loop")
    room.phone(ALICE).play("expect audio; wait 0.4; expect audio")
    single.sdk.cancel_all_media_operations()
    assert result(room.webhook.wait("PlayCanceled", operationContext="loop")) == (400, 8508)
    room.phone(ALICE).play("wait 0.1; expect silence for 0.2")
    single.sdk.cancel_all_media_operations()  # nothing is active: that is fine too


@pytest.mark.parametrize(
    ("names", "sub_code", "index"),
    [
        (["text.wav"], 8535, 0),
        (["nowhere.wav"], 8536, 0),
        (["short.wav", "nowhere.wav"], 8536, 1),
        (["short.wav", "text.wav", "short.wav"], 8535, 1),
    ],
)
def test_a_source_that_cannot_be_played(
    room: Room, shared: Call, names: list[str], sub_code: int, index: int
) -> None:
    context = f"bad {names}"
    shared.sdk.play_media([room.file(name) for name in names], operation_context=context)
    data = room.webhook.wait("PlayFailed", operationContext=context)
    assert (result(data), data["failedPlaySourceIndex"]) == ((400, sub_code), index)
    assert others(room, shared, context) == ["PlayStarted", "PlayFailed"]


def test_a_cache_id_keeps_its_first_file(room: Room, shared: Call) -> None:
    for name in ("short.wav", "nowhere.wav"):
        source = room.file(name, play_source_cache_id="greeting")
        shared.sdk.play_media(source, operation_context=f"cached {name}")
        room.webhook.wait("PlayCompleted", operationContext=f"cached {name}")


def test_plays_queue_and_interrupt(room: Room, single: Call) -> None:
    long, short = room.file("long.wav"), room.file("short.wav")
    single.sdk.play_media(long, operation_context="running")
    single.sdk.play_media(short, operation_context="queued")
    room.webhook.wait("PlayStarted", operationContext="running")
    single.sdk.play_media(short, interrupt_call_media_operation=True, operation_context="urgent")
    room.webhook.wait("PlayCompleted", operationContext="urgent")
    assert others(room, single, "running") == ["PlayStarted", "PlayCanceled"]
    assert others(room, single, "queued") == ["PlayCanceled"]
    assert others(room, single, "urgent") == ["PlayStarted", "PlayCompleted"]


def test_a_play_canceled_before_it_was_heard_says_that_it_started(room: Room, single: Call) -> None:
    """Rule 22: PlayStarted precedes PlayCanceled."""
    single.sdk.play_media(room.file("long.wav"), operation_context="early")
    single.sdk.cancel_all_media_operations()
    room.webhook.wait("PlayCanceled", operationContext="early")
    assert others(room, single, "early") == ["PlayStarted", "PlayCanceled"]


def test_events_of_an_operation_go_to_its_own_callback(room: Room, single: Call) -> None:
    other = Webhook()
    try:
        single.sdk.play_media(
            room.file("short.wav"), operation_context="own", operation_callback_url=f"{other.url}/own?key=1"
        )
        other.wait("PlayCompleted", operationContext="own")
        assert other.names() == ["PlayStarted", "PlayCompleted"]
        single.sdk.hang_up(is_for_everyone=True)
        room.webhook.wait("CallDisconnected", callConnectionId=single.id)
        assert others(room, single, "own") == []
        assert other.names() == ["PlayStarted", "PlayCompleted"]
    finally:
        other.close()
