"""Connections that are held or filled on purpose: answered, closed, and nobody else notices."""

from __future__ import annotations

import asyncio
import json

import pytest

from hookflash.api import connections
from hookflash.api.connections import BoundedProtocol
from hookflash.api.server import HttpServers
from hookflash.config import Address, ServerSettings

WHOLE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def say(scope, receive, send):
    message = await receive()
    while message.get("more_body"):
        message = await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def where(monkeypatch):
    monkeypatch.setattr(BoundedProtocol, "head_timeout", 0.05)
    monkeypatch.setattr(BoundedProtocol, "request_timeout", 0.1)
    servers = HttpServers(say, ServerSettings(bind=Address("127.0.0.1", 0)))
    await servers.start()
    yield servers.http
    await servers.stop()


async def talk(where, *pieces: bytes) -> bytes:
    """Send the pieces, each on its own, and read until the server closes."""
    reader, writer = await asyncio.open_connection(where.host, where.port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            return await reader.read()
    finally:
        writer.close()


def error(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]["code"]


async def test_a_connection_that_says_nothing_is_closed(where):
    assert await talk(where) == b""


async def test_headers_that_never_end_are_given_up(where):
    assert error(await talk(where, b"GET / HTTP/1.1\r\n", b"Host: x\r\n")) == (408, "RequestTimeout")


async def test_empty_lines_do_not_keep_a_connection(where):
    assert error(await talk(where, b"\r\n")) == (408, "RequestTimeout")


async def test_the_second_request_of_a_connection_is_bounded_too(where):
    answer = await talk(where, WHOLE, b"GET / HT")
    assert answer.startswith(b"HTTP/1.1 200")
    assert error(answer.partition(b"ok")[2]) == (408, "RequestTimeout")


async def test_a_body_that_never_ends_is_given_up(where):
    assert await talk(where, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na") == b""


async def test_headers_too_long_are_refused(where):
    line = b"A: " + b"a" * 1000 + b"\r\n"
    pieces = [b"GET / HTTP/1.1\r\n", *[line * 10] * (connections.MAX_HEAD // len(line) // 10 + 1)]
    assert error(await talk(where, *pieces)) == (431, "RequestHeaderFieldsTooLarge")


async def test_what_is_no_http_gets_an_error_body(where):
    assert error(await talk(where, b"\x16\x03\x01 hello\r\n\r\n")) == (400, "BadRequest")


async def test_whole_requests_and_pieces_in_time_are_answered(where):
    reader, writer = await asyncio.open_connection(where.host, where.port)
    for pieces in (
        [WHOLE],
        [WHOLE[:20], WHOLE[20:]],
        [b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\n", b"abc"],
    ):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        assert await reader.readexactly(2) == b"ok"
    writer.close()
