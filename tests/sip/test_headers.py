"""Typed header values."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip.errors import ParseError
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow
from hookflash.sip.headers import CSeq, MediaType, NameAddr, Reason, Via, parse_max_forwards
from hookflash.sip.message import Request
from hookflash.sip.stateless import trace
from hookflash.sip.uri import SipUri, TelUri

TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=10)
NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=16).map(str.strip)
HOSTS = st.from_regex(
    r"[a-z0-9]([a-z0-9-]{0,6}\.){0,3}[a-z0-9]{1,6}", fullmatch=True
) | st.ip_addresses().map(str)
PARAMS = st.dictionaries(TOKENS.map(str.lower), st.none() | TOKENS, max_size=4)
PORTS = st.none() | st.integers(1, 65_535)
ADDRESSES = st.builds(
    NameAddr,
    NAMES,
    st.builds(SipUri, st.just("sip"), st.none() | TOKENS, HOSTS, PORTS, PARAMS)
    | st.from_regex(r"\+[0-9]{1,15}", fullmatch=True).map(TelUri),
    PARAMS,
)
VIAS = st.builds(
    Via,
    st.sampled_from(["UDP", "TCP", "TLS", "WSS"]),
    HOSTS,
    PORTS,
    PARAMS.map(lambda p: {**p, "rport": None}),
)


@given(ADDRESSES)
def test_addresses_round_trip(address: NameAddr) -> None:
    assert NameAddr.parse(str(address)) == address


@given(VIAS)
def test_vias_round_trip(via: Via) -> None:
    assert Via.parse(str(via)) == via


@given(st.integers(0, 2**31 - 1), TOKENS)
def test_cseqs_round_trip(number: int, method: str) -> None:
    assert CSeq.parse(str(CSeq(number, method))) == CSeq(number, method)


@given(TOKENS, st.none() | st.integers(0, 65_535), st.text('ab "\\;,', max_size=8))
def test_reasons_round_trip(protocol: str, cause: int | None, text: str) -> None:
    assert Reason.parse(str(Reason(protocol, cause, text))) == Reason(protocol, cause, text)


@given(st.text(max_size=60) | st.text('<>";=:@,sip \\[]1a/.', max_size=60))
def test_any_text_parses_or_raises_parse_error(text: str) -> None:
    for read in (NameAddr.parse, Via.parse, CSeq.parse, Reason.parse, MediaType.parse, parse_max_forwards):
        with contextlib.suppress(ParseError):
            read(text)


PIECES = st.sampled_from([*'<>"\\;=:@ +.?1aé', '\\"', "sip:", "tel:", "x:", "%41", "lr", "[::1]"])


@given(st.lists(PIECES, max_size=14).map("".join), st.lists(PIECES, max_size=8).map("".join))
def test_what_was_read_is_written_the_same(before: str, after: str) -> None:
    for text in (before, f"{before}<sip:a@b{after}", f"<tel:+1{after}", f'"{before}" <sip:a@b>{after}'):
        with contextlib.suppress(ParseError):
            address = NameAddr.parse(text)
            Headers([("To", str(address))])
            assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "name", "user", "params"),
    [
        ('"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s', "A. G. Bell", "agb", {"tag": "a48s"}),
        ("sip:+12125551212@server.phone2net.com;tag=887s", "", "+12125551212", {"tag": "887s"}),
        ("Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "c8oqz84zk7z", {"tag": "hyh8"}),
        ("caller<sip:caller@example.com>", "caller", "caller", {}),
        (r'"J Rosenberg \\\""<sip:jdr@h>;x="y z"', 'J Rosenberg \\"', "jdr", {"x": '"y z"'}),
        ("\t<sip:a@b;lr>", "", "a", {}),
        ('"" <sip:a@b>', "", "a", {}),
        ("R&D Ünit <sip:a@b>", "R&D Ünit", "a", {}),
        ("<tel:+1-425-555-0123>;tag=1", "", "+14255550123", {"tag": "1"}),
    ],
)
def test_addresses(text: str, name: str, user: str, params: dict[str, str]) -> None:
    address = NameAddr.parse(text)
    assert (address.display_name, address.uri.user, address.params) == (name, user, params)
    assert address.tag == params.get("tag")


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"unclosed <sip:a@b>',
        "Bell, Alexander <sip:a@b>",
        "<sip:a@b",
        "<sip:a@b>;",
        "<sip:a@b> x",
        "sip:a@b?subject=x",
        "nothing",
        "<>",
    ],
)
def test_malformed_addresses_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        NameAddr.parse(text)


def test_a_tag_can_be_set() -> None:
    assert str(NameAddr.parse("Bob <sip:b@h>;a=1").with_tag("x")) == "Bob <sip:b@h>;a=1;tag=x"


def test_via_with_every_part_spaced_out() -> None:
    via = Via.parse("SIP  / 2.0\t/ udp  [2001:DB8::9] : 5070 ; Branch=z9hG4bK1;rport ;received=[2001:db8::7]")
    assert (via.transport, via.host, via.port, via.branch) == ("UDP", "2001:db8::9", 5070, "z9hG4bK1")
    assert (via.received, via.rport, via.sent_by) == ("2001:db8::7", None, ("2001:db8::9", 5070))
    assert "rport" in via.params


@pytest.mark.parametrize(("transport", "port"), [("UDP", 5060), ("TCP", 5060), ("TLS", 5061), ("WSS", 5061)])
def test_sent_by_has_the_transports_default_port(transport: str, port: int) -> None:
    assert Via.parse(f"SIP/2.0/{transport} h").sent_by == ("h", port)


@pytest.mark.parametrize(
    ("via", "source", "written", "target"),
    [
        (
            "SIP/2.0/UDP 192.0.2.1:5070;branch=b",
            ("192.0.2.1", 5),
            "SIP/2.0/UDP 192.0.2.1:5070;branch=b",
            ("192.0.2.1", 5070),
        ),
        ("SIP/2.0/UDP h", ("192.0.2.9", 5), "SIP/2.0/UDP h;received=192.0.2.9", ("192.0.2.9", 5060)),
        (
            "SIP/2.0/UDP 192.0.2.1;rport",
            ("192.0.2.1", 5),
            "SIP/2.0/UDP 192.0.2.1;rport=5;received=192.0.2.1",
            ("192.0.2.1", 5),
        ),
        (
            "SIP/2.0/UDP h;maddr=192.0.2.66",
            ("192.0.2.9", 5),
            "SIP/2.0/UDP h;maddr=192.0.2.66;received=192.0.2.9",
            ("192.0.2.9", 5060),
        ),
        (
            "SIP/2.0/UDP 192.0.2.9;received=192.0.2.66",
            ("192.0.2.9", 5),
            "SIP/2.0/UDP 192.0.2.9",
            ("192.0.2.9", 5060),
        ),
        (
            "SIP/2.0/UDP 192.0.2.9;received=192.0.2.66;rport=53",
            ("192.0.2.9", 5),
            "SIP/2.0/UDP 192.0.2.9;rport=5;received=192.0.2.9",
            ("192.0.2.9", 5),
        ),
        ("SIP/2.0/UDP h", ("2001:db8::1", 5), "SIP/2.0/UDP h;received=2001:db8::1", ("2001:db8::1", 5060)),
    ],
)
def test_the_source_is_noted_and_answered(
    via: str, source: tuple[str, int], written: str, target: tuple[str, int]
) -> None:
    noted = Via.parse(via).received_from(*source)
    assert str(noted) == written
    request = Request("OPTIONS", "sip:a@b", Headers([("Via", via)]))
    assert trace(request, Flow("UDP", ("192.0.2.2", 5060), source)).remote == target
    assert request.headers.lines("Via") == [written]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 h",
        "HTTP/2.0/UDP h",
        "SIP/2.0/UDP h:0",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h;rport=x",
        "SIP/2.0/UDP h;rport=70000",
        "SIP/2.0/UDP h;branch=;;",
        "SIP/2.0/UDP [::z]",
    ],
)
def test_malformed_vias_are_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        Via.parse(text)
    assert caught.value.header == "Via"


@pytest.mark.parametrize(
    "text", ["", "1", "INVITE", "-1 INVITE", "1 IN VITE", "2147483648 INVITE", "36893488147419103232 BYE"]
)
def test_malformed_cseqs_are_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        CSeq.parse(text)
    assert caught.value.header == "CSeq"


def test_reason_of_a_q850_cause() -> None:
    reason = Reason.parse('Q.850 ;cause=16 ;text="Normal, clearing"')
    assert reason == Reason("Q.850", 16, "Normal, clearing")
    assert Reason.parse("SIP") == Reason("SIP")
    assert str(Reason("SIP")) == "SIP"


@pytest.mark.parametrize("text", ["", ";cause=1", "SIP;cause=x", "SIP;;"])
def test_malformed_reasons_are_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        Reason.parse(text)
    assert caught.value.header == "Reason"


def test_media_types() -> None:
    kind = MediaType.parse(' Application / SDP ;charset="utf-8"')
    assert (kind.essence, kind.params) == ("application/sdp", {"charset": '"utf-8"'})
    assert str(kind) == 'application/sdp;charset="utf-8"'
    for text in ("sdp", "a/b;;"):
        with pytest.raises(ParseError, match="Content-Type"):
            MediaType.parse(text)


def test_max_forwards() -> None:
    assert parse_max_forwards("0070") == 70
    with pytest.raises(ParseError) as caught:
        parse_max_forwards("300")
    assert caught.value.header == "Max-Forwards"
