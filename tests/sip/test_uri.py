"""Addresses: reading, writing, comparing (RFC 3261 section 19.1)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip.errors import ParseError
from hookflash.sip.uri import OtherUri, SipUri, TelUri, format_host_port, parse_host, parse_uri

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=12)
LOWER = TEXT.filter(lambda text: text.lower() == text.lower().lower()).map(str.lower)
HOSTS = st.one_of(
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}\.){0,3}[a-z0-9]{1,8}", fullmatch=True),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
)
SIP_URIS = st.builds(
    SipUri,
    st.sampled_from(["sip", "sips"]),
    st.none() | TEXT,
    HOSTS,
    st.none() | st.integers(1, 65_535),
    st.dictionaries(LOWER, st.none() | TEXT, max_size=4),
    st.lists(st.tuples(TEXT, st.text("ab&=%? ", max_size=6)), max_size=3).map(tuple),
)


@given(SIP_URIS)
def test_sip_uris_round_trip(uri: SipUri) -> None:
    text = str(uri)
    assert SipUri.parse(text) == uri
    assert text.isascii()
    assert text.isprintable()
    assert not set(text) & set(' <>"')


@given(SIP_URIS)
def test_a_uri_matches_itself(uri: SipUri) -> None:
    assert uri.matches(SipUri.parse(str(uri)))


@given(
    st.text(max_size=40)
    | st.text(max_size=20).map(lambda t: f"sip:{t}")
    | st.text(max_size=9).map("tel:+".__add__)
)
def test_any_text_parses_or_raises_parse_error(text: str) -> None:
    for read in (parse_uri, SipUri.parse, TelUri.parse):
        with contextlib.suppress(ParseError):
            assert read(text).scheme


def test_all_the_parts() -> None:
    uri = SipUri.parse(
        "SIPS:al%20ice;x=1:pa%3Ass@EXAMPLE.com:5099;LR;Transport=TCP?Subject=a%26b&Priority=urgent"
    )
    assert (uri.scheme, uri.user, uri.password) == ("sips", "al ice;x=1", "pa:ss")
    assert (uri.host, uri.port, uri.loose, uri.transport) == ("example.com", 5099, True, "tcp")
    assert uri.headers == (("Subject", "a&b"), ("Priority", "urgent"))
    assert "pa:ss" not in repr(uri)
    assert hash(uri) == hash(SipUri.parse(str(uri)))


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("sip:h", 5060),
        ("sips:h", 5061),
        ("sip:h;transport=tls", 5061),
        ("sip:h:7", 7),
        ("sip:h;transport", 5060),
    ],
)
def test_the_default_port_follows_scheme_and_transport(text: str, port: int) -> None:
    assert SipUri.parse(text).effective_port == port


def test_ipv6_references_lose_their_brackets() -> None:
    uri = SipUri.parse("sip:bob@[2001:DB8::0:1]:5070")
    assert (uri.host, uri.port) == ("2001:db8::1", 5070)
    assert str(uri) == "sip:bob@[2001:db8::1]:5070"
    assert format_host_port("::1", None) == "[::1]"
    with pytest.raises(ParseError, match="not an IPv6 address"):
        parse_host("[1:2]")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@host",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@c",
        "sip:a@host:0",
        "sip:a@host:65536",
        "sip:a@host:port",
        "sip:a@[::1",
        "sip:a@[::g]",
        "sip:%zz@host",
        "sip:%ff@host",
        "sip:a@host;",
        "sip:a@host;lr;lr",
        "sip:a@host;=1",
        "sip:a@host;x=%4",
        "sip:a@host" + "".join(f";p{n}" for n in range(65)),
        "sip:a@host?subject",
        "sip:a@host?=x",
        "sip:a@host?" + "&".join("a=b" for _ in range(65)),
        "sip:<a>@host",
        "sip:a@-host",
        "<sip:a@host>",
        "tel:",
        "tel:12 3",
        "tel:+1;;",
        "http",
        "1http://a",
    ],
)
def test_malformed_uris_are_refused(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_uri(text)
    assert caught.value.status == 400


def test_other_schemes() -> None:
    with pytest.raises(ParseError) as caught:
        SipUri.parse("http://example.com/")
    assert caught.value.status == 416
    other = parse_uri("NoBody:anything?goes")
    assert other == OtherUri("nobody", "anything?goes")
    assert str(other) == "nobody:anything?goes"
    assert (other.user, other.host, other.port, dict(other.params)) == (None, "", None, {})
    assert other.matches(OtherUri("nobody", "anything?goes"))
    assert not other.matches(parse_uri("sip:a@b"))


def test_tel_uris() -> None:
    uri = parse_uri("tel:+1-(425).555-0123;phone-context=example.com")
    assert isinstance(uri, TelUri)
    assert (uri.scheme, uri.user, uri.host, uri.port) == ("tel", "+14255550123", "", None)
    assert str(uri) == "tel:+1-(425).555-0123;phone-context=example.com"
    assert uri.matches(TelUri.parse("tel:+14255550123;phone-context=EXAMPLE.COM"))
    assert not uri.matches(TelUri.parse("tel:+14255550123"))
    assert not uri.matches(TelUri.parse("tel:+14255550124;phone-context=example.com"))
    assert not uri.matches(parse_uri("sip:+14255550123@example.com"))
    assert TelUri.parse("tel:911").params == {}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        ("sip:alice@a.com?subject=x&priority=u", "sip:alice@a.com?Priority=u&Subject=x"),
    ],
)
def test_equal_by_19_1_4(one: str, two: str) -> None:
    assert SipUri.parse(one).matches(SipUri.parse(two))
    assert SipUri.parse(two).matches(SipUri.parse(one))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("sip:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:bob:pw@biloxi.com", "sip:bob@biloxi.com"),
    ],
)
def test_different_by_19_1_4(one: str, two: str) -> None:
    assert not SipUri.parse(one).matches(SipUri.parse(two))
    assert not SipUri.parse(two).matches(SipUri.parse(one))


def test_matching_another_kind_is_no() -> None:
    assert not SipUri.parse("sip:a@b").matches("sip:a@b")
