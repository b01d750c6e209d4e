"""Every enumeration of the contract, parsed in any letter case and written in the one canonical case.

SDKs disagree about case (``PUBLIC``, ``Pcm24KMono``, ``AzureBlobStorage``), so members are found without
regard to it; the value of a member is what leaves on the wire (contract sections 0, 1.4 and 5.3).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class WireEnum(StrEnum):
    """A string enumeration whose members are found in any letter case.

    ``Tone("POUND")`` is ``Tone.POUND``; an unknown value raises ValueError as usual.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        folded = value.casefold()
        return next((member for member in cls if member.value.casefold() == folded), None)


class IdentifierKind(WireEnum):
    """Kinds of communication identifier (contract section 3.1). A kind nobody knows reads as ``unknown``."""

    PHONE_NUMBER = "phoneNumber"
    COMMUNICATION_USER = "communicationUser"
    MICROSOFT_TEAMS_USER = "microsoftTeamsUser"
    MICROSOFT_TEAMS_APP = "microsoftTeamsApp"
    TEAMS_EXTENSION_USER = "teamsExtensionUser"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return super()._missing_(value) or (cls("unknown") if isinstance(value, str) else None)


class Cloud(WireEnum):
    """Clouds an identity can live in; Python SDKs write them in upper case."""

    PUBLIC = "public"
    DOD = "dod"
    GCCH = "gcch"


class CallRejectReason(WireEnum):
    NONE = "none"
    BUSY = "busy"
    FORBIDDEN = "forbidden"


class CallLocatorKind(WireEnum):
    SERVER_CALL = "serverCallLocator"
    GROUP_CALL = "groupCallLocator"
    ROOM_CALL = "roomCallLocator"


class CallConnectionState(WireEnum):
    UNKNOWN = "unknown"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    TRANSFERRING = "transferring"
    TRANSFER_ACCEPTED = "transferAccepted"
    DISCONNECTING = "disconnecting"
    DISCONNECTED = "disconnected"


class SubscriptionState(WireEnum):
    """State of a media streaming or transcription subscription."""

    DISABLED = "disabled"
    INACTIVE = "inactive"
    ACTIVE = "active"


class PlaySourceKind(WireEnum):
    FILE = "file"
    TEXT = "text"
    SSML = "ssml"


class VoiceKind(WireEnum):
    MALE = "male"
    FEMALE = "female"


class RecognizeInputType(WireEnum):
    DTMF = "dtmf"
    SPEECH = "speech"
    SPEECH_OR_DTMF = "speechOrDtmf"
    CHOICES = "choices"


class RecognitionType(WireEnum):
    """What a RecognizeCompleted event carries."""

    DTMF = "dtmf"
    CHOICES = "choices"
    SPEECH = "speech"


class Tone(WireEnum):
    """DTMF tones as the contract spells them; ``digit`` is the key's character."""

    ZERO = "zero"
    ONE = "one"
    TWO = "two"
    THREE = "three"
    FOUR = "four"
    FIVE = "five"
    SIX = "six"
    SEVEN = "seven"
    EIGHT = "eight"
    NINE = "nine"
    A = "a"
    B = "b"
    C = "c"
    D = "d"
    POUND = "pound"
    ASTERISK = "asterisk"

    @property
    def digit(self) -> str:
        """The key: one of ``0123456789ABCD#*``."""
        return _DIGIT_OF[self]

    @classmethod
    def of_digit(cls, digit: str) -> Tone:
        """The tone of a key (``a``-``d`` in either case); ValueError when there is no such key."""
        tone = _TONE_OF.get(digit)
        if tone is None:
            raise ValueError(f"{digit!r} is not a DTMF key; keys are {DIGITS}")
        return tone


DIGITS = "0123456789ABCD#*"
"""The sixteen keys, in the order of :class:`Tone`."""

_DIGIT_OF: dict[Tone, str] = dict(zip(Tone, DIGITS, strict=True))
_TONE_OF: dict[str, Tone] = {digit: tone for tone, digit in _DIGIT_OF.items()} | {
    digit.lower(): tone for tone, digit in _DIGIT_OF.items()
}


class StreamingTransportType(WireEnum):
    WEBSOCKET = "websocket"


class MediaStreamingContentType(WireEnum):
    AUDIO = "audio"


class MediaStreamingAudioChannelType(WireEnum):
    MIXED = "mixed"
    UNMIXED = "unmixed"


class AudioFormat(WireEnum):
    """Sample format of streamed audio; previews spelled it ``Pcm16KMono``."""

    PCM_16K_MONO = "pcm16KMono"
    PCM_24K_MONO = "pcm24KMono"

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return 24_000 if self is AudioFormat.PCM_24K_MONO else 16_000


