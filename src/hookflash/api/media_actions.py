"""What is played, heard and pressed in a call (contract section 1.2, rows 17 to 24, and 1.3)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Request
from hookflash.calls.commands import (
    CancelAllMedia,
    Hold,
    InterruptAudioAndAnnounce,
    Play,
    Recognize,
    SendDtmf,
    StartContinuousDtmf,
    StartHoldMusic,
    StopContinuousDtmf,
    StopHoldMusic,
    Unhold,
)
from hookflash.wire.models import (
    ContinuousDtmfRecognitionRequest,
    HoldRequest,
    InterruptAudioAndAnnounceRequest,
    PlayRequest,
    RecognizeRequest,
    SendDtmfTonesRequest,
    StartHoldMusicRequest,
    StopHoldMusicRequest,
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


def start_hold_music(request: Request) -> StartHoldMusic:
    wanted = request.read(StartHoldMusicRequest)
    return StartHoldMusic(request.resource, request.version, request.ids[0], wanted)


def stop_hold_music(request: Request) -> StopHoldMusic:
    wanted = request.read(StopHoldMusicRequest)
    return StopHoldMusic(request.resource, request.version, request.ids[0], wanted)


def announce(request: Request) -> InterruptAudioAndAnnounce:
    wanted = request.read(InterruptAudioAndAnnounceRequest)
    return InterruptAudioAndAnnounce(request.resource, request.version, request.ids[0], wanted)


RUNS = {
    "play": deciding(play),
    "recognize": deciding(recognize),
    "cancelAllMediaOperations": deciding(cancel_all),
    "startContinuousDtmfRecognition": deciding(start_continuous_dtmf),
    "stopContinuousDtmfRecognition": deciding(stop_continuous_dtmf),
    "sendDtmfTones": deciding(send_dtmf),
    "hold": deciding(hold),
    "unhold": deciding(unhold),
    "startHoldMusic": deciding(start_hold_music),
    "stopHoldMusic": deciding(stop_hold_music),
    "interruptAudioAndAnnounce": deciding(announce),
}
