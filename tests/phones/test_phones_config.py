"""Routes, sources and identities of trunk phones."""

from __future__ import annotations

import pytest

from hookflash.phones import routes
from hookflash.phones.config import RouteConfig, TrunkConfig
from hookflash.phones.identities import (
    callee_of,
    caller_of,
    custom_headers,
    diverted_from,
    identity_headers,
    sendable_headers,
)
from hookflash.phones.routes import RouteError, Routes, Sources
from hookflash.sip.errors import ParseError
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.headers import NameAddr
from hookflash.sip.message import Request
from hookflash.sip.uri import SipUri
from hookflash.testing.clock import VirtualClock
from hookflash.wire.identifiers import Identifier

NORTH = TrunkConfig("north", (("192.0.2.10", 5060),), allow=("198.51.100.0/24", "2001:db8::1"))
SOUTH = TrunkConfig("south", (("sbc.example", 5060),))


def routed(number: str, *routes: RouteConfig) -> list[tuple[str, str]]:
    return [(c.trunk.name, c.number) for c in Routes((NORTH, SOUTH), routes).choices(number)]


@pytest.mark.parametrize("pattern", ["+1425", "+1425*", "*", "", "+", r"\+1\d{10}", r"\+14255550100|911"])
def test_prefixes_and_expressions_match(pattern: str) -> None:
    assert routed("+14255550100", RouteConfig(pattern, "north")) == [("north", "+14255550100")]


@pytest.mark.parametrize("pattern", ["+1426", "+44*", r"\+1\d{9}", "14255550100"])
def test_other_patterns_do_not(pattern: str) -> None:
    assert routed("+14255550100", RouteConfig(pattern, "north")) == []


def test_priority_orders_routes_and_each_trunk_comes_once() -> None:
    routes = (RouteConfig("*", "south", 5), RouteConfig("+1", "north", 1), RouteConfig("+14", "south", 9))
    assert [name for name, _ in routed("+14255550100", *routes)] == ["north", "south"]


def test_numbers_can_be_rewritten() -> None:
    assert routed("+14255550100", RouteConfig("+1", "north", rewrite=r"001\1")) == [
        ("north", "0014255550100")
    ]
    assert routed("+14255550100", RouteConfig(r"\+1(\d{3})(\d+)", "north", rewrite=r"\2-\1")) == [
        ("north", "5550100-425")
    ]


@pytest.mark.parametrize(
    ("route", "named"),
    [
        (RouteConfig("*", "east"), '"east"'),
        (RouteConfig("(", "north"), '"("'),
        (RouteConfig("+1", "north", rewrite=r"\7"), '"+1"'),
    ],
)
def test_routes_that_cannot_work_are_refused_by_name(route: RouteConfig, named: str) -> None:
    with pytest.raises(RouteError) as refusal:
        Routes((NORTH, SOUTH), (route,))
    assert named in str(refusal.value)


def test_a_route_without_any_trunk_says_so() -> None:
    with pytest.raises(RouteError, match="trunks are: none"):
        Routes((), (RouteConfig("*", "east"),))


def test_sources_are_known_by_target_and_by_network() -> None:
    sources = Sources((NORTH, SOUTH))
    assert sources.trunk("192.0.2.10") is NORTH
    assert sources.trunk("198.51.100.77") is NORTH
    assert sources.trunk("::ffff:198.51.100.77") is NORTH
    assert sources.trunk("2001:db8::1") is NORTH
    assert sources.trunk("203.0.113.1") is None
    assert sources.trunk("not an address") is None
    sources.learn("203.0.113.1", SOUTH)
    assert sources.trunk("203.0.113.1") is SOUTH


def test_what_a_name_stood_for_is_not_trusted_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_LEARNT", 3)
    clock = VirtualClock()
    sources = Sources((NORTH, SOUTH), now=clock.now)
    sources.learn("203.0.113.1", SOUTH)
    clock.advance(routes.LEARNT - 1.0)
    sources.learn("203.0.113.1", NORTH)  # it is another's still
    assert sources.trunk("203.0.113.1") is SOUTH
    clock.advance(1.0)
    assert sources.trunk("203.0.113.1") is None
    sources.learn("203.0.113.1", NORTH)
    assert sources.trunk("203.0.113.1") is NORTH
    clock.advance(routes.LEARNT - 1.0)
    sources.keep(NORTH)  # nobody could be asked
    clock.advance(routes.LEARNT - 1.0)
    assert sources.trunk("203.0.113.1") is NORTH
    for number in range(2, 10):  # a name that stands for others each time it is asked for
        sources.learn(f"203.0.113.{number}", SOUTH)
    assert len(sources._learnt) == 3
    clock.advance(10 * routes.LEARNT)
    assert sources.trunk("192.0.2.10") is NORTH  # as configured


