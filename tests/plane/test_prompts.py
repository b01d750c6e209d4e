"""Prompts against a real HTTP server on loopback: what is fetched, how often, and what is refused."""

from __future__ import annotations

import asyncio
import io
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
import soundfile
from aiohttp import web
from aiohttp.test_utils import TestServer

from hookflash.plane.prompts import PromptError, PromptLimits, Prompts

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
OPEN = PromptLimits(allow_private=True)


def wav(seconds: float = 0.1, rate: int = 8000, level: float = 0.5) -> bytes:
    t = np.arange(int(seconds * rate)) / rate
    out = io.BytesIO()
    soundfile.write(out, level * np.sin(2 * np.pi * 440 * t), rate, format="WAV", subtype="PCM_16")
    return out.getvalue()


class Site:
    """A web server whose pages are handlers; counts requests by path."""

    def __init__(self) -> None:
        self.pages: dict[str, Handler] = {}
        self.hits: Counter[str] = Counter()
        app = web.Application()
        app.router.add_get("/{path:.*}", self._serve)
        self.server = TestServer(app)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.hits[request.path] += 1
        return await self.pages[request.path](request)

    def url(self, path: str) -> str:
        return str(self.server.make_url(path))

    def page(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        async def handler(request: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=headers)

        return self.handle(path, handler)

    def handle(self, path: str, handler: Handler) -> str:
        self.pages[path] = handler
        return self.url(path)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    await site.server.start_server()
    yield site
    await site.server.close()


@asynccontextmanager
async def fetching(limits: PromptLimits = OPEN, **options: Callable[[], float]) -> AsyncIterator[Prompts]:
    prompts = Prompts(limits, **options)
    try:
        yield prompts
    finally:
        await prompts.close()


async def refusal(prompts: Prompts, url: str) -> PromptError:
    with pytest.raises(PromptError) as caught:
        await prompts.fetch(url)
    return caught.value


async def test_a_wav_becomes_8_khz_pcm(site: Site) -> None:
    url = site.page("/a.wav", wav(0.5, rate=16_000))
    async with fetching() as prompts:
        audio = await prompts.fetch(url)
    assert audio.seconds == pytest.approx(0.5, abs=0.001)
    samples = np.frombuffer(audio.pcm, "<i2")
    assert 15_000 < abs(samples[400:-400]).max() < 17_500


@pytest.mark.parametrize("status", [204, 206, 401, 404, 500, 503])
async def test_any_status_but_200_is_a_failed_download(site: Site, status: int) -> None:
    url = site.page("/a.wav", b"" if status == 204 else b"no", status=status)
    async with fetching() as prompts:
        error = await refusal(prompts, url)
    assert error.sub_code == 8536
    assert str(status) in str(error)


async def test_what_is_not_a_wav_is_named(site: Site) -> None:
    pages = {
        "/ogg": (b"OggS" + bytes(100), "an Ogg file"),
        "/html": (b"\n<!DOCTYPE html><html>", "an HTML page"),
        "/none": (b"", "empty"),
    }
    async with fetching() as prompts:
        for path, (body, name) in pages.items():
            error = await refusal(prompts, site.page(path, body))
            assert error.sub_code == 8535
            assert name in str(error)


async def test_a_server_that_hangs_is_given_up(site: Site) -> None:
    async def hang(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    async with fetching(PromptLimits(allow_private=True, timeout=0.2)) as prompts:
        error = await refusal(prompts, site.handle("/hang.wav", hang))
    assert error.sub_code == 8536
    assert "within 0.2 s" in str(error)


async def test_a_server_that_trickles_is_cut_off(site: Site) -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"R")
            await asyncio.sleep(0.02)

    async with fetching(PromptLimits(allow_private=True, timeout=0.3)) as prompts:
        error = await refusal(prompts, site.handle("/slow.wav", trickle))
    assert error.sub_code == 8536


@pytest.mark.parametrize("announced", [True, False])
async def test_a_huge_file_is_not_downloaded(site: Site, announced: bool) -> None:
    sent = 0

    async def huge(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"Content-Length": str(1 << 30)} if announced else {})
        await response.prepare(request)
        for _ in range(1 << 14):
            await response.write(bytes(1 << 16))
            sent += 1 << 16
        return response

    async with fetching(PromptLimits(allow_private=True, max_bytes=1_000_000)) as prompts:
        error = await refusal(prompts, site.handle("/huge.wav", huge))
    assert error.sub_code == 8536
    assert "1,000,000 bytes" in str(error)
    assert sent < 64 << 20


