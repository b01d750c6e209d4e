"""Reading a request: headers, content type, body within bounds, api-version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from hookflash.wire.results import Refusal, unsupported_api_version
from hookflash.wire.versions import STABLE, resolve

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_QUERY = 2048
"""Longest query string in bytes."""


class Disconnected(Exception):
    """The client went away before its body was complete; there is nobody to answer."""


class _Names(dict[bytes, str]):
    """Header names as text, the usual ones at hand."""

    def __missing__(self, name: bytes) -> str:
        return name.decode("latin-1")


_NAMES = _Names(
    (name.encode(), name)
    for name in (
        *("accept", "accept-encoding", "authorization", "connection", "content-length", "content-type"),
        *("date", "host", "repeatability-first-sent", "repeatability-request-id", "traceparent"),
        *("transfer-encoding", "user-agent", "x-ms-client-request-id", "x-ms-content-sha256", "x-ms-date"),
        *("x-ms-host", "x-ms-return-client-request-id", "x-ms-useragent"),
    )
)


def read_headers(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name; of a repeated one the last counts."""
    names = _NAMES
    return {names[name]: value.decode("latin-1") for name, value in scope["headers"]}


@lru_cache(maxsize=64)
def check_content_type(value: str | None) -> None:
    """Refusal 415 unless ``value`` is JSON in UTF-8."""
    media_type, _, parameters = (value or "").partition(";")
    if media_type.strip().lower() != "application/json":
        shown = repr(value[:100]) if value else "missing"
        message = f"The Content-Type is {shown}; this operation takes application/json."
        raise Refusal(415, "UnsupportedMediaType", message, target="Content-Type")
    for parameter in parameters.split(";"):
        name, _, charset = parameter.strip().partition("=")
        if name.lower() == "charset" and charset.strip('"').lower() not in ("utf-8", "utf8", "us-ascii"):
            message = f"The charset is {charset[:40]!r}; JSON is read as utf-8."
            raise Refusal(415, "UnsupportedMediaType", message, target="Content-Type")


def check_length(headers: dict[str, str], limit: int) -> None:
    """Refusal 413 when the request announces a body of more than ``limit`` bytes."""
    announced = headers.get("content-length")
    if announced is None or not (announced.isascii() and announced.isdigit()):
        return
    # More digits than any limit has: too long, whatever the number.
    if len(announced) > 18 or int(announced) > limit:
        raise too_large(announced[:24], limit)


def too_large(size: object, limit: int) -> Refusal:
    message = f"The body has {size} bytes; at most {limit} are read. Send less in one request."
    return Refusal(413, "RequestBodyTooLarge", message, target="body")


class BodyReader:
    """Reads request bodies, at most ``limit`` bytes in at most ``seconds`` each.

    One timer watches over all that are being read: nearly every body is there together with its headers, and
    a timer of its own would cost more than all the rest of reading it.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        # Deadlines on the loop's clock, in the order in which they come.
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._watched = False

    async def read(self, receive: Receive) -> bytes:
        """The whole body.

        Raises:
            Refusal: 413 when it is too long, 408 when it takes too long.
            Disconnected: the client went away.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        deadline = self._reading[task] = loop.time() + self._seconds
        if not self._watched:
            self._watch(loop)
        try:
            message = await receive()
            body: bytes = message.get("body", b"")
            if message["type"] == "http.request" and not message.get("more_body", False):
                if len(body) > self._limit:
                    raise too_large(len(body), self._limit)
                return body
            return await _read_rest(message, receive, self._limit)
        except asyncio.CancelledError:
            # Somebody else's cancellation goes on; ours ends here.
            if loop.time() < deadline or task.uncancel() > 0:
                raise
            what = f"The body did not arrive within {self._seconds:g} s; send the request again."
            raise Refusal(408, "RequestTimeout", what, target="body") from None
        finally:
            self._reading.pop(task, None)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """End those whose time is over; look again when the next one's is."""
        self._watched = False
        now = loop.time()
        for task, deadline in list(self._reading.items()):
            if deadline > now:
                self._watched = True
                loop.call_at(deadline, self._watch, loop)
                return
            del self._reading[task]
            task.cancel()


async def _read_rest(message: Message, receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise too_large(f"more than {limit}", limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
        message = await receive()


@lru_cache(maxsize=512)
def read_version(query: bytes, supported: tuple[str, ...] = STABLE) -> str:
    """The api-version of a query string in canonical form; a well-formed unknown one counts as the newest.

    Refusal 400 when it is missing or not a version; it names the ``supported`` ones.
    """
    if len(query) > MAX_QUERY:
        message = f"The query has {len(query)} bytes; at most {MAX_QUERY} are read. No operation needs more."
        raise Refusal(414, "UriTooLong", message, target="query")
    given = ""
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name.lower() == "api-version":
            given = value
    version = resolve(given)
    if version is None:
        raise unsupported_api_version(given[:64], supported)
    return version
