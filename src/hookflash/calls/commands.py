"""What an app asks for: one command a request of the Call Automation surface, as plain data.

``resource`` is the GUID of the authenticated resource, ``version`` the api-version of the request (it gates
events and fields). ``request`` is the decoded wire model.
"""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.wire.requests import (
    AddParticipantRequest,
    AnswerCallRequest,
    CancelAddParticipantRequest,
    ConnectRequest,
    ContinuousDtmfRecognitionRequest,
    CreateCallRequest,
    HoldRequest,
    InterruptAudioAndAnnounceRequest,
    MoveParticipantsRequest,
    MuteParticipantsRequest,
    PlayRequest,
    RecognizeRequest,
    RedirectCallRequest,
    RejectCallRequest,
    RemoveParticipantRequest,
    SendDtmfTonesRequest,
    StartCallRecordingRequest,
    StartHoldMusicRequest,
    StartMediaStreamingRequest,
    StartTranscriptionRequest,
    StopHoldMusicRequest,
    StopMediaStreamingRequest,
    StopTranscriptionRequest,
    TransferToParticipantRequest,
    UnholdRequest,
    UpdateTranscriptionRequest,
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


@dataclass(frozen=True, slots=True)
class Connect:
    """Join a call that is already there, a group call or a room (row 5 of contract section 1.2)."""

    resource: str
    version: str
    request: ConnectRequest


@dataclass(frozen=True, slots=True)
class Transfer:
    resource: str
    version: str
    connection_id: str
    request: TransferToParticipantRequest


@dataclass(frozen=True, slots=True)
class AddParticipant:
    resource: str
    version: str
    connection_id: str
    request: AddParticipantRequest


@dataclass(frozen=True, slots=True)
class RemoveParticipant:
    resource: str
    version: str
    connection_id: str
    request: RemoveParticipantRequest


@dataclass(frozen=True, slots=True)
class MuteParticipants:
    resource: str
    version: str
    connection_id: str
    request: MuteParticipantsRequest


@dataclass(frozen=True, slots=True)
class UnmuteParticipants:
    """Previews only (contract section 1.3); the body is that of mute."""

    resource: str
    version: str
    connection_id: str
    request: MuteParticipantsRequest


@dataclass(frozen=True, slots=True)
class CancelAddParticipant:
    resource: str
    version: str
    connection_id: str
    request: CancelAddParticipantRequest


@dataclass(frozen=True, slots=True)
class MoveParticipants:
    """``connection_id`` is the call they come to."""

    resource: str
    version: str
    connection_id: str
    request: MoveParticipantsRequest


@dataclass(frozen=True, slots=True)
class StartHoldMusic:
    """Previews only (contract section 1.3)."""

    resource: str
    version: str
    connection_id: str
    request: StartHoldMusicRequest


@dataclass(frozen=True, slots=True)
class StopHoldMusic:
    resource: str
    version: str
    connection_id: str
    request: StopHoldMusicRequest


@dataclass(frozen=True, slots=True)
class InterruptAudioAndAnnounce:
    """Previews only (contract section 1.3)."""

    resource: str
    version: str
    connection_id: str
    request: InterruptAudioAndAnnounceRequest


@dataclass(frozen=True, slots=True)
class StartMediaStreaming:
    resource: str
    version: str
    connection_id: str
    request: StartMediaStreamingRequest


@dataclass(frozen=True, slots=True)
class StopMediaStreaming:
    resource: str
    version: str
    connection_id: str
    request: StopMediaStreamingRequest


@dataclass(frozen=True, slots=True)
class StartTranscription:
    resource: str
    version: str
    connection_id: str
    request: StartTranscriptionRequest


@dataclass(frozen=True, slots=True)
class StopTranscription:
    resource: str
    version: str
    connection_id: str
    request: StopTranscriptionRequest


@dataclass(frozen=True, slots=True)
class UpdateTranscription:
    resource: str
    version: str
    connection_id: str
    request: UpdateTranscriptionRequest


@dataclass(frozen=True, slots=True)
class StartRecording:
    resource: str
    version: str
    request: StartCallRecordingRequest


@dataclass(frozen=True, slots=True)
class GetRecording:
    resource: str
    version: str
    recording_id: str


@dataclass(frozen=True, slots=True)
class GetRecordingResult:
    """Previews only (contract section 1.3): the files of a recording that is over."""

    resource: str
    version: str
    recording_id: str


@dataclass(frozen=True, slots=True)
class StopRecording:
    resource: str
    version: str
    recording_id: str


@dataclass(frozen=True, slots=True)
class PauseRecording:
    resource: str
    version: str
    recording_id: str


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    resource: str
    version: str
    recording_id: str


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
    | Connect
    | Transfer
    | AddParticipant
    | RemoveParticipant
    | MuteParticipants
    | UnmuteParticipants
    | CancelAddParticipant
    | MoveParticipants
    | StartHoldMusic
    | StopHoldMusic
    | InterruptAudioAndAnnounce
    | StartMediaStreaming
    | StopMediaStreaming
    | StartTranscription
    | StopTranscription
    | UpdateTranscription
    | StartRecording
    | GetRecording
    | GetRecordingResult
    | StopRecording
    | PauseRecording
    | ResumeRecording
)
