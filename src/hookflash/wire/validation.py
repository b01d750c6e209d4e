"""What the types of a request cannot say: ranges, counts, combinations (contract sections 1.4, 6.2, 6.3 and
6.5).

:func:`check` runs the rules of a model and raises Refusal 400/8523 for the first one broken; the refusal's
target is the field's wire name. The rules are pure functions of the model; what depends on the call (is the
target a participant, is it on hold) is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from hookflash.wire import identity, requests
from hookflash.wire.constraints import (
    INTER_TONE_TIMEOUT,
    INVITATION_TIMEOUT,
    MAX_CALL_CONTEXT,
    MAX_CHANNEL,
    MAX_CHOICE_LANGUAGES,
    MAX_CHOICES,
    MAX_DTMF_TONES,
    MAX_INITIAL_SILENCE_DTMF,
    MAX_INITIAL_SILENCE_SPEECH,
    MAX_PHRASES,
    MAX_SPEECH_LANGUAGES,
    MAX_TARGETS,
    MAX_TONES_TO_COLLECT,
    check_callee,
    check_caller_id,
    check_context,
    check_count,
    check_custom_context,
    check_display_name,
    check_filled,
    check_identifier,
    check_identifiers,
    check_locale,
    check_locator,
    check_operation,
    check_play_source,
    check_play_sources,
    check_range,
    check_streams,
    require_uri,
)
from hookflash.wire.enums import (
    IdentifierKind,
    RecognizeInputType,
    RecordingChannelType,
    RecordingContentType,
    RecordingFormatType,
    RecordingStorageKind,
)
from hookflash.wire.results import Refusal, invalid_argument

Rule = Callable[[Any], None]


def check(model: msgspec.Struct) -> None:
    """Raise Refusal 400/8523 that names the first field that is out of bounds."""
    rule = _RULES.get(type(model))
    if rule is not None:
        rule(model)


def refusal_of(model: msgspec.Struct) -> Refusal | None:
    """The refusal :func:`check` would raise, or None."""
    try:
        check(model)
    except Refusal as refusal:
        return refusal
    return None


# --- one rule a request ---------------------------------------------------------------------------------


def _create_call(model: requests.CreateCallRequest) -> None:
    check_count(model.targets, "targets", 1, MAX_TARGETS, "targets")
    phone = ""
    for index, target in enumerate(model.targets):
        if check_callee(target, f"targets[{index}]") and not phone:
            phone = f"targets[{index}]"
    require_uri(model.callback_uri, "callbackUri")
    check_caller_id(model.source_caller_id_number, required_by=phone)
    check_display_name(model.source_display_name)
    check_custom_context(model.custom_calling_context)
    check_streams(model)
    check_context(model)


def _answer_call(model: requests.AnswerCallRequest) -> None:
    check_filled(model.incoming_call_context, "incomingCallContext", MAX_CALL_CONTEXT)
    require_uri(model.callback_uri, "callbackUri")
    check_streams(model)
    check_context(model)


def _redirect_call(model: requests.RedirectCallRequest) -> None:
    check_filled(model.incoming_call_context, "incomingCallContext", MAX_CALL_CONTEXT)
    check_callee(model.target, "target")


def _reject_call(model: requests.RejectCallRequest) -> None:
    check_filled(model.incoming_call_context, "incomingCallContext", MAX_CALL_CONTEXT)


def _connect(model: requests.ConnectRequest) -> None:
    check_locator(model.call_locator)
    require_uri(model.callback_uri, "callbackUri")
    check_streams(model)
    check_context(model)


def _transfer(model: requests.TransferToParticipantRequest) -> None:
    check_callee(model.target_participant, "targetParticipant")
    if model.transferee is not None:
        check_identifier(model.transferee, "transferee")
    check_caller_id(model.source_caller_id_number)
    check_custom_context(model.custom_calling_context)
    check_operation(model)


def _add_participant(model: requests.AddParticipantRequest) -> None:
    phone = check_callee(model.participant_to_add, "participantToAdd")
    check_caller_id(model.source_caller_id_number, required_by="participantToAdd" if phone else "")
    check_display_name(model.source_display_name)
    check_range(
        model.invitation_timeout_in_seconds, "invitationTimeoutInSeconds", *INVITATION_TIMEOUT, " seconds"
    )
    check_custom_context(model.custom_calling_context)
    check_operation(model)


def _remove_participant(model: requests.RemoveParticipantRequest) -> None:
    check_identifier(model.participant_to_remove, "participantToRemove")
    check_operation(model)


def _mute(model: requests.MuteParticipantsRequest) -> None:
    field = "targetParticipants"
    if len(model.target_participants) != 1:
        raise invalid_argument(
            field, f"expected exactly one participant, got {len(model.target_participants)}."
        )
    identifier = check_identifier(model.target_participants[0], f"{field}[0]")
    if identifier.kind is not IdentifierKind.COMMUNICATION_USER:
        raise invalid_argument(
            f"{field}[0]",
            f"only communication users can be muted, {identifier} is of kind {identifier.kind}.",
        )
    check_context(model)


def _cancel_add(model: requests.CancelAddParticipantRequest) -> None:
    check_filled(model.invitation_id, "invitationId")
    check_operation(model)


def _move(model: requests.MoveParticipantsRequest) -> None:
    check_identifiers(model.target_participants, "targetParticipants", 1)
    check_filled(model.from_call, "fromCall")
    check_operation(model)


def _play(model: requests.PlayRequest) -> None:
    check_play_sources(model.play_sources, "playSources", 1)
    check_identifiers(model.play_to, "playTo")
    check_operation(model)


def _recognize(model: requests.RecognizeRequest) -> None:
    if model.play_prompt is not None:
        check_play_source(model.play_prompt, "playPrompt")
    check_play_sources(model.play_prompts or (), "playPrompts", 0)
    _recognize_options(model.recognize_options, model.recognize_input_type)
    check_operation(model)


def _recognize_options(options: requests.RecognizeOptions, kind: RecognizeInputType) -> None:
    field = "recognizeOptions"
    check_identifier(options.target_participant, f"{field}.targetParticipant")
    spoken = kind in (RecognizeInputType.SPEECH, RecognizeInputType.CHOICES)
    check_range(
        options.initial_silence_timeout_in_seconds,
        f"{field}.initialSilenceTimeoutInSeconds",
        0,
        MAX_INITIAL_SILENCE_SPEECH if spoken else MAX_INITIAL_SILENCE_DTMF,
        f" seconds for {kind}",
    )
    dtmf = options.dtmf_options
    if dtmf is not None:
        where = f"{field}.dtmfOptions"
        check_range(
            dtmf.inter_tone_timeout_in_seconds,
            f"{where}.interToneTimeoutInSeconds",
            *INTER_TONE_TIMEOUT,
            " seconds",
        )
        check_range(dtmf.max_tones_to_collect, f"{where}.maxTonesToCollect", 1, MAX_TONES_TO_COLLECT)
    if kind is RecognizeInputType.DTMF and (dtmf is None or dtmf.max_tones_to_collect is None):
        raise invalid_argument(
            f"{field}.dtmfOptions.maxTonesToCollect", "it is required for the input type dtmf, but missing."
        )
    if kind is RecognizeInputType.CHOICES:
        _choices(options.choices or (), f"{field}.choices")
    if options.speech_options is not None:
        check_range(
            options.speech_options.end_silence_timeout_in_ms,
            f"{field}.speechOptions.endSilenceTimeoutInMs",
            0,
            MAX_INITIAL_SILENCE_DTMF * 1000,
            " ms",
        )
    most = MAX_CHOICE_LANGUAGES if kind is RecognizeInputType.CHOICES else MAX_SPEECH_LANGUAGES
    check_count(options.speech_languages or (), f"{field}.speechLanguages", 0, most, "languages")


def _choices(choices: Sequence[requests.RecognitionChoice], field: str) -> None:
    check_count(choices, field, 1, MAX_CHOICES, "choices")
    for index, choice in enumerate(choices):
        check_filled(choice.label, f"{field}[{index}].label")
        check_count(
            choice.phrases, f"{field}[{index}].phrases", 0 if choice.tone else 1, MAX_PHRASES, "phrases"
        )


def _continuous_dtmf(model: requests.ContinuousDtmfRecognitionRequest) -> None:
    check_identifier(model.target_participant, "targetParticipant")
    check_operation(model)


def _send_tones(model: requests.SendDtmfTonesRequest) -> None:
    check_count(model.tones, "tones", 1, MAX_DTMF_TONES, "tones")
    identifier = check_identifier(model.target_participant, "targetParticipant")
    if identifier.kind is not IdentifierKind.PHONE_NUMBER:
        raise invalid_argument(
            "targetParticipant",
            f"tones can only be sent to a phone number, {identifier} is of kind {identifier.kind}.",
        )
    check_operation(model)


def _hold(model: requests.HoldRequest) -> None:
    check_identifier(model.target_participant, "targetParticipant")
    if model.play_source_info is not None:
        check_play_source(model.play_source_info, "playSourceInfo")
    check_operation(model)


def _unhold(model: requests.UnholdRequest) -> None:
    check_identifier(model.target_participant, "targetParticipant")
    check_operation(model)


def _transcription(model: requests.StartTranscriptionRequest | requests.UpdateTranscriptionRequest) -> None:
    check_locale(model.locale, "locale")
    check_operation(model)


def _start_recording(model: requests.StartCallRecordingRequest) -> None:
    if (model.call_locator is None) == (model.call_connection_id is None):
        got = "neither" if model.call_locator is None else "both"
        raise invalid_argument("callLocator", f"expected either callLocator or callConnectionId, got {got}.")
    if model.call_locator is not None:
        check_locator(model.call_locator)
    if model.recording_state_callback_uri is not None:
        require_uri(model.recording_state_callback_uri, "recordingStateCallbackUri")
    _recording_format(model)
    check_identifiers(model.audio_channel_participant_ordering, "audioChannelParticipantOrdering")
    affinity = model.channel_affinity or ()
    check_count(affinity, "channelAffinity", 0, MAX_CHANNEL + 1, "channels")
    for index, entry in enumerate(affinity):
        check_range(entry.channel, f"channelAffinity[{index}].channel", 0, MAX_CHANNEL)
        check_identifier(entry.participant, f"channelAffinity[{index}].participant")
    storage = model.external_storage
    if storage is not None and storage.recording_storage_kind is RecordingStorageKind.AZURE_BLOB_STORAGE:
        require_uri(
            storage.recording_destination_container_url or "",
            "externalStorage.recordingDestinationContainerUrl",
        )


_FORMATS: dict[tuple[RecordingContentType, RecordingChannelType], tuple[RecordingFormatType, ...]] = {
    (RecordingContentType.AUDIO, RecordingChannelType.MIXED): (
        RecordingFormatType.MP3,
        RecordingFormatType.WAV,
    ),
    (RecordingContentType.AUDIO, RecordingChannelType.UNMIXED): (RecordingFormatType.WAV,),
    (RecordingContentType.AUDIO_VIDEO, RecordingChannelType.MIXED): (RecordingFormatType.MP4,),
    (RecordingContentType.AUDIO_VIDEO, RecordingChannelType.UNMIXED): (),
}


def _recording_format(model: requests.StartCallRecordingRequest) -> None:
    """Combinations of content, channel and format (contract section 9.1); what is absent has its default."""
    content = model.recording_content_type or RecordingContentType.AUDIO_VIDEO
    channel = model.recording_channel_type or RecordingChannelType.MIXED
    formats = _FORMATS[content, channel]
    if not formats:
        raise invalid_argument(
            "recordingChannelType", f"{channel} is not possible for the content {content}."
        )
    wanted = model.recording_format_type
    if wanted is not None and wanted not in formats:
        raise invalid_argument(
            "recordingFormatType",
            f"expected {' or '.join(formats)} for {channel} {content}, got {wanted}.",
        )


def _create_identity(model: identity.CreateIdentityRequest) -> None:
    identity.token_lifetime(model.expires_in_minutes)


def _issue_token(model: identity.IssueTokenRequest) -> None:
    check_count(model.scopes, "scopes", 1, MAX_TARGETS, "scopes")
    identity.token_lifetime(model.expires_in_minutes)


_RULES: dict[type[msgspec.Struct], Rule] = {
    requests.CreateCallRequest: _create_call,
    requests.AnswerCallRequest: _answer_call,
    requests.RedirectCallRequest: _redirect_call,
    requests.RejectCallRequest: _reject_call,
    requests.ConnectRequest: _connect,
    requests.TransferToParticipantRequest: _transfer,
    requests.AddParticipantRequest: _add_participant,
    requests.RemoveParticipantRequest: _remove_participant,
    requests.MuteParticipantsRequest: _mute,
    requests.CancelAddParticipantRequest: _cancel_add,
    requests.MoveParticipantsRequest: _move,
    requests.PlayRequest: _play,
    requests.RecognizeRequest: _recognize,
    requests.ContinuousDtmfRecognitionRequest: _continuous_dtmf,
    requests.SendDtmfTonesRequest: _send_tones,
    requests.HoldRequest: _hold,
    requests.UnholdRequest: _unhold,
    requests.StartMediaStreamingRequest: check_operation,
    requests.StopMediaStreamingRequest: check_operation,
    requests.StartTranscriptionRequest: _transcription,
    requests.StopTranscriptionRequest: check_operation,
    requests.UpdateTranscriptionRequest: _transcription,
    requests.StartCallRecordingRequest: _start_recording,
    identity.CreateIdentityRequest: _create_identity,
    identity.IssueTokenRequest: _issue_token,
}
