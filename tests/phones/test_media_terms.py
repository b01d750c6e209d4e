"""What trunks agree on: codecs, packet times, RTCP, SRTP, as the plane is told of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from phones.exchange import THEM, US, Bench, configured, dialled, incoming

from hookflash.calls.effects import AnswerLeg
from hookflash.calls.facts import LegFailed, LegUp
from hookflash.phones.config import PhonesConfig, RouteConfig, TrunkConfig
from hookflash.phones.legs import connection
from hookflash.ports.plane import ConnectLeg, OpusTerms
from hookflash.sip.crypto import lines
from hookflash.sip.message import Response
from hookflash.sip.negotiation import Negotiation
from hookflash.sip.offer import AudioMedia
from hookflash.sip.sdp import SessionDescription

ALL = ("PCMU", "PCMA", "G722", "opus", "L16/16000", "L16")
PLAIN = AudioMedia("192.0.2.1", 4000, "PCMU", 0, 101, True, True, 20, 0, 101, "192.0.2.1", 4001)


def trunk(**changes: object) -> PhonesConfig:
    carrier = TrunkConfig("carrier", (THEM,), codecs=ALL, caller="+12065550199")
    return configured(trunks=(replace(carrier, **changes),))  # type: ignore[arg-type]


def body(*attributes: str, protocol: str = "RTP/AVP", formats: str = "0") -> bytes:
    head = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    return "\r\n".join([f"{head}m=audio 4000 {protocol} {formats}", *attributes, ""]).encode()


def last_answer(bench: Bench) -> SessionDescription:
    ok = [m for m in bench.seen if isinstance(m, Response) and m.status == 200 and m.body]
    return SessionDescription.parse(ok[-1].body)


CODECS = [
    ("9", ["a=ptime:40"], ("G722", 8_000, 9, 40)),
    ("99", ["a=rtpmap:99 opus/48000/2", "a=ptime:60"], ("OPUS", 48_000, 99, 20)),
    ("99", ["a=rtpmap:99 L16/16000"], ("L16", 16_000, 99, 20)),
    ("99", ["a=rtpmap:99 L16/8000", "a=ptime:10"], ("L16", 8_000, 99, 10)),
]


@pytest.mark.parametrize(("formats", "attributes", "wanted"), CODECS)
async def test_the_plane_is_told_codec_clock_and_packet_time(
    formats: str, attributes: list[str], wanted: tuple[str, int, int, int]
) -> None:
    bench = Bench(trunk())
    leg = await incoming(bench, body(*attributes, formats=formats))
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert bench.facts[-1] == LegUp(leg)
    (command,) = bench.plane.connected
    assert (command.codec, command.clock, command.payload_type, command.ptime) == wanted
    assert command.srtp is None


async def test_the_plane_is_told_what_a_peer_wishes_of_opus() -> None:
    bench = Bench(trunk())
    wishes = "a=fmtp:107 maxaveragebitrate=16000; usedtx=1; maxplaybackrate=12000"
    leg = await incoming(bench, body("a=rtpmap:107 opus/48000/2", wishes, formats="107"))
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert bench.plane.connected[-1].opus == OpusTerms(16_000, 12_000, fec=False, dtx=True)


def test_the_plane_is_told_everything() -> None:
    media = replace(
        PLAIN,
        codec="L16/16000",
        clock=16_000,
        payload_type=99,
        event_payload_type=98,
        receive_payload_type=97,
        receive_event_payload_type=96,
        noise_payload_type=13,
        ptime=20,
        receiving=False,
    )
    assert connection(7, media) == ConnectLeg(
        leg=7,
        host="192.0.2.1",
        port=4000,
        payload_type=99,
        codec="L16",
        event_payload_type=98,
        sending=True,
        receiving=False,
        clock=16_000,
        ptime=20,
        receive_payload_type=97,
        receive_event_payload_type=96,
        noise_payload_type=13,
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, ("", 0, False)),
        ({"rtcp_port": 5000}, ("192.0.2.1", 5000, False)),
        ({"rtcp_host": "192.0.2.9"}, ("192.0.2.9", 4001, False)),
        ({"rtcp_port": 4000, "rtcp_mux": True}, ("", 0, True)),
        ({"rtcp_port": 0}, ("192.0.2.1", 0, False)),
        ({"host": "", "rtcp_host": ""}, ("", 0, False)),
    ],
)
def test_only_an_unusual_address_for_rtcp_is_told(
    changes: dict[str, object], told: tuple[str, int, bool]
) -> None:
    command = connection(7, replace(PLAIN, **changes))  # type: ignore[arg-type]
    assert (command.rtcp_host, command.rtcp_port, command.rtcp_mux) == told


@pytest.mark.parametrize(
    ("policy", "protocol", "keys", "warning"),
    [
        ("off", "RTP/SAVP", True, "302 hookflash"),
        ("required", "RTP/AVP", False, "302 hookflash"),
        ("optional", "RTP/SAVP", False, "302 hookflash"),
        ("required", "RTP/SAVP", True, ""),
        ("optional", "RTP/SAVP", True, ""),
        ("optional", "RTP/AVP", True, ""),
        ("optional", "RTP/AVP", False, ""),
    ],
)
async def test_the_trunk_says_whether_calls_in_are_encrypted(
    policy: str, protocol: str, keys: bool, warning: str
) -> None:
    bench = Bench(trunk(srtp=policy))
    crypto = "AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    bench.far.call(body=body(*([f"a=crypto:1 {crypto}"] if keys else []), protocol=protocol))
    await bench.settle()
    if warning:
        refusal = [m for m in bench.seen if isinstance(m, Response)][-1]
        assert refusal.status == 488
        assert (refusal.headers.get("Warning") or "").startswith(warning)
        assert bench.facts == []
        await bench.over()
        return
    leg = bench.leg()
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    assert bench.facts[-1] == LegUp(leg)
    (command,) = bench.plane.connected
    assert (command.srtp is not None) is keys
    (line,) = last_answer(bench).media
    assert line.protocol == protocol
    if command.srtp is not None:
        assert command.srtp.receive_key == bytes(30)
        assert [one.key for one in lines(line)] == [command.srtp.send_key]


async def test_a_refused_call_says_what_was_wrong_with_its_codecs() -> None:
    bench = Bench(trunk(codecs=("PCMA",)))
    bench.far.call(body=body())
    await bench.settle()
    refusal = [m for m in bench.seen if isinstance(m, Response)][-1]
    assert refusal.headers.get("Warning") == '305 hookflash "Incompatible media format"'


async def test_a_refused_reoffer_says_what_was_wrong_with_it() -> None:
    bench = Bench(trunk(srtp="required"))
    crypto = "AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    leg = await incoming(bench, body(f"a=crypto:1 {crypto}", protocol="RTP/SAVP"))
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    before = list(bench.plane.connected)
    bench.far.take(bench.far.agent.reoffer(bench.clock.now(), 1, body())[1])
    await bench.settle()
    refusal = [m for m in bench.seen if isinstance(m, Response)][-1]
    assert refusal.status == 488
    assert refusal.headers.get("Warning") == '302 hookflash "Incompatible transport protocol"'
    assert bench.plane.connected == before
    assert bench.phones.legs == 1


async def test_a_call_out_offers_as_its_trunk_says() -> None:
    bench = Bench(trunk(srtp="required"))
    theirs = Negotiation("192.0.2.1", 4000, "7", codecs=("opus",), srtp="optional")

    def react(event: object) -> None:
        offer = getattr(event, "request", None)
        if offer is not None:
            reply = theirs.answer(SessionDescription.parse(offer.body))
            assert reply is not None
            bench.far.take(bench.far.agent.answer(bench.clock.now(), 1, reply.to_bytes()))

    bench.far.react = react
    bench.phones.dial(dialled())
    await bench.settle()
    assert bench.facts[-1] == LegUp(7)
    (command,) = bench.plane.connected
    assert (command.codec, command.clock, command.payload_type) == ("OPUS", 48_000, 96)
    assert theirs.media is not None
    assert theirs.media.srtp is not None
    assert command.srtp is not None
    assert command.srtp.send_key == theirs.media.srtp.receive_key
    assert command.srtp.receive_key == theirs.media.srtp.send_key


async def test_a_plain_answer_to_a_required_offer_fails() -> None:
    bench = Bench(trunk(srtp="required"))
    bench.far.answer_calls(body())
    bench.phones.dial(dialled())
    await bench.settle()
    (failed,) = [fact for fact in bench.facts if isinstance(fact, LegFailed)]
    assert failed.cause.status == 488
    assert bench.plane.connected == []
    await bench.over()


async def test_strangers_have_terms_of_their_own() -> None:
    config = PhonesConfig(
        trunks=(TrunkConfig("far", (("203.0.113.1", 5060),)),),
        routes=(RouteConfig("+1", "far"),),
        accept_unknown=True,
        codecs=("G722",),
        srtp="required",
    )
    bench = Bench(config)
    crypto = "AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    leg = await incoming(bench, body(f"a=crypto:1 {crypto}", protocol="RTP/SAVP", formats="0 9"))
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    (command,) = bench.plane.connected
    assert command.codec == "G722"
    assert command.srtp is not None


async def test_no_key_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    bench = Bench(trunk(srtp="optional"))
    crypto = "AES_CM_128_HMAC_SHA1_80 inline:" + "SECRET12" * 5
    leg = await incoming(bench, body(f"a=crypto:1 {crypto}"))
    bench.phones.answer(AnswerLeg(leg, 3))
    await bench.settle()
    found = bench.phones._legs.get(leg)
    assert found is not None
    seen = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    for shown in (seen, repr(found), repr(bench.plane.connected), repr(bench.far.events)):
        assert shown
        assert "SECRET12" not in shown
        assert "inline" not in shown
    assert US[0] in repr(found)
