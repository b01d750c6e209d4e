"""What a registration with a trunk decides: times, what was granted, where it is seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.phones.trunks.registration import (
    contact_user,
    granted,
    least_expires,
    moves_to_next,
    outside,
    refresh_after,
    retry_after,
    wait_after,
)
from hookflash.sip.events import Replied
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.uri import SipUri

DRAW = st.floats(0.0, 1.0, exclude_max=True)
OURS = SipUri("sip", "hookflash-1", "192.0.2.2", 5060)


def outcome(status: int, kind: str = "response", **headers: str) -> Replied:
    fields = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Replied(1, status, "Said", kind, Headers(fields))


@given(st.integers(1, 86_400), DRAW)
def test_it_is_refreshed_before_it_ends(seconds: int, draw: float) -> None:
    assert 0 < refresh_after(seconds, draw) < seconds
    if seconds >= 10:
        assert 0.75 * seconds <= refresh_after(seconds, draw) <= 0.9 * seconds


@given(st.integers(1, 10_000), DRAW, st.floats(0.0, 1e9))
def test_pauses_after_failures_grow_to_a_bound_and_honour_what_is_asked(
    failures: int, draw: float, asked: float
) -> None:
    seconds = wait_after(failures, draw, asked)
    assert 30.0 <= seconds <= 3600.0
    assert seconds >= min(asked, 3600.0)
    assert wait_after(failures, draw) <= 1800.0
    assert wait_after(failures, draw) <= wait_after(failures + 1, draw)


def test_the_first_pauses_are_those_of_rfc_5626() -> None:
    assert [wait_after(count, 0.0) for count in range(1, 8)] == [30, 60, 120, 240, 480, 900, 900]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], 600),
        ([("Expires", "120")], 120),
        ([("Contact", "<sip:hookflash-1@192.0.2.2>;expires=77"), ("Expires", "120")], 77),
        ([("Contact", "<sip:hookflash-1@192.0.2.2:5060>"), ("Expires", "120")], 120),
        ([("Contact", "<sip:other@192.0.2.9>;expires=5, <sip:hookflash-1@192.0.2.2>;expires=55")], 55),
        ([("Contact", "<sip:other@192.0.2.9>;expires=5")], 0),
        ([("Contact", "<sip:hookflash-1@192.0.2.9>;expires=5")], 0),
        ([("Contact", "<<<"), ("Expires", "90")], 90),
        ([("Expires", "-1")], 600),
        ([("Expires", "999999999")], 86_400),
        ([("Contact", "<sip:hookflash-1@192.0.2.2>;expires=0")], 0),
    ],
)
def test_what_is_granted(headers: list[tuple[str, str]], seconds: int) -> None:
    assert granted(Headers(headers), OURS, 600) == seconds


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SIP.Example.ORG", "sip.example.org"),
        ("2001:DB8:0:0::5", "[2001:db8::5]"),
        ("sip.example.org", "SIP.EXAMPLE.ORG"),
    ],
)
def test_a_registrar_may_spell_our_host_another_way(ours: str, theirs: str) -> None:
    headers = Headers([("Contact", f"<sip:hookflash-1@{theirs}:5060>;expires=77")])
    assert granted(headers, SipUri("sip", "hookflash-1", ours, 5060), 600) == 77


def test_what_423_asks_for() -> None:
    assert least_expires(outcome(423, Min_Expires="1800")) == 1800
    assert least_expires(outcome(423)) is None
    assert least_expires(outcome(423, Min_Expires="99999999")) is None
    assert least_expires(outcome(200, Min_Expires="1800")) is None
    assert retry_after(outcome(503, Retry_After="18 (busy);duration=4").headers) == 18
    assert retry_after(outcome(503, Retry_After="soon").headers) == 0


def test_another_server_is_asked_when_it_may_know_better() -> None:
    assert all(moves_to_next(outcome(status)) for status in (408, 500, 503))
    assert moves_to_next(outcome(408, "timeout"))
    assert moves_to_next(outcome(503, "transport"))
    assert not any(moves_to_next(outcome(status)) for status in (301, 401, 403, 404, 423, 603))


def test_a_nat_shows_in_where_the_registrar_sees_us() -> None:
    udp = Flow("UDP", ("10.0.0.2", 5060), ("192.0.2.1", 5060))
    tcp = udp._replace(transport="TCP")
    assert outside(udp, None) is None
    assert outside(udp, ("10.0.0.2", 5060)) is None
    assert outside(udp, ("203.0.113.9", 61000)) == ("203.0.113.9", 61000)
    assert outside(udp, ("10.0.0.2", 61000)) == ("10.0.0.2", 61000)
    assert outside(tcp, ("10.0.0.2", 61000)) is None
    assert outside(tcp, ("203.0.113.9", 61000)) == ("203.0.113.9", 61000)


def test_each_trunk_has_a_contact_of_its_own_also_after_a_restart() -> None:
    assert contact_user("a") == contact_user("a")
    assert contact_user("a") != contact_user("b")
    assert SipUri.parse(f"sip:{contact_user('Träger 1/2')}@host").user == contact_user("Träger 1/2")
