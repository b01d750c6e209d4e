"""An app on the official JavaScript SDK, as a process; and what the SDK makes of frames."""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent / "javascript"


class JavaScriptApp:
    """A file of the ``javascript`` folder as a process; what it prints, line by line.

    Args:
        on_line: gets each line as it comes, from another thread.
    """

    def __init__(
        self,
        file: str,
        connection_string: str,
        port: int,
        on_line: Callable[[dict[str, Any]], None] = lambda line: None,
        **environment: str,
    ) -> None:
        given = {"ACS_CONNECTION_STRING": connection_string, "APP_PORT": str(port), **environment}
        self.process = subprocess.Popen(
            ["node", file],
            cwd=HERE,
            env={**os.environ, **given},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._on_line = on_line
        self.seen: list[dict[str, Any]] = []
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = json.loads(text)
            self._on_line(line)
            self._lines.put(line)
        self._lines.put(None)

    def write(self, line: dict[str, Any]) -> None:
        """Give it a line to read."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()

    def wait(self, key: str, value: object, timeout: float = 20) -> dict[str, Any]:
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


def parsed(texts: list[str]) -> list[dict[str, Any]]:
    """What the SDK's parser makes of frames of a WebSocket: the kind and the data of each."""
    return [json.loads(line) for line in _made("frames.mjs", texts)]


def outbound(pieces: list[bytes]) -> tuple[list[str], str]:
    """The SDK's frames for pieces of audio, and its frame that takes back what has not been said."""
    *audio, stop = _made("outbound.mjs", [base64.b64encode(piece).decode() for piece in pieces])
    return audio, stop


def _made(file: str, texts: list[str]) -> list[str]:
    """The lines that a file of the ``javascript`` folder prints when it is given texts."""
    done = subprocess.run(
        ["node", file],
        cwd=HERE,
        input=json.dumps(texts),
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()
