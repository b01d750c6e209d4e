"""TLS on loopback: who is let in, who is trusted, and new certificates while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from sip.certificate_files import Authority
from sip.test_transports import MESSAGE, End, loops, read

from hookflash.sip.transports import ClientCertificates, Limits, Tls, TlsError, TlsSettings

Test = Callable[[End, End, int], Awaitable[None]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def settings(authority: Authority, file: str, **options: object) -> TlsSettings:
    """Settings of an end with a certificate for ``<file>.example``, and for ``localhost``."""
    cert, key = authority.sign(file, dns=(f"{file}.example", "localhost"), uris=(f"sip:{file}.example",))
    return TlsSettings(str(cert), str(key), str(authority.path), **options)  # type: ignore[arg-type]


def run(test: Test, near: TlsSettings, far: TlsSettings, loop: str = "asyncio", **options: object) -> None:
    """Run ``test(near, far, TLS port of far)``."""

    async def main() -> None:
        one, other = End(tls=Tls(near)), End(tls=Tls(far), **options)
        if near.cert:
            await one.transports.listen_tls("127.0.0.1", 0)
        _, port = await other.transports.listen_tls("127.0.0.1", 0)
        try:
            await test(one, other, port)
        finally:
            await one.transports.close()
            await other.transports.close()

    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


@loops
def test_messages_go_there_and_back_with_names_proved(authority: Authority, loop: str) -> None:
    async def test(near: End, far: End, port: int) -> None:
        flow = await near.flow_to("TLS", "localhost", port)
        assert (flow.transport, flow.name, flow.remote) == ("TLS", "localhost", ("127.0.0.1", port))
        near.transports.send(MESSAGE, flow)
        near.transports.send(MESSAGE, flow)
        data, back = await far.got()
        assert data == MESSAGE
        assert back.shown == ("near.example", "localhost")
        assert (await far.got())[1] == back
        far.transports.send(MESSAGE, back)
        _, here = await near.got()
        assert here.shown == ("far.example", "localhost")
        assert here.name == "localhost"
        near.transports.send(MESSAGE, flow)  # over the connection that is up
        assert (await far.got())[1] == back

    required = settings(authority, "far", clients=ClientCertificates.REQUIRED)
    run(test, settings(authority, "near"), required, loop)


@loops
def test_many_messages_right_behind_the_handshake(authority: Authority, loop: str) -> None:
    async def test(near: End, far: End, port: int) -> None:
        flow = await near.flow_to("TLS", "localhost", port)
        for _ in range(50):
            near.transports.send(MESSAGE, flow)
        for _ in range(50):
            assert (await far.got())[0] == MESSAGE

    run(test, settings(authority, "near"), settings(authority, "far"), loop)


async def refused(near: End, flow_name: str, port: int) -> None:
    flow = await near.flow_to("TLS", flow_name, port)
    near.transports.send(MESSAGE, flow)
    async with asyncio.timeout(5):
        assert await near.lost.get() == flow
    assert not near.transports._connections


@loops
def test_a_server_with_another_name_is_not_trusted(authority: Authority, loop: str) -> None:
    async def test(near: End, far: End, port: int) -> None:
        await refused(near, "127.0.0.1", port)  # the certificate is for names only
        assert far.messages.empty()

    run(test, settings(authority, "near"), settings(authority, "far"), loop)


def test_a_server_by_another_authority_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    async def test(near: End, far: End, port: int) -> None:
        await refused(near, "localhost", port)

    run(test, settings(authority, "near"), settings(Authority(tmp_path), "far"))


def test_an_expired_certificate_is_not_trusted(authority: Authority) -> None:
    cert, key = authority.sign("old", dns=("localhost",), expired=True)

    async def test(near: End, far: End, port: int) -> None:
        await refused(near, "localhost", port)

    run(test, settings(authority, "near"), TlsSettings(str(cert), str(key)))


def test_nothing_is_checked_where_that_is_wanted(authority: Authority, tmp_path: Path) -> None:
    async def test(near: End, far: End, port: int) -> None:
        near.transports.send(MESSAGE, await near.flow_to("TLS", "127.0.0.1", port))
        assert (await far.got())[0] == MESSAGE

    run(test, TlsSettings(verify=False), settings(Authority(tmp_path), "far"))


@pytest.mark.parametrize(
    ("clients", "near", "let_in"),
    [
        (ClientCertificates.OFF, "none", True),
        (ClientCertificates.OFF, "good", True),
        (ClientCertificates.OPTIONAL, "none", True),
        (ClientCertificates.OPTIONAL, "bad", False),
        (ClientCertificates.REQUIRED, "none", False),
        (ClientCertificates.REQUIRED, "bad", False),
        (ClientCertificates.REQUIRED, "good", True),
    ],
)
def test_who_is_let_in(
    authority: Authority, tmp_path: Path, clients: ClientCertificates, near: str, let_in: bool
) -> None:
    async def test(one: End, far: End, port: int) -> None:
        one.transports.send(MESSAGE, await one.flow_to("TLS", "localhost", port))
        if let_in:
            _, back = await far.got()
            asked = clients is not ClientCertificates.OFF
            assert back.shown == (("near.example", "localhost") if near == "good" and asked else ())
        else:
            async with asyncio.timeout(5):
                await one.lost.get()
            assert far.messages.empty()
            assert not far.transports.visitors.count

    ours = {
        "none": TlsSettings(authorities=str(authority.path)),
        "good": settings(authority, "near"),
        "bad": settings(Authority(tmp_path), "near"),
    }[near]
    theirs = TlsSettings(ours.cert, ours.key, str(authority.path))
    run(test, theirs, settings(authority, "far", clients=clients))


def test_old_versions_are_refused(authority: Authority) -> None:
    async def test(near: End, far: End, port: int) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=context)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(MESSAGE)
        await far.got()
        writer.close()

    with pytest.warns(DeprecationWarning, match="TLS"):
        run(test, settings(authority, "near"), settings(authority, "far"))


@loops
def test_new_certificates_go_into_use_while_connections_stay(
    authority: Authority, tmp_path: Path, loop: str
) -> None:
    other = Authority(tmp_path)

    async def test(near: End, far: End, port: int) -> None:
        flow = await near.flow_to("TLS", "localhost", port)
        near.transports.send(MESSAGE, flow)
        _, back = await far.got()
        far.transports.renew(Tls(settings(other, "new")))
        near.transports.send(MESSAGE, flow)
        assert (await far.got())[1] == back
        late = End(tls=Tls(TlsSettings(authorities=str(authority.path))))
        await refused(late, "localhost", port)
        late.transports.renew(Tls(TlsSettings(authorities=str(other.path))))
        late.transports.send(MESSAGE, await late.flow_to("TLS", "localhost", port))
        await far.got()
        await late.transports.close()

    run(test, settings(authority, "near"), settings(authority, "far"), loop)


@loops
def test_a_handshake_counts_from_its_first_moment_and_ends_in_time(authority: Authority, loop: str) -> None:
    async def test(near: End, far: End, port: int) -> None:
        silent, one = await asyncio.open_connection("127.0.0.1", port)
        second, two = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.suppress(ConnectionResetError):
            assert await read(second) == b""  # the one before it takes the only place
        assert await read(silent) == b""
        for _ in range(20):
            if not far.transports.visitors.count:
                break
            await asyncio.sleep(0)
        near.transports.send(MESSAGE, await near.flow_to("TLS", "localhost", port))
        await far.got()
        one.close()
        two.close()

    limits = Limits(connections=1, handshake=0.2)
    run(test, settings(authority, "near"), settings(authority, "far"), loop, limits=limits)


def test_who_speaks_plainly_is_refused(authority: Authority) -> None:
    async def test(near: End, far: End, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(MESSAGE)
        with contextlib.suppress(ConnectionResetError):
            while await read(reader):
                pass
        assert far.messages.empty()
        writer.close()

    run(test, settings(authority, "near"), settings(authority, "far"))


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    cert, key = authority.sign("here", dns=("here.example",))
    other, _ = authority.sign("there", dns=("there.example",))
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for wrong in (
        TlsSettings(str(tmp_path / "no.pem"), str(key)),
        TlsSettings(str(other), str(key)),
        TlsSettings(str(cert), str(key), str(nothing)),
        TlsSettings(str(cert), str(key), str(tmp_path / "no.pem")),
    ):
        with pytest.raises(TlsError, match="give"):
            Tls(wrong)


def test_no_certificate_no_listening_but_calling_is_possible(authority: Authority) -> None:
    async def main() -> None:
        end = End(tls=Tls(TlsSettings(authorities=str(authority.path))))
        with pytest.raises(ValueError, match="certificate"):
            await end.transports.listen_tls("127.0.0.1", 0)
        flow = await end.flow_to("TLS", "192.0.2.1", 5061)
        assert flow.local[1] == 5061
        plain = End()
        with pytest.raises(OSError, match="no such transport"):
            await plain.flow_to("TLS", "192.0.2.1", 5061)

    asyncio.run(main())


def test_a_port_in_use_is_an_error(authority: Authority) -> None:
    async def main() -> None:
        end = End(tls=Tls(settings(authority, "far")))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            with pytest.raises(OSError):
                await end.transports.listen_tls(*taken.getsockname())

    asyncio.run(main())
