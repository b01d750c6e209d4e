"""What media operations need to know of the call they run in.

The calls room implements this for each call connection; the media room never looks further.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hookflash.media.speech import Abilities, Heard, Listening, Speech
from hookflash.wire.events import EventData
from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier
from hookflash.wire.results import ResultInformation


@dataclass(frozen=True, slots=True)
class Source:
    """One piece of audio: a WAV behind an http(s) URL.

    ``cache_id`` is the playSourceCacheId of contract section 6.2, made distinct for each resource.
    """

    url: str
    cache_id: str | None = None


@dataclass(frozen=True, slots=True)
class AudioFailure:
    """Why a source could not be played.

    ``source`` is its 0-based index. ``sub_code`` says what was wrong with it and ``message`` the particulars;
    ``code`` goes with the sub-code, 0 for its usual one (contract section 4.4).
    """

    source: int
    sub_code: int
    message: str
    code: int = 0


Audio = Source | Speech
"""What can be played: a file, or words to be spoken."""


class PlayOwner(Protocol):
    """Whoever had audio played. After ``audio_finished`` or ``audio_failed`` the play is gone."""

    def audio_ready(self, turn: Turn, notes: Sequence[str]) -> None:
        """The first audio is there; ``notes`` say what its maker wants to be known of it."""
        ...

    def audio_started(self, turn: Turn) -> None: ...

    def audio_finished(self, turn: Turn) -> None: ...

    def audio_failed(self, turn: Turn, failure: AudioFailure) -> None: ...


class TonesOwner(Protocol):
    """Whoever had tones sent. After either call the sending is gone."""

    def tones_done(self, turn: Turn) -> None: ...

    def tones_failed(self, turn: Turn, message: str) -> None: ...


class WordsOwner(Protocol):
    """Whoever listens to somebody. After final words, or ``listening_failed``, the listening is gone."""

    def voice_began(self, turn: Turn, at: float) -> None:
        """Somebody speaks since ``at``, in seconds."""
        ...

    def voice_ended(self, turn: Turn, at: float) -> None:
        """They have fallen silent at ``at``, for the moment at least."""
        ...

    def words_heard(self, turn: Turn, heard: Heard) -> None: ...

    def listening_failed(self, turn: Turn, code: int, sub_code: int, message: str) -> None: ...


class Turn(Protocol):
    """What an operation can do while one command or fact is dealt with; ``now`` is in seconds."""

    @property
    def now(self) -> float: ...

    def emit(self, effect: Any) -> None:
        """Have something else carried out; operations leave this to the :class:`Line`."""
        ...

    def next_serial(self) -> int:
        """Numbers things in the order they were accepted."""
        ...

    def start_timer(self, at: float, fire: Callable[[Turn], None]) -> int:
        """Have ``fire`` called at ``at`` (seconds); returns the timer's id."""
        ...

    def stop_timer(self, timer: int | None) -> None:
        """Stop a timer; None and timers that have fired are ignored."""
        ...

    def start_play(
        self,
        call: int,
        legs: tuple[int, ...],
        sources: Sequence[Audio],
        loop: bool,
        owner: PlayOwner,
        until_key: int | None = None,
    ) -> int:
        """Play ``sources`` to ``legs``, a key of the leg ``until_key`` ends it; returns the play's id.

        The fact of that key still comes, and whoever plays has to stop the play then as ever.
        """
        ...

    def add_listener(self, play: int, leg: int) -> None:
        """One more leg hears a running play."""
        ...

    def remove_listener(self, play: int, leg: int) -> None:
        """One leg does not hear a running play any more."""
        ...

    def stop_play(self, play: int | None) -> None:
        """Stop a play; None and plays that have ended are ignored."""
        ...

    def start_tones(self, call: int, leg: int, digits: str, owner: TonesOwner) -> int:
        """Press ``digits`` towards ``leg``; returns the sending's id."""
        ...

    def stop_tones(self, sending: int | None) -> None:
        """Stop a sending; None and sendings that have ended are ignored."""
        ...

    def start_listening(self, call: int, leg: int, wish: Listening, owner: WordsOwner) -> int:
        """Listen to what ``leg`` says; returns the listening's id."""
        ...

    def finish_listening(self, listening: int | None) -> None:
        """No more is to be heard: the final words follow. None and what has ended are ignored."""
        ...

    def stop_listening(self, listening: int | None) -> None:
        """Drop a listening, nothing more comes of it; None and what has ended are ignored."""
        ...


class Party(Protocol):
    """A participant as an operation sees it."""

    @property
    def leg(self) -> int: ...

    @property
    def identity(self) -> Identifier: ...

    @property
    def is_phone(self) -> bool:
        """A phone with keys and a way to receive tones, not an app."""
        ...

    @property
    def on_hold(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Request:
    """What every operation keeps of the request that began it.

    ``context`` is the operationContext, ``callback`` the operationCallbackUri (None: the connection's own),
    ``version`` the api-version, which gates events and is repeated in them.
    """

    version: str
    context: str | None = None
    callback: str | None = None


class Line(Protocol):
    """A call connection, from below."""

    @property
    def call(self) -> int:
        """The plane's number of the call."""
        ...

    @property
    def resource(self) -> str:
        """The GUID of the app's resource."""
        ...

    @property
    def cognitive_endpoint(self) -> str | None:
        """The URL of the cognitive services the call was set up with, if any."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What this server can do with words."""
        ...

    def find(self, model: CommunicationIdentifierModel, field: str) -> Party:
        """The participant a request names; Refusal 404/8522 when it is not in the call."""
        ...

    def listeners(self) -> tuple[int, ...]:
        """The legs that hear what is played to all: everybody up and not on hold but the app itself."""
        ...

    def is_one_to_one(self) -> bool:
        """Whether there is just one participant beside the app."""
        ...

    def notify(
        self, turn: Turn, event: type[EventData], result: ResultInformation, request: Request, **fields: Any
    ) -> None:
        """Send an event of an operation, unless the request's api-version does not know that event."""
        ...
