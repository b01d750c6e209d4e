"""Offers as gateways and browsers write them: what we do is taken, all else is refused or passed over."""

from __future__ import annotations

import itertools

import pytest
from sip.descriptions import US, remote, text

from hookflash.sip.negotiation import Negotiation
from hookflash.sip.offer import direction

BROWSER = (
    "a=group:BUNDLE 0 1",
    "a=ice-options:trickle",
    "a=ice-lite",
    "a=msid-semantic: WMS *",
    "m=audio 49170 RTP/AVPF 111 0 8 126",
    "a=mid:0",
    "a=rtpmap:111 opus/48000/2",
    "a=rtpmap:126 telephone-event/8000",
    "a=ice-ufrag:8hhY",
    "a=ice-pwd:asd88fgpdd777uzjYhagZg",
    "a=candidate:1 1 UDP 2130706431 10.0.1.1 8998 typ host",
    "a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 10.0.1.1 rport 8998",
    "a=end-of-candidates",
    "a=rtcp-mux",
    "a=rtcp-rsize",
    "a=rtcp-fb:111 transport-cc",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=ssrc:314159 cname:x",
    "a=maxptime:60",
    "m=video 0 RTP/AVPF 96",
    "a=mid:1",
    "a=bundle-only",
    "a=rtpmap:96 VP8/90000",
)


def negotiation() -> Negotiation:
    return Negotiation(*US, "77", ("PCMU", "PCMA"))


def test_an_offer_full_of_what_we_do_not_do_is_answered_with_what_we_do() -> None:
    own = negotiation()
    lines = text(own.answer(remote(*BROWSER)))
    assert [line for line in lines if line.startswith("m=")] == [
        "m=audio 30000 RTP/AVPF 0 126",
        "m=video 0 RTP/AVPF 96",
    ]
    assert "a=rtcp-mux" in lines
    # What is not answered is not agreed on: no group, no candidates, no extensions.
    for word in ("group", "ice", "candidate", "extmap", "rtcp-fb", "mid"):
        assert not [line for line in lines if line.startswith(f"a={word}")], word
    assert own.media is not None
    assert (own.media.host, own.media.port, own.media.rtcp_mux) == ("198.51.100.1", 49170, True)
    assert (own.media.rtcp_host, own.media.rtcp_port) == ("198.51.100.1", 49170)


@pytest.mark.parametrize(
    "order", list(itertools.permutations(["audio", "video", "image", "application"]))[::5]
)
def test_all_but_audio_is_refused_in_its_place(order: tuple[str, ...]) -> None:
    written = {
        "audio": "m=audio 5000 RTP/AVP 0",
        "video": "m=video 5002 RTP/AVP 96",
        "image": "m=image 5004 udptl t38",
        "application": "m=application 5006 UDP/BFCP *",
    }
    lines = text(negotiation().answer(remote(*[written[kind] for kind in order])))
    found = [line.split()[:2] for line in lines if line.startswith("m=")]
    assert found == [[f"m={kind}", "30000" if kind == "audio" else "0"] for kind in order]


def test_a_second_audio_line_is_refused_and_stays_refused_in_our_re_offer() -> None:
    own = negotiation()
    own.answer(remote("m=audio 5000 RTP/AVP 0", "m=audio 5002 RTP/AVP 8"))
    lines = [line for line in text(own.offer()) if line.startswith("m=")]
    assert lines == ["m=audio 30000 RTP/AVP 0 8 13 101", "m=audio 0 RTP/AVP 8"]


@pytest.mark.parametrize(("maxptime", "ptime"), [(10, 10), (20, 20), (30, 20), (60, 20), (5, 10)])
def test_packets_are_never_longer_than_maxptime(maxptime: int, ptime: int) -> None:
    own = negotiation()
    own.answer(remote("m=audio 5000 RTP/AVP 0", "a=ptime:20", f"a=maxptime:{maxptime}"))
    assert own.media is not None
    assert own.media.ptime == ptime


WAYS = ["sendrecv", "sendonly", "recvonly", "inactive"]


@pytest.mark.parametrize(("before", "after"), list(itertools.product(WAYS, WAYS)))
def test_re_offers_from_every_direction_to_every_other(before: str, after: str) -> None:
    """The answer mirrors the offer, whatever was before it (RFC 3264 section 6.1)."""
    mirrored = {"sendonly": "recvonly", "recvonly": "sendonly"}
    own = negotiation()
    for way in (before, after, before):
        lines = text(own.answer(remote("m=audio 5000 RTP/AVP 0", f"a={way}")))
        assert f"a={mirrored.get(way, way)}" in lines
        assert own.media is not None
        assert own.media.sending == (way in ("sendrecv", "recvonly"))
        assert own.media.receiving == (way in ("sendrecv", "sendonly"))


@pytest.mark.parametrize("ours", WAYS)
@pytest.mark.parametrize("theirs", WAYS)
def test_our_re_offers_get_no_more_than_both_want(ours: str, theirs: str) -> None:
    own = negotiation()
    own.answer(remote("m=audio 5000 RTP/AVP 0"))
    sending, receiving = ours in ("sendrecv", "sendonly"), ours in ("sendrecv", "recvonly")
    assert direction(sending, receiving) == ours
    assert f"a={ours}" in text(own.offer(sending=sending, receiving=receiving))
    media = own.accept(remote("m=audio 5000 RTP/AVP 0", f"a={theirs}"))
    assert media is not None
    assert media.sending == (sending and theirs in ("sendrecv", "recvonly"))
    assert media.receiving == (receiving and theirs in ("sendrecv", "sendonly"))


@pytest.mark.parametrize(
    "line",
    [
        "a=candidate:",
        "a=candidate:1 1 UDP",
        "a=group:BUNDLE",
        "a=group:BUNDLE 0 0 0 0 9",
        "a=mid:",
        "a=rtcp-mux:strange",
        "a=maxptime:0",
        "a=maxptime:-1",
        "a=ice-mismatch",
        "b=AS:64",
        "a=rtcp-mux-only",
    ],
)
def test_odd_lines_do_no_harm(line: str) -> None:
    own = negotiation()
    assert own.answer(remote("m=audio 5000 RTP/AVP 0", line)) is not None
    assert own.media is not None
    assert own.media.ptime == 20
