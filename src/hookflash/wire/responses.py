"""Response bodies of the Call Automation surface (contract section 1.4)."""

from __future__ import annotations

import msgspec

from hookflash.wire.enums import (
    CallConnectionState,
    MediaStreamingContentType,
    RecordingKind,
    RecordingState,
    SubscriptionState,
    TranscriptionResultType,
)
from hookflash.wire.identifiers import CommunicationIdentifierModel, CommunicationUserModel, PhoneNumberModel
from hookflash.wire.parts import Model


class MediaStreamingSubscription(Model):
    id: str
    state: SubscriptionState
    subscribed_content_types: list[MediaStreamingContentType] = msgspec.field(
        default_factory=lambda: [MediaStreamingContentType.AUDIO]
    )


class TranscriptionSubscription(Model):
    """``locale`` since 2025-05-15."""

    id: str
    state: SubscriptionState
    subscribed_result_types: list[TranscriptionResultType]
    locale: str | None = None


class CallConnectionProperties(Model):
    """``source`` is the caller, ``targets`` the callees, whoever asks. ``answeredFor`` since 2024-09-15."""

    call_connection_id: str
    call_connection_state: CallConnectionState
    callback_uri: str
    server_call_id: str | None = None
    targets: list[CommunicationIdentifierModel] | None = None
    source_caller_id_number: PhoneNumberModel | None = None
    source_display_name: str | None = None
    source: CommunicationIdentifierModel | None = None
    correlation_id: str | None = None
    answered_by: CommunicationUserModel | None = None
    media_streaming_subscription: MediaStreamingSubscription | None = None
    transcription_subscription: TranscriptionSubscription | None = None
    answered_for: PhoneNumberModel | None = None


class NoContent(Model):
    """No body. The ``correlation_id`` of the call is for a header (contract section 2.6)."""

    correlation_id: str


class CallParticipant(Model):
    """Also part of ParticipantsUpdated, so both flags are always written; ``isOnHold`` since 2024-09-15."""

    identifier: CommunicationIdentifierModel
    is_muted: bool | None = None
    is_on_hold: bool | None = None


class GetParticipantsResponse(Model):
    """One page holds everybody; ``nextLink`` is absent on the last page (contract section 1.5)."""

    value: list[CallParticipant]
    next_link: str | None = None


class OperationResponse(Model):
    """The body of every operation that only echoes its context; empty ``{}`` without one."""

    operation_context: str | None = None


class AddParticipantResponse(Model):
    """``invitationId`` since 2023-10-15."""

    participant: CallParticipant
    invitation_id: str | None = None
    operation_context: str | None = None


class CancelAddParticipantResponse(Model):
    invitation_id: str
    operation_context: str | None = None


class MoveParticipantsResponse(Model):
    participants: list[CallParticipant]
    from_call: str
    operation_context: str | None = None


class RecordingStateResponse(Model):
    """``recordingKind`` since 2024-04-15."""

    recording_id: str
    recording_state: RecordingState
    recording_kind: RecordingKind | None = None
