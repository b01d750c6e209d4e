"""Result codes: synchronous refusals and the ``resultInformation`` of events (contract sections 4.1 - 4.4).

A :class:`Refusal` is an answer to a request; a :class:`ResultInformation` tells in an event how an operation
or a call leg ended. Nothing here is vague: each names what was wrong and, where it can, what to do.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hookflash.wire.subcodes import SUB_CODES

__all__ = ["SUB_CODES", "Detail", "Refusal", "ResultInformation"]


class ErrorDetail(msgspec.Struct, rename="camel", omit_defaults=True):
    """One entry of ``details`` in an error body."""

    code: str
    message: str
    target: str | None = None


class Error(msgspec.Struct, rename="camel", omit_defaults=True):
    """What went wrong. ``target`` names the field, header, parameter or id at fault; ``details`` has an entry
    for each where several are.
    """

    code: str
    message: str
    target: str | None = None
    details: list[ErrorDetail] | None = None
    innererror: ErrorDetail | None = None


class ErrorBody(msgspec.Struct):
    """The body of every refusal."""

    error: Error


_ENCODER = msgspec.json.Encoder()


class Refusal(Exception):
    """A request is refused: HTTP ``status``, sub-code ``code`` (a string) and a message for people.

    ``target`` names the field at fault as the wire spells it, ``retry_after`` (seconds) is set when waiting
    helps.
    """

    def __init__(
        self,
        status: int,
        code: int | str,
        message: str,
        *,
        target: str | None = None,
        details: list[ErrorDetail] | None = None,
        retry_after: int | None = None,
        inner: ErrorDetail | None = None,
    ) -> None:
        super().__init__(message)
        self.inner = inner
        self.status = status
        self.code = str(code)
        self.message = message
        self.target = target
        self.details = details
        self.retry_after = retry_after

    def __repr__(self) -> str:
        return f"Refusal({self.status}, {self.code!r}, {self.message!r}, target={self.target!r})"

    def body(self) -> bytes:
        """The JSON error body of contract section 4.1."""
        return _ENCODER.encode(
            ErrorBody(Error(self.code, self.message, self.target, self.details, self.inner))
        )


# --- synchronous refusals, contract section 4.2 ---------------------------------------------------------


def invalid_argument(field: str, problem: str) -> Refusal:
    """400/8523: ``field`` (its wire name or path) is missing or wrong; ``problem`` says how, and what would
    do.
    """
    return Refusal(400, 8523, f"The field {field} is invalid: {problem}", target=field)


def several(refusals: Sequence[Refusal]) -> Refusal:
    """The first of these; where there are more, each has its entry in ``details``."""
    first = refusals[0]
    others = len(refusals) - 1
    if not others:
        return first
    details = [ErrorDetail(one.code, one.message, one.target) for one in refusals]
    message = f"{first.message} {others} more {'is' if others == 1 else 'are'} listed in details."
    return Refusal(first.status, first.code, message, target=first.target, details=details)


def not_established(message: str, *, target: str | None = None) -> Refusal:
    """400/8501: the call is not up yet."""
    return Refusal(400, 8501, message, target=target)


def call_terminated(message: str, *, target: str | None = None) -> Refusal:
    """400/8528: the call is over."""
    return Refusal(400, 8528, message, target=target)


def invalid_state(message: str, *, target: str | None = None) -> Refusal:
    """400/8585: not now; usually the app has to wait for CallConnected."""
    return Refusal(400, 8585, message, target=target)


def recording_active(message: str, *, target: str | None = None) -> Refusal:
    """400/8559: a second recording of the same call."""
    return Refusal(400, 8559, message, target=target)


def cognitive_services_unavailable(message: str, *, target: str | None = None) -> Refusal:
    """400/8567: speech was asked for but is not usable."""
    return Refusal(400, 8567, message, target=target)


def unauthenticated(message: str, *, target: str = "Authorization") -> Refusal:
    """401/7509: the signature does not hold; ``target`` is the header that tells so."""
    return Refusal(401, 7509, message, target=target)


def invalid_token(message: str) -> Refusal:
    """401/7501: the bearer token does not hold."""
    return Refusal(401, 7501, message, target="Authorization")


def wrong_resource(message: str, *, target: str | None = None) -> Refusal:
    """403/7507: the call or the incomingCallContext belongs to another resource."""
    return Refusal(403, 7507, message, target=target)


def forbidden(message: str, *, target: str | None = None) -> Refusal:
    """403/7504: authenticated, but not allowed."""
    return Refusal(403, 7504, message, target=target)


def not_found(message: str, *, target: str | None = None) -> Refusal:
    """404/8522: no such call, participant, recording or invitation."""
    return Refusal(404, 8522, message, target=target)


def not_supported(message: str, *, target: str | None = None) -> Refusal:
    """405/8520: the platform does not do this."""
    return Refusal(405, 8520, message, target=target)


def not_configured(message: str, *, target: str | None = None) -> Refusal:
    """405/8522: something had to be given when the call was set up (transport URL, cognitive endpoint)."""
    return Refusal(405, 8522, message, target=target)


def conflict(message: str, *, target: str | None = None) -> Refusal:
    """409/8519: another operation on the same thing is under way."""
    return Refusal(409, 8519, message, target=target)


def incompatible_operation(message: str, *, target: str | None = None) -> Refusal:
    """412/8583: the compatibility table of contract section 6.9 forbids it while something else runs."""
    return Refusal(412, 8583, message, target=target)


def throttled(message: str, *, sub_code: int = 8516, retry_after: int = 1) -> Refusal:
    """429 with 8516 (calls), 8529 (month), 8530 (active calls) or 8613 (captions); ``retry_after`` in
    seconds.
    """
    return Refusal(429, sub_code, message, retry_after=retry_after)


def too_many_calls(message: str, retry_after: int) -> Refusal:
    """503/8530: as many calls are up as can be carried well. 503, because SDKs send a POST again after that,
    and not after 429.
    """
    return Refusal(503, 8530, message, retry_after=retry_after)


def media_unavailable(message: str, retry_after: int) -> Refusal:
    """503/9001: nothing carries the audio of calls at the moment."""
    return Refusal(503, 9001, message, retry_after=retry_after)


def stopping(message: str, retry_after: int) -> Refusal:
    """503/Stopping: the server goes on with its calls until they end, and takes no new ones."""
    return Refusal(503, "Stopping", message, retry_after=retry_after)


def internal_error(message: str, *, sub_code: int = 9999) -> Refusal:
    """500 with 9999, 9998, 9001 or 9002."""
    return Refusal(500, sub_code, message)


def unprocessable(code: str, message: str) -> Refusal:
    """SIP routing that cannot be set; ``code`` says why in the service's words, as ``innererror``."""
    return Refusal(422, "UnprocessableConfiguration", message, inner=ErrorDetail(code, message))


