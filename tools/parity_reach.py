"""What of the official SDKs no conformance run can exercise, and why: data for the parity page.

An entry is wrong, and ``tools/parity.py`` says so, when a run did exercise it or when no SDK has it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

FIELDS = ("response fields", "event fields")
CANNOT: tuple[tuple[tuple[str, ...], tuple[str, ...], str], ...] = (
    (
        FIELDS,
        (
            "CommunicationIdentifierModel.microsoftTeams*",
            "CommunicationIdentifierModel.teamsExtensionUser",
            "MicrosoftTeams*",
            "TeamsExtensionUser*",
        ),
        "Teams users and Teams apps cannot be called from here, so nobody in a call is one.",
    ),
    (
        ("enum values",),
        ("RecordingKind.teams*",),
        "Calls are not Teams calls, so no recording is one of Teams.",
    ),
    (
        ("enum values",),
        ("MediaStreamingStatusDetails.speechServicesConnectionError",),
        "Audio streaming asks no speech service.",
    ),
    (
        ("client methods",),
        ("*.download_recording", "*.delete_recording"),
        "The SDKs fetch from hosts of the real service alone; a system test does so under such a name.",
    ),
    (
        ("enum values",),
        ("CallConnectionState.disconnecting", "CallConnectionState.transferAccepted"),
        "Begins and ends within one step of the server: no answer can show it.",
    ),
    (
        ("enum values",),
        ("CallConnectionState.disconnected", "*SubscriptionState.disabled"),
        "For a call that has ended, and whoever asks for one is told 404/8522.",
    ),
    (
        ("enum values",),
        ("CallConnectionState.unknown",),
        "For a connection whose state was lost, which none is: calls end when the server does.",
    ),
    (
        ("enum values",),
        ("*.unspecifiedError",),
        "For faults that nobody foresaw: nothing causes one on purpose from outside.",
    ),
    (
        ("enum values",),
        ("MediaStreamingStatusDetails.streamUrlMissing",),
        "The Python SDK makes no streaming options without a transportUrl; the server's own tests do.",
    ),
    (
        ("enum values",),
        ("TranscriptionStatusDetails.streamUrlMissing",),
        "A transcript without a transportUrl is refused when it is to start, as with Azure.",
    ),
    (
        ("enum values",),
        ("MediaStreamingStatusDetails.streamConnectionUnsuccessful",),
        "A streaming socket that cannot be opened is initialWebSocketConnectionFailed, as with Azure.",
    ),
    (
        ("enum values",),
        ("TranscriptionStatus.transcriptionResumed",),
        "Nothing pauses a transcription; one whose socket was opened again is transcriptionStarted.",
    ),
    (
        ("response fields",),
        ("CommunicationError.innererror",),
        "Refusals name further faults in details.",
    ),
    (
        ("event fields",),
        ("StartRecordingFailed.operationContext",),
        "The request that starts a recording has no operationContext.",
    ),
)
"""What cannot be exercised: kinds, names (with ``*``), and why."""


def reason(kind: str, name: str) -> str | None:
    """Why something cannot be exercised; None when it could be."""
    for kinds, patterns, why in CANNOT:
        if kind in kinds and any(fnmatchcase(name, pattern) for pattern in patterns):
            return why
    return None


def unheard_of(every: dict[str, set[str]]) -> list[str]:
    """The names of :data:`CANNOT` that fit nothing in ``every``, what can be counted by kind."""
    return [
        pattern
        for kinds, patterns, _ in CANNOT
        for pattern in patterns
        if not any(fnmatchcase(name, pattern) for kind in kinds for name in every[kind])
    ]
