"""Who is heard: RTP bleed and injection before, during and after a leg learns; NAT; floods; new sources."""

from __future__ import annotations

import itertools
import random
import socket
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, Phone, sine, through_ulaw, ulaw
from test_plane_sockets import free_range, readable

from hookflash.plane import latching
from hookflash.plane.columns import PAST, Receive, make_columns
from hookflash.plane.core import Plane
from hookflash.plane.kernels import sources
from hookflash.plane.kernels.compiling import kernel
from hookflash.plane.kernels.learning import PROBATION
from hookflash.plane.latching import ALIVE, SILENT, WINDOW
from hookflash.plane.sockets import UdpNetwork
from hookflash.ports.plane import ConnectLeg, LegLatched, LegOpened, OpenLeg

ATTACKER = ("203.0.113.66", 666)
SDP = ("198.51.100.1", 4000)
PRIVATE = ("10.0.0.9", 5555)
LOUD = np.full(FRAME, 20000, np.int16)
VOICE = sine(300, 120 * FRAME, 6000)


def attacker(bench: Bench, phone: Phone, address=ATTACKER, **more) -> Phone:
    return Phone(bench, phone.port, address, ssrc=more.pop("ssrc", 0xBAD), **more)


def heard(bench: Bench):
    return bench.plane.columns.jitter.heard[0, PAST:].copy()


def talk(bench: Bench, phone: Phone, ticks: int, *others: Phone) -> None:
    for _ in range(ticks):
        for other in others:
            other.say(LOUD)
        phone.say(VOICE[:FRAME])
        bench.tick()
        assert heard(bench).max() < 10000


def latches(bench: Bench) -> list[tuple[str, int]]:
    return [(e.host, e.port) for e in bench.of(LegLatched)]


def sent_to(bench: Bench):
    return bench.endpoint(1).sent[-1][0]


# --- injection ---


def test_a_spray_before_during_and_after_is_never_heard():
    bench = Bench()
    phone = bench.leg(1)
    enemies = [attacker(bench, phone), attacker(bench, phone, (SDP[0], 4002))]
    for _ in range(PROBATION - 1):
        for enemy in enemies:
            enemy.say(LOUD)
        bench.tick()
        assert not heard(bench).any()
    talk(bench, phone, 100, *enemies)
    assert latches(bench) == [SDP]
    bench.connect(1, *SDP)
    talk(bench, phone, 100, *enemies)
    assert latches(bench) == [SDP]


def test_sdp_takes_a_leg_back_from_whoever_was_first():
    """A spray into a leg whose phone says nothing yet wins it, and loses it with the phone's first packet."""
    bench = Bench()
    phone = bench.leg(1)
    enemy = attacker(bench, phone)
    for _ in range(20):
        enemy.say()
        bench.tick()
    assert latches(bench) == [ATTACKER]
    talk(bench, phone, 5, enemy)
    assert latches(bench) == [ATTACKER, SDP]
    assert sent_to(bench) == SDP
    assert bench.endpoint(1).peer == SDP


def test_a_source_behind_nat_is_kept_when_the_window_has_passed():
    bench = Bench()
    phone = bench.leg(1, target=PRIVATE)
    talk(bench, phone, WINDOW + 10)
    assert latches(bench) == [SDP]
    assert bench.endpoint(1).peer == SDP
    assert sent_to(bench) == SDP
    talk(bench, phone, 3, attacker(bench, phone, PRIVATE))
    assert latches(bench) == [SDP]


@pytest.mark.parametrize("enemies", [1, 3, 40])
def test_sources_that_disturb_each_other_prove_nothing(enemies):
    bench = Bench()
    phone = bench.leg(1, target=PRIVATE)
    sprayers = [attacker(bench, phone, ("203.0.113.66", 1000 + n), ssrc=n) for n in range(enemies)]
    for _ in range(10):
        for enemy in sprayers:
            # Random numbers: not one stream.
            enemy.sequence = random.Random(enemy.sequence).randrange(65536)
            enemy.say(LOUD)
        bench.tick()
        assert not heard(bench).any()
    assert latches(bench) == []


