"""A server without its edges, for :mod:`bench.barge_in`: calls in virtual time, over a network in memory.

The plane, its taps, the listening desk, the engine and its decisions are the real ones; phones answer at
once, and the events of apps go nowhere.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hookflash.calls import commands, effects, facts
from hookflash.calls.directory import Directory, Resource
from hookflash.calls.exchange import Exchange
from hookflash.calls.registry import Timings
from hookflash.engine.engine import Engine
from hookflash.media.speech import Abilities, Listening
from hookflash.plane.control import MediaDesk
from hookflash.plane.core import Plane
from hookflash.plane.inline import InlinePlane
from hookflash.plane.kernels.codec import decode_ulaw, encode_ulaw
from hookflash.plane.memory import MemoryNetwork
from hookflash.plane.wav import Audio
from hookflash.ports.audio import Frames, Said
from hookflash.ports.plane import ConnectLeg
from hookflash.ports.speech import Recognised
from hookflash.speech.hearing import Hearer, HearingDesk
from hookflash.speech.listening import ListeningDesk
from hookflash.testing.clock import VirtualClock
from hookflash.wire.enums import PlaySourceKind, RecognizeInputType
from hookflash.wire.identifiers import Identifier
from hookflash.wire.ids import Minter
from hookflash.wire.parts import CallIntelligenceOptions
from hookflash.wire.requests import (
    AnswerCallRequest,
    DtmfOptions,
    FileSource,
    PlaySource,
    RecognizeOptions,
    RecognizeRequest,
)

QUIET = 50
"""Ticks from the beginning of the prompt to the audio of a trial."""
AFTERWARDS = 25
"""Ticks behind the end of the last one."""
TICK_MS = 20.0
FRAME = 160
TAP_RATE = 16_000
PATIENCE = 200
"""Ticks a set-up may take."""
VERSION = "2026-03-12"
RESOURCE = "11111111-1111-4111-8111-111111111111"
NUMBER = "+18005550100"
WORDS = Abilities(understands=True)

Samples = NDArray[np.int16]


@dataclass
class Trial:
    """One caller: what they send, and when it was and when it was heard.

    Attributes:
        sends: the payload of each packet, mu-law; ``events``: those in place of which an event is sent, all
            of one key.
        keys: they are asked for keys, not words.
        wait: milliseconds a packet of theirs lies there before the next tick begins.
        leg, port: of theirs in the plane.
        arrived: the tick that took each of their packets.
        tapped: what the tap of their leg gave in each tick, at 16,000 Hz.
        prompt: what was sent to them in each tick.
    """

    sends: list[bytes] = field(default_factory=list)
    events: dict[int, bytes] = field(default_factory=dict)
    keys: bool = False
    wait: float = 0.0
    leg: int = 0
    port: int = 0
    arrived: list[int] = field(default_factory=list)
    tapped: dict[int, Samples] = field(default_factory=dict)
    prompt: dict[int, Samples] = field(default_factory=dict)

    def tap(self) -> tuple[float, Samples]:
        """When the tap began, in milliseconds of media time, and what it gave."""
        ticks = sorted(self.tapped)
        if ticks != list(range(ticks[0], ticks[-1] + 1)):
            raise RuntimeError("the tap has holes")
        return ticks[0] * TICK_MS, np.concatenate([self.tapped[tick] for tick in ticks])

    def silence(self) -> float:
        """When the last sample of the prompt has left, in milliseconds of media time."""
        sounding = [tick for tick, pcm in self.prompt.items() if pcm.any()]
        if not sounding or max(sounding) == max(self.prompt):
            raise RuntimeError("the prompt did not stop")
        last = max(sounding)
        return last * TICK_MS + (int(np.flatnonzero(self.prompt[last])[-1]) + 1) / 8

    def spoken_at(self, sample: int) -> float:
        """When the caller said a sample (at 8,000 Hz) of what they sent."""
        tick = self.arrived[sample // FRAME]
        return tick * TICK_MS - self.wait - TICK_MS + sample % FRAME / 8


class Outside:
    """Everything beside media and words: phones that answer at once, events that nobody gets."""

    def __init__(self) -> None:
        self.answered: list[effects.AnswerLeg] = []
        self.raised: list[effects.RaiseIncomingCall] = []

    def answer(self, effect: effects.AnswerLeg) -> None:
        self.answered.append(effect)

    def incoming_call(self, effect: effects.RaiseIncomingCall, at: float) -> list[Any]:
        self.raised.append(effect)
        return [None]

    def write(self, entries: Any, deliveries: Any, answers: Any = ()) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def __getattr__(self, name: str) -> Callable[..., list[Any]]:
        return lambda *given: []


class Prompt:
    """A prompt of which no sample is silent."""

    async def fetch(self, url: str, cache_id: str | None = None) -> Audio:
        tone = 6000 * np.sign(np.sin(2 * np.pi * 400 * (np.arange(60 * 8000) + 0.5) / 8000))
        return Audio(b"tone", tone.astype("<i2").tobytes())


class Patient:
    """A recogniser that waits for the end and understands nothing."""

    name = "patient"

    async def recognise(
        self, audio: AsyncIterator[Samples], wish: Listening
    ) -> AsyncGenerator[Recognised, None]:
        async for _ in audio:
            pass
        yield Recognised("", final=True)


class Room:
    """A server without its edges to the world, in virtual time."""

    def __init__(self, calls: int) -> None:
        self.clock = VirtualClock()
        self.net = MemoryNetwork(pairs=2 * calls)
        entropy = random.Random(1).randbytes
        self.plane = Plane(self.net, rows=3 * calls, entropy=entropy)
        self.desk = MediaDesk([lambda: InlinePlane(lambda: self.plane, self.clock)], Prompt(), self.clock)
        directory = Directory([Resource(RESOURCE, "bench")], {NUMBER: RESOURCE}, None)
        self.exchange = Exchange(directory, Minter("ab", entropy), timings=Timings(), abilities=WORDS)
        self.outside: Any = Outside()
        ears = ListeningDesk(
            self.desk.audio,
            HearingDesk([Hearer(Patient())]),
            self.clock,
            lambda fact: self.engine.observe(fact),
        )
        self.engine = Engine(
            self.exchange,
            clock=self.clock,
            journal=self.outside,
            phones=self.outside,
            media=self.desk,
            publisher=self.outside,
            streams=self.outside,
            recorder=self.outside,
            minter=Minter("cd", entropy),
            ears=ears,
        )
        self.ears = ears
        self.desk.report_to(self.engine.observe)

    async def begin(self, trials: Sequence[Trial]) -> None:
        """Bring every caller into a call of their own, whose app asks them something."""
        await self.desk.start()
        await self.desk.wait_ready()
        for number, trial in enumerate(trials):
            caller = f"+1425555{number:04}"
            trial.leg = self.exchange.new_leg()
            self.engine.observe(
                facts.IncomingLeg(trial.leg, Identifier.phone(caller), Identifier.phone(NUMBER))
            )
            request = AnswerCallRequest(
                incoming_call_context=self.outside.raised[-1].data.incoming_call_context,
                callback_uri="https://app.example/callbacks",
                call_intelligence_options=CallIntelligenceOptions(
                    cognitive_services_endpoint="https://speech.example/"
                ),
            )
            command = commands.AnswerCall(RESOURCE, VERSION, request)
            connection = (await self.engine.execute(command)).call_connection_id  # type: ignore[union-attr]
            await self.connect(trial, self.outside.answered[-1].call)
            await self.engine.execute(
                commands.Recognize(RESOURCE, VERSION, connection, question(caller, trial.keys))
            )

    async def connect(self, trial: Trial, call: int) -> None:
        opening = asyncio.create_task(self.desk.open_leg(trial.leg, call))
        for _ in range(PATIENCE):
            if opening.done():
                break
            await self.clock.elapse(TICK_MS / 1000)
        trial.port = await opening
        host = f"192.0.2.{trial.leg % 250}"
        self.desk.connect_leg(ConnectLeg(trial.leg, host, 4000, 0, "PCMU", 101, True, True))
        self.engine.observe(facts.LegUp(trial.leg))

        def take(tick: int, frames: Frames) -> None:
            if Said(trial.leg) in frames:
                trial.tapped[tick] = frames[Said(trial.leg)]

        self.desk.audio.listen(call, TAP_RATE, take, lambda reason: None).add(Said(trial.leg))

    async def run(self, trials: Sequence[Trial]) -> None:
        """Let everybody speak, tick by tick."""
        line = (ulaw(line) for line in quiet())
        for number in range(-QUIET, max(len(trial.sends) for trial in trials) + AFTERWARDS):
            nothing = next(line)
            tick = self.plane.ticks
            for trial in trials:
                if number >= 0:
                    trial.arrived.append(tick)
                self.send(trial, number, nothing)
            await self.clock.elapse(TICK_MS / 1000)
            for trial in trials:
                self.collect(trial, tick)

    def send(self, trial: Trial, number: int, nothing: bytes) -> None:
        at = number + QUIET
        event = trial.events.get(number)
        payload = trial.sends[number] if 0 <= number < len(trial.sends) else nothing
        if event is None:
            packet = struct.pack("!BBHII", 0x80, 0, at, FRAME * at, trial.leg) + payload
        else:
            first = FRAME * (min(trial.events) + QUIET)
            packet = struct.pack("!BBHII", 0x80, 101, at, first, trial.leg) + event
        self.net.deliver(trial.port, packet, (f"192.0.2.{trial.leg % 250}", 4000))

    def collect(self, trial: Trial, tick: int) -> None:
        sent = self.net.endpoints[trial.port].sent
        packets = [data for _, data in sent if data[1] & 0x7F == 0]
        sent.clear()
        pcm = np.zeros(FRAME, np.int16)
        for data in packets:
            decode_ulaw(np.frombuffer(data[12:], np.uint8), pcm)
        trial.prompt[tick] = pcm

    async def end(self) -> None:
        await self.ears.close()
        await self.desk.stop()


def question(caller: str, keys: bool) -> RecognizeRequest:
    """A prompt that may be interrupted, and what is wanted after it."""
    return RecognizeRequest(
        recognize_input_type=RecognizeInputType.DTMF if keys else RecognizeInputType.SPEECH,
        recognize_options=RecognizeOptions(
            target_participant=Identifier.phone(caller).to_model(),
            interrupt_prompt=True,
            dtmf_options=DtmfOptions(max_tones_to_collect=3) if keys else None,
        ),
        play_prompts=[PlaySource(kind=PlaySourceKind.FILE, file=FileSource(uri="https://app.example/q.wav"))],
    )


def quiet() -> Iterator[Samples]:
    """The line when nobody speaks, packet by packet."""
    rng = np.random.default_rng(1)
    while True:
        yield (rng.standard_normal(FRAME) * 26).astype(np.int16)


def ulaw(pcm: Samples) -> bytes:
    out = np.zeros(len(pcm), np.uint8)
    encode_ulaw(np.ascontiguousarray(pcm), out)
    return out.tobytes()
