"""A proxy between apps and server that loses, doubles and delays HTTP requests, as networks and gateways do.

What happens to a request is drawn from a seeded generator. A lost request is answered 503, which every SDK
and the server's own courier retry; the request may have been carried out or not. Requests that may not be
repeated safely (a POST without repeatability headers and without an id of its own) are lost only before they
reach the other side, and never doubled: no server could tell such a repetition from a second wish.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

from aiohttp import ClientSession, TCPConnector, web
from yarl import URL

MERCY = 3
"""How often the same body is lost at most: whoever sends it gives up one day, and is right to."""
MAX_DELAY = 0.3
"""Seconds by which a request may be held up, so that later ones overtake it."""
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}
)


class ChaosProxy:
    """Passes requests on to ``target`` (scheme and authority), in its own way.

    Args:
        target: where requests go.
        seed: of the fates.
        repeatable: whether every request may be repeated (events carry an id); else only those that HTTP or
            their repeatability headers make so.
    """

    def __init__(self, target: str, seed: int, *, repeatable: bool = False) -> None:
        self._target = target
        self._fates = random.Random(seed)
        self._repeatable = repeatable
        self.counts: Counter[str] = Counter()
        self._losses: Counter[bytes] = Counter()
        self.url = ""

    async def __aenter__(self) -> ChaosProxy:
        self._session = ClientSession(connector=TCPConnector(limit=0), auto_decompress=False)
        app = web.Application(client_max_size=1 << 24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def _may_repeat(self, request: web.Request) -> bool:
        return self._repeatable or request.method == "GET" or "Repeatability-Request-ID" in request.headers

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        fate = self._fates.choices(
            ("passed", "delayed", "lost before", "lost after", "doubled"), (70, 10, 6, 6, 8)
        )[0]
        if fate in ("lost after", "doubled") and not self._may_repeat(request):
            fate = "passed"
        if fate.startswith("lost") and body:
            self._losses[body] += 1
            if self._losses[body] > MERCY:
                fate = "passed"
        self.counts[fate] += 1
        if fate == "lost before":
            return _lost()
        if fate == "delayed":
            await asyncio.sleep(self._fates.uniform(0, MAX_DELAY))
        if fate == "doubled":
            twin = asyncio.create_task(self._pass_on(request, body))
            answer = await self._pass_on(request, body)
            await asyncio.wait((twin,))
            return answer
        answer = await self._pass_on(request, body)
        return _lost() if fate == "lost after" else answer

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP]
        url = URL(self._target + request.raw_path, encoded=True)
        async with self._session.request(request.method, url, data=body, headers=headers) as answer:
            data = await answer.read()
            kept = [(k, v) for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP]
            return web.Response(status=answer.status, body=data, headers=dict(kept))


def _lost() -> web.Response:
    return web.Response(status=503, headers={"Retry-After": "0"})
