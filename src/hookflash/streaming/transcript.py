"""One transcript: what is said in a call as text (contract section 8)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from hookflash.calls.audio_effects import OpenTranscript, Roster, UpdateTranscript
from hookflash.calls.facts import StreamFailed, StreamOpened
from hookflash.ports.audio import AudioUnavailable, CallAudio, Listener, Said, Source
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.streaming.app_socket import AppSocket, Ended
from hookflash.streaming.dialling import Dialler, Ticket
from hookflash.streaming.recogniser import RATE, Recogniser, Recognition, Utterance
from hookflash.wire.streaming_frames import transcription_data, transcription_metadata

TRANSCRIPTION_FAILED = 8578
SHUTDOWN = 8580

_log = logging.getLogger(__name__)


class Transcript:
    """Implements one OpenTranscript, from its construction until it is closed or has failed.

    Without a recogniser the socket carries the metadata and nothing else. ``done`` is called once, when
    nothing more will come of it.
    """

    def __init__(
        self,
        effect: OpenTranscript,
        audio: CallAudio,
        recogniser: Recogniser | None,
        dialler: Dialler,
        clock: Clock,
        report: FactSink,
        done: Callable[[], object],
    ) -> None:
        self.effect = effect
        self._audio = audio
        self._recogniser = recogniser
        self._report = report
        self._done = done
        self._locale = effect.locale
        self._model = effect.speech_model
        self._names: dict[int, str] = dict(effect.roster)
        self._listener: Listener | None = None
        self._recognition: Recognition | None = None
        if recogniser is None:
            _log.warning(
                "connection %s asked for a transcript, but this version has no speech recogniser: its "
                "WebSocket gets the metadata and no text",
                effect.connection_id,
                extra={"callConnectionId": effect.connection_id},
            )
        ticket = Ticket(
            effect.url,
            effect.resource,
            effect.connection_id,
            effect.correlation_id,
            "streamConnectionUnsuccessful",
            TRANSCRIPTION_FAILED,
        )
        self.socket = AppSocket(
            dialler,
            ticket,
            clock,
            hello=self._hello,
            on_open=self._opened,
            on_text=lambda text: None,
            on_ended=self._ended,
        )

    def update(self, effect: UpdateTranscript) -> None:
        """Go on in another language or with another model."""
        self._locale, self._model = effect.locale, effect.speech_model
        if self._recognition is not None:
            self._recognition.update(effect.locale, effect.speech_model)

    def roster(self, roster: Roster) -> None:
        """Who is in the call now."""
        before, self._names = set(self._names), dict(roster)
        if self._listener is not None:
            for leg in before - set(self._names):
                self._listener.remove(Said(leg))
            for leg in self._people():
                self._listener.add(Said(leg))

    def close(self) -> None:
        """Close properly (1000)."""
        self._quiet()
        self.socket.close()

    def _people(self) -> list[int]:
        """Phones: prompts and the voices of apps are not transcribed (contract section 8.2)."""
        return [leg for leg in self._names if not self._audio.is_app_leg(leg)]

    def _hello(self) -> str:
        return transcription_metadata(
            self.effect.subscription_id,
            self._locale.lower(),
            self.effect.connection_id,
            self.effect.correlation_id,
            self._model,
        )

    def _opened(self, again: bool) -> None:
        if self._recogniser is not None and self._listener is None:
            try:
                self._listener = self._audio.listen(self.effect.call, RATE, self._hear, self._lost)
                for leg in self._people():
                    self._listener.add(Said(leg))
            except AudioUnavailable as error:
                message = f"There is nothing to transcribe: {error}."
                raise Ended(message, "unspecifiedError", 500, TRANSCRIPTION_FAILED) from error
            self._recognition = self._recogniser.start(self._locale, self._model, self._said)
        self._report(StreamOpened(self.effect.stream, again))

    def _hear(self, tick: int, frames: Mapping[Source, NDArray[np.int16]]) -> None:
        for source, frame in frames.items():
            if isinstance(source, Said) and self._recognition is not None:
                self._recognition.hear(source.leg, frame)

    def _said(self, utterance: Utterance) -> None:
        name = self._names.get(utterance.leg)
        if name is None or not (utterance.final or self.effect.intermediate):
            return
        self.socket.send(
            transcription_data(
                utterance.text,
                participant=name,
                confidence=utterance.confidence,
                offset=utterance.offset,
                duration=utterance.duration,
                words=utterance.words,
                final=utterance.final,
            )
        )

    def _lost(self, reason: str) -> None:
        self.socket.fail(Ended(f"The audio of the call is gone: {reason}.", "serviceShutdown", 500, SHUTDOWN))

    def _ended(self, ended: Ended) -> None:
        self._quiet()
        _log.warning(
            "the transcript has ended: %s", ended, extra={"callConnectionId": self.effect.connection_id}
        )
        self._report(StreamFailed(self.effect.stream, ended.details, ended.code, ended.sub_code, str(ended)))
        self._done()

    def _quiet(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._recognition is not None:
            self._recognition.close()
