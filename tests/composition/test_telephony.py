"""Phones out of settings: with virtual phones and without."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hookflash.calls.effects import DialLeg, PlayAudio
from hookflash.calls.facts import AudioStarted, Fact
from hookflash.composition.telephony import Telephony, agent_settings, guard_rules, phones_config
from hookflash.config import parse
from hookflash.phones.config import SearchRules
from hookflash.phones.guard import Offence
from hookflash.phones.keyed_media import KeyedMedia
from hookflash.phones.rewriting import Rewrite
from hookflash.phones.switchboard import Switchboard
from hookflash.phones.virtual.ears import Ears
from hookflash.ports.virtual_phones import PhoneDocument
from hookflash.testing.clock import VirtualClock
from hookflash.wire.identifiers import Identifier

NUMBER = "+14255550100"


class Desk:
    """A media desk that only knows where its facts go."""

    def __init__(self) -> None:
        self.report: Any = None
        self.given: list[str] = []

    def report_to(self, report: Any) -> None:
        self.report = report

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        return 0

    def close_leg(self, leg: int) -> None: ...

    def __getattr__(self, name: str) -> Any:
        return lambda *given: self.given.append(name)


def telephony(on: bool) -> tuple[Telephony, Desk, list[Fact]]:
    settings = parse("")
    settings = replace(settings, server=replace(settings.server, virtual_phones=on))
    facts: list[Fact] = []
    desk: Any = Desk()
    made = Telephony(settings, desk, facts.append, lambda: 1, VirtualClock())
    made.report_to(facts.append)
    return made, desk, facts


async def test_virtual_phones_are_there_in_development() -> None:
    phones, desk, facts = telephony(True)
    assert isinstance(phones.phones, Switchboard)
    assert isinstance(phones.media, Ears)
    assert phones.virtual is not None
    phones.virtual.put("ada", PhoneDocument(NUMBER))
    phones.phones.dial(DialLeg(1, 2, Identifier.phone(NUMBER), None))
    phones.media.play(PlayAudio(5, 2, (1,), ()))
    assert (phones.legs, phones.plays) == (1, 1)
    await VirtualClock.settle()
    desk.report(AudioStarted(5))
    assert [type(fact).__name__ for fact in facts] == ["LegRinging", "LegUp", "AudioStarted"]
    assert phones.virtual.show("ada").calls[0].heard[0].play == 5
    phones.stop_waiting()
    await phones.close()
    assert phones.legs == 0


async def test_without_them_nothing_stands_between_engine_and_trunks() -> None:
    phones, desk, facts = telephony(False)
    assert phones.phones is phones.trunks
    assert isinstance(phones.media, KeyedMedia)
    assert phones.virtual is None
    desk.report(AudioStarted(5))
    assert facts == [AudioStarted(5)]
    assert (phones.legs, phones.plays) == (0, 0)
    phones.stop_waiting()
    await phones.close()


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("sbc.example", "sbc.example", None),
        ("sbc.example:5070", "sbc.example", 5070),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:db8::1]:5070", "2001:db8::1", 5070),
    ],
)
def test_targets_of_trunks_have_a_host_and_a_port(text: str, host: str, port: int | None) -> None:
    config = phones_config(parse(f'[[trunk]]\nname = "t"\ntargets = ["{text}"]\ntransport = "tcp"\n'))
    (trunk,) = config.trunks
    assert (trunk.targets, trunk.transport) == (((host, port),), "TCP")
    assert config.accept_unknown


def test_trunks_over_tls_and_by_dns() -> None:
    text = (
        '[[trunk]]\nname = "t"\ntargets = ["sbc.example", "b.example:5070"]\ntransport = "tls"\nsips = true\n'
    )
    (trunk,) = phones_config(parse(text)).trunks
    assert trunk.targets == (("sbc.example", None), ("b.example", 5070))
    assert (trunk.transport, trunk.sips) == ("TLS", True)
    (trunk,) = phones_config(parse(text.replace('"tls"', '"auto"').replace("sips", "#"))).trunks
    assert trunk.transport == ""


def test_production_is_silent_and_development_answers() -> None:
    assert not phones_config(parse("")).silent
    settings = parse("")
    settings = replace(settings, sip=replace(settings.sip, answer_strangers=False, ban_seconds=7.0))
    assert phones_config(settings).silent
    rules = guard_rules(settings)
    assert (rules.ban, rules.points, rules.rate, rules.burst) == (7.0, 20.0, 20.0, 60.0)


def test_numbers_and_callers_of_trunks() -> None:
    text = """
[[trunk]]
name = "t"
targets = ["sbc.example"]
caller = "030123"
callers = ["owned", "+49*"]
callers_otherwise = "withhold"
caller_rewrite = ['+49* -> 0\\1']
dial_rewrite = ['+* -> 00\\1']
inbound_rewrite = ['0* -> +49\\1']
domain = "pbx.example"
redirect_hosts = ["*.gw.example"]
[sip]
max_hops = 3
failover_seconds = 20
"""
    config = phones_config(parse(text))
    (trunk,) = config.trunks
    assert (trunk.caller, trunk.callers, trunk.otherwise) == ("030123", ("owned", "+49*"), "withhold")
    assert (trunk.domain, trunk.redirect_hosts) == ("pbx.example", ("*.gw.example",))
    assert trunk.caller_rewrite == (Rewrite("+49*", r"0\1"),)
    assert trunk.dial_rewrite == (Rewrite("+*", r"00\1"),)
    assert trunk.inbound_rewrite == trunk.inbound_caller_rewrite == (Rewrite("0*", r"+49\1"),)
    assert config.search == SearchRules(3, 20.0)
    (trunk,) = phones_config(parse(text.replace("domain", "inbound_caller_rewrite = []\ndomain"))).trunks
    assert trunk.inbound_caller_rewrite == ()


def test_bounds_and_ways_of_the_user_agent() -> None:
    usual = agent_settings(parse(""))
    assert usual.max_sessions == 5000
    assert (usual.max_transactions, usual.transactions_per_source) == (20_000, 4000)
    assert usual.reliable
    text = "dialogs = 50\ntransactions = 200\ntransactions_per_source = 20\n"
    own = agent_settings(parse(f"[sip]\n{text}reliable = false\nudp_bytes = 900\n"))
    assert own.max_sessions == 50
    assert (own.max_transactions, own.transactions_per_source) == (200, 20)
    assert (own.reliable, own.max_datagram) == (False, 900)


def test_what_was_refused_is_counted_by_the_setting_that_says_so() -> None:
    made = Telephony(parse(""), Desk(), lambda fact: None, lambda: 1, VirtualClock())  # type: ignore[arg-type]
    assert set(made.refused) == {
        "transactions",
        "transactions_per_source",
        "dialogs",
        "calls_per_source",
        "stranger_rate",
        "ban_points",
        "malformed",
    }
    assert set(made.refused.values()) == {0}
    made.guard.offend("203.0.113.1", Offence.SCANNER)
    assert made.guard.barred("203.0.113.1")
    assert made.refused["ban_points"] == 1
