"""Who owns an identity."""

from __future__ import annotations

import pytest

from hookflash.calls.directory import Directory, Resource
from hookflash.wire.identifiers import Identifier

RED = "11111111-1111-4111-8111-111111111111"
STRANGER = Identifier.user("8:acs:99999999-9999-4999-8999-999999999999_1")


def test_users_and_numbers_belong_to_resources():
    directory = Directory([Resource(RED.upper(), "red")], {"+18005550100": RED})
    assert directory.owner(Identifier.phone("+18005550100")) == RED
    assert directory.owner(Identifier.user(f"8:acs:{RED.upper()}_1")) == RED
    assert directory.owner(Identifier.phone("+1999")) is None
    assert directory.owner(STRANGER) is None
    assert directory.owner(Identifier.parse("8:orgid:x")) is None
    assert directory.owner_from_outside(Identifier.phone("+1999")) is None


def test_the_default_resource_takes_what_is_left():
    directory = Directory([Resource(RED)], default_resource=RED)
    assert directory.owner(Identifier.phone("+1999")) is None
    assert directory.owner_from_outside(Identifier.phone("+1999")) == RED
    assert directory.owner(STRANGER) == RED


def test_a_resource_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"number \+1999 names resource 'x'.*resources are: none"):
        Directory([], {"+1999": "x"})
    with pytest.raises(ValueError, match=r"default_resource names resource 'y'.*11111111"):
        Directory([Resource(RED)], default_resource="y")
