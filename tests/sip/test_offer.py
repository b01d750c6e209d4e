"""Offer and answer (RFC 3264)."""

from __future__ import annotations

import pytest
from sip.descriptions import US, remote, text

from hookflash.sip import offer as offers
from hookflash.sip.codecs import NAMES
from hookflash.sip.offer import AudioMedia, accept, answer, objection, offer
from hookflash.sip.sdp import MediaDescription, Origin, RtpMap, SessionDescription


def answered(*lines: str, **options: object) -> tuple[MediaDescription, AudioMedia]:
    """The answer's only media line and what it settles."""
    found = answer(remote(*lines), *US, session_id="1", **options)  # type: ignore[arg-type]
    assert found is not None
    (line,) = found.description.media
    return line, found.media


def test_an_offer() -> None:
    assert text(offer(*US, session_id="42", version=3)) == [
        "v=0",
        "o=- 42 3 IN IP4 192.0.2.10",
        "s=-",
        "c=IN IP4 192.0.2.10",
        "t=0 0",
        "m=audio 30000 RTP/AVP 0 8 9 96 13 101 99",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1;sprop-stereo=0",
        "a=rtpmap:13 CN/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtpmap:99 telephone-event/48000",
        "a=fmtp:99 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "",
    ]
    lines = text(offer("2001:db8::1", 4, session_id="1", codecs=["PCMA"], events=False, sending=False))
    assert lines[3] == "c=IN IP6 2001:db8::1"
    assert lines[5:] == [
        "m=audio 4 RTP/AVP 8 13",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:13 CN/8000",
        "a=ptime:20",
        "a=recvonly",
        "",
    ]


def test_an_offer_of_everything() -> None:
    """Each clock has its telephone-event; comfort noise goes with G.711."""
    lines = text(offer(*US, session_id="1", codecs=NAMES))
    assert lines[5:-3] == [
        "m=audio 30000 RTP/AVP 0 8 9 96 97 98 13 101 99 100",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1;sprop-stereo=0",
        "a=rtpmap:97 L16/16000",
        "a=rtpmap:98 L16/8000",
        "a=rtpmap:13 CN/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtpmap:99 telephone-event/48000",
        "a=fmtp:99 0-15",
        "a=rtpmap:100 telephone-event/16000",
        "a=fmtp:100 0-15",
    ]


def test_comfort_noise_is_not_offered_to_wideband_codecs() -> None:
    (line,) = offer(*US, session_id="1", codecs=["G722", "opus"]).media
    assert line.formats == ("9", "96", "101", "99")


@pytest.mark.parametrize("codecs", [[], ["G729"]])
def test_only_what_we_speak_is_offered(codecs: list[str]) -> None:
    with pytest.raises(ValueError, match="PCMU, PCMA"):
        offer(*US, session_id="1", codecs=codecs)