def duplicated(code: str, message: str) -> Refusal:
    """As :func:`unprocessable`, where something is there twice."""
    return Refusal(400, "UnprocessableConfiguration", message, inner=ErrorDetail(code, message))


def unsupported_api_version(version: str, supported: tuple[str, ...]) -> Refusal:
    """400 for an ``api-version`` that is missing or not known (contract section 1.1)."""
    what = (
        f"api-version {version!r} is not known" if version else "the query parameter api-version is missing"
    )
    message = f"{what}; supported are {', '.join(supported)}"
    return Refusal(400, "UnsupportedApiVersion", message, target="api-version")


# --- results in events ----------------------------------------------------------------------------------


class Detail(msgspec.Struct, rename="camel", frozen=True):
    """``sipDetails`` or ``q850Details``: a SIP status or ISDN cause and its text; since 2026-03-12."""

    code: int
    message: str


class ResultInformation(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """How something ended: HTTP-like ``code``, ``subCode`` of the catalogue, ``message`` for people."""

    code: int
    sub_code: int
    message: str
    sip_details: Detail | None = None
    q850_details: Detail | None = msgspec.field(default=None, name="q850Details")


_COMPLETED = "Action completed successfully."

SUCCESS = ResultInformation(200, 0, "")
"""Call-level events and tones."""
ACTION_COMPLETED = ResultInformation(200, 0, _COMPLETED)
"""PlayStarted, PlayCompleted, SendDtmfTonesCompleted, streaming and transcription successes."""
CANCELED = ResultInformation(400, 8508, "Action failed, the operation was canceled.")
"""PlayCanceled, RecognizeCanceled, SendDtmfTonesFailed after cancellation."""
INVALID_FILE = ResultInformation(400, 8535, "Action failed, file format is invalid.")
DOWNLOAD_FAILED = ResultInformation(400, 8536, "Action failed, file could not be downloaded.")
PLAY_SOURCE_EMPTY = ResultInformation(400, 8582, "Action failed, play source text or SSML is empty.")
PLAY_SOURCE_UNSPEAKABLE = ResultInformation(
    400, 8582, "Action failed, play source text or SSML cannot be spoken."
)
"""The same code for what is there and is not valid, SSML with a mistake in it."""
PLAY_SERVICE_SHUTDOWN = ResultInformation(500, 8572, "Action failed due to play service shutdown.")
UNKNOWN_ERROR = ResultInformation(500, 9999, "Unknown internal server error.")
MAX_DIGITS = ResultInformation(200, 8531, "Action completed, max digits received.")
STOP_TONE = ResultInformation(200, 8514, "Action completed as stop tone was detected.")
DTMF_OPTION_MATCHED = ResultInformation(200, 8533, "Action completed, DTMF option matched.")
SPEECH_OPTION_MATCHED = ResultInformation(200, 8545, "Action completed, speech option matched.")
SPEECH_RECOGNIZED = ResultInformation(200, 8569, "Action completed, speech recognized.")
INTER_DIGIT_TIMEOUT = ResultInformation(400, 8532, "Action failed, inter-digit silence timeout reached.")
INITIAL_SILENCE = ResultInformation(400, 8510, "Action failed, initial silence timeout reached.")
PROMPT_FAILED = ResultInformation(
    500, 8511, "Action failed, encountered failure while trying to play the prompt."
)
INCORRECT_TONE = ResultInformation(500, 8534, "Action failed, incorrect tone entered.")
SPEECH_OPTION_NOT_MATCHED = ResultInformation(400, 8547, "Action failed, speech option not matched.")
SPEECH_NOT_RECOGNIZED = ResultInformation(400, 8563, "Action failed, speech could not be recognized.")
SPEECH_CONNECTION_FAILED = ResultInformation(
    400, 8564, "Action failed, could not connect to the speech service."
)
SPEECH_SERVICE_FAILED = ResultInformation(400, 8565, "Action failed, speech service error.")
SPEECH_RECOGNITION_FAILED = ResultInformation(400, 8570, "Action failed, speech recognition error.")
PARTICIPANT_NOT_FOUND = ResultInformation(404, 8522, "Participant not found.")
INVITATION_NOT_FOUND = ResultInformation(404, 8522, "Invitation not found.")
CALL_NOT_FOUND = ResultInformation(404, 8522, "Call not found.")
ANSWER_TIMEOUT = ResultInformation(400, 8587, "Incoming call was not answered within time.")
STREAMING_FAILED = ResultInformation(500, 8603, "Action failed, not able to establish WebSocket connection.")
STREAM_URL_MISSING = ResultInformation(
    400,
    8581,
    "Action failed, there is no stream URL: mediaStreamingOptions.transportUrl was not given when the call "
    "was created, answered or connected.",
)
STREAMING_CANCELED = ResultInformation(500, 8604, "Action failed, media streaming was canceled.")
TRANSCRIPTION_FAILED = ResultInformation(
    500, 8578, "Action failed, not able to establish WebSocket connection."
)
TRANSCRIPTION_CANCELED = ResultInformation(500, 8579, "Action failed, transcription was canceled.")
TRANSCRIPTION_SHUTDOWN = ResultInformation(
    500, 8580, "Action failed, the transcription service was shut down."
)


def restarted(what: str) -> ResultInformation:
    """The end of what was going on when the server died."""
    return ResultInformation(500, 9999, f"The {what} ended because the server was restarted.")


def play_failed(sub_code: int, message: str = "", code: int = 0) -> ResultInformation:
    """PlayFailed of a source: 8535, 8536, 8565, 8582 or anything else of the catalogue.

    ``message`` adds the particulars, ``code`` replaces the usual one: 8565 has that of the speech provider.
    """
    known = _PLAY_FAILURES.get(sub_code, UNKNOWN_ERROR)
    if not message and not code:
        return known
    if message and known is PLAY_SOURCE_EMPTY:
        known = PLAY_SOURCE_UNSPEAKABLE
    return ResultInformation(code or known.code, known.sub_code, f"{known.message} {message}".rstrip())


def recognize_failed(code: int, sub_code: int, message: str) -> ResultInformation:
    """RecognizeFailed through a speech provider: 8563, 8564, 8565, 8570 or 9999; ``message`` adds the
    particulars.
    """
    known = _HEARING_FAILURES.get(sub_code, UNKNOWN_ERROR)
    return ResultInformation(code or known.code, known.sub_code, f"{known.message} {message}".rstrip())


_PLAY_FAILURES = {
    result.sub_code: result
    for result in (
        INVALID_FILE,
        DOWNLOAD_FAILED,
        PLAY_SOURCE_EMPTY,
        PLAY_SERVICE_SHUTDOWN,
        SPEECH_SERVICE_FAILED,
    )
}

_HEARING_FAILURES = {
    result.sub_code: result
    for result in (
        SPEECH_NOT_RECOGNIZED,
        SPEECH_CONNECTION_FAILED,
        SPEECH_SERVICE_FAILED,
        SPEECH_RECOGNITION_FAILED,
    )
}
