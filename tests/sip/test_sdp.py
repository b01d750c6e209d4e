"""Session descriptions: reading, writing, bounds."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip import sdp
from hookflash.sip.errors import ParseError
from hookflash.sip.sdp import MediaDescription, Origin, RtpMap, SessionDescription, is_address

TOKENS = st.text("abcXYZ019-.!+_", min_size=1, max_size=8)
VALUES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20).map(
    lambda text: text.strip(" ")
)
ADDRESSES = st.ip_addresses().map(str)
ATTRIBUTES = st.lists(st.tuples(TOKENS, st.none() | VALUES), max_size=4).map(tuple)
MEDIA = st.builds(
    MediaDescription,
    st.sampled_from(["audio", "video", "text", "application"]),
    st.integers(0, 65_535),
    st.sampled_from(["RTP/AVP", "RTP/SAVPF", "udp"]),
    st.lists(TOKENS, min_size=1, max_size=5).map(tuple),
    st.none() | ADDRESSES,
    ATTRIBUTES,
)
DESCRIPTIONS = st.builds(
    SessionDescription,
    st.builds(Origin, TOKENS, st.integers(0, 2**63).map(str), st.integers(0, 2**63), ADDRESSES),
    ADDRESSES,
    st.lists(MEDIA, max_size=4).map(tuple),
    ATTRIBUTES,
    VALUES.map(lambda text: text or "-"),
)


def description(
    *lines: str, head: str = "v=0\no=a 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n"
) -> bytes:
    return (head + "\n".join(lines)).encode()


@given(DESCRIPTIONS)
def test_descriptions_round_trip(whole: SessionDescription) -> None:
    assert SessionDescription.parse(whole.to_bytes()) == whole


@given(
    DESCRIPTIONS,
    st.lists(st.tuples(st.integers(0, 999), st.binary(max_size=3), st.integers(0, 3)), max_size=4),
)
def test_mutations_raise_nothing_but_parse_error(
    whole: SessionDescription, changes: list[tuple[int, bytes, int]]
) -> None:
    data = bytearray(whole.to_bytes())
    for at, new, drop in changes:
        at %= len(data) + 1
        data[at : at + drop] = new
    with contextlib.suppress(ParseError):
        read = SessionDescription.parse(bytes(data))
        for media in read.media:
            read.direction(media)
            media.rtpmap(0)


@given(st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_parse_error(data: bytes) -> None:
    for whole in (data, b"v=0\r\n" + data, description() + data):
        with contextlib.suppress(ParseError):
            SessionDescription.parse(whole)


def test_a_description_in_full() -> None:
    read = SessionDescription.parse(
        b"v=0\r\no=alice 2890844526 2890844527 IN IP4 host.example.com\r\ns=A talk\r\ni=About\r\nu=http://x\r\n"
        b"e=a@b\r\np=+1\r\nc=IN IP4 224.2.36.42/127\r\nb=AS:64\r\nt=0 0\r\nr=7d 1h 0 25h\r\n"
        b"z=0 0\r\nk=prompt\r\na=recvonly\r\n"
        b"a=tool:x\r\n"
        b"m=audio 49170/2 RTP/AVP 0 96\r\ni=Sound\r\nc=IN IP6 2001:DB8::1\r\nc=IN IP6 2001:db8::2\r\n"
        b"a=rtpmap:96 Opus/48000/2\r\na=sendrecv\r\n"
        b"m=VIDEO 0 RTP/AVP 31\r\n"
    )
    assert read.origin == Origin("alice", "2890844526", 2890844527, "host.example.com")
    assert (read.name, read.connection) == ("A talk", "224.2.36.42")
    audio, video = read.media
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == ("audio", 49170, "RTP/AVP", ("0", "96"))
    assert audio.rtpmap(96) == RtpMap("OPUS", 48_000, 2)
    assert audio.rtpmap(0) is None
    assert (read.address(audio), read.address(video)) == ("2001:db8::1", "224.2.36.42")
    assert (read.direction(audio), read.direction(video)) == ("sendrecv", "recvonly")
    assert (audio.attribute("sendrecv"), audio.attribute("rtpmap"), audio.attribute("x")) == (
        "",
        "96 Opus/48000/2",
        None,
    )
    assert video.kind == "video"


def test_defaults() -> None:
    read = SessionDescription.parse(
        description("m=audio 4 RTP/AVP 0", "", "a=rtpmap:0", "a=rtpmap:0 PCMU", "a=rtpmap")
    )
    assert read.direction(read.media[0]) == "sendrecv"
    assert read.media[0].rtpmap(0) is None
    assert SessionDescription.parse(b"v=0\ro=a b 1 IN IP4 1.2.3.4\rs= ").name == "-"
    named = SessionDescription.parse(description("m=audio 4 RTP/AVP 0", "c=IN IP4 Host.Example.COM"))
    assert named.address(named.media[0]) == "host.example.com"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "starts with"),
        (b"v=1\r\n", "starts with"),
        (b"v=0\r\ns=-\r\n", "no o= line"),
        (b"v=0\r\nnonsense\r\n", "not a line"),
        (b"v=0\r\nab=c\r\n", "not a line"),
        (b"v=0\r\no=a 1 1 IN IP4\r\n", "o="),
        (b"v=0\r\no=a 1 x IN IP4 h\r\n", "o="),
        (b"v=0\r\n\0\r\n", "NUL"),
        (b"v=0\no=a 1 1 IN IP4 h\nm=audio 4 RTP/AVP 0", "no c= line"),
        (description("c=IN IP4"), "c="),
        (description("c=ATM NSAP x"), "c="),
        (description("c=IN IP4 ::1"), "mixes"),
        (description("c=IN IP6 1.2.3.4"), "mixes"),
        (description("c=IN IP4 -bad-"), "neither"),
        (description("c=IN IP6 fe80::1%eth0"), "neither"),
        (description("m=audio 4 RTP/AVP"), "m="),
        (description("m=audio -4 RTP/AVP 0"), "no port"),
        (description("m=audio 65536 RTP/AVP 0"), "no port"),
        (description("m=audio x RTP/AVP 0"), "no port"),
        (description('m=audio 4 RTP/AVP "0"'), "malformed"),
    ],
)
def test_malformed_descriptions_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(ParseError) as caught:
        SessionDescription.parse(data)
    assert why in caught.value.reason
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "data",
    [
        b"v=0\r\n" + b"a" * sdp.MAX_SDP,
        description(*["a=x"] * sdp.MAX_LINES),
        description(*["m=audio 4 RTP/AVP 0"] * (sdp.MAX_MEDIA + 2)),
        description("m=audio 4 RTP/AVP" + " 0" * (sdp.MAX_FORMATS + 1)),
    ],
)
def test_bounds(data: bytes) -> None:
    with pytest.raises(ParseError) as caught:
        SessionDescription.parse(data)
    assert caught.value.status == 413


def test_refused_media_need_no_address() -> None:
    read = SessionDescription.parse(b"v=0\no=a 1 1 IN IP4 h\nm=audio 0 RTP/AVP 0\n")
    assert read.address(read.media[0]) == ""
    assert b"c=" not in read.to_bytes()


def test_a_value_cannot_break_out_of_its_line() -> None:
    origin = Origin("-", "1", 1, "192.0.2.1")
    with pytest.raises(ValueError, match="line break"):
        SessionDescription(origin, None, (), (("x", "a\r\nm=audio 4 RTP/AVP 0"),)).to_bytes()


def test_addresses() -> None:
    assert is_address("192.0.2.1")
    assert is_address("::1")
    assert not is_address("example.com")
    assert not is_address("")
