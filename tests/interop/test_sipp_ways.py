"""SIPp over IPv6 and TLS, calls that have to be proved, and a call that changes its media worker.

SIPp of Debian speaks no TLS: a relay stands before it, which does.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import shutil
import ssl
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.communication.callautomation import PhoneNumberIdentifier
from scenario import Callee, Caller, sdp
from sip.certificate_files import Authority
from sipp_process import Sipp
from system.conftest import System
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from test_sipp_callee import check_success
from test_sipp_caller import answer_all
from trunk_ports import quiet_port

from hookflash.loopback import free_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
TRUNKS = """
[[trunk]]
name = "six"
targets = ["[::1]:{six}"]
[[route]]
pattern = "+1206*"
trunk = "six"
[[trunk]]
name = "secured"
targets = ["127.0.0.1:{secured}"]
transport = "tls"
[[route]]
pattern = "+1209*"
trunk = "secured"
[[trunk]]
name = "proving"
targets = ["192.0.2.1:5060"]
username = "carrier"
password = "not-a-secret"
challenge = true
"""


@dataclass
class Ways(System):
    """A server with TLS and IPv6, two media workers, and strangers that are challenged."""

    ports: dict[str, int]
    folder: Path

    def call(self, number: str) -> str:
        """Call a number; the id of the connection."""
        made = self.client().create_call(
            PhoneNumberIdentifier(number),
            f"{self.webhook.url}/callbacks",
            source_caller_id_number=PhoneNumberIdentifier(NUMBER),
            operation_context="out",
        )
        return str(made.call_connection_id)

    def drain_the_worker_in_use(self) -> None:
        """Have the next call go to the other media worker; this one is replaced when its calls are over."""
        headers, url = {"Authorization": f"Bearer {ACCESS_KEY}"}, f"{self.server.url}/hookflash/media"
        deadline = time.monotonic() + 60
        while True:
            workers = requests.get(url, headers=headers, timeout=10).json()["workers"]
            if all(one["state"] == "ready" for one in workers):
                break
            assert time.monotonic() < deadline, workers
            threading.Event().wait(0.1)
        (number,) = [one["worker"] for one in workers if one["legs"]]
        drained = requests.post(f"{url}/workers/{number}:drain", headers=headers, timeout=10)
        assert drained.ok, drained.text

    def hang_up(self) -> None:
        connected = self.webhook.wait("CallConnected", operationContext="out")
        self.client().get_call_connection(connected["callConnectionId"]).hang_up(is_for_everyone=True)
        self.webhook.wait("CallDisconnected")


@pytest.fixture(scope="module")
def running_ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    folder = tmp_path_factory.mktemp("ways")
    authority = Authority(folder / "certificates")
    authority.sign("server", dns=("localhost",), addresses=("127.0.0.1",))
    ports = dict(zip(("six", "secured", "tls", "v6"), {quiet_port() for _ in range(40)}, strict=False))
    webhook = Webhook()
    server = Server(folder, webhook, TRUNKS.format(**ports), media="workers = 2")
    certificates = folder / "certificates"
    settings = {
        "bind_v6": f"[::1]:{ports['v6']}",
        "tls_bind": f"127.0.0.1:{ports['tls']}",
        "tls_cert": str(certificates / "server.pem"),
        "tls_key": str(certificates / "server.key"),
        "tls_authorities": str(authority.path),
    }
    lines = "".join(f'{name} = "{value}"\n' for name, value in settings.items())
    lines += "unknown_callers = false\n"
    server.config.write_text(server.config.read_text().replace("[sip]\n", f"[sip]\n{lines}"))
    try:
        with server:
            yield Ways(server, webhook, "", authority.path, ports, certificates)
    finally:
        webhook.close()


@pytest.fixture
def ways(running_ways: Ways) -> Iterator[Ways]:
    running_ways.webhook.forget()
    yield running_ways
    running_ways.webhook.on_incoming = running_ways.webhook.on_event = None


def calls_and_hangs_up(**where: str) -> Caller:
    phone = Caller(**where)
    phone.connect()
    phone.pause(200)
    phone.hang_up()
    return phone


def takes_the_call(**where: str) -> Callee:
    phone = Callee(**where)
    phone.called()
    phone.respond("180 Ringing")
    phone.answer()
    phone.is_left()
    return phone


# --- IPv6 -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["u1", "t1"], ids=["udp", "tcp"])
def test_a_call_comes_over_ipv6(ways: Ways, tmp_path: Path, transport: str) -> None:
    answer_all(ways)
    remote = f"[::1]:{ways.ports['v6']}"
    sipp = Sipp(calls_and_hangs_up(), tmp_path, remote=remote, address="::1", transport=transport)
    check_success(sipp)
    ways.webhook.wait("CallDisconnected")
    assert "c=IN IP6 ::1" in sipp.received()


def test_a_trunk_is_called_over_ipv6(ways: Ways, tmp_path: Path) -> None:
    sipp = Sipp(takes_the_call(), tmp_path, port=ways.ports["six"], address="::1")
    sipp.wait_listening()
    ways.call("+12065550100")
    ways.hang_up()
    check_success(sipp)
    assert "c=IN IP6 ::1" in sipp.received()


# --- TLS ------------------------------------------------------------------------------------------------


@contextmanager
def relay(
    listens: int, listens_with: ssl.SSLContext | None, leads: int, leads_with: ssl.SSLContext | None
) -> Iterator[None]:
    """Carries connections from one port to another, either of them over TLS."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    finish = asyncio.Event()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = "127.0.0.1" if leads_with else None
        far, out = await asyncio.open_connection("127.0.0.1", leads, ssl=leads_with, server_hostname=name)
        await asyncio.gather(pump(reader, out), pump(far, writer))

    async def serve() -> None:
        server = await asyncio.start_server(connected, "127.0.0.1", listens, ssl=listens_with)
        async with server:
            ready.set()
            await finish.wait()

    def run(work: Coroutine[Any, Any, None]) -> None:
        loop.run_until_complete(work)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(finish.set)
        thread.join()


