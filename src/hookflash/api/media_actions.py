"""What is played, heard and pressed in a call (contract section 1.2, rows 17 to 29; section 1.3)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Operation, Request
from hookflash.calls.commands import (
    CancelAllMedia,
    Hold,
    Play,
    Recognize,
    SendDtmf,
    StartContinuousDtmf,
    StopContinuousDtmf,
    Unhold,
)
from hookflash.wire.models import (
    ContinuousDtmfRecognitionRequest,
    HoldRequest,
    PlayRequest,
    RecognizeRequest,
    SendDtmfTonesRequest,
    UnholdRequest,
)


def play(request: Request) -> Play:
    return Play(request.resource, request.version, request.ids[0], request.read(PlayRequest))


def recognize(request: Request) -> Recognize:
    return Recognize(request.resource, request.version, request.ids[0], request.read(RecognizeRequest))


def cancel_all(request: Request) -> CancelAllMedia:
    return CancelAllMedia(request.resource, request.version, request.ids[0])


def start_continuous_dtmf(request: Request) -> StartContinuousDtmf:
    wanted = request.read(ContinuousDtmfRecognitionRequest)
    return StartContinuousDtmf(request.resource, request.version, request.ids[0], wanted)


def stop_continuous_dtmf(request: Request) -> StopContinuousDtmf:
    wanted = request.read(ContinuousDtmfRecognitionRequest)
    return StopContinuousDtmf(request.resource, request.version, request.ids[0], wanted)


def send_dtmf(request: Request) -> SendDtmf:
    return SendDtmf(request.resource, request.version, request.ids[0], request.read(SendDtmfTonesRequest))


def hold(request: Request) -> Hold:
    return Hold(request.resource, request.version, request.ids[0], request.read(HoldRequest))


def unhold(request: Request) -> Unhold:
    return Unhold(request.resource, request.version, request.ids[0], request.read(UnholdRequest))


CALL = "/calling/callConnections/{}"

OPERATIONS = (
    Operation("play", "POST", f"{CALL}:play", 202, deciding(play), takes_body=True),
    Operation("recognize", "POST", f"{CALL}:recognize", 202, deciding(recognize), takes_body=True),
    Operation(
        "cancel all media operations", "POST", f"{CALL}:cancelAllMediaOperations", 202, deciding(cancel_all)
    ),
    Operation(
        "start continuous DTMF recognition",
        "POST",
        f"{CALL}:startContinuousDtmfRecognition",
        200,
        deciding(start_continuous_dtmf),
        takes_body=True,
    ),
    Operation(
        "stop continuous DTMF recognition",
        "POST",
        f"{CALL}:stopContinuousDtmfRecognition",
        200,
        deciding(stop_continuous_dtmf),
        takes_body=True,
    ),
    Operation(
        "send DTMF tones",
        "POST",
        f"{CALL}:sendDtmfTones",
        202,
        deciding(send_dtmf),
        takes_body=True,
        repeatable=True,
    ),
    Operation("hold", "POST", f"{CALL}:hold", 200, deciding(hold), takes_body=True),
    Operation("unhold", "POST", f"{CALL}:unhold", 200, deciding(unhold), takes_body=True),
    Operation("start media streaming", "POST", f"{CALL}:startMediaStreaming", 202),
    Operation("stop media streaming", "POST", f"{CALL}:stopMediaStreaming", 202),
    Operation("start transcription", "POST", f"{CALL}:startTranscription", 202),
    Operation("stop transcription", "POST", f"{CALL}:stopTranscription", 202),
    Operation("update transcription", "POST", f"{CALL}:updateTranscription", 202),
    Operation("start hold music", "POST", f"{CALL}:startHoldMusic", 200),
    Operation("stop hold music", "POST", f"{CALL}:stopHoldMusic", 200),
    Operation("interrupt audio and announce", "POST", f"{CALL}:interruptAudioAndAnnounce", 202),
    Operation("summarize call", "POST", f"{CALL}:summarizeCall", 202),
)
