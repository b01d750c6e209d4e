"""What getRecordingResult answers, from the payload of the event about the same files."""

from __future__ import annotations

import msgspec
import pytest

from hookflash.wire.eventgrid import RecordingChunk, recording_file_status_updated
from hookflash.wire.recording_result import recording_result
from hookflash.wire.results import ResultInformation

CHUNK = RecordingChunk("d", 0, "SessionEnded", "https://f/c", "https://f/m", "https://f/d")


@pytest.mark.parametrize("expires", [None, 1_781_378_458.0 + 48 * 3600])
@pytest.mark.parametrize("failure", [None, ResultInformation(500, 9999, "The disk is full.")])
def test_files_and_errors(failure: ResultInformation | None, expires: float | None) -> None:
    data = recording_file_status_updated(
        [CHUNK],
        started=1_781_378_458.0,
        duration_ms=4200,
        content_type="audio",
        channel_type="mixed",
        format="wav",
        session_end_reason="CallEnded",
    )
    body = msgspec.json.decode(msgspec.json.encode(recording_result(data, failure, expires)))
    wanted = {
        "recordingStorageInfo": {
            "recordingChunks": [
                {
                    "documentId": "d",
                    "index": 0,
                    "endReason": "SessionEnded",
                    "contentLocation": "https://f/c",
                    "metadataLocation": "https://f/m",
                    "deleteLocation": "https://f/d",
                }
            ]
        },
        "recordingStartTime": "2026-06-13T19:20:58.0000000Z",
        "recordingDurationMs": 4200,
        "sessionEndReason": "CallEnded",
    }
    if expires is not None:
        wanted["recordingExpirationTime"] = "2026-06-15T19:20:58.0000000Z"
    if failure is not None:
        wanted["errors"] = [{"code": "9999", "message": "The disk is full."}]
    assert body == wanted
