"""Request bodies of the Call Automation surface (contract section 1.4).

Every optional field may be missing or null; both read as None. Names not listed are ignored. Ranges and
combinations are checked by :mod:`hookflash.wire.validation`, which :func:`hookflash.wire.decoding.decode`
runs.
"""

from __future__ import annotations

from hookflash.wire.enums import (
    CallRejectReason,
    PlaySourceKind,
    RecognizeInputType,
    RecordingChannelType,
    RecordingContentType,
    RecordingFormatType,
    RecordingStorageKind,
    Tone,
    VoiceKind,
)
from hookflash.wire.identifiers import (
    CommunicationIdentifierModel,
    CommunicationUserModel,
    MicrosoftTeamsAppModel,
    PhoneNumberModel,
)
from hookflash.wire.parts import (
    CallIntelligenceOptions,
    CallLocator,
    CustomCallingContext,
    MediaStreamingOptions,
    Model,
    PiiRedactionOptions,
    SummarizationOptions,
    TranscriptionOptions,
)

# --- the call itself ------------------------------------------------------------------------------------


class CreateCallRequest(Model):
    targets: list[CommunicationIdentifierModel]
    callback_uri: str
    source_caller_id_number: PhoneNumberModel | None = None
    source_display_name: str | None = None
    source: CommunicationUserModel | None = None
    operation_context: str | None = None
    call_intelligence_options: CallIntelligenceOptions | None = None
    media_streaming_options: MediaStreamingOptions | None = None
    transcription_options: TranscriptionOptions | None = None
    # Not in the contract here, and no SDK sends it; plain HTTP clients may, as on participants:add.
    custom_calling_context: CustomCallingContext | None = None
    teams_app_source: MicrosoftTeamsAppModel | None = None
    enable_loopback_audio: bool | None = None
    # 2023-06-15-preview put the endpoint at the top level.
    cognitive_services_endpoint: str | None = None


class AnswerCallRequest(Model):
    incoming_call_context: str
    callback_uri: str
    operation_context: str | None = None
    call_intelligence_options: CallIntelligenceOptions | None = None
    answered_by: CommunicationUserModel | None = None
    media_streaming_options: MediaStreamingOptions | None = None
    transcription_options: TranscriptionOptions | None = None
    enable_loopback_audio: bool | None = None
    cognitive_services_endpoint: str | None = None


class RedirectCallRequest(Model):
    incoming_call_context: str
    target: CommunicationIdentifierModel


class RejectCallRequest(Model):
    incoming_call_context: str
    call_reject_reason: CallRejectReason | None = None

    @property
    def reason(self) -> CallRejectReason:
        """The reason, ``none`` when the app gave none."""
        return self.call_reject_reason or CallRejectReason.NONE


class ConnectRequest(Model):
    call_locator: CallLocator
    callback_uri: str
    operation_context: str | None = None
    call_intelligence_options: CallIntelligenceOptions | None = None
    media_streaming_options: MediaStreamingOptions | None = None
    transcription_options: TranscriptionOptions | None = None


class TransferToParticipantRequest(Model):
    target_participant: CommunicationIdentifierModel
    operation_context: str | None = None
    transferee: CommunicationIdentifierModel | None = None
    operation_callback_uri: str | None = None
    custom_calling_context: CustomCallingContext | None = None
    source_caller_id_number: PhoneNumberModel | None = None


# --- participants ---------------------------------------------------------------------------------------


class AddParticipantRequest(Model):
    participant_to_add: CommunicationIdentifierModel
    source_caller_id_number: PhoneNumberModel | None = None
    source_display_name: str | None = None
    invitation_timeout_in_seconds: int | None = None
    operation_context: str | None = None
    operation_callback_uri: str | None = None
    custom_calling_context: CustomCallingContext | None = None


class RemoveParticipantRequest(Model):
    participant_to_remove: CommunicationIdentifierModel
    operation_context: str | None = None
    operation_callback_uri: str | None = None


