"""Commands about media streaming and transcription, and what create, answer and connect say about them.

Contract sections 1.2 (rows 25 to 29), 4.2, 7.1 and 8.1.
"""

from __future__ import annotations

from hookflash.calls.commands import (
    StartMediaStreaming,
    StartTranscription,
    StopMediaStreaming,
    StopTranscription,
    UpdateTranscription,
)
from hookflash.calls.facts import StreamFailed, StreamOpened
from hookflash.calls.media_control import usable_connection
from hookflash.calls.registry import Registry
from hookflash.calls.streams import AudioStream, Setup, Transcript
from hookflash.calls.turn import Turn
from hookflash.media.line import Request
from hookflash.media.tables import Stream
from hookflash.wire.constraints import CallbackRules, require_stream
from hookflash.wire.parts import PiiRedactionOptions
from hookflash.wire.requests import (
    AnswerCallRequest,
    ConnectRequest,
    CreateCallRequest,
    StartTranscriptionRequest,
    UpdateTranscriptionRequest,
)
from hookflash.wire.results import invalid_argument, invalid_state, not_configured, not_supported

_NO_ENDPOINT = (
    "transcription needs callIntelligenceOptions.cognitiveServicesEndpoint, which was not given when the "
    "call was created, answered or connected"
)


def setup_of(request: CreateCallRequest | AnswerCallRequest | ConnectRequest, rules: CallbackRules) -> Setup:
    """What a request says about media.

    Raises Refusal 400/8523 for a URL this server does not connect to, 405/8522 for a transcript that is to
    start with the call and cannot, and 405/8520 for one that is to be redacted.
    """
    intelligence = request.call_intelligence_options
    endpoint = intelligence.cognitive_services_endpoint if intelligence is not None else None
    loopback = False
    if not isinstance(request, ConnectRequest):
        endpoint = endpoint or request.cognitive_services_endpoint
        loopback = bool(request.enable_loopback_audio)
    streaming, transcription = request.media_streaming_options, request.transcription_options
    if streaming is not None and streaming.transport_url is not None:
        require_stream(streaming.transport_url, "mediaStreamingOptions.transportUrl", rules)
    if transcription is not None:
        _check_redaction(transcription.pii_redaction_options, "transcriptionOptions.piiRedactionOptions")
        if transcription.transport_url is not None:
            require_stream(transcription.transport_url, "transcriptionOptions.transportUrl", rules)
        if transcription.start_transcription:
            if not transcription.transport_url:
                raise not_configured(
                    "transcriptionOptions.startTranscription is true, but transcriptionOptions.transportUrl "
                    "is not given; give a wss URL."
                )
            if not endpoint:
                raise not_configured(
                    f"transcriptionOptions.startTranscription is true, but {_NO_ENDPOINT}; give both."
                )
    return Setup(
        streaming=streaming,
        transcription=transcription,
        cognitive_endpoint=endpoint or None,
        loopback=loopback,
        by_connect=isinstance(request, ConnectRequest),
    )


