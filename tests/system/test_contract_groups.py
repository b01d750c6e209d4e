"""Calls of three: the compatibility table, hold, leaving and ending, through a real server."""

from __future__ import annotations

import pytest
from azure.communication.callautomation import (
    DtmfTone,
    PhoneNumberIdentifier,
    RecognizeInputType,
)
from azure.core.exceptions import HttpResponseError
from system.room import (
    ALICE,
    BOB,
    Call,
    Room,
    code,
    ended,
    others,
    recognize,
    result,
)

# --- group calls ----------------------------------------------------------------------------------------


def test_a_play_to_one_is_heard_by_one(room: Room, group: Call) -> None:
    group.sdk.play_media(room.file("long.wav"), [PhoneNumberIdentifier(ALICE)], operation_context="alice")
    room.webhook.wait("PlayStarted", operationContext="alice")
    room.phone(ALICE).play("expect audio")
    room.phone(BOB).play("expect silence for 0.3")


def test_the_compatibility_table(room: Room, group: Call) -> None:
    """Section 6.9 in a group call: what may run beside what, for the same participant and for another."""
    alice, bob = PhoneNumberIdentifier(ALICE), PhoneNumberIdentifier(BOB)
    long = room.file("long.wav")

    def play_to(who: PhoneNumberIdentifier, context: str) -> None:
        group.sdk.play_media(long, [who], operation_context=context)

    def recognise(who: PhoneNumberIdentifier, context: str) -> None:
        group.sdk.start_recognizing_media(
            RecognizeInputType.DTMF, who, dtmf_max_tones_to_collect=9, initial_silence_timeout=60,
            operation_context=context,
        )  # fmt: skip

    def tones(who: PhoneNumberIdentifier, context: str) -> None:
        group.sdk.send_dtmf_tones([DtmfTone.ONE] * 18, who, operation_context=context)

    def listen(who: PhoneNumberIdentifier, context: str) -> None:
        group.sdk.start_continuous_dtmf_recognition(who, operation_context=context)

    names = {play_to: "PlayTo", recognise: "Recognize(group)", tones: "SendDTMF"}
    for number, (running, name) in enumerate(names.items()):
        running(alice, f"running {number}")
        for new in (play_to, recognise, tones, listen):
            with pytest.raises(HttpResponseError) as refused:
                new(alice, "refused")
            assert (refused.value.status_code, code(refused.value)) == (412, "8583")
            assert name in str(refused.value)
            assert f"running {number}" in str(refused.value)
            assert ALICE in str(refused.value)
        running(bob, f"bob {number}")  # the table is about one participant
        group.sdk.play_media(room.file("short.wav"), operation_context=f"all {number}")
        room.webhook.wait("PlayCompleted", operationContext=f"all {number}")
        group.sdk.cancel_all_media_operations()
    room.webhook.wait("RecognizeCanceled", operationContext="running 1")
    assert "PlayCanceled" in others(room, group, "running 0")
    # Tones go on: cancelAllMediaOperations is about plays and recognitions.
    assert others(room, group, "running 2") == []
    assert others(room, group, "refused") == []


def test_everything_may_start_beside_continuous_recognition_and_plays_to_all(room: Room, group: Call) -> None:
    alice, bob = PhoneNumberIdentifier(ALICE), PhoneNumberIdentifier(BOB)
    group.sdk.play_media(room.file("long.wav"), operation_context="all")
    group.sdk.start_continuous_dtmf_recognition(alice, operation_context="keys")
    group.sdk.play_media(room.file("long.wav"), [bob], operation_context="to bob")
    recognize(room, group, "digits", dtmf_max_tones_to_collect=2)
    room.phone(ALICE).play("press 42")
    data = room.webhook.wait("RecognizeCompleted", operationContext="digits")
    assert data["dtmfResult"] == {"tones": ["four", "two"]}
    assert room.webhook.wait("ContinuousDtmfRecognitionToneReceived", sequenceId=2)["tone"] == "two"
    group.sdk.send_dtmf_tones([DtmfTone.SEVEN], alice, operation_context="seven")
    room.webhook.wait("SendDtmfTonesCompleted", operationContext="seven")
    room.phone(ALICE).wait_digits("7")


def test_hold_in_a_group_silences_a_play_to_all_for_the_held_one(room: Room, group: Call) -> None:
    alice = PhoneNumberIdentifier(ALICE)
    group.sdk.play_media(room.file("long.wav"), loop=True, operation_context="all")
    room.phone(ALICE).play("expect audio")
    group.sdk.hold(alice)
    held = room.roster(group.id, lambda people: any(one["isOnHold"] for one in people))
    (who,) = [one["identifier"]["rawId"] for one in held["participants"] if one["isOnHold"]]
    assert who == f"4:{ALICE}"
    room.phone(ALICE).play("wait 0.2; expect silence for 0.3")
    room.phone(BOB).play("expect audio")
    group.sdk.unhold(alice)
    room.roster(group.id, lambda people: not any(one["isOnHold"] for one in people), held["sequenceNumber"])
    room.phone(ALICE).play("expect audio")


def test_hang_up_leaves_the_group_together_and_terminate_does_not(room: Room) -> None:
    left = room.call(ALICE, BOB)
    left.sdk.hang_up(is_for_everyone=False)
    data = room.webhook.wait("CallDisconnected", callConnectionId=left.id)
    assert result(data) == (200, 7000)
    assert data["resultInformation"]["message"] == "The conversation has ended. DiagCode: 0#7000.@"
    assert room.phone(ALICE).phone.talking
    assert room.phone(BOB).phone.talking
    room.phone(ALICE).play("press 1; hangup")
    room.phone(BOB).play("expect hangup")

    both = room.call(ALICE, BOB)
    both.sdk.hang_up(is_for_everyone=True)
    room.phone(ALICE).play("expect hangup")
    room.phone(BOB).play("expect hangup")
    assert result(room.webhook.wait("CallDisconnected", callConnectionId=both.id)) == (200, 7000)


def test_somebody_leaves_a_group(room: Room, group: Call) -> None:
    group.sdk.start_continuous_dtmf_recognition(PhoneNumberIdentifier(BOB), operation_context="bob's keys")
    room.phone(BOB).play("hangup")
    room.webhook.wait("ContinuousDtmfRecognitionStopped", operationContext="bob's keys")
    room.roster(group.id, lambda people: f"4:{BOB}" not in [p["identifier"]["rawId"] for p in people], 2)
    room.phone(ALICE).play("hangup")
    data = room.webhook.wait("CallDisconnected", callConnectionId=group.id)
    assert result(data) == (200, 560000)
    assert data["resultInformation"]["message"] == "The conversation has ended. DiagCode: 0#560000.@"


def test_rosters_are_numbered_upward(room: Room, group: Call) -> None:
    for _ in range(2):
        group.sdk.hold(PhoneNumberIdentifier(BOB))
        group.sdk.unhold(PhoneNumberIdentifier(BOB))
    ended(room, group)
    numbers = [
        event["data"]["sequenceNumber"]
        for event in room.webhook.events(group.id)
        if event["type"].endswith("ParticipantsUpdated")
    ]
    assert len(numbers) >= 5
    assert numbers == sorted(set(numbers))
