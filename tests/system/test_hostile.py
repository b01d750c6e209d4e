"""A hostile caller, a hostile client and a careless operator against a running server.

Each attack is bounded; afterwards everything it could have left behind is gone, and the next call works.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.communication.callautomation import CallAutomationClient, FileSource
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from system.conftest import System, wav
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook

from hookflash.loopback import free_port

LINGER = "sipTransactions"
"""The only thing that may still be there after a call: transactions wait for late copies (RFC 3261, 17)."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A server of its own: what is done to it shall not disturb other tests."""
    folder = tmp_path_factory.mktemp("hostile")
    webhook = Webhook()
    webhook.files["/short.wav"] = wav(0.3)
    try:
        with Server(folder, webhook) as server:
            yield System(server, webhook, "", folder)
    finally:
        webhook.close()


class Caller:
    """A SIP caller made of text, over UDP."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.connect(("127.0.0.1", system.server.sip_port))
        self.socket.settimeout(5)
        self.port = self.socket.getsockname()[1]
        self.number = f"+142555{self.port:05d}"
        self.call_id = secrets.token_hex(8)
        self.branch = "z9hG4bK" + self.call_id
        self.to_tag = ""

    def send(self, method: str, number: int = 1, body: bytes = b"", **fields: str) -> None:
        self.socket.send(self.text(method, number, body, **fields))

    def text(
        self,
        method: str,
        number: int = 1,
        body: bytes = b"",
        *,
        tag: str = "caller",
        to_tag: str | None = None,
        branch: str = "",
        call_id: str = "",
        name: str = "",
        transport: str = "UDP",
    ) -> bytes:
        to_tag = self.to_tag if to_tag is None else to_tag
        lines = [
            f"{method} sip:{NUMBER}@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/{transport} 127.0.0.1:{self.port};rport;branch={branch or self.branch}",
            "Max-Forwards: 70",
            f"From: {name}<sip:{self.number}@127.0.0.1>;tag={tag}",
            f"To: <sip:{NUMBER}@127.0.0.1>" + (f";tag={to_tag}" if to_tag else ""),
            f"Call-ID: {call_id or self.call_id}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:caller@127.0.0.1:{self.port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def answer(self, least: int = 200) -> bytes:
        """The next response with at least this status."""
        while True:
            data = self.socket.recv(65536)
            if data.startswith(b"SIP/2.0 ") and int(data[8:11]) >= least:
                return data

    def status(self, least: int = 200) -> int:
        return int(self.answer(least)[8:11])

    def up(self) -> tuple[str, int]:
        """Call, be answered, acknowledge; the connection and the server's RTP port."""
        self.send("INVITE", body=sdp(self.port + 1))
        context = incoming(self.system, self.number)["incomingCallContext"]
        call = self.system.client().answer_call(context, f"{self.system.webhook.url}/callbacks")
        port = self.acknowledge()
        assert call.call_connection_id is not None
        self.system.webhook.wait("CallConnected", callConnectionId=call.call_connection_id)
        return call.call_connection_id, port

    def acknowledge(self) -> int:
        """Wait for the 200 and acknowledge it; the server's RTP port."""
        ok = self.answer()
        tag, port = re.search(rb"\nTo:.*tag=([\w-]+)", ok), re.search(rb"m=audio (\d+)", ok)
        assert tag is not None
        assert port is not None
        self.to_tag = tag[1].decode()
        self.send("ACK", branch=self.branch + "ack")
        return int(port[1])

    def hung_up(self) -> None:
        """Wait for the BYE and answer it."""
        while not (data := self.socket.recv(65536)).startswith(b"BYE "):
            pass
        copied = (b"via", b"from", b"to", b"call-id", b"cseq")
        lines = [line for line in data.split(b"\r\n") if line.partition(b":")[0].lower() in copied]
        self.socket.send(b"\r\n".join([b"SIP/2.0 200 OK", *lines, b"Content-Length: 0", b"", b""]))

    def bye(self, connection: str) -> None:
        self.send("BYE", 9000, branch=self.branch + "bye")
        self.system.webhook.wait("CallDisconnected", callConnectionId=connection)

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def caller(target: System) -> Iterator[Caller]:
    caller = Caller(target)
    yield caller
    caller.close()


