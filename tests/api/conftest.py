"""The edge over real sockets: a server on a loop in a thread of its own, so that blocking SDKs can use it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from api.edge import FakeEngine, surface

from hookflash.api.server import HttpServers
from hookflash.clock import LoopClock
from hookflash.config import Address, ServerSettings


class Live:
    """A running server; ``url`` is its base URL, ``engine`` the fake behind the Azure surface.

    ``make`` makes the ASGI app, on the server's loop.
    """

    def __init__(self, make: Callable[[], Any] | None = None) -> None:
        self.engine = FakeEngine()
        self._make = make or (lambda: surface(self.engine, LoopClock()))
        self.url = ""
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(10), "the server did not start"

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the server did not stop"

    def _run(self) -> None:
        self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        servers = HttpServers(self._make(), ServerSettings(bind=Address("127.0.0.1", 0)))
        await servers.start()
        self.url = f"http://{servers.http}"
        self._started.set()
        await self._stop.wait()
        await servers.stop()


@pytest.fixture(scope="module")
def server() -> Iterator[Live]:
    live = Live()
    live.start()
    yield live
    live.stop()


@pytest.fixture
def live(server: Live) -> Live:
    """The module's server with a fresh engine state."""
    server.engine.commands.clear()
    server.engine.trouble = None
    return server