class MuteParticipantsRequest(Model):
    target_participants: list[CommunicationIdentifierModel]
    operation_context: str | None = None


class CancelAddParticipantRequest(Model):
    invitation_id: str
    operation_context: str | None = None
    operation_callback_uri: str | None = None


class MoveParticipantsRequest(Model):
    target_participants: list[CommunicationIdentifierModel]
    from_call: str
    operation_context: str | None = None
    operation_callback_uri: str | None = None


# --- media ----------------------------------------------------------------------------------------------


class FileSource(Model):
    uri: str


class TextSource(Model):
    text: str
    source_locale: str | None = None
    voice_kind: VoiceKind | None = None
    voice_name: str | None = None
    custom_voice_endpoint_id: str | None = None


class SsmlSource(Model):
    ssml_text: str
    custom_voice_endpoint_id: str | None = None


class PlaySource(Model):
    """One thing to play; ``kind`` says which of the three sub-objects holds it."""

    kind: PlaySourceKind
    play_source_cache_id: str | None = None
    file: FileSource | None = None
    text: TextSource | None = None
    ssml: SsmlSource | None = None


class PlayOptions(Model):
    """``interrupt_hold_audio``: also those on hold hear it, in place of their music; previews only."""

    loop: bool
    interrupt_hold_audio: bool | None = None


class PlayRequest(Model):
    play_sources: list[PlaySource]
    play_to: list[CommunicationIdentifierModel] | None = None
    interrupt_call_media_operation: bool | None = None
    play_options: PlayOptions | None = None
    operation_context: str | None = None
    operation_callback_uri: str | None = None

    @property
    def loop(self) -> bool:
        """Whether the sources repeat until cancelled."""
        return self.play_options is not None and self.play_options.loop

    @property
    def on_hold_too(self) -> bool:
        """Whether whoever is on hold is to hear it as well."""
        return self.play_options is not None and bool(self.play_options.interrupt_hold_audio)


class DtmfOptions(Model):
    """Timeouts in seconds; defaults are those of contract section 6.3, see ``DEFAULT_INTER_TONE_TIMEOUT``."""

    inter_tone_timeout_in_seconds: int | None = None
    max_tones_to_collect: int | None = None
    stop_tones: list[Tone] | None = None


class SpeechOptions(Model):
    """A number, because the Python SDK multiplies the seconds it is given, fractions included."""

    end_silence_timeout_in_ms: float | None = None


class RecognitionChoice(Model):
    label: str
    phrases: list[str]
    tone: Tone | None = None


class RecognizeOptions(Model):
    target_participant: CommunicationIdentifierModel
    interrupt_prompt: bool | None = None
    initial_silence_timeout_in_seconds: int | None = None
    speech_language: str | None = None
    speech_recognition_model_endpoint_id: str | None = None
    dtmf_options: DtmfOptions | None = None
    choices: list[RecognitionChoice] | None = None
    speech_options: SpeechOptions | None = None
    speech_languages: list[str] | None = None
    enable_sentiment_analysis: bool | None = None


class RecognizeRequest(Model):
    recognize_input_type: RecognizeInputType
    recognize_options: RecognizeOptions
    play_prompt: PlaySource | None = None
    play_prompts: list[PlaySource] | None = None
    interrupt_call_media_operation: bool | None = None
    operation_context: str | None = None
    operation_callback_uri: str | None = None

    @property
    def prompts(self) -> list[PlaySource]:
        """Everything to play first: ``playPrompts`` when given, else ``playPrompt``, else nothing."""
        if self.play_prompts:
            return self.play_prompts
        return [self.play_prompt] if self.play_prompt is not None else []