def sdp(port: int) -> bytes:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"]
    return "\r\n".join([*lines, ""]).encode()


def incoming(system: System, number: str) -> dict[str, Any]:
    """The IncomingCall of this caller; those of callers who have gone may still be coming."""
    while True:
        found = system.webhook.incoming.get(timeout=10)
        if found["from"]["rawId"] == f"4:{number}":
            return found


def counts(system: System) -> dict[str, int]:
    with urllib.request.urlopen(f"{system.server.url}/hookflash/counts", timeout=10) as answer:
        found: dict[str, int] = json.load(answer)
    return found


def eventually(what: Callable[[], bool], why: Callable[[], object], timeout: float = 15) -> None:
    deadline = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < deadline, why()
        threading.Event().wait(0.05)


def nothing_left(system: System) -> bool:
    return not any(count for name, count in counts(system).items() if name != LINGER)


def open_files(system: System) -> int:
    assert system.server.process is not None
    return len(os.listdir(f"/proc/{system.server.process.pid}/fd"))


def call(system: System) -> None:
    """A whole call, from a phone that behaves."""
    phone = Handset("+14255550199")
    try:
        ringing = phone.start(f"dial {system.dial}")
        context = incoming(system, "+14255550199")["incomingCallContext"]
        made = system.client().answer_call(context, f"{system.webhook.url}/callbacks")
        ringing.result(10)
        connection = made.call_connection_id
        assert connection is not None
        system.webhook.wait("CallConnected", callConnectionId=connection)
        system.client().get_call_connection(connection).play_media_to_all(
            FileSource(url=f"{system.webhook.url}/short.wav"), operation_context="next"
        )
        system.webhook.wait("PlayCompleted", operationContext="next")
        phone.play("hangup")
        system.webhook.wait("CallDisconnected", callConnectionId=connection)
    finally:
        phone.close()


@pytest.fixture(autouse=True)
def nothing_stays_and_the_next_call_works(request: pytest.FixtureRequest) -> Iterator[None]:
    if "target" not in request.fixturenames and "caller" not in request.fixturenames:
        yield
        return
    target: System = request.getfixturevalue("target")
    target.webhook.forget()
    yield
    target.webhook.forget()
    call(target)
    eventually(lambda: nothing_left(target), lambda: counts(target))
    log = target.server.log.read_text()
    assert "Traceback" not in log
    assert not [c for c in set(log) if not c.isprintable() and c != "\n"]


# --- SIP ----------------------------------------------------------------------------------------------------


