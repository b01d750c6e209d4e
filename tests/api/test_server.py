"""Listening: addresses, certificates, both surfaces under one roof."""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hookflash.api.server import CannotListen, HttpServers, check_certificate, listen, shell
from hookflash.config import Address, ServerSettings

LOOPBACK = Address("127.0.0.1", 0)


async def say(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return str(cert_file), str(key_file)


async def test_http_and_https_on_one_loop(certificate):
    cert, key = certificate
    servers = HttpServers(say, ServerSettings(bind=LOOPBACK, tls_bind=LOOPBACK, tls_cert=cert, tls_key=key))
    await servers.start()
    assert servers.http is not None
    assert servers.https is not None
    trust = ssl.create_default_context(cafile=cert)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://{servers.http}/") as plain:
            assert await plain.text() == "ok"
        async with session.get(f"https://localhost:{servers.https.port}/", ssl=trust) as secure:
            assert await secure.text() == "ok"
    await servers.stop()
    await servers.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((servers.http.host, servers.http.port), timeout=1)


async def test_without_a_certificate_there_is_no_https():
    servers = HttpServers(say, ServerSettings(bind=LOOPBACK))
    await servers.start()
    assert servers.https is None
    await servers.stop()
    await servers.wait()


async def test_an_address_that_is_taken_is_named():
    taken = listen(LOOPBACK, "server.bind")
    address = Address("127.0.0.1", taken.getsockname()[1])
    with pytest.raises(
        CannotListen, match=rf"server\.bind: cannot listen on {address}: .*; free the address"
    ):
        await HttpServers(say, ServerSettings(bind=address)).start()
    taken.close()


async def test_when_https_cannot_start_http_is_closed_again(certificate):
    cert, key = certificate
    taken = listen(LOOPBACK, "x")
    settings = ServerSettings(
        bind=LOOPBACK, tls_bind=Address("127.0.0.1", taken.getsockname()[1]), tls_cert=cert, tls_key=key
    )
    servers = HttpServers(say, settings)
    with pytest.raises(CannotListen, match=r"server\.tls_bind"):
        await servers.start()
    assert servers.http is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((servers.http.host, servers.http.port), timeout=1)
    taken.close()


def test_a_host_that_does_not_resolve_is_named():
    with pytest.raises(CannotListen, match="cannot be resolved"):
        listen(Address("no-such-host.invalid", 0), "server.bind")


def test_a_certificate_that_cannot_be_used_is_named(certificate, tmp_path):
    cert, _ = certificate
    (tmp_path / "bad.pem").write_text("nothing")
    with pytest.raises(CannotListen, match=r"bad\.pem"):
        check_certificate(cert, str(tmp_path / "bad.pem"))


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/hookflash", "own"),
        ("/hookflash/health", "own"),
        ("/hookflashes", "azure"),
        ("/v1/objects/0-hf-d1-0/content/acsaudio", "contents"),
        ("/v1/objectsx", "azure"),
        ("/calling/keys", "azure"),
        ("/", "azure"),
    ],
)
async def test_the_shell_divides_by_path(path, owner):
    came: list[str] = []

    async def azure(scope, receive, send):
        came.append("azure")

    async def own(scope, receive, send):
        came.append("own")

    async def contents(scope, receive, send):
        came.append("contents")

    await shell(azure, own, contents)({"type": "http", "path": path}, None, None)
    assert came == [owner]
