"""The offers and answers of one dialog (RFC 3264 section 8)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sip.descriptions import US, remote, text

from hookflash.sip import codecs as known
from hookflash.sip.crypto import SUITES, lines
from hookflash.sip.negotiation import Negotiation
from hookflash.sip.offer import POLICIES
from hookflash.sip.sdp import MediaDescription, SessionDescription

# --- a dialog's negotiation -------------------------------------------------------------------------------


def negotiation() -> Negotiation:
    return Negotiation(*US, session_id="77")


def version(description: SessionDescription | None) -> int:
    assert description is not None
    return description.origin.version


def test_hold_and_resume_raise_the_version_and_a_repetition_does_not() -> None:
    own = negotiation()
    plain, hold = remote("m=audio 5 RTP/AVP 8 0"), remote("m=audio 5 RTP/AVP 8 0", "a=sendonly")
    assert version(own.answer(plain)) == 1
    assert version(own.answer(plain)) == 1
    assert version(own.answer(hold)) == 2
    assert own.media is not None
    assert own.media.held
    assert version(own.answer(plain)) == 3
    assert not own.media.held


def test_a_reoffer_keeps_the_codec_in_use() -> None:
    own = negotiation()
    own.answer(remote("m=audio 5 RTP/AVP 8"))
    assert own.offer().media[0].formats == ("8", "0", "9", "96", "13", "101", "99")
    own.answer(remote("m=audio 5 RTP/AVP 0 8"))
    assert own.media is not None
    assert own.media.codec == "PCMA"
    own.answer(remote("m=audio 5 RTP/AVP 0"))
    assert own.media.codec == "PCMU"


def test_a_reoffer_keeps_the_numbers_and_the_places_of_the_lines() -> None:
    own = negotiation()
    lines = [
        "m=video 6 RTP/AVP 31",
        "m=audio 8 RTP/AVPF 101",
        "a=rtpmap:101 PCMA/8000",
        "m=audio 9 RTP/AVP 0",
    ]
    own.answer(remote(*lines))
    offered = own.offer().media
    assert [(line.kind, line.port, line.protocol) for line in offered] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 30_000, "RTP/AVPF"),
        ("audio", 0, "RTP/AVP"),
    ]
    assert offered[1].formats == ("101", "0", "9", "96", "13", "127", "99")
    refusal = remote("m=video 0 RTP/AVP 31", "m=audio 8 RTP/AVPF 0", "m=audio 0 RTP/AVP 0")
    media = own.accept(refusal)
    assert media is not None
    assert (media.codec, media.port) == ("PCMU", 8)


def test_a_reoffer_keeps_the_number_of_the_events() -> None:
    own = negotiation()
    own.answer(remote("m=audio 8 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"))
    assert own.offer().media[0].formats == ("0", "8", "9", "127", "13", "96", "99")


def test_a_failed_attempt_changes_nothing() -> None:
    own = negotiation()
    first = own.answer(remote("m=audio 5 RTP/AVP 0"))
    before = own.media
    assert own.answer(remote("m=audio 5 RTP/AVP 18")) is None
    own.offer(sending=False)
    assert own.accept(remote("m=audio 0 RTP/AVP 0")) is None
    assert (own.media, own.local) == (before, first)


def test_a_delayed_offer() -> None:
    """An INVITE without SDP: our 200 offers, the ACK answers."""
    own = negotiation()
    offered = own.offer()
    assert own.media is None
    media = own.accept(remote("m=audio 5 RTP/AVP 8"))
    assert media is not None
    assert media.codec == "PCMA"
    assert (own.media, own.local) == (media, offered)


def test_an_early_answer_may_come_again() -> None:
    own = negotiation()
    own.offer()
    early = own.accept(remote("m=audio 5 RTP/AVP 0"))
    assert early is not None
    assert own.accept(remote("m=audio 5 RTP/AVP 0")) == early


def test_an_answer_without_an_offer_is_none() -> None:
    own = negotiation()
    assert own.accept(remote("m=audio 5 RTP/AVP 0")) is None
    own.offer()
    own.answer(remote("m=audio 5 RTP/AVP 0"))
    assert own.accept(remote("m=audio 5 RTP/AVP 0")) is None


def test_payload_types_keep_their_meaning() -> None:
    """What a number once was it stays, also when the codec is out of use (RFC 3264 section 8.3.2)."""
    own = Negotiation(*US, "77", codecs=("PCMU", "opus"))
    own.answer(remote("m=audio 5 RTP/AVP 99 0", "a=rtpmap:99 opus/48000/2"))
    assert own.offer().media[0].formats == ("99", "0", "13", "127", "101")
    own.answer(remote("m=audio 5 RTP/AVP 0"))
    assert own.offer().media[0].formats == ("0", "99", "13", "101", "127")


def test_rtcp_shares_the_port_for_as_long_as_the_peer_wants_it() -> None:
    own = negotiation()
    own.answer(remote("m=audio 5 RTP/AVP 0", "a=rtcp-mux"))
    assert own.offer().media[0].attribute("rtcp-mux") == ""
    media = own.accept(remote("m=audio 5 RTP/AVP 0", "a=rtcp-mux"))
    assert media is not None
    assert media.rtcp_mux
    own.answer(remote("m=audio 5 RTP/AVP 0"))
    assert own.media is not None
    assert not own.media.rtcp_mux
    assert own.offer().media[0].attribute("rtcp-mux") is None


def test_a_reoffer_keeps_the_packet_time() -> None:
    own = negotiation()
    own.answer(remote("m=audio 5 RTP/AVP 0", "a=ptime:40"))
    assert own.offer().media[0].attribute("ptime") == "40"


# --- SRTP -------------------------------------------------------------------------------------------------

PEER_80 = "AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
PEER_32 = "AES_CM_128_HMAC_SHA1_32 inline:" + "B" * 40
PEER_GCM = "AEAD_AES_128_GCM inline:" + "A" * 38 + "=="


def secured(srtp: str, seed: int = 1) -> Negotiation:
    return Negotiation(*US, "77", srtp=srtp, entropy=random.Random(seed).randbytes)


def keys(media: MediaDescription) -> dict[str, bytes]:
    return {one.suite: one.key for one in lines(media)}


def audio(protocol: str, *cryptos: str) -> SessionDescription:
    return remote(f"m=audio 5 {protocol} 0", *(f"a=crypto:{one}" for one in cryptos))


@pytest.mark.parametrize(("srtp", "protocol"), [("optional", "RTP/AVP"), ("required", "RTP/SAVP")])
def test_an_offer_has_a_key_for_each_suite(srtp: str, protocol: str) -> None:
    (line,) = secured(srtp).offer().media
    assert line.protocol == protocol
    found = lines(line)
    assert [(one.tag, one.suite) for one in found] == list(enumerate(SUITES, 1))
    assert [len(one.key) for one in found] == list(SUITES.values())
    assert len({one.key[:16] for one in found}) == 3


def test_an_offer_without_srtp_has_no_key() -> None:
    (line,) = secured("off").offer().media
    assert (line.protocol, line.attribute("crypto")) == ("RTP/AVP", None)


# policy, what is offered, whether it is taken, the suite
OFFERED = [
    ("off", ["RTP/AVP"], True, None),
    ("off", ["RTP/AVP", f"1 {PEER_80}"], True, None),
    ("off", ["RTP/SAVP", f"1 {PEER_80}"], False, None),
    ("optional", ["RTP/AVP"], True, None),
    ("optional", ["RTP/AVP", f"1 {PEER_80}"], True, "AES_CM_128_HMAC_SHA1_80"),
    ("optional", ["RTP/AVP", "1 NULL_NULL inline:AA"], True, None),
    ("optional", ["RTP/SAVP", f"1 {PEER_GCM}", f"2 {PEER_80}"], True, "AEAD_AES_128_GCM"),
    ("optional", ["RTP/SAVPF", f"1 {PEER_32}"], True, "AES_CM_128_HMAC_SHA1_32"),
    ("optional", ["RTP/SAVP", "1 NULL_NULL inline:AA"], False, None),
    ("optional", ["RTP/SAVP"], False, None),
    ("required", ["RTP/AVP"], False, None),
    ("required", ["RTP/AVP", f"1 {PEER_80}"], True, "AES_CM_128_HMAC_SHA1_80"),
    ("required", ["RTP/SAVP", "7 NULL_NULL inline:AA", f"8 {PEER_32}"], True, "AES_CM_128_HMAC_SHA1_32"),
    ("required", ["UDP/TLS/RTP/SAVPF", f"1 {PEER_80}"], False, None),
]


@pytest.mark.parametrize(("srtp", "offered", "taken", "suite"), OFFERED)
def test_the_first_suite_we_do_is_taken(
    srtp: str, offered: list[str], taken: bool, suite: str | None
) -> None:
    own = secured(srtp)
    reply = own.answer(audio(*offered))
    assert (reply is not None) is taken
    if reply is None:
        return
    assert own.media is not None
    assert reply.media[0].protocol == offered[0]
    if suite is None:
        assert own.media.srtp is None
        assert reply.media[0].attribute("crypto") is None
        return
    (one,) = lines(reply.media[0])
    assert own.media.srtp is not None
    assert (one.suite, one.key) == (suite, own.media.srtp.send_key)
    (peer,) = [peer for peer in lines(audio(*offered).media[0]) if peer.suite == suite]
    assert (one.tag, own.media.srtp.receive_key) == (peer.tag, peer.key)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_plain_and_an_encrypted_line_the_encrypted_one_is_taken(order: tuple[int, int]) -> None:
    own = secured("optional")
    both = [("RTP/AVP", []), ("RTP/SAVP", [f"a=crypto:1 {PEER_80}"])]
    offered = [line for index in order for line in (f"m=audio 5 {both[index][0]} 0", *both[index][1])]
    reply = own.answer(remote(*offered))
    assert reply is not None
    assert [line.protocol for line in reply.media if line.port] == ["RTP/SAVP"]
    assert own.media is not None
    assert own.media.srtp is not None


# policy, what the peer answers to our offer, whether it is an answer, the suite
ANSWERED = [
    ("off", ["RTP/AVP", f"1 {PEER_80}"], True, None),
    ("off", ["RTP/SAVP", f"1 {PEER_80}"], False, None),
    ("optional", ["RTP/AVP"], True, None),
    ("optional", ["RTP/AVP", f"1 {PEER_80}"], True, "AES_CM_128_HMAC_SHA1_80"),
    ("optional", ["RTP/SAVP", f"2 {PEER_GCM}"], True, "AEAD_AES_128_GCM"),
    ("optional", ["RTP/AVP", f"2 {PEER_80}"], False, None),
    ("optional", ["RTP/AVP", f"9 {PEER_80}"], False, None),
    ("optional", ["RTP/AVP", "1 NULL_NULL inline:AA"], False, None),
    ("optional", ["RTP/SAVP"], False, None),
    ("required", ["RTP/SAVP", f"3 {PEER_32}"], True, "AES_CM_128_HMAC_SHA1_32"),
    ("required", ["RTP/AVP"], False, None),
    ("required", ["RTP/SAVP"], False, None),
]


@pytest.mark.parametrize(("srtp", "answered", "taken", "suite"), ANSWERED)
def test_an_answer_settles_the_keys(srtp: str, answered: list[str], taken: bool, suite: str | None) -> None:
    own = secured(srtp)
    offered = keys(own.offer().media[0])
    media = own.accept(audio(*answered))
    assert (media is not None) is taken
    if media is None:
        assert own.media is None
    elif suite is None:
        assert media.srtp is None
    else:
        assert media.srtp is not None
        assert (media.srtp.suite, media.srtp.send_key) == (suite, offered[suite])
        assert media.srtp.receive_key == lines(audio(*answered).media[0])[0].key


def test_a_reoffer_keeps_our_key() -> None:
    own = secured("optional")
    own.answer(audio("RTP/SAVP", f"1 {PEER_32}", f"2 {PEER_80}"))
    assert own.media is not None
    assert own.media.srtp is not None
    first = own.media.srtp
    # The suite in use goes first, also when the peer puts another before it.
    offered = lines(own.offer().media[0])
    assert (offered[0].suite, offered[0].key) == (first.suite, first.send_key)
    own.answer(audio("RTP/SAVP", f"1 {PEER_80}", f"2 {PEER_32}"))
    assert own.media.srtp == first
    own.answer(audio("RTP/SAVP", "1 " + PEER_32.replace("B", "C")))
    assert own.media.srtp.send_key == first.send_key
    assert own.media.srtp.receive_key != first.receive_key


def test_a_key_never_comes_back() -> None:
    """A suite or a plain line later, the same suite has another key."""
    own = secured("optional")
    seen = set()
    for offered in [("RTP/SAVP", f"1 {PEER_32}"), ("RTP/SAVP", f"1 {PEER_80}")] * 2 + [
        ("RTP/AVP",),
        ("RTP/SAVP", f"1 {PEER_80}"),
    ]:
        own.answer(audio(*offered))
        assert own.media is not None
        if own.media.srtp is not None:
            seen.add(own.media.srtp.send_key)
    assert len(seen) == 5


def test_a_plain_call_is_not_offered_keys_later() -> None:
    own = secured("optional")
    own.answer(audio("RTP/AVP"))
    assert own.offer().media[0].attribute("crypto") is None


def test_a_secured_call_is_not_made_plain_by_an_answer() -> None:
    own = secured("required")
    own.answer(audio("RTP/AVP", f"1 {PEER_80}"))
    assert own.offer().media[0].protocol == "RTP/AVP"
    assert own.accept(audio("RTP/AVP")) is None


def test_no_key_is_shown() -> None:
    own = secured("required")
    own.answer(audio("RTP/SAVP", f"1 {PEER_80}"))
    assert own.media is not None
    assert own.media.srtp is not None
    written = "\n".join(text(own.offer()))
    for shown in (repr(own), repr(own.offer()), repr(own.media), repr(lines(own.offer().media[0]))):
        assert "inline" not in shown
        assert "AAAA" not in shown
        assert repr(own.media.srtp.send_key)[2:10] not in shown
    assert "inline" in written


# --- both ends --------------------------------------------------------------------------------------------

CODECS = st.lists(st.sampled_from(known.NAMES), min_size=1, unique=True)
POLICY = st.sampled_from(POLICIES)


def mirrored(one: Negotiation, two: Negotiation) -> None:
    """What one end does is what the other expects."""
    mine, yours = one.media, two.media
    assert mine is not None
    assert yours is not None
    assert (mine.codec, mine.clock, mine.ptime) == (yours.codec, yours.clock, yours.ptime)
    assert (mine.sending, mine.receiving) == (yours.receiving, yours.sending)
    assert mine.payload_type == yours.receive_payload_type
    assert mine.receive_payload_type == yours.payload_type
    assert mine.event_payload_type == yours.receive_event_payload_type
    assert mine.receive_event_payload_type == yours.event_payload_type
    assert mine.noise_payload_type == yours.noise_payload_type
    assert mine.rtcp_mux == yours.rtcp_mux
    if mine.srtp is None or yours.srtp is None:
        assert mine.srtp is yours.srtp
        assert "required" not in (one.srtp, two.srtp)
    else:
        assert mine.srtp.suite == yours.srtp.suite
        assert (mine.srtp.send_key, mine.srtp.receive_key) == (yours.srtp.receive_key, yours.srtp.send_key)
        assert mine.srtp.send_key != mine.srtp.receive_key
        assert "off" not in (one.srtp, two.srtp)
    assert (mine.host, mine.port, yours.host, yours.port) == (two.host, two.port, one.host, one.port)


def over(description: SessionDescription | None) -> SessionDescription | None:
    """Over the wire."""
    return None if description is None else SessionDescription.parse(description.to_bytes())


def willing(ours: Sequence[str], theirs: Sequence[str], srtp: str, other: str) -> bool:
    return bool(set(ours) & set(theirs)) and {srtp, other} != {"off", "required"}


@given(CODECS, CODECS, st.booleans(), st.booleans(), POLICY, POLICY, *[st.booleans()] * 4)
def test_both_ends_agree(
    ours: list[str],
    theirs: list[str],
    our_events: bool,
    their_events: bool,
    srtp: str,
    other: str,
    a: bool,
    b: bool,
    c: bool,
    d: bool,
) -> None:
    """Whatever two of us negotiate, both see the same codec, mirrored directions, numbers and keys."""
    one = Negotiation("192.0.2.1", 1000, "1", ours, our_events, srtp=srtp)
    two = Negotiation("192.0.2.2", 2000, "2", theirs, their_events, srtp=other)
    proposal = over(one.offer(sending=a, receiving=b))
    assert proposal is not None
    reply = over(two.answer(proposal, sending=c, receiving=d))
    assert (reply is not None) is willing(ours, theirs, srtp, other)
    if reply is None:
        return
    mine = one.accept(reply)
    assert mine is not None
    mirrored(one, two)
    assert (mine.sending, mine.receiving) == (a and d, b and c)
    # The offerer's order decides.
    assert mine.codec == next(name for name in ours if name in theirs)
    assert (mine.event_payload_type >= 0) is (our_events and their_events)
    assert (mine.srtp is not None) is ("off" not in (srtp, other))


TURN = st.tuples(st.booleans(), st.booleans(), st.booleans(), CODECS)


@given(CODECS, CODECS, POLICY, st.lists(TURN, min_size=1, max_size=6))
def test_both_ends_still_agree_after_any_number_of_reoffers(
    ours: list[str], theirs: list[str], srtp: str, turns: list[tuple[bool, bool, bool, list[str]]]
) -> None:
    """Either side offers again, with other codecs; one that is in use and still offered stays in use."""
    one = Negotiation("192.0.2.1", 1000, "1", ours, srtp=srtp)
    two = Negotiation("192.0.2.2", 2000, "2", theirs, srtp=srtp)
    for first, sending, receiving, codecs in [(True, True, True, ours), *turns]:
        offering, answering = (one, two) if first else (two, one)
        offering.codecs = codecs
        before, version = offering.media, offering.local.origin.version if offering.local else 0
        proposal = over(offering.offer(sending=sending, receiving=receiving))
        assert proposal is not None
        numbers = [number for number, _ in known.formats(proposal.media[0])]
        assert len(set(numbers)) == len(numbers) == len(proposal.media[0].formats)
        assert proposal.origin.version >= version
        reply = over(answering.answer(proposal))
        if reply is None:
            assert offering.media == before
            assert not set(codecs) & set(answering.codecs)
            continue
        assert offering.accept(reply) is not None
        mirrored(one, two)
        assert offering.media is not None
        if before is not None and before.codec in codecs and before.codec in answering.codecs:
            assert offering.media.codec == before.codec
        if before is not None:
            assert offering.media.srtp == before.srtp


def test_what_stands_may_be_offered_again_as_it_is() -> None:
    """For a refresh: the answer may move the peer, and needs no new version."""
    own = negotiation()
    stands = own.answer(remote("m=audio 5 RTP/AVP 0"))
    own.restate()
    media = own.accept(remote("m=audio 7 RTP/AVP 0"))
    assert media is not None
    assert media.port == 7
    assert own.local == stands