def test_requests_that_forge_a_dialog_leave_it_alone(target: System, caller: Caller) -> None:
    connection, _ = caller.up()
    forged = [("BYE", "caller", "wrong"), ("BYE", "wrong", caller.to_tag), ("BYE", "caller", "")]
    forged += [("CANCEL", "caller", caller.to_tag), ("INVITE", "caller", "wrong")]
    for number, (method, tag, to_tag) in enumerate(forged, 2):
        caller.send(method, number, tag=tag, to_tag=to_tag, branch=f"{caller.branch}{number}")
        assert caller.status() == 481
    caller.socket.send(
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKnone\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    for number in range(10, 200):  # the first is answered, and never acknowledged
        caller.send("INVITE", number, sdp(caller.port + 1), branch=f"{caller.branch}{number}")
    properties = target.client().get_call_connection(connection).get_call_properties()
    assert properties.call_connection_state == "connected"
    caller.bye(connection)


def test_callers_who_give_up_in_every_moment(target: System) -> None:
    def answer(event: dict[str, Any]) -> None:
        with contextlib.suppress(HttpResponseError):
            client.answer_call(event["incomingCallContext"], f"{target.webhook.url}/callbacks")

    client = target.client()
    callers = [Caller(target) for _ in range(24)]
    target.webhook.on_incoming = answer
    try:
        for one in callers:
            one.send("INVITE", body=sdp(one.port + 1))
        for one in callers:
            one.send("CANCEL", to_tag="")
        for one in callers:
            final = {one.status(), one.status()}  # of the CANCEL and of the INVITE
            assert final in ({200, 487}, {200})
            one.send("BYE", 2, branch=one.branch + "b", to_tag="not known")
    finally:
        target.webhook.on_incoming = None
    for one in callers:
        # Whose INVITE had been answered already is hung up on the polite way.
        one.close()
    client_names = Counter(target.webhook.names())
    assert client_names["AnswerFailed"] + client_names["CallConnected"] <= len(callers)


def test_a_flood_of_calls_is_refused_and_forgotten(target: System) -> None:
    flood = Caller(target)
    ids = [secrets.token_hex(8) for _ in range(300)]
    for one in ids:
        flood.send("INVITE", body=sdp(4000), call_id=one, branch="z9hG4bK" + one)
    eventually(lambda: counts(target)["sipSessions"] == len(ids), lambda: counts(target))
    for one in ids:
        flood.send("CANCEL", call_id=one, branch="z9hG4bK" + one)
    eventually(lambda: nothing_left(target), lambda: counts(target))
    flood.close()


def test_connections_that_say_nothing_or_half(target: System) -> None:
    before = open_files(target)
    where = ("127.0.0.1", target.server.sip_port)
    whole = Caller(target)
    text = whole.text("OPTIONS", transport="TCP")
    held = [socket.create_connection(where, timeout=5) for _ in range(280)]  # more than one peer may have
    for one in held[:100]:
        with contextlib.suppress(OSError):
            one.sendall(text[:-10])
    assert open_files(target) <= before + 251
    call(target)  # UDP does not care
    for one in held:
        one.close()
    eventually(lambda: open_files(target) <= before + 5, lambda: (before, open_files(target)))
    with socket.create_connection(where, timeout=5) as stream:
        for byte in text:
            stream.sendall(bytes([byte]))
        assert stream.recv(4096).startswith(b"SIP/2.0 200")
    whole.close()


@pytest.mark.parametrize(
    "data",
    [
        b"INVITE sip:x SIP/2.0\r\nContent-Length: 1000000000000000000000\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\nContent-Length: -1\r\n\r\n",
        b"INVITE sip:x SIP/2.0\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\n" + b"x" * 60,
        b"A" * 1_000_000,
    ],
)
def test_streams_that_cannot_be_cut_are_closed(target: System, data: bytes) -> None:
    where = ("127.0.0.1", target.server.sip_port)
    with socket.create_connection(where, timeout=5) as stream, contextlib.suppress(ConnectionError):
        stream.sendall(data)
        while stream.recv(65536):
            pass


def test_names_of_callers_cannot_write_the_log_or_the_terminal(target: System, caller: Caller) -> None:
    caller.send("INVITE", body=sdp(4000), name='"\u202e[red]%s{}\u2028FAKE" ')
    assert "FAKE" in incoming(target, caller.number).get("callerDisplayName", "")
    caller.send("CANCEL")
    other = Caller(target)
    other.send("INVITE", body=sdp(4000), name='"a\x1b[2Jb" ')
    other.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):  # what cannot be written again cannot be answered
        other.status()
    other.close()


def test_garbage_does_not_fill_the_log(target: System) -> None:
    before = target.server.log.stat().st_size
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(3000):
            sender.sendto(b"INVITE sip:x SIP/2.0\r\n\r\n", ("127.0.0.1", target.server.sip_port))
    call(target)
    assert target.server.log.stat().st_size - before < 200_000


# --- RTP ----------------------------------------------------------------------------------------------------


