"""The streaming desk: carries out the effects on streams and transcripts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hookflash.calls.audio_effects import (
    CloseStream,
    CloseTranscript,
    OpenStream,
    OpenTranscript,
    StreamTone,
    UpdateRoster,
    UpdateTranscript,
)
from hookflash.calls.facts import StreamFailed
from hookflash.ports.audio import CallAudio
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.ports.outbound import BearerTokens, Targets
from hookflash.streaming.dialling import Dialler
from hookflash.streaming.recogniser import Recogniser, RecognitionFailed
from hookflash.streaming.stream import AudioStream
from hookflash.streaming.timeline import Timeline
from hookflash.streaming.transcript import Transcript
from hookflash.tallying import Tally

_log = logging.getLogger(__name__)


class StreamDesk:
    """Implements :class:`hookflash.ports.edges.Streams`.

    Args:
        audio: where the audio of calls is had.
        targets: which ws(s) URLs may be called.
        tokens: bearer tokens for apps.
        clock: for time stamps and retries.
        report: where facts go.
        recogniser: speech recognition, for transcripts.
        marking: whether streams of a resource have marks, for those whose URL says nothing about it.
    """

    def __init__(
        self,
        audio: CallAudio,
        targets: Targets,
        tokens: BearerTokens,
        clock: Clock,
        report: FactSink,
        recogniser: Recogniser,
        marking: Callable[[str], bool] = lambda resource: False,
    ) -> None:
        self._audio = audio
        self._clock = clock
        self._report = report
        self._recogniser = recogniser
        self._marking = marking
        self._dialler = Dialler(targets, tokens)
        self._timeline = Timeline(clock)
        self._streams: dict[int, AudioStream] = {}
        self._transcripts: dict[int, Transcript] = {}
        self._closing: set[AudioStream | Transcript] = set()
        self._left_out = Tally(clock, _log, "an app reads too slowly: %d intermediate results were left out")

    @property
    def left_out(self) -> int:
        """Intermediate results of transcripts that apps read too slowly for."""
        return self._left_out.count

    @property
    def open(self) -> int:
        """Streams and transcripts that live, or say good-bye."""
        return len(self._streams) + len(self._transcripts) + len(self._closing)

    async def close(self) -> None:
        """Close every socket; no facts are reported from then on."""
        for stream in list(self._streams):
            self.close_stream(CloseStream(stream))
        for stream in list(self._transcripts):
            self.close_transcript(CloseTranscript(stream))
        await asyncio.gather(*(one.socket.wait() for one in list(self._closing)))
        await self._dialler.close()

    def open_stream(self, effect: OpenStream) -> None:
        number = effect.stream
        self._streams[number] = AudioStream(
            effect,
            self._audio,
            self._dialler,
            self._clock,
            self._timeline,
            self._report,
            self._marking(effect.resource),
            lambda: self._part(self._streams.pop(number, None)),
        )

    def close_stream(self, effect: CloseStream) -> None:
        self._close(self._streams.pop(effect.stream, None))

    def open_transcript(self, effect: OpenTranscript) -> None:
        number = effect.stream
        try:
            self._transcripts[number] = Transcript(
                effect,
                self._audio,
                self._recogniser,
                self._dialler,
                self._clock,
                self._report,
                self._left_out.add,
                lambda: self._part(self._transcripts.pop(number, None)),
            )
        except RecognitionFailed as error:
            _log.warning(
                "nothing is transcribed: %s", error, extra={"callConnectionId": effect.connection_id}
            )
            self._report(StreamFailed(number, error.details, error.code, error.sub_code, str(error)))

    def update_transcript(self, effect: UpdateTranscript) -> None:
        transcript = self._transcripts.get(effect.stream)
        if transcript is not None:
            transcript.update(effect)

    def close_transcript(self, effect: CloseTranscript) -> None:
        self._close(self._transcripts.pop(effect.stream, None))

    def tone(self, effect: StreamTone) -> None:
        stream = self._streams.get(effect.stream)
        if stream is not None:
            stream.tone(effect.digit)

    def roster(self, effect: UpdateRoster) -> None:
        everything: list[AudioStream | Transcript] = [*self._streams.values(), *self._transcripts.values()]
        for one in everything:
            if one.effect.call == effect.call:
                one.roster(effect.roster)

    def _close(self, one: AudioStream | Transcript | None) -> None:
        if one is None:
            return
        one.close()
        self._part(one)

    def _part(self, one: AudioStream | Transcript | None) -> None:
        """Somebody has to hold it until it has said good-bye."""
        if one is not None:
            self._closing.add(one)
            one.socket.when_over(lambda: self._closing.discard(one))
