"""A real ``hookflash serve``, with TLS by a throw-away certificate authority, on loopback."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from issuer import TEAMS_APP, TEAMS_USER, Issuer
from system.certificates import make
from system.processes import children

from hookflash.loopback import free_port

RESOURCE = "6d889502-3d7a-41a8-befa-d21fd80e8767"
OTHER_RESOURCE = "11111111-1111-4111-8111-111111111111"
KEYS = {
    "main": "Y29uZm9ybWFuY2UtbWFpbi1rZXktbm90LWEtc2VjcmV0LTAwMQ==",
    "second": "Y29uZm9ybWFuY2Utc2Vjb25kLWtleS1ub3QtYS1zZWNyZXQtMDE=",
    "other": "Y29uZm9ybWFuY2Utb3RoZXItcmVzb3VyY2Uta2V5LTAwMDAwMDE=",
    "wrong": "bm9ib2R5LWtub3dzLXRoaXMta2V5LWl0LW11c3QtZmFpbC0wMDE=",
}
"""Access keys: ``main`` and ``second`` of one resource, ``other`` of another, ``wrong`` of none."""
TOKEN = "conformance-static-token-0000000000000001"
"""A static bearer token of the main resource."""
SELF = f"8:acs:{RESOURCE}_00000000-0000-4000-8000-000000005e1f"
"""The identity of the client that has one."""
OLDER = ("2023-10-15", "2024-04-15", "2024-09-15", "2025-05-15", "2025-06-15")
"""The api-versions that have a client of their own, of the main resource."""
CLIENTS: dict[str, dict[str, str]] = {
    **{name: {"key": key} for name, key in KEYS.items()},
    "identified": {"key": KEYS["main"], "source": SELF},
    "bearer": {"token": TOKEN},
    "wrongBearer": {"token": "conformance-static-token-9999999999999999"},
    **{version: {"key": KEYS["main"], "version": version} for version in OLDER},
}
"""The clients that a scenario may name, besides ``entra``, whose token the run's issuer signs."""
NUMBER, SECOND_NUMBER, OTHER_NUMBER = "+18005550100", "+18005550101", "+18005550199"


class Serving:
    """The server process; ``environment()`` is what runners must know of it."""

    def __init__(self, work: Path, catcher: str, issuer: Issuer) -> None:
        self.work = work
        self.issuer = issuer
        shutil.rmtree(work / "state", ignore_errors=True)
        self.http_port, self.tls_port, self.sip_port = free_port(), free_port(), free_port()
        self.ca, certificate, key = make(work)
        first = 20000 + 2 * random.randrange(4000)
        lines = [
            "[server]",
            f'bind = "127.0.0.1:{self.http_port}"',
            f'tls_bind = "127.0.0.1:{self.tls_port}"',
            f"tls_cert = {json.dumps(str(certificate))}",
            f"tls_key = {json.dumps(str(key))}",
            f'public_url = "https://127.0.0.1:{self.tls_port}"',
            f"data_dir = {json.dumps(str(work / 'state'))}",
            f'[sip]\nbind = "127.0.0.1:{self.sip_port}"',
            "[limits]\nparticipants_page = 2",
            f'[media]\nrtp_ports = "{first}-{first + 3999}"',
            f'[[resource]]\nname = "main"\nid = "{RESOURCE}"',
            f"access_keys = {json.dumps([KEYS['main'], KEYS['second']])}",
            f"tokens = {json.dumps([TOKEN])}",
            f'[[resource]]\nname = "other"\nid = "{OTHER_RESOURCE}"\naccess_keys = ["{KEYS["other"]}"]',
            f'[[issuer]]\nissuer = "{issuer.url}"\nresource = "main"',
            f'[[number]]\ne164 = "{NUMBER}"\nresource = "main"',
            f'[[number]]\ne164 = "{SECOND_NUMBER}"\nresource = "main"',
            f'[[number]]\ne164 = "{OTHER_NUMBER}"\nresource = "other"',
            '[[speech_provider]]\nkind = "builtin"',
            # Nobody listens there: who speaks French finds the speech service out of reach.
            '[[speech_provider]]\nkind = "openai"\nname = "unreachable"\ndoes = ["recognise"]',
            'locales = ["fr"]\nendpoint = "http://127.0.0.1:9/v1"',
            # Nobody listens there either: what goes there stays on its way.
            '[recording]\nexternal_hosts = ["127.0.0.1:9"]',
            f'[[subscription]]\nname = "app"\nresource = "main"\nendpoint = "{catcher}/grid/incoming"',
        ]
        self.config = work / "hookflash.toml"
        self.config.write_text("\n".join(lines) + "\n")
        self.log = work / "server.log"
        self._recordings = work / "state" / "recordings"
        self._aside = work / "state" / "recordings-aside"
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """Where the server is, and with which keys."""
        return {
            "CONFORMANCE_ENDPOINT": f"https://127.0.0.1:{self.tls_port}",
            "CONFORMANCE_CONTROL": f"http://127.0.0.1:{self.http_port}",
            "CONFORMANCE_CA": str(self.ca),
            "CONFORMANCE_KEY": KEYS["main"],
            "CONFORMANCE_CLIENTS": json.dumps({**CLIENTS, "entra": {"token": self.issuer.app()}}),
            "CONFORMANCE_NAMES": json.dumps(
                {
                    "resource": RESOURCE,
                    "self": SELF,
                    "number": f"4:{NUMBER}",
                    "number2": f"4:{SECOND_NUMBER}",
                    "otherNumber": f"4:{OTHER_NUMBER}",
                    "teamsToken": self.issuer.teams_user(),
                    "teamsApp": TEAMS_APP,
                    "teamsUser": TEAMS_USER,
                }
            ),
        }

    def break_down(self, name: str) -> None:
        """Break something, or mend it.

        ``media`` kills the media worker, without a chance to be tidy, and waits until the server takes calls
        again. ``recordings`` puts a file where the folder of recordings was, so that no recording can begin;
        ``nothing`` gives the folder back.
        """
        if name == "media":
            self._kill_worker()
        elif name == "recordings":
            if self._recordings.is_dir():
                self._recordings.rename(self._aside)
            self._recordings.touch()
        elif name == "nothing":
            if self._recordings.is_file():
                self._recordings.unlink()
            if self._aside.is_dir():
                self._aside.rename(self._recordings)
        else:
            raise ValueError(f"nothing is called {name!r}")

    def _kill_worker(self) -> None:
        worker = self._worker()
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while self._worker() in (0, worker) or not self._ready():
            assert time.monotonic() < deadline, "the media worker did not come back"
            threading.Event().wait(0.1)

    def _worker(self) -> int:
        """The process id of the media worker; 0 when there is none."""
        assert self.process is not None
        found = [pid for pid, line in children(self.process.pid).items() if "hookflash.plane" in line]
        return found[0] if found else 0

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/hookflash/ready", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            return False

    def __enter__(self) -> Serving:
        command = [sys.executable, "-m", "hookflash", "serve", "--config", str(self.config)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.work, env={**os.environ, "COLUMNS": "120"}
            )
        deadline = time.monotonic() + 300  # the very first start compiles the media plane
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._ready():
                return self
            threading.Event().wait(0.1)
        self.__exit__()
        raise SystemExit(f"error: the server did not become ready:\n{self.log.read_text()[-4000:]}")

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
