"""What an app asks for: one command a request of the Call Automation surface, as plain data.

``resource`` is the GUID of the authenticated resource, ``version`` the api-version of the request (it gates
events and fields). ``request`` is the decoded wire model.
"""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.wire.models import (
    AnswerCallRequest,
    ContinuousDtmfRecognitionRequest,
    CreateCallRequest,
    HoldRequest,
    PlayRequest,
    RecognizeRequest,
    RedirectCallRequest,
    RejectCallRequest,
    SendDtmfTonesRequest,
    UnholdRequest,
)


@dataclass(frozen=True, slots=True)
class CreateCall:
    resource: str
    version: str
    request: CreateCallRequest


@dataclass(frozen=True, slots=True)
class AnswerCall:
    resource: str
    version: str
    request: AnswerCallRequest


@dataclass(frozen=True, slots=True)
class RedirectCall:
    resource: str
    version: str
    request: RedirectCallRequest


@dataclass(frozen=True, slots=True)
class RejectCall:
    resource: str
    version: str
    request: RejectCallRequest


@dataclass(frozen=True, slots=True)
class GetCall:
    resource: str
    version: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """DELETE: the app leaves; a call of two ends (contract section 6.10)."""

    resource: str
    version: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class Terminate:
    """End the call for everybody."""

    resource: str
    version: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class ListParticipants:
    resource: str
    version: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class GetParticipant:
    """``participant`` is the decoded rawId of the path."""

    resource: str
    version: str
    connection_id: str
    participant: str


@dataclass(frozen=True, slots=True)
class Play:
    resource: str
    version: str
    connection_id: str
    request: PlayRequest


@dataclass(frozen=True, slots=True)
class CancelAllMedia:
    resource: str
    version: str
    connection_id: str


@dataclass(frozen=True, slots=True)
class Recognize:
    resource: str
    version: str
    connection_id: str
    request: RecognizeRequest


@dataclass(frozen=True, slots=True)
class StartContinuousDtmf:
    resource: str
    version: str
    connection_id: str
    request: ContinuousDtmfRecognitionRequest


@dataclass(frozen=True, slots=True)
class StopContinuousDtmf:
    resource: str
    version: str
    connection_id: str
    request: ContinuousDtmfRecognitionRequest


@dataclass(frozen=True, slots=True)
class SendDtmf:
    resource: str
    version: str
    connection_id: str
    request: SendDtmfTonesRequest


@dataclass(frozen=True, slots=True)
class Hold:
    resource: str
    version: str
    connection_id: str
    request: HoldRequest


@dataclass(frozen=True, slots=True)
class Unhold:
    resource: str
    version: str
    connection_id: str
    request: UnholdRequest


Command = (
    CreateCall
    | AnswerCall
    | RedirectCall
    | RejectCall
    | GetCall
    | HangUp
    | Terminate
    | ListParticipants
    | GetParticipant
    | Play
    | CancelAllMedia
    | Recognize
    | StartContinuousDtmf
    | StopContinuousDtmf
    | SendDtmf
    | Hold
    | Unhold
)
