"""CPU of one webhook event, from the fact to the settled delivery, for ``bench.api``; its latency for
``bench.latency``.

Calls are up and listen for keys; every key pressed is a fact that the exchange decides on, that is
journalled with its delivery in one commit to SQLite, POSTed with a freshly signed token to a receiver on this
machine, and settled in the journal. Both log lines of it are written as JSON (to nowhere). Each call has its
next key pressed when the event before has been delivered, so as many events are under way as there are calls.

Beside it runs the least a sender can do, with nothing made durable: encode the same event, sign, POST.
Either runs in a process of its own, and its CPU is that of the whole process, all threads.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import jwt
import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa

from bench.receiver import Receiver
from hookflash.calls.commands import AnswerCall, StartContinuousDtmf
from hookflash.calls.directory import Directory, Resource
from hookflash.calls.effects import RaiseIncomingCall
from hookflash.calls.exchange import Exchange
from hookflash.calls.facts import IncomingLeg, LegUp, ToneHeard
from hookflash.cli import logs
from hookflash.clock import LoopClock
from hookflash.engine import Engine
from hookflash.events.courier import Courier
from hookflash.events.sender import Sender
from hookflash.events.targets import TargetPolicy
from hookflash.events.tokens import ISSUER, LIFETIME, TokenMinter
from hookflash.ports.journal import Delivery
from hookflash.store.journal import SqliteJournal
from hookflash.store.keys import KeyStore
from hookflash.wire.constraints import CallbackRules
from hookflash.wire.enums import Tone
from hookflash.wire.events import ContinuousDtmfRecognitionToneReceived, cloud_event
from hookflash.wire.identifiers import Identifier
from hookflash.wire.ids import Minter
from hookflash.wire.models import AnswerCallRequest, ContinuousDtmfRecognitionRequest
from hookflash.wire.responses import CallConnectionProperties
from hookflash.wire.results import ResultInformation

CALLS = 64
EVENTS = 1024
"""In one round."""
RESOURCE = str(uuid.UUID(int=7))
VERSION = "2026-03-12"
CALLED = Identifier.phone("+18005550100")


# --- the senders ----------------------------------------------------------------------------------------


class Source(Protocol):
    """Something that sends events."""

    async def start(self) -> None: ...

    async def send(self, count: int) -> None:
        """Returns when ``count`` events are delivered and, where that is kept, settled."""
        ...

    async def paced(self, count: int, rate: float) -> list[tuple[str, float]]:
        """As :meth:`send`, but ``rate`` a second whatever becomes of them.

        Returns the lane of each event and when it was due, by the clock all processes share. An event that
        is late because the one before took long counts from when it was due.
        """
        ...

    async def close(self) -> None: ...


class NoEdges:
    """Phones, media and publisher that do nothing but keep the contexts of the calls they publish."""

    def __init__(self) -> None:
        self.contexts: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None

    def incoming_call(self, effect: RaiseIncomingCall, at: float) -> list[Delivery]:
        self.contexts.append(effect.data.incoming_call_context)
        return [Delivery(str(uuid.uuid4()), "grid", "http://127.0.0.1:9/", b"[]", attempts=0)]


class Hookflash:
    """The server's own rooms around a real exchange; only phones and audio are missing."""

    def __init__(self, url: str, directory: Path) -> None:
        clock = LoopClock()
        self._url = url
        self._edges: Any = NoEdges()
        self._journal = SqliteJournal.open(directory)
        self._sender = Sender(clock, TargetPolicy(allow_private=True, allow_http=True))
        self._courier = Courier(
            self._journal,
            clock,
            self._sender,
            TokenMinter(KeyStore.open(directory, clock.wall()), clock),
            on_delivered=self._delivered,
            on_dropped=self._dropped,
        )
        self._journal.on_outbox = self._accept
        minter = Minter("ab", os.urandom)
        number = CALLED.phone_number
        assert number is not None
        self._engine = Engine(
            Exchange(
                Directory([Resource(RESOURCE, "bench")], {number: RESOURCE}),
                minter,
                callbacks=CallbackRules(http=True),
            ),
            clock=clock,
            journal=self._journal,
            phones=self._edges,
            media=self._edges,
            publisher=self._edges,
            streams=self._edges,
            recorder=self._edges,
            minter=minter,
        )
        self._legs: dict[str, int] = {}
        self._left = self._owed = 0
        self._done = asyncio.Event()

    async def start(self) -> None:
        """Bring the calls up, listening for keys."""
        await self._courier.start()
        for number in range(CALLS):
            leg = self._engine.new_leg()
            caller = Identifier.phone(f"+1425555{number:04d}")
            self._engine.observe(IncomingLeg(leg, caller, CALLED))
            answer = AnswerCallRequest(incoming_call_context=self._edges.contexts[-1], callback_uri=self._url)
            response = await self._engine.execute(AnswerCall(RESOURCE, VERSION, answer))
            assert isinstance(response, CallConnectionProperties)
            self._engine.observe(LegUp(leg))
            listen = ContinuousDtmfRecognitionRequest(target_participant=caller.to_model())
            connection = response.call_connection_id
            await self._engine.execute(StartContinuousDtmf(RESOURCE, VERSION, connection, listen))
            self._legs[connection] = leg
        await self._journal.write([], [])
        await self._courier.idle()

    async def send(self, count: int) -> None:
        self._left, self._owed = count - CALLS, count
        self._done.clear()
        for leg in self._legs.values():
            self._engine.observe(ToneHeard(leg, "5"))
        await self._done.wait()
        # What is written last is on disk last: now everything is settled.
        await self._journal.write([], [])

    async def paced(self, count: int, rate: float) -> list[tuple[str, float]]:
        self._left, self._owed = 0, count
        self._done.clear()
        lanes = list(self._legs.items())
        due: list[tuple[str, float]] = []
        async for n, when in ticks(count, rate):
            connection, leg = lanes[n % CALLS]
            due.append((connection, when))
            self._engine.observe(ToneHeard(leg, "5"))
        await self._done.wait()
        await self._journal.write([], [])
        return due

    async def close(self) -> None:
        await self._courier.close()
        await self._journal.close()
        await self._sender.close()

    def _accept(self, deliveries: list[Delivery]) -> None:
        self._courier.accept([one for one in deliveries if one.lane != "grid"])

    def _delivered(self, delivery: Delivery, status: int, milliseconds: float) -> None:
        self._owed -= 1
        if not self._owed:
            self._done.set()
        if self._left > 0:
            self._left -= 1
            self._engine.observe(ToneHeard(self._legs[delivery.lane], "5"))

    def _dropped(self, delivery: Delivery, reason: str) -> None:
        sys.exit(f"an event was dropped: {reason}")


