"""Event Grid against a real server: handshakes, filters, attempts across ``kill -9``, dead letters."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from system.handset import Handset
from system.harness import NUMBER, Server, Webhook
from system.processes import wait_gone, worker_of

PATIENCE = 120.0


class Endpoint:
    """A subscriber: validates in both schemas, answers ``status`` to events, keeps what came by path."""

    def __init__(self) -> None:
        self.status = 200
        self.came: list[tuple[str, dict[str, str], Any]] = []
        self._changed = threading.Condition()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_OPTIONS(self) -> None:
                self._answer(200, b"", {"WebHook-Allowed-Origin": self.headers["WebHook-Request-Origin"]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers["aeg-event-type"] == "SubscriptionValidation":
                    code = body[0]["data"]["validationCode"]
                    return self._answer(200, json.dumps({"validationResponse": code}).encode(), {})
                with endpoint._changed:
                    endpoint.came.append((self.path, headers, body))
                    endpoint._changed.notify_all()
                return self._answer(endpoint.status, b"", {})

            def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def at(self, path: str) -> list[tuple[dict[str, str], Any]]:
        with self._changed:
            return [(headers, body) for where, headers, body in self.came if where == path]

    def wait(self, path: str, count: int) -> list[tuple[dict[str, str], Any]]:
        """The first ``count`` that came to ``path``, once they have."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: sum(where == path for where, _, _ in self.came) >= count, PATIENCE
            )
        assert arrived, f"{len(self.at(path))} of {count} came to {path}"
        return self.at(path)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    made = Webhook()
    yield made
    made.close()


def subscription(name: str, url: str, *lines: str) -> str:
    head = ["[[subscription]]", f'name = "{name}"', 'resource = "tests"', f'endpoint = "{url}"']
    return "\n".join([*head, *lines]) + "\n"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)


def test_each_subscription_gets_what_it_asked_for(
    tmp_path: Path, webhook: Webhook, endpoint: Endpoint, phone: Handset
) -> None:
    number = 'key = "data.to.PhoneNumber.Value"'
    extra = (
        subscription(
            "mine",
            f"{endpoint.url}/mine",
            f'advanced_filters = [{{operatorType = "StringIn", {number}, values = ["{NUMBER}"]}}]',
        )
        + subscription(
            "others",
            f"{endpoint.url}/others",
            f'advanced_filters = [{{operatorType = "StringNotIn", {number}, values = ["{NUMBER}"]}}]',
        )
        + subscription("cloud", f"{endpoint.url}/cloud", 'schema = "CloudEventSchemaV1_0"')
    )
    with Server(tmp_path, webhook, extra) as server:
        phone.start(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
        ((headers, (event,)),) = endpoint.wait("/mine", 1)
        assert (headers["aeg-subscription-name"], headers["aeg-delivery-count"]) == ("mine", "0")
        ((headers, cloud),) = endpoint.wait("/cloud", 1)
        assert headers["origin"] == "eventgrid.azure.net"
        assert (cloud["id"], cloud["data"]) == (event["id"], event["data"])
        webhook.incoming.get(timeout=PATIENCE)
        assert endpoint.at("/others") == []


def test_attempts_go_on_after_kill_9_until_the_dead_letter(
    tmp_path: Path, webhook: Webhook, endpoint: Endpoint, phone: Handset
) -> None:
    extra = subscription(
        "grid", f"{endpoint.url}/grid", "max_attempts = 3", "ttl_minutes = 60", 'dead_letter = "lost"'
    )
    server = Server(tmp_path, webhook, extra)
    try:
        server.start()
        endpoint.status = 500
        phone.start(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
        began = time.monotonic()
        endpoint.wait("/grid", 1)
        # The attempt must be on disk, and nothing but time brings the next one.
        until(lambda: counts_of(tmp_path) == [1])
        worker = worker_of(server)
        server.kill()
        wait_gone(worker)
        endpoint.status = 400
        server.start()
        first, second = endpoint.wait("/grid", 2)
        assert time.monotonic() - began >= 10.0
        assert [headers["aeg-delivery-count"] for headers, _ in (first, second)] == ["0", "1"]
        assert first[1] == second[1]
        folder = tmp_path / "state" / "dead-letters" / "lost"
        until(lambda: folder.exists() and any(folder.glob("*.json")))
        (path,) = folder.glob("*.json")
        letter = json.loads(path.read_text())
        assert letter["id"] == first[1][0]["id"] == path.stem
        assert letter["deadLetterReason"] == "UndeliverableDueToHttpBadRequest"
        assert (letter["deliveryAttempts"], letter["lastHttpStatusCode"]) == (2, 400)
        assert len(endpoint.at("/grid")) == 2
    finally:
        server.stop()


def counts_of(folder: Path) -> list[int]:
    """How often each parked delivery was tried, as the disk has it."""
    with sqlite3.connect(f"file:{folder / 'state' / 'journal.db'}?mode=ro", uri=True) as journal:
        return [tries for (tries,) in journal.execute("SELECT tries FROM outbox WHERE parked = 1")]
