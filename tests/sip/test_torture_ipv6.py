"""The torture tests of IPv6 in SIP (RFC 5118), section by section."""

from __future__ import annotations

import ipaddress

import pytest
from sip.agents import ANSWER, Probe
from sip.torture_messages import crlf

from hookflash.sip.errors import ParseError
from hookflash.sip.events import IncomingInvite
from hookflash.sip.flow import Flow, Send
from hookflash.sip.headers import Via
from hookflash.sip.message import Request, parse
from hookflash.sip.sdp import SessionDescription
from hookflash.sip.uri import SipUri, parse_host, parse_uri

PLACE = Flow("UDP", ("2001:db8::10", 5060), ("2001:db8::9:1", 5060))


def request(
    start: str, *lines: str, via: str = "[2001:db8::9:1];branch=z9hG4bKas3-111", body: bytes = b""
) -> bytes:
    method = start.partition(" ")[0]
    kind = ["Content-Type: application/sdp"] if body else []
    head = [
        f"{start} SIP/2.0",
        "To: sip:user@example.com",
        "From: sip:user@example.com;tag=81x2",
        f"Via: SIP/2.0/UDP {via}",
        "Call-ID: SSG9559905523997077@hlau_4100",
        "Max-Forwards: 70",
        'Contact: "Caller" <sip:caller@[2001:db8::1]>',
        f"CSeq: 98176 {method}",
        *kind,
        *lines,
        "Content-Length: {length}",
    ]
    return crlf("\n".join(head), body)


def read(data: bytes) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_4_1_an_ipv6_reference() -> None:
    message = read(request("REGISTER sip:[2001:db8::10]"))
    uri = SipUri.parse(message.uri)
    assert (uri.host, uri.port, message.via.host) == ("2001:db8::10", None, "2001:db8::9:1")
    assert (str(uri), message.via.sent_by) == ("sip:[2001:db8::10]", ("2001:db8::9:1", 5060))
    assert message.contacts[0].uri.host == "2001:db8::1"


def test_4_2_an_address_without_brackets_is_none() -> None:
    """It could end in a port. The URI cannot be read, and whoever has to read it says 400."""
    with pytest.raises(ParseError) as caught:
        parse_uri(read(request("REGISTER sip:2001:db8::10")).uri)
    assert caught.value.status == 400


def test_4_3_a_port_within_the_brackets_is_a_part_of_the_address() -> None:
    uri = SipUri.parse(read(request("REGISTER sip:[2001:db8::10:5070]")).uri)
    assert (uri.host, uri.port) == ("2001:db8::10:5070", None)


def test_4_4_a_port_behind_the_brackets_is_one() -> None:
    uri = SipUri.parse(read(request("REGISTER sip:[2001:db8::10]:5070")).uri)
    assert (uri.host, uri.port) == ("2001:db8::10", 5070)


@pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
def test_4_5_received_with_brackets_or_without(received: str) -> None:
    hop = read(
        request("BYE sip:[2001:db8::10]", via=f"[2001:db8::9:1];received={received};branch=z9hG4bKas3-111")
    ).via
    assert hop.received == "2001:db8::9:255"
    assert Via.parse(str(hop)) == hop


def test_4_5_what_we_write_there_can_be_read_again() -> None:
    probe = Probe(flow=PLACE._replace(remote=("2001:db8::aa", 5070)))
    (answer,) = probe.agent.receive(
        0.0,
        request("OPTIONS sip:user@[2001:db8::10]", via="[2001:db8::9:1];rport;branch=z9hG4bKa"),
        probe.flow,
    )
    assert isinstance(answer, Send)
    assert answer.flow.remote == ("2001:db8::aa", 5070)
    assert (parse(answer.data).via.received, parse(answer.data).via.rport) == ("2001:db8::aa", 5070)


SIX = (
    b"v=0\r\no=assistant 971731711378798081 0 IN IP6 2001:db8::20\r\ns=A meeting\r\n"
    b"c=IN IP6 2001:db8::20\r\nt=3338481189 3370017201\r\nm=audio 6000 RTP/AVP 2\r\n"
    b"a=rtpmap:2 G726-32/8000\r\nm=video 6024 RTP/AVP 107\r\na=rtpmap:107 H263-1998/90000\r\n"
)


