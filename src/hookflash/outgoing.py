"""What the HTTP clients of every edge share: a bound on what a server may send before its answer.

aiohttp passes over interim responses (1xx, RFC 9110, section 15.2), however many there are. A server that
sends nothing else would keep the event loop, and with it every call, busy with them.
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError

MAX_INTERIM = 20
"""Interim responses before one answer. Servers send one or two."""


class _Handler(ResponseHandler):
    """Drops interim responses, which nobody here waits for, and connections that bring too many."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._interim = 0

    def set_response_params(self, **options: Any) -> None:
        self._interim = 0
        super().set_response_params(**options)

    def feed_data(self, data: Any, size: int = 0) -> None:
        message, _ = data
        if not 100 <= message.code < 200 or message.code == 101:
            super().feed_data(data, size)
            return
        self._interim += 1
        if self._interim == MAX_INTERIM + 1:
            why = f"more than {MAX_INTERIM} interim responses (1xx) came before an answer"
            self.set_exception(HttpProcessingError(code=message.code, message=why))
            self.abort()


def _handler(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return _Handler(loop)


class Connector(aiohttp.TCPConnector):
    """``aiohttp.TCPConnector`` whose connections have that bound."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = functools.partial(_handler, loop=self._loop)
