"""Locating servers by RFC 3263, with scripted answers and with Hypothesis."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.ports.names import Naptr, Question, Record, RecordKind, Srv
from hookflash.sip.location import MAX_PLACES, MAX_QUESTIONS, Place, Wish, locate, ordered

NAPTR, SRV, A, AAAA = RecordKind.NAPTR, RecordKind.SRV, RecordKind.A, RecordKind.AAAA
Zone = Mapping[tuple[str, RecordKind], Sequence[Record]]

DOMAIN: dict[tuple[str, RecordKind], Sequence[Record]] = {
    ("example.org", NAPTR): [
        Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.org"),
        Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.org"),
        Naptr(100, 50, "S", "sip+d2u", "_sip._udp.example.org"),
        Naptr(10, 50, "u", "E2U+sip", "", "!^.*$!sip:x@example.org!"),
        Naptr(20, 50, "s", "SIP+D2S", "_sip._sctp.example.org"),
    ],
    ("_sips._tcp.example.org", SRV): [Srv(1, 0, 5061, "a.example.org"), Srv(2, 0, 443, "b.example.org")],
    ("_sip._tcp.example.org", SRV): [Srv(1, 0, 5060, "a.example.org")],
    ("_sip._udp.example.org", SRV): [Srv(1, 0, 5070, "b.example.org")],
    ("a.example.org", A): ["192.0.2.1", "192.0.2.2"],
    ("a.example.org", AAAA): ["2001:db8::1"],
    ("b.example.org", A): ["192.0.2.3"],
    ("example.org", A): ["192.0.2.9"],
}


def found(wish: Wish, zone: Zone = DOMAIN) -> tuple[list[Place], list[Question]]:
    """The places, and what was asked."""
    asked: list[Question] = []
    search = locate(wish, lambda: 0.0)
    try:
        question = next(search)
        while True:
            asked.append(question)
            question = search.send(zone.get(tuple(question), ()))
    except StopIteration as stop:
        return stop.value, asked


def at(places: list[Place]) -> list[str]:
    return [f"{place.transport} {place.address[0]}:{place.address[1]}" for place in places]


def test_the_domain_says_which_transports_in_which_order() -> None:
    places, _ = found(Wish("Example.ORG."))
    assert at(places) == [
        "TLS 192.0.2.1:5061",
        "TLS 192.0.2.2:5061",
        "TLS 192.0.2.3:443",
        "TCP 192.0.2.1:5060",
        "TCP 192.0.2.2:5060",
        "UDP 192.0.2.3:5070",
    ]
    assert {place.name for place in places} == {"example.org"}  # whom a certificate has to be for


@pytest.mark.parametrize(
    ("wish", "places"),
    [
        (Wish("example.org", transports=("UDP",)), ["UDP 192.0.2.3:5070"]),
        (Wish("example.org", transport="UDP"), ["UDP 192.0.2.3:5070"]),
        (Wish("example.org", transport="TCP"), ["TCP 192.0.2.1:5060", "TCP 192.0.2.2:5060"]),
        (
            Wish("example.org", secure=True),
            ["TLS 192.0.2.1:5061", "TLS 192.0.2.2:5061", "TLS 192.0.2.3:443"],
        ),
        (Wish("example.org", secure=True, transports=("UDP", "TCP")), []),
        (Wish("example.org", 5080), ["UDP 192.0.2.9:5080"]),
        (Wish("example.org", 5080, "TCP"), ["TCP 192.0.2.9:5080"]),
        (Wish("example.org", 5080, secure=True), ["TLS 192.0.2.9:5080"]),
        (Wish("b.example.org"), ["UDP 192.0.2.3:5060"]),
        (Wish("b.example.org", transport="TLS"), ["TLS 192.0.2.3:5061"]),
        (Wish("b.example.org", secure=True), ["TLS 192.0.2.3:5061"]),
        (Wish("a.example.org", 1, "TCP", families=(AAAA,)), ["TCP 2001:db8::1:1"]),
        (
            Wish("a.example.org", 1, families=(AAAA, A)),
            ["UDP 2001:db8::1:1", "UDP 192.0.2.1:1", "UDP 192.0.2.2:1"],
        ),
        (Wish("192.0.2.7"), ["UDP 192.0.2.7:5060"]),
        (Wish("192.0.2.7", transports=("TCP",)), ["TCP 192.0.2.7:5060"]),
        (Wish("192.0.2.7", secure=True), ["TLS 192.0.2.7:5061"]),
        (Wish("2001:DB8::7", 5066, "TCP"), ["TCP 2001:db8::7:5066"]),
        (Wish("nowhere.example"), []),
        (Wish("192.0.2.7", transport="TLS", transports=("UDP",)), []),
    ],
)
def test_what_is_given_is_not_asked_for(wish: Wish, places: list[str]) -> None:
    assert at(found(wish)[0]) == places


def test_questions_are_those_that_are_needed() -> None:
    assert found(Wish("192.0.2.7"))[1] == []
    assert found(Wish("example.org", 5080))[1] == [Question("example.org", A)]
    assert found(Wish("b.example.org", transport="TCP"))[1] == [
        Question("_sip._tcp.b.example.org", SRV),
        Question("b.example.org", A),
    ]


def test_a_service_that_is_decidedly_not_there_is_not_looked_for_elsewhere() -> None:
    zone: Zone = {("_sip._udp.x.example", SRV): [Srv(0, 0, 0, "")], ("x.example", A): ["192.0.2.1"]}
    assert found(Wish("x.example", transport="UDP"), zone)[0] == []


def test_a_domain_that_points_at_itself_does_not_keep_us_busy() -> None:
    many = [Srv(0, 0, 5060, f"h{number}.example") for number in range(500)]
    zone: Zone = {("_sip._udp.x.example", SRV): many}
    places, asked = found(Wish("x.example", transport="UDP", families=(A, AAAA)), zone)
    assert (places, len(asked)) == ([], MAX_QUESTIONS)
    zone = {("x.example", A): [f"192.0.2.{number}" for number in range(200)]}
    assert len(found(Wish("x.example", 1), zone)[0]) == MAX_PLACES


servers = st.lists(
    st.builds(
        Srv,
        st.integers(0, 3),
        st.integers(0, 65535),
        st.integers(1, 65535),
        st.sampled_from(["a", "b", "c", "d"]),
    ),
    max_size=12,
)


@given(servers, st.randoms(use_true_random=False))
def test_every_server_comes_once_and_by_priority(given_: list[Srv], source: random.Random) -> None:
    order = ordered(given_, source.random)
    assert Counter(order) == Counter(given_)
    priorities = [server.priority for server in order]
    assert priorities == sorted(priorities)


@given(st.lists(st.integers(1, 50), min_size=2, max_size=5), st.integers(0, 2**32))
def test_the_first_is_drawn_in_proportion_to_its_weight(weights: list[int], seed: int) -> None:
    group = [Srv(0, weight, 5060, str(number)) for number, weight in enumerate(weights)]
    total = sum(weights)
    # Instead of many draws, every part of the range once: what is drawn is then counted, not estimated.
    first = Counter(
        ordered(group, Draws((number + 0.5) / (total + 1), seed))[0].target for number in range(total + 1)
    )
    for number, weight in enumerate(weights):
        # 0 falls to the first one (RFC 2782 draws from 0 on).
        assert first[str(number)] == weight + (number == 0)


class Draws:
    """A given draw first, then any."""

    def __init__(self, first: float, seed: int) -> None:
        self._first: float | None = first
        self._source = random.Random(seed)

    def __call__(self) -> float:
        first, self._first = self._first, None
        return self._source.random() if first is None else first


def test_a_server_without_weight_is_hardly_ever_first() -> None:
    group = [Srv(0, 99, 5060, "heavy"), Srv(0, 0, 5060, "light")]
    first = Counter(ordered(group, Draws(number / 100, 1))[0].target for number in range(100))
    assert first == {"light": 1, "heavy": 99}


answers = st.dictionaries(
    st.tuples(
        st.sampled_from(["x", "a", "b", "_sip._udp.x", "_sip._tcp.x", "_sips._tcp.x"]),
        st.sampled_from(RecordKind),
    ),
    st.lists(
        st.one_of(
            st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
            st.builds(
                Srv, st.integers(0, 3), st.integers(0, 9), st.integers(0, 9), st.sampled_from(["", "a", "b"])
            ),
            st.builds(
                Naptr,
                st.integers(0, 3),
                st.integers(0, 3),
                st.sampled_from(["s", "a", ""]),
                st.sampled_from(["SIP+D2U", "SIP+D2T", "SIPS+D2T", "E2U+sip"]),
                st.sampled_from(["", "_sip._udp.x", "_sips._tcp.x", "x"]),
            ),
        ),
        max_size=6,
    ),
)


@given(answers, st.booleans(), st.sampled_from(["", "UDP", "TCP", "TLS"]), st.sampled_from([None, 5099]))
def test_whatever_the_answers_a_wish_is_kept(
    zone: Zone, secure: bool, transport: str, port: int | None
) -> None:
    wish = Wish("x", port, transport, secure, families=(A, AAAA))
    places, asked = found(wish, zone)
    assert len(asked) <= MAX_QUESTIONS
    assert len(places) == len(set(places)) <= MAX_PLACES
    for place in places:
        assert place.name == "x"
        assert not secure or place.transport == "TLS"
        assert not transport or place.transport == transport
        assert port is None or place.address[1] == port
