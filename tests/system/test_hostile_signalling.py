"""Callers who close their connections, and a phone that calls without end, against a running server.

Whatever they do, nothing of it stays, and others can call meanwhile.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from sip.test_known_attacks import CREDENTIALS
from system import certificates
from system.audio import wav
from system.conftest import System
from system.harness import NUMBER, Server, Webhook
from system.test_hostile import Caller, call, counts, eventually, nothing_left, sdp

from hookflash.loopback import free_port
from hookflash.sip.digest import Challenge, answer

MANY = 16
"""Connections of one attack."""


# --- connections that close ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[System, int]]:
    """A server that takes TLS besides, and its port for that."""
    folder = tmp_path_factory.mktemp("wired")
    _, certificate, key = certificates.make(folder)
    port = free_port()
    webhook = Webhook()
    webhook.files["/short.wav"] = wav(0.3)
    server = Server(folder, webhook)
    tls = f'[sip]\ntls_bind = "127.0.0.1:{port}"\ntls_cert = "{certificate}"\ntls_key = "{key}"\n'
    server.config.write_text(server.config.read_text().replace("[sip]\n", tls))
    try:
        with server:
            yield System(server, webhook, "", folder), port
    finally:
        webhook.close()


def connect(system: System, transport: str, tls_port: int) -> socket.socket:
    port = tls_port if transport == "TLS" else system.server.sip_port
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    if transport == "TCP":
        return plain
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain)


def drop(connection: socket.socket, roughly: bool) -> None:
    """Close, or let the system reset the connection."""
    if roughly:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_until(connection: socket.socket, status: int) -> bytes:
    """What comes up to the end of the response with a status."""
    data = b""
    while (at := data.find(b"SIP/2.0 %d " % status)) < 0 or b"\r\n\r\n" not in data[at:]:
        piece = connection.recv(65536)
        assert piece, data
        data += piece
    return data[at:]


def held(system: System, tls_port: int) -> list[str]:
    """The connections to the ports of SIP that the server has not let go of (Linux)."""
    ports = {f"{port:04X}" for port in (system.server.sip_port, tls_port)}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening, closed = "0A", "06"
    return [row[2] for row in rows if row[1][-4:] in ports and row[3] not in (listening, closed)]


@pytest.mark.parametrize("transport", ["TCP", "TLS"])
@pytest.mark.parametrize("moment", ["half an INVITE", "an INVITE", "100", "up"])
def test_callers_that_close_their_connections(wired: tuple[System, int], transport: str, moment: str) -> None:
    system, tls_port = wired
    client, webhook = system.client(), system.webhook

    def decide(event: dict[str, Any]) -> None:
        context = event["incomingCallContext"]
        with contextlib.suppress(HttpResponseError):
            if moment == "up":
                client.answer_call(context, f"{webhook.url}/callbacks")
            else:
                client.reject_call(context)

    webhook.forget()
    webhook.on_incoming = decide
    callers = [Caller(system) for _ in range(MANY)]
    try:
        for number, one in enumerate(callers):
            connection = connect(system, transport, tls_port)
            text = one.text("INVITE", body=sdp(4000), transport=transport)
            connection.sendall(text[:-20] if moment == "half an INVITE" else text)
            if moment == "100":
                read_until(connection, 100)
            elif moment == "up":
                tag = re.search(rb"\nTo:.*tag=([\w-]+)", read_until(connection, 200))
                assert tag is not None
                ack = one.text("ACK", to_tag=tag[1].decode(), branch=one.branch + "ack", transport=transport)
                connection.sendall(ack)
            drop(connection, roughly=number % 2 == 0)
        if moment == "up":
            webhook.wait_count("CallConnected", MANY)
            for event in webhook.events():
                if event["type"].endswith("CallConnected"):
                    client.get_call_connection(event["data"]["callConnectionId"]).hang_up(True)
            webhook.wait_count("CallDisconnected", MANY)
        eventually(lambda: nothing_left(system), lambda: counts(system), timeout=30)
        eventually(lambda: not held(system, tls_port), lambda: held(system, tls_port))
    finally:
        webhook.on_incoming = None
        for one in callers:
            one.close()
    webhook.forget()
    call(system)
    assert "Traceback" not in system.server.log.read_text()


# --- calls without end --------------------------------------------------------------------------------------


class Phone(Caller):
    """Registers, and calls as often as it likes with the password it has."""

    def __init__(self, system: System, username: str, password: str) -> None:
        super().__init__(system)
        self.username, self.password = username, password
        self.challenge: Challenge | None = None
        self.uses = 0

    def text(self, method: str, number: int = 1, body: bytes = b"", **fields: str) -> bytes:
        whole = super().text(method, number, body, **fields)
        if method == "REGISTER":
            whole = whole.replace(NUMBER.encode(), self.username.encode())
        if self.challenge is not None and method != "ACK":
            self.uses += 1
            uri = whole.split(b" ", 2)[1].decode()
            proof = answer(
                self.challenge, method, uri, self.username, self.password, cnonce="c", nc=self.uses
            )
            whole = whole.replace(b"Max-Forwards", f"Authorization: {proof}\r\nMax-Forwards".encode())
        return whole

    def register(self) -> None:
        self.send("REGISTER", 1, branch=self.branch + "r1")
        asked = re.search(rb"WWW-Authenticate: ([^\r]+)", self.answer())
        assert asked is not None
        self.challenge = Challenge.parse(asked[1].decode())
        self.send("REGISTER", 2, branch=self.branch + "r2")
        assert self.status() == 200


CALLS = 40
CAP = 3


def broken_credentials(phone: Phone) -> None:
    """Each is answered, and tells nothing but that others are wanted."""
    for number, value in enumerate(CREDENTIALS):
        whole = phone.text("REGISTER", 1, branch=f"{phone.branch}c{number}", call_id=f"c{number}")
        phone.socket.send(whole.replace(b"Max-Forwards", f"Authorization: {value}\r\nMax-Forwards".encode()))
        said = phone.answer()
        assert said.startswith((b"SIP/2.0 401 ", b"SIP/2.0 400 ")), (value, said)
        assert b"secret" not in said


def test_a_phone_that_calls_without_end_leaves_ports_to_the_others(tmp_path: Path) -> None:
    webhook = Webhook()
    user = "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_desk"
    phone_lines = f'[[phone]]\nusername = "desk"\npassword = "desk-secret"\nuser = "{user}"\n'
    server = Server(tmp_path, webhook, phone_lines)
    config = server.config.read_text().replace("[sip]\n", f"[sip]\ncalls_per_source = {CAP}\n")
    ports = re.sub(r'rtp_ports = "(\d+)-\d+"', lambda m: f'rtp_ports = "{m[1]}-{int(m[1]) + 15}"', config)
    server.config.write_text(ports)
    try:
        with server:
            system = System(server, webhook, "", tmp_path)
            client = system.client()

            def take(event: dict[str, Any]) -> None:
                client.answer_call(event["incomingCallContext"], f"{webhook.url}/callbacks")

            webhook.on_incoming = take
            phone = Phone(system, "desk", "desk-secret")
            broken_credentials(phone)
            phone.register()
            ids = [secrets.token_hex(8) for _ in range(CALLS)]
            for one in ids:
                phone.send("INVITE", body=sdp(4000), call_id=one, branch="z9hG4bK" + one)
            finals: dict[str, bytes] = {}
            while len(finals) < CALLS:
                said = phone.answer()
                name = re.search(rb"Call-ID: (\w+)", said)
                assert name is not None
                finals.setdefault(name[1].decode(), said)
            taken = {one: said for one, said in finals.items() if said.startswith(b"SIP/2.0 200 ")}
            refused = [said for said in finals.values() if said.startswith(b"SIP/2.0 503 ")]
            assert (len(taken), len(refused)) == (CAP, CALLS - CAP)
            assert all(b"\r\nRetry-After: 5\r\n" in said for said in refused)
            assert counts(system)["sipSessions"] == CAP
            for one, said in taken.items():
                tag = re.search(rb"\nTo:.*tag=([\w-]+)", said)
                assert tag is not None
                phone.send("ACK", call_id=one, to_tag=tag[1].decode(), branch=f"z9hG4bK{one}a")
            webhook.wait_count("CallConnected", CAP)
            # There is room for others.
            webhook.on_incoming = None
            other = Caller(system)
            connection, _ = other.up()
            other.bye(connection)
            for one, said in taken.items():
                tag = re.search(rb"\nTo:.*tag=([\w-]+)", said)
                assert tag is not None
                phone.send("BYE", 9, call_id=one, to_tag=tag[1].decode(), branch=f"z9hG4bK{one}b")
            eventually(lambda: nothing_left(system), lambda: counts(system))
            other.close()
            phone.close()
            assert "Traceback" not in server.log.read_text()
            assert "desk-secret" not in server.log.read_text()
    finally:
        webhook.close()
