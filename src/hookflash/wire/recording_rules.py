"""What a request to record may ask for (contract sections 1.4 and 9.1)."""

from __future__ import annotations

from hookflash.wire import requests
from hookflash.wire.constraints import (
    MAX_CHANNEL,
    check_count,
    check_filled,
    check_identifier,
    check_identifiers,
    check_locator,
    check_range,
    require_uri,
)
from hookflash.wire.enums import (
    RecordingChannelType,
    RecordingContentType,
    RecordingFormatType,
    RecordingStorageKind,
)
from hookflash.wire.identifiers import Identifier
from hookflash.wire.results import Refusal, invalid_argument


def check_recording(model: requests.StartCallRecordingRequest) -> None:
    """Raises Refusal 400/8523, or 400/8557 for a format that does not go with content and channels."""
    if (model.call_locator is None) == (model.call_connection_id is None):
        got = "neither" if model.call_locator is None else "both"
        raise invalid_argument("callLocator", f"expected either callLocator or callConnectionId, got {got}.")
    if model.call_connection_id is not None:
        check_filled(model.call_connection_id, "callConnectionId")
    if model.call_locator is not None:
        check_locator(model.call_locator)
    if model.recording_state_callback_uri is not None:
        require_uri(model.recording_state_callback_uri, "recordingStateCallbackUri")
    _recording_format(model)
    check_identifiers(model.audio_channel_participant_ordering, "audioChannelParticipantOrdering")
    ordering = model.audio_channel_participant_ordering or ()
    check_count(ordering, "audioChannelParticipantOrdering", 0, MAX_CHANNEL + 1, "participants")
    affinity = model.channel_affinity or ()
    check_count(affinity, "channelAffinity", 0, MAX_CHANNEL + 1, "channels")
    taken: set[int] = set()
    given: set[str] = set()
    for index, entry in enumerate(affinity):
        where = f"channelAffinity[{index}]"
        check_range(entry.channel, f"{where}.channel", 0, MAX_CHANNEL)
        check_identifier(entry.participant, f"{where}.participant")
        raw_id = Identifier.from_model(entry.participant, f"{where}.participant").raw_id
        if raw_id in given:
            raise invalid_argument(f"{where}.participant", "has a channel by an entry before this one.")
        given.add(raw_id)
        if entry.channel is not None:
            if entry.channel in taken:
                raise invalid_argument(f"{where}.channel", f"{entry.channel} is given to somebody else.")
            taken.add(entry.channel)
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
            "recordingChannelType",
            f"{channel} is not possible for the content {content}; ask for recordingContentType audio.",
        )
    wanted = model.recording_format_type
    if wanted is not None and wanted not in formats:
        message = (
            f"The field recordingFormatType is invalid: expected {' or '.join(formats)} for {channel} "
            f"{content}, got {wanted}."
        )
        if content is RecordingContentType.AUDIO_VIDEO:
            message += f" {wanted} goes with recordingContentType audio; left out, that is audioVideo."
        raise Refusal(400, 8557, message, target="recordingFormatType")


def check_no_video(model: requests.StartCallRecordingRequest) -> None:
    """What a service without video cannot do, of what a request may ask for. Raises Refusal 400/8523."""
    if model.recording_content_type is not RecordingContentType.AUDIO:
        asked = model.recording_content_type or "nothing, which means audioVideo"
        raise invalid_argument(
            "recordingContentType",
            f"expected audio, got {asked}; there is no video here that could be recorded. Ask for "
            "recordingContentType audio, with recordingFormatType wav or mp3.",
        )
