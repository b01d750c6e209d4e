"""The HTTP side of an app under test: catches what the server sends, and serves prompt files.

It runs in threads of its own, so that a test may block. IncomingCall and the other Event Grid events come to
``/events``; every other path takes callbacks.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PREFIX = "Microsoft.Communication."
"""What every event type begins with; names are given without it."""
EVENTS = "/events"
"""The path of Event Grid events."""

_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"

Data = dict[str, Any]


class Webhook:
    """A running HTTP server on loopback, until :meth:`close`.

    Attributes:
        url: its base URL; any path below it may be a callback URI.
        files: what GET serves, by path ("/hello.wav").
        on_event: called with name and data of each event as it comes, in a thread of its own.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.on_event: Callable[[str, Data], None] | None = None
        self._caught: list[tuple[str, Data]] = []
        self._changed = threading.Condition()
        handler = type("Handler", (_Handler,), {"webhook": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def events(self, name: str | None = None, **match: object) -> list[Data]:
        """The data of the events so far with this name and these values, in order of arrival."""
        with self._changed:
            return [data for found, data in self._caught if name in (None, found) and _fits(data, match)]

    def names(self, **match: object) -> list[str]:
        """The names of the events so far whose data has these values, in order of arrival."""
        with self._changed:
            return [name for name, data in self._caught if _fits(data, match)]

    def wait(self, name: str, timeout: float = 15.0, **match: object) -> Data:
        """The data of the first event of this name whose data has these values.

        Raises AssertionError when it does not come within ``timeout`` seconds; the message lists what did.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for found, data in self._caught:
                    if found == name and _fits(data, match):
                        return data
                left = deadline - time.monotonic()
                if left <= 0:
                    came = ", ".join(found for found, _ in self._caught) or "nothing"
                    raise AssertionError(f"no {name} {match or ''} within {timeout} s; there came: {came}")
                self._changed.wait(left)

    def forget(self) -> None:
        """Forget every event so far."""
        with self._changed:
            self._caught.clear()

    def take(self, path: str, body: bytes) -> bytes:
        """One POST; the body of its answer."""
        for event in json.loads(body):
            kind = event.get("type") or event.get("eventType")
            if kind == _VALIDATION:
                return json.dumps({"validationResponse": event["data"]["validationCode"]}).encode()
            name = str(kind).removeprefix(PREFIX)
            with self._changed:
                self._caught.append((name, event["data"]))
                self._changed.notify_all()
            if self.on_event is not None:
                threading.Thread(target=self.on_event, args=(name, event["data"]), daemon=True).start()
        return b""


def _fits(data: Data, match: dict[str, object]) -> bool:
    return all(data.get(name) == value for name, value in match.items())


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    webhook: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(200, self.webhook.take(self.path, body), "application/json")

    def do_GET(self) -> None:
        data = self.webhook.files.get(self.path)
        self._answer(200 if data is not None else 404, data or b"", "audio/wav")

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
