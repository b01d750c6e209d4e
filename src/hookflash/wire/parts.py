"""What several requests share: the base of all bodies and objects nested in them (contract section 1.4)."""

from __future__ import annotations

import msgspec

from hookflash.wire.enums import (
    AudioFormat,
    CallLocatorKind,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    RedactionType,
    StreamingTransportType,
)
from hookflash.wire.identifiers import CommunicationIdentifierModel


class Model(msgspec.Struct, rename="camel", omit_defaults=True):
    """Base of every body: camelCase names, fields left at their default are not written."""


class CallIntelligenceOptions(Model):
    cognitive_services_endpoint: str | None = None


class SummarizationOptions(Model):
    """Preview (2025-08-15-preview)."""

    enable_end_call_summary: bool | None = None
    locale: str | None = None


class PiiRedactionOptions(Model):
    """Preview (2025-08-15-preview)."""

    enable: bool | None = None
    redaction_type: RedactionType | None = None


class MediaStreamingOptions(Model):
    """Audio over WebSocket (contract section 7.1)."""

    transport_type: StreamingTransportType
    audio_channel_type: MediaStreamingAudioChannelType
    transport_url: str | None = None
    content_type: MediaStreamingContentType | None = None
    start_media_streaming: bool | None = None
    enable_bidirectional: bool | None = None
    audio_format: AudioFormat | None = None
    enable_dtmf_tones: bool | None = None


class TranscriptionOptions(Model):
    """Transcripts over WebSocket (contract section 8.1); ``locales`` and what follows are preview."""

    transport_type: StreamingTransportType
    locale: str | None = None
    transport_url: str | None = None
    speech_model_endpoint_id: str | None = None
    start_transcription: bool | None = None
    enable_intermediate_results: bool | None = None
    locales: list[str] | None = None
    pii_redaction_options: PiiRedactionOptions | None = None
    enable_sentiment_analysis: bool | None = None
    summarization_options: SummarizationOptions | None = None


class TeamsPhoneCallerDetails(Model):
    caller: CommunicationIdentifierModel
    name: str
    phone_number: str
    record_id: str | None = None
    screen_pop_url: str | None = None
    is_authenticated: bool | None = None
    additional_caller_information: dict[str, str] | None = None


class TeamsPhoneSourceDetails(Model):
    source: CommunicationIdentifierModel
    language: str
    status: str
    intended_targets: dict[str, CommunicationIdentifierModel] | None = None


class TeamsPhoneCallDetails(Model):
    """2026-03-12 and later."""

    teams_phone_caller_details: TeamsPhoneCallerDetails | None = None
    teams_phone_source_details: TeamsPhoneSourceDetails | None = None
    session_id: str | None = None
    intent: str | None = None
    call_topic: str | None = None
    call_context: str | None = None
    transcript_url: str | None = None
    call_sentiment: str | None = None
    suggested_actions: str | None = None


class CustomCallingContext(Model):
    """Headers that travel with a call to whoever is called."""

    sip_headers: dict[str, str] | None = None
    voip_headers: dict[str, str] | None = None
    teams_phone_call_details: TeamsPhoneCallDetails | None = None


class CallLocator(Model):
    """Names an existing call; ``kind`` says by which of the three ids."""

    kind: CallLocatorKind | None = None
    server_call_id: str | None = None
    group_call_id: str | None = None
    room_id: str | None = None
