"""Requests outside of calls, for whoever waits for their answers."""

from __future__ import annotations

import asyncio

from hookflash.phones.signalling import Signalling
from hookflash.sip.events import Replied
from hookflash.sip.inquiries import Inquiry


class Asking:
    """Sends inquiries and brings each answer to the one who waits for it."""

    def __init__(self, signalling: Signalling) -> None:
        self._signalling = signalling
        self._waiting: dict[int, asyncio.Future[Replied]] = {}

    async def ask(self, inquiry: Inquiry) -> Replied:
        """Send, and wait for the outcome; cancelling the task takes the question back.

        Raises ParseError or ValueError for what cannot be written.
        """
        number, outputs = self._signalling.ask(inquiry)
        future: asyncio.Future[Replied] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._signalling.perform(outputs)
        try:
            return await future
        finally:
            self._waiting.pop(number, None)
            if not future.done() or future.cancelled():
                self._signalling.forget(number)

    def replied(self, event: Replied) -> None:
        """An outcome, from the user agent."""
        future = self._waiting.get(event.inquiry)
        if future is not None and not future.done():
            future.set_result(event)
