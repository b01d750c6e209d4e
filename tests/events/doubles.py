"""Stand-ins for what the event room talks to: apps, the store, the keys."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from aiohttp import web
from kept_requests import Kept, keep

from hookflash.ports.journal import Delivery, Progress
from hookflash.ports.outbox import Settlement, SigningKey
from hookflash.testing.clock import VirtualClock

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until ``condition`` holds: for I/O, which virtual time does not move."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the condition is anybody's, sockets included
            await asyncio.sleep(0.001)


def answering(status: int, text: str = "", headers: dict[str, str] | None = None) -> Answer:
    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def hang_up(request: web.BaseRequest) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@dataclass
class App:
    """An application's web server: keeps what it gets, answers from ``answers``, then with ``usual``."""

    url: str = ""
    received: list[Kept] = field(default_factory=list)
    answers: deque[Answer] = field(default_factory=deque)
    usual: Answer = field(default_factory=lambda: answering(200))
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.received.append(await keep(request))
        return await (self.answers.popleft() if self.answers else self.usual)(request)

    async def hold(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers only once ``release`` is set."""
        await self.release.wait()
        return web.Response()


class FixedKeys:
    """A key ring with the given keys."""

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = keys

    @property
    def current(self) -> SigningKey:
        return self.keys[0]


async def due_at(clock: VirtualClock, *when: float) -> None:
    """Wait until the pending timers of ``clock`` are exactly those for ``when``."""
    await until(lambda: clock.pending == list(when))


async def arrived(app: App, count: int) -> None:
    """Wait until ``app`` has received ``count`` requests."""
    await until(lambda: len(app.received) == count)


class MemoryStore:
    """Outbox and documents without a disk. Settlements are recorded at once unless ``failing`` is set."""

    def __init__(self) -> None:
        self.owed: dict[str, Delivery] = {}
        self.settled: list[Settlement] = []
        self.kept: dict[tuple[str, str], bytes] = {}
        self.failing: Exception | None = None
        self.reads = 0
        self.parked: set[str] = set()

    def put(self, *deliveries: Delivery) -> list[Delivery]:
        self.owed.update((d.id, d) for d in deliveries)
        return list(deliveries)

    async def pending_deliveries(self, limit: int | None = None) -> list[Delivery]:
        self.reads += 1
        if self.failing is not None:
            raise self.failing
        found = [one for one in self.owed.values() if one.id not in self.parked][:limit]
        await asyncio.sleep(0)
        return found

    async def due_deliveries(self, now: float, limit: int) -> list[Delivery]:
        if self.failing is not None:
            raise self.failing
        found = [self.owed[id] for id in self.parked if self.owed[id].progress.next_at <= now]
        await asyncio.sleep(0)
        return sorted(found, key=lambda one: one.progress.next_at)[:limit]

    async def next_due(self) -> float | None:
        if self.failing is not None:
            raise self.failing
        await asyncio.sleep(0)
        return min((self.owed[id].progress.next_at for id in self.parked), default=None)

    def postpone(self, id: str, progress: Progress, *, parked: bool) -> asyncio.Future[None]:
        if self.failing is None and id in self.owed:
            self.owed[id] = replace(self.owed[id], progress=progress)
            (self.parked.add if parked else self.parked.discard)(id)
        return self._done()

    def settle(self, settlement: Settlement) -> asyncio.Future[None]:
        self.settled.append(settlement)
        if self.failing is None:
            self.owed.pop(settlement.id, None)
            self.parked.discard(settlement.id)
        return self._done()

    async def documents(self, space: str) -> dict[str, bytes]:
        return {key: body for (there, key), body in sorted(self.kept.items()) if there == space}

    def put_document(self, space: str, key: str, body: bytes) -> asyncio.Future[None]:
        if self.failing is None:
            self.kept[space, key] = body
        return self._done()

    def delete_document(self, space: str, key: str) -> asyncio.Future[None]:
        self.kept.pop((space, key), None)
        return self._done()

    def _done(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.failing is not None:
            future.set_exception(self.failing)
        else:
            future.set_result(None)
        return future


async def parked_until(store: MemoryStore, clock: VirtualClock, when: float) -> None:
    """Wait until a delivery is parked and the only timer is the one for ``when``.

    The timer alone does not say so: a request under way may have its time limit at that very moment.
    """
    await until(lambda: bool(store.parked) and clock.pending == [when])
