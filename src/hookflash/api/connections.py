"""HTTP connections that cannot be held or filled: bounds on what a client may leave unfinished.

The shell would wait for ever for the end of a request, and take headers of any length. Here a request whose
headers are too long, or which does not arrive in time, is answered with an error body and its connection is
closed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from hookflash.wire.results import Refusal

MAX_HEAD = 65536
"""Bytes of the request line and headers of one request."""
HEAD_TIMEOUT = 15.0
"""Seconds from the connection, or the first byte of a request, to the end of its headers."""
REQUEST_TIMEOUT = 330.0
"""Seconds for a whole request; longer than any ``limits.request_timeout``, which answers before."""


class BoundedProtocol(HttpToolsProtocol):
    """One HTTP connection. A request that comes in one piece costs no timer."""

    head_timeout = HEAD_TIMEOUT
    request_timeout = REQUEST_TIMEOUT

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None
        self._head = 0  # bytes of an unfinished head
        self._begun = False
        self._in_body = False
        self._finished = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection that never says anything is closed too."""
        super().connection_made(transport)
        self._wait(self.head_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._finished = False
        super().data_received(data)
        if self.transport.is_closing():
            self._arrived()
        elif self._in_body:
            if self._deadline is None:
                self._wait(self.request_timeout)
        elif self._finished and not self._begun:
            self._arrived()
        else:
            self._head += len(data)
            if self._head > MAX_HEAD:
                message = f"The headers have more than {MAX_HEAD} bytes; send less."
                self._refuse(Refusal(431, "RequestHeaderFieldsTooLarge", message))
            elif self._deadline is None:
                self._wait(self.head_timeout)

    def on_message_begin(self) -> None:
        self._begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._arrived()
        self._in_body, self._head = True, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._begun, self._in_body, self._finished = False, False, True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What is not HTTP is refused like everything else."""
        self._refuse(Refusal(400, "BadRequest", f"{msg} The request is not well-formed HTTP/1.1."))

    def _wait(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _arrived(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self._head or self.transport.is_closing():
            self.transport.close()
        else:
            message = "The headers did not arrive in time; send the request again."
            self._refuse(Refusal(408, "RequestTimeout", message))

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in the error format of contract section 4.1, and close; nothing else may be running."""
        self._arrived()
        if self.cycle is None or self.cycle.response_complete:
            body = refusal.body()
            self.transport.write(
                STATUS_LINE[refusal.status]
                + b"content-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n" % len(body)
                + b"connection: close\r\n\r\n"
                + body
            )
        self.transport.close()
