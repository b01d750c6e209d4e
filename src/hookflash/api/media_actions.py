"""What is played, heard and pressed in a call (contract section 1.2, rows 17 to 29)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Request
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


RUNS = {
    "play": deciding(play),
    "recognize": deciding(recognize),
    "cancelAllMediaOperations": deciding(cancel_all),
    "startContinuousDtmfRecognition": deciding(start_continuous_dtmf),
    "stopContinuousDtmfRecognition": deciding(stop_continuous_dtmf),
    "sendDtmfTones": deciding(send_dtmf),
    "hold": deciding(hold),
    "unhold": deciding(unhold),
}
