"""Ears for a server that has none: whoever listens is told at once that no words can be had."""

from __future__ import annotations

from hookflash.calls.speech_effects import FinishListening, ListeningFailed, StartListening, StopListening
from hookflash.ports.edges import FactSink


class Deaf:
    """Implements :class:`~hookflash.ports.edges.Ears`; every listening fails with 400/8564."""

    def __init__(self, report: FactSink) -> None:
        self._report = report

    def listen(self, effect: StartListening) -> None:
        self._report(
            ListeningFailed(
                effect.listening, 400, 8564, "This server has no recogniser; install hookflash[speech]."
            )
        )

    def finish(self, effect: FinishListening) -> None:
        """It has failed already."""

    def stop(self, effect: StopListening) -> None:
        """It has failed already."""