DEFAULT_INITIAL_SILENCE_TIMEOUT = 5
"""Seconds (contract section 6.3)."""
DEFAULT_INTER_TONE_TIMEOUT = 2
"""Seconds (contract section 6.3)."""
DEFAULT_END_SILENCE_TIMEOUT_MS = 500
"""Milliseconds (contract section 6.3)."""
DEFAULT_SPEECH_LANGUAGE = "en-US"
DEFAULT_INTERRUPT_PROMPT = True
"""What an absent ``interruptPrompt`` means (contract section 6.3)."""


class ContinuousDtmfRecognitionRequest(Model):
    target_participant: CommunicationIdentifierModel
    operation_context: str | None = None
    operation_callback_uri: str | None = None


class SendDtmfTonesRequest(Model):
    tones: list[Tone]
    target_participant: CommunicationIdentifierModel
    operation_context: str | None = None
    operation_callback_uri: str | None = None

    @property
    def digits(self) -> str:
        """The tones as keys, ``"12#"``."""
        return "".join([tone.digit for tone in self.tones])


class HoldRequest(Model):
    target_participant: CommunicationIdentifierModel
    play_source_info: PlaySource | None = None
    operation_context: str | None = None
    operation_callback_uri: str | None = None


class UnholdRequest(Model):
    target_participant: CommunicationIdentifierModel
    operation_context: str | None = None
    operation_callback_uri: str | None = None


class StartHoldMusicRequest(Model):
    """Previews only (contract section 1.3)."""

    target_participant: CommunicationIdentifierModel
    play_source_info: PlaySource
    loop: bool | None = None
    operation_context: str | None = None


class StopHoldMusicRequest(Model):
    """Previews only (contract section 1.3)."""

    target_participant: CommunicationIdentifierModel
    operation_context: str | None = None


class InterruptAudioAndAnnounceRequest(Model):
    """Previews only (contract section 1.3); ``play_to`` is one participant."""

    play_sources: list[PlaySource]
    play_to: CommunicationIdentifierModel
    operation_context: str | None = None


class StartMediaStreamingRequest(Model):
    operation_context: str | None = None
    operation_callback_uri: str | None = None


class StopMediaStreamingRequest(Model):
    operation_context: str | None = None
    operation_callback_uri: str | None = None


class StartTranscriptionRequest(Model):
    locale: str | None = None
    speech_model_endpoint_id: str | None = None
    # The older previews' name of the same field.
    speech_recognition_model_endpoint_id: str | None = None
    operation_context: str | None = None
    operation_callback_uri: str | None = None
    locales: list[str] | None = None
    pii_redaction_options: PiiRedactionOptions | None = None
    enable_sentiment_analysis: bool | None = None
    summarization_options: SummarizationOptions | None = None


class StopTranscriptionRequest(Model):
    operation_context: str | None = None
    operation_callback_uri: str | None = None


class UpdateTranscriptionRequest(Model):
    locale: str | None = None
    speech_model_endpoint_id: str | None = None
    speech_recognition_model_endpoint_id: str | None = None
    operation_context: str | None = None
    operation_callback_uri: str | None = None
    pii_redaction_options: PiiRedactionOptions | None = None
    enable_sentiment_analysis: bool | None = None
    summarization_options: SummarizationOptions | None = None


# --- recording ------------------------------------------------------------------------------------------


class ExternalStorage(Model):
    recording_storage_kind: RecordingStorageKind
    recording_destination_container_url: str | None = None


class ChannelAffinity(Model):
    participant: CommunicationIdentifierModel
    channel: int | None = None


class StartCallRecordingRequest(Model):
    call_locator: CallLocator | None = None
    call_connection_id: str | None = None
    recording_state_callback_uri: str | None = None
    recording_content_type: RecordingContentType | None = None
    recording_channel_type: RecordingChannelType | None = None
    recording_format_type: RecordingFormatType | None = None
    audio_channel_participant_ordering: list[CommunicationIdentifierModel] | None = None
    channel_affinity: list[ChannelAffinity] | None = None
    pause_on_start: bool | None = None
    external_storage: ExternalStorage | None = None
