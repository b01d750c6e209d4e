"""``python -m bench.flows``: complete call flows a second.

A flow: a virtual phone calls a number; the app gets the IncomingCall, answers, plays a prompt of 0.2 s,
recognises one key that the phone presses, and hangs up. Every HTTP request is signed and every event is
signed, journalled and delivered, as always; ``hookflash serve`` runs as a user would start it, with its media
worker. This process is the phones' script, the app and the webhook, on the same cores: it talks HTTP by hand,
so as to be the small part of the load.

Flows are begun at a fixed rate, whatever becomes of the earlier ones, and the rate is raised until they no
longer end as fast as they begin. ``flows.rate`` is the last rate that held.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import re
import subprocess
import sys
import tempfile
import time
import uuid
import wave
from collections import deque
from pathlib import Path
from typing import Any

import uvloop

from bench.figures import figure
from hookflash.config import DEVELOPMENT_ACCESS_KEY
from hookflash.loopback import free_port
from hookflash.wire.hmac import decode_key, sign
from hookflash.wire.timestamps import imf_fixdate

TARGET_RATE = 100.0
RATES = (25, 50, 75, 100, 125, 150, 200)
SECONDS = 6.0
"""How long each rate is offered."""
PATIENCE = 5.0
"""Seconds within which the last flows of a rate have to end."""
NUMBER = "+18005550100"
PHONES = 600
VERSION = "api-version=2026-03-12"
KEY = decode_key(DEVELOPMENT_ACCESS_KEY)
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def prompt() -> bytes:
    """0.2 s of a quiet tone, as the contract wants it: WAV, mono, 16 bits, 16 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(b"\x00\x04\x00\xfc" * 1600)
    return file.getvalue()


class Messages(asyncio.Protocol):
    """HTTP/1.1 messages with a Content-Length, cut out of a connection."""

    def __init__(self) -> None:
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while True:
            head, blank, rest = self._data.partition(b"\r\n\r\n")
            if not blank:
                return
            found = _LENGTH.search(head)
            length = int(found[1]) if found else 0
            if len(rest) < length:
                return
            self._data = rest[length:]
            self.message(head, rest[:length])

    def message(self, head: bytes, body: bytes) -> None:
        """One whole message."""
        raise NotImplementedError


class Client(Messages):
    """One keep-alive connection to the server."""

    waiting: asyncio.Future[tuple[int, bytes]] | None = None

    def message(self, head: bytes, body: bytes) -> None:
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result((int(head[9:12]), body))


class Webhook(Messages):
    """The app's side: answers 200 and hands the event on; GET is the prompt."""

    def __init__(self, app: App) -> None:
        super().__init__()
        self._app = app

    def message(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET"):
            answer = self._app.prompt
        else:
            answer = self._app.told(json.loads(body)[0])
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)