def test_a_datagram_does_not_speak_for_a_trunk_over_tls_unless_allowed() -> None:
    secured = TrunkConfig("secured", (("203.0.113.9", 5061),), transport="TLS", allow=("203.0.113.10",))
    sources = Sources((secured,))
    for transport, host, known in (
        ("UDP", "203.0.113.9", False),
        ("TCP", "203.0.113.9", True),
        ("TLS", "203.0.113.9", True),
        ("UDP", "203.0.113.10", True),
        ("TLS", "203.0.113.10", True),
        ("UDP", "203.0.113.11", False),
    ):
        flow = Flow(transport, ("192.0.2.1", 5060), (host, 40000))
        assert (sources.of(flow) is secured) is known, (transport, host)
    assert sources.trunk("203.0.113.9") is secured  # it is not banned in its name


def test_a_network_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(RouteError, match='trunk "t" allows "everybody"'):
        Sources((TrunkConfig("t", (), allow=("everybody",)),))


def invite(
    uri: str = "sip:+14255550100@us", sender: str = "<sip:+12065550100@them>;tag=1", **more: str
) -> Request:
    headers = Headers([("From", sender), ("To", "<sip:x@us>")])
    for name, value in more.items():
        headers.add(name.replace("_", "-"), value)
    return Request("INVITE", uri, headers)


USER = "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-0a94-7987-ac46-04bd456051a5"


@pytest.mark.parametrize(
    ("uri", "raw_id"),
    [
        ("sip:+14255550100@us", "4:+14255550100"),
        ("sip:14255550100@us:5060;user=phone", "4:+14255550100"),
        ("sip:+1-425-555-0100@us", "4:+14255550100"),
        ("sip:+14255550100;npdi@us", "4:+14255550100"),
        ("tel:+1(425)555-0100", "4:+14255550100"),
        (f"sip:{USER.replace(':', '%3A')}@us", USER),
    ],
)
def test_callees_are_numbers_or_users(uri: str, raw_id: str) -> None:
    assert callee_of(invite(uri)) == Identifier.parse(raw_id)


@pytest.mark.parametrize(
    "uri", ["sip:us", "sip:alice@us", "sip:+1@us", "sip:28%3Aorgid%3Ax@us", "mailto:a@b"]
)
def test_other_callees_are_nobody(uri: str) -> None:
    assert callee_of(invite(uri)) is None


def test_a_request_uri_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(ParseError):
        callee_of(invite("sip:a b"))


@pytest.mark.parametrize(
    ("sender", "raw_id", "name"),
    [
        ('"Ada L" <sip:+12065550100@them>;tag=1', "4:+12065550100", "Ada L"),
        ("<sip:12065550100@them>", "4:+12065550100", ""),
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', "4:anonymous", ""),
        ("sipp <sip:sipp@127.0.0.1:5061>", "4:anonymous", "sipp"),
        (f"<sip:{USER.replace(':', '%3A')}@them>", USER, ""),
    ],
)
def test_callers_are_numbers_users_or_anonymous(sender: str, raw_id: str, name: str) -> None:
    assert caller_of(invite(sender=sender), trusted=False) == (Identifier.parse(raw_id), name)


def test_an_asserted_identity_counts_only_from_those_we_trust() -> None:
    request = invite(P_Asserted_Identity="<sip:+13605550100@them>")
    assert caller_of(request, trusted=True)[0] == Identifier.phone("+13605550100")
    assert caller_of(request, trusted=False)[0] == Identifier.phone("+12065550100")


def test_a_withheld_identity_is_anonymous() -> None:
    request = invite(sender='"Ada" <sip:+12065550100@them>', Privacy="user;id")
    assert caller_of(request, trusted=True) == (Identifier.phone("anonymous"), "")


@pytest.mark.parametrize("private", ["id", "user", "header; ID", "none, id".replace(",", ";")])
def test_every_word_that_withholds_does(private: str) -> None:
    request = invite(P_Asserted_Identity="<sip:+13605550100@them>", Privacy=private)
    assert caller_of(request, trusted=True) == (Identifier.phone("anonymous"), "")


@pytest.mark.parametrize("private", ["none", "header", "history", "critical", ""])
def test_other_words_do_not(private: str) -> None:
    request = invite(P_Asserted_Identity="<sip:+13605550100@them>", Privacy=private)
    assert caller_of(request, trusted=True)[0] == Identifier.phone("+13605550100")