def test_4_6_addresses_in_a_session_description() -> None:
    message = read(request("INVITE sip:user@[2001:db8::10]", body=SIX))
    described = SessionDescription.parse(message.body)
    assert [described.address(media) for media in described.media] == ["2001:db8::20", "2001:db8::20"]
    assert [media.port for media in described.media] == [6000, 6024]


def test_4_7_addresses_of_both_kinds_in_headers() -> None:
    message = read(
        request(
            "BYE sip:user@host.example.net",
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781hjuaij65144",
            "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK451jj;received=192.0.2.200",
            via="[2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
        )
    )
    hops = [Via.parse(value) for value in message.headers.all("Via")]
    assert [hop.sent_by for hop in hops] == [
        ("2001:db8::9:1", 6050),
        ("192.0.2.1", 5060),
        ("2001:db8::9:255", 5060),
    ]
    assert [hop.received for hop in hops] == [None, None, "192.0.2.200"]


def test_4_8_addresses_of_both_kinds_in_one_description() -> None:
    body = (
        b"v=0\r\no=bob 280744730 28977631 IN IP4 host.example.com\r\ns=\r\nt=0 0\r\n"
        b"m=audio 22334 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nm=video 6024 RTP/AVP 107\r\n"
        b"c=IN IP6 2001:db8::1\r\na=rtpmap:107 H263-1998/90000\r\n"
    )
    described = SessionDescription.parse(read(request("INVITE sip:user@[2001:db8::10]", body=body)).body)
    assert [described.address(media) for media in described.media] == ["192.0.2.1", "2001:db8::1"]


def test_4_9_mapped_addresses() -> None:
    body = SIX.replace(b"2001:db8::20", b"::ffff:192.0.2.2")
    message = read(
        request(
            "INVITE sip:user@example.com",
            "Via: SIP/2.0/UDP [::ffff:192.0.2.2];branch=z9hG4bKas3-111",
            via="[::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19",
            body=body,
        )
    )
    assert message.via.port == 19823
    assert parse_host("[::ffff:192.0.2.10]") == message.via.host
    described = SessionDescription.parse(message.body)
    where = ipaddress.IPv6Address(described.address(described.media[0]))
    assert str(where.ipv4_mapped) == "192.0.2.2"


@pytest.mark.parametrize("colons", ["::", ":::"])
def test_4_10_a_colon_too_many_before_an_ipv4_address_is_overlooked(colons: str) -> None:
    uri = SipUri.parse(read(request(f"OPTIONS sip:user@[2001:db8{colons}192.0.2.1]")).uri)
    assert uri.host == "2001:db8::c000:201"
    assert SipUri.parse(str(uri)) == uri


@pytest.mark.parametrize(
    "host", ["[2001:db8:::10]", "[2001:db8::::192.0.2.1]", "[1::2:::192.0.2.1]", "[:::1]"]
)
def test_4_10_no_other_is(host: str) -> None:
    with pytest.raises(ParseError):
        parse_host(host)


def test_a_whole_call_over_ipv6() -> None:
    probe = Probe(flow=PLACE)
    probe.take(probe.agent.receive(0.0, request("INVITE sip:user@[2001:db8::10]", body=SIX), PLACE))
    (event,) = probe.events
    assert isinstance(event, IncomingInvite)
    (ok,) = probe.take(probe.agent.answer(0.0, event.session, ANSWER))
    (contact,) = ok.contacts
    assert (contact.uri.host, contact.uri.port) == ("2001:db8::10", 5060)
    probe.take(probe.agent.end(1.0, event.session))
    probe.until(40.0)
    (bye, *_) = probe.requests("BYE")
    assert (bye.uri, bye.via.host) == ("sip:caller@[2001:db8::1]", "2001:db8::10")
    assert probe.sends[-1][1].flow.remote == ("2001:db8::1", 5060)
