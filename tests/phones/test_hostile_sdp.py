"""Session descriptions made to do harm: each is refused with a reason or gives a call that works."""

from __future__ import annotations

import asyncio
import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phones.exchange import THEM, Bench, answered, configured, dialled, incoming, sdp

from hookflash.calls.effects import AnswerLeg, EndLeg
from hookflash.calls.facts import Cause, IncomingLeg, LegFailed, LegUp
from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.ports.plane import ConnectLeg
from hookflash.sip.codecs import BY_NAME
from hookflash.sip.message import Response
from hookflash.sip.sdp import SessionDescription

KEY = base64.b64encode(bytes(range(30))).decode()


def offer(*lines: str, host: str = "192.0.2.1", media: str = "m=audio 4000 RTP/AVP 0 101") -> bytes:
    family = "IP6" if ":" in host else "IP4"
    head = ["v=0", "o=- 7 1 IN IP4 192.0.2.1", "s=-", f"c=IN {family} {host}", "t=0 0", media]
    return "\r\n".join([*head, *lines, ""]).encode()


def encrypting() -> PhonesConfig:
    return configured(trunks=(TrunkConfig("carrier", (THEM,), caller="+12065550199", srtp="optional"),))


async def outcome(body: bytes, bench: Bench) -> tuple[Response, ConnectLeg | None]:
    """The final answer to an INVITE with ``body``, and what the plane was told; nothing is left behind."""
    bench.far.call(body=body)
    await bench.settle()
    leg = None
    if bench.facts:
        assert isinstance(bench.facts[0], IncomingLeg)
        leg = bench.facts[0].leg
        bench.phones.answer(AnswerLeg(leg, 3))
        await bench.settle()
    final = next(m for m in bench.seen if isinstance(m, Response) and m.status >= 200)
    if leg is not None and bench.phones.legs:
        assert bench.facts[-1] == LegUp(leg)
        bench.phones.end(EndLeg(leg, Cause(200, "OK")))
        await bench.settle()
    connected = bench.plane.connected[-1] if bench.plane.connected else None
    assert (final.status == 200) == (connected is not None)
    await bench.over()
    return final, connected


def is_sound(final: Response, connected: ConnectLeg | None) -> None:
    """An answer anybody can act on."""
    if connected is None:
        assert final.status in (400, 413, 488), final.status
        assert final.reason
        return
    answer = SessionDescription.parse(final.body)
    (taken,) = [media for media in answer.media if media.port]
    assert 0 <= connected.payload_type <= 127
    assert connected.codec in {codec.encoding for codec in BY_NAME.values()}
    assert connected.ptime in (10, 20, 30, 40, 60)
    assert 0 <= connected.port <= 65_535
    assert 0 <= connected.rtcp_port <= 65_535
    assert str(connected.payload_type) in taken.formats


# --- where audio would go ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "ff02::1", "::ffff:224.0.0.1"],
)
async def test_audio_for_everybody_is_refused(host: str) -> None:
    final, connected = await outcome(offer(host=host), Bench())
    assert (final.status, connected) == (488, None)
    assert final.headers.get("Warning") == '330 hookflash "Multicast not available"'


@pytest.mark.parametrize("host", ["224.0.0.1/127", "224.0.0.1/127/3"])
async def test_so_is_multicast_with_its_time_to_live(host: str) -> None:
    final, _ = await outcome(offer(host=host), Bench())
    assert final.status == 488


@pytest.mark.parametrize("host", ["255.255.255.255", "239.1.1.1"])
async def test_nor_may_a_new_offer_or_an_answer_ask_for_it(host: str) -> None:
    bench = Bench()
    leg = await answered(bench)
    before = list(bench.plane.connected)
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, offer(host=host))[1])
    await bench.settle()
    assert bench.plane.connected == before
    bench.phones.end(EndLeg(leg, Cause(200, "OK")))
    await bench.settle()
    await bench.over()

    bench = Bench()
    bench.far.answer_calls(offer(host=host))
    bench.phones.dial(dialled())
    await bench.settle(1.0)
    assert bench.facts[-1] == LegFailed(7, Cause(488, "The answer has no audio we offered"))
    assert bench.plane.connected == []
    await bench.over()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_a_peer_elsewhere_can_not_aim_audio_at_our_own_host(host: str) -> None:
    """The call works all the same: where the peer is shows when it sends."""
    final, connected = await outcome(offer("a=rtcp:53 IN IP4 127.0.0.1", host=host), Bench())
    assert final.status == 200
    assert connected is not None
    assert (connected.host, connected.port, connected.rtcp_host, connected.rtcp_port) == ("", 0, "", 0)


