"""Offer and answer (RFC 3264)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.sip import offer as offers
from hookflash.sip.offer import AudioMedia, Negotiation, accept, answer, offer
from hookflash.sip.sdp import MediaDescription, Origin, SessionDescription

US = ("192.0.2.10", 30_000)


def remote(*lines: str, connection: str = "IN IP4 198.51.100.1") -> SessionDescription:
    head = ["v=0", "o=- 7 1 IN IP4 198.51.100.1", "s=-", f"c={connection}", "t=0 0"]
    return SessionDescription.parse("\r\n".join([*head, *lines, ""]).encode())


def answered(*lines: str, **options: object) -> tuple[MediaDescription, AudioMedia]:
    """The answer's only media line and what it settles."""
    found = answer(remote(*lines), *US, session_id="1", **options)  # type: ignore[arg-type]
    assert found is not None
    (line,) = found.description.media
    return line, found.media


def text(description: SessionDescription | None) -> list[str]:
    assert description is not None
    return description.to_bytes().decode().split("\r\n")


def test_an_offer() -> None:
    assert text(offer(*US, session_id="42", version=3)) == [
        "v=0",
        "o=- 42 3 IN IP4 192.0.2.10",
        "s=-",
        "c=IN IP4 192.0.2.10",
        "t=0 0",
        "m=audio 30000 RTP/AVP 0 8 101",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "",
    ]
    lines = text(offer("2001:db8::1", 4, session_id="1", codecs=["PCMA"], events=False, sending=False))
    assert lines[3] == "c=IN IP6 2001:db8::1"
    assert lines[5:] == ["m=audio 4 RTP/AVP 8", "a=rtpmap:8 PCMA/8000", "a=ptime:20", "a=recvonly", ""]


@pytest.mark.parametrize("codecs", [[], ["G729"]])
def test_only_what_we_speak_is_offered(codecs: list[str]) -> None:
    with pytest.raises(ValueError, match="PCMU, PCMA"):
        offer(*US, session_id="1", codecs=codecs)


CODEC_TABLE = [
    (["m=audio 4 RTP/AVP 0 8"], "PCMU", 0, -1),
    (["m=audio 4 RTP/AVP 8 0"], "PCMA", 8, -1),
    (["m=audio 4 RTP/AVP 18 8 0", "a=rtpmap:18 G729/8000"], "PCMA", 8, -1),
    (["m=audio 4 RTP/AVPF 0"], "PCMU", 0, -1),
    (["m=audio 4 RTP/AVP 98 99", "a=rtpmap:98 opus/48000/2", "a=rtpmap:99 pcma/8000"], "PCMA", 99, -1),
    (["m=audio 4 RTP/AVP 99 0", "a=rtpmap:99 PCMU/16000"], "PCMU", 0, -1),
    (["m=audio 4 RTP/AVP 99 0", "a=rtpmap:99 PCMU/8000/2"], "PCMU", 0, -1),
    (["m=audio 4 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-16"], "PCMU", 0, 96),
    (["m=audio 4 RTP/AVP 127 0", "a=rtpmap:127 TELEPHONE-EVENT/8000/1"], "PCMU", 0, 127),
    (["m=audio 4 RTP/AVP 0 97", "a=rtpmap:97 telephone-event/48000"], "PCMU", 0, -1),
    (["m=audio 4 RTP/AVP 0 8", "a=rtpmap:0 G729/8000"], "PCMA", 8, -1),
    (["m=audio 4 RTP/AVP x 300 0"], "PCMU", 0, -1),
]


@pytest.mark.parametrize(("lines", "codec", "number", "event"), CODEC_TABLE)
def test_the_first_common_codec_is_taken_with_the_peers_numbers(
    lines: list[str], codec: str, number: int, event: int
) -> None:
    line, media = answered(*lines)
    assert (media.codec, media.payload_type, media.event_payload_type) == (codec, number, event)
    assert (media.receive_payload_type, media.receive_event_payload_type) == (number, event)
    assert line.formats == tuple(str(n) for n in (number, event) if n >= 0)
    stated = line.rtpmap(number)
    assert stated is not None
    assert (stated.encoding, stated.rate) == (codec, 8_000)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["m=audio 4 RTP/AVP 18"],
        ["m=audio 0 RTP/AVP 0"],
        ["m=audio 4 RTP/SAVP 0"],
        ["m=video 4 RTP/AVP 0"],
        ["m=audio 4 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"],
        ["m=image 4 udptl t38"],
    ],
)
def test_nothing_in_common_is_no_answer(lines: list[str]) -> None:
    assert answer(remote(*lines), *US, session_id="1") is None


