"""What edges that call out need from the event room: which addresses may be called, tokens to show."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from yarl import URL


class Targets(Protocol):
    """Which URLs the server may be made to call."""

    def check(self, url: str) -> URL:
        """The URL, ready for a request. Raises an :class:`OSError` that says why it will not be called."""
        ...

    def check_address(self, host: str, address: IPv4Address | IPv6Address) -> None:
        """Raises an :class:`OSError` if ``host``, which is at ``address``, will not be called."""
        ...


class BearerTokens(Protocol):
    """Tokens that apps check with our published keys (contract section 5.8)."""

    def mint(self, audience: str, lifetime: int) -> str:
        """A new token for a resource (its GUID), good for ``lifetime`` seconds."""
        ...
