"""Servers that send interim responses without end, to any HTTP client of ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from hookflash.outgoing import MAX_INTERIM, Connector

INTERIM = b"HTTP/1.1 102 Processing\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Site:
    """Answers each request with ``answer``; without an end when that is empty."""

    def __init__(self) -> None:
        self.answer = b""
        self.cut_off = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(self.answer)
                while not self.answer:
                    writer.write(INTERIM * 100)
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            self.cut_off.set()
        finally:
            writer.close()


@pytest.fixture
async def site() -> AsyncIterator[tuple[Site, str]]:
    made = Site()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    yield made, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=Connector()) as session:
        yield session


async def test_interim_responses_are_passed_over(
    site: tuple[Site, str], client: aiohttp.ClientSession
) -> None:
    made, url = site
    made.answer = INTERIM * MAX_INTERIM + ANSWER
    for _ in range(3):  # the count begins anew with each request of a connection
        async with client.get(url) as response:
            assert (response.status, await response.read()) == (200, b"ok")
    assert client.connector is not None
    assert not made.cut_off.is_set()


@pytest.mark.parametrize("answer", [INTERIM * (MAX_INTERIM + 1) + ANSWER, b""])
async def test_too_many_are_no_answer(
    site: tuple[Site, str], client: aiohttp.ClientSession, answer: bytes
) -> None:
    made, url = site
    made.answer = answer
    with pytest.raises(aiohttp.ClientResponseError, match="more than 20 interim responses"):
        await client.get(url)
    await asyncio.wait_for(made.cut_off.wait(), 10)
