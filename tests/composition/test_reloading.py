"""New settings for a server that runs."""

from __future__ import annotations

import pytest

from hookflash.calls.directory import Directory, Resource
from hookflash.composition.access import issuers, resources
from hookflash.composition.reloading import reloaded
from hookflash.config import ConfigError, parse
from hookflash.events.subscriptions import SubscriptionError
from hookflash.wire.identifiers import Identifier

KEY = "b3RoZXIgcmVzb3VyY2Uga2V5OiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUh"
RESOURCE = f"""
[[resource]]
name = "contoso"
id = "6d889502-3d7a-41a8-befa-d21fd80e8767"
access_keys = ["{KEY}"]
tokens = ["0123456789abcdef"]
"""
ISSUER = """
[[issuer]]
issuer = "https://login.example.org/t/v2.0"
resource = "Contoso"
apps = ["app-1"]
"""


async def nothing(url: str) -> bytes:
    raise AssertionError(url)


def test_what_can_be_changed_is_taken_and_the_rest_waits():
    running = parse(RESOURCE)
    new = parse(RESOURCE + ISSUER + '[limits]\nclock_skew = 60\n[sip]\nbind = "127.0.0.1:5070"\n')
    settings, waiting = reloaded(running, new)
    assert settings.issuer == new.issuer
    assert (settings.limits, settings.sip) == (running.limits, running.sip)
    assert waiting == ["sip", "limits"]
    assert reloaded(running, running) == (running, [])


def test_phones_are_taken_at_once():
    phone = '[[phone]]\nusername = "bob"\npassword = "pw"\nuser = "8:acs:a_b"\n'
    settings, waiting = reloaded(parse(RESOURCE), parse(RESOURCE + phone))
    assert ([one.username for one in settings.phone], waiting) == (["bob"], [])


def test_a_file_that_has_become_empty_does_not_open_a_server_in_production():
    safe = RESOURCE.replace('tokens = ["0123456789abcdef"]', "")
    running = parse('[server]\nmode = "production"\npublic_url = "https://calls.example.org"\n' + safe)
    with pytest.raises(ConfigError, match="runs in production mode"):
        reloaded(running, parse(""))
    with pytest.raises(ConfigError, match="'production' now"):
        reloaded(parse(""), running)


def test_nothing_is_taken_of_a_configuration_with_a_subscription_that_cannot_be_used():
    bad = '[[subscription]]\nname = "app"\nresource = "contoso"\nendpoint = "https://x.example/' + "x" * 3000
    with pytest.raises(SubscriptionError, match="characters"):
        reloaded(parse(RESOURCE), parse(RESOURCE + bad + '"\n'))


def test_resources_and_issuers_come_out_of_settings():
    [resource] = resources(parse(RESOURCE))
    assert (resource.name, resource.access_keys, resource.tokens) == (
        "contoso",
        (KEY,),
        ("0123456789abcdef",),
    )
    assert issuers(parse(RESOURCE), nothing) is None
    assert issuers(parse(RESOURCE + ISSUER), nothing) is not None


def test_a_directory_becomes_another():
    known = Directory([Resource("a"), Resource("b")], {"+18005550100": "a"})
    known.become(Directory([Resource("b")], {"+18005550100": "b"}))
    assert known.owner(Identifier.phone("+18005550100")) == "b"
    assert known.owner(Identifier.user("8:acs:a_1")) is None


@pytest.mark.parametrize("text", [RESOURCE, RESOURCE + ISSUER])
def test_static_tokens_are_told_as_a_looseness(text):
    assert "resource.tokens" in dict(parse(text).loosenesses())
    assert "resource.tokens" not in dict(
        parse(text.replace('tokens = ["0123456789abcdef"]', "")).loosenesses()
    )
