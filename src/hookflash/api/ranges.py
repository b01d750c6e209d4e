"""Content of known length over HTTP, whole or one range of it (RFC 9110, section 14)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

_DIGITS = 18
"""Digits of a number that is read; one with more is beyond the end of any file."""
_SPACE = " \t"


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
    unit, _, listed = (header or "").partition("=")
    # Lists may have empty elements.
    ranges = [one for part in listed.split(",") if (one := part.strip(_SPACE))]
    if unit.strip(_SPACE).lower() != "bytes" or len(ranges) != 1:
        return None
    first, dash, last = (part.strip(_SPACE) for part in ranges[0].partition("-"))
    digits = first + last
    if not (dash and digits.isascii() and digits.isdigit()):
        return None
    if not first:
        length = min(_number(last), size)
        if not length:
            raise NotSatisfiable
        return size - length, size
    if last and _order(last) < _order(first):
        return None
    start = _number(first)
    if start >= size:
        raise NotSatisfiable
    return start, min(_number(last) + 1, size) if last else size


def _order(digits: str) -> tuple[int, str]:
    """Numbers of any length by their size: reading one costs the square of its length."""
    digits = digits.lstrip("0")
    return len(digits), digits


def _number(digits: str) -> int:
    """A number, or one that is beyond the end of any file."""
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= _DIGITS else 10**_DIGITS


async def ranged(
    body: Body,
    headers: dict[str, str],
    media_type: str,
    tag: str,
    modified: str | None = None,
    *,
    head: bool,
) -> Response:
    """The answer to a request for ``body``, whose entity tag is ``tag`` (quoted).

    The first piece is read before this returns, so that what can not be read is not begun. Raises OSError.

    Args:
        body: what is asked for.
        headers: those of the request.
        media_type: of the body.
        tag: changes whenever the body does.
        modified: since when the body is what it is, as an HTTP date, where that is known.
        head: whether the headers alone are asked for; ranges are defined for GET only.
    """
    size = body.size
    common = {"Accept-Ranges": "bytes", "ETag": tag}
    if modified is not None:
        common["Last-Modified"] = modified
    wanted = None if head else headers.get("range")
    if headers.get("if-range", tag).strip(_SPACE) not in (tag, modified):
        wanted = None
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
    return _Pieces(first, pieces, status, common, media_type)


class _Pieces(StreamingResponse):
    """An answer in pieces, which lets go of what it reads from however it ends."""

    def __init__(
        self, first: bytes, rest: AsyncIterator[bytes], status: int, headers: dict[str, str], media_type: str
    ) -> None:
        self._rest = rest
        self._pieces = _with(first, rest)
        super().__init__(self._pieces, status, headers, media_type)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pieces.aclose()
            if isinstance(self._rest, AsyncGenerator):
                await self._rest.aclose()


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    try:
        async for piece in rest:
            yield piece
    except OSError as error:
        # As an OSError it would be taken for a client that has gone.
        raise CutShort(f"an answer was cut short: {error}") from error
