"""Bodies cut to what an api-version knows (contract sections 1.1, 1.4 and 5.3).

An old client gets only what its version has. The tables say for each type which fields
came later than the type itself; what a request of an old version may hold is in
:mod:`hookflash.wire.request_gates`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeVar

import msgspec

from hookflash.wire import events, responses
from hookflash.wire.identifiers import PhoneNumberModel
from hookflash.wire.results import ResultInformation
from hookflash.wire.versions import at_least, is_preview

_M = TypeVar("_M", bound=msgspec.Struct)

_PHONE = {"is_anonymous": "2025-06-15", "asserted_id": "2025-06-15"}

RESPONSE_FIELDS: dict[type[msgspec.Struct], dict[str, str]] = {
    PhoneNumberModel: _PHONE,
    responses.CallConnectionProperties: {
        "media_streaming_subscription": "2024-06-15-preview",
        "transcription_subscription": "2024-06-15-preview",
        "answered_for": "2024-06-15-preview",
    },
    responses.TranscriptionSubscription: {"locale": "2025-05-15"},
    responses.CallParticipant: {"is_on_hold": "2024-06-15-preview"},
    responses.AddParticipantResponse: {"invitation_id": "2023-10-15"},
    responses.RecordingStateResponse: {"recording_kind": "2024-04-15"},
}
EVENT_FIELDS: dict[type[msgspec.Struct], dict[str, str]] = {
    PhoneNumberModel: _PHONE,
    ResultInformation: {"sip_details": "2026-03-12", "q850_details": "2026-03-12"},
    responses.CallParticipant: RESPONSE_FIELDS[responses.CallParticipant],
    events.CallTransferAccepted: {"transfer_target": "2023-10-15", "transferee": "2023-10-15"},
    events.PlayFailed: {"failed_play_source_index": "2024-06-15-preview"},
    events.RecognizeFailed: {"failed_play_source_index": "2024-06-15-preview"},
    events.ChoiceResult: {"confidence": "2025-05-15"},
    events.SpeechResult: {"confidence": "2025-05-15"},
    events.RecordingStateChanged: {"recording_kind": "2024-04-15"},
}
"""For each type the optional fields added after it, and the version that added each."""

_NESTED_TONE = "2023-06-15-preview"
_LAST_WITH_SOURCE = "2023-10-03-preview"
"""Previews up to this one have ``eventSource`` in the data of every event (contract section 5.2)."""


def gated(event: events.EventData) -> events.EventData | None:
    """``event`` as its own version knows it, or None when that version does not know the type at all."""
    version = event.version
    if not events.is_known(type(event), version):
        return None
    if _knows_all(version, "events"):
        return event
    if version == _NESTED_TONE and isinstance(event, events.ContinuousDtmfRecognitionToneReceived):
        event = _nested(event)
    if is_preview(version) and at_least(_LAST_WITH_SOURCE, version) and event.event_source is None:
        event = msgspec.structs.replace(event, event_source=event.source)
    return _cut(event, version, EVENT_FIELDS)


def gated_response(response: _M, version: str) -> _M:
    """``response`` without the fields ``version`` does not know."""
    return response if _knows_all(version, "responses") else _cut(response, version, RESPONSE_FIELDS)


@lru_cache(maxsize=64)
def _knows_all(version: str, of: Literal["events", "responses"]) -> bool:
    """Whether nothing of a table has to be cut for ``version``."""
    table = EVENT_FIELDS if of == "events" else RESPONSE_FIELDS
    return all(at_least(version, floor) for floors in table.values() for floor in floors.values())


def _nested(event: events.ContinuousDtmfRecognitionToneReceived) -> events.EventData:
    if event.tone is None or event.sequence_id is None:
        return event
    info = events.ToneInfo(sequence_id=event.sequence_id, tone=event.tone)
    return msgspec.structs.replace(event, sequence_id=None, tone=None, tone_info=info)


def _cut(model: _M, version: str, table: dict[type[msgspec.Struct], dict[str, str]]) -> _M:
    changes: dict[str, object] = {}
    for name, floor in table.get(type(model), {}).items():
        if getattr(model, name) is not None and not at_least(version, floor):
            changes[name] = None
    for name in model.__struct_fields__:
        value = getattr(model, name)
        if name in changes or value is None:
            continue
        if isinstance(value, msgspec.Struct):
            inner = _cut(value, version, table)
            if inner is not value:
                changes[name] = inner
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            items = [_cut(item, version, table) for item in value]
            if any(new is not old for new, old in zip(items, value, strict=True)):
                changes[name] = items
    return msgspec.structs.replace(model, **changes) if changes else model
