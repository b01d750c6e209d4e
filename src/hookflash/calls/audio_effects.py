"""Effects on audio that leaves a call: streams, transcripts and recordings, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

# --- streams: audio streaming and transcription (contract sections 7 and 8) -----------------------------

Roster = tuple[tuple[int, str], ...]
"""Who is in a call: (leg, rawId) of every phone and app leg that is up."""


@dataclass(frozen=True, slots=True)
class OpenStream:
    """Connect to ``url`` and stream a call's audio there, as the app leg ``leg`` hears it.

    ``stream`` names it in effects and facts. ``sample_rate`` is 16,000 or 24,000 Hz. Not ``mixed`` means one
    stream for each participant. ``bidirectional``: what the app sends is heard by the call as the voice of
    ``leg``. StreamOpened or StreamFailed follows.
    """

    stream: int
    call: int
    leg: int
    resource: str
    connection_id: str
    correlation_id: str
    subscription_id: str
    url: str
    sample_rate: int
    mixed: bool
    bidirectional: bool
    dtmf_tones: bool
    loopback: bool
    roster: Roster


@dataclass(frozen=True, slots=True)
class CloseStream:
    """Close it properly (1000). No fact follows."""

    stream: int


@dataclass(frozen=True, slots=True)
class OpenTranscript:
    """Connect to ``url`` and send what is said in the call there as text.

    StreamOpened or StreamFailed follows, for ``stream``. ``locale`` is BCP-47 with a region.
    """

    stream: int
    call: int
    leg: int
    resource: str
    connection_id: str
    correlation_id: str
    subscription_id: str
    url: str
    locale: str
    speech_model: str | None
    intermediate: bool
    roster: Roster


@dataclass(frozen=True, slots=True)
class UpdateTranscript:
    """Go on in another language or with another model. No fact follows."""

    stream: int
    locale: str
    speech_model: str | None


@dataclass(frozen=True, slots=True)
class CloseTranscript:
    stream: int


@dataclass(frozen=True, slots=True)
class StreamTone:
    """A participant pressed a key while the stream wants keys."""

    stream: int
    leg: int
    digit: str


@dataclass(frozen=True, slots=True)
class UpdateRoster:
    """Somebody joined or left a call that is streamed, transcribed or recorded."""

    call: int
    roster: Roster


# --- recording (contract section 9) ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record a call, prompts included. RecordingStarted or RecordingFailed follows; RecordingStored its stop.

    ``format`` is "wav" or "mp3", ``channel_type`` "mixed" or "unmixed", ``channels`` maps rawIds to
    channels 0 to 4 (those not named get the next free one when they first speak). ``paused``: begin paused.
    ``destination`` is the URL of a container, with its secret. ``callback``, where changes of its state are
    told, and ``version``, in which they are, are for telling of its end after a crash.
    """

    recording: str
    call: int
    resource: str
    server_call_id: str
    correlation_id: str
    connection_id: str
    content_type: str
    channel_type: str
    format: str
    channels: tuple[tuple[str, int], ...]
    paused: bool
    destination: str | None = field(repr=False)
    roster: Roster
    callback: str | None = field(default=None, repr=False)
    version: str = ""


@dataclass(frozen=True, slots=True)
class PauseRecording:
    recording: str


@dataclass(frozen=True, slots=True)
class ResumeRecording:
    recording: str


@dataclass(frozen=True, slots=True)
class StopRecording:
    """``reason`` is the sessionEndReason of contract section 5.7."""

    recording: str
    reason: str
