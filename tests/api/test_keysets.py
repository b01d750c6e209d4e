"""Fetching an issuer's documents over HTTP: bounds on size and time, no redirects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hookflash.api import keysets
from hookflash.api.keysets import CannotFetch, HttpFetch


@pytest.fixture
async def website() -> AsyncIterator[TestServer]:
    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/document":
                return web.Response(body=b'{"keys": []}')
            case "/elsewhere":
                raise web.HTTPFound("/document")
            case "/large":
                return web.Response(body=b"x" * 2001)
            case "/silent":
                await asyncio.sleep(3600)
                raise AssertionError
            case "/endless":
                stream = web.StreamResponse()
                await stream.prepare(request)
                while True:
                    await stream.write(b"x" * 500)
            case _:
                raise web.HTTPNotFound

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    server = TestServer(app)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def fetch() -> AsyncIterator[HttpFetch]:
    made = HttpFetch()
    yield made
    await made.close()


async def test_a_document_is_fetched_whole(website: TestServer, fetch: HttpFetch) -> None:
    for _ in range(2):
        assert await fetch(str(website.make_url("/document"))) == b'{"keys": []}'


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/nothing", "answers 404"),
        ("/elsewhere", "answers 302"),
        ("/large", "more than 2000 bytes"),
        ("/endless", "more than 2000 bytes"),
    ],
)
async def test_what_cannot_be_used_is_told(
    website: TestServer, fetch: HttpFetch, monkeypatch: pytest.MonkeyPatch, path: str, says: str
) -> None:
    monkeypatch.setattr(keysets, "MAX_DOCUMENT", 2000)
    with pytest.raises(CannotFetch, match=says):
        await fetch(str(website.make_url(path)))


async def test_a_server_that_is_not_there_is_told(website: TestServer, fetch: HttpFetch) -> None:
    url = str(website.make_url("/document"))
    await website.close()
    with pytest.raises(CannotFetch, match="cannot be read"):
        await fetch(url)


async def test_a_server_that_takes_too_long_is_told(
    website: TestServer, fetch: HttpFetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keysets, "TIMEOUT", 0.05)
    with pytest.raises(CannotFetch, match=r"does not answer in full within 0\.05 s"):
        await fetch(str(website.make_url("/silent")))


async def test_nothing_has_to_be_closed_that_was_never_used() -> None:
    await HttpFetch().close()
