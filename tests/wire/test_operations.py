from __future__ import annotations

import pytest

from hookflash.wire.operations import BY_NAME, IDENTITY_OPERATIONS, OPERATIONS, Operation, success_status
from hookflash.wire.versions import IDENTITY, STABLE

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
    every = OPERATIONS + IDENTITY_OPERATIONS
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
