"""Audio streams and transcripts of a call (contract section 1.2, rows 25 to 29)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Request
from hookflash.calls.commands import (
    StartMediaStreaming,
    StartTranscription,
    StopMediaStreaming,
    StopTranscription,
    UpdateTranscription,
)
from hookflash.wire.models import (
    StartMediaStreamingRequest,
    StartTranscriptionRequest,
    StopMediaStreamingRequest,
    StopTranscriptionRequest,
    UpdateTranscriptionRequest,
)


def start_media_streaming(request: Request) -> StartMediaStreaming:
    wanted = request.read_optional(StartMediaStreamingRequest)
    return StartMediaStreaming(request.resource, request.version, request.ids[0], wanted)


def stop_media_streaming(request: Request) -> StopMediaStreaming:
    wanted = request.read_optional(StopMediaStreamingRequest)
    return StopMediaStreaming(request.resource, request.version, request.ids[0], wanted)


def start_transcription(request: Request) -> StartTranscription:
    wanted = request.read_optional(StartTranscriptionRequest)
    return StartTranscription(request.resource, request.version, request.ids[0], wanted)


def stop_transcription(request: Request) -> StopTranscription:
    wanted = request.read_optional(StopTranscriptionRequest)
    return StopTranscription(request.resource, request.version, request.ids[0], wanted)


def update_transcription(request: Request) -> UpdateTranscription:
    wanted = request.read_optional(UpdateTranscriptionRequest)
    return UpdateTranscription(request.resource, request.version, request.ids[0], wanted)


RUNS = {
    "startMediaStreaming": deciding(start_media_streaming),
    "stopMediaStreaming": deciding(stop_media_streaming),
    "startTranscription": deciding(start_transcription),
    "stopTranscription": deciding(stop_transcription),
    "updateTranscription": deciding(update_transcription),
}
