"""Many calls at once, three apps in each, over a network that loses, doubles and delays requests.

What the journal says was told must be what each app got: no event lost, none twice under another id, in the
journal's order. The number of calls comes from ``CHAOS_CALLS``.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, TCPConnector
from azure.core.messaging import CloudEvent
from chaos.apps import PATIENCE, Inbox, World, one_call, serve_inbox
from chaos.proxy import ChaosProxy
from system.harness import ACCESS_KEY, PREFIX, Server

CALLS = int(os.environ.get("CHAOS_CALLS", "300"))
APPS = "abc"


class Endpoint:
    """Stands in for the webhook of the server's configuration."""

    def __init__(self, url: str) -> None:
        self.url = url


async def journalled(world: World, connection: str) -> list[tuple[str, str]]:
    """(name, id) of every event that the journal says this connection was told, in order."""
    found: list[tuple[str, str]] = []
    after = 0
    while after is not None:
        url = f"{world.server}/hookflash/journal/{connection}?after={after}"
        async with world.http.get(url, headers={"Authorization": f"Bearer {ACCESS_KEY}"}) as answer:
            page: dict[str, Any] = await answer.json()
        found += [(line["name"], line["data"]["id"]) for line in page["entries"] if line["kind"] == "event"]
        after = page.get("next")  # type: ignore[assignment]
    return found


def told(events: list[CloudEvent]) -> list[tuple[str, str]]:
    """(name, id) of what an app got, in order of first arrival."""
    return [(event.type.removeprefix(PREFIX), event.id) for event in events]


@pytest.mark.slow
async def test_no_event_is_lost_or_doubled(tmp_path: Path) -> None:
    inbox = Inbox()
    runner, inbox_url = await serve_inbox(inbox)
    async with (
        ChaosProxy(inbox_url, seed=1, repeatable=True) as back,
        ClientSession(connector=TCPConnector(limit=0)) as http,
    ):
        server = Server(tmp_path, Endpoint(inbox_url))  # type: ignore[arg-type]
        await asyncio.to_thread(server.start)
        try:
            async with ChaosProxy(server.url, seed=2) as out:
                world = World(server.url, out.url, back.url, inbox, http)
                await through(world)
                assert all(out.counts[fate] for fate in ("delayed", "lost before", "lost after", "doubled"))
                assert all(back.counts[fate] for fate in ("delayed", "lost before", "lost after", "doubled"))
        finally:
            await asyncio.to_thread(server.stop)
            await runner.cleanup()
    print(json.dumps({"calls": CALLS, "to the server": out.counts, "to the apps": back.counts}))


async def through(world: World) -> None:
    """All calls up at once, then down; then the comparison."""
    clients = [world.client() for _ in APPS]
    try:
        calls = await asyncio.gather(*(one_call(world, number, clients) for number in range(CALLS)))
        # Terminating carries repeatability headers: a repetition must not find its own work done.
        first = [clients[0].get_call_connection(connections[0]) for connections in calls]
        await asyncio.gather(*(connection.hang_up(is_for_everyone=True) for connection in first))
        for number in range(CALLS):
            for app in APPS:
                await world.inbox.wait(f"/{number}/{app}", "CallDisconnected")
    finally:
        await asyncio.gather(*(client.close() for client in clients))
    for number, connections in enumerate(calls):
        assert len(set(connections)) == len(APPS)
        for app, connection in zip(APPS, connections, strict=True):
            got = told(world.inbox.events[f"/{number}/{app}"])
            assert got == await journalled(world, connection), f"call {number}, app {app}"
            assert got[-1][0] == "CallDisconnected"
    await nothing_left(world)


async def nothing_left(world: World) -> None:
    """Wait until every call, leg and delivery is gone."""
    names = ("calls", "phones", "mediaLegs", "eventsOwed")
    async with asyncio.timeout(PATIENCE):
        while True:
            async with world.http.get(f"{world.server}/hookflash/counts") as answer:
                counts = await answer.json()
            if not any(counts[name] for name in names):
                return
            await asyncio.sleep(0.05)