class StreamingControl:
    """Handlers of the commands and facts about streams; each checks everything, then acts."""

    def __init__(self, registry: Registry, callbacks: CallbackRules) -> None:
        self._registry = registry
        self._callbacks = callbacks

    # --- media streaming --------------------------------------------------------------------------------

    def start_streaming(self, turn: Turn, command: StartMediaStreaming) -> None:
        self._audio(command).start(turn, _request(command))

    def stop_streaming(self, turn: Turn, command: StopMediaStreaming) -> None:
        self._audio(command).stop(turn, _request(command))

    def _audio(self, command: StartMediaStreaming | StopMediaStreaming) -> AudioStream:
        """Raises Refusal 405/8522 when no options were given at setup."""
        connection = usable_connection(self._registry, self._callbacks, command)
        if connection.streams.audio is None:
            raise not_configured(
                f"Call {connection.id} has no media streaming: mediaStreamingOptions were not given when the "
                "call was created, answered or connected. Give them there."
            )
        return connection.streams.audio

    # --- transcription ----------------------------------------------------------------------------------

    def start_transcription(self, turn: Turn, command: StartTranscription) -> None:
        transcript = self._transcript(command)
        _check_redaction(command.request.pii_redaction_options, "piiRedactionOptions")
        if not transcript.options.transport_url:
            raise not_configured(
                "There is no URL to send transcripts to: transcriptionOptions.transportUrl was not given "
                "when the call was created, answered or connected. Give it there."
            )
        endpoint = transcript.connection.setup.cognitive_endpoint
        if not endpoint:
            raise not_configured(f"Nothing was started: {_NO_ENDPOINT}. Give it there.")
        if transcript.state is Stream.IDLE:
            locale, model = _language(command.request)
            if not (locale or transcript.locale):
                raise invalid_argument(
                    "locale", "it is required, but missing; expected a locale with a region such as en-US."
                )
            transcript.speak(locale, model)
        transcript.start(turn, _request(command))

    def stop_transcription(self, turn: Turn, command: StopTranscription) -> None:
        self._transcript(command).stop(turn, _request(command))

    def update_transcription(self, turn: Turn, command: UpdateTranscription) -> None:
        transcript = self._transcript(command)
        _check_redaction(command.request.pii_redaction_options, "piiRedactionOptions")
        if transcript.connection.setup.by_connect:
            raise not_supported(
                "updateTranscription is not supported in a call that was joined with connect; stop the "
                "transcription and start it with the other locale."
            )
        locale, model = _language(command.request)
        if not locale and not model:
            raise invalid_argument(
                "locale", "it is required, but missing; expected a locale with a region such as en-US."
            )
        if transcript.state is not Stream.OPEN:
            raise invalid_state(
                "The transcription does not run, so it cannot be updated; start it, and wait for "
                "TranscriptionStarted."
            )
        if locale and not transcript.connection.abilities.knows(locale):
            # Told here, it costs the app nothing: the transcript goes on as it was.
            raise invalid_argument(
                "locale",
                f"nobody here understands {locale}; the transcription goes on in {transcript.locale}. Give "
                "another locale, or have a provider of speech configured for this one.",
            )
        transcript.update(turn, _request(command), locale, model)

    def _transcript(
        self, command: StartTranscription | StopTranscription | UpdateTranscription
    ) -> Transcript:
        """Raises Refusal 405/8522 when no options were given at setup."""
        connection = usable_connection(self._registry, self._callbacks, command)
        if connection.streams.transcript is None:
            raise not_configured(
                f"Call {connection.id} has no transcription: transcriptionOptions were not given when the "
                "call was created, answered or connected. Give them there."
            )
        return connection.streams.transcript

    # --- facts ------------------------------------------------------------------------------------------

    def opened(self, turn: Turn, fact: StreamOpened) -> None:
        outlet = turn.pending.streams.get(fact.stream)
        if outlet is not None:
            outlet.opened(turn, again=fact.again)

    def failed(self, turn: Turn, fact: StreamFailed) -> None:
        outlet = turn.pending.streams.pop(fact.stream, None)
        if outlet is not None:
            outlet.failed(turn, fact)


def _request(
    command: StartMediaStreaming
    | StopMediaStreaming
    | StartTranscription
    | StopTranscription
    | UpdateTranscription,
) -> Request:
    body = command.request
    return Request(command.version, body.operation_context, body.operation_callback_uri)


def _check_redaction(options: PiiRedactionOptions | None, field: str) -> None:
    """Raises Refusal 405/8520: who wants personal data masked must not be sent them as they were said."""
    if options is not None and options.enable:
        raise not_supported(
            f"{field}.enable is true, but this server does not redact transcripts: they would hold personal "
            "data as they were said. Leave it out, or set it to false, and redact the text in the app.",
            target=f"{field}.enable",
        )


def _language(body: StartTranscriptionRequest | UpdateTranscriptionRequest) -> tuple[str | None, str | None]:
    """Locale and model of a request, under whichever name it gives them."""
    locale = body.locale
    if not locale and isinstance(body, StartTranscriptionRequest) and body.locales:
        locale = body.locales[0]
    return locale, body.speech_model_endpoint_id or body.speech_recognition_model_endpoint_id
