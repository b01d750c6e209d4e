"""What became of a recording, as the preview operation getRecordingResult answers (contract section 1.3)."""

from __future__ import annotations

import msgspec

from hookflash.wire.eventgrid import RecordingFileStatusUpdatedData, RecordingStorageInfo
from hookflash.wire.results import ErrorDetail, ResultInformation
from hookflash.wire.timestamps import zulu_time


class RecordingResultResponse(msgspec.Struct, rename="camel", kw_only=True, omit_defaults=True):
    """The files, as RecordingFileStatusUpdated has them, and what went wrong.

    ``recordingExpirationTime`` is when the first of them is deleted; files that are kept for ever have none.
    """

    recording_storage_info: RecordingStorageInfo
    recording_start_time: str
    recording_duration_ms: int
    session_end_reason: str
    recording_expiration_time: str | None = None
    errors: list[ErrorDetail] | None = None


def recording_result(
    data: RecordingFileStatusUpdatedData, failure: ResultInformation | None, expires: float | None = None
) -> RecordingResultResponse:
    """The answer from the payload of the event.

    ``failure`` is what broke the recording off, if anything, ``expires`` the Unix time of the deletion.
    """
    errors = None if failure is None else [ErrorDetail(str(failure.sub_code), failure.message)]
    return RecordingResultResponse(
        recording_storage_info=data.recording_storage_info,
        recording_start_time=data.recording_start_time,
        recording_duration_ms=data.recording_duration_ms,
        session_end_reason=data.session_end_reason,
        recording_expiration_time=None if expires is None else zulu_time(expires),
        errors=errors,
    )
