"""An app on the official JavaScript SDK, as a process."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "javascript"


class JavaScriptApp:
    """A file of the ``javascript`` folder as a process; what it prints, line by line."""

    def __init__(self, file: str, connection_string: str, port: int, **environment: str) -> None:
        given = {"ACS_CONNECTION_STRING": connection_string, "APP_PORT": str(port), **environment}
        self.process = subprocess.Popen(
            ["node", file], cwd=HERE, env={**os.environ, **given}, stdout=subprocess.PIPE, text=True
        )
        self.seen: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def wait(self, key: str, value: str, timeout: float = 20) -> dict[str, Any]:
        """The next line with this value; an error line or the end of the app is a failure."""
        while True:
            try:
                line = self._lines.get(timeout=timeout)
            except queue.Empty:
                raise AssertionError(f"no {key} {value}; seen: {self.seen}") from None
            assert line is not None, f"the app ended before {key} {value}; seen: {self.seen}"
            assert "error" not in line, line
            self.seen.append(line)
            if line.get(key) == value:
                return line


def needs_the_sdk() -> None:
    """Say what is missing, if anything is."""
    if shutil.which("node") is None or not (HERE / "node_modules").is_dir():
        pytest.fail("needs node, and: npm install --prefix tests/interop/javascript --no-save")