async def test_compressed_data_is_not_asked_for_and_not_unpacked(site: Site) -> None:
    async def bomb(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        response = web.Response(body=bytes(8_000_000))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with fetching(PromptLimits(allow_private=True, max_bytes=1_000_000)) as prompts:
        error = await refusal(prompts, site.handle("/bomb.wav", bomb))
    assert error.sub_code == 8536
    assert "came compressed ('gzip'), which was not asked for" in str(error)


async def test_redirects_are_followed_within_a_bound(site: Site) -> None:
    async def loop(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/loop.wav")

    async def once(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/a.wav")

    site.page("/a.wav", wav())
    async with fetching() as prompts:
        assert (await prompts.fetch(site.handle("/once.wav", once))).pcm
        error = await refusal(prompts, site.handle("/loop.wav", loop))
    assert error.sub_code == 8536
    assert "redirects more than 5 times" in str(error)
    assert site.hits["/loop.wav"] == 6


async def test_an_etag_saves_the_second_download(site: Site) -> None:
    async def tagged(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304)
        return web.Response(body=wav(), headers={"ETag": '"v1"'})

    url = site.handle("/a.wav", tagged)
    async with fetching() as prompts:
        first = await prompts.fetch(url)
        assert await prompts.fetch(url) is first
    assert site.hits["/a.wav"] == 2


async def test_a_changed_file_is_heard_at_once(site: Site) -> None:
    url = site.page("/a.wav", wav(0.1), ETag='"v1"')
    async with fetching() as prompts:
        first = await prompts.fetch(url)
        site.page("/a.wav", wav(0.2), ETag='"v2"')
        assert (await prompts.fetch(url)).seconds == pytest.approx(2 * first.seconds)


async def test_max_age_is_honoured_and_ends(site: Site) -> None:
    now = 0.0
    url = site.page("/a.wav", wav(), **{"Cache-Control": "public, max-age=60"})
    async with fetching(now=lambda: now) as prompts:
        await prompts.fetch(url)
        now = 59.0
        await prompts.fetch(url)
        assert site.hits["/a.wav"] == 1
        now = 61.0
        await prompts.fetch(url)
        assert site.hits["/a.wav"] == 2


async def test_no_store_is_not_stored(site: Site) -> None:
    url = site.page("/a.wav", wav(), **{"Cache-Control": "no-store, max-age=60", "ETag": '"v1"'})
    async with fetching() as prompts:
        await prompts.fetch(url)
        assert prompts._bytes == 0


async def test_a_cache_id_keeps_its_audio_for_an_hour(site: Site) -> None:
    now = 0.0
    old, new = site.page("/old.wav", wav(0.1)), site.page("/new.wav", wav(0.2))
    async with fetching(now=lambda: now) as prompts:
        first = await prompts.fetch(old, "greeting")
        now = 3_599.0
        assert await prompts.fetch(new, "greeting") is first
        now = 3_601.0
        assert (await prompts.fetch(new, "greeting")).seconds == pytest.approx(0.2)


async def test_many_at_once_cause_one_request(site: Site) -> None:
    url = site.page("/a.wav", wav())
    async with fetching() as prompts:
        got = await asyncio.gather(*(prompts.fetch(url) for _ in range(20)))
    assert site.hits["/a.wav"] == 1
    assert all(audio is got[0] for audio in got)


async def test_one_who_gives_up_does_not_disturb_the_others(site: Site) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def waiting(request: web.Request) -> web.StreamResponse:
        asked.set()
        await go.wait()
        return web.Response(body=wav())

    url = site.handle("/a.wav", waiting)
    async with fetching() as prompts:
        quitter = asyncio.create_task(prompts.fetch(url))
        stayer = asyncio.create_task(prompts.fetch(url))
        await asked.wait()
        quitter.cancel()
        await asyncio.gather(quitter, return_exceptions=True)
        go.set()
        assert (await stayer).pcm
    assert site.hits["/a.wav"] == 1


async def test_the_cache_is_bounded(site: Site) -> None:
    async with fetching(PromptLimits(allow_private=True, cache_bytes=50_000)) as prompts:
        for number in range(8):
            await prompts.fetch(site.page(f"/{number}.wav", wav(1.0, level=0.1 * number), ETag=f'"{number}"'))
            assert prompts._bytes <= 50_000
        assert prompts._bytes > 0


async def test_private_targets_are_refused_unless_allowed(site: Site) -> None:
    site.page("/a.wav", wav())
    port = site.server.port
    async with fetching(PromptLimits()) as prompts:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254"):
            error = await refusal(prompts, f"http://{host}:{port}/a.wav")
            assert error.sub_code == 8536
            assert "not public" in str(error), host
        for host in ("127.1", "2130706433", "0x7f000001"):
            assert (await refusal(prompts, f"http://{host}:{port}/a.wav")).sub_code == 8536
    assert site.hits["/a.wav"] == 0


@pytest.mark.parametrize("url", ["ftp://example.org/a.wav", "file:///etc/passwd", "nonsense", "http://", ""])
async def test_other_urls_are_refused(url: str) -> None:
    async with fetching() as prompts:
        assert (await refusal(prompts, url)).sub_code == 8536


async def test_nobody_there_says_so_without_the_signature(unused_tcp_port: int) -> None:
    async with fetching() as prompts:
        error = await refusal(prompts, f"http://user:secret@127.0.0.1:{unused_tcp_port}/a.wav?sig=secret")
    assert error.sub_code == 8536
    assert "secret" not in str(error)
    assert f"http://127.0.0.1:{unused_tcp_port}/a.wav" in str(error)


async def test_an_answer_that_is_no_http_is_told_without_the_signature() -> None:
    async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff hello\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(noise, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with fetching() as prompts:
        error = await refusal(prompts, f"http://127.0.0.1:{port}/a.wav?sig=secret")
    server.close()
    assert error.sub_code == 8536
    assert "no HTTP answer" in str(error)
    assert "secret" not in str(error)


@pytest.mark.parametrize(
    "to", ["file:///etc/passwd?sig=secret", "http://[bad/?sig=secret", "gopher://x/secret"]
)
async def test_a_redirect_to_somewhere_else_is_told_without_where(site: Site, to: str) -> None:
    url = site.page("/a.wav", b"", 302, Location=to)
    async with fetching() as prompts:
        error = await refusal(prompts, url)
    assert error.sub_code == 8536
    assert "http or https" in str(error)
    assert "secret" not in str(error)


async def test_a_connection_that_breaks_is_a_failed_download(site: Site) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(wav())
        assert request.transport is not None
        request.transport.close()
        return response

    async with fetching() as prompts:
        assert (await refusal(prompts, site.handle("/a.wav", broken))).sub_code == 8536


async def test_closing_ends_what_is_being_fetched(site: Site) -> None:
    asked = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    url = site.handle("/hang.wav", hang)
    prompts = Prompts(OPEN)
    fetch = asyncio.create_task(prompts.fetch(url))
    await asked.wait()
    await prompts.close()
    with pytest.raises(asyncio.CancelledError):
        await fetch