CODEC_TABLE = [
    (["m=audio 4 RTP/AVP 0 8"], "PCMU", 0, -1),
    (["m=audio 4 RTP/AVP 8 0"], "PCMA", 8, -1),
    (["m=audio 4 RTP/AVP 18 8 0", "a=rtpmap:18 G729/8000"], "PCMA", 8, -1),
    (["m=audio 4 RTP/AVPF 0"], "PCMU", 0, -1),
    (["m=audio 4 RTP/AVP 98 99", "a=rtpmap:98 speex/16000", "a=rtpmap:99 pcma/8000"], "PCMA", 99, -1),
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


WIDE_TABLE = [
    (["m=audio 4 RTP/AVP 9 0"], "G722", 8_000, 9, -1, -1),
    (["m=audio 4 RTP/AVP 99 0", "a=rtpmap:99 G722/16000"], "PCMU", 8_000, 0, -1, 13),
    (["m=audio 4 RTP/AVP 9 101 13", "a=rtpmap:101 telephone-event/8000"], "G722", 8_000, 9, 101, -1),
    (["m=audio 4 RTP/AVP 0 19", "a=rtpmap:19 CN/8000"], "PCMU", 8_000, 0, -1, 19),
    (["m=audio 4 RTP/AVP 99", "a=rtpmap:99 L16/8000"], "L16", 8_000, 99, -1, 13),
    (["m=audio 4 RTP/AVP 99", "a=rtpmap:99 L16/16000/1"], "L16/16000", 16_000, 99, -1, -1),
    (["m=audio 4 RTP/AVP 99 11 8", "a=rtpmap:99 L16/16000/2"], "PCMA", 8_000, 8, -1, 13),
    (
        ["m=audio 4 RTP/AVP 107", "a=rtpmap:107 opus/48000/2", "a=fmtp:107 x=?;;="],
        "opus",
        48_000,
        107,
        -1,
        -1,
    ),
    (
        ["m=audio 4 RTP/AVP 107 96", "a=rtpmap:107 OPUS/48000/2", "a=rtpmap:96 telephone-event/8000"],
        *("opus", 48_000, 107, -1, -1),
    ),
    (
        [
            "m=audio 4 RTP/AVP 107 96 97 98",
            "a=rtpmap:107 opus/48000/2",
            "a=rtpmap:96 telephone-event/8000",
            "a=rtpmap:97 telephone-event/16000",
            "a=rtpmap:98 telephone-event/48000",
        ],
        *("opus", 48_000, 107, 98, -1),
    ),
    (
        [
            "m=audio 4 RTP/AVP 107 96 97",
            "a=rtpmap:107 L16/16000",
            "a=rtpmap:96 telephone-event/8000",
            "a=rtpmap:97 telephone-event/16000",
        ],
        *("L16/16000", 16_000, 107, 97, -1),
    ),
]


@pytest.mark.parametrize(("lines", "codec", "clock", "number", "event", "noise"), WIDE_TABLE)
def test_events_and_noise_are_those_of_the_codecs_clock(
    lines: list[str], codec: str, clock: int, number: int, event: int, noise: int
) -> None:
    line, media = answered(*lines, codecs=NAMES)
    assert (media.codec, media.clock, media.payload_type) == (codec, clock, number)
    assert (media.event_payload_type, media.receive_event_payload_type) == (event, event)
    assert media.noise_payload_type == noise
    wanted = [number, *([noise] if str(noise) in lines[0].split() else []), *([event] if event >= 0 else [])]
    assert line.formats == tuple(str(one) for one in wanted)


def test_our_parameters_of_opus_are_in_the_answer() -> None:
    line, _ = answered("m=audio 4 RTP/AVP 107", "a=rtpmap:107 opus/48000/2", codecs=NAMES)
    assert line.rtpmap(107) == RtpMap("OPUS", 48_000, 2)
    assert (line.attribute("fmtp") or "").startswith("107 ")
    assert "useinbandfec=1;sprop-stereo=0" in (line.attribute("fmtp") or "")


NO_MEDIA = (304, "Media type not available")
NO_PROTOCOL = (302, "Incompatible transport protocol")
NO_FORMAT = (305, "Incompatible media format")


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], NO_MEDIA),
        (["m=audio 4 RTP/AVP 18"], NO_FORMAT),
        (["m=audio 0 RTP/AVP 0"], NO_MEDIA),
        (["m=audio 4 RTP/SAVP 0"], NO_PROTOCOL),
        (["m=audio 4 UDP/TLS/RTP/SAVPF 0"], NO_PROTOCOL),
        (["m=video 4 RTP/AVP 0"], NO_MEDIA),
        (["m=audio 4 RTP/SAVP 0", "m=audio 4 RTP/AVP 18"], NO_FORMAT),
        (["m=audio 4 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"], NO_FORMAT),
        (["m=image 4 udptl t38"], NO_MEDIA),
    ],
)
def test_nothing_in_common_is_no_answer(lines: list[str], why: tuple[int, str]) -> None:
    assert answer(remote(*lines), *US, session_id="1") is None
    assert objection(remote(*lines), ("PCMU", "PCMA")) == why


def test_nothing_is_said_against_what_is_answered() -> None:
    assert objection(remote("m=video 4 RTP/AVP 0", "m=audio 4 RTP/AVP 0"), ("PCMU",)) is None


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
    ],
)
def test_where_rtcp_goes(attribute: str, expected: tuple[str, int]) -> None:
    line, media = answered("m=audio 40 RTP/AVP 0", attribute)
    assert (media.rtcp_host, media.rtcp_port) == expected
    assert line.attribute("rtcp-mux") is None
    assert not media.rtcp_mux


def test_rtcp_shares_the_port_when_that_is_offered() -> None:
    line, media = answered("m=audio 40 RTP/AVP 0", "a=rtcp-mux", "a=rtcp:53020")
    assert (media.rtcp_mux, media.rtcp_host, media.rtcp_port) == (True, "198.51.100.1", 40)
    assert line.attribute("rtcp-mux") == ""


