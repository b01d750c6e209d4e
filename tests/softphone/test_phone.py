"""Two phones call each other over loopback: signalling, keys and audio both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hookflash.clock import LoopClock
from hookflash.softphone.audio import RATE, key_tone
from hookflash.softphone.phone import CallFailed, Softphone
from hookflash.softphone.player import ExpectationFailed, ScriptPlayer
from hookflash.softphone.script import parse


def quiet(what: str, detail: str) -> None:
    """No notice wanted."""


async def test_a_whole_call_between_two_phones(tmp_path: Path) -> None:
    clock = LoopClock()
    notices: list[tuple[str, str]] = []
    async with (
        Softphone(clock, number="alice", notice=lambda *n: notices.append(n)) as alice,
        Softphone(clock, number="bob") as bob,
    ):
        host, port = bob.address
        tone = np.tile(key_tone("5", RATE // 10), 2)
        wav = tmp_path / "tone.wav"
        soundfile.write(wav, tone, RATE)

        async def callee() -> None:
            player = ScriptPlayer(bob, clock, quiet)
            await player.play(parse("answer; expect digits 12#; expect audio; press 7"))
            await bob.ended(10)

        async def caller() -> None:
            player = ScriptPlayer(alice, clock, quiet)
            script = f"dial sip:bob@{host}:{port}; press 12#; play {wav}; expect digits 7; hangup"
            await player.play(parse(script))

        await asyncio.wait_for(asyncio.gather(callee(), caller()), 20)
        assert bob.digits == "12#"
        assert not alice.talking
        assert not bob.talking
        heard = bob.audio.heard.astype(float)
        assert np.abs(np.correlate(heard, tone.astype(float), "valid")).max() > 0.9 * float(
            np.sum(tone.astype(float) ** 2)
        )
    assert [what for what, _ in notices if what in ("ringing", "answered", "ended")] == [
        "ringing",
        "answered",
        "ended",
    ]


@pytest.mark.parametrize(
    ("codec", "policies", "suite"),
    [
        ("PCMA", ("optional", "off"), ""),
        ("L16", ("off", "off"), ""),
        ("L16", ("optional", "required"), "AES_CM_128_HMAC_SHA1_80"),
        ("PCMU", ("required", "optional"), "AES_CM_128_HMAC_SHA1_80"),
    ],
)
async def test_phones_talk_in_a_codec_and_encrypted(
    codec: str, policies: tuple[str, str], suite: str
) -> None:
    clock = LoopClock()
    notices: list[tuple[str, str]] = []
    async with (
        Softphone(clock, codecs=[codec], srtp=policies[0], notice=lambda *n: notices.append(n)) as alice,
        Softphone(clock, codecs=["PCMU", "PCMA", "L16"], srtp=policies[1]) as bob,
    ):
        host, port = bob.address
        tone = np.tile(key_tone("5", RATE // 10), 2)
        answering = asyncio.ensure_future(bob.answer(10))
        await alice.dial(f"sip:bob@{host}:{port}", 10)
        await answering
        alice.audio.press("1")
        bob.audio.say(tone)
        await asyncio.wait_for(
            ScriptPlayer(bob, clock, quiet).play(parse("expect digits 1; expect silence")), 10
        )
        peers = [phone.audio.peer for phone in (alice, bob)]
        alice.hang_up()
        heard = alice.audio.heard.astype(float)
    wanted = tone.astype(float)
    assert np.abs(np.correlate(heard, wanted, "valid")).max() > 0.9 * float(np.sum(wanted**2))
    assert [peer.codec for peer in peers if peer is not None] == [codec, codec]
    assert [peer.srtp.suite if peer is not None and peer.srtp else "" for peer in peers] == [suite, suite]
    assert ("answered", f"{codec}, {suite}" if suite else codec) in notices


async def test_a_phone_that_wants_encryption_does_not_talk_to_one_that_can_not() -> None:
    clock = LoopClock()
    async with Softphone(clock, srtp="required") as alice, Softphone(clock) as bob:
        host, port = bob.address
        answering = asyncio.ensure_future(bob.answer(10))
        with pytest.raises(CallFailed, match="488"):
            await alice.dial(f"sip:bob@{host}:{port}", 10)
        with pytest.raises(CallFailed, match="no codec in common"):
            await answering


async def test_a_refused_call_names_its_status() -> None:
    clock = LoopClock()
    async with Softphone(clock) as alice, Softphone(clock, refusal=603) as bob:
        with pytest.raises(CallFailed, match="603"):
            await alice.dial(f"sip:bob@{bob.address[0]}:{bob.address[1]}", within=5)


async def test_a_uri_that_is_none_is_refused_with_an_example() -> None:
    async with Softphone(LoopClock()) as phone:
        with pytest.raises(ValueError, match="for example sip:"):
            await phone.dial("http://127.0.0.1")


async def test_an_expectation_says_what_came_instead() -> None:
    clock = LoopClock()
    async with Softphone(clock) as phone:
        with pytest.raises(ExpectationFailed, match="got nothing"):
            await ScriptPlayer(phone, clock, quiet).play(parse("expect digits 1 within 0"))
        with pytest.raises(ExpectationFailed, match="needs a call"):
            await ScriptPlayer(phone, clock, quiet).play(parse("press 1"))


def test_a_key_is_two_tones() -> None:
    spectrum = np.abs(np.fft.rfft(key_tone("1", RATE)))
    assert sorted(np.argsort(spectrum)[-2:]) == [697, 1209]
