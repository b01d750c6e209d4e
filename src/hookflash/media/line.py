"""What media operations need to know of the call they run in.

The calls room implements this for each call connection; the media room never looks further.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hookflash.calls.turn import Turn
from hookflash.wire.events import EventData
from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier
from hookflash.wire.results import ResultInformation


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

    def find(self, model: CommunicationIdentifierModel, field: str) -> Party:
        """The participant a request names; Refusal 404/8522 when it is not in the call."""
        ...

    def listeners(self) -> tuple[int, ...]:
        """The legs that hear what is played to all: everybody who is up and not on hold, save the app
        itself.
        """
        ...

    def is_one_to_one(self) -> bool:
        """Whether there is just one participant beside the app."""
        ...

    def notify(
        self, turn: Turn, event: type[EventData], result: ResultInformation, request: Request, **fields: Any
    ) -> None:
        """Send an event of an operation, unless the request's api-version does not know that event."""
        ...
