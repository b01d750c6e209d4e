"""The operations of the Azure surfaces, as data (contract sections 1.2, 1.3 and 11).

Paths are templates; ``{name}`` stands for one percent-encoded segment or the part of one before a ``:verb``.
An operation exists from one api-version on, and in the previews before it that had it; those of section 1.3
exist in some previews only. Asked for with an api-version that does not know it, an operation is refused, as
the real service would refuse it, so that an app does not come to rely on what it will not find there.
"""

from __future__ import annotations

from hookflash.wire import identity, requests, responses
from hookflash.wire.operation import Operation, previews
from hookflash.wire.preview_operations import PREVIEW_OPERATIONS

_CONNECTIONS = "/calling/callConnections"
_ONE = "/calling/callConnections/{callConnectionId}"
_PEOPLE = _ONE + "/participants"
_RECORDINGS = "/calling/recordings"
_RECORDING = "/calling/recordings/{recordingId}"
_V1, _V2, _V3, _V4, _V5 = "2023-03-06", "2023-10-15", "2024-09-15", "2025-05-15", "2026-03-12"
_PROPERTIES = responses.CallConnectionProperties
_ECHO = responses.OperationResponse
_STATE = responses.RecordingStateResponse
_EARLY = previews("2022-04-07-preview", _V1)
"""Previews before the first stable version had the base set, in shapes of their own."""
_DTMF = previews("2023-06-15-preview", _V2)
_CANCEL = previews("2023-10-03-preview", _V2)
_HOLD = previews("2024-06-15-preview", _V3)
_STREAMS = previews("2024-06-15-preview", _V4)
_MOVE = ("2025-08-15-preview",)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "createCall",
        "POST",
        _CONNECTIONS,
        _V1,
        True,
        201,
        requests.CreateCallRequest,
        _PROPERTIES,
        previews=_EARLY,
    ),
    Operation(
        "answerCall",
        "POST",
        f"{_CONNECTIONS}:answer",
        _V1,
        True,
        200,
        requests.AnswerCallRequest,
        _PROPERTIES,
        previews=_EARLY,
    ),
    Operation(
        "redirectCall",
        "POST",
        f"{_CONNECTIONS}:redirect",
        _V1,
        True,
        204,
        requests.RedirectCallRequest,
        previews=_EARLY,
    ),
    Operation(
        "rejectCall",
        "POST",
        f"{_CONNECTIONS}:reject",
        _V1,
        True,
        204,
        requests.RejectCallRequest,
        previews=_EARLY,
    ),
    Operation(
        "connect",
        "POST",
        f"{_CONNECTIONS}:connect",
        _V3,
        True,
        200,
        requests.ConnectRequest,
        _PROPERTIES,
        previews=_HOLD,
    ),
    Operation("getCall", "GET", _ONE, _V1, False, 200, None, _PROPERTIES, previews=_EARLY),
    Operation("hangupCall", "DELETE", _ONE, _V1, False, 204, previews=_EARLY),
    Operation("terminateCall", "POST", f"{_ONE}:terminate", _V1, True, 204, previews=_EARLY),
    Operation(
        "transferToParticipant",
        "POST",
        f"{_ONE}:transferToParticipant",
        _V1,
        True,
        202,
        requests.TransferToParticipantRequest,
        _ECHO,
        previews=_EARLY,
    ),
    Operation(
        "getParticipants",
        "GET",
        _PEOPLE,
        _V1,
        False,
        200,
        None,
        responses.GetParticipantsResponse,
        previews=_EARLY,
    ),
    Operation(
        "getParticipant",
        "GET",
        f"{_PEOPLE}/{{participantRawId}}",
        _V1,
        False,
        200,
        None,
        responses.CallParticipant,
        previews=_EARLY,
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
        previews=_EARLY,
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
        previews=_EARLY,
    ),
    Operation(
        "muteParticipants",
        "POST",
        f"{_PEOPLE}:mute",
        _V2,
        True,
        200,
        requests.MuteParticipantsRequest,
        _ECHO,
        previews=_DTMF,
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
        previews=_CANCEL,
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
        previews=_MOVE,
    ),
    Operation("play", "POST", f"{_ONE}:play", _V1, False, 202, requests.PlayRequest, previews=_EARLY),
    Operation(
        "recognize", "POST", f"{_ONE}:recognize", _V1, False, 202, requests.RecognizeRequest, previews=_EARLY
    ),
    Operation(
        "cancelAllMediaOperations",
        "POST",
        f"{_ONE}:cancelAllMediaOperations",
        _V1,
        False,
        202,
        previews=_EARLY,
    ),
    Operation(
        "startContinuousDtmfRecognition",
        "POST",
        f"{_ONE}:startContinuousDtmfRecognition",
        _V2,
        False,
        200,
        requests.ContinuousDtmfRecognitionRequest,
        previews=_DTMF,
    ),
    Operation(
        "stopContinuousDtmfRecognition",
        "POST",
        f"{_ONE}:stopContinuousDtmfRecognition",
        _V2,
        False,
        200,
        requests.ContinuousDtmfRecognitionRequest,
        previews=_DTMF,
    ),
    Operation(
        "sendDtmfTones",
        "POST",
        f"{_ONE}:sendDtmfTones",
        _V2,
        True,
        202,
        requests.SendDtmfTonesRequest,
        _ECHO,
        previews=_DTMF,
    ),
    Operation("hold", "POST", f"{_ONE}:hold", _V3, False, 200, requests.HoldRequest, previews=_HOLD),
    Operation("unhold", "POST", f"{_ONE}:unhold", _V3, False, 200, requests.UnholdRequest, previews=_HOLD),
    Operation(
        "startMediaStreaming",
        "POST",
        f"{_ONE}:startMediaStreaming",
        _V4,
        False,
        202,
        requests.StartMediaStreamingRequest,
        previews=_STREAMS,
    ),
    Operation(
        "stopMediaStreaming",
        "POST",
        f"{_ONE}:stopMediaStreaming",
        _V4,
        False,
        202,
        requests.StopMediaStreamingRequest,
        previews=_STREAMS,
    ),
    Operation(
        "startTranscription",
        "POST",
        f"{_ONE}:startTranscription",
        _V4,
        False,
        202,
        requests.StartTranscriptionRequest,
        previews=_STREAMS,
    ),
    Operation(
        "stopTranscription",
        "POST",
        f"{_ONE}:stopTranscription",
        _V4,
        False,
        202,
        requests.StopTranscriptionRequest,
        previews=_STREAMS,
    ),
    Operation(
        "updateTranscription",
        "POST",
        f"{_ONE}:updateTranscription",
        _V4,
        False,
        202,
        requests.UpdateTranscriptionRequest,
        previews=_STREAMS,
    ),
    # 202 exists from 2025-06-15 on, but 200 is what the SDKs of every version accept.
    Operation(
        "startRecording",
        "POST",
        _RECORDINGS,
        _V1,
        True,
        200,
        requests.StartCallRecordingRequest,
        _STATE,
        previews=_EARLY,
    ),
    Operation("getRecordingState", "GET", _RECORDING, _V1, False, 200, None, _STATE, previews=_EARLY),
    Operation("stopRecording", "DELETE", _RECORDING, _V1, False, 204, previews=_EARLY),
    Operation("pauseRecording", "POST", f"{_RECORDING}:pause", _V1, False, 202, previews=_EARLY),
    Operation("resumeRecording", "POST", f"{_RECORDING}:resume", _V1, False, 202, previews=_EARLY),
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

BY_NAME: dict[str, Operation] = {
    operation.name: operation for operation in OPERATIONS + PREVIEW_OPERATIONS + IDENTITY_OPERATIONS
}


EARLIER_STATUSES: dict[str, dict[str, int]] = {"2023-06-15-preview": {"muteParticipants": 202}}
"""By api-version and operation: where success had another status than in every later version."""


def success_status(operation: Operation, version: str) -> int:
    """The status an SDK of ``version`` expects: ``status``, except muting in 2023-06-15-preview."""
    return EARLIER_STATUSES.get(version.casefold(), {}).get(operation.name, operation.status)


__all__ = [
    "BY_NAME",
    "EARLIER_STATUSES",
    "IDENTITY_OPERATIONS",
    "OPERATIONS",
    "PREVIEW_OPERATIONS",
    "Operation",
    "success_status",
]
