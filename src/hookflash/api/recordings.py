"""Recordings: start, look, pause, resume, stop (contract section 1.2, rows 30 to 34); their files (1.3)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Request
from hookflash.calls.commands import (
    GetRecording,
    GetRecordingResult,
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
)
from hookflash.wire.models import StartCallRecordingRequest


def start(request: Request) -> StartRecording:
    return StartRecording(request.resource, request.version, request.read(StartCallRecordingRequest))


def get(request: Request) -> GetRecording:
    return GetRecording(request.resource, request.version, request.ids[0])


def result(request: Request) -> GetRecordingResult:
    return GetRecordingResult(request.resource, request.version, request.ids[0])


def stop(request: Request) -> StopRecording:
    return StopRecording(request.resource, request.version, request.ids[0])


def pause(request: Request) -> PauseRecording:
    return PauseRecording(request.resource, request.version, request.ids[0])


def resume(request: Request) -> ResumeRecording:
    return ResumeRecording(request.resource, request.version, request.ids[0])


RUNS = {
    "startRecording": deciding(start),
    "getRecordingState": deciding(get),
    "getRecordingResult": deciding(result),
    "stopRecording": deciding(stop),
    "pauseRecording": deciding(pause),
    "resumeRecording": deciding(resume),
}
