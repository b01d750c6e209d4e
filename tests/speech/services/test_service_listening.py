"""What recognition over a WebSocket has in common, whatever the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, cast

import numpy as np
from aiohttp import WSMessage, WSMsgType
from speech.services.fakes import audio, heard

from hookflash.ports.speech import Recognised
from hookflash.speech.services.listening import Message, listen
from hookflash.speech.services.service import Service
from hookflash.testing.clock import VirtualClock


class Wire:
    """A service and its socket: takes down what is sent, one message a round of the event loop."""

    def __init__(self, *messages: str) -> None:
        self.clock = VirtualClock()
        self.sent: list[Message] = []
        self._messages = list(messages)

    @asynccontextmanager
    async def socket(self, path: str, **options: Any) -> AsyncIterator[Wire]:
        yield self

    async def send(self, socket: Wire, message: Message) -> None:
        self.sent.append(message)
        await asyncio.sleep(0)

    async def receive(self) -> WSMessage:
        while len(self.sent) < 4:  # noqa: ASYNC110 - in the middle of the audio
            await asyncio.sleep(0)
        return WSMessage(WSMsgType.TEXT, self._messages.pop(0), None)


class TurnTalk:
    """A talk in which the service asks for a new turn, whose beginning is two messages."""

    done = False

    def opening(self) -> Iterable[Message]:
        return ["open"]

    def audio(self, pcm: bytes) -> Iterable[Message]:
        yield pcm

    def ending(self) -> Iterable[Message]:
        return ["end"]

    def still_there(self) -> Iterable[Message]:
        return ()

    def received(self, message: Message) -> tuple[Iterable[Recognised], Iterable[Message]]:
        if message == "turn":
            return [], ["context", "header"]
        self.done = True
        return [Recognised("yes", True)], ()

    def closed(self, code: int | None, reason: str) -> str | None:
        return None


async def test_no_audio_comes_between_the_messages_that_begin_a_turn() -> None:
    wire = Wire("turn", "last")
    pieces = [np.full(4, number, np.int16) for number in range(20)]
    results = await heard(
        listen(cast(Service, wire), TurnTalk(), audio(*pieces), "en-US", path="/", params={})
    )
    assert [one.text for one in results] == ["yes"]
    at = wire.sent.index("context")
    assert 3 < at < len(wire.sent) - 1
    assert wire.sent[at : at + 2] == ["context", "header"]
    assert isinstance(wire.sent[at - 1], bytes)
