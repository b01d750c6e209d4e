"""A real server process and a real webhook receiver, for tests that drive both from outside.

The server is ``hookflash serve`` in a process of its own; the app side of each test uses the official SDK and
this receiver. Everything stays on loopback, on ports the test picked, and stops with the test.
"""

from __future__ import annotations

import json
import os
import queue
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from azure.core.messaging import CloudEvent

from hookflash.loopback import free_port

RESOURCE_ID = "6d889502-3d7a-41a8-befa-d21fd80e8767"
ACCESS_KEY = "c3lzdGVtLXRlc3RzLW9ubHktbm90LWEtc2VjcmV0LWtleS0wMQ=="
NUMBER = "+18005550100"
PREFIX = "Microsoft.Communication."
RECOGNISER = "/v1/audio/transcriptions"
"""Where a webhook stands in for a speech service with OpenAI's interface."""


class Webhook:
    """The HTTP side of an app: Event Grid webhook, callbacks and prompt files.

    Attributes:
        incoming: IncomingCall payloads (the ``data`` object), in order of arrival.
        posts: every callback as ``(authorization, event)``.
        understand: answers what is asked of the speech service: status and body.
    """

    def __init__(self) -> None:
        self.incoming: queue.Queue[dict[str, Any]] = queue.Queue()
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.files: dict[str, bytes] = {}
        self.on_incoming: Callable[[dict[str, Any]], None] | None = None
        self.on_event: Callable[[str, dict[str, Any]], None] | None = None
        self.statuses: list[int] = []
        self.understand: Callable[[bytes], tuple[int, dict[str, Any]]] = lambda request: (404, {})
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, answer = receiver._post(self.path, self.headers.get("Authorization", ""), body)
                self._answer(status, answer, "application/json")

            def do_GET(self) -> None:
                data = receiver.files.get(self.path)
                self._answer(200 if data is not None else 404, data or b"", "audio/wav")

            def _answer(self, status: int, body: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _post(self, path: str, authorization: str, body: bytes) -> tuple[int, bytes]:
        if path.startswith("/incoming"):
            for event in json.loads(body):
                if event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent":
                    return 200, json.dumps({"validationResponse": event["data"]["validationCode"]}).encode()
                self.incoming.put(event["data"])
                if self.on_incoming:
                    threading.Thread(target=self.on_incoming, args=(event["data"],), daemon=True).start()
            return 200, b""
        if path == RECOGNISER:
            status, heard = self.understand(body)
            return status, json.dumps(heard).encode()
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            (event,) = json.loads(body)
            assert CloudEvent.from_dict(event).type == event["type"]  # as apps on the Python SDK read it
            with self._changed:
                self.posts.append((authorization, event))
                self._changed.notify_all()
            if self.on_event:
                name = event["type"].removeprefix(PREFIX)
                threading.Thread(target=self.on_event, args=(name, event), daemon=True).start()
        return status, b""

    def forget(self) -> None:
        """Start anew: no events, no calls."""
        with self._changed:
            self.posts.clear()
        while not self.incoming.empty():
            self.incoming.get_nowait()

    def names(self, connection_id: str | None = None) -> list[str]:
        """Types of the events so far, without their prefix, in order of arrival."""
        return [e["type"].removeprefix(PREFIX) for e in self.events(connection_id)]

    def events(self, connection_id: str | None = None) -> list[dict[str, Any]]:
        """The CloudEvents so far."""
        with self._changed:
            return [e for _, e in self.posts if connection_id in (None, e["data"]["callConnectionId"])]

    def wait(self, name: str, timeout: float = 15, **match: object) -> dict[str, Any]:
        """The data of the first event of this type whose data has these values.

        Raises:
            AssertionError: it did not come within ``timeout`` seconds; the message lists what did.
        """
        return self.wait_for(
            lambda found, data: found == name and all(data.get(k) == v for k, v in match.items()),
            timeout,
            f"{name} {match}",
        )

    def wait_count(self, name: str, count: int, timeout: float = 30) -> None:
        """Wait until this many events of a type have come."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while (found := sum(event["type"] == PREFIX + name for _, event in self.posts)) < count:
                left = deadline - time.monotonic()
                assert left > 0, f"{found} of {count} {name} within {timeout} s"
                self._changed.wait(left)

    def wait_for(
        self,
        wanted: Callable[[str, dict[str, Any]], bool],
        timeout: float = 15,
        what: str = "such event",
    ) -> dict[str, Any]:
        """The data of the first event that ``wanted`` (given its short name and data) is true of."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for _, event in self.posts:
                    data: dict[str, Any] = event["data"]
                    if wanted(event["type"].removeprefix(PREFIX), data):
                        return data
                left = deadline - time.monotonic()
                if left <= 0:
                    seen = [
                        (event["type"].removeprefix(PREFIX), event["data"].get("operationContext"))
                        for _, event in self.posts
                    ]
                    raise AssertionError(f"no {what} within {timeout} s; seen: {seen}")
                self._changed.wait(left)


START = 240
"""Seconds a server may take to become ready: the first one compiles the media plane."""


class Server:
    """``hookflash serve`` as a process; ``media`` are more lines for that section, ``extra`` for the end."""

    def __init__(
        self, folder: Path, webhook: Webhook, extra: str = "", *, media: str = "", **server: object
    ) -> None:
        self.http_port = free_port()
        self.sip_port = free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.folder = folder
        self.log = folder / "server.log"
        settings = {
            "bind": f"127.0.0.1:{self.http_port}",
            "data_dir": str(folder / "state"),
            "drain_seconds": 0,  # a test that leaves a call up need not wait for it
            **server,
        }
        lines = ["[server]", *(f"{k} = {json.dumps(v)}" for k, v in settings.items())]
        lines += ["[sip]", f'bind = "127.0.0.1:{self.sip_port}"']
        first = 10000 + 2 * random.randrange(3000)  # its own ports: several servers may run at once
        lines += ["[media]", f'rtp_ports = "{first}-{first + 3999}"', media]
        lines += [
            "[[resource]]",
            'name = "tests"',
            f'id = "{RESOURCE_ID}"',
            f'access_keys = ["{ACCESS_KEY}"]',
        ]
        lines += ["[[number]]", f'e164 = "{NUMBER}"', 'resource = "tests"']
        lines += [
            "[[subscription]]",
            'name = "app"',
            'resource = "tests"',
            f'endpoint = "{webhook.url}/incoming"',
        ]
        if "[speech]" not in extra:
            # Most servers here say nothing, and a voice takes a second of a core to start.
            lines += ["[speech]", 'start = "demand"', "first_audio = 30"]
        self.config = folder / "hookflash.toml"
        self.config.write_text("\n".join(lines) + "\n" + extra)
        self.process: subprocess.Popen[bytes] | None = None
        self.command = [sys.executable]
        """Runs Python; with something before it, that as well."""

    def start(self) -> Server:
        """Start and wait until calls can be taken.

        Raises:
            AssertionError: the server did not become ready; the message ends with its log.
        """
        command = [*self.command, "-m", "hookflash", "serve", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, env={**os.environ, "COLUMNS": "120"}
            )
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/hookflash/ready", timeout=2) as answer:
                    if answer.status == 200:
                        return self
            except (urllib.error.URLError, OSError):
                pass
            threading.Event().wait(0.05)
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"the server did not become ready:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """``kill -9``: nothing gets a chance to be tidy."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; returns the exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def running(folder: Path, extra: str = "", **options: Any) -> Iterator[tuple[Server, Webhook]]:
    """A server and the webhook of its app, for fixtures; see :class:`Server` for the rest."""
    webhook = Webhook()
    try:
        with Server(folder, webhook, extra, **options) as process:
            yield process, webhook
    finally:
        webhook.close()