def test_rtcp_does_not_share_the_port_when_we_did_not_offer_it() -> None:
    media = accept(offer(*US, session_id="1"), remote("m=audio 5 RTP/AVP 0", "a=rtcp-mux"))
    assert media is not None
    assert (media.rtcp_mux, media.rtcp_port) == (False, 6)


def test_the_last_port_has_none_after_it_for_rtcp() -> None:
    assert answered("m=audio 65535 RTP/AVP 0")[1].rtcp_port == 0


@pytest.mark.parametrize(
    ("attributes", "ptime"),
    [
        ([], 20),
        (["a=ptime:10"], 10),
        (["a=ptime:20"], 20),
        (["a=ptime:30"], 30),
        (["a=ptime:40"], 40),
        (["a=ptime:60"], 60),
        (["a=ptime:50"], 40),
        (["a=ptime:25.5"], 20),
        (["a=ptime:200"], 60),
        (["a=ptime:5"], 10),
        (["a=ptime:0"], 20),
        (["a=ptime:-20"], 20),
        (["a=ptime:x", "a=maxptime:y"], 20),
        (["a=maxptime:40"], 20),
        (["a=maxptime:10"], 10),
        (["a=maxptime:5"], 10),
        (["a=ptime:60", "a=maxptime:30"], 30),
        (["a=ptime:60", "a=maxptime:200"], 60),
    ],
)
@pytest.mark.parametrize("codec", ["PCMU/8000", "PCMA/8000", "G722/8000", "L16/8000"])
def test_packet_times_follow_the_peer(codec: str, attributes: list[str], ptime: int) -> None:
    line, media = answered("m=audio 40 RTP/AVP 99", f"a=rtpmap:99 {codec}", *attributes, codecs=NAMES)
    assert (media.ptime, line.attribute("ptime")) == (ptime, str(ptime))


@pytest.mark.parametrize("codec", ["opus/48000/2", "L16/16000"])
@pytest.mark.parametrize("attribute", ["a=ptime:10", "a=ptime:60", "a=maxptime:10"])
def test_packets_of_some_codecs_are_always_of_20_ms(codec: str, attribute: str) -> None:
    line, media = answered("m=audio 40 RTP/AVP 99", f"a=rtpmap:99 {codec}", attribute, codecs=NAMES)
    assert (media.ptime, line.attribute("ptime")) == (20, "20")


def test_the_packet_times_of_an_answer_are_followed() -> None:
    media = accept(offer(*US, session_id="1"), remote("m=audio 5 RTP/AVP 0", "a=ptime:30"))
    assert media is not None
    assert media.ptime == 30


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
    assert media == AudioMedia(
        *("198.51.100.1", 5, "PCMA", 8, 101, True, True, 20, 8, 101, "198.51.100.1", 6, 8_000, 13)
    )


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


def test_the_events_of_an_answer_are_those_of_its_codec() -> None:
    lines = [
        "m=audio 5 RTP/AVP 111 110 101",
        "a=rtpmap:111 opus/48000/2",
        "a=rtpmap:110 telephone-event/48000",
        "a=rtpmap:101 telephone-event/8000",
    ]
    local = offer(*US, session_id="1", codecs=["PCMU", "opus"])
    media = accept(local, remote(*lines))
    assert media is not None
    assert (media.codec, media.clock, media.payload_type, media.receive_payload_type) == (
        "opus",
        48_000,
        111,
        96,
    )
    assert (media.event_payload_type, media.receive_event_payload_type) == (110, 99)
    media = accept(local, remote(*lines[:2], lines[3]))
    assert media is not None
    assert (media.event_payload_type, media.receive_event_payload_type) == (-1, -1)


def test_a_codec_that_was_not_offered_is_no_answer() -> None:
    assert accept(offer(*US, session_id="1", codecs=["PCMA"]), remote("m=audio 5 RTP/AVP 0")) is None


def test_an_offer_without_audio_has_no_answer() -> None:
    silent = SessionDescription(
        Origin("-", "1", 1, "h"), "192.0.2.1", (MediaDescription("audio", 0, "RTP/AVP", ("0",)),)
    )
    assert accept(silent, remote("m=audio 5 RTP/AVP 0")) is None
