"""Thousands that learn at once: who is heard, by a slow reference; bounds of a tick, and nobody starves."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from plane_bench import Bench, Phone

from hookflash.plane import latching
from hookflash.plane.addresses import packed
from hookflash.plane.columns import make_columns
from hookflash.plane.columns.learning import CONTROL, LOCK, NOBODY, NOTHING, OPEN, PROVEN, SETTLING, TAKE
from hookflash.plane.kernels.learning import MAX_GAP, PROBATION, drop_strangers, judge
from hookflash.plane.memory import MemoryEndpoint, MemoryNetwork
from hookflash.ports.plane import CloseLeg, ConnectLeg, LegLatched, OpenLeg

AUDIO, EVENT, NOISE = 8, 101, 13
HERE, THERE, MAPPED = ("192.0.2.7", 4000), ("192.0.2.7", 4002), ("::ffff:192.0.2.7", 4000)
OTHER, SIX = ("192.0.2.8", 4000), ("2001:db8::7", 4000)
PLACES = [HERE, THERE, OTHER, SIX, MAPPED]


@dataclass
class Reference:
    """One leg as the rules say it, with sources as they are written."""

    state: int
    target: tuple | None
    locked: tuple | None
    hosts: set | None
    candidate: tuple | None = None
    hits: int = 0
    sequence: int = 0
    at: int = 0
    seen: list = field(default_factory=list)

    def judge(self, data: bytes, source: tuple, tick: int, mux: bool) -> int:
        if self.state == SETTLING and source != self.locked:
            return NOTHING
        if mux and len(data) >= 2 and 192 <= data[1] <= 223:
            return CONTROL
        if len(data) < 12 or data[0] != 0x80 or data[1] & 127 not in (AUDIO, EVENT, NOISE):
            return NOTHING
        if self.state != NOBODY and source == self.locked:
            self.candidate, self.hits = None, 0
            return TAKE
        if source == self.target or (self.target is None and self.state == NOBODY):
            return LOCK
        if self.hosts is not None and source[0] not in self.hosts:
            return NOTHING
        sequence, ssrc = struct.unpack("!H", data[2:4])[0], data[8:12]
        follows = self.candidate == (source, ssrc) and 0 < (sequence - self.sequence) % 65536 <= MAX_GAP
        if not follows:
            self.candidate, self.hits = (source, ssrc), 1
        elif tick != self.at:
            self.hits += 1
        self.sequence, self.at = sequence, tick
        if self.hits < PROBATION:
            return NOTHING
        return LOCK if self.target is None else PROVEN


@st.composite
def datagrams(draw):
    kind = draw(st.sampled_from([AUDIO, AUDIO, AUDIO, EVENT, NOISE, 0, 200, 96]))
    head = draw(st.sampled_from([0x80, 0x80, 0x80, 0x80, 0x40]))
    sequence = draw(st.one_of(st.integers(0, 5), st.sampled_from([65534, 65535, 30, 16])))
    data = struct.pack("!BBHII", head, kind, sequence, 0, draw(st.integers(0, 1)))
    return data[: draw(st.sampled_from([12, 12, 12, 1, 2, 11, 0]))] if kind != AUDIO else data + b"\x55" * 8


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_verdicts_are_those_of_the_rules(data):
    columns = make_columns(48)
    learning, setup, rx, row = columns.learning, columns.setup, columns.receive, 5
    state = data.draw(st.sampled_from([NOBODY, OPEN, SETTLING]))
    target = data.draw(st.sampled_from([None, *PLACES]))
    locked = None if state == NOBODY else data.draw(st.sampled_from(PLACES))
    hosts = data.draw(st.one_of(st.none(), st.lists(st.sampled_from(PLACES), min_size=1, max_size=2)))
    mux = data.draw(st.booleans())
    setup.receive_type[row], setup.receive_event_type[row], setup.noise_type[row] = AUDIO, EVENT, NOISE
    setup.control_mux[row] = mux
    learning.state[row] = state
    learning.candidate_ssrc[row] = -1
    learning.few[row] = hosts is not None
    for column, place in (
        (learning.target, target),
        (learning.locked, locked),
        (learning.host, hosts[0] if hosts else None),
        (learning.other, hosts[-1] if hosts and len(hosts) > 1 else None),
    ):
        column[row] = np.frombuffer(packed(place), np.uint8)
    names = None if hosts is None else {host for host, _ in hosts}
    rule, tick, garbage = Reference(state, target, locked, names), 0, 0
    rows = np.array([row], np.int64)
    favourite = data.draw(st.sampled_from(PLACES))
    for step in range(data.draw(st.integers(1, 12))):
        tick += data.draw(st.sampled_from([1, 1, 1, 0]))
        source = data.draw(st.sampled_from([favourite, favourite, *PLACES]))
        said = data.draw(datagrams())
        if data.draw(st.booleans()):
            said = struct.pack("!BBHII", 0x80, AUDIO, step, 0, 1)
        rx.octets[row, : len(said)] = list(said)
        rx.length[row] = len(said)
        learning.source[row] = np.frombuffer(packed(source), np.uint8)
        drop_strangers(rx, learning, rows, 1)
        dropped = rx.length[row] == 0
        counted = judge(setup, rx, learning, rows, 1, tick)
        wanted = rule.judge(said, source, tick, mux) if said else NOTHING
        assert learning.verdict[row] == wanted
        assert tuple(counted) == (wanted == TAKE, wanted in (LOCK, PROVEN), wanted == CONTROL)
        assert rx.length[row] == (len(said) if wanted else 0)
        known = len(said) >= 12 and said[0] == 0x80 and said[1] & 127 in (AUDIO, EVENT, NOISE)
        garbage += not dropped and len(said) > 0 and wanted != CONTROL and not known
        assert rx.garbage[row] == garbage


# --- many at once ---


def crowd(count: int, rows: int, **more) -> tuple[Bench, list[Phone]]:
    bench = Bench(rows=rows)
    return bench, [bench.leg(n, n, **more) for n in range(count)]


class Counter:
    """Counts what is read of sockets and how many of them are connected, tick by tick."""

    def __init__(self, bench: Bench, legs: int) -> None:
        self.reads = self.locks = 0
        for number in range(legs):
            self._wrap(bench.endpoint(number))

    def _wrap(self, endpoint: MemoryEndpoint) -> None:
        read, connect = endpoint.recvfrom_into, endpoint.connect

        def reading(view):
            found = read(view)
            self.reads += 1
            return found

        def connecting(address):
            self.locks += 1
            connect(address)

        endpoint.recvfrom_into, endpoint.connect = reading, connecting

    def take(self) -> tuple[int, int]:
        counts = self.reads, self.locks
        self.reads = self.locks = 0
        return counts


@pytest.fixture
def small(monkeypatch):
    """Bounds that a few dozen legs reach."""
    for name, bound in (("LOOKS", 12), ("BUDGET", 10), ("LOCKS", 5), ("FOLLOWS", 3)):
        monkeypatch.setattr(latching, name, bound)


@settings(max_examples=6, deadline=None)
@given(
    flooded=st.sets(st.integers(0, 59), max_size=50),
    behind_nat=st.sets(st.integers(0, 59), max_size=20),
    late=st.integers(0, 3),
)
@example(flooded=set(range(50)), behind_nat=set(range(45, 60)), late=2)
def test_a_tick_is_bounded_and_nobody_starves_whoever_is_flooded(flooded, behind_nat, late):
    with pytest.MonkeyPatch.context() as patch:
        for name, bound in (("LOOKS", 12), ("BUDGET", 10), ("LOCKS", 5), ("FOLLOWS", 3)):
            patch.setattr(latching, name, bound)
        bench = Bench(rows=96)
        phones = [bench.leg(n, n, target=("10.0.0.9", 5555) if n in behind_nat else None) for n in range(60)]
        counter, told = Counter(bench, 60), 0
        for tick in range(140):
            for number, phone in enumerate(phones):
                for _ in range(6 if number in flooded and tick < 40 else 0):
                    bench.net.deliver(phone.port, b"garbage", ("203.0.113.66", 666))
                if tick >= late:
                    phone.say()
            bench.tick()
            reads, locks = counter.take()
            # One of each leg that has a source, the looks at the others, and what is spare.
            assert reads <= 60 + 12 + 10
            assert locks <= 5 + 3
            assert len(bench.of(LegLatched)) <= told + 3
            told = len(bench.of(LegLatched))
            # Nothing that is taken is left for the fast path to take, or to decrypt.
            assert not bench.plane.columns.receive.length[list(bench.plane.legs.learning)].any()
        assert {event.leg for event in bench.of(LegLatched)} == set(range(60))
        assert told == 60
        # What floods have left in the sockets is read in turns too.
        bench.tick(300)
        total = bench.plane.columns.receive.total[:60].tolist()
        quiet = [n for n in range(60) if n not in behind_nat]
        assert [total[n] for n in quiet] == [140 - late] * len(quiet), "nothing of the answers is lost"


@pytest.mark.parametrize("count", [36, 61])
def test_every_leg_is_looked_at_in_its_turn(small, count):
    """Junk for all of them, more of it than can be read: each is looked at as often as any other, but for
    once, and what is spare is shared out evenly in the long run."""
    bench, phones = crowd(count, 96)
    for phone in phones:
        for _ in range(200):
            bench.net.deliver(phone.port, b"garbage", ("203.0.113.66", 666))
    bench.tick(100)
    garbage = bench.plane.columns.receive.garbage[:count]
    assert garbage.sum() == 100 * (12 + 10)
    assert garbage.min() >= 100 * 12 // count
    assert garbage.max() - garbage.min() <= 0.2 * garbage.mean()


def test_three_thousand_that_start_in_one_moment_are_heard_at_once_and_told_within_a_second():
    count = 3000
    bench = Bench(rows=3008)
    bench.plane.net = bench.plane.legs._net = bench.net = MemoryNetwork(pairs=count)
    for n in range(count):
        bench.plane.apply(OpenLeg(n, n, True))
    bench.tick()
    phones = []
    for n in range(count):
        address = f"198.18.{n >> 8}.{n & 255}"
        bench.connect(n, address, 4000)
        phones.append(Phone(bench, bench.ports[n], (address, 4000), ssrc=n))
    heard, told = [], []
    for _ in range(50):
        for phone in phones:
            phone.say()
        bench.tick()
        heard.append(int((bench.plane.columns.receive.total[:count] > 0).sum()))
        told.append(len(bench.of(LegLatched)))
    steps = -(-count // min(latching.LOCKS, latching.LOOKS))
    assert heard[steps - 1] == count
    assert told[-1] == count
    assert bench.plane.columns.receive.total[:count].tolist() == [50] * count
    assert not bench.plane.columns.quality.discarded[:count].any()
    assert not bench.plane.legs.learning


def test_a_leg_that_is_closed_while_it_waits_leaves_nothing_to_the_next_one(small):
    """Its row is used again: neither what it read nor where it was found is the next leg's."""
    bench, phones = crowd(20, 48)
    for phone in phones:
        phone.say()
    bench.tick()
    waiting = [number for number in range(20) if not bench.endpoint(number).peer]
    told = {event.leg for event in bench.of(LegLatched)}
    untold = [number for number in range(20) if bench.endpoint(number).peer and number not in told]
    assert waiting
    assert untold
    gone = (waiting[0], untold[0])
    rows = {bench.plane.legs.by_number[number].row for number in gone}
    bench.do(*map(CloseLeg, gone), *(OpenLeg(100 + number, 7, True) for number in gone))
    for number in gone:
        bench.connect(100 + number, "198.51.100.200", 4000)
    assert {bench.plane.legs.by_number[100 + number].row for number in gone} == rows
    bench.tick(20)
    heard = {event.leg for event in bench.of(LegLatched)}
    assert heard == set(range(20)) - set(gone)
    new = [bench.plane.legs.by_number[100 + number] for number in gone]
    assert [leg.locked for leg in new] == [None, None]
    assert bench.plane.columns.receive.total[[leg.row for leg in new]].tolist() == [0, 0]


def test_a_leg_that_is_offered_anew_while_it_waits_to_be_told_learns_anew(small):
    bench, phones = crowd(20, 48)
    for phone in phones:
        phone.say()
    bench.tick()
    told = {event.leg for event in bench.of(LegLatched)}
    number = next(n for n in range(20) if bench.endpoint(n).peer and n not in told)
    new = ("198.51.100.99", 7000)
    bench.do(ConnectLeg(number, *new, 0, "PCMU", 101, True, True))
    assert bench.endpoint(number).peer is None, "the socket is open again"
    for _ in range(3):
        phones[number].say()
        bench.tick()
    row = bench.plane.legs.by_number[number].row
    assert bench.plane.columns.receive.total[row] == 4, "the old source is heard until the new one speaks"
    phones[number].address, phones[number].ssrc = new, 99
    phones[number].say()
    bench.tick(10)
    assert bench.endpoint(number).peer == new
    told = [(e.host, e.port) for e in bench.of(LegLatched) if e.leg == number]
    assert told == [(f"198.51.100.{number}", 4000), new]