def test_every_line_is_answered_in_order() -> None:
    found = answer(
        remote(
            "m=video 6 RTP/AVP 31",
            "m=audio 8 RTP/SAVP 0",
            "m=audio 10 RTP/AVP 8 0",
            "m=audio 12 RTP/AVP 0",
            "m=application 14 TCP/BFCP *",
        ),
        *US,
        session_id="1",
    )
    assert found is not None
    lines = found.description.media
    assert [(m.kind, m.port, m.protocol) for m in lines] == [
        ("video", 0, "RTP/AVP"),
        ("audio", 0, "RTP/SAVP"),
        ("audio", 30_000, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("application", 0, "TCP/BFCP"),
    ]
    assert lines[4].formats == ("*",)
    assert (found.media.codec, found.media.port) == ("PCMA", 10)


# what the peer offers, what we are willing to (send, receive), what is answered, what we then do
DIRECTIONS = [
    ("sendrecv", True, True, "sendrecv"),
    ("sendrecv", True, False, "sendonly"),
    ("sendrecv", False, True, "recvonly"),
    ("sendrecv", False, False, "inactive"),
    ("sendonly", True, True, "recvonly"),
    ("sendonly", True, False, "inactive"),
    ("recvonly", True, True, "sendonly"),
    ("recvonly", False, True, "inactive"),
    ("inactive", True, True, "inactive"),
]


@pytest.mark.parametrize(("offered", "sending", "receiving", "expected"), DIRECTIONS)
@pytest.mark.parametrize("level", ["session", "media"])
def test_directions(offered: str, sending: bool, receiving: bool, expected: str, level: str) -> None:
    lines = ["m=audio 4 RTP/AVP 0"]
    lines.insert(0 if level == "session" else 1, f"a={offered}")
    line, media = answered(*lines, sending=sending, receiving=receiving)
    assert line.attribute(expected) == ""
    assert offers.direction(media.sending, media.receiving) == expected
    assert media.held is not media.sending


@pytest.mark.parametrize("connection", ["IN IP4 0.0.0.0", "IN IP6 ::"])
def test_the_old_way_to_hold(connection: str) -> None:
    line, media = answered("m=audio 4 RTP/AVP 0", f"c={connection}")
    assert (media.host, media.rtcp_host, media.held, media.receiving) == ("", "", True, True)
    assert line.attribute("recvonly") == ""


def test_a_name_for_an_address_is_left_to_the_first_packet() -> None:
    _, media = answered("m=audio 4 RTP/AVP 0", "c=IN IP4 media.example.com")
    assert (media.host, media.port, media.sending) == ("", 4, True)


def test_the_address_of_the_line_counts_before_that_of_the_session() -> None:
    assert answered("m=audio 4 RTP/AVP 0")[1].host == "198.51.100.1"
    assert answered("m=audio 4 RTP/AVP 0", "c=IN IP4 203.0.113.9")[1].host == "203.0.113.9"


@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ("a=x", ("198.51.100.1", 41)),
        ("a=rtcp:53020", ("198.51.100.1", 53_020)),
        ("a=rtcp:53020 IN IP4 126.16.64.4", ("126.16.64.4", 53_020)),
        ("a=rtcp:0", ("198.51.100.1", 41)),
        ("a=rtcp:99999", ("198.51.100.1", 41)),
        ("a=rtcp:many", ("198.51.100.1", 41)),
        ("a=rtcp-mux", ("198.51.100.1", 41)),
    ],
)
def test_where_rtcp_goes(attribute: str, expected: tuple[str, int]) -> None:
    line, media = answered("m=audio 40 RTP/AVP 0", attribute)
    assert (media.rtcp_host, media.rtcp_port) == expected
    assert line.attribute("rtcp-mux") is None


def test_the_last_port_has_none_after_it_for_rtcp() -> None:
    assert answered("m=audio 65535 RTP/AVP 0")[1].rtcp_port == 0


@pytest.mark.parametrize(
    ("attribute", "ptime"),
    [
        ("a=ptime:30", 20),
        ("a=maxptime:40", 20),
        ("a=maxptime:10", 10),
        ("a=maxptime:5", 20),
        ("a=maxptime:x", 20),
    ],
)
def test_packet_times(attribute: str, ptime: int) -> None:
    line, media = answered("m=audio 40 RTP/AVP 0", attribute)
    assert (media.ptime, line.attribute("ptime")) == (ptime, str(ptime))


def test_events_can_be_declined() -> None:
    lines = ["m=audio 4 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"]
    line, media = answered(*lines, events=False)
    assert (line.formats, media.event_payload_type) == (("0",), -1)


def test_the_codecs_of_the_caller_bound_the_answer() -> None:
    assert answered("m=audio 4 RTP/AVP 0 8", codecs=["PCMA"])[1].codec == "PCMA"
    assert answer(remote("m=audio 4 RTP/AVP 0"), *US, session_id="1", codecs=["PCMA"]) is None


# --- the answer to our offer ------------------------------------------------------------------------------


def test_an_answer_settles_our_offer() -> None:
    local = offer(*US, session_id="1")
    media = accept(local, remote("m=audio 5 RTP/AVP 8 101", "a=rtpmap:101 telephone-event/8000"))
    assert media == AudioMedia("198.51.100.1", 5, "PCMA", 8, 101, True, True, 20, 8, 101, "198.51.100.1", 6)


