"""Microsoft's emulator of Azure Blob Storage, as a process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import shutil
import subprocess
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest

MAIN = Path(__file__).parent / "javascript/node_modules/azurite/dist/src/blob/main.js"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The emulator's account and its key, which are the same everywhere and public."""
VERSION = "2021-08-06"
START = 60
"""Seconds it may take to start."""


def needs_azurite() -> None:
    """Say what is missing, if anything is."""
    if shutil.which("node") is None or not MAIN.is_file():
        pytest.skip("needs node, and: npm install --prefix tests/interop/javascript --no-save")


class Azurite:
    """The emulator on a port of 127.0.0.1, which keeps in ``folder`` what it is given."""

    def __init__(self, folder: Path, port: int) -> None:
        needs_azurite()
        self.folder = folder
        self.port = port
        self.endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Azurite:
        """Start, and wait until it answers."""
        self.folder.mkdir(exist_ok=True)
        options = ["--blobPort", str(self.port), "--location", str(self.folder)]
        # obstore may speak a newer version of the protocol than it does.
        options += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
        with (self.folder.parent / "azurite.log").open("ab") as log:
            self._process = subprocess.Popen(["node", str(MAIN), *options], stdout=log, stderr=log)
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
                connection.request("GET", "/")
                connection.getresponse().read()
            except OSError:
                threading.Event().wait(0.05)
            else:
                return self
        self.stop()
        raise AssertionError((self.folder.parent / "azurite.log").read_text()[-2000:])

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Azurite:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def make(self, container: str) -> str:
        """A new container; its URL."""
        status, body = self._request(
            "PUT", f"{container}?restype=container", f"{container}\nrestype:container"
        )
        assert status == 201, body
        return f"{self.endpoint}/{container}"

    def blobs(self, container: str) -> dict[str, bytes]:
        """What is in a container, by name."""
        query = f"{container}?restype=container&comp=list"
        _, body = self._request("GET", query, f"{container}\ncomp:list\nrestype:container")
        names = [part.partition("</Name>")[0] for part in body.decode().split("<Name>")[1:]]
        return {name: self._request("GET", f"{container}/{name}", f"{container}/{name}")[1] for name in names}

    def sas(self, container: str, permissions: str = "cw", *, end: str = "2099-01-01T00:00:00Z") -> str:
        """A signature that opens a container."""
        fields = [permissions, "", end, f"/blob/{ACCOUNT}/{container}", "", "", "", VERSION, "c"]
        text = "\n".join([*fields, *[""] * 7])
        return urlencode({"sp": permissions, "se": end, "sv": VERSION, "sr": "c", "sig": _signature(text)})

    def _request(self, method: str, path: str, canonical: str) -> tuple[int, bytes]:
        """A request signed with the account's key."""
        date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        text = method + "\n" * 12 + f"x-ms-date:{date}\nx-ms-version:{VERSION}\n"
        text += f"/{ACCOUNT}/{ACCOUNT}/{canonical}"
        headers = {
            "x-ms-date": date,
            "x-ms-version": VERSION,
            "Authorization": f"SharedKey {ACCOUNT}:{_signature(text)}",
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, f"/{ACCOUNT}/{path}", headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def _signature(text: str) -> str:
    digest = hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)
    return base64.b64encode(digest).decode()
