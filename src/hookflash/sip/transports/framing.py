"""What a connection needs from whoever cuts its bytes into messages."""

from __future__ import annotations

from typing import Protocol


class Framer(Protocol):
    """Cuts what comes over one connection into messages, and makes bytes of those that go out."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take received bytes; returns the messages they complete. FramingError when nothing can be cut."""
        ...

    def take_pongs(self) -> bytes:
        """What is owed to the peer by itself since the last call: answers to keep-alives, a handshake."""
        ...

    def wrap(self, message: bytes) -> bytes:
        """A message as it goes over the connection."""
        ...

    def ping(self) -> bytes:
        """A keep-alive; what answers it counts into :attr:`answered`."""
        ...

    @property
    def answered(self) -> int:
        """Keep-alives of ours that the peer has answered."""
        ...

    @property
    def fault(self) -> str:
        """What the peer has done wrong, "" for nothing or what was raised."""
        ...

    @property
    def owing(self) -> bool:
        """Whether the peer has begun something it has to complete."""
        ...

    @property
    def closing(self) -> bool:
        """Whether the connection is to be closed once what is owed is written."""
        ...
