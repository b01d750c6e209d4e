"""HTTP connections that cannot be held or filled: bounds on what a client may leave unfinished.

The shell would wait for ever for the end of a request, and take headers of any length. Here a request whose
headers are too long, or which does not arrive in time, is answered with an error body and its connection is
closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from hookflash.api.references import new_reference
from hookflash.wire.results import Refusal

MAX_HEAD = 65536
"""Bytes of the request line and headers of one request."""
HEAD_TIMEOUT = 15.0
"""Seconds from the connection, or the first byte of a request, to the end of its headers."""
REQUEST_TIMEOUT = 330.0
"""Seconds for a whole request; longer than any ``limits.request_timeout``, which answers before."""


SHORT_WAY = "hookflash.exchange"
"""The scope's entry for :func:`whole_body` and :func:`respond`."""


def whole_body(scope: MutableMapping[str, Any]) -> bytes | None:
    """The body of a request that is here completely; None when it is not, or when only ASGI can tell.

    Nearly every body comes with its headers; asking for it by ASGI messages costs as much as verifying it.
    """
    cycle: RequestResponseCycle | None = scope.get(SHORT_WAY)
    if cycle is None or cycle.more_body or cycle.disconnected:
        return None
    return bytes(cycle.body)


def respond(
    scope: MutableMapping[str, Any], status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> bool:
    """Send a whole answer in one write; False when that cannot be done here, and nothing was sent.

    ``headers`` are well formed, have lower-case names and, but for 204, a Content-Length that is right.
    """
    # Taken out, because scope and exchange hold each other: only the garbage collector would free them.
    cycle: RequestResponseCycle | None = scope.pop(SHORT_WAY, None)
    if cycle is None or cycle.response_started or cycle.flow.write_paused or scope["method"] == "HEAD":
        return False
    if cycle.disconnected:
        return True
    parts = [STATUS_LINE[status]]
    for name, value in cycle.default_headers:
        parts += (name, b": ", value, b"\r\n")
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
    parts.append(body)
    cycle.transport.write(b"".join(parts))
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


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
        # The app is not running yet: it begins in the next round of the loop.
        scope: Any = self.scope
        scope[SHORT_WAY] = self.cycle

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
                + b"x-cache: CONFIG_NOCACHE\r\nx-azure-ref: %s\r\n" % new_reference().encode()
                + b"connection: close\r\n\r\n"
                + body
            )
        self.transport.close()
