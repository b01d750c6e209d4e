"""Content of known length over HTTP, whole or one range of it (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Protocol

from starlette.responses import Response, StreamingResponse

_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)


class Body(Protocol):
    """Bytes of a known length that can be read from anywhere."""

    @property
    def size(self) -> int: ...

    def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """Bytes ``start`` to ``stop`` (exclusive), in pieces. Raises OSError while they are read."""
        ...


class CutShort(RuntimeError):
    """Content that could not be read to its end; the connection is closed: nobody shall take it for all."""


class NotSatisfiable(ValueError):
    """A range that begins beyond the end."""


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The range a request asks for, ``stop`` exclusive; None for everything.

    What is no range of bytes is passed over, and so are several ranges at once: both as the RFC allows.

    Raises:
        NotSatisfiable: there is nothing of the range.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        if not length:
            raise NotSatisfiable
        return size - length, size
    start = int(match[1])
    stop = min(int(match[2]) + 1, size) if match[2] else size
    if match[2] and int(match[2]) < start:
        return None
    if start >= size:
        raise NotSatisfiable
    return start, stop


async def ranged(body: Body, headers: dict[str, str], media_type: str, tag: str, *, head: bool) -> Response:
    """The answer to a request for ``body``, whose entity tag is ``tag`` (quoted).

    The first piece is read before this returns, so that what can not be read is not begun. Raises OSError.
    """
    size = body.size
    wanted = headers.get("range")
    if headers.get("if-range", tag).strip() != tag:
        wanted = None
    common = {"Accept-Ranges": "bytes", "ETag": tag}
    try:
        part = read_range(wanted, size)
    except NotSatisfiable:
        return Response(status_code=416, headers={**common, "Content-Range": f"bytes */{size}"})
    start, stop = part or (0, size)
    if part is not None:
        common["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    common["Content-Length"] = str(stop - start)
    status = 200 if part is None else 206
    if head:
        return Response(status_code=status, headers=common, media_type=media_type)
    pieces = body.read(start, stop)
    first = await anext(pieces, b"")
    return StreamingResponse(_with(first, pieces), status, common, media_type)


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    try:
        async for piece in rest:
            yield piece
    except OSError as error:
        # As an OSError it would be taken for a client that has gone.
        raise CutShort(f"an answer was cut short: {error}") from error
