from __future__ import annotations

import pytest

from hookflash.wire.operations import (
    BY_NAME,
    IDENTITY_OPERATIONS,
    OPERATIONS,
    PREVIEW_OPERATIONS,
    Operation,
    success_status,
)
from hookflash.wire.versions import IDENTITY, KNOWN, PREVIEW, STABLE

# number in the contract's table: method, end of the path, since, repeatable, success
TABLE = """
1 POST /calling/callConnections 2023-03-06 yes 201
2 POST /calling/callConnections:answer 2023-03-06 yes 200
3 POST /calling/callConnections:redirect 2023-03-06 yes 204
4 POST /calling/callConnections:reject 2023-03-06 yes 204
5 POST /calling/callConnections:connect 2024-09-15 yes 200
6 GET {} 2023-03-06 no 200
7 DELETE {} 2023-03-06 no 204
8 POST {}:terminate 2023-03-06 yes 204
9 POST {}:transferToParticipant 2023-03-06 yes 202
10 GET {}/participants 2023-03-06 no 200
11 GET {}/participants/{participantRawId} 2023-03-06 no 200
12 POST {}/participants:add 2023-03-06 yes 202
13 POST {}/participants:remove 2023-03-06 yes 202
14 POST {}/participants:mute 2023-10-15 yes 200
15 POST {}/participants:cancelAddParticipant 2023-10-15 yes 202
16 POST {}/participants:moveHere 2026-03-12 yes 202
17 POST {}:play 2023-03-06 no 202
18 POST {}:recognize 2023-03-06 no 202
19 POST {}:cancelAllMediaOperations 2023-03-06 no 202
20 POST {}:startContinuousDtmfRecognition 2023-10-15 no 200
21 POST {}:stopContinuousDtmfRecognition 2023-10-15 no 200
22 POST {}:sendDtmfTones 2023-10-15 yes 202
23 POST {}:hold 2024-09-15 no 200
24 POST {}:unhold 2024-09-15 no 200
25 POST {}:startMediaStreaming 2025-05-15 no 202
26 POST {}:stopMediaStreaming 2025-05-15 no 202
27 POST {}:startTranscription 2025-05-15 no 202
28 POST {}:stopTranscription 2025-05-15 no 202
29 POST {}:updateTranscription 2025-05-15 no 202
30 POST /calling/recordings 2023-03-06 yes 200
31 GET /calling/recordings/{recordingId} 2023-03-06 no 200
32 DELETE /calling/recordings/{recordingId} 2023-03-06 no 204
33 POST /calling/recordings/{recordingId}:pause 2023-03-06 no 202
34 POST /calling/recordings/{recordingId}:resume 2023-03-06 no 202
"""
ROWS = [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize(
    ("row", "operation"), list(zip(ROWS, OPERATIONS, strict=True)), ids=lambda v: getattr(v, "name", "")
)
def test_row_for_row(row: list[str], operation: Operation) -> None:
    _, method, path, since, repeatable, status = row
    assert operation.method == method
    assert operation.path == path.replace("{}", "/calling/callConnections/{callConnectionId}")
    assert operation.since == since
    assert operation.repeatable is (repeatable == "yes")
    assert operation.status == int(status)


def test_names_and_routes_are_unique() -> None:
    every = OPERATIONS + PREVIEW_OPERATIONS + IDENTITY_OPERATIONS
    assert len(BY_NAME) == len(every)
    assert len({(operation.method, operation.path) for operation in every}) == len(every)


def test_bodies_fit_the_method() -> None:
    for operation in OPERATIONS + IDENTITY_OPERATIONS:
        assert operation.since in STABLE + IDENTITY
        if operation.method != "POST":
            assert operation.request is None
        if operation.status == 204:
            assert operation.response is None


def test_mute_was_202_in_one_preview() -> None:
    mute = BY_NAME["muteParticipants"]
    assert success_status(mute, "2023-06-15-preview") == 202
    assert success_status(mute, "2023-10-15") == 200
    assert success_status(BY_NAME["hold"], "2023-06-15-preview") == 200


# operation: the previews before its first stable version, or (in section 1.3) every version that has it
PREVIEWS = {
    "createCall": "2022-04-07 2023-01-15",
    "startRecording": "2022-04-07 2023-01-15",
    "muteParticipants": "2023-06-15 2023-10-03",
    "sendDtmfTones": "2023-06-15 2023-10-03",
    "startContinuousDtmfRecognition": "2023-06-15 2023-10-03",
    "cancelAddParticipant": "2023-10-03",
    "connect": "2024-06-15 2024-09-01",
    "hold": "2024-06-15 2024-09-01",
    "unhold": "2024-06-15 2024-09-01",
    "startMediaStreaming": "2024-06-15 2024-09-01 2024-11-15",
    "updateTranscription": "2024-06-15 2024-09-01 2024-11-15",
    "moveParticipants": "2025-08-15",
    "unmuteParticipants": "2023-10-03 2024-01-22 2024-09-01",
    "startHoldMusic": "2023-10-03 2024-01-22 2024-06-15 2024-09-01",
    "stopHoldMusic": "2023-10-03 2024-01-22 2024-06-15 2024-09-01",
    "interruptAudioAndAnnounce": "2024-09-01",
    "startDialog": "2023-01-15 2023-10-03 2024-01-22 2024-09-01",
    "stopDialog": "2023-01-15 2023-10-03 2024-01-22 2024-09-01",
    "updateDialog": "2023-10-03 2024-01-22 2024-09-01",
    "getRecordingResult": "2024-09-01",
    "summarizeCall": "2025-08-15",
}


@pytest.mark.parametrize("name", PREVIEWS)
def test_previews_that_had_an_operation(name: str) -> None:
    operation = BY_NAME[name]
    early = {one for one in PREVIEW if operation.known_to(one)}
    if operation.since:
        early = {one for one in early if one < operation.since}
    assert early == {f"{date}-preview" for date in PREVIEWS[name].split()}


@pytest.mark.parametrize("version", sorted(KNOWN))
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_a_stable_operation_is_known_from_its_version_on(operation: Operation, version: str) -> None:
    if version >= operation.since:
        assert operation.known_to(version)
    elif version in STABLE:
        assert not operation.known_to(version)
    assert operation.versions() == tuple(one for one in sorted(KNOWN) if operation.known_to(one))


def test_one_drafted_operation_is_known_to_a_stable_version() -> None:
    stable = {one.name: [v for v in STABLE if one.known_to(v)] for one in PREVIEW_OPERATIONS}
    assert {name: found for name, found in stable.items() if found} == {
        "interruptAudioAndAnnounce": ["2025-05-15"]
    }
