from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from events.doubles import App, FixedKeys, answering, hang_up, until

from hookflash.events import Sender, TargetPolicy, TargetRefused, Unreachable
from hookflash.events import sender as sender_module
from hookflash.events.sender import MAX_ANSWER
from hookflash.testing.clock import VirtualClock

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def peer(behave: Peer) -> AsyncIterator[str]:
    """A server that reads a request's head and then does as it likes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def post(sender: Sender, url: str, body: bytes = b"[]") -> tuple[int, bytes]:
    reply = await sender.send("POST", url, lambda: {"X-Test": "1"}, body, timeout=10.0)
    return reply.status, reply.body


async def test_the_request_is_sent_as_given(sender: Sender, app: App) -> None:
    app.usual = answering(202, "thanks", {"Retry-After": "3"})
    reply = await sender.send(
        "POST", f"{app.url}/cb%2F1?code=a%2Bb", lambda: {"X-Test": "1"}, b"{}", timeout=10.0
    )
    assert (reply.status, reply.reason, reply.body) == (202, "Accepted", b"thanks")
    assert reply.headers["retry-after"] == "3"
    (request,) = app.received
    assert (request.method, request.target, request.body) == ("POST", "/cb%2F1?code=a%2Bb", b"{}")
    assert request.headers["x-test"] == "1"
    assert request.headers["user-agent"] == "hookflash"


async def test_redirects_are_not_followed_and_cookies_not_kept(sender: Sender, app: App) -> None:
    app.usual = answering(302, "", {"Location": f"{app.url}/elsewhere", "Set-Cookie": "a=b"})
    assert (await post(sender, app.url))[0] == 302
    assert (await post(sender, app.url))[0] == 302
    assert [r.target for r in app.received] == ["/", "/"]
    assert "cookie" not in app.received[1].headers


async def test_credentials_in_the_url_give_way(sender: Sender, app: App) -> None:
    reply = await sender.send(
        "POST",
        app.url.replace("//", "//user:secret@"),
        lambda: {"Authorization": "Bearer t"},
        timeout=10.0,
    )
    assert reply.status == 200
    assert app.received[0].headers["authorization"] == "Bearer t"


async def test_no_answer_in_time(sender: Sender, app: App, clock: VirtualClock) -> None:
    app.usual = app.hold
    task = asyncio.create_task(post(sender, app.url))
    await until(lambda: len(app.received) == 1)
    clock.advance(9.9)
    await clock.settle()
    assert not task.done()
    clock.advance(0.1)
    with pytest.raises(Unreachable, match="no answer within 10 s") as failed:
        await task
    assert failed.value.seconds == 10.0


async def test_connections_that_fail_are_unreachable(sender: Sender, app: App) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed_port = unused.getsockname()[1]
    with pytest.raises(Unreachable):
        await post(sender, f"http://127.0.0.1:{closed_port}/")
    with pytest.raises(Unreachable):
        await post(sender, "http://no-such-host.invalid/")
    app.usual = hang_up
    with pytest.raises(Unreachable):
        await post(sender, app.url)


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"\x00\r\n\r\n",
    ],
)
async def test_noise_is_not_an_answer(sender: Sender, noise: bytes) -> None:
    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(noise)
        await writer.drain()

    async with peer(shout) as url:
        with pytest.raises(Unreachable) as raised:
            await post(sender, f"{url}?sig=secret")
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_only_the_beginning_of_a_long_answer_is_read(sender: Sender) -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
            await writer.drain()

    async with peer(pour) as url:
        status, body = await post(sender, url)
        assert (status, len(body)) == (200, MAX_ANSWER)


@pytest.mark.parametrize("stall", [True, False])
async def test_the_status_counts_when_the_body_does_not_come(
    sender: Sender, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, stall: bool
) -> None:
    reading, over = asyncio.Event(), asyncio.Event()
    read = sender_module._read

    async def watched(response: aiohttp.ClientResponse) -> bytes:
        reading.set()
        return await read(response)

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        await writer.drain()
        if stall:
            await over.wait()

    monkeypatch.setattr(sender_module, "_read", watched)
    async with peer(half) as url:
        task = asyncio.create_task(post(sender, url))
        await reading.wait()
        if stall:
            clock.advance(10.0)
        assert await task == (200, b"")
        over.set()


async def test_private_targets_are_refused_by_literal_and_by_name(clock: VirtualClock, app: App) -> None:
    strict = Sender(clock, TargetPolicy(allow_private=False, allow_http=True))
    try:
        with pytest.raises(TargetRefused, match=r"127\.0\.0\.1 is at 127\.0\.0\.1"):
            await post(strict, app.url)
        with pytest.raises(TargetRefused, match="localhost is at"):
            await post(strict, app.url.replace("127.0.0.1", "localhost"))
        with pytest.raises((TargetRefused, Unreachable)):
            await post(strict, app.url.replace("127.0.0.1", "2130706433"))
        assert app.received == []
    finally:
        await strict.close()


async def test_one_origin_leaves_slots_for_others(clock: VirtualClock, app: App) -> None:
    sender = Sender(clock, TargetPolicy(allow_private=True, allow_http=True), concurrency=3, per_origin=2)
    app.usual = app.hold
    slow = [asyncio.create_task(post(sender, app.url)) for _ in range(6)]
    await until(lambda: len(app.received) == 2)

    async def ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    async with peer(ok) as other:
        assert (await post(sender, other))[0] == 204
    assert len(app.received) == 2
    app.release.set()
    assert [status for status, _ in await asyncio.gather(*slow)] == [200] * 6
    assert sender._origins == {}
    await sender.close()


async def test_shares_of_one_origin_do_not_wait_for_each_other(clock: VirtualClock, app: App) -> None:
    sender = Sender(clock, TargetPolicy(allow_private=True, allow_http=True), per_origin=1)
    app.answers.append(app.hold)
    slow = asyncio.create_task(sender.send("POST", app.url, dict, timeout=30.0, share="eventgrid"))
    await until(lambda: len(app.received) == 1)
    assert (await sender.send("POST", app.url, dict, timeout=30.0)).status == 200
    app.release.set()
    assert (await slow).status == 200
    assert sender._origins == {}
    await sender.close()


async def test_the_time_limit_starts_with_the_slot_and_headers_are_made_then(
    clock: VirtualClock, app: App
) -> None:
    sender = Sender(clock, TargetPolicy(allow_private=True, allow_http=True), concurrency=1)
    app.answers.append(app.hold)
    first = asyncio.create_task(sender.send("POST", app.url, dict, timeout=100.0))
    await until(lambda: len(app.received) == 1)
    second = asyncio.create_task(
        sender.send("POST", app.url, lambda: {"X-Made": str(clock.now())}, timeout=10.0)
    )
    await clock.elapse(50.0)
    app.release.set()
    assert (await first).seconds == 50.0
    assert (await second).seconds == 0.0
    assert app.received[1].headers["x-made"] == "50.0"
    await sender.close()


def self_signed(keys: FixedKeys, folder: Path) -> ssl.SSLContext:
    private = keys.current.private
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


async def test_certificates_are_checked_unless_told_otherwise(
    clock: VirtualClock, keys: FixedKeys, tmp_path: Path
) -> None:
    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self_signed(keys, tmp_path)).start()
    url = f"https://localhost:{runner.addresses[0][1]}/"
    policy = TargetPolicy(allow_private=True, allow_http=False)
    careful, trusting = Sender(clock, policy), Sender(clock, policy, verify_tls=False)
    try:
        with pytest.raises(Unreachable, match="certificate"):
            await post(careful, url)
        assert (await post(trusting, url))[0] == 200
    finally:
        await careful.close()
        await trusting.close()
        await runner.cleanup()