def test_a_burst_within_one_tick_proves_nothing():
    bench = Bench()
    phone = bench.leg(1, target=PRIVATE)
    enemy = attacker(bench, phone)
    for _ in range(10):
        enemy.say(LOUD)
    bench.tick()
    assert latches(bench) == []
    talk(bench, phone, 6)
    assert latches(bench) == [SDP]


def test_what_strangers_queued_before_the_lock_is_thrown_away_however_much_it_is():
    bench = Bench()
    phone = bench.leg(1)
    enemy = attacker(bench, phone, ssrc=1)
    phone.say()
    for _ in range(500):
        enemy.say(LOUD)
    for _ in range(10):
        phone.say()
        bench.tick()
        assert not heard(bench).any()
    assert not bench.endpoint(1).queue
    assert bench.plane.columns.receive.total[0] == 11
    assert 0 not in bench.plane.legs.learning


def test_nothing_hides_behind_an_empty_datagram():
    """Neither what strangers queued before the lock, nor the peer."""
    bench = Bench()
    phone = bench.leg(1)
    enemy = attacker(bench, phone, ssrc=1)
    for _ in range(5):
        enemy.raw(b"")
    phone.say()
    enemy.raw(b"")
    for _ in range(20):
        enemy.say(LOUD)
    bench.tick()
    assert latches(bench) == [SDP]
    talk(bench, phone, 10)
    assert bench.plane.columns.receive.total[0] == 11
    assert bench.plane.columns.receive.ssrc[0] == phone.ssrc


def test_what_a_learning_leg_has_taken_is_left_to_nobody():
    """What reads all rows next, the decryption of protected legs, must not take it for something new."""
    bench = Bench()
    phone = bench.leg(1, target=PRIVATE)
    talk(bench, phone, PROBATION + 1)
    before = int(bench.plane.columns.receive.total[0])
    for _ in range(2 * latching.LEARN_READS):
        phone.say()
    bench.tick()
    assert bench.plane.columns.receive.total[0] == before + latching.LEARN_READS
    assert bench.plane.columns.receive.length[0] == 0


def test_an_address_that_can_not_be_sent_to_takes_nothing_from_the_one_that_is_heard():
    bench = Bench()
    phone = bench.leg(1, target=PRIVATE)
    talk(bench, phone, PROBATION + 1)
    assert latches(bench) == [SDP]
    endpoint = bench.endpoint(1)

    def refuse(address):
        raise OSError(101, "Network is unreachable")

    endpoint.connect, connect = refuse, endpoint.connect
    talk(bench, phone, 10, attacker(bench, phone, PRIVATE))
    assert latches(bench) == [SDP]
    assert bench.plane.columns.receive.total[0] == 12
    endpoint.connect = connect
    attacker(bench, phone, PRIVATE).say()
    bench.tick()
    assert latches(bench) == [SDP, PRIVATE]


@pytest.mark.parametrize("kind", [13, 101])
def test_comfort_noise_and_events_lock_too(kind):
    bench = Bench()
    phone = bench.leg(1)
    payload = b"\x30" if kind == 13 else struct.pack("!BBH", 1, 10, 160)
    phone.raw(phone.packet(payload, kind=kind))
    bench.tick()
    assert latches(bench) == [SDP]


# --- learning again ---


def test_audio_flows_to_and_from_the_old_source_until_the_new_one_speaks():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    new = ("198.51.100.99", 7000)
    bench.connect(1, *new)
    enemy = attacker(bench, phone)
    before = bench.plane.columns.receive.total[0]
    talk(bench, phone, 20, enemy)
    assert bench.plane.columns.receive.total[0] == before + 20
    assert sent_to(bench) == SDP
    assert latches(bench) == [SDP]
    phone.address, phone.ssrc = new, 77
    talk(bench, phone, 10, enemy)
    assert latches(bench) == [SDP, new]
    assert sent_to(bench) == new
    # Its first packet was taken, though the old one had spoken a tick before.
    assert bench.plane.columns.receive.total[0] == before + 30


def test_a_new_address_that_waits_for_us_is_sent_to_once_the_old_source_is_silent():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    bench.connect(1, *PRIVATE)
    bench.tick(ALIVE - 2)
    assert sent_to(bench) == SDP
    bench.tick(4)
    assert sent_to(bench) == PRIVATE


def test_a_new_address_we_only_send_to_is_sent_to_at_once():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    bench.connect(1, *PRIVATE, receiving=False)
    bench.tick()
    assert sent_to(bench) == PRIVATE


