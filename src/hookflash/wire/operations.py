"""The operations of the stable surface, as data (contract sections 1.2 and 11).

Paths are templates; ``{name}`` stands for one percent-encoded segment or the part of one before a ``:verb``.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from hookflash.wire import identity, requests, responses


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the operation table.

    ``since`` is the first stable api-version, ``repeatable`` whether SDKs send repeatability headers,
    ``status`` the success status of that and every later version. ``request`` and ``response`` are None where
    no body is sent.
    """

    name: str
    method: str
    path: str
    since: str
    repeatable: bool
    status: int
    request: type[msgspec.Struct] | None = None
    response: type[msgspec.Struct] | None = None


_CONNECTIONS = "/calling/callConnections"
_ONE = "/calling/callConnections/{callConnectionId}"
_PEOPLE = _ONE + "/participants"
_RECORDINGS = "/calling/recordings"
_RECORDING = "/calling/recordings/{recordingId}"
_V1, _V2, _V3, _V4, _V5 = "2023-03-06", "2023-10-15", "2024-09-15", "2025-05-15", "2026-03-12"
_PROPERTIES = responses.CallConnectionProperties
_ECHO = responses.OperationResponse
_STATE = responses.RecordingStateResponse

OPERATIONS: tuple[Operation, ...] = (
    Operation("createCall", "POST", _CONNECTIONS, _V1, True, 201, requests.CreateCallRequest, _PROPERTIES),
    Operation(
        "answerCall",
        "POST",
        f"{_CONNECTIONS}:answer",
        _V1,
        True,
        200,
        requests.AnswerCallRequest,
        _PROPERTIES,
    ),
    Operation(
        "redirectCall", "POST", f"{_CONNECTIONS}:redirect", _V1, True, 204, requests.RedirectCallRequest
    ),
    Operation("rejectCall", "POST", f"{_CONNECTIONS}:reject", _V1, True, 204, requests.RejectCallRequest),
    Operation(
        "connect", "POST", f"{_CONNECTIONS}:connect", _V3, True, 200, requests.ConnectRequest, _PROPERTIES
    ),
    Operation("getCall", "GET", _ONE, _V1, False, 200, None, _PROPERTIES),
    Operation("hangupCall", "DELETE", _ONE, _V1, False, 204),
    Operation("terminateCall", "POST", f"{_ONE}:terminate", _V1, True, 204),
    Operation(
        "transferToParticipant",
        "POST",
        f"{_ONE}:transferToParticipant",
        _V1,
        True,
        202,
        requests.TransferToParticipantRequest,
        _ECHO,
    ),
    Operation("getParticipants", "GET", _PEOPLE, _V1, False, 200, None, responses.GetParticipantsResponse),
    Operation(
        "getParticipant",
        "GET",
        f"{_PEOPLE}/{{participantRawId}}",
        _V1,
        False,
        200,
        None,
        responses.CallParticipant,
    ),
    Operation(
        "addParticipant",
        "POST",
        f"{_PEOPLE}:add",
        _V1,
        True,
        202,
        requests.AddParticipantRequest,
        responses.AddParticipantResponse,
    ),
    Operation(
        "removeParticipant",
        "POST",
        f"{_PEOPLE}:remove",
        _V1,
        True,
        202,
        requests.RemoveParticipantRequest,
        _ECHO,
    ),
    Operation(
        "muteParticipants", "POST", f"{_PEOPLE}:mute", _V2, True, 200, requests.MuteParticipantsRequest, _ECHO
    ),
    Operation(
        "cancelAddParticipant",
        "POST",
        f"{_PEOPLE}:cancelAddParticipant",
        _V2,
        True,
        202,
        requests.CancelAddParticipantRequest,
        responses.CancelAddParticipantResponse,
    ),
    Operation(
        "moveParticipants",
        "POST",
        f"{_PEOPLE}:moveHere",
        _V5,
        True,
        202,
        requests.MoveParticipantsRequest,
        responses.MoveParticipantsResponse,
    ),
    Operation("play", "POST", f"{_ONE}:play", _V1, False, 202, requests.PlayRequest),
    Operation("recognize", "POST", f"{_ONE}:recognize", _V1, False, 202, requests.RecognizeRequest),
    Operation("cancelAllMediaOperations", "POST", f"{_ONE}:cancelAllMediaOperations", _V1, False, 202),
    Operation(
        "startContinuousDtmfRecognition",
        "POST",
        f"{_ONE}:startContinuousDtmfRecognition",
        _V2,
        False,
        200,
        requests.ContinuousDtmfRecognitionRequest,
    ),
    Operation(
        "stopContinuousDtmfRecognition",
        "POST",
        f"{_ONE}:stopContinuousDtmfRecognition",
        _V2,
        False,
        200,
        requests.ContinuousDtmfRecognitionRequest,
    ),
    Operation(
        "sendDtmfTones", "POST", f"{_ONE}:sendDtmfTones", _V2, True, 202, requests.SendDtmfTonesRequest, _ECHO
    ),
    Operation("hold", "POST", f"{_ONE}:hold", _V3, False, 200, requests.HoldRequest),
    Operation("unhold", "POST", f"{_ONE}:unhold", _V3, False, 200, requests.UnholdRequest),
    Operation(
        "startMediaStreaming",
        "POST",
        f"{_ONE}:startMediaStreaming",
        _V4,
        False,
        202,
        requests.StartMediaStreamingRequest,
    ),
    Operation(
        "stopMediaStreaming",
        "POST",
        f"{_ONE}:stopMediaStreaming",
        _V4,
        False,
        202,
        requests.StopMediaStreamingRequest,
    ),
    Operation(
        "startTranscription",
        "POST",
        f"{_ONE}:startTranscription",
        _V4,
        False,
        202,
        requests.StartTranscriptionRequest,
    ),
    Operation(
        "stopTranscription",
        "POST",
        f"{_ONE}:stopTranscription",
        _V4,
        False,
        202,
        requests.StopTranscriptionRequest,
    ),
    Operation(
        "updateTranscription",
        "POST",
        f"{_ONE}:updateTranscription",
        _V4,
        False,
        202,
        requests.UpdateTranscriptionRequest,
    ),
    # 202 exists from 2025-06-15 on, but 200 is what the SDKs of every version accept.
    Operation(
        "startRecording", "POST", _RECORDINGS, _V1, True, 200, requests.StartCallRecordingRequest, _STATE
    ),
    Operation("getRecordingState", "GET", _RECORDING, _V1, False, 200, None, _STATE),
    Operation("stopRecording", "DELETE", _RECORDING, _V1, False, 204),
    Operation("pauseRecording", "POST", f"{_RECORDING}:pause", _V1, False, 202),
    Operation("resumeRecording", "POST", f"{_RECORDING}:resume", _V1, False, 202),
)
"""Call Automation, row for row as contract section 1.2."""

