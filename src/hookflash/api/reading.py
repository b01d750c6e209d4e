"""Reading a request: headers, content type, body within bounds, api-version."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator, MutableMapping
from functools import lru_cache
from itertools import chain
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


def read_headers(scope: Scope) -> dict[str, str]:
    """The headers by lower-case name; of a repeated one the last counts."""
    given = scope["headers"]
    # One decode for all of them; no header can hold a line feed, but this must not rest on another's parser.
    texts = b"\n".join(chain.from_iterable(given)).decode("latin-1").split("\n")
    if len(texts) != 2 * len(given):
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in given}
    each = iter(texts)
    return dict(zip(each, each, strict=True))


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
    return Refusal(413, "RequestBodyTooLarge", message)


async def read_body(receive: Receive, limit: int, seconds: float) -> bytes:
    """The whole body.

    Raises:
        Refusal: 413 beyond ``limit`` bytes, 408 when it takes longer than ``seconds``.
        Disconnected: the client went away.
    """
    steps = receive().__await__()
    try:
        pending = next(steps)
    except StopIteration as done:
        # As nearly always, the body came with the headers: nothing to wait for, no timer to set.
        message: Message = done.value
        body = message.get("body", b"")
        if message["type"] == "http.request" and not message.get("more_body", False):
            if len(body) > limit:
                raise too_large(len(body), limit) from None
            return bytes(body)
        first = _ready(message)
    else:
        first = _resume(steps, pending)
    return await _read_in_time(first, receive, limit, seconds)


async def _ready(message: Message) -> Message:
    return message


@types.coroutine
def _resume(steps: Generator[Any, Any, Message], pending: Any) -> Generator[Any, Any, Message]:
    """Await what has run up to its first wait, which is for ``pending``."""
    try:
        yield pending
    except BaseException as error:
        # A cancellation is for the one who waits.
        try:
            pending = steps.throw(error)
        except StopIteration as done:
            message: Message = done.value
            return message
        yield pending
    return (yield from steps)


async def _read_in_time(first: Awaitable[Message], receive: Receive, limit: int, seconds: float) -> bytes:
    """The body, when its ``first`` message is not there yet or not all of it."""
    # asyncio.timeout by hand: it would cost more than all the rest of reading.
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    deadline = loop.time() + seconds
    timer = loop.call_at(deadline, task.cancel)
    try:
        return await _read_rest(await first, receive, limit)
    except asyncio.CancelledError:
        # Somebody else's cancellation goes on; ours ends here.
        if loop.time() < deadline or task.uncancel() > 0:
            raise
        what = f"The body did not arrive within {seconds:g} s; send the request again."
        raise Refusal(408, "RequestTimeout", what) from None
    finally:
        timer.cancel()


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
def read_version(query: bytes) -> str:
    """The api-version of a query string in canonical form; a well-formed unknown one counts as the newest.

    Refusal 400 when it is missing or not a version.
    """
    if len(query) > MAX_QUERY:
        raise Refusal(414, "UriTooLong", f"The query has {len(query)} bytes; at most {MAX_QUERY} are read.")
    given = ""
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name.lower() == "api-version":
            given = value
    version = resolve(given)
    if version is None:
        raise unsupported_api_version(given[:64], STABLE)
    return version