def test_absurd_rtp_and_rtcp(target: System, caller: Caller) -> None:
    connection, port = caller.up()
    media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    media.bind(("127.0.0.1", caller.port + 1))
    to, control = ("127.0.0.1", port), ("127.0.0.1", port + 1)

    def packet(number: int, kind: int, payload: bytes) -> bytes:
        return struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, number * 160 & 0xFFFFFFFF, 1) + payload

    for number in range(256):
        media.sendto(packet(number, number & 127, b"\xff" * 160), to)
        for flags, duration in ((0, 0), (0xFF, 0xFFFF), (0x80, 1)):
            media.sendto(packet(number, 101, struct.pack("!BBH", number, flags, duration)), to)
        media.sendto(packet(number, 101, b"\x01"), to)
        media.sendto(packet(number, 0, b"\xff" * (number * 5)), to)
        media.sendto(secrets.token_bytes(number * 4), control)
    for size in (0, 1, 11, 12, 13, 1500, 9000, 60000):
        media.sendto(secrets.token_bytes(size), to)
    media.sendto(b"\x9f\xc9\xff\xff" + b"x" * 20, control)
    target.client().get_call_connection(connection).play_media_to_all(
        FileSource(url=f"{target.webhook.url}/short.wav"), operation_context="still"
    )
    target.webhook.wait("PlayCompleted", operationContext="still")
    media.close()
    caller.bye(connection)


def test_no_port_left_is_a_refusal_that_says_so(tmp_path: Path) -> None:
    webhook = Webhook()
    server = Server(tmp_path, webhook)
    config = server.config.read_text()
    server.config.write_text(re.sub(r'rtp_ports = "(\d+)-\d+"', _five_pairs, config))
    with server:
        system = System(server, webhook, "", tmp_path)
        callers = [Caller(system) for _ in range(4)]
        up = [one.up()[0] for one in callers[:3]]
        # Two pairs are kept for the calls that are up; the app of the fourth is not even asked.
        callers[3].send("INVITE", body=sdp(4000))
        assert callers[3].status() == 503
        for one, connection in zip(callers[:3], up, strict=True):
            one.bye(connection)
        eventually(lambda: nothing_left(system), lambda: counts(system))
        # Stopping with a call up: its app and its phone are told before the server goes.
        for one in callers:
            one.close()
    webhook.close()


def _five_pairs(found: re.Match[str]) -> str:
    return f'rtp_ports = "{found[1]}-{int(found[1]) + 9}"'


# --- HTTP ---------------------------------------------------------------------------------------------------