@pytest.mark.parametrize("target", ["127.0.0.1", "224.0.0.1", "255.255.255.255"])
async def test_nor_reports(target: str) -> None:
    final, connected = await outcome(offer(f"a=rtcp:53 IN IP4 {target}"), Bench())
    assert final.status == 200
    assert connected is not None
    assert (connected.host, connected.rtcp_host, connected.rtcp_port) == ("192.0.2.1", "", 0)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "phone.example.com", "x" * 250])
async def test_without_an_address_the_peer_is_learnt(host: str) -> None:
    final, connected = await outcome(offer(host=host), Bench())
    assert final.status == 200
    assert connected is not None
    assert (connected.host, connected.port) == ("", 0)


@pytest.mark.parametrize("host", ["2001:db8::7", "203.0.113.9"])
async def test_an_address_elsewhere_is_one(host: str) -> None:
    _, connected = await outcome(offer(host=host), Bench())
    assert connected is not None
    assert (connected.host, connected.port) == (host, 4000)


# --- numbers and sizes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("attribute", ["ptime", "maxptime"])
@pytest.mark.parametrize("value", ["0", "-1", "99999", "1e3", "", "20.5", "\u0662\u0660", "9" * 400, "20 20"])
async def test_packet_times_that_make_no_sense(attribute: str, value: str) -> None:
    is_sound(*await outcome(offer(f"a={attribute}:{value}"), Bench()))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (offer(media="m=audio 0 RTP/AVP 0"), 488),
        (offer(media="m=audio 65536 RTP/AVP 0"), 400),
        (offer(media="m=audio -1 RTP/AVP 0"), 400),
        (offer(media="m=audio 4000 RTP/AVP"), 400),
        (offer(media="m=audio 4000 UDP/TLS/RTP/SAVPF 0"), 488),
        (offer(media="m=audio 4000 RTP/AVP 128 999 -1 0x0"), 488),
        (offer(media="m=audio 4000 RTP/AVP " + " ".join(map(str, range(96, 128)))), 488),
        (offer(media="m=audio 4000 RTP/AVP " + " ".join(["0"] * 65)), 413),
        (offer(*["m=audio 4000 RTP/AVP 0"] * 32), 413),
        (offer(*["a=x:y"] * 500), 413),
        (offer("a=x:" + "y" * 16_384), 413),
        (offer(*[f"a=rtpmap:{n % 128} {'x' * 60}/8000" for n in range(1, 200) if n % 128]), 200),
        (offer(*[f"a=rtpmap:0 PCMU/{n}" for n in range(200)]), None),
        (offer("a=rtpmap:0 PCMU/99999999999"), None),
        (offer("a=rtpmap:0 PCMU/0"), None),
        (offer("a=rtpmap:0 PCMU/8000/255"), None),
        (offer("a=rtpmap:0 opus/48000/2"), None),
        (offer("a=rtpmap:101 telephone-event/1"), 200),
        (offer("a=fmtp:0 " + ";".join(f"a{n}={n}" for n in range(900))), 200),
        (offer(*["a=sendonly", "a=recvonly", "a=inactive", "a=sendrecv"] * 60), 200),
        (offer("a=rtcp:0", "a=rtcp:99999", "a=rtcp:x IN IP4 y"), 200),
        (offer("a=candidate:" + "1 " * 500), 200),
        (offer("a=group:BUNDLE " + "0 " * 500), 200),
    ],
)
async def test_sizes_and_numbers(body: bytes, status: int | None) -> None:
    final, connected = await outcome(body, Bench())
    is_sound(final, connected)
    assert status is None or final.status == status


@pytest.mark.parametrize(
    "value",
    [
        "1 AES_CM_128_HMAC_SHA1_80 inline:not base64!",
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY[:-4],
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY * 3,
        "1 AES_CM_128_HMAC_SHA1_80 inline:" + KEY + "=" * 60,
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^0",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^99",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|{'9' * 200}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31|1:4",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:999999",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=24 UNENCRYPTED_SRTP",
        f"-1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}",
        f"1 ROT13 inline:{KEY}",
        "",
    ],
)
async def test_keys_we_can_not_use(value: str) -> None:
    """Without a usable key there is no encrypted call, and no plain one where a key was demanded."""
    demanded = offer(f"a=crypto:{value}", media="m=audio 4000 RTP/SAVP 0")
    final, connected = await outcome(demanded, Bench(encrypting()))
    assert (final.status, connected) == (488, None)
    assert final.headers.get("Warning") == '302 hookflash "Incompatible transport protocol"'
    final, connected = await outcome(offer(f"a=crypto:{value}"), Bench(encrypting()))
    assert final.status == 200
    assert connected is not None
    assert connected.srtp is None
    assert b"crypto" not in final.body


