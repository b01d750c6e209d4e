"""Settings of tokens, issuers and numbers: what goes together and what production mode refuses."""

from __future__ import annotations

import pytest

from hookflash.config import ConfigError, parse

RESOURCE = """
[[resource]]
name = "contoso"
id = "6d889502-3d7a-41a8-befa-d21fd80e8767"
access_keys = ["b3RoZXIgcmVzb3VyY2Uga2V5OiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUh"]
"""
ISSUER = """
[[issuer]]
issuer = "https://login.example.org/tenant/v2.0"
resource = "contoso"
"""
PRODUCTION = """
[server]
mode = "production"
public_url = "https://calls.example.org"
"""


def the_problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert len(caught.value.problems) == 1, caught.value
    return str(caught.value.problems[0])


def test_an_issuer_has_the_defaults_of_entra():
    [issuer] = parse(RESOURCE + ISSUER).issuer
    assert issuer.audiences == ("https://communication.azure.com/",)
    assert issuer.teams_audiences == ("https://auth.msft.communication.azure.com/",)
    assert (issuer.tenants, issuer.apps, issuer.discovery) == ((), (), None)


def test_an_issuer_names_a_configured_resource():
    assert "names resource 'nobody'" in the_problem(RESOURCE + ISSUER.replace("contoso", "nobody"))


def test_an_issuer_of_many_tenants_says_which_and_where():
    many = ISSUER.replace("tenant/v2.0", "{tenantid}/v2.0")
    discovery = 'discovery = "https://login.example.org/common/v2.0/.well-known/openid-configuration"'
    assert "tenants" in the_problem(RESOURCE + many + discovery)
    assert "discovery" in the_problem(RESOURCE + many + 'tenants = ["t-1"]')
    assert parse(RESOURCE + many + discovery + '\ntenants = ["t-1"]').issuer[0].tenants == ("t-1",)


def test_production_refuses_plain_http_issuers():
    assert "plain http" in the_problem(PRODUCTION + RESOURCE + ISSUER.replace("https:", "http:"))
    assert parse(RESOURCE + ISSUER.replace("https:", "http:")).issuer


def test_static_tokens_are_for_development_only_and_never_shown():
    tokens = RESOURCE + 'tokens = ["0123456789abcdef-secret"]'
    settings = parse(tokens)
    assert settings.resource[0].tokens == ("0123456789abcdef-secret",)
    assert "secret" not in repr(settings)
    found = the_problem(PRODUCTION + tokens)
    assert "static tokens" in found
    assert "0123456789abcdef" not in found


@pytest.mark.parametrize("token", ["short", "with spaces in it....", "x" * 5000])
def test_a_token_has_to_be_long_and_plain(token):
    found = the_problem(RESOURCE + f'tokens = ["{token}"]')
    assert token not in found


def test_two_resources_cannot_share_a_token():
    other = RESOURCE.replace("contoso", "fabrikam").replace("6d889502", "7d889502").replace("b3Ro", "c3Ro")
    tokens = 'tokens = ["0123456789abcdef"]\n'
    assert "shares a token with resource 'contoso'" in the_problem(RESOURCE + tokens + other + tokens)


def test_a_number_says_what_it_is():
    number = '[[number]]\ne164 = "+18005550100"\nresource = "contoso"\n'
    plain = parse(RESOURCE + number).number[0]
    assert (plain.type, plain.country, plain.since) == ("geographic", None, "2000-01-01")
    more = parse(RESOURCE + number + 'type = "tollfree"\ncountry = "us"\nsince = "2026-02-01"').number[0]
    assert (more.type, more.country, more.since) == ("tollFree", "us", "2026-02-01")
    assert "since" in the_problem(RESOURCE + number + 'since = "last year"')