def test_an_old_source_that_goes_on_is_kept_when_the_new_one_never_speaks():
    bench = Bench()
    phone = bench.leg(1, target=PRIVATE)
    talk(bench, phone, WINDOW + 10)
    bench.connect(1, "10.0.0.9", 6666)
    talk(bench, phone, WINDOW + 10, attacker(bench, phone))
    assert latches(bench) == [SDP]
    assert bench.endpoint(1).peer == SDP
    assert 0 not in bench.plane.legs.learning


@pytest.mark.compiled
def test_a_nat_that_moved_the_peer_is_followed_after_a_repeated_offer_only():
    bench = Bench()
    phone = bench.leg(1, target=PRIVATE)
    talk(bench, phone, WINDOW + 10)
    phone.address = (SDP[0], 40999)
    talk(bench, phone, 3 * SILENT)
    assert latches(bench) == [SDP]
    bench.connect(1, *PRIVATE)
    enemy = attacker(bench, phone)
    talk(bench, phone, SILENT + PROBATION + 2, enemy)
    assert latches(bench) == [SDP, (SDP[0], 40999)]
    talk(bench, phone, WINDOW + 5, enemy)
    assert bench.endpoint(1).peer == (SDP[0], 40999)


@pytest.mark.compiled
def test_a_repeated_offer_opens_nothing_while_the_source_is_heard_or_for_other_hosts():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    bench.connect(1, *SDP)
    talk(bench, phone, WINDOW + SILENT, attacker(bench, phone))
    assert bench.endpoint(1).peer == SDP
    bench.connect(1, *SDP)
    enemy = attacker(bench, phone)
    for _ in range(WINDOW):
        enemy.say(LOUD)
        bench.tick()
    assert latches(bench) == [SDP]
    talk(bench, phone, 5, enemy)
    assert latches(bench) == [SDP]


def test_a_held_leg_is_not_opened_by_its_silence():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    bench.connect(1, *SDP, receiving=False)
    bench.tick(WINDOW)
    assert bench.endpoint(1).peer == SDP


def test_an_offer_without_an_address_changes_nothing():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    bench.connect(1, "0.0.0.0", 4000)
    talk(bench, phone, 10, attacker(bench, phone))
    assert latches(bench) == [SDP]
    assert sent_to(bench) == SDP


# --- floods ---


def test_a_flooded_leg_costs_bounded_reads_and_starves_nobody():
    bench = Bench()
    victims = [bench.leg(n) for n in (1, 2)]
    endpoint = bench.endpoint(1)
    reads = 0
    inner = endpoint.recvfrom_into

    def counting(view):
        nonlocal reads
        reads += 1
        return inner(view)

    endpoint.recvfrom_into = counting
    for _ in range(2000):
        bench.net.deliver(victims[0].port, b"garbage" * 20, ATTACKER)
    victims[1].say()
    bench.tick()
    assert reads <= latching.LEARN_READS
    assert [e.leg for e in bench.of(LegLatched)] == [2]
    assert bench.plane.columns.receive.garbage[0] == reads


def test_many_flooded_legs_share_a_budget_and_each_is_read():
    bench = Bench(rows=192)
    phones = [bench.leg(n) for n in range(100)]
    for phone in phones:
        for _ in range(20):
            bench.net.deliver(phone.port, b"garbage", ATTACKER)
    before = sum(len(bench.endpoint(n).queue) for n in range(100))
    bench.tick()
    left = [len(bench.endpoint(n).queue) for n in range(100)]
    assert before - sum(left) <= latching.BUDGET + 2 * 100
    assert max(left) <= 18
    bench.tick(10)
    assert not any(bench.endpoint(n).queue for n in range(100))