async def test_the_first_usable_key_of_a_heap_is_taken() -> None:
    heap = [f"a=crypto:{n} ROT13 inline:{KEY}" for n in range(2, 10)]
    good = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"
    final, connected = await outcome(offer(*heap, good, *heap * 20), Bench(encrypting()))
    assert final.status == 200
    assert connected is not None
    assert connected.srtp is not None
    assert connected.srtp.receive_key == bytes(range(30))
    final, connected = await outcome(offer(*heap * 2, good), Bench(encrypting()))
    assert (final.status, connected and connected.srtp) == (200, None)


# --- anything at all --------------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.integers(-2, 70_000).map(str), st.sampled_from(["", "x", "0x10", "9" * 30, "1.5", "\u0664"])
)
ADDRESSES = """192.0.2.1 0.0.0.0 255.255.255.255 224.0.0.1 127.0.0.1 ::1 :: ff02::1 fe80::1%1 a.example -
1.2.3 [::1] ::ffff:127.0.0.1 2001:db8::7 256.1.1.1"""
HOSTS = st.sampled_from([*ADDRESSES.split(), ""])
WORDS = st.one_of(
    NUMBERS,
    HOSTS,
    st.sampled_from(
        (
            "PCMU/8000 opus/48000/2 telephone-event/8000 G722/8000 CN/8000 IN IP4 IP6 RTP/AVP RTP/SAVP audio "
            f"video AES_CM_128_HMAC_SHA1_80 inline:{KEY} inline:{KEY}|2^20|1:1 0-16 useinbandfec=1 - / :"
        ).split()
    ),
    st.text(max_size=8),
)
NAMES = st.sampled_from(
    [
        "rtpmap",
        "fmtp",
        "ptime",
        "maxptime",
        "crypto",
        "rtcp",
        "rtcp-mux",
        "sendonly",
        "inactive",
        "group",
        "mid",
    ]
)
ATTRIBUTES = st.builds(
    lambda name, colon, words: f"a={name}{colon}{' '.join(words)}",
    NAMES,
    st.sampled_from(["", ":", ":0 ", ":101 ", ":1 "]),
    st.lists(WORDS, max_size=5),
)
LINES = st.one_of(
    ATTRIBUTES,
    st.builds(lambda host: f"c=IN {'IP6' if ':' in host else 'IP4'} {host}", HOSTS),
    st.builds(
        lambda kind, port, way, kinds: f"m={kind} {port} {way} {' '.join(kinds)}",
        st.sampled_from(["audio", "audio", "video", "image"]),
        st.one_of(st.just("4000"), NUMBERS),
        st.sampled_from(["RTP/AVP", "RTP/SAVP", "RTP/AVPF", "udptl"]),
        st.lists(st.one_of(st.sampled_from(["0", "8", "9", "96", "101"]), NUMBERS), max_size=6),
    ),
    st.builds(
        lambda letter, words: f"{letter}={' '.join(words)}", st.sampled_from("vosbtkz"), st.lists(WORDS)
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(LINES, max_size=12), HOSTS, st.booleans())
def test_no_description_breaks_anything(lines: list[str], host: str, secure: bool) -> None:
    async def scene() -> None:
        bench = Bench(encrypting() if secure else None)
        final, connected = await outcome(offer(*lines, host=host), bench)
        is_sound(final, connected)
        if connected is not None:
            assert connected.host not in ("255.255.255.255", "224.0.0.1", "127.0.0.1", "::1", "ff02::1")

    asyncio.run(scene())


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, max_size=12), HOSTS)
def test_no_new_offer_breaks_a_call(lines: list[str], host: str) -> None:
    async def scene() -> None:
        bench = Bench()
        leg = await incoming(bench)
        bench.phones.answer(AnswerLeg(leg, 3))
        await bench.settle()
        bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, offer(*lines, host=host))[1])
        await bench.settle()
        final = [m for m in bench.seen if isinstance(m, Response) and m.status >= 200][-1]
        is_sound(final, bench.plane.connected[-1] if final.status == 200 else None)
        # As if nothing had been: the call goes on and takes an ordinary offer.
        bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, sdp(port=4002))[1])
        await bench.settle()
        assert (bench.plane.connected[-1].host, bench.plane.connected[-1].port) == ("192.0.2.1", 4002)
        bench.phones.end(EndLeg(leg, Cause(200, "OK")))
        await bench.settle()
        await bench.over()

    asyncio.run(scene())
