"""A page in Chromium registers over a WebSocket, rings when its user is called, and is gone with its tab."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from azure.communication.callautomation import CommunicationUserIdentifier
from cli.test_cli_media import invoke
from sip.certificate_files import Authority
from system.conftest import System
from system.harness import ACCESS_KEY, RESOURCE_ID, Server, Webhook

from hookflash.loopback import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(not CHROMIUM, reason="needs chromium: apt-get install chromium"),
]
BOB = f"8:acs:{RESOURCE_ID}_bob"
PAGE = (Path(__file__).parent / "browser" / "phone.html").read_bytes()
SECONDS = 60.0
"""A browser takes its time to start on a busy machine."""


class Site:
    """Serves the page, and keeps what it says."""

    def __init__(self) -> None:
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        said = self.said

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(PAGE)

            def do_POST(self) -> None:
                said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}).start()

    def wait(self, kind: str) -> dict[str, Any]:
        """The next thing of a kind; what comes before is passed over."""
        deadline = time.monotonic() + SECONDS
        seen = []
        while True:
            try:
                one = self.said.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the page said no {kind}, but {seen}") from None
            if one["kind"] == kind:
                return one
            seen.append(one)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Office(System):
    """A server with a WebSocket, and the site whose pages may use it."""

    site: Site
    ws: str
    wss: str


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("browser")
    site, webhook, port, secure = Site(), Webhook(), free_port(), free_port()
    cert, key = Authority(folder).sign("server", dns=("localhost",), addresses=("127.0.0.1",))
    entry = f'[[phone]]\nusername = "bob"\npassword = "bobs-secret"\nuser = "{BOB}"\n'
    server = Server(folder, webhook, entry, unowned_numbers=False)
    lines = (
        f'ws_bind = "127.0.0.1:{port}"\nwss_bind = "127.0.0.1:{secure}"\n'
        f'tls_cert = "{cert}"\ntls_key = "{key}"\nws_origins = ["http://127.0.0.1:{site.port}"]\n'
        "unknown_callers = false\nanswer_strangers = false\n"
    )
    server.config.write_text(server.config.read_text().replace("[sip]\n", f"[sip]\n{lines}"))
    try:
        with server:
            urls = f"ws://127.0.0.1:{port}", f"wss://127.0.0.1:{secure}"
            yield Office(server, webhook, "", Path(), site, *urls)
    finally:
        webhook.close()
        site.close()


@pytest.fixture
def browse(office: Office, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Opens the page in a browser of its own."""
    running: list[subprocess.Popen[bytes]] = []

    def start(host: str = "127.0.0.1", **more: str) -> subprocess.Popen[bytes]:
        query = urlencode({"url": office.ws, "user": "bob", "password": "bobs-secret"} | more)
        command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += [f"--user-data-dir={tmp_path / str(len(running))}", "--no-first-run", "--proxy-server="]
        command += ["--disable-background-networking", "--disable-component-update"]
        command += ["--ignore-certificate-errors"]
        running.append(
            subprocess.Popen(
                [*command, f"http://{host}:{office.site.port}/phone.html?{query}"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.wait()


def registered(office: Office) -> str:
    """What the command line shows."""
    result = invoke("registrations", "--url", office.server.url, "--key", ACCESS_KEY)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(("transport", "binary"), [("WS", ""), ("WSS", "1")])
def test_a_page_registers_is_called_and_leaves(
    office: Office, browse: Any, transport: str, binary: str
) -> None:
    browser = browse(url=office.ws if transport == "WS" else office.wss, binary=binary)
    opened = office.site.wait("open")
    assert (opened["protocol"], opened["extensions"]) == ("sip", "")
    answer = office.site.wait("answer")
    assert answer["start"] == "SIP/2.0 200 OK"
    assert ".invalid;transport=ws;ob>" in answer["contacts"][0]
    office.site.wait("pong")
    assert f" {transport} " in registered(office)
    office.webhook.forget()
    office.client().create_call(CommunicationUserIdentifier(BOB), f"{office.webhook.url}/callbacks")
    invite = office.site.wait("request")
    assert invite["start"].startswith("INVITE sip:bob@")
    assert invite["start"].endswith(".invalid;transport=ws;ob SIP/2.0")
    assert office.site.wait("request")["start"].startswith("ACK ")
    # Its user has an app as well, which is still being asked.
    incoming = office.webhook.incoming.get(timeout=10)
    office.client().reject_call(incoming["incomingCallContext"])
    office.webhook.wait("CreateCallFailed")
    browser.kill()
    deadline = time.monotonic() + SECONDS
    while "no phone is registered" not in registered(office):
        assert time.monotonic() < deadline, "the phone of a closed page stays registered"
        time.sleep(0.1)


def test_a_page_of_another_origin_gets_no_socket(office: Office, browse: Any) -> None:
    browse(host="localhost")
    assert office.site.wait("closed")["code"] == 1006
    assert office.site.said.empty()
