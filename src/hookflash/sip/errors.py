"""What can be wrong with bytes from the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookflash.sip.message import Request


class ParseError(ValueError):
    """Input that is not what its grammar allows.

    ``reason`` says what is wrong and names the offending value, made safe for logs. ``status`` is the SIP
    status that tells a peer about it (400 unless a more exact one exists: 413, 416, 505, 513). ``header``
    names the offending header field, "" when the fault lies elsewhere. ``request`` is what could be read of a
    broken request, with enough headers to answer it; None says that nothing can be answered: drop the input.
    """

    def __init__(
        self, reason: str, status: int = 400, header: str = "", request: Request | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.header = header
        self.request = request

    def naming(self, header: str) -> ParseError:
        """The same error, with ``header`` named unless another one is."""
        self.header = self.header or header
        return self

    def __str__(self) -> str:
        return f"{self.header}: {self.reason}" if self.header else self.reason