def test_many_legs_find_their_sources_some_in_a_tick_and_lose_nothing(monkeypatch):
    """Locked some in a tick, and fewer of them told."""
    monkeypatch.setattr(latching, "LOCKS", 100)
    monkeypatch.setattr(latching, "FOLLOWS", 64)
    count = 2 * latching.FOLLOWS + 20
    bench = Bench(rows=192)
    phones = [bench.leg(n) for n in range(count)]
    strangers = [attacker(bench, phone) for phone in phones]
    said = VOICE[: 20 * FRAME]
    found, frames = [], []
    for i in range(20):
        for phone, stranger in zip(phones, strangers, strict=True):
            # Theirs are in front, from the first tick on, and never in a row of one that counts.
            stranger.say(LOUD)
            phone.say(said[i * FRAME : (i + 1) * FRAME])
        bench.tick()
        found.append(len(bench.of(LegLatched)))
        frames.append(bench.plane.columns.jitter.heard[:count, PAST:].copy())
    assert found[:3] == [latching.FOLLOWS, 2 * latching.FOLLOWS, count]
    assert {(e.leg, e.host) for e in bench.of(LegLatched)} == {
        (n, phones[n].address[0]) for n in range(count)
    }
    columns = bench.plane.columns
    assert columns.receive.total[:count].tolist() == [20] * count
    assert columns.quality.discarded[:count].tolist() == [0] * count
    heard = np.concatenate(frames, axis=1)
    assert heard.max() < 10000, "nothing of the strangers"
    wanted = through_ulaw(said)[: 10 * FRAME].tobytes()
    assert all(wanted in line.tobytes() for line in heard)


def test_audio_of_a_leg_that_learns_again_does_not_wait_for_others(monkeypatch):
    """Neither for their turns to be looked at, nor for their turns to lock."""
    monkeypatch.setattr(latching, "LOOKS", 8)
    monkeypatch.setattr(latching, "LOCKS", 4)
    bench = Bench(rows=192)
    old = bench.leg(50)
    old.say()
    bench.tick(2)
    others = [bench.leg(n) for n in range(100, 140)]
    bench.do(ConnectLeg(50, "198.51.100.77", 4000, 0, "PCMU", 101, True, True))
    row = bench.plane.legs.by_number[50].row
    for _ in range(5):
        for phone in others:
            phone.say()
        old.say()
        before = int(bench.plane.columns.receive.total[row])
        bench.tick()
        assert bench.plane.columns.receive.total[row] == before + 1


# --- sources on the locked address ---


def test_random_sources_with_the_peers_address_do_not_stop_its_audio():
    bench = Bench()
    phone = bench.leg(1)
    dice = random.Random(1)
    frames = []
    for i in range(100):
        phone.say(VOICE[i * FRAME : (i + 1) * FRAME])
        spoofed = struct.pack(
            "!BBHII", 0x80, 0, dice.randrange(65536), dice.randrange(2**32), dice.randrange(2**32)
        )
        phone.raw(spoofed + ulaw(LOUD))
        bench.tick()
        frames.append(heard(bench))
    assert np.array_equal(np.concatenate(frames[3:]), through_ulaw(VOICE)[: 97 * FRAME])
    assert bench.plane.columns.receive.ssrc[0] == phone.ssrc
    assert bench.plane.columns.receive.garbage[0] == 100


def test_a_stream_injected_with_the_peers_address_is_not_heard_while_the_peer_is():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 40)
    enemy = attacker(bench, phone, SDP)
    talk(bench, phone, 100, enemy)
    assert bench.plane.columns.receive.ssrc[0] == phone.ssrc


def test_a_jump_of_the_sequence_resets_statistics_only_when_it_is_confirmed():
    bench = Bench()
    phone = bench.leg(1)
    talk(bench, phone, 10)
    row = bench.plane.columns.receive
    base = int(row.base[0])
    here = phone.sequence
    for i in range(20):
        phone.sequence = here + 20000 + 100 * i
        phone.raw(phone.packet(b"\xff" * FRAME))
        phone.sequence = here + i
        talk(bench, phone, 1)
    bench.tick(12)
    assert (int(row.base[0]), int(row.packets[0])) == (base, 30)
    phone.sequence = here + 40000
    talk(bench, phone, 3)
    assert (int(row.base[0]), int(row.packets[0])) == ((here + 40001) & 0xFFFF, 2)


@kernel
def follow(rx: Receive, ssrc: int, sequence: int, tick: int) -> bool:
    """What ingest does with a packet's source."""
    if not sources.admit_source(rx, 0, ssrc, sequence, tick):
        return False
    if rx.ssrc[0] != ssrc:
        rx.source_from[0] = tick if rx.ssrc[0] >= 0 else tick - sources.HOLD
        sources.start_source(rx, 0, ssrc, sequence)
    sources.follow_sequence(rx, 0, sequence)
    return True


