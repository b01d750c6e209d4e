"""What leaves a call while it lasts: the audio stream and the transcript of one connection.

Both are asked for when the call is set up, and then start with it or when the app says so (contract sections
7.1 and 8.1). Start and stop carry no repeatability headers, so a client that retries sends them twice: a
second start and a stop of what does not run succeed and change nothing, save that a second start adopts the
newer context and callback.

Every start that was accepted ends in Started or Failed. One that is stopped, or overtaken by the end of the
call, before its socket is open says Failed (canceled); one that was open says Stopped, before
CallDisconnected. A fault of the platform says Failed with serviceShutdown instead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from hookflash.calls.audio_effects import (
    CloseStream,
    CloseTranscript,
    OpenStream,
    OpenTranscript,
    Roster,
    StreamTone,
    UpdateTranscript,
)
from hookflash.machine import Machine
from hookflash.media.line import Request
from hookflash.media.tables import STREAM, Stream, StreamStep
from hookflash.wire import results
from hookflash.wire.enums import (
    AudioFormat,
    MediaStreamingAudioChannelType,
    SubscriptionState,
    TranscriptionResultType,
)
from hookflash.wire.enums import MediaStreamingStatus as AudioStatus
from hookflash.wire.enums import MediaStreamingStatusDetails as AudioDetails
from hookflash.wire.enums import TranscriptionStatus as TextStatus
from hookflash.wire.enums import TranscriptionStatusDetails as TextDetails
from hookflash.wire.events import (
    EventData,
    MediaStreamingFailed,
    MediaStreamingStarted,
    MediaStreamingStopped,
    MediaStreamingUpdate,
    TranscriptionFailed,
    TranscriptionStarted,
    TranscriptionStopped,
    TranscriptionUpdate,
    TranscriptionUpdated,
)
from hookflash.wire.parts import MediaStreamingOptions, TranscriptionOptions
from hookflash.wire.responses import MediaStreamingSubscription, TranscriptionSubscription
from hookflash.wire.results import ResultInformation

if TYPE_CHECKING:
    from hookflash.calls.connection import Connection
    from hookflash.calls.facts import StreamFailed
    from hookflash.calls.server_call import ServerCall
    from hookflash.calls.turn import Turn

_STATES = {
    Stream.IDLE: SubscriptionState.INACTIVE,
    Stream.OPENING: SubscriptionState.INACTIVE,
    Stream.OPEN: SubscriptionState.ACTIVE,
    Stream.CLOSED: SubscriptionState.DISABLED,
}


class Outcome(Enum):
    """What an app is told of a stream or transcript."""

    STARTED = "started"
    UPDATED = "updated"
    STOPPED = "stopped"
    FAILED = "failed"


_AUDIO: dict[Outcome, tuple[type[EventData], AudioStatus]] = {
    Outcome.STARTED: (MediaStreamingStarted, AudioStatus.STARTED),
    Outcome.STOPPED: (MediaStreamingStopped, AudioStatus.STOPPED),
    Outcome.FAILED: (MediaStreamingFailed, AudioStatus.FAILED),
}
_TEXT: dict[Outcome, tuple[type[EventData], TextStatus]] = {
    Outcome.STARTED: (TranscriptionStarted, TextStatus.STARTED),
    Outcome.UPDATED: (TranscriptionUpdated, TextStatus.UPDATED),
    Outcome.STOPPED: (TranscriptionStopped, TextStatus.STOPPED),
    Outcome.FAILED: (TranscriptionFailed, TextStatus.FAILED),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """What create, answer or connect asked for beside the call, checked.

    ``by_connect``: the app joined a call that was there. ``cognitive_endpoint`` is the URL of the cognitive
    services, without which the contract has neither transcripts nor speech.
    """

    streaming: MediaStreamingOptions | None = None
    transcription: TranscriptionOptions | None = None
    cognitive_endpoint: str | None = None
    loopback: bool = False
    by_connect: bool = False


def roster_of(call: ServerCall) -> Roster:
    """Who is in a call, as streams and recordings are told."""
    return tuple((person.leg, person.identity.raw_id) for person in call.present())


class Outlet(ABC):
    """One subscription: its state, and what the app is told. ``stream`` names it outside while it runs."""

    canceled: ResultInformation
    shutdown: ResultInformation

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.subscription_id = connection.server_call.registry.minter.subscription_id()
        self.machine = Machine(STREAM, Stream.IDLE)
        self.stream: int | None = None
        self.request = connection.request

    @property
    def state(self) -> Stream:
        return self.machine.state

    @property
    def running(self) -> bool:
        """Whether somebody outside opens it or has it open."""
        return self.stream is not None

    @property
    def shown(self) -> SubscriptionState:
        """As CallConnectionProperties shows it."""
        return _STATES[self.state]

    # --- what is asked ----------------------------------------------------------------------------------

    def start(self, turn: Turn, request: Request) -> None:
        self.request = request
        if self.state is Stream.IDLE and self.can_open(turn):
            self.machine.fire(StreamStep.START)
            self.stream = turn.new_stream(self)
            self.open(turn, self.stream)

    def stop(self, turn: Turn, request: Request) -> None:
        state = self.state
        if not self.running:
            return
        self.machine.fire(StreamStep.STOP)
        self._let_go(turn)
        if state is Stream.OPENING:
            self.tell_failed(turn, "subscriptionStopped", self.canceled)
        self.tell_stopped(turn, request)

    def end(self, turn: Turn, *, fault: bool = False) -> None:
        """The connection is over."""
        state = self.state
        self.machine.fire(StreamStep.CLOSE)
        if not self.running:
            return
        self._let_go(turn)
        if fault:
            self.tell_failed(turn, "serviceShutdown", self.shutdown)
        elif state is Stream.OPENING:
            self.tell_failed(turn, "subscriptionStopped", self.canceled)
        else:
            self.tell_stopped(turn, self.request)

    # --- what happens -----------------------------------------------------------------------------------

    def opened(self, turn: Turn, *, again: bool) -> None:
        if self.state is Stream.OPENING:
            self.machine.fire(StreamStep.OPENED)
            self.tell_started(turn, "subscriptionStarted")
        elif again:
            self.machine.fire(StreamStep.REOPENED)
            self.tell_started(turn, "streamConnectionReestablished")

    def failed(self, turn: Turn, fact: StreamFailed) -> None:
        """It is over outside."""
        self.machine.fire(StreamStep.FAIL)
        self.stream = None
        self.ran()
        result = ResultInformation(fact.code, fact.sub_code, fact.message)
        self.tell_failed(turn, fact.details, result)

    def _let_go(self, turn: Turn) -> None:
        assert self.stream is not None
        turn.forget_stream(self.stream)
        self.close(turn, self.stream)
        self.stream = None
        self.ran()

    # --- what a kind of outlet says ---------------------------------------------------------------------

    @abstractmethod
    def ran(self) -> None:
        """It runs no more; what was asked for that run only is forgotten here."""

    def can_open(self, turn: Turn) -> bool:
        """Whether there is a place to open; the app is told here when there is none."""
        return True

    @abstractmethod
    def open(self, turn: Turn, stream: int) -> None:
        """Have it opened outside."""

    @abstractmethod
    def close(self, turn: Turn, stream: int) -> None:
        """Have it closed outside."""

    @abstractmethod
    def tell(
        self, turn: Turn, outcome: Outcome, details: str, result: ResultInformation, request: Request
    ) -> None:
        """Send the event of ``outcome``; unknown ``details`` (as the wire spells them) are unspecified."""

    def tell_started(self, turn: Turn, details: str) -> None:
        self.tell(turn, Outcome.STARTED, details, results.ACTION_COMPLETED, self.request)

    def tell_stopped(self, turn: Turn, request: Request) -> None:
        """``request`` stopped it, or started what the end of the call stopped."""
        self.tell(turn, Outcome.STOPPED, "subscriptionStopped", results.ACTION_COMPLETED, request)

    def tell_failed(self, turn: Turn, details: str, result: ResultInformation) -> None:
        self.tell(turn, Outcome.FAILED, details, result, self.request)


class AudioStream(Outlet):
    """The audio of the call over a WebSocket (contract section 7)."""

    canceled = results.STREAMING_CANCELED
    shutdown = ResultInformation(500, 8603, "Action failed, the media streaming service was shut down.")

    def __init__(self, connection: Connection, options: MediaStreamingOptions, loopback: bool) -> None:
        super().__init__(connection)
        self.options = options
        self.loopback = loopback

    def ran(self) -> None:
        """A start says nothing of how it is to be streamed."""

    def subscription(self) -> MediaStreamingSubscription:
        return MediaStreamingSubscription(self.subscription_id, self.shown)

    def can_open(self, turn: Turn) -> bool:
        if self.options.transport_url:
            return True
        self.tell_failed(turn, "streamUrlMissing", results.STREAM_URL_MISSING)
        return False

    def open(self, turn: Turn, stream: int) -> None:
        connection, options = self.connection, self.options
        call = connection.server_call
        turn.emit(
            OpenStream(
                stream=stream,
                call=call.number,
                leg=connection.participant.leg,
                resource=connection.resource,
                connection_id=connection.id,
                correlation_id=call.correlation_id,
                subscription_id=self.subscription_id,
                url=options.transport_url or "",
                sample_rate=(options.audio_format or AudioFormat.PCM_16K_MONO).sample_rate,
                mixed=options.audio_channel_type is MediaStreamingAudioChannelType.MIXED,
                bidirectional=bool(options.enable_bidirectional),
                dtmf_tones=bool(options.enable_dtmf_tones),
                loopback=self.loopback,
                roster=roster_of(call),
            )
        )

    def close(self, turn: Turn, stream: int) -> None:
        turn.emit(CloseStream(stream))

    def heard(self, turn: Turn, leg: int, digit: str) -> None:
        """A participant pressed a key."""
        if self.state is Stream.OPEN and self.stream is not None and self.options.enable_dtmf_tones:
            turn.emit(StreamTone(self.stream, leg, digit))

    def tell(
        self, turn: Turn, outcome: Outcome, details: str, result: ResultInformation, request: Request
    ) -> None:
        event, status = _AUDIO[outcome]
        known = details in AudioDetails.__members__.values()
        update = MediaStreamingUpdate(
            status, AudioDetails(details) if known else AudioDetails.UNSPECIFIED_ERROR
        )
        self.connection.notify(turn, event, result, request, media_streaming_update=update)


class Transcript(Outlet):
    """What is said in the call, as text over a WebSocket (contract section 8).

    ``locale`` and ``model`` are as the options say; start and update may change them for as long as it runs.
    """

    canceled = results.TRANSCRIPTION_CANCELED
    shutdown = results.TRANSCRIPTION_SHUTDOWN

    def __init__(self, connection: Connection, options: TranscriptionOptions) -> None:
        super().__init__(connection)
        self.options = options
        self.ran()

    def ran(self) -> None:
        self.locale = self.options.locale or (self.options.locales or [""])[0]
        self.model = self.options.speech_model_endpoint_id

    def subscription(self) -> TranscriptionSubscription:
        kinds = [TranscriptionResultType.FINAL]
        if self.options.enable_intermediate_results:
            kinds.append(TranscriptionResultType.INTERMEDIATE)
        return TranscriptionSubscription(self.subscription_id, self.shown, kinds, self.locale)

    def speak(self, locale: str | None, model: str | None) -> None:
        """Take the language and model of a request, where it names them; it has not begun yet."""
        self.locale = locale or self.locale
        self.model = model or self.model

    def update(self, turn: Turn, request: Request, locale: str | None, model: str | None) -> None:
        """Go on in another language; only while it is open."""
        self.machine.fire(StreamStep.UPDATE)
        self.speak(locale, model)
        assert self.stream is not None
        turn.emit(UpdateTranscript(self.stream, self.locale, self.model))
        self.tell(turn, Outcome.UPDATED, "transcriptionLocaleUpdated", results.ACTION_COMPLETED, request)

    def open(self, turn: Turn, stream: int) -> None:
        connection = self.connection
        call = connection.server_call
        turn.emit(
            OpenTranscript(
                stream=stream,
                call=call.number,
                leg=connection.participant.leg,
                resource=connection.resource,
                connection_id=connection.id,
                correlation_id=call.correlation_id,
                subscription_id=self.subscription_id,
                url=self.options.transport_url or "",
                locale=self.locale,
                speech_model=self.model,
                intermediate=bool(self.options.enable_intermediate_results),
                roster=roster_of(call),
            )
        )

    def close(self, turn: Turn, stream: int) -> None:
        turn.emit(CloseTranscript(stream))

    def tell(
        self, turn: Turn, outcome: Outcome, details: str, result: ResultInformation, request: Request
    ) -> None:
        event, status = _TEXT[outcome]
        known = details in TextDetails.__members__.values()
        update = TranscriptionUpdate(status, TextDetails(details) if known else TextDetails.UNSPECIFIED_ERROR)
        self.connection.notify(turn, event, result, request, transcription_update=update)


class Streams:
    """Both outlets of a connection, as far as its setup asked for them."""

    def __init__(self, connection: Connection, setup: Setup) -> None:
        self.connection = connection
        self.audio = (
            AudioStream(connection, setup.streaming, setup.loopback) if setup.streaming is not None else None
        )
        self.transcript = (
            Transcript(connection, setup.transcription) if setup.transcription is not None else None
        )

    @property
    def running(self) -> bool:
        return any(outlet.running for outlet in self._outlets())

    def connected(self, turn: Turn) -> None:
        """The connection is up: what was to start with it starts."""
        request = self.connection.request
        if self.audio is not None and self.audio.options.start_media_streaming:
            self.audio.start(turn, request)
        if self.transcript is not None and self.transcript.options.start_transcription:
            self.transcript.start(turn, request)

    def heard(self, turn: Turn, leg: int, digit: str) -> None:
        if self.audio is not None:
            self.audio.heard(turn, leg, digit)

    def end(self, turn: Turn, *, fault: bool = False) -> None:
        for outlet in self._outlets():
            outlet.end(turn, fault=fault)

    def _outlets(self) -> list[Outlet]:
        return [outlet for outlet in (self.audio, self.transcript) if outlet is not None]
