"""The app's side of HTTP, shared by all runners: webhooks, Event Grid, prompt files, WebSocket sinks.

Phones that talk are told here too what to do.

Whatever is posted lands in a box; a runner reads its boxes by long polling and parses the bodies with its
own SDK. Every runner and scenario has boxes of its own, so that runs do not see each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import math
import struct
import threading
import wave
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from aiohttp import WSMsgType, web
from issuer import Issuer
from talkers import Talkers

MAX_BODY = 4 * 1024 * 1024
"""Largest body taken, in bytes."""
MAX_WAIT_MS = 30_000
"""Longest a reader is kept waiting."""


def tone(seconds: float, rate: int = 16000, frequency: float = 440.0) -> bytes:
    """A sine as a WAV file, mono, 16 bit."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        step = 2 * math.pi * frequency / rate
        file.writeframes(
            b"".join(struct.pack("<h", int(9000 * math.sin(step * n))) for n in range(int(seconds * rate)))
        )
    return out.getvalue()


FILES = {
    "short.wav": tone(0.3),
    "second.wav": tone(0.3, frequency=880),
    "long.wav": tone(30),
    "text.wav": b"this is not a WAV file",
}
"""Prompts; any other name is a 404."""


class Catcher:
    """The HTTP server, in a thread of its own.

    Attributes:
        url: its base URL.
        posts: everything posted, in order, as ``{"box", "path", "authorization", "body"}``.
        issuer: the OpenID Connect issuer that it serves.
        break_down: breaks what a scenario names.
        talkers: the phones that talk; set before the first of them is used.
    """

    issuer: Issuer
    talkers: Talkers | None = None

    def __init__(self) -> None:
        self.url = ""
        self.posts: list[dict[str, Any]] = []
        self.break_down: Callable[[str], None] = lambda name: None
        self._boxes: dict[str, list[dict[str, Any]]] = {}
        self._sockets: dict[str, int] = {}
        self._changed: asyncio.Condition | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Catcher:
        self._thread.start()
        started: Future[None] = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        started.result(20)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)

    async def _start(self) -> None:
        self._changed = asyncio.Condition()
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post("/box/{box}/{rest:.*}", self._post)
        app.router.add_post("/grid/{box}", self._grid)
        app.router.add_get("/read/{box}", self._read)
        app.router.add_get("/files/{name}", self._file)
        app.router.add_get("/socket/{box}", self._socket)
        app.router.add_get("/issuer/{path:.*}", self._issuer)
        app.router.add_post("/fault/{name}", self._fault)
        app.router.add_post("/talkers/{number}/{what}", self._talk)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        self.issuer = Issuer(f"{self.url}/issuer")

    async def _end(self) -> None:
        if self.talkers is not None:
            await self.talkers.close()
        await self._runner.cleanup()

    async def _keep(self, box: str, request: web.Request, body: str) -> None:
        assert self._changed is not None
        post = {
            "box": box,
            "path": request.path_qs,
            "authorization": request.headers.get("Authorization", ""),
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body,
        }
        async with self._changed:
            self.posts.append(post)
            self._boxes.setdefault(box, []).append(post)
            self._changed.notify_all()

    async def _post(self, request: web.Request) -> web.Response:
        await self._keep(request.match_info["box"], request, await request.text())
        return web.Response()

    async def _grid(self, request: web.Request) -> web.Response:
        """Event Grid: answers the validation handshake, keeps everything else."""
        body = await request.text()
        events = json.loads(body)
        if isinstance(events, list) and events and "SubscriptionValidation" in events[0].get("eventType", ""):
            return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
        await self._keep(request.match_info["box"], request, body)
        return web.Response()

    async def _read(self, request: web.Request) -> web.Response:
        """The posts of a box after the first ``after``; waits up to ``timeoutMs`` for one."""
        assert self._changed is not None
        after = int(request.query.get("after", "0"))
        wait = min(int(request.query.get("timeoutMs", "0")), MAX_WAIT_MS) / 1000
        box = self._boxes.setdefault(request.match_info["box"], [])
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(lambda: len(box) > after), wait or 0.001)
            return web.json_response({"posts": box[after:]})

    async def _file(self, request: web.Request) -> web.Response:
        content = FILES.get(request.match_info["name"])
        if content is None:
            return web.Response(status=404)
        return web.Response(body=content, content_type="audio/wav")

    async def _fault(self, request: web.Request) -> web.Response:
        """A scenario wants something of the server to break, or all to be whole again."""
        await self._loop.run_in_executor(None, self.break_down, request.match_info["name"])
        return web.Response()

    async def _talk(self, request: web.Request) -> web.Response:
        """A phone that talks is to do something."""
        assert self.talkers is not None
        try:
            await self.talkers.do(
                request.match_info["number"], request.match_info["what"], await request.json()
            )
        except (KeyError, ValueError) as error:
            return web.Response(status=400, text=str(error))
        return web.Response()

    async def _issuer(self, request: web.Request) -> web.Response:
        document = self.issuer.documents().get(request.match_info["path"])
        return web.Response(status=404) if document is None else web.json_response(document)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        """A sink of streaming and transcription: every frame is kept.

        ``plan`` says what becomes of each connection to this URL, the last word for all that follow:
        ``stay``, ``drop`` (the TCP connection breaks after the first frame), ``close`` (1000 after the first
        frame), or the HTTP status it is refused with.
        """
        plan = request.query.get("plan", "stay").split(",")
        before = self._sockets.get(request.path_qs, 0)
        self._sockets[request.path_qs] = before + 1
        word = plan[min(before, len(plan) - 1)]
        if word.isdigit():
            return web.Response(status=int(word))
        socket = web.WebSocketResponse(max_msg_size=MAX_BODY)
        await socket.prepare(request)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._keep(request.match_info["box"], request, message.data)
            if word == "drop" and request.transport is not None:
                request.transport.abort()
                break
            if word == "close":
                await socket.close()
        return socket
