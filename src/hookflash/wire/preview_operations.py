"""Operations of previews that never became stable, as data (contract section 1.3)."""

from __future__ import annotations

from hookflash.wire import requests, responses
from hookflash.wire.operation import Operation, previews
from hookflash.wire.recording_result import RecordingResultResponse

_ONE = "/calling/callConnections/{callConnectionId}"
_DIALOGS = f"{_ONE}/dialogs/{{dialogId}}"
_DIALOG_VERSIONS = (
    "2023-01-15-preview",
    "2023-10-03-preview",
    "2024-01-22-preview",
    "2024-09-01-preview",
)

PREVIEW_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "unmuteParticipants",
        "POST",
        f"{_ONE}/participants:unmute",
        "",
        False,
        200,
        requests.MuteParticipantsRequest,
        responses.OperationResponse,
        ("2023-10-03-preview", "2024-01-22-preview", "2024-09-01-preview"),
    ),
    Operation(
        "startHoldMusic",
        "POST",
        f"{_ONE}:startHoldMusic",
        "",
        False,
        200,
        requests.StartHoldMusicRequest,
        None,
        previews("2023-10-03-preview", "2024-09-15"),
    ),
    Operation(
        "stopHoldMusic",
        "POST",
        f"{_ONE}:stopHoldMusic",
        "",
        False,
        200,
        requests.StopHoldMusicRequest,
        None,
        previews("2023-10-03-preview", "2024-09-15"),
    ),
    # Drafted for 2025-05-15 as well, though no SDK of that version has it.
    Operation(
        "interruptAudioAndAnnounce",
        "POST",
        f"{_ONE}:interruptAudioAndAnnounce",
        "",
        False,
        202,
        requests.InterruptAudioAndAnnounceRequest,
        None,
        ("2024-09-01-preview", "2025-05-15"),
    ),
    Operation("startDialog", "PUT", _DIALOGS, "", False, 201, None, None, _DIALOG_VERSIONS),
    Operation("stopDialog", "POST", f"{_DIALOGS}:stop", "", False, 204, None, None, _DIALOG_VERSIONS),
    Operation("updateDialog", "PATCH", _DIALOGS, "", False, 200, None, None, _DIALOG_VERSIONS[1:]),
    Operation(
        "getRecordingResult",
        "GET",
        "/calling/recordings/{recordingId}/result",
        "",
        False,
        200,
        None,
        RecordingResultResponse,
        ("2024-09-01-preview",),
    ),
    Operation(
        "summarizeCall", "POST", f"{_ONE}:summarizeCall", "", False, 202, None, None, ("2025-08-15-preview",)
    ),
)
