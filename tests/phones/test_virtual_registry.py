"""Which virtual phones there are, and that the exchange hears of users' devices."""

from __future__ import annotations

import pytest
from phones.virtual_room import NUMBER, USER, identity

from hookflash.calls.facts import DevicesChanged, Fact
from hookflash.phones.virtual import registry as module
from hookflash.phones.virtual.registry import Registry
from hookflash.ports.virtual_phones import Script
from hookflash.wire.results import Refusal


class Phones(Registry):
    def __init__(self) -> None:
        self.facts: list[Fact] = []
        super().__init__(self.facts.append)

    def add(self, id: str, who: str) -> bool:
        return self.put(id, identity(who), "", Script())[1]

    def ringing(self, who: str) -> list[str]:
        return [phone.id for phone in self.phones_of(identity(who))]


def test_devices_of_users_are_counted_as_they_come_and_go() -> None:
    phones = Phones()
    assert phones.add("b", USER)
    assert phones.add("a", USER)
    assert not phones.add("a", USER)
    assert phones.ringing(USER) == ["b", "a"]
    phone = phones.get("b")
    assert phone is not None
    phones.remove(phone)
    assert phones.facts == [DevicesChanged(USER, 1), DevicesChanged(USER, 2), DevicesChanged(USER, 1)]
    assert [one.id for one in phones.all()] == ["a"]


def test_numbers_have_no_devices() -> None:
    phones = Phones()
    phones.add("a", NUMBER)
    assert phones.ringing(NUMBER) == ["a"]
    assert phones.ringing("+1999") == []
    assert phones.facts == []


def test_a_phone_may_change_its_identity() -> None:
    phones = Phones()
    phones.add("a", USER)
    phones.add("a", NUMBER)
    assert phones.facts == [DevicesChanged(USER, 1), DevicesChanged(USER, 0)]
    assert (phones.ringing(USER), phones.ringing(NUMBER), len(phones)) == ([], ["a"], 1)


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PHONES", 2)
    phones = Phones()
    phones.add("a", NUMBER)
    phones.add("b", NUMBER)
    assert not phones.add("b", USER)
    with pytest.raises(Refusal) as refused:
        phones.add("c", NUMBER)
    assert (refused.value.status, refused.value.code) == (429, "TooManyPhones")
