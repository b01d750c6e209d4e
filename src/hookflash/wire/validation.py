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
    MAX_CHOICE_LANGUAGES,
    MAX_CHOICE_TEXT,
    MAX_CHOICES,
    MAX_DTMF_TONES,
    MAX_INITIAL_SILENCE,
    MAX_NAME,
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
    check_length,
    check_locale,
    check_locales,
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
    Tone,
)
from hookflash.wire.recording_rules import check_recording
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
    check_range(
        options.initial_silence_timeout_in_seconds,
        f"{field}.initialSilenceTimeoutInSeconds",
        0,
        MAX_INITIAL_SILENCE,
        " seconds",
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
        check_count(dtmf.stop_tones or (), f"{where}.stopTones", 0, len(Tone), "tones")
    if kind is RecognizeInputType.DTMF and (dtmf is None or dtmf.max_tones_to_collect is None):
        raise invalid_argument(
            f"{field}.dtmfOptions.maxTonesToCollect", "it is required for the input type dtmf, but missing."
        )
    if kind is RecognizeInputType.CHOICES:
        _choices(options.choices or (), f"{field}.choices")
    check_locale(options.speech_language, f"{field}.speechLanguage")
    check_length(
        options.speech_recognition_model_endpoint_id, f"{field}.speechRecognitionModelEndpointId", MAX_NAME
    )
    if options.speech_options is not None:
        check_range(
            options.speech_options.end_silence_timeout_in_ms,
            f"{field}.speechOptions.endSilenceTimeoutInMs",
            0,
            MAX_INITIAL_SILENCE * 1000,
            " ms",
        )
    most = MAX_CHOICE_LANGUAGES if kind is RecognizeInputType.CHOICES else MAX_SPEECH_LANGUAGES
    check_count(options.speech_languages or (), f"{field}.speechLanguages", 0, most, "languages")
    check_locales(options.speech_languages, f"{field}.speechLanguages")


def _choices(choices: Sequence[requests.RecognitionChoice], field: str) -> None:
    check_count(choices, field, 1, MAX_CHOICES, "choices")
    tones: set[Tone] = set()
    for index, choice in enumerate(choices):
        where = f"{field}[{index}]"
        check_filled(choice.label, f"{where}.label", MAX_NAME)
        check_count(choice.phrases, f"{where}.phrases", 0 if choice.tone else 1, MAX_PHRASES, "phrases")
        for number, phrase in enumerate(choice.phrases):
            check_filled(phrase, f"{where}.phrases[{number}]", MAX_NAME)
        if choice.tone is not None:
            if choice.tone in tones:
                raise invalid_argument(f"{where}.tone", f"{choice.tone} chooses another one already.")
            tones.add(choice.tone)
    size = sum(len(text) for choice in choices for text in (choice.label, *choice.phrases))
    if size > MAX_CHOICE_TEXT:
        raise invalid_argument(
            field, f"labels and phrases have {size:,} characters, at most {MAX_CHOICE_TEXT:,} are taken."
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


def _start_hold_music(model: requests.StartHoldMusicRequest) -> None:
    check_identifier(model.target_participant, "targetParticipant")
    check_play_source(model.play_source_info, "playSourceInfo")
    check_context(model)


def _stop_hold_music(model: requests.StopHoldMusicRequest) -> None:
    check_identifier(model.target_participant, "targetParticipant")
    check_context(model)


def _announce(model: requests.InterruptAudioAndAnnounceRequest) -> None:
    check_play_sources(model.play_sources, "playSources", 1)
    check_identifier(model.play_to, "playTo")
    check_context(model)


def _transcription(model: requests.StartTranscriptionRequest | requests.UpdateTranscriptionRequest) -> None:
    check_locale(model.locale, "locale")
    if isinstance(model, requests.StartTranscriptionRequest):
        check_locales(model.locales, "locales")
    check_length(model.speech_model_endpoint_id, "speechModelEndpointId", MAX_NAME)
    check_length(model.speech_recognition_model_endpoint_id, "speechRecognitionModelEndpointId", MAX_NAME)
    check_operation(model)


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
    requests.StartHoldMusicRequest: _start_hold_music,
    requests.StopHoldMusicRequest: _stop_hold_music,
    requests.InterruptAudioAndAnnounceRequest: _announce,
    requests.StartMediaStreamingRequest: check_operation,
    requests.StopMediaStreamingRequest: check_operation,
    requests.StartTranscriptionRequest: _transcription,
    requests.StopTranscriptionRequest: check_operation,
    requests.UpdateTranscriptionRequest: _transcription,
    requests.StartCallRecordingRequest: check_recording,
    identity.CreateIdentityRequest: _create_identity,
    identity.IssueTokenRequest: _issue_token,
}
