"""Hookflash's own surface, served alone, with what is behind it in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import requests
from api.conftest import Live

from hookflash.api.own import own_surface
from hookflash.api.ports import Resource
from hookflash.ports.journal import Entry
from hookflash.wire.results import Refusal

FIRST = "b3duIGtleSBvZiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUsIHNlY3JldA=="
SECOND = "YW5vdGhlciBrZXkgb2YgdGhpcnR5LXR3byBieXRlcyBvciBtb3JlLCBzZWM="
TWO = (Resource("a", "first", (FIRST,)), Resource("b", "second", (SECOND,)))
"""Two resources, and thus a server that is not anybody's alone."""


class Shown(msgspec.Struct):
    name: str


class World:
    """Subscriptions, journal and readiness in memory."""

    def __init__(self) -> None:
        self.names = ["first"]
        self.trouble: list[str] = []
        self.fault = False
        self.askers: list[str | None] = []

    def listed(self, asker):
        if self.fault:
            raise RuntimeError("secret inside")
        self.askers.append(asker)
        return [Shown(name) for name in self.names]

    async def put(self, document: bytes, asker):
        self.askers.append(asker)
        name = json.loads(document)["name"]
        if name == "bad":
            raise Refusal(400, 8523, "The field name is invalid.")
        self.names.append(name)
        return Shown(name)

    async def remove(self, name: str, asker) -> bool:
        self.askers.append(asker)
        if name not in self.names:
            return False
        self.names.remove(name)
        return True

    def confirm(self, code: str) -> str | None:
        return "first" if code == "right" else None

    def problems(self):
        return self.trouble

    async def entries_of_connection(self, connection, after=0, limit=10_000):
        class Numbered(msgspec.Struct):
            seq: int
            entry: Entry

        owner = {"c-1": "id", "c-2": "other"}.get(connection)
        if owner is None:
            return [Numbered(1, Entry("event", "Pruned", 1.5))] if connection == "c-3" and not after else []
        opened = Entry("connection", "opened", 1.5, data=json.dumps({"resource": owner}).encode())
        lines = [Numbered(3, opened), Numbered(4, Entry("event", "CallConnected", 1.5, data=b'{"n":4}'))]
        return [line for line in lines if line.seq > after][:limit]


class Client(requests.Session):
    """Paths of one server instead of URLs."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.base = url

    def request(self, method, path, **options):
        return super().request(method, self.base + path, timeout=10, **options)


def served(world: World, resources: Sequence[Resource], **surface: Any) -> Iterator[Client]:
    """A client of the surface, for as long as it is served."""
    server = Live(
        lambda: own_surface(
            subscriptions=world, journal=world, readiness=world, resources=list(resources), **surface
        )
    )
    server.start()
    yield Client(server.url)
    server.stop()


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def refused(answer: requests.Response) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("target", "")
