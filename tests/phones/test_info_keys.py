"""Keys by INFO, in and out, beside those in the audio."""

from __future__ import annotations

from dataclasses import replace

import pytest
from phones.exchange import BYE, Bench, configured, up

from hookflash.calls.effects import EndLeg, SendTones
from hookflash.calls.facts import Fact, ToneHeard, TonesDone, TonesFailed
from hookflash.phones.keyed_media import KeyedMedia
from hookflash.sip.events import KeyPressed
from hookflash.sip.keys import PLAIN, RELAY
from hookflash.sip.message import Response


def heard(bench: Bench) -> str:
    return "".join(fact.digit for fact in bench.facts if isinstance(fact, ToneHeard))


async def press(bench: Bench, keys: str, after: float = 0.3) -> None:
    """The far end presses keys and says so in INFOs."""
    for key in keys:
        bench.far.take(bench.far.agent.press(bench.clock.now(), 1, key, 160)[1])
        await bench.settle(after)


async def test_keys_by_info_are_heard() -> None:
    bench = Bench()
    await up(bench)
    await press(bench, "12#A")
    assert heard(bench) == "12#A"


@pytest.mark.parametrize("first", ["audio", "info"])
async def test_a_phone_that_presses_both_ways_is_heard_once(first: str) -> None:
    bench = Bench()
    leg = await up(bench)
    take = bench.phones.keys.through(bench._fact)
    for key in "1122#":
        if first == "audio":
            take(ToneHeard(leg, key))
        await press(bench, key, 0.1)
        if first == "info":
            take(ToneHeard(leg, key))
        await bench.settle(0.3)
    assert heard(bench) == "1122#"


async def test_keys_in_the_audio_and_other_facts_go_through() -> None:
    bench = Bench()
    leg = await up(bench)
    facts: list[Fact] = []
    take = bench.phones.keys.through(facts.append)
    for fact in (ToneHeard(leg, "1"), ToneHeard(leg, "1"), TonesDone(4), ToneHeard(99, "2")):
        take(fact)
    assert facts == [ToneHeard(leg, "1"), ToneHeard(leg, "1"), TonesDone(4), ToneHeard(99, "2")]


class Desk:
    """Media that only note keys."""

    def __init__(self) -> None:
        self.sent: list[SendTones] = []
        self.stopped: list[int] = []

    def __getattr__(self, name: str) -> object:
        return lambda *rest: None

    def send_tones(self, effect: SendTones) -> None:
        self.sent.append(effect)

    def stop_tones(self, sending: int) -> None:
        self.stopped.append(sending)


def keyed(kind: str = RELAY) -> tuple[Bench, KeyedMedia, Desk]:
    """A bench whose trunk wants keys by INFO, in bodies of this type."""
    (trunk,) = configured().trunks
    bench = Bench(configured(trunks=(replace(trunk, info_keys=kind),)))
    desk = Desk()
    return bench, KeyedMedia(desk, bench.phones.keys), desk  # type: ignore[arg-type]


async def test_keys_go_out_one_after_the_other() -> None:
    bench, media, desk = keyed()
    leg = await up(bench)
    media.send_tones(SendTones(1, 3, leg, "5*"))
    media.send_tones(SendTones(2, 3, leg, "#"))
    await bench.settle(4.0)
    assert bench.facts[-2:] == [TonesDone(1), TonesDone(2)]
    assert [event.key for event in bench.far.events if isinstance(event, KeyPressed)] == ["5", "*", "#"]
    assert desk.sent == []
    bench.phones.end(EndLeg(leg, BYE))
    await bench.settle()
    await bench.over()


async def test_keys_go_out_alone() -> None:
    bench, media, _ = keyed(PLAIN)
    leg = await up(bench)
    media.send_tones(SendTones(1, 3, leg, "5#"))
    await bench.settle(4.0)
    sent = bench.sent("INFO")
    assert {one.headers.get("Content-Type") for one in sent} == {"application/dtmf"}
    assert {one.body for one in sent} == {b"5", b"#"}
    assert [event.key for event in bench.far.events if isinstance(event, KeyPressed)] == ["5", "#"]
    assert bench.facts[-1] == TonesDone(1)
    bench.phones.end(EndLeg(leg, BYE))
    await bench.settle()
    await bench.over()


async def test_keys_of_other_legs_go_into_the_audio() -> None:
    _, media, desk = keyed()
    effect = SendTones(1, 3, 55, "5")
    media.send_tones(effect)
    media.stop_tones(1)
    assert (desk.sent, desk.stopped) == ([effect], [1])


async def test_keys_that_are_stopped_end() -> None:
    bench, media, desk = keyed()
    leg = await up(bench)
    media.send_tones(SendTones(1, 3, leg, "5555"))
    media.send_tones(SendTones(2, 3, leg, "6"))
    await bench.settle(0.5)
    media.stop_tones(1)
    await bench.settle(4.0)
    assert 1 <= sum(b"=5" in one.body for one in bench.sent("INFO")) < 4
    assert [fact for fact in bench.facts if isinstance(fact, TonesDone | TonesFailed)] == [TonesDone(2)]
    assert desk.stopped == []


async def test_a_phone_that_refuses_keys_fails_the_sending_and_not_the_next() -> None:
    bench, media, _ = keyed()
    leg = await up(bench)
    bench.far.receive = lambda data, flow: (  # type: ignore[method-assign]
        type(bench.far).receive(
            bench.far,
            data.replace(b"dtmf-relay", b"dtmf-strange") if b"Signal=5" in data else data,
            flow,
        )
    )
    media.send_tones(SendTones(1, 3, leg, "55"))
    media.send_tones(SendTones(2, 3, leg, "6"))
    await bench.settle(4.0)
    outcomes = [fact for fact in bench.facts if isinstance(fact, TonesDone | TonesFailed)]
    assert outcomes == [TonesFailed(1, "the phone refused a key: SIP 415"), TonesDone(2)]
    assert any(isinstance(one, Response) and one.status == 415 for one in bench.seen)


async def test_keys_for_a_leg_that_has_gone_fail() -> None:
    bench, media, _ = keyed()
    leg = await up(bench)
    media.send_tones(SendTones(1, 3, leg, "55555"))
    await bench.settle(0.5)
    bench.phones.end(EndLeg(leg, BYE))
    await bench.settle(40.0)
    (failed,) = [fact for fact in bench.facts if isinstance(fact, TonesFailed)]
    assert failed.sending == 1
    await bench.over()


async def test_closing_stops_them() -> None:
    bench, media, _ = keyed()
    leg = await up(bench)
    media.send_tones(SendTones(1, 3, leg, "55555"))
    await bench.phones.close()
    await bench.settle(1.0)
    assert not [fact for fact in bench.facts if isinstance(fact, TonesDone | TonesFailed)]
