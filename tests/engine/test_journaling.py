"""What of commands gets into the journal, and what does not."""

from __future__ import annotations

import json

import pytest

from hookflash.calls.commands import StartRecording
from hookflash.engine.journaling import command_entry
from hookflash.wire.enums import RecordingStorageKind
from hookflash.wire.requests import ExternalStorage, StartCallRecordingRequest


@pytest.mark.parametrize("kind", RecordingStorageKind)
def test_the_signature_of_a_container_does_not(kind: RecordingStorageKind) -> None:
    request = StartCallRecordingRequest(
        call_connection_id="c",
        external_storage=ExternalStorage(
            recording_storage_kind=kind,
            recording_destination_container_url="https://acct.blob.core.windows.net/calls?sp=cw&sig=s3cr3t",
        ),
    )
    entry = command_entry(StartRecording("resource", "2026-03-12", request), None, 1.0)
    assert b"s3cr3t" not in entry.data
    found = json.loads(entry.data)["externalStorage"]
    assert found["recordingDestinationContainerUrl"] == "https://acct.blob.core.windows.net/calls"
    request = StartCallRecordingRequest(call_connection_id="c")
    assert (
        json.loads(command_entry(StartRecording("r", "v", request), None, 1.0).data)["callConnectionId"]
        == "c"
    )
