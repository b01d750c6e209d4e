"""``python -m bench.api``: CPU of one signed request and of one webhook event.

``api.request.ratio`` is the CPU of one signed create-call request, beside a bare ASGI app that does the same
by hand: verify the HMAC, decode the body with msgspec, encode a typed answer. Behind our edge there is an
engine that answers at once, so this is what the edge costs. Both run under uvicorn (uvloop, httptools) in a
process of their own; this one sends the same requests over keep-alive connections and reads the CPU time of
the serving threads from /proc.

``api.event.ratio`` is the CPU of one event, from the fact that causes it to the settled delivery
(:mod:`bench.events`), in requests to that same bare app. ``api.event.bare.ratio`` sets the event beside a
bare sender, which encodes, signs and POSTs it but keeps nothing: what remains is deciding, journalling,
order, retry and logging. ``api.event.rate`` is what one process delivers.

All take turns in many short rounds and the best round of each counts: other work on the machine only adds.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import subprocess
import sys
import time
import uuid
from typing import Any

import msgspec
import uvloop

from bench.events import Child
from bench.figures import figure
from bench.receiver import Receiver
from hookflash.api.access import Access
from hookflash.api.asgi import AzureSurface
from hookflash.api.ports import Keep, Resource
from hookflash.api.server import HttpServers
from hookflash.calls.commands import Command
from hookflash.clock import LoopClock
from hookflash.config import DEVELOPMENT_ACCESS_KEY, DEVELOPMENT_RESOURCE_ID, Address, ServerSettings
from hookflash.wire.enums import CallConnectionState
from hookflash.wire.hmac import decode_key, sign
from hookflash.wire.identifiers import Identifier
from hookflash.wire.models import CreateCallRequest
from hookflash.wire.responses import CallConnectionProperties
from hookflash.wire.timestamps import imf_fixdate, parse_imf_fixdate

TARGET_RATIO = 1.6
TARGET_EVENT_RATIO = 12.0
TARGET_EVENT_BARE_RATIO = 1.6
TARGET_EVENT_RATE = 1000.0
ROUNDS = 12
EVENT_ROUNDS = 4
REQUESTS = 800
CONNECTIONS = 32
PATH = "/calling/callConnections?api-version=2026-03-12"
KEY = decode_key(DEVELOPMENT_ACCESS_KEY)
BODY = json.dumps(
    {
        "targets": [{"rawId": "4:+14255550123", "phoneNumber": {"value": "+14255550123"}}],
        "callbackUri": "https://app.example.org/api/callbacks?secret=0123456789abcdef",
        "sourceCallerIdNumber": {"value": "+18005550100"},
        "sourceDisplayName": "Contoso reception",
        "operationContext": "order-4711",
        "callIntelligenceOptions": {"cognitiveServicesEndpoint": "https://speech.example.org/"},
    }
).encode()


def answer() -> CallConnectionProperties:
    """What both apps return, encoded anew for every request."""
    return CallConnectionProperties(
        call_connection_id=str(uuid.UUID(int=1)),
        call_connection_state=CallConnectionState.CONNECTING,
        callback_uri="https://app.example.org/api/callbacks?secret=0123456789abcdef",
        targets=[Identifier.phone("+14255550123").to_model()],
        source=Identifier.user(f"8:acs:{DEVELOPMENT_RESOURCE_ID}_{uuid.UUID(int=2)}").to_model(),
        correlation_id=str(uuid.UUID(int=3)),
    )


# --- the two servers ------------------------------------------------------------------------------------


def bare() -> Any:
    """The least an app can do: read, verify, decode, encode, answer."""
    decode = msgspec.json.Decoder(CreateCallRequest).decode
    encode = msgspec.json.Encoder().encode
    properties = answer()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        body = (await receive())["body"]
        digest = binascii.b2a_base64(hashlib.sha256(body).digest(), newline=False)
        date = headers[b"x-ms-date"]
        moment = parse_imf_fixdate(date.decode())
        target = scope["raw_path"] + b"?" + scope["query_string"]
        text = b"%s\n%s\n%s;%s;%s" % (scope["method"].encode(), target, date, headers[b"host"], digest)
        signature = base64.b64encode(hmac.digest(KEY, text, "sha256"))
        fresh = moment is not None and abs(moment - time.time()) < 900
        if not fresh or not hmac.compare_digest(
            headers[b"authorization"].rpartition(b"Signature=")[2], signature
        ):
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        decode(body)
        content = encode(properties)
        out = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 201, "headers": out})
        await send({"type": "http.response.body", "body": content})

    return app


class Canned:
    """Engine, identities and key documents that cost nothing."""

    def __init__(self) -> None:
        self._answer = answer()

    async def execute(self, command: Command, keep: Keep | None = None) -> msgspec.Struct | None:
        if keep is not None:
            keep(self._answer)
        return self._answer

    def correlation_of(self, resource: str, connection_id: str) -> str | None:
        return None

    def openid_configuration(self, base_url: str) -> dict[str, Any]:
        return {}

    def jwks(self) -> dict[str, Any]:
        return {}


def ours() -> Any:
    canned: Any = Canned()
    return AzureSurface(
        engine=canned,
        identities=canned,
        key_documents=canned,
        access=Access([Resource("devresource", DEVELOPMENT_RESOURCE_ID, (DEVELOPMENT_ACCESS_KEY,))]),
        clock=LoopClock(),
        public_url="http://127.0.0.1",
    )


async def serve(which: str) -> None:
    """A child: print the port, serve until standard input closes."""
    app = ours() if which == "ours" else bare()
    servers = HttpServers(app, ServerSettings(bind=Address("127.0.0.1", 0)))
    await servers.start()
    assert servers.http is not None
    print(servers.http.port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await servers.stop()


# --- the load -------------------------------------------------------------------------------------------


class Server:
    """A child process and its CPU time."""

    def __init__(self, which: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.api", which], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def cpu(self) -> float:
        """User and system seconds of the thread that serves, so far."""
        with open(f"/proc/{self._process.pid}/schedstat", "rb") as file:
            return int(file.read().split()[0]) / 1e9

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


async def load(port: int, requests: int) -> None:
    """Send ``requests`` requests; every one must be answered 201."""
    host = f"127.0.0.1:{port}"
    signed = sign("POST", PATH, host, BODY, KEY, time.time())
    fixed = {
        "Host": host,
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "Connection": "keep-alive",
        "User-Agent": "azsdk-python-communication-callautomation/1.6.0 Python/3.11 (Linux)",
        "x-ms-return-client-request-id": "true",
        "x-ms-client-request-id": str(uuid.uuid4()),
        "Content-Length": str(len(BODY)),
        "Repeatability-First-Sent": imf_fixdate(time.time()),
        **signed,
    }
    head = f"POST {PATH} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fixed.items())
    prefix = head.encode() + b"Repeatability-Request-ID: "

    async def one(count: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count):
            writer.write(prefix + str(uuid.uuid4()).encode() + b"\r\n\r\n" + BODY)
            answered = await reader.readuntil(b"\r\n\r\n")
            assert answered.startswith(b"HTTP/1.1 201"), answered
            length = int(answered.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(one(requests // CONNECTIONS) for _ in range(CONNECTIONS)))


async def measure(server: Server) -> float:
    """CPU in microseconds a request."""
    before = server.cpu()
    await load(server.port, REQUESTS)
    return (server.cpu() - before) / REQUESTS * 1e6


async def main() -> None:
    servers = {which: Server(which) for which in ("bare", "ours")}
    try:
        for server in servers.values():
            await load(server.port, REQUESTS // 4)
        rounds = [{which: await measure(server) for which, server in servers.items()} for _ in range(ROUNDS)]
    finally:
        for server in servers.values():
            server.close()
    for one in rounds:
        print("  ".join(f"{which} {cpu:.1f} us" for which, cpu in one.items()), file=sys.stderr)
    least = {which: min(one[which] for one in rounds) for which in servers}
    figure("api.request.ratio", least["ours"] / least["bare"], "x", TARGET_RATIO)
    figure("api.request.cpu", least["ours"], "us", None)
    await events(least["bare"])


async def events(bare_request: float) -> None:
    """The figures of webhook events; ``bare_request`` is the CPU of a request to the bare app."""
    receiver = Receiver()
    await receiver.start()
    senders = {which: Child(which, receiver) for which in ("bare", "ours")}
    try:
        for sender in senders.values():
            await sender.ready()
        for sender in senders.values():
            await sender.round()
        rounds = [
            {which: await sender.round() for which, sender in senders.items()} for _ in range(EVENT_ROUNDS)
        ]
    finally:
        for sender in senders.values():
            sender.close()
        receiver.stop()
    for one in rounds:
        said = "  ".join(f"{which} {at.cpu:.0f} us {at.rate:.0f}/s" for which, at in one.items())
        print(f"events: {said}", file=sys.stderr)
    least = {which: min(one[which].cpu for one in rounds) for which in senders}
    figure("api.event.ratio", least["ours"] / bare_request, "x", TARGET_EVENT_RATIO)
    figure("api.event.bare.ratio", least["ours"] / least["bare"], "x", TARGET_EVENT_BARE_RATIO)
    figure("api.event.cpu", least["ours"], "us", None)
    rate = max(one["ours"].rate for one in rounds)
    figure("api.event.rate", rate, "events/s", TARGET_EVENT_RATE, at_least=True)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1]) if len(sys.argv) > 1 else main())