def test_a_preferred_identity_goes_between_the_asserted_one_and_from() -> None:
    preferred = invite(P_Preferred_Identity="<sip:+14255550123@them>")
    assert caller_of(preferred, trusted=True)[0] == Identifier.phone("+14255550123")
    assert caller_of(preferred, trusted=False)[0] == Identifier.phone("+12065550100")
    both = invite(
        P_Preferred_Identity="<sip:+14255550123@them>",
        P_Asserted_Identity='"cullen" <sip:fluffy@them>, tel:+13605550100',
    )
    assert caller_of(both, trusted=True)[0] == Identifier.phone("+13605550100")


@pytest.mark.parametrize(
    ("headers", "number"),
    [
        ({}, ""),
        ({"Diversion": "<sip:+14255550101@them>;reason=user-busy"}, "+14255550101"),
        ({"Diversion": "<sip:+14255550102@them>;reason=unknown, <sip:+14255550101@them>"}, "+14255550101"),
        (
            {"History_Info": "<sip:+14255550105@them>;index=1, <sip:+14255550106@them>;index=1.1"},
            "+14255550105",
        ),
        ({"Diversion": "<sip:ada@them>", "History_Info": "<sip:+14255550105@them>;index=1"}, "+14255550105"),
        ({"Diversion": "<<rubbish"}, ""),
    ],
)
def test_who_a_call_was_forwarded_from_first(headers: dict[str, str], number: str) -> None:
    assert diverted_from(invite(**headers)) == number


CALLER = NameAddr("Ada", SipUri("sip", "+12065550100", "us.example"))


@pytest.mark.parametrize(
    ("identity", "number", "headers"),
    [
        ("from", "+12065550100", ()),
        ("from", "", ()),
        ("asserted", "+12065550100", (("P-Asserted-Identity", "Ada <sip:+12065550100@us.example>"),)),
        ("preferred", "+12065550100", (("P-Preferred-Identity", "Ada <sip:+12065550100@us.example>"),)),
        (
            "asserted",
            "anonymous",
            (("P-Asserted-Identity", "<sip:+12065550199@us.example>"), ("Privacy", "id")),
        ),
    ],
)
def test_what_a_trunk_is_told_of_the_caller(
    identity: str, number: str, headers: tuple[tuple[str, str], ...]
) -> None:
    trunk = TrunkConfig("t", (), caller="+12065550199", domain="us.example", identity=identity)
    assert identity_headers(trunk, number, CALLER) == headers


def test_a_withheld_number_without_one_of_the_trunk_is_only_marked() -> None:
    trunk = TrunkConfig("t", (), identity="asserted")
    assert identity_headers(trunk, "", CALLER) == (("Privacy", "id"),)


def test_custom_headers_that_differ_in_case_are_one() -> None:
    found = custom_headers(invite(X_Order="1", x_order="2", USER_TO_USER="00"))
    assert {name.lower(): value for name, value in found.items()} == {"x-order": "1", "user-to-user": "00"}
    assert len(found) == 2


def test_custom_headers_are_taken_and_bounded() -> None:
    more = {f"X-Number-{n}": str(n) for n in range(30)}
    request = invite(User_to_User="00;encoding=hex", Subject="no", X_Long="x" * 2000, **more)
    found = custom_headers(request)
    assert found["User-To-User"] == "00;encoding=hex"
    assert "Subject" not in found
    assert "X-Long" not in found
    assert len(found) == 16


def test_only_custom_headers_can_be_sent() -> None:
    wanted = {"X-Order": "7", "User-To-User": "00", "Via": "evil", "X-Bad": "a\r\nb", "X-B d": "1"}
    assert sendable_headers(wanted) == (("X-Order", "7"), ("User-To-User", "00"))


def test_a_trunk_is_known_by_its_certificate_wherever_it_calls_from() -> None:
    secured = TrunkConfig("secured", (("sbc.example.org", 5061),), transport="TLS")
    sources = Sources((SOUTH, secured))
    flow = Flow("TLS", ("192.0.2.1", 5061), ("203.0.113.9", 40000), 7)
    assert sources.of(flow) is None
    assert sources.of(flow._replace(shown=("other.example", "sbc.example.org"))) is secured
    wild = flow._replace(shown=("*.example.org",))
    assert sources.of(wild) is None
    assert Sources((secured,), wildcards=True).of(wild) is secured
    # A name proves nothing about a trunk that is not reached over TLS.
    plain = Sources((TrunkConfig("plain", (("sbc.example.org", 5060),)),))
    assert plain.of(flow._replace(shown=("sbc.example.org",))) is None