class SlowSource:
    """The rules of :mod:`sources` in plain words, for one leg with packets of 20 ms."""

    def __init__(self) -> None:
        self.ssrc, self.at, self.began = -1, 0, 0
        self.candidate: tuple[int, int] = (-1, 0)

    def take(self, ssrc: int, sequence: int, tick: int) -> bool:
        if self.ssrc not in (-1, ssrc):
            silent = tick - self.at
            known, last = self.candidate
            confirmed = known == ssrc and 1 <= (sequence - last) % 65536 <= sources.MAX_GAP
            self.candidate = (ssrc, sequence)
            if silent < sources.GONE and not (confirmed and silent > 1 and tick - self.began >= sources.HOLD):
                return False
        if self.ssrc != ssrc:
            self.began = tick if self.ssrc >= 0 else tick - sources.HOLD
            self.ssrc, self.candidate = ssrc, (-1, 0)
        self.at = tick
        return True


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3), st.integers(0, 20)), min_size=1, max_size=60)
)
def test_sources_change_as_the_rules_say_and_never_often(steps):
    rx = make_columns(48).receive
    rx.ssrc[0] = rx.candidate[0] = rx.resync[0] = -1
    rx.span[0] = FRAME
    slow, tick, sequences = SlowSource(), 0, {1: 65500, 2: 10, 3: 30000}
    changes: list[int] = []
    for wait, ssrc, step in steps:
        tick += wait
        sequences[ssrc] += step
        sequence = sequences[ssrc] & 0xFFFF
        before = int(rx.ssrc[0])
        assert bool(follow(rx, ssrc, sequence, tick)) == slow.take(ssrc, sequence, tick)
        assert int(rx.ssrc[0]) == slow.ssrc
        if before not in (-1, slow.ssrc):
            changes.append(tick)
    for earlier, later in itertools.pairwise(changes):
        assert later - earlier >= min(sources.HOLD, sources.GONE)


# --- on real sockets ---


@pytest.mark.compiled
def test_strangers_on_real_sockets_are_not_heard():
    first = free_range(3)
    network = UdpNetwork("127.0.0.1", first, first + 5)
    plane = Plane(network, rows=48)
    plane.apply(OpenLeg(1, 1, True))
    (opened,) = plane.tick(0.0)
    assert isinstance(opened, LegOpened)
    here = ("127.0.0.1", opened.port)
    kind = socket.SOCK_DGRAM
    with (
        socket.socket(type=kind) as peer,
        socket.socket(type=kind) as other,
        socket.socket(type=kind) as moved,
    ):
        for one in (peer, other, moved):
            one.bind(("127.0.0.1", 0))
        plane.apply(ConnectLeg(1, *peer.getsockname(), 0, "PCMU", -1, True, True))

        def packet(sequence: int, ssrc: int) -> bytes:
            return struct.pack("!BBHII", 0x80, 0, sequence, 160 * sequence, ssrc) + bytes(160)

        events = []
        endpoint = plane.legs.by_number[1].endpoint
        tick = 1
        for sequence in range(1, 30):
            for enemy in range(3):
                other.sendto(packet(sequence, enemy), here)
            peer.sendto(packet(sequence, 7), here)
            if sequence == 20:
                # The same host with another port, by a new offer.
                plane.apply(ConnectLeg(1, *moved.getsockname(), 0, "PCMU", -1, True, True))
            readable(endpoint)
            events += plane.tick(0.02 * tick)
            tick += 1
        assert [(e.host, e.port) for e in events if isinstance(e, LegLatched)] == [peer.getsockname()]
        assert plane.columns.receive.ssrc[0] == 7
        before = int(plane.columns.receive.total[0])
        assert before >= 27
        for sequence in range(1, 10):
            other.sendto(packet(sequence, 1), here)
            moved.sendto(packet(sequence, 8), here)
            readable(endpoint)
            events += plane.tick(0.02 * tick)
            tick += 1
        assert [(e.host, e.port) for e in events if isinstance(e, LegLatched)][1:] == [moved.getsockname()]
        assert plane.columns.receive.ssrc[0] == 8
        assert before + 8 <= plane.columns.receive.total[0] <= before + 12
    plane.close()
