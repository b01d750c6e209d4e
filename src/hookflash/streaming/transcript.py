"""One transcript: what is said in a call as text (contract section 8)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hookflash.calls.audio_effects import OpenTranscript, Roster, UpdateTranscript
from hookflash.calls.facts import StreamFailed, StreamOpened
from hookflash.ports.audio import AudioUnavailable, CallAudio, Frames, Listener, Said
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.streaming.app_socket import AppSocket, Ended
from hookflash.streaming.dialling import Dialler, Ticket
from hookflash.streaming.recogniser import (
    RATE,
    Recogniser,
    Recognition,
    RecognitionFailed,
    Utterance,
    Wanted,
)
from hookflash.wire.streaming_frames import transcription_data, transcription_metadata
from hookflash.wire.urls import without_secrets

TRANSCRIPTION_FAILED = 8578
SHUTDOWN = 8580
DEPARTED = 100
"""Participants who have left whose last words may still come."""

_log = logging.getLogger(__name__)


class Transcript:
    """Implements one OpenTranscript, from its construction until it is closed or has failed.

    Args:
        left_out: told of every intermediate result that the app read too slowly for.
        done: called once, when nothing more will come of it.

    Raises:
        RecognitionFailed: nobody understands the language, or there is no room; nothing was opened.
    """

    def __init__(
        self,
        effect: OpenTranscript,
        audio: CallAudio,
        recogniser: Recogniser,
        dialler: Dialler,
        clock: Clock,
        report: FactSink,
        left_out: Callable[[], None],
        done: Callable[[], object],
    ) -> None:
        self.effect = effect
        self._audio = audio
        self._report = report
        self._left_out = left_out
        self._done = done
        self._wanted = self._wants(effect)
        self._names: dict[int, str] = dict(effect.roster)
        self._departed: dict[int, str] = {}
        self._listener: Listener | None = None
        self._closing = False
        self._recognition: Recognition = recogniser.start(self._wanted, self._said, self._broken)
        try:
            self._join()
        except RecognitionFailed:
            self._recognition.close()
            raise
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
        self._wanted = self._wants(effect)
        self._recognition.update(self._wanted)

    def roster(self, roster: Roster) -> None:
        """Who is in the call now."""
        before, self._names = self._names, dict(roster)
        for leg in before.keys() - self._names.keys():
            self._departed[leg] = before[leg]
            if len(self._departed) > DEPARTED:
                del self._departed[next(iter(self._departed))]
            self._recognition.leave(leg)
            if self._listener is not None:
                self._listener.remove(Said(leg))
        try:
            self._join()
            self._listen()
        except RecognitionFailed as error:
            self._broken(error)

    def close(self) -> None:
        """Send what has been said so far, as soon as it is understood, and close properly (1000)."""
        self._closing = True
        self._deaf()
        self._recognition.finish(self.socket.close)

    def _wants(self, effect: OpenTranscript | UpdateTranscript) -> Wanted:
        return Wanted(effect.locale, effect.speech_model, self.effect.intermediate, self.effect.resource)

    def _people(self) -> list[int]:
        """Phones: prompts and the voices of apps are not transcribed (contract section 8.2)."""
        return [leg for leg in self._names if not self._audio.is_app_leg(leg)]

    def _join(self) -> None:
        """Have places for those there are. Raises RecognitionFailed."""
        for leg in self._people():
            self._departed.pop(leg, None)
            self._recognition.join(leg)

    def _listen(self) -> None:
        """Hear those there are; ends that have come back count as new."""
        if self._listener is not None:
            for leg in self._people():
                self._listener.add(Said(leg))

    # --- from the socket ----------------------------------------------------------------------------------

    def _hello(self) -> str:
        return transcription_metadata(
            self.effect.subscription_id,
            self._wanted.locale.lower(),
            self.effect.connection_id,
            self.effect.correlation_id,
            self._wanted.speech_model,
        )

    def _opened(self, again: bool) -> None:
        _log.info(
            "transcript to %s is open%s",
            without_secrets(self.effect.url),
            " again" if again else "",
            extra={"callConnectionId": self.effect.connection_id},
        )
        if self._listener is None:
            try:
                self._listener = self._audio.listen(self.effect.call, RATE, self._hear, self._lost)
                self._listen()
            except AudioUnavailable as error:
                message = f"There is nothing to transcribe: {error}."
                raise Ended(message, "unspecifiedError", 500, TRANSCRIPTION_FAILED) from error
        self._report(StreamOpened(self.effect.stream, again))

    def _ended(self, ended: Ended) -> None:
        self._deaf()
        self._recognition.close()
        if self._closing:
            return
        _log.warning(
            "the transcript has ended: %s", ended, extra={"callConnectionId": self.effect.connection_id}
        )
        self._report(StreamFailed(self.effect.stream, ended.details, ended.code, ended.sub_code, str(ended)))
        self._done()

    # --- audio and words ----------------------------------------------------------------------------------

    def _hear(self, tick: int, frames: Frames) -> None:
        for source, frame in frames.items():
            if isinstance(source, Said):
                self._recognition.hear(source.leg, tick, frame)

    def _said(self, utterance: Utterance) -> None:
        name = self._names.get(utterance.leg) or self._departed.get(utterance.leg)
        if name is None or not (utterance.final or self.effect.intermediate):
            return
        text = transcription_data(
            utterance.text,
            participant=name,
            confidence=utterance.confidence,
            offset=utterance.offset,
            duration=utterance.duration,
            words=utterance.words,
            final=utterance.final,
        )
        if utterance.final:
            self.socket.keep(text)
        elif not self.socket.offer(text):
            self._left_out()

    def _broken(self, error: RecognitionFailed) -> None:
        self._recognition.close()
        self.socket.fail(Ended(str(error), error.details, error.code, error.sub_code))

    def _lost(self, reason: str) -> None:
        self.socket.fail(Ended(f"The audio of the call is gone: {reason}.", "serviceShutdown", 500, SHUTDOWN))

    def _deaf(self) -> None:
        if self._listener is not None:
            self._listener.close()
