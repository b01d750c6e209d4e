"""The WebSocket side of an app, for tests that block."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from aiohttp import WSMsgType, web


def until(condition: Callable[[], Any], timeout: float = 20) -> None:
    """Wait for a condition; ``timeout`` in seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {timeout} s"
        time.sleep(0.02)


class Listener:
    """An app's WebSocket server in a thread; it keeps what it hears, and when (by the monotonic clock).

    Args:
        tls: what it shows, for wss.
    """

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.headers: dict[str, str] = {}
        self.frames: list[dict[str, Any]] = []
        self.texts: list[tuple[float, str]] = []
        self.code: int | None = None
        self._socket: web.WebSocketResponse | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._start(host, tls), self._loop).result(10)

    async def _start(self, host: str, tls: ssl.SSLContext | None) -> int:
        app = web.Application()
        app.router.add_get("/audio", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, 0, ssl_context=tls)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        self.headers = dict(request.headers)
        self._socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.texts.append((time.monotonic(), message.data))
                self.frames.append(json.loads(message.data))
        self.code = socket.close_code
        return socket

    def say(self, pcm: bytes) -> None:
        """Send audio as the .NET SDK does."""
        frame = {
            "Kind": "AudioData",
            "AudioData": {"Data": base64.b64encode(pcm).decode()},
            "StopAudio": None,
        }
        assert self._socket is not None
        asyncio.run_coroutine_threadsafe(self._socket.send_str(json.dumps(frame)), self._loop).result(10)

    def send(self, messages: Sequence[str | bytes]) -> None:
        """Send texts and binary messages as they are, one after the other."""
        socket = self._socket
        assert socket is not None

        async def all_of_them() -> None:
            for message in messages:
                await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))

        asyncio.run_coroutine_threadsafe(all_of_them(), self._loop).result(20)

    def heard(self) -> np.ndarray:
        """The last half second."""
        data = [one["audioData"]["data"] for one in list(self.frames) if one["kind"] == "AudioData"][-25:]
        return np.frombuffer(b"".join(map(base64.b64decode, data)), "<i2")

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
