"""Apps that do what the how-to pages show, in Python and in JavaScript: snippets by name, events in order."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import howto_python
from azure.communication.callautomation import CallAutomationClient
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from azure.core.messaging import CloudEvent
from javascript_app import JavaScriptApp, needs_the_sdk
from system.harness import ACCESS_KEY, PREFIX, Server

from hookflash.loopback import free_port

CALLBACKS, OPERATION = "/callbacks", "/operation"
UNASKED = ("CallConnected", "ParticipantsUpdated")
"""Events of the call itself, which come between those of operations."""
LONG = 120.0
"""Seconds that an event may take: the first ones start the voice and the recogniser."""


class RefusedError(Exception):
    """The server refused an operation."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status}/{code}")
        self.status, self.code = status, code


@dataclass(frozen=True)
class Event:
    """An event: its kind, where it came to, its data, and what the page's handler reads of it."""

    kind: str
    path: str
    data: Mapping[str, Any]
    read: Mapping[str, Any] | None

    @property
    def result(self) -> tuple[int, int]:
        information = self.data["resultInformation"]
        return information["code"], information["subCode"]


class HowtoApp:
    """What both have. ``url`` is where their webhooks are; ``given`` is what a reader fills in."""

    def __init__(self, url: str) -> None:
        self.given: dict[str, Any] = {
            "callbackUrl": url + CALLBACKS,
            "operationCallbackUrl": url + OPERATION,
            "cognitiveServicesEndpoint": "https://speech.example.net/",
        }
        self._events: dict[str, list[Event]] = {CALLBACKS: [], OPERATION: []}
        self._roster: list[Event] = []
        self._changed = threading.Condition()

    def do(self, snippet: str, **given: Any) -> dict[str, Any]:
        """Do what a snippet shows; what the SDK gave back. Raises :class:`RefusedError`."""
        raise NotImplementedError

    def next(self, kind: str, path: str = CALLBACKS) -> Event:
        """The next event of the operations that has come to a path, which has to be of this kind."""
        event = self.take(path, kind)
        assert event.kind == kind, f"{event.kind} instead of {kind}: {event.data}"
        return event

    def take(self, path: str = CALLBACKS, what: str = "event") -> Event:
        """The next event of the operations that has come to a path."""
        waiting = self._events[path]
        return self._await(lambda: waiting.pop(0) if waiting else None, f"{what} at {path}")

    def connected(self) -> None:
        """Wait for CallConnected."""
        self._await(
            lambda: next((e for e in self._roster if e.kind == "CallConnected"), None), "CallConnected"
        )

    def roster(self, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
        """Wait for a roster with a participant that is as wanted: everybody's id, isMuted and isOnHold."""

        def find() -> Event | None:
            for event in self._roster:
                if event.read is not None and any(map(wanted, event.read["people"])):
                    return event
            return None

        found = self._await(find, "such a roster").read
        assert found is not None
        people: list[dict[str, Any]] = found["people"]
        return people

    def forget_rosters(self) -> None:
        """Those that have come so far."""
        with self._changed:
            self._roster.clear()

    def close(self) -> None:
        """End it."""

    def _come(self, event: Event) -> None:
        with self._changed:
            (self._roster if event.kind in UNASKED else self._events[event.path]).append(event)
            self._changed.notify_all()

    def _await(self, find: Callable[[], Event | None], what: str) -> Event:
        deadline = time.monotonic() + LONG
        with self._changed:
            while (found := find()) is None:
                left = deadline - time.monotonic()
                assert left > 0, f"no {what} within {LONG:g} s; waiting: {self._events}"
                self._changed.wait(left)
        return found


class PythonApp(HowtoApp):
    """On the official Python SDK; its events come to an HTTP server of its own."""

    def __init__(self, server: Server) -> None:
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()
                app._posted(self.path, body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        super().__init__(f"http://127.0.0.1:{self._http.server_port}")
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        self._client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))

    def do(self, snippet: str, **given: Any) -> dict[str, Any]:
        try:
            answer = howto_python.SNIPPETS[snippet](self._client, {**self.given, **given})
        except HttpResponseError as error:
            raise RefusedError(error.status_code or 0, str(getattr(error.error, "code", ""))) from None
        return {
            "callConnectionId": getattr(answer, "call_connection_id", None),
            "operationContext": getattr(answer, "operation_context", None),
        }

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _posted(self, path: str, body: bytes) -> None:
        (posted,) = json.loads(body)
        event = CloudEvent.from_dict(posted)
        kind, data = event.type.removeprefix(PREFIX), event.data
        assert isinstance(data, dict)
        try:
            reader = howto_python.READERS.get(kind)
            read = None if reader is None else reader(data)
        except KeyError as missing:  # the page's handler fails so; the test that waits for the event shows it
            read = {"error": f"no {missing}"}
        self._come(Event(kind, path, data, read))


class JavaScriptHowto(HowtoApp):
    """On the official JavaScript SDK: ``howto.mjs`` as a process."""

    def __init__(self, server: Server) -> None:
        needs_the_sdk()
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}")
        self._number = 0
        self._app = JavaScriptApp(
            "howto.mjs", f"endpoint={server.url}/;accesskey={ACCESS_KEY}", port, on_line=self._line
        )
        self._app.wait("step", "listening")

    def do(self, snippet: str, **given: Any) -> dict[str, Any]:
        self._number += 1
        self._app.write({"id": self._number, "do": snippet, "with": {**self.given, **given}})
        answer = self._app.wait("id", self._number)
        if "refused" in answer:
            raise RefusedError(answer["refused"]["status"], answer["refused"]["code"])
        found: dict[str, Any] = answer["answer"]
        return found

    def close(self) -> None:
        self._app.process.kill()
        self._app.process.wait()

    def _line(self, line: dict[str, Any]) -> None:
        if "event" in line:
            self._come(Event(line["event"], line["path"], line["data"], line.get("read")))


APPS: dict[str, type[PythonApp] | type[JavaScriptHowto]] = {
    "python": PythonApp,
    "javascript": JavaScriptHowto,
}
