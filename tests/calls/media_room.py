"""An office whose calls are streamed, transcribed and recorded; the requests for that."""

from __future__ import annotations

from typing import Any

import pytest

from hookflash.calls import audio_effects, commands, effects, facts
from hookflash.wire import parts, requests
from hookflash.wire.enums import (
    MediaStreamingAudioChannelType,
    RecordingContentType,
    StreamingTransportType,
)
from hookflash.wire.results import Refusal

WSS = "wss://app.example/socket"
ENDPOINT = "https://speech.example/"
NEWEST = "2026-03-12"
AUDIO = {"recording_content_type": RecordingContentType.AUDIO}


def streaming(**fields: Any) -> parts.MediaStreamingOptions:
    fields.setdefault("transport_url", WSS)
    fields.setdefault("audio_channel_type", MediaStreamingAudioChannelType.MIXED)
    return parts.MediaStreamingOptions(transport_type=StreamingTransportType.WEBSOCKET, **fields)


def transcription(**fields: Any) -> parts.TranscriptionOptions:
    fields.setdefault("transport_url", WSS)
    fields.setdefault("locale", "en-US")
    return parts.TranscriptionOptions(transport_type=StreamingTransportType.WEBSOCKET, **fields)


def speech(endpoint: str | None = ENDPOINT) -> dict[str, Any]:
    """The part of create and answer that transcription needs."""
    return {"call_intelligence_options": parts.CallIntelligenceOptions(cognitive_services_endpoint=endpoint)}


class MediaRoom:
    """Drives one office; ``office`` has the rest."""

    def __init__(self, office: Any) -> None:
        self.office = office

    def start(
        self, connection: str, version: str = NEWEST, resource: str | None = None, **fields: Any
    ) -> None:
        self._run(
            commands.StartMediaStreaming,
            requests.StartMediaStreamingRequest(**fields),
            connection,
            version,
            resource,
        )

    def stop(self, connection: str, version: str = NEWEST, **fields: Any) -> None:
        body = requests.StopMediaStreamingRequest(**fields)
        self._run(commands.StopMediaStreaming, body, connection, version)

    def transcribe(self, connection: str, version: str = NEWEST, **fields: Any) -> None:
        body = requests.StartTranscriptionRequest(**fields)
        self._run(commands.StartTranscription, body, connection, version)

    def stop_transcribing(self, connection: str, version: str = NEWEST, **fields: Any) -> None:
        body = requests.StopTranscriptionRequest(**fields)
        self._run(commands.StopTranscription, body, connection, version)

    def update(self, connection: str, version: str = NEWEST, **fields: Any) -> None:
        body = requests.UpdateTranscriptionRequest(**fields)
        self._run(commands.UpdateTranscription, body, connection, version)

    def _run(
        self, command: Any, body: Any, connection: str, version: str, resource: str | None = None
    ) -> Any:
        return self.office.run(command(resource or self.office.RED, version, connection, body))

    def connect(self, server_call_id: str, version: str = NEWEST, **fields: Any) -> str:
        """Join a call with what is said about media; the id of the connection."""
        body = requests.ConnectRequest(
            call_locator=parts.CallLocator(server_call_id=server_call_id),
            callback_uri="https://app.example/joined",
            **fields,
        )
        joined = self.office.run(commands.Connect(self.office.RED, version, body))
        return str(joined.call_connection_id)

    # --- the edge ---------------------------------------------------------------------------------------

    def stream(self) -> Any:
        """The newest OpenStream or OpenTranscript."""
        kinds = (audio_effects.OpenStream, audio_effects.OpenTranscript)
        return [effect for effect in self.office.effects if isinstance(effect, kinds)][-1]

    def opened(self, *, again: bool = False) -> None:
        self.office.tell(facts.StreamOpened(self.stream().stream, again))

    def failed(
        self, details: str = "streamConnectionInterrupted", code: int = 500, sub_code: int = 8603
    ) -> None:
        self.office.tell(facts.StreamFailed(self.stream().stream, details, code, sub_code, "gone"))

    # --- recording --------------------------------------------------------------------------------------

    def record(self, connection: str | None = None, resource: str | None = None, **fields: Any) -> Any:
        version = fields.pop("version", NEWEST)
        fields = {**AUDIO, "recording_state_callback_uri": "https://app.example/recording", **fields}
        if connection is not None:
            fields["call_connection_id"] = connection
        body = requests.StartCallRecordingRequest(**fields)
        return self.office.run(commands.StartRecording(resource or self.office.RED, version, body))

    def recording(self, what: str, recording: str, resource: str | None = None) -> Any:
        command = {
            "get": commands.GetRecording,
            "result": commands.GetRecordingResult,
            "stop": commands.StopRecording,
            "pause": commands.PauseRecording,
            "resume": commands.ResumeRecording,
        }[what]
        return self.office.run(command(resource or self.office.RED, NEWEST, recording))

    def recorded(self, recording: str) -> list[tuple[str, str | None, int]]:
        """What the app was told of a recording: event, state, result code."""
        told = []
        for note in self.office.all(effects.Notify):
            data = note.data
            if getattr(data, "recording_id", None) == recording:
                state = getattr(data, "state", None)
                told.append((type(data).__name__, state and state.value, data.result_information.code))
        return told


def refusal(act: Any) -> tuple[int, str, str | None]:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.status, refused.value.code, refused.value.target


def details(office: Any, connection: str) -> list[tuple[str, str, str | None]]:
    """Streaming and transcription events: name, details, context."""
    found = []
    for data in office.events(connection):
        update = getattr(data, "media_streaming_update", None)
        text = getattr(data, "transcription_update", None)
        if update is not None:
            what = update.media_streaming_status_details
        elif text is not None:
            what = text.transcription_status_details
        else:
            continue
        found.append((type(data).__name__, what.value, data.operation_context))
    return found


def started(room: MediaRoom, **fields: Any) -> tuple[int, str, str]:
    """An answered call that is recorded: leg, connection, recording."""
    leg, connection = room.office.answered()
    recording = room.record(connection, **fields).recording_id
    room.office.tell(facts.RecordingStarted(recording, 1_781_378_458.2137966))
    return leg, connection, recording