_IDENTITY = "2021-03-07"

IDENTITY_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "createIdentity",
        "POST",
        "/identities",
        _IDENTITY,
        False,
        201,
        identity.CreateIdentityRequest,
        identity.CreateIdentityResponse,
    ),
    Operation(
        "issueAccessToken",
        "POST",
        "/identities/{id}/:issueAccessToken",
        _IDENTITY,
        False,
        200,
        identity.IssueTokenRequest,
        identity.CommunicationAccessToken,
    ),
    Operation("revokeAccessTokens", "POST", "/identities/{id}/:revokeAccessTokens", _IDENTITY, False, 204),
    Operation("deleteIdentity", "DELETE", "/identities/{id}", _IDENTITY, False, 204),
    Operation(
        "exchangeTeamsUserAccessToken",
        "POST",
        "/teamsUser/:exchangeAccessToken",
        "2022-06-01",
        False,
        200,
        identity.TeamsTokenExchangeRequest,
        identity.CommunicationAccessToken,
    ),
)
"""The identity service, contract section 11."""

BY_NAME: dict[str, Operation] = {operation.name: operation for operation in OPERATIONS + IDENTITY_OPERATIONS}


def success_status(operation: Operation, version: str) -> int:
    """The status an SDK of ``version`` expects: ``status``, except muting in 2023-06-15-preview."""
    if operation.name == "muteParticipants" and version.casefold() == "2023-06-15-preview":
        return 202
    return operation.status
