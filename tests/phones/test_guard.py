"""Who is not listened to any more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.phones import guard as module
from hookflash.phones.guard import (
    FORGIVEN,
    MOST_BAN,
    TRUSTED,
    Guard,
    GuardRules,
    Offence,
    is_scanner,
    source_of,
)
from hookflash.testing.clock import VirtualClock

HERE, THERE = "203.0.113.9", "203.0.113.10"


def test_offences_add_up_to_a_ban_that_ends() -> None:
    clock = VirtualClock()
    guard = Guard(clock)
    for _ in range(4):
        assert not guard.offend(HERE, Offence.PASSWORD)
    assert not guard.barred(HERE)
    assert guard.offend(HERE, Offence.PASSWORD)
    assert guard.barred(HERE)
    assert not guard.barred(THERE)
    (ban,) = guard.bans()
    assert (ban.source, ban.reason, ban.until, ban.times, ban.refused) == (
        HERE,
        Offence.PASSWORD,
        600.0,
        1,
        1,
    )
    clock.advance(599.9)
    assert guard.barred(HERE)
    clock.advance(0.1)
    assert guard.bans() == []
    assert not guard.barred(HERE)


def test_points_are_forgiven_with_time() -> None:
    clock = VirtualClock()
    guard = Guard(clock)
    for _ in range(100):
        assert not guard.offend(HERE, Offence.UNKNOWN)
        clock.advance(10.0)


def test_the_next_ban_is_longer_until_long_after() -> None:
    clock = VirtualClock()
    guard = Guard(clock)
    lengths = []
    for _ in range(10):
        guard.offend(HERE, Offence.SCANNER)
        (ban,) = guard.bans()
        lengths.append(ban.until - clock.now())
        clock.advance(lengths[-1])
        assert guard.bans() == []
    assert lengths[:4] == [600.0, 1200.0, 2400.0, 4800.0]
    assert lengths[-1] == MOST_BAN
    clock.advance(FORGIVEN)
    guard.offend(HERE, Offence.SCANNER)
    assert guard.bans()[0].times == 1


def test_a_stranger_has_so_many_messages_a_second() -> None:
    clock = VirtualClock()
    guard = Guard(clock, GuardRules(rate=10.0, burst=20.0))
    assert [guard.allows(HERE) for _ in range(22)].count(True) == 20
    assert guard.allows(THERE)
    clock.advance(1.0)
    assert [guard.allows(HERE) for _ in range(12)].count(True) == 10
    while not guard.barred(HERE):  # who does not stop is banned
        guard.allows(HERE)
    assert guard.bans()[0].reason is Offence.FLOOD


def test_offences_during_a_ban_neither_start_it_anew_nor_forget_its_history() -> None:
    clock = VirtualClock()
    guard = Guard(clock)
    guard.offend(HERE, Offence.SCANNER)
    clock.advance(600.0)
    guard.offend(HERE, Offence.SCANNER)  # the ban is over, though nobody has asked since
    assert [ban.times for ban in guard.bans()] == [2]
    for _ in range(5):  # messages that came in one piece over a connection
        assert not guard.offend(HERE, Offence.SCANNER)
    (ban,) = guard.bans()
    assert (ban.times, ban.until) == (2, 1800.0)


def test_who_has_proved_to_be_a_trunk_is_trusted_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TRUSTED", 3)
    clock = VirtualClock()
    guard = Guard(clock, GuardRules(rate=1.0, burst=2.0))
    guard.offend(HERE, Offence.SCANNER)
    guard.trust(HERE)
    assert not guard.barred(HERE)
    assert all(guard.allows(HERE) for _ in range(100))
    assert not guard.offend(HERE, Offence.SCANNER)
    guard.trust("2001:db8::1")
    guard.offend("2001:db8::2", Offence.SCANNER)
    assert guard.barred("2001:db8::2")  # not the whole customer's network
    assert not guard.barred("2001:db8::1")
    clock.advance(TRUSTED)
    assert guard.offend(HERE, Offence.SCANNER)
    for number in range(10):
        guard.trust(f"192.0.2.{number}")
    assert len(guard._trusted) == 3


def test_bans_are_lifted_by_hand() -> None:
    guard = Guard(VirtualClock())
    for host in (HERE, THERE, "2001:db8::1"):
        guard.offend(host, Offence.SCANNER)
    assert guard.barred("2001:db8::ffff")  # one customer has a /64
    assert not guard.barred("2001:db8:0:1::1")
    assert guard.clear("192.0.2.1") == 0
    assert guard.clear("nobody") == 0
    assert guard.clear(HERE) == 1
    assert guard.clear("2001:db8::/64") == 1
    assert [ban.source for ban in guard.bans()] == [THERE]
    assert guard.clear() == 1
    guard.offend(HERE, Offence.SCANNER)
    assert guard.bans()[0].times == 1  # its history is gone as well


def test_nobody_is_banned_where_that_is_off() -> None:
    guard = Guard(VirtualClock(), GuardRules(ban=0.0))
    for _ in range(10):
        assert not guard.offend(HERE, Offence.SCANNER)
    assert not guard.barred(HERE)


def test_this_machine_is_never_banned() -> None:
    guard = Guard(VirtualClock())
    for host in ("127.0.0.1", "::1"):
        for _ in range(50):
            guard.offend(host, Offence.SCANNER)
        assert not guard.barred(host)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SOURCES", 5)
    monkeypatch.setattr(module, "MAX_BANS", 5)
    clock = VirtualClock()
    guard = Guard(clock)
    for number in range(20):
        guard.offend(f"192.0.2.{number}", Offence.SCANNER)
        guard.allows(f"198.51.100.{number}")
        clock.advance(1.0)
    assert [ban.source for ban in guard.bans()] == [f"192.0.2.{number}" for number in range(15, 20)]
    assert (len(guard._sources), len(guard._former)) == (5, 5)


@given(st.lists(st.tuples(st.sampled_from(Offence), st.floats(0, 50)), max_size=60))
def test_a_ban_comes_exactly_when_a_leaking_bucket_runs_over(steps: list[tuple[Offence, float]]) -> None:
    clock, points = VirtualClock(), 0.0
    guard = Guard(clock)
    for offence, pause in steps:
        if guard.barred(HERE):  # nothing more is held against it meanwhile
            assert guard.offend(HERE, offence) is False
            clock.advance(20.0 * pause)
            continue
        points += offence.value
        full = points >= 20.0
        assert guard.offend(HERE, offence) is full
        before = clock.now()
        clock.advance(pause)
        points = 0.0 if full else points
        points = max(0.0, points - (clock.now() - before) * 0.1)


@pytest.mark.parametrize(
    ("host", "source"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_what_an_address_counts_as(host: str, source: str) -> None:
    assert source_of(host) == source


def test_scanners_are_known_by_name() -> None:
    assert is_scanner("Friendly-Scanner")
    assert is_scanner("sipcli/v1.8")
    assert not is_scanner("Asterisk PBX 18")
    assert not is_scanner(None)
