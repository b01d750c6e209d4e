"""What a stand-in for somebody's web server keeps of a request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass
class Kept:
    """A request.

    ``target`` is the path with the query, as it was sent; ``path`` is without. Header names are in lower
    case, as HTTP compares them.
    """

    method: str
    target: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def keep(request: web.BaseRequest) -> Kept:
    """Read a request; the body of one that asks for a WebSocket stays where it is."""
    return Kept(
        request.method,
        str(request.rel_url),
        request.path,
        list(request.query.items()),
        {name.lower(): value for name, value in request.headers.items()},
        b"" if request.headers.get("Upgrade") else await request.read(),
    )
