"""What a request may hold by its api-version (contract sections 1.1 and 1.4).

A field that the version does not know is ignored, as any unknown name is: an app that asks with an old
version gets what that version does. A value of an enumeration that came later is refused, since there is
nothing it could mean.

Fields of the later previews that never became stable are known to those previews alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeVar, get_args, get_type_hints

import msgspec

from hookflash.wire import parts, requests
from hookflash.wire.enums import PlaySourceKind, RecognizeInputType, WireEnum
from hookflash.wire.results import invalid_argument
from hookflash.wire.versions import at_least, is_preview

_M = TypeVar("_M", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Span:
    """The api-versions that know a field: from ``since`` on, before ``before``, previews alone if so."""

    since: str
    before: str = ""
    preview: bool = False

    def has(self, version: str) -> bool:
        return (
            at_least(version, self.since)
            and not (self.before and at_least(version, self.before))
            and (not self.preview or is_preview(version))
        )


_2023 = Span("2023-10-15")
_STREAMS = Span("2024-06-15-preview")
_NEXT = Span("2025-08-15-preview", preview=True)
_TOP_LEVEL = Span("2023-06-15-preview", before="2023-10-15")

_CALL = {
    "call_intelligence_options": _2023,
    "media_streaming_options": _STREAMS,
    "transcription_options": _STREAMS,
    "enable_loopback_audio": _NEXT,
    "cognitive_services_endpoint": _TOP_LEVEL,
}
_CALLBACK = {"operation_callback_uri": _2023}
_INSIGHTS = {
    "pii_redaction_options": _NEXT,
    "enable_sentiment_analysis": _NEXT,
    "summarization_options": _NEXT,
}

REQUEST_FIELDS: dict[type[msgspec.Struct], dict[str, Span]] = {
    requests.CreateCallRequest: {**_CALL, "teams_app_source": Span("2025-06-15")},
    requests.AnswerCallRequest: _CALL,
    requests.TransferToParticipantRequest: {
        **_CALLBACK,
        "transferee": _2023,
        "custom_calling_context": _2023,
        "source_caller_id_number": Span("2024-06-15-preview"),
    },
    requests.AddParticipantRequest: {**_CALLBACK, "custom_calling_context": _2023},
    requests.RemoveParticipantRequest: _CALLBACK,
    parts.CustomCallingContext: {"teams_phone_call_details": Span("2025-08-15-preview")},
    requests.PlayRequest: {**_CALLBACK, "interrupt_call_media_operation": Span("2024-06-15-preview")},
    requests.PlayOptions: {"interrupt_hold_audio": Span("2024-09-01-preview", preview=True)},
    requests.RecognizeRequest: {**_CALLBACK, "play_prompts": Span("2024-06-15-preview")},
    requests.RecognizeOptions: {
        "speech_languages": _NEXT,
        "enable_sentiment_analysis": _NEXT,
        "speech_recognition_model_endpoint_id": _2023,
    },
    requests.ContinuousDtmfRecognitionRequest: _CALLBACK,
    requests.SendDtmfTonesRequest: _CALLBACK,
    requests.UnholdRequest: {"operation_callback_uri": Span("2025-05-15")},
    parts.MediaStreamingOptions: {
        "enable_bidirectional": Span("2024-11-15-preview"),
        "audio_format": Span("2024-11-15-preview"),
        "enable_dtmf_tones": Span("2025-05-15"),
    },
    parts.TranscriptionOptions: {"locales": _NEXT, **_INSIGHTS},
    requests.StartTranscriptionRequest: {"locales": _NEXT, **_INSIGHTS},
    requests.UpdateTranscriptionRequest: _INSIGHTS,
    parts.CallLocator: {"room_id": Span("2024-06-15-preview")},
    requests.StartCallRecordingRequest: {
        "call_connection_id": Span("2025-06-15"),
        "pause_on_start": Span("2024-04-15"),
        "external_storage": Span("2024-04-15"),
    },
}
"""For each type the fields not every version knows, and which versions know them."""

_SPEECH = Span("2023-06-15-preview")

REQUEST_VALUES: dict[tuple[type[msgspec.Struct], str], dict[WireEnum, Span]] = {
    (requests.PlaySource, "kind"): {PlaySourceKind.TEXT: _SPEECH, PlaySourceKind.SSML: _SPEECH},
    (requests.RecognizeRequest, "recognize_input_type"): {
        RecognizeInputType.CHOICES: _SPEECH,
        RecognizeInputType.SPEECH: _SPEECH,
        RecognizeInputType.SPEECH_OR_DTMF: _SPEECH,
    },
}
"""Values of enumerations that came later than the others."""


def gated_request(model: _M, version: str) -> _M:
    """``model`` without the fields ``version`` does not know; the very object where it has none of them.

    Raises Refusal 400/8523 for a value it does not know.
    """
    return _gated(model, version, "")


class _Plan(NamedTuple):
    """What to do with a type: fields to drop, enumerations to check, structs to look into (with their wire
    names)."""

    drop: tuple[str, ...]
    check: tuple[tuple[str, str, dict[WireEnum, Span]], ...]
    enter: tuple[tuple[str, str], ...]


def _gated(model: _M, version: str, path: str) -> _M:
    plan = _plan(type(model), version)
    if plan is None:
        return model
    changes: dict[str, object] = {}
    for name in plan.drop:
        if getattr(model, name) is not None:
            changes[name] = None
    for name, wire, spans in plan.check:
        value = getattr(model, name)
        if value in spans and not spans[value].has(version):
            raise invalid_argument(
                f"{path}{wire}",
                f"{value} is not one of its values in api-version {version}, but since {spans[value].since}.",
            )
    for name, wire in plan.enter:
        value = getattr(model, name)
        if isinstance(value, msgspec.Struct):
            inner = _gated(value, version, f"{path}{wire}.")
            if inner is not value:
                changes[name] = inner
        elif value:
            items = [_gated(item, version, f"{path}{wire}[{i}].") for i, item in enumerate(value)]
            if any(new is not old for new, old in zip(items, value, strict=True)):
                changes[name] = items
    return msgspec.structs.replace(model, **changes) if changes else model


@lru_cache(maxsize=1024)
def _plan(type_: type[msgspec.Struct], version: str) -> _Plan | None:
    """None for a type that holds nothing ``version`` does not know."""
    fields = {field.name: field.encode_name for field in msgspec.structs.fields(type_)}
    spans = REQUEST_FIELDS.get(type_, {})
    drop = tuple(name for name in fields if name in spans and not spans[name].has(version))
    check = tuple(
        (name, fields[name], values)
        for (owner, name), values in REQUEST_VALUES.items()
        if owner is type_ and not all(span.has(version) for span in values.values())
    )
    hints = get_type_hints(type_)
    enter = tuple(
        (name, wire)
        for name, wire in fields.items()
        if name not in drop and any(_plan(inner, version) for inner in _structs_in(hints[name]))
    )
    return _Plan(drop, check, enter) if drop or check or enter else None


def _structs_in(hint: object) -> list[type[msgspec.Struct]]:
    """The structs of a type hint: itself, of a union, or of the items of a list."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return [hint]
    return [struct for inner in get_args(hint) for struct in _structs_in(inner)]