def test_an_answer_may_number_differently() -> None:
    """We send with the peer's numbers and receive with ours."""
    lines = ["m=audio 5 RTP/AVP 97 98", "a=rtpmap:97 PCMA/8000", "a=rtpmap:98 telephone-event/8000"]
    media = accept(offer(*US, session_id="1"), remote(*lines))
    assert media is not None
    assert (media.payload_type, media.event_payload_type) == (97, 98)
    assert (media.receive_payload_type, media.receive_event_payload_type) == (8, 101)


def test_events_need_both_sides() -> None:
    media = accept(offer(*US, session_id="1"), remote("m=audio 5 RTP/AVP 0"))
    assert media is not None
    assert (media.event_payload_type, media.receive_event_payload_type) == (-1, -1)
    lines = ["m=audio 5 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"]
    media = accept(offer(*US, session_id="1", events=False), remote(*lines))
    assert media is not None
    assert (media.event_payload_type, media.receive_event_payload_type) == (-1, -1)


@pytest.mark.parametrize(
    ("way", "sending", "receiving"),
    [
        ("sendrecv", True, True),
        ("sendonly", False, True),
        ("recvonly", True, False),
        ("inactive", False, False),
    ],
)
def test_the_peers_direction_mirrors_ours(way: str, sending: bool, receiving: bool) -> None:
    media = accept(offer(*US, session_id="1"), remote("m=audio 5 RTP/AVP 0", f"a={way}"))
    assert media is not None
    assert (media.sending, media.receiving) == (sending, receiving)


def test_an_answer_cannot_do_more_than_was_offered() -> None:
    media = accept(offer(*US, session_id="1", receiving=False), remote("m=audio 5 RTP/AVP 0", "a=sendrecv"))
    assert media is not None
    assert (media.sending, media.receiving) == (True, False)


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["m=audio 0 RTP/AVP 0"],
        ["m=audio 5 RTP/AVP 18"],
        ["m=video 5 RTP/AVP 0"],
        ["m=audio 5 RTP/AVP 0", "m=audio 7 RTP/AVP 0"],
    ],
)
def test_what_is_no_answer_to_the_offer(lines: list[str]) -> None:
    assert accept(offer(*US, session_id="1"), remote(*lines)) is None


def test_a_codec_that_was_not_offered_is_no_answer() -> None:
    assert accept(offer(*US, session_id="1", codecs=["PCMA"]), remote("m=audio 5 RTP/AVP 0")) is None


def test_an_offer_without_audio_has_no_answer() -> None:
    silent = SessionDescription(
        Origin("-", "1", 1, "h"), "192.0.2.1", (MediaDescription("audio", 0, "RTP/AVP", ("0",)),)
    )
    assert accept(silent, remote("m=audio 5 RTP/AVP 0")) is None


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
    assert own.offer().media[0].formats == ("8", "0", "101")
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
    assert offered[1].formats == ("101", "0", "100")
    refusal = remote("m=video 0 RTP/AVP 31", "m=audio 8 RTP/AVPF 0", "m=audio 0 RTP/AVP 0")
    media = own.accept(refusal)
    assert media is not None
    assert (media.codec, media.port) == ("PCMU", 8)


def test_a_reoffer_keeps_the_number_of_the_events() -> None:
    own = negotiation()
    own.answer(remote("m=audio 8 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"))
    assert own.offer().media[0].formats == ("0", "8", "96")


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


CODECS = st.lists(st.sampled_from(["PCMU", "PCMA"]), min_size=1, max_size=2, unique=True)


@given(CODECS, CODECS, st.booleans(), st.booleans(), *[st.booleans()] * 4)
def test_both_ends_agree(
    ours: list[str],
    theirs: list[str],
    our_events: bool,
    their_events: bool,
    a: bool,
    b: bool,
    c: bool,
    d: bool,
) -> None:
    """Whatever two of us negotiate, both see the same codec and mirrored directions."""
    one = Negotiation("192.0.2.1", 1000, "1", ours, our_events)
    two = Negotiation("192.0.2.2", 2000, "2", theirs, their_events)
    proposal = SessionDescription.parse(one.offer(sending=a, receiving=b).to_bytes())
    reply = two.answer(proposal, sending=c, receiving=d)
    if not set(ours) & set(theirs):
        assert reply is None
        return
    assert reply is not None
    mine = one.accept(SessionDescription.parse(reply.to_bytes()))
    yours = two.media
    assert mine is not None
    assert yours is not None
    assert mine.codec == yours.codec
    assert (mine.sending, mine.receiving) == (yours.receiving, yours.sending) == (a and d, b and c)
    assert mine.event_payload_type == yours.event_payload_type == (101 if our_events and their_events else -1)
    assert (mine.host, mine.port, yours.host, yours.port) == ("192.0.2.2", 2000, "192.0.2.1", 1000)