class Bare:
    """Encode, sign, POST."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def start(self) -> None:
        """Nothing to prepare."""

    async def close(self) -> None:
        await self._session.close()

    async def send(self, count: int) -> None:
        await asyncio.gather(*(self._lane(count // CALLS) for _ in range(CALLS)))

    async def paced(self, count: int, rate: float) -> list[tuple[str, float]]:
        due: list[tuple[str, float]] = []
        posts: list[asyncio.Task[None]] = []
        async for n, when in ticks(count, rate):
            connection = str(uuid.UUID(int=n % CALLS + 1))
            due.append((connection, when))
            posts.append(asyncio.create_task(self._post(connection)))
        await asyncio.gather(*posts)
        return due

    async def _lane(self, count: int) -> None:
        for _ in range(count):
            await self._post(str(uuid.UUID(int=1)))

    async def _post(self, connection: str) -> None:
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": RESOURCE, "iat": now, "nbf": now, "exp": now + LIFETIME}
        token = jwt.encode({**claims, "jti": str(uuid.uuid4())}, self._key, algorithm="RS256")
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        data = ContinuousDtmfRecognitionToneReceived(
            version=VERSION,
            call_connection_id=connection,
            server_call_id="aHR0cHM6Ly9leGFtcGxlLm9yZy9jb252LzEyMzQ1Njc4OTA",
            correlation_id=str(uuid.UUID(int=3)),
            sequence_id=1,
            tone=Tone.FIVE,
            result_information=ResultInformation(200, 0, "Action completed successfully."),
        )
        body = cloud_event(data, id=str(uuid.uuid4()), time=time.time())
        async with self._session.post(self._url, data=body, headers=headers) as response:
            assert response.status == 200
            await response.read()


async def ticks(count: int, rate: float) -> AsyncIterator[tuple[int, float]]:
    """The numbers from 0, each when it is due, and that time."""
    start = time.monotonic() + 0.05
    for n in range(count):
        when = start + n / rate
        wait = when - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        yield n, when


# --- a child --------------------------------------------------------------------------------------------


async def serve(which: str, url: str) -> None:
    """Send a round for every line on standard input; print its CPU and wall time.

    A line that holds a number asks for a round at that many events a second, and gets when each was due.
    """
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as directory:
        source: Source = Hookflash(url, Path(directory)) if which == "ours" else Bare(url)
        await source.start()
        print("{}", flush=True)
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            if line.strip():
                print(json.dumps({"due": await source.paced(EVENTS, float(line))}), flush=True)
                continue
            cpu, wall = time.process_time(), time.perf_counter()
            await source.send(EVENTS)
            spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
            print(json.dumps(spent), flush=True)
        await source.close()


@dataclass(frozen=True)
class Round:
    """``cpu`` in microseconds an event, ``rate`` in events a second."""

    cpu: float
    rate: float


class Child:
    """A sender in a process of its own."""

    def __init__(self, which: str, receiver: Receiver) -> None:
        self._receiver = receiver
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.events", which, receiver.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def ready(self) -> None:
        """Until its calls are up."""
        await self._line()

    async def round(self) -> Round:
        """Send one round; raises RuntimeError when events got lost."""
        before = self._receiver.taken
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        spent = await self._line()
        if self._receiver.taken - before != EVENTS:
            raise RuntimeError(f"{self._receiver.taken - before} events of {EVENTS} arrived")
        return Round(spent["cpu"] / EVENTS * 1e6, EVENTS / spent["wall"])

    async def paced(self, rate: float) -> list[float]:
        """Send one round at ``rate`` events a second; returns the milliseconds from due to arrived."""
        self._receiver.watch()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{rate}\n")
        self._process.stdin.flush()
        lanes: dict[str, list[float]] = {}
        due: Any = (await self._line())["due"]
        for lane, when in due:
            lanes.setdefault(lane, []).append(when)
        took: list[float] = []
        for lane, times in lanes.items():
            arrived = self._receiver.arrived.get(lane, [])
            if len(arrived) != len(times):
                raise RuntimeError(f"{len(arrived)} events of {len(times)} arrived of {lane}")
            took += [(then - when) * 1000 for when, then in zip(times, arrived, strict=True)]
        return took

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    async def _line(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = await asyncio.get_running_loop().run_in_executor(None, self._process.stdout.readline)
        if not line:
            raise RuntimeError("the sender ended; its error is above")
        found: dict[str, float] = json.loads(line)
        return found


if __name__ == "__main__":
    with open(os.devnull, "w") as nowhere:
        logs.configure("json", "info", nowhere)
        uvloop.run(serve(*sys.argv[1:]))
