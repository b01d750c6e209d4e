"""The recording desk: carries out the effects on recordings."""

from __future__ import annotations

import asyncio

from hookflash.calls.effects import (
    PauseRecording,
    ResumeRecording,
    StartRecording,
    StopRecording,
    UpdateRoster,
)
from hookflash.calls.facts import RecordingFailed
from hookflash.ports.edges import FactSink


class RecordingDesk:
    """Implements :class:`hookflash.ports.edges.Recorder`; nothing can be recorded yet, and it says so."""

    def __init__(self, report: FactSink) -> None:
        self._report = report

    def start(self, effect: StartRecording) -> None:
        fact = RecordingFailed(effect.recording, 500, 9999, "This version cannot record.")
        asyncio.get_running_loop().call_soon(self._report, fact)

    def pause(self, effect: PauseRecording) -> None: ...

    def resume(self, effect: ResumeRecording) -> None: ...

    def stop(self, effect: StopRecording) -> None: ...

    def roster(self, effect: UpdateRoster) -> None: ...
