"""The compatibility table of the how-to page, through the official SDK, in live calls of three.

Contract section 6.9. A recognition belongs to the main leg only while the call has two participants. The
second phone therefore joins after one has begun, or leaves before the next one is asked for.
"""

from __future__ import annotations

import pytest
from azure.communication.callautomation import DtmfTone, PhoneNumberIdentifier, RecognizeInputType
from azure.core.exceptions import HttpResponseError
from system.harness import NUMBER
from system.room import ALICE, BOB, Call, Room, code, ended, others

TARGET, OTHER = PhoneNumberIdentifier(ALICE), PhoneNumberIdentifier(BOB)
ALL, ONE, TO, GROUP, SEND, LISTEN = OPERATIONS = (
    "PlayToAll",
    "Recognize(1:1)",
    "PlayTo",
    "Recognize(group)",
    "SendDTMF",
    "StartContinuousDtmf",
)
MAIN = (ALL, ONE)
# Rows: what runs. Columns in the same order: y may start, n is 412/8583.
TABLE = {
    ALL: "yyyyyy",
    ONE: "yyyyyy",
    TO: "yynnnn",
    GROUP: "yynnnn",
    SEND: "yynnnn",
    LISTEN: "yyyyyy",
}
PAIRS = [
    (running, new, TABLE[running][column] == "y")
    for running in OPERATIONS
    for column, new in enumerate(OPERATIONS)
]
LAST = {
    ALL: ["PlayStarted", "PlayCanceled"],
    ONE: ["RecognizeCanceled"],
    TO: ["PlayStarted", "PlayCanceled"],
    GROUP: ["RecognizeCanceled"],
}


def ask(room: Room, call: Call, what: str, context: str) -> None:
    """Ask for an operation that lasts longer than the test, or, of tones, for some seconds."""
    if what == ALL:
        call.sdk.play_media_to_all(room.file("long.wav"), loop=True, operation_context=context)
    elif what == TO:
        call.sdk.play_media(room.file("long.wav"), [TARGET], loop=True, operation_context=context)
    elif what == SEND:
        call.sdk.send_dtmf_tones([DtmfTone.ONE] * 18, TARGET, operation_context=context)
    elif what == LISTEN:
        call.sdk.start_continuous_dtmf_recognition(TARGET, operation_context=context)
    else:
        call.sdk.start_recognizing_media(
            RecognizeInputType.DTMF,
            TARGET,
            dtmf_max_tones_to_collect=9,
            initial_silence_timeout=300,
            operation_context=context,
        )


def join(room: Room, call: Call) -> None:
    """Bob comes into the call."""
    answer = room.phone(BOB).start("answer")
    call.sdk.add_participant(OTHER, source_caller_id_number=PhoneNumberIdentifier(NUMBER))
    answer.result(30)
    room.webhook.wait("AddParticipantSucceeded", 30, callConnectionId=call.id)
    assert len(list(call.sdk.list_participants())) == 3


def leave(room: Room, call: Call) -> None:
    """Bob is taken out of the call."""
    call.sdk.remove_participant(OTHER)
    room.webhook.wait("RemoveParticipantSucceeded", 30, callConnectionId=call.id)
    assert len(list(call.sdk.list_participants())) == 2


def under_way(room: Room, call: Call, running: str, new: str) -> None:
    """Have the first operation begin, and as many in the call as the second one needs."""
    if running == ONE and new != ONE:
        leave(room, call)
        ask(room, call, running, "running")
        join(room, call)
    elif new == ONE and running != GROUP:
        leave(room, call)
        ask(room, call, running, "running")
    else:
        ask(room, call, running, "running")
        if new == ONE:
            leave(room, call)
    if running in (ALL, TO):
        room.webhook.wait("PlayStarted", 30, operationContext="running")
    elif running == SEND:
        room.phone(ALICE).wait_digits("1", 30)


@pytest.mark.parametrize(("running", "new", "may"), PAIRS)
def test_pair(room: Room, group: Call, running: str, new: str, may: bool) -> None:
    under_way(room, group, running, new)
    if not may:
        with pytest.raises(HttpResponseError) as refused:
            ask(room, group, new, "new")
        assert (refused.value.status_code, code(refused.value)) == (412, "8583")
        for word in (running, new, "'running'", ALICE, "ago"):
            assert word in str(refused.value)
        assert len(others(room, group, "running")) == (running in (ALL, TO))  # it goes on
        ended(room, group)
        assert others(room, group, "new") == []
        assert_ended_once(room, group, running, "running")
        return
    ask(room, group, new, "new")
    queued = running in MAIN and new in MAIN
    if new in (ALL, TO) and not queued:
        room.webhook.wait("PlayStarted", 30, operationContext="new")
    group.sdk.cancel_all_media_operations()
    expected = {"running": LAST.get(running), "new": LAST.get(new)}
    if queued:
        expected["new"] = LAST[new][-1:]  # it was never heard
    for context, events in expected.items():
        if events:
            room.webhook.wait(events[-1], 30, operationContext=context)
            assert others(room, group, context) == events
    ended(room, group)
    for context, what in (("running", running), ("new", new)):
        if (running, new, context) != (
            LISTEN,
            LISTEN,
            "running",
        ):  # the second start takes the first one over
            assert_ended_once(room, group, what, context)


def assert_ended_once(room: Room, call: Call, what: str, context: str) -> None:
    """An operation has exactly one last event by the end of its call, and it is the last of its events."""
    ends = {
        SEND: ["SendDtmfTonesCompleted", "SendDtmfTonesFailed"],
        LISTEN: ["ContinuousDtmfRecognitionStopped"],
    }.get(what, LAST.get(what, [])[-1:])
    names = others(room, call, context)
    assert names, f"no events of {what}"
    assert names[-1] in ends
    assert sum(name in ends for name in names) == 1
