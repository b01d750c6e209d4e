"""Waiting on the clock of the server, which tests turn by hand."""

from __future__ import annotations

import asyncio

from hookflash.ports.clock import Clock


async def pause(clock: Clock, seconds: float, wake: asyncio.Event | None = None) -> bool:
    """Wait; True when ``wake`` was set before the time was over. It is cleared then."""
    over = asyncio.Event() if wake is None else wake
    due = False

    def end() -> None:
        nonlocal due
        due = True
        over.set()

    if over.is_set():
        over.clear()
        return True
    timer = clock.call_at(clock.now() + seconds, end)
    try:
        await over.wait()
    finally:
        timer.cancel()
        over.clear()
    return not due
