"""SIP over TLS against others: openssl's client, and baresip both ways."""

from __future__ import annotations

import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.communication.callautomation import PhoneNumberIdentifier
from baresip_phone import Baresip
from listening import babble, wav
from sip.certificate_files import Authority
from system.conftest import System
from system.harness import NUMBER, Server, Webhook
from trunk_ports import quiet_port

from hookflash.loopback import free_port

pytestmark = pytest.mark.interop
needs_baresip = pytest.mark.skipif(
    shutil.which("baresip") is None, reason="needs baresip: apt-get install baresip-core"
)
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@dataclass
class Secured(System):
    """A server with TLS, and a trunk that is reached over it."""

    authority: Authority
    folder: Path
    tls_port: int
    trunk_port: int


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    authority = Authority(folder / "certificates")
    authority.sign("server", dns=("localhost",), addresses=("127.0.0.1",))
    tls_port, trunk_port = free_port(), quiet_port()
    certificates = folder / "certificates"
    # At the top of the section, which the harness leaves to "extra".
    extra = f"""
[[trunk]]
name = "secured"
targets = ["127.0.0.1:{trunk_port + 1}"]
transport = "tls"
[[route]]
pattern = "+1209*"
trunk = "secured"
"""
    webhook = Webhook()
    server = Server(folder, webhook, extra)
    text = server.config.read_text()
    more = {
        "tls_bind": f"127.0.0.1:{tls_port}",
        "tls_cert": str(certificates / "server.pem"),
        "tls_key": str(certificates / "server.key"),
        "tls_authorities": str(authority.path),
        "tls_clients": "optional",
    }
    lines = "".join(f'{name} = "{value}"\n' for name, value in more.items())
    server.config.write_text(text.replace("[sip]\n", f"[sip]\n{lines}"))
    try:
        with server:
            yield Secured(server, webhook, "", authority.path, authority, folder, tls_port, trunk_port)
    finally:
        webhook.close()


@pytest.fixture
def system(secured: Secured) -> Secured:
    secured.webhook.forget()
    return secured


OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK1;rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:openssl@example.org>;tag=1\r\nTo: <sip:127.0.0.1>\r\n"
    "Call-ID: options\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def s_client(system: Secured, *options: str) -> str:
    """What openssl prints when it sends OPTIONS."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{system.tls_port}", "-CAfile"]
    command += [str(system.ca), "-verify_return_error", "-nocommands", *options]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(10, process.kill)
        timer.start()
        try:
            process.stdin.write(OPTIONS.encode())
            process.stdin.flush()
            said = b""
            while b"Content-Length: 0" not in said and (data := process.stdout.read1()):
                said += data
        finally:
            timer.cancel()
            process.kill()
        return said.decode(errors="replace")


@needs_openssl
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_gets_an_answer(system: Secured, version: str) -> None:
    said = s_client(system, version, "-verify_hostname", "localhost")
    assert "Verify return code: 0 (ok)" in said
    assert "SIP/2.0 200 OK" in said


@needs_openssl
def test_openssl_is_refused_with_an_old_version_or_a_foreign_certificate(
    system: Secured, tmp_path: Path
) -> None:
    assert "SIP/2.0" not in s_client(system, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    cert, key = Authority(tmp_path).sign("stranger", dns=("stranger.example",))
    said = s_client(system, "-cert", str(cert), "-key", str(key))
    assert "SIP/2.0" not in said
    # The alert, unless the reset that follows it was quicker.
    assert "error:" in said or "errno=" in said


@needs_openssl
def test_a_certificate_is_exchanged_while_the_server_runs(system: Secured) -> None:
    before = s_client(system)
    system.authority.sign("server", dns=("renewed.example", "localhost"), addresses=("127.0.0.1",))
    process = system.server.process
    assert process is not None
    process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while "reloaded keys" not in system.server.log.read_text():
        assert time.monotonic() < deadline, system.server.log.read_text()[-2000:]
        threading.Event().wait(0.05)
    assert "hostname mismatch" in s_client(system, "-verify_hostname", "other.example").lower()
    said = s_client(system, "-verify_hostname", "renewed.example")
    assert "SIP/2.0 200 OK" in said
    assert before != said


Phone = Callable[..., Baresip]


@pytest.fixture
def baresip(system: Secured, tmp_path: Path) -> Iterator[Phone]:
    """Starts a phone that speaks TLS at the port after its own."""
    running: list[Baresip] = []

    def start(**options: Any) -> Baresip:
        says = tmp_path / "says.wav"
        says.write_bytes(wav(babble(1, 10)))
        cert, key = system.authority.sign("phone", addresses=("127.0.0.1",))
        both = tmp_path / "phone.pem"
        both.write_bytes(cert.read_bytes() + key.read_bytes())
        lines = [f"sip_certificate {both}", f"sip_cafile {system.ca}"]
        phone = Baresip(tmp_path / "phone", number="+12095550177", says=says, more=lines, **options)
        running.append(phone)
        return phone

    yield start
    for phone in running:
        phone.close()


@needs_baresip
def test_baresip_calls_over_tls(system: Secured, baresip: Phone) -> None:
    phone = baresip(transport="tls")
    phone.command("dial", f"sip:{NUMBER}@127.0.0.1:{system.tls_port}")  # it adds ;transport=tls
    incoming = system.webhook.incoming.get(timeout=10)
    answered = system.client().answer_call(incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")
    phone.wait("CALL_ESTABLISHED")
    system.webhook.wait("CallConnected")
    call = system.client().get_call_connection(answered.call_connection_id)
    call.hang_up(is_for_everyone=True)
    phone.wait("CALL_CLOSED")
    system.webhook.wait("CallDisconnected")


@needs_baresip
def test_a_trunk_is_called_over_tls(system: Secured, baresip: Phone) -> None:
    phone = baresip(port=system.trunk_port, transport="tls", answers=True)
    client = system.client()
    client.create_call(
        PhoneNumberIdentifier("+12095550177"),
        f"{system.webhook.url}/callbacks",
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
    )
    phone.wait("CALL_ESTABLISHED")
    system.webhook.wait("CallConnected")
    phone.command("hangup")
    system.webhook.wait("CallDisconnected")
