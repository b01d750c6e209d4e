"""The stand-in of speech services, for tests that block: on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading

from aiohttp import web
from speech.services.connections import connected_to
from speech.services.fakes import Answer, Vendor


class Services:
    """One server that accepts every request and never answers, but for the WebSockets of those services (by
    the first part of the path) that ``sockets`` has an answer for.

    Attributes:
        url: where it listens; a service is asked at ``url``/name.
        asked: the paths of the requests so far.
        askers: the processes that were connected when any of them came.
    """

    def __init__(self, **sockets: Answer) -> None:
        self.asked: list[str] = []
        self.askers: set[int] = set()
        self._sockets = sockets
        self._vendor = Vendor()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.url = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(10)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> str:
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _close(self) -> None:
        self._vendor.release.set()
        await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path)
        self.askers |= connected_to(int(self.url.rpartition(":")[2]))
        answer = self._sockets.get(request.path.split("/")[1]) if request.headers.get("Upgrade") else None
        return await (answer or self._vendor.hang())(request)