def test_a_call_comes_over_tls(ways: Ways, tmp_path: Path) -> None:
    answer_all(ways)
    port, client = free_port(), ssl.create_default_context(cafile=str(ways.ca))
    with relay(port, None, ways.ports["tls"], client):
        phone = calls_and_hangs_up(via="TLS")
        check_success(Sipp(phone, tmp_path, remote=f"127.0.0.1:{port}", transport="t1"))
    ways.webhook.wait("CallDisconnected")


def test_a_trunk_is_called_over_tls(ways: Ways, tmp_path: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(ways.folder / "server.pem", ways.folder / "server.key")
    sipp = Sipp(
        takes_the_call(via="TLS", contact=f"127.0.0.1:{ways.ports['secured']}"), tmp_path, transport="t1"
    )
    sipp.wait_listening()
    with relay(ways.ports["secured"], server, sipp.port, None):
        ways.call("+12095550100")
        ways.hang_up()
        check_success(sipp)
    assert "Via: SIP/2.0/TLS" in sipp.received()


# --- proving --------------------------------------------------------------------------------------------


def proves(ways: Ways, folder: Path, challenge: str, algorithm: str, count: str = "00000001") -> Sipp:
    """Call with credentials for a challenge (RFC 7616 section 3.4.1), computed here."""
    uri = f"sip:{NUMBER}@127.0.0.1:{ways.server.sip_port}"
    given = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    make = hashlib.sha256 if algorithm == "SHA-256" else hashlib.md5

    def hashed(*parts: str) -> str:
        return make(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    secret, what = hashed("carrier", given["realm"], "not-a-secret"), hashed("INVITE", uri)
    response = hashed(secret, given["nonce"], count, "c0", "auth", what)
    proof = (
        f'Digest username="carrier", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", '
        f'response="{response}", algorithm={algorithm}, qop=auth, nc={count}, cnonce="c0"'
    )
    if "opaque" in given:
        proof += f', opaque="{given["opaque"]}"'
    phone = Caller()
    phone.invite("Authorization: [proof]")
    phone.rings()
    phone.receive(200)
    phone.ack()
    phone.pause(200)
    phone.hang_up()
    where = f"127.0.0.1:{ways.server.sip_port}"
    return Sipp(phone, folder, remote=where, keys={"proof": proof}, timeout=20)


def challenged(ways: Ways, folder: Path, algorithm: str) -> str:
    """Call without credentials; the challenge for this algorithm."""
    phone = Caller()
    phone.invite()
    phone.receive(100, optional=True)
    phone.receive(401, WWW_Authenticate="Digest")
    phone.ack_failure()
    sipp = Sipp(phone, folder, remote=f"127.0.0.1:{ways.server.sip_port}")
    check_success(sipp)
    found = re.findall(r"^WWW-Authenticate: (.+?)\r?$", sipp.received(), re.M)
    return next(one for one in found if f"algorithm={algorithm}" in one)


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_a_caller_proves_who_it_is(ways: Ways, tmp_path: Path, algorithm: str) -> None:
    answer_all(ways)
    challenge = challenged(ways, tmp_path / "first", algorithm)
    check_success(proves(ways, tmp_path / "second", challenge, algorithm))
    ways.webhook.wait("CallDisconnected")


def test_credentials_that_were_used_are_stale(ways: Ways, tmp_path: Path) -> None:
    """The same proof again gets a new challenge that says so, and that one can be answered."""
    answer_all(ways)
    challenge = challenged(ways, tmp_path / "first", "SHA-256")
    check_success(proves(ways, tmp_path / "second", challenge, "SHA-256"))
    again = proves(ways, tmp_path / "third", challenge, "SHA-256")
    assert again.finish().failed == 1
    received = again.received()
    assert "SIP/2.0 401" in received
    found = re.findall(r"^WWW-Authenticate: (.+?)\r?$", received, re.M)
    assert found
    assert all("stale=true" in one for one in found)
    fresh = next(one for one in found if "SHA-256" in one)
    check_success(proves(ways, tmp_path / "fourth", fresh, "SHA-256"))
    ways.webhook.wait_count("CallDisconnected", 2)


# --- glare ----------------------------------------------------------------------------------------------


def test_offers_that_cross_are_refused_both_ways(ways: Ways, tmp_path: Path) -> None:
    """A transfer moves the caller to the other media worker, so to another port, by a re-INVITE of ours.

    SIPp sends one of its own when that comes. Both get 491; ours comes again, within 2 s as SIPp has called.
    """
    answer_all(ways)
    target = Sipp(takes_the_call(), tmp_path / "target", port=ways.ports["six"], address="::1")
    target.wait_listening()
    phone = Caller()
    phone.connect()
    phone.reinvited()
    phone.request("INVITE", body=sdp(version=2))
    phone.receive(100, optional=True)
    phone.receive(491)
    phone.ack_failure()
    phone.responds("491 Request Pending")
    phone.reinvited()
    phone.responds("200 OK", body=sdp())
    phone.pause(200)
    phone.hang_up()
    port = ways.ports["v6"]
    sipp = Sipp(phone, tmp_path / "caller", remote=f"[::1]:{port}", address="::1")
    connected = ways.webhook.wait("CallConnected")
    ways.drain_the_worker_in_use()
    call = ways.client().get_call_connection(connected["callConnectionId"])
    call.transfer_call_to_participant(PhoneNumberIdentifier("+12065550111"))
    ways.webhook.wait("CallTransferAccepted")
    ways.webhook.wait("CallDisconnected")
    check_success(sipp)
    check_success(target)
