"""Many phones press keys at once: from their packets to the events of their calls, in virtual time.

Nothing is pretended but the network: the media plane hears the keys, the media desk reports them, the
exchange makes events of them. Each call has to be told of each key once, in order, with sequence ids without
a gap.
"""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from calls.conftest import Office
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hookflash.calls import facts
from hookflash.plane.control import MediaDesk
from hookflash.plane.core import Plane
from hookflash.plane.inline import InlinePlane
from hookflash.plane.memory import MemoryNetwork
from hookflash.plane.wav import Audio
from hookflash.ports.plane import TICK, ConnectLeg
from hookflash.testing.clock import VirtualClock
from hookflash.wire.enums import Tone
from hookflash.wire.events import ContinuousDtmfRecognitionStopped, ContinuousDtmfRecognitionToneReceived

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.dtmf_signals import speech
from bench.presses import EVENTS, Phone, make_phone

KEYS = 12
TALK = speech(np.random.default_rng(5), 20.0)


class NoFiles:
    async def fetch(self, url: str, cache_id: str | None = None) -> Audio:
        raise AssertionError("nothing is played")


class Calls:
    """Calls of one phone each, all listened to. ``again``: leg -> key after which listening is begun anew."""

    def __init__(self, seed: int) -> None:
        self.clock = VirtualClock()
        self.net = MemoryNetwork(seed=seed)
        self.office = Office()
        self.again: dict[int, tuple[int, str]] = {}
        self.connections: dict[int, str] = {}
        self.phones: dict[int, Phone] = {}
        self.ports: dict[int, int] = {}
        self.heard: list[int] = []
        entropy = random.Random(seed).randbytes
        self.desk = MediaDesk(
            [lambda: InlinePlane(lambda: Plane(self.net, rows=48, entropy=entropy), self.clock)],
            NoFiles(),
            self.clock,
            self.learn,
        )

    def learn(self, fact: facts.Fact) -> None:
        self.office.tell(fact)
        if not isinstance(fact, facts.ToneHeard):
            return
        self.heard.append(fact.leg)
        after, how = self.again.get(fact.leg, (0, ""))
        if self.heard.count(fact.leg) == after:
            if how == "stopped":
                self.office.stop_listening(self.connections[fact.leg])
            self.office.listen(self.connections[fact.leg])

    async def begin(self, phone: Phone, again: tuple[int, str]) -> None:
        leg, connection = self.office.answered()
        self.connections[leg], self.phones[leg], self.again[leg] = connection, phone, again
        opening = asyncio.create_task(self.desk.open_leg(leg, leg))
        await self.clock.elapse(2 * TICK)
        self.ports[leg] = await opening
        events = EVENTS if phone.events else -1
        self.desk.connect_leg(
            ConnectLeg(leg, "198.51.100.1", 4000 + leg, phone.payload_type, phone.codec, events, True, True)
        )
        self.office.listen(connection)

    async def press(self) -> None:
        """Everything the phones send, and half a second more."""
        began = self.clock.now()
        queue = sorted(
            (at, leg, octets) for leg, phone in self.phones.items() for at, octets in phone.packets
        )
        place = 0
        while place < len(queue) or self.clock.now() < began + queue[-1][0] + 0.5:
            while place < len(queue) and began + queue[place][0] <= self.clock.now():
                _, leg, octets = queue[place]
                self.net.deliver(self.ports[leg], octets, ("198.51.100.1", 4000 + leg))
                place += 1
            self.clock.advance(TICK)

    def told(self, leg: int) -> list[tuple[int, str]]:
        """Sequence ids and tones; (0, "stopped") where listening ended."""
        found = []
        for event in self.office.events(self.connections[leg]):
            if isinstance(event, ContinuousDtmfRecognitionToneReceived):
                found.append((event.sequence_id, str(event.tone)))
            elif isinstance(event, ContinuousDtmfRecognitionStopped):
                found.append((0, "stopped"))
        return found


def expected(phone: Phone, again: tuple[int, str]) -> list[tuple[int, str]]:
    after, how = again
    found, count = [], 0
    for number, key in enumerate(phone.keys, 1):
        count += 1
        found.append((count, str(Tone.of_digit(key))))
        if number == after and how == "stopped":
            found.append((0, "stopped"))
            count = 0
    return found


async def whole(seed: int, agains: list[tuple[int, str]]) -> Calls:
    calls = Calls(seed)
    await calls.desk.start()
    await calls.desk.wait_ready()
    try:
        for number, again in enumerate(agains):
            phone = make_phone(np.random.default_rng((seed, number)), number, KEYS, TALK)
            await calls.begin(phone, again)
        await calls.press()
    finally:
        await calls.desk.stop()
    return calls


AGAIN = st.tuples(st.integers(1, KEYS - 1), st.sampled_from(["", "adopted", "stopped"]))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), agains=st.lists(AGAIN, min_size=2, max_size=10))
@example(66780987, [(1, "")] * 6)  # a jitter buffer that got shorter in the middle of a key
def test_every_call_is_told_every_key_once_in_order_without_a_gap(seed, agains):
    calls = asyncio.run(whole(seed, agains))
    for leg, phone in calls.phones.items():
        assert calls.told(leg) == expected(phone, calls.again[leg]), phone.pressed


async def test_forty_calls_at_once_do_not_mix_up_their_keys():
    calls = await whole(7, [(KEYS // 2, "adopted")] * 40)
    for leg, phone in calls.phones.items():
        assert calls.told(leg) == expected(phone, (0, "")), phone.pressed
    assert len(calls.heard) == 40 * KEYS
    turns = sum(one != other for one, other in zip(calls.heard, calls.heard[1:], strict=False))
    assert turns > 0.8 * len(calls.heard), "the calls pressed one after the other"


@pytest.mark.parametrize("lost", [3, 0])
async def test_a_key_that_is_kept_from_the_plane_is_missed_here(lost):
    """That the tests above can fail: all packets of one press are taken away."""
    phone = make_phone(np.random.default_rng(9), 2, KEYS, TALK)
    assert phone.pressed == "events"
    presses = sorted({octets[4:8] for _, octets in phone.packets if octets[1] & 0x7F == EVENTS})
    packets = [
        (at, octets)
        for at, octets in phone.packets
        if octets[1] & 0x7F != EVENTS or octets[4:8] != presses[lost]
    ]
    calls = Calls(1)
    await calls.desk.start()
    await calls.desk.wait_ready()
    await calls.begin(replace(phone, packets=packets), (0, ""))
    await calls.press()
    await calls.desk.stop()
    (leg,) = calls.phones
    rest = replace(phone, keys=phone.keys[:lost] + phone.keys[lost + 1 :])
    assert calls.told(leg) == expected(rest, (0, ""))