def test_many_at_once_on_one_call(target: System, caller: Caller) -> None:
    clients = [target.client() for _ in range(16)]
    caller.send("INVITE", body=sdp(caller.port + 1))
    context = incoming(target, caller.number)["incomingCallContext"]

    def tally(jobs: list[Callable[[], object]]) -> Counter[object]:
        def run(job: Callable[[], object]) -> object:
            try:
                job()
            except HttpResponseError as error:
                return error.status_code, error.error.code if error.error else ""
            return "ok"

        with ThreadPoolExecutor(16) as pool:
            return Counter(pool.map(run, jobs))

    answers = tally(
        [lambda c=c: c.answer_call(context, f"{target.webhook.url}/callbacks") for c in clients]  # type: ignore[misc]
    )
    assert answers == {"ok": 1, (404, "8522"): 15}
    caller.acknowledge()
    connection = target.webhook.wait_for(lambda name, _: name == "CallConnected")["callConnectionId"]
    calls = [one.get_call_connection(connection) for one in clients]
    source = FileSource(url=f"{target.webhook.url}/short.wav")
    plays = tally([lambda n=n: calls[n % 16].play_media_to_all(source) for n in range(200)])  # type: ignore[misc]
    assert set(plays) <= {"ok", (400, "8585"), (400, "8501")}
    hangups = tally([lambda n=n: calls[n % 16].hang_up(is_for_everyone=True) for n in range(50)])  # type: ignore[misc]
    assert hangups["ok"] == 1
    caller.hung_up()
    target.webhook.wait("CallDisconnected", callConnectionId=connection)
    names = target.webhook.names(connection)
    assert names.count("CallDisconnected") == 1
    assert names[-1] == "CallDisconnected"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /hookflash/health HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 1_000_000, b" 431 "),
        (b"\x16\x03\x01\x02\x00hello\r\n\r\n", b" 400 "),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b""),
        (
            b"POST /calling/callConnections HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /hookflash/health HTTP/1.1\r\n\r\n",
            b" 400 ",
        ),
    ],
)
def test_requests_that_are_none(target: System, data: bytes, status: bytes) -> None:
    answer = b""
    with socket.create_connection(("127.0.0.1", target.server.http_port), timeout=10) as stream:
        # The server may close while we still send: then what we send fails, and its answer may be lost.
        with contextlib.suppress(OSError):
            stream.sendall(data)
            stream.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while piece := stream.recv(65536):
                answer += piece
    assert answer == b"" or status in answer.partition(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert b" 200 " in ask_health(target)


def ask_health(target: System) -> bytes:
    """The status line of a well-formed request: the server is as well as before."""
    with socket.create_connection(("127.0.0.1", target.server.http_port), timeout=10) as stream:
        stream.sendall(b"GET /hookflash/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b""
        while piece := stream.recv(65536):
            answer += piece
    return answer.partition(b"\r\n")[0]


# --- a strict server ----------------------------------------------------------------------------------------


def test_production_is_strict(tmp_path: Path) -> None:
    webhook = Webhook()
    server = Server(tmp_path, webhook, mode="production", public_url="https://calls.example.org")
    check = [sys.executable, "-m", "hookflash", "check", "--config", str(server.config)]
    refused = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert "plain http endpoint" in refused.stderr
    config = server.config.read_text()
    server.config.write_text(config.replace(webhook.url, "https://127.0.0.1:1"))
    with server:
        system = System(server, webhook, "", tmp_path)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            counts(system)
        stranger = Caller(system)
        for _ in range(50):
            stranger.send("INVITE", body=sdp(4000))
        stranger.send("OPTIONS", branch="z9hG4bKoptions")
        request = urllib.request.Request(
            f"{server.url}/hookflash/counts", headers={"Authorization": f"Bearer {ACCESS_KEY}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert set(json.load(answer).values()) == {0}
        # Strangers get not a word, whatever they ask.
        stranger.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            stranger.answer(100)
        stranger.close()
        app = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
        with pytest.raises(HttpResponseError) as raised:
            app.answer_call("none", f"{webhook.url}/callbacks")
        assert raised.value.status_code in (400, 404)
    webhook.close()
    assert ACCESS_KEY not in server.log.read_text()


# --- stopping, and starting wrongly -------------------------------------------------------------------------


def test_a_stop_tells_apps_and_phones_before_the_server_goes(tmp_path: Path) -> None:
    webhook = Webhook()
    with Server(tmp_path, webhook) as server:
        system = System(server, webhook, "", tmp_path)
        up, waiting = Caller(system), Caller(system)
        connection, _ = up.up()
        waiting.send("INVITE", body=sdp(4000))
        incoming(system, waiting.number)
        assert server.stop() == 0
        assert webhook.names(connection)[-1] == "CallDisconnected"
        assert up.socket.recv(4096).startswith(b"BYE ")
        assert waiting.status() == 503
        up.close()
        waiting.close()
    webhook.close()


@pytest.mark.parametrize("what", ["http", "sip", "data"])
def test_what_is_in_use_is_named(target: System, tmp_path: Path, what: str) -> None:
    taken = target.server
    http_port = taken.http_port if what == "http" else free_port()
    sip_port = taken.sip_port if what == "sip" else free_port()
    data = taken.folder / "state" if what == "data" else tmp_path / "state"
    config = tmp_path / "hookflash.toml"
    config.write_text(
        f'[server]\nbind = "127.0.0.1:{http_port}"\ndata_dir = "{data}"\n'
        f'[sip]\nbind = "127.0.0.1:{sip_port}"\n[media]\nworkers = 0\n'
    )
    serve = [sys.executable, "-m", "hookflash", "serve", "--config", str(config)]
    ended = subprocess.run(serve, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert {"http": "server.bind", "sip": "sip.bind", "data": "data_dir"}[what] in ended.stderr
    assert "Traceback" not in ended.stderr