class App:
    """The app, the phones' hands, and the clock over both."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.prompt = prompt()
        self.url = ""
        self.begun: dict[str, float] = {}
        self.seen: dict[str, str] = {}
        self.spans: list[float] = []
        self.faults: list[str] = []
        self._free: deque[Client] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._next = 0

    async def listen(self) -> None:
        """Begin to take events in."""
        server = await asyncio.get_running_loop().create_server(lambda: Webhook(self), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def request(self, method: str, path: str, body: object = None) -> bytes:
        """A signed request; notes a fault unless it succeeds."""
        data = b"" if body is None else json.dumps(body).encode()
        headers = {
            "Host": self.host,
            "Content-Length": str(len(data)),
            "Content-Type": "application/json",
            "Repeatability-Request-ID": str(uuid.uuid4()),
            "Repeatability-First-Sent": imf_fixdate(time.time()),
            **sign(method, path, self.host, data, KEY, time.time()),
        }
        head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        loop = asyncio.get_running_loop()
        if self._free:
            client = self._free.pop()
        else:
            _, client = await loop.create_connection(Client, "127.0.0.1", self.port)
        client.waiting = loop.create_future()
        client.transport.write(head.encode() + b"\r\n" + data)
        status, answer = await client.waiting
        self._free.append(client)
        if status >= 300:
            self.faults.append(f"{method} {path}: {status} {answer[:300]!r}")
        return answer

    def told(self, event: dict[str, Any]) -> bytes:
        """One event; what the app does next about its call."""
        name = event.get("eventType") or event["type"]
        data = event["data"]
        if name == "Microsoft.EventGrid.SubscriptionValidationEvent":
            return json.dumps({"validationResponse": data["validationCode"]}).encode()
        name = name.rpartition(".")[2]
        self.seen[data.get("operationContext") or data.get("from", {}).get("rawId", "")] = name
        match name:
            case "IncomingCall":
                caller = data["from"]["rawId"]
                body = {
                    "incomingCallContext": data["incomingCallContext"],
                    "callbackUri": f"{self.url}/events",
                    "operationContext": caller,
                }
                self._do("POST", f"/calling/callConnections:answer?{VERSION}", body)
            case "CallConnected":
                source = {"kind": "file", "file": {"uri": f"{self.url}/prompt.wav"}}
                body = {"playSources": [source], "playTo": [], "operationContext": data["operationContext"]}
                self._do("POST", self._path(data, ":play"), body)
            case "PlayCompleted":
                caller = data["operationContext"]
                options = {
                    "targetParticipant": {"rawId": caller, "phoneNumber": {"value": caller[2:]}},
                    "dtmfOptions": {"maxTonesToCollect": 1},
                }
                body = {
                    "recognizeInputType": "dtmf",
                    "recognizeOptions": options,
                    "operationContext": caller,
                }
                self._do("POST", self._path(data, ":recognize"), body)
            case "RecognizeCompleted":
                self._do("DELETE", self._path(data), None)
            case "CallDisconnected":
                begun = self.begun.pop(data["operationContext"], None)
                if begun is not None:
                    self.spans.append(time.perf_counter() - begun)
                    if not self.begun:
                        self._ended.set()
            case "PlayFailed" | "RecognizeFailed" | "AnswerFailed" as failed:
                self.faults.append(f"{failed}: {data['resultInformation']}")
        return b""

    def _path(self, data: dict[str, Any], verb: str = "") -> str:
        return f"/calling/callConnections/{data['callConnectionId']}{verb}?{VERSION}"

    def _do(self, method: str, path: str, body: object) -> None:
        async def ask() -> None:
            await self.request(method, path, body)

        task = asyncio.create_task(ask())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def offer(self, rate: float) -> tuple[float, float]:
        """Begin ``rate`` flows a second; flows ended a second, and the 99th percentile of their seconds."""
        self.spans.clear()
        started = time.perf_counter()
        count = int(rate * SECONDS)
        for number in range(count):
            wait = started + number / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            phone = self._next = (self._next + 1) % PHONES
            caller = f"4:+1425{phone:07d}"
            self.begun[caller] = time.perf_counter()
            self.seen.pop(caller, None)
            self._do("POST", f"/hookflash/phones/p{phone}/call", {"to": NUMBER})
        self._ended.clear()
        if self.begun:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), PATIENCE)
        unfinished = len(self.begun)
        if unfinished:
            stages = ", ".join(sorted({self.seen.get(caller, "nothing") for caller in self.begun}))
            self.faults.append(f"{unfinished} flows of {count} did not end; the last event was {stages}")
            self.begun.clear()
        spans = sorted(self.spans)
        took = time.perf_counter() - started
        # The flow itself takes a second and more; only what adds to it is the server's.
        ended = len(spans) / max(SECONDS, took - spans[0] if spans else took)
        return ended, spans[int(0.99 * (len(spans) - 1))] if spans else 0.0


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        await run(Path(folder))


async def run(folder: Path) -> None:
    """Start the server, make the phones, raise the rate."""
    port = await asyncio.to_thread(free_port)
    app = App(port)
    await app.listen()
    config = folder / "hookflash.toml"
    config.write_text(
        f'[server]\nbind = "127.0.0.1:{port}"\ndata_dir = "{folder}/state"\n'
        f'[sip]\nbind = "127.0.0.1:{await asyncio.to_thread(free_port)}"\n'
        f'[[number]]\ne164 = "{NUMBER}"\nresource = "devresource"\n'
        f'[[subscription]]\nname = "app"\nresource = "devresource"\nendpoint = "{app.url}/incoming"\n'
        'event_types = ["Microsoft.Communication.IncomingCall"]\n'
    )
    log = (folder / "server.log").open("wb")
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hookflash", "serve", "--config", str(config)),
        stdout=log,
        stderr=subprocess.STDOUT,
        cwd=folder,
    )
    try:
        await until_ready(app, server)
        for phone in range(PHONES):
            script = {"press": [{"afterMs": 1200, "digits": "5"}]}
            await app.request(
                "PUT", f"/hookflash/phones/p{phone}", {"identity": f"+1425{phone:07d}", "script": script}
            )
        await app.offer(10)
        app.faults.clear()
        best, beside = 0.0, ""
        for rate in RATES:
            ended, p99 = await app.offer(rate)
            print(f"offered {rate}/s: ended {ended:.1f}/s, p99 {p99 * 1000:.0f} ms", file=sys.stderr)
            if app.faults or ended < 0.95 * rate:
                print("\n".join(app.faults[:3]), file=sys.stderr)
                break
            best, beside = rate, f"{p99 * 1000:.0f}"
        figure("flows.rate", best, "flows/s", TARGET_RATE, at_least=True)
        if beside:
            figure("flows.p99", float(beside), "ms", None)
    finally:
        if server.returncode is None:
            server.terminate()
            await server.wait()
        log.close()
        if sys.exc_info()[0] is not None:
            print((folder / "server.log").read_text()[-2000:], file=sys.stderr)


async def until_ready(app: App, server: asyncio.subprocess.Process) -> None:
    """Wait until calls can be taken."""
    while server.returncode is None:
        try:
            answer = await app.request("GET", "/hookflash/ready")
        except OSError:
            answer = b""
        if b'"ready"' in answer:
            app.faults.clear()
            return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server did not start")


if __name__ == "__main__":
    uvloop.run(main())
