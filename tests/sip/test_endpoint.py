"""A user agent on its sockets, and the example programs that use one, against each other."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import TypeVar

import pytest
from sip.agents import ANSWER, OFFER

from hookflash.sip.events import (
    Acked,
    Answered,
    Cancelled,
    Ended,
    Event,
    Failed,
    IncomingInvite,
    Reanswered,
    Reoffered,
    Ringing,
)
from hookflash.sip.transports import Endpoint
from hookflash.sip.ua import Outgoing

EXAMPLES = Path(__file__).parents[2] / "examples" / "sip"
PATIENCE = 30.0
T = TypeVar("T")


class Party:
    """One end of the calls: keeps the events, and lets somebody wait for one."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(self._happened)
        self._events: asyncio.Queue[Event] = asyncio.Queue()

    def _happened(self, event: Event) -> None:
        self._events.put_nowait(event)

    async def told(self, kind: type[T]) -> T:
        """The next event, which is of this kind."""
        event = await asyncio.wait_for(self._events.get(), PATIENCE)
        assert isinstance(event, kind), event
        return event

    def call(self, other: Party, transport: str = "UDP") -> int:
        flow = self.endpoint.path(*other.endpoint.address, transport)
        uri = "sip:b@{}:{}".format(*other.endpoint.address)
        return self.endpoint.invite(Outgoing(uri, "<sip:a@127.0.0.1>", f"<{uri}>", OFFER, flow))


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
async def test_a_call_from_ringing_to_its_end(transport: str) -> None:
    a, b = Party(), Party()
    async with a.endpoint, b.endpoint:
        ours = a.call(b, transport)
        invited = await b.told(IncomingInvite)
        assert invited.flow.transport == transport
        b.endpoint.ring(invited.session)
        assert (await a.told(Ringing)).status == 180
        b.endpoint.answer(invited.session, ANSWER)
        assert (await a.told(Answered)).body == ANSWER
        assert (await b.told(Acked)).first
        assert a.endpoint.reoffer(ours, OFFER)
        assert (await b.told(Reoffered)).body == OFFER
        b.endpoint.answer(invited.session, ANSWER)
        await a.told(Reanswered)
        assert not (await b.told(Acked)).first
        b.endpoint.end(invited.session)
        assert (await a.told(Ended)).session == ours


async def test_calls_that_come_to_nothing() -> None:
    a, b = Party(), Party()
    async with a.endpoint, b.endpoint:
        a.call(b)
        b.endpoint.refuse((await b.told(IncomingInvite)).session, 486)
        assert (await a.told(Failed)).status == 486
        ours = a.call(b)
        invited = await b.told(IncomingInvite)
        b.endpoint.ring(invited.session)
        await a.told(Ringing)
        a.endpoint.end(ours)
        assert (await b.told(Cancelled)).session == invited.session


async def test_time_passes_for_it() -> None:
    """An INVITE nobody answers is repeated after T1."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    silent.setblocking(False)
    a = Party()
    loop = asyncio.get_running_loop()
    async with a.endpoint:
        flow = a.endpoint.path(*silent.getsockname())
        a.endpoint.invite(Outgoing("sip:b@127.0.0.1", "<sip:a@127.0.0.1>", "<sip:b@127.0.0.1>", OFFER, flow))
        first = await asyncio.wait_for(loop.sock_recv(silent, 65_535), PATIENCE)
        assert await asyncio.wait_for(loop.sock_recv(silent, 65_535), PATIENCE) == first
    silent.close()


async def test_the_example_programs_call_each_other() -> None:
    answering = await _run("answering.py", "0")
    assert answering.stdout is not None
    try:
        line = await asyncio.wait_for(answering.stdout.readline(), PATIENCE)
        address = line.decode().removeprefix("listening on ").strip()
        calling = await _run("calling.py", f"sip:100@{address}", "0.1")
        said, _ = await asyncio.wait_for(calling.communicate(), PATIENCE)
        assert said.decode().splitlines() == ["180 Ringing", "answered PCMU"]
        assert calling.returncode == 0
    finally:
        answering.terminate()
        await answering.wait()


async def _run(name: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLES / name), *arguments, stdout=asyncio.subprocess.PIPE
    )
