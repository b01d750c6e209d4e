"""From a command builder to an operation's ``run``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hookflash.api.exchange import Core, Request
from hookflash.calls.commands import Command


def deciding(command: Callable[[Request], Command]) -> Callable[[Request, Core], Awaitable[Any]]:
    """Let the engine decide the command that ``command`` builds from a request."""

    def run(request: Request, core: Core) -> Awaitable[Any]:
        return core.engine.execute(command(request), request.keep)

    return run
