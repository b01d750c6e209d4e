"""``hookflash media`` and ``hookflash drain`` against a server that answers as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hookflash.cli.commands import cli

WORKER = {
    "worker": 0,
    "state": "full",
    "reason": "its ticks take 81% of its core",
    "pid": 4711,
    "legs": 3200,
    "load": 0.81,
    "measuredLoad": 0.8,
    "lateMs": 1.2,
    "busyMs": 16.4,
    "skippedTicks": 0,
    "starts": 1,
    "uptimeSeconds": 7300.0,
    "silenceSeconds": 0.2,
}
TOTALS = {"legsClosed": 5, "callsRefused": 7, "callsLost": 2, "workersLost": 1, "meanMos": 4.21}
LEG = {
    "leg": 12,
    "kind": "phone",
    "worker": 0,
    "correlationId": "c",
    "callConnectionIds": ["2c006980"],
    "codec": "PCMU",
    "port": 4000,
    "remote": "192.0.2.1:9000",
    "encrypted": True,
    "quality": {
        "received": 90,
        "lost": 10,
        "discarded": 1,
        "jitterMs": 31.5,
        "roundTripMs": 88.0,
        "mos": 2.4,
    },
}


class Stub:
    """Answers from a table, and takes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, bytes]] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {
            ("GET", "/hookflash/media"): (200, {"workers": [WORKER], "totals": TOTALS}),
            ("GET", "/hookflash/media/legs?order=mos&top=10"): (200, {"value": [LEG]}),
        }
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stub.asked.append((self.command, self.path, self.headers.get("Authorization", ""), body))
                status, answer = stub.answers[self.command, self.path]
                data = b"" if answer is None else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_DELETE = do_GET

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    stub = Stub()
    yield stub
    stub.server.shutdown()
    stub.server.server_close()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_workers_and_the_worst_legs_are_shown(stub: Stub) -> None:
    result = invoke("media", "--url", stub.url, "--key", "secret")
    assert result.exit_code == 0, result.output
    for part in ("4711", "full", "81%", "16.4", "2 h", "takes no new calls: its ticks", "mean MOS 4.21"):
        assert part in result.stdout, part
    for part in ("2.40", "10.0 %", "31.5", "88", "192.0.2.1:9000", "2c006980", "yes"):
        assert part in result.stdout, part
    assert [one[2] for one in stub.asked] == ["Bearer secret"] * 2


def test_a_server_that_is_being_drained_says_so(stub: Stub) -> None:
    draining = {"reason": "by SIGTERM", "calls": 3, "secondsLeft": 12.5}
    stub.answers["GET", "/hookflash/media"] = (
        200,
        {"workers": [{**WORKER, "reason": ""}], "totals": TOTALS, "draining": draining},
    )
    result = invoke("media", "--url", stub.url, "--legs", "0")
    assert "draining, by SIGTERM: 3 calls go on for up to 12.5 s" in result.stdout
    assert "takes no new calls" not in result.stdout
    assert len(stub.asked) == 1


def test_draining_is_commanded(stub: Stub) -> None:
    view = {"reason": "as told", "calls": 3, "secondsLeft": 90.0}
    stub.answers["POST", "/hookflash/drain"] = (202, view)
    stub.answers["DELETE", "/hookflash/drain"] = (204, None)
    stub.answers["POST", "/hookflash/media/workers/1:drain"] = (202, {**WORKER, "worker": 1})
    assert "3 go on for up to 90 s" in invoke("drain", "--url", stub.url, "--seconds", "90").output
    assert "taken again" in invoke("drain", "--url", stub.url, "--cancel").output
    assert "once its 3200 legs are gone" in invoke("drain", "--url", stub.url, "--worker", "1").output
    assert [(one[0], one[3]) for one in stub.asked] == [
        ("POST", b'{"seconds": 90.0}'),
        ("DELETE", b""),
        ("POST", b""),
    ]


def test_a_refusal_is_shown_with_its_reason(stub: Stub) -> None:
    body = {"error": {"code": "7501", "message": "This part of /hookflash asks for a key."}}
    stub.answers["GET", "/hookflash/media"] = (401, body)
    result = invoke("media", "--url", stub.url)
    assert result.exit_code == 1
    assert "asks for a key" in result.output


def test_a_server_that_is_not_there_is_told_of(stub: Stub) -> None:
    stub.server.server_close()
    result = invoke("media", "--url", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "does not answer" in result.output
    assert invoke("drain", "--url", "nonsense").exit_code == 1