class TranscriptionResultType(WireEnum):
    FINAL = "final"
    INTERMEDIATE = "intermediate"


class RedactionType(WireEnum):
    """Preview (2025-08-15-preview): how personal data is masked in transcripts."""

    MASK_WITH_CHARACTER = "maskWithCharacter"


class RecordingContentType(WireEnum):
    AUDIO = "audio"
    AUDIO_VIDEO = "audioVideo"


class RecordingChannelType(WireEnum):
    MIXED = "mixed"
    UNMIXED = "unmixed"


class RecordingFormatType(WireEnum):
    WAV = "wav"
    MP3 = "mp3"
    MP4 = "mp4"


class RecordingStorageKind(WireEnum):
    AZURE_COMMUNICATION_SERVICES = "azureCommunicationServices"
    AZURE_BLOB_STORAGE = "azureBlobStorage"


class RecordingState(WireEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


class RecordingKind(WireEnum):
    AZURE_COMMUNICATION_SERVICES = "azureCommunicationServices"
    TEAMS = "teams"
    TEAMS_COMPLIANCE = "teamsCompliance"


class MediaStreamingStatus(WireEnum):
    STARTED = "mediaStreamingStarted"
    FAILED = "mediaStreamingFailed"
    STOPPED = "mediaStreamingStopped"
    UNSPECIFIED_ERROR = "unspecifiedError"


class MediaStreamingStatusDetails(WireEnum):
    SUBSCRIPTION_STARTED = "subscriptionStarted"
    STREAM_CONNECTION_REESTABLISHED = "streamConnectionReestablished"
    STREAM_CONNECTION_UNSUCCESSFUL = "streamConnectionUnsuccessful"
    STREAM_URL_MISSING = "streamUrlMissing"
    SERVICE_SHUTDOWN = "serviceShutdown"
    STREAM_CONNECTION_INTERRUPTED = "streamConnectionInterrupted"
    SPEECH_SERVICES_CONNECTION_ERROR = "speechServicesConnectionError"
    SUBSCRIPTION_STOPPED = "subscriptionStopped"
    UNSPECIFIED_ERROR = "unspecifiedError"
    AUTHENTICATION_FAILURE = "authenticationFailure"
    BAD_REQUEST = "badRequest"
    TOO_MANY_REQUESTS = "tooManyRequests"
    FORBIDDEN = "forbidden"
    SERVICE_TIMEOUT = "serviceTimeout"
    INITIAL_WEB_SOCKET_CONNECTION_FAILED = "initialWebSocketConnectionFailed"


class TranscriptionStatus(WireEnum):
    STARTED = "transcriptionStarted"
    FAILED = "transcriptionFailed"
    RESUMED = "transcriptionResumed"
    UPDATED = "transcriptionUpdated"
    STOPPED = "transcriptionStopped"
    UNSPECIFIED_ERROR = "unspecifiedError"
    CALL_SUMMARY_UPDATED = "callSummaryUpdated"


class TranscriptionStatusDetails(WireEnum):
    SUBSCRIPTION_STARTED = "subscriptionStarted"
    STREAM_CONNECTION_REESTABLISHED = "streamConnectionReestablished"
    STREAM_CONNECTION_UNSUCCESSFUL = "streamConnectionUnsuccessful"
    STREAM_URL_MISSING = "streamUrlMissing"
    SERVICE_SHUTDOWN = "serviceShutdown"
    STREAM_CONNECTION_INTERRUPTED = "streamConnectionInterrupted"
    SPEECH_SERVICES_CONNECTION_ERROR = "speechServicesConnectionError"
    SUBSCRIPTION_STOPPED = "subscriptionStopped"
    UNSPECIFIED_ERROR = "unspecifiedError"
    AUTHENTICATION_FAILURE = "authenticationFailure"
    BAD_REQUEST = "badRequest"
    TOO_MANY_REQUESTS = "tooManyRequests"
    FORBIDDEN = "forbidden"
    SERVICE_TIMEOUT = "serviceTimeout"
    TRANSCRIPTION_LOCALE_UPDATED = "transcriptionLocaleUpdated"
    CALL_SUMMARY_SUCCESS = "callSummarySuccess"
    CALL_SUMMARY_FAILURE = "callSummaryFailure"


class TokenScope(WireEnum):
    """Scopes of an identity's access token (contract section 11)."""

    CHAT = "chat"
    VOIP = "voip"
    CHAT_JOIN = "chat.join"
    CHAT_JOIN_LIMITED = "chat.join.limited"
    VOIP_JOIN = "voip.join"
