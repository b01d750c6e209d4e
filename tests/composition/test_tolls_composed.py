"""What calls may cost, out of settings and over a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from hookflash.composition.tolls import SPACE, KeptTolls, toll_rules
from hookflash.config import ConfigError, parse
from hookflash.phones.tolls import NumberRules
from hookflash.store.journal import SqliteJournal
from hookflash.testing.clock import VirtualClock

RESOURCE = "0e0e0e0e-0000-4000-8000-000000000001"
TEXT = f"""
[[resource]]
name = "shop"
id = "{RESOURCE}"
access_keys = ["b3RoZXIgcmVzb3VyY2Uga2V5OiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUh"]

[[number]]
e164 = "+18005550100"
resource = "shop"
may_call = ["+1*"]
units_per_day = 5

[tolls]
denied = ["+1900*"]
calls_per_minute = 3
resource_units_per_day = 100
prices = {{ "+1" = 2, "+" = 10.5 }}
end_calls = true
"""
OWNERS = {"+18005550100": RESOURCE}


def test_rules_are_what_is_configured() -> None:
    rules = toll_rules(parse(TEXT))
    assert (rules.denied, rules.calls_per_minute, rules.resource_units_per_day) == (("+1900*",), 3, 100.0)
    assert (rules.price_of("+14255550100"), rules.price_of("+4930"), rules.price_of("112")) == (
        2.0,
        10.5,
        1.0,
    )
    assert rules.numbers == {"+18005550100": NumberRules(("+1*",), None, 5.0)}
    assert rules.end_calls
    nothing = toll_rules(parse(""))
    assert (nothing.allowed, nothing.denied, nothing.units_per_day, nothing.end_calls) == ((), (), 0.0, False)


@pytest.mark.parametrize("wrong", ['prices = { "x" = 1 }', 'prices = { "+49" = -1 }', 'denied = ["("]'])
def test_what_cannot_be_meant_is_refused(wrong: str) -> None:
    with pytest.raises(ConfigError, match="tolls"):
        parse(f"[tolls]\n{wrong}\n")


async def test_what_was_spent_is_there_after_a_restart_and_shown_to_its_resource(tmp_path: Path) -> None:
    clock = VirtualClock()
    journal = SqliteJournal.open(tmp_path)
    tolls = KeptTolls(parse(TEXT), journal, clock, OWNERS.get)
    await tolls.load()
    assert tolls.gate.admit(1, "+14255550100", "+18005550100", RESOURCE.upper()) is None
    tolls.gate.up(1)
    clock.advance(90)
    tolls.gate.close()
    await journal.close()

    journal = SqliteJournal.open(tmp_path)
    assert set(await journal.documents(SPACE)) == {"number:+18005550100", f"resource:{RESOURCE}"}
    again = KeptTolls(parse(TEXT), journal, VirtualClock(wall=clock.wall()), OWNERS.get)
    await again.load()
    resource, number = again.accounts(RESOURCE).value
    assert (resource.kind, resource.spent, resource.units_per_day, resource.running) == (
        "resource",
        3,
        100,
        0,
    )
    assert (number.number, number.spent, number.units_per_day, number.calls_per_minute) == (
        "+18005550100",
        3,
        5,
        3,
    )
    assert again.accounts("another").value == []
    assert len(again.accounts(None).value) == 2
    again.become(parse(TEXT.replace("units_per_day = 5", "units_per_day = 3")))
    cause = again.gate.admit(2, "+14255550100", "+18005550100", RESOURCE)
    assert cause is not None
    assert cause.status == 403
    await journal.close()


async def test_a_disk_that_fails_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = VirtualClock()
    journal = SqliteJournal.open(tmp_path)
    tolls = KeptTolls(parse(""), journal, clock, OWNERS.get)
    tolls.gate.admit(1, "+14255550100", None, "")
    tolls.gate.up(1)
    clock.advance(1)
    await journal.close()
    tolls.gate.close()
    await clock.settle()
    assert "could not be kept" in caplog.text
