"""Tokens of OpenID Connect issuers: every check, and keys that come, go and cannot be had."""

from __future__ import annotations

import asyncio
import base64
import json

import jwt
import pytest
from api.edge import CONNECTION, DEVELOPMENT, NOON, Client, FakeEngine, FixedClock, surface
from api.issuing import (
    CONFIGURATION,
    EC_KEY,
    KEYS,
    NAME,
    OTHER_RSA_KEY,
    RSA_KEY,
    SMALL_KEY,
    jwk,
)
from api.issuing import Issuer as Fake

from hookflash.api.access import Access
from hookflash.api.bearer import Issuer, Issuers
from hookflash.wire.results import Refusal

RESOURCE, OTHER = DEVELOPMENT.id, "0e0e0e0e-0000-4000-8000-000000000001"


@pytest.fixture
def fake():
    return Fake()


@pytest.fixture
def issuers(fake):
    return Issuers([Issuer(NAME, RESOURCE)], fake)


async def refused(issuers: Issuers, token: str, now: float = NOON) -> str:
    with pytest.raises(Refusal) as caught:
        await issuers.resource_of(token, now)
    assert (caught.value.status, caught.value.code) == (401, "7501")
    return caught.value.message


# --- what is accepted -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kid", "algorithm"), [(RSA_KEY, "rsa-1", "RS256"), (EC_KEY, "ec-1", "ES256")]
)
async def test_a_token_of_the_issuer_acts_for_its_resource(issuers, fake, key, kid, algorithm):
    assert await issuers.resource_of(fake.token(NOON, key, kid, algorithm), NOON) == RESOURCE


@pytest.mark.parametrize(
    "audience",
    [
        "https://communication.azure.com",
        "https://communication.azure.com//",
        ["x", "https://communication.azure.com/"],
    ],
)
async def test_the_slash_of_the_audience_makes_no_difference(issuers, fake, audience):
    assert await issuers.resource_of(fake.token(NOON, aud=audience), NOON) == RESOURCE


async def test_clocks_may_differ_a_little(issuers, fake):
    token = fake.token(NOON)
    assert await issuers.resource_of(token, NOON - 60) == RESOURCE
    assert await issuers.resource_of(token, NOON + 3659) == RESOURCE
    assert "expired at 2026-11-22T13:00:00Z" in await refused(issuers, token, NOON + 3660)
    assert "valid from 2026-11-22T12:00:00Z" in await refused(issuers, token, NOON - 61)


async def test_the_application_says_which_resource_it_is(fake):
    issuers = Issuers(
        [Issuer(NAME, RESOURCE, apps=("app-1",)), Issuer(NAME, OTHER, apps=("app-2",), tenants=("t-1",))],
        fake,
    )
    assert await issuers.resource_of(fake.token(NOON), NOON) == RESOURCE
    assert await issuers.resource_of(fake.token(NOON, azp="app-2"), NOON) == OTHER
    assert await issuers.resource_of(fake.token(NOON, azp=None, appid="app-2"), NOON) == OTHER
    assert "application" in await refused(issuers, fake.token(NOON, azp="app-3"))


async def test_an_issuer_of_many_tenants_takes_those_that_are_listed(fake):
    many = "https://login.example.org/{tenantid}/v2.0"
    fake.documents[CONFIGURATION]["issuer"] = many
    issuers = Issuers([Issuer(many, RESOURCE, CONFIGURATION, tenants=("t-1", "t-2"))], fake)
    for tenant in ("t-1", "t-2"):
        token = fake.token(NOON, iss=f"https://login.example.org/{tenant}/v2.0", tid=tenant)
        assert await issuers.resource_of(token, NOON) == RESOURCE
    assert "tenant" in await refused(
        issuers, fake.token(NOON, iss="https://login.example.org/t-3/v2.0", tid="t-3")
    )
    assert "not configured" in await refused(issuers, fake.token(NOON, tid="t-2"))


# --- what is not ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "https://evil.example.org"}, "'https://evil.example.org', which is not configured"),
        ({"iss": None}, "nobody (the claim is missing)"),
        ({"aud": "https://graph.microsoft.com"}, "audience 'https://graph.microsoft.com'"),
        ({"aud": None}, "audience nobody"),
        ({"exp": None}, "no expiry"),
        ({"exp": "soon"}, "no expiry"),
        ({"exp": True}, "no expiry"),
        ({"nbf": "now"}, "nbf"),
        ({"exp": 1}, "expired at 1970-01-01T00:00:01Z"),
        ({"nbf": 10**15}, "nbf is not a time"),
        ({"nbf": float("nan")}, "nbf is not a time"),
        ({"exp": 10**400}, "no expiry"),
        ({"exp": float("inf")}, "no expiry"),
        ({"exp": float("nan")}, "no expiry"),
        ({"exp": -(10**11)}, "before any calendar"),
    ],
)
async def test_each_claim_that_does_not_fit_is_named(issuers, fake, claims, says):
    assert says in await refused(issuers, fake.token(NOON, **claims))


async def test_a_tenant_that_is_not_listed_is_refused(fake):
    issuers = Issuers([Issuer(NAME, RESOURCE, tenants=("t-9",))], fake)
    assert "tenant (tid) 't-1'" in await refused(issuers, fake.token(NOON))


async def test_a_forged_token_is_refused(issuers, fake):
    assert "signature" in await refused(issuers, fake.token(NOON, OTHER_RSA_KEY))
    head, _, signature = fake.token(NOON).split(".")
    body = base64.urlsafe_b64encode(json.dumps({"iss": NAME, "exp": NOON + 9}).encode()).decode().rstrip("=")
    assert "signature" in await refused(issuers, f"{head}.{body}.{signature}")


async def test_other_algorithms_are_refused(issuers, fake):
    claims = {"iss": NAME, "exp": int(NOON) + 60}
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": "rsa-1"})
    assert "'none'" in await refused(issuers, unsigned)
    shared = jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": "rsa-1"})
    assert "'HS256'" in await refused(issuers, shared)
    assert "'RS512'" in await refused(issuers, fake.token(NOON, algorithm="RS512"))
    for strange in ([], {}, ["RS256"], {"RS256": "RS256"}, 5, None):
        parts = [{"alg": strange, "kid": "rsa-1"}, claims]
        head, body = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode() for one in parts)
        assert "is signed with" in await refused(issuers, f"{head.rstrip('=')}.{body.rstrip('=')}.eA")
    # A key of one type is none for the other's algorithm.
    assert "not among" in await refused(issuers, fake.token(NOON, EC_KEY, "rsa-1", "ES256"), NOON + 60)


@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "...", "\u00e4.b.c", "e30.e30.e30", "." * 1000])
async def test_what_is_no_token_is_refused(issuers, token):
    assert "token" in await refused(issuers, token)


async def test_a_message_repeats_no_more_than_a_little_of_a_claim(issuers, fake):
    assert len(await refused(issuers, fake.token(NOON, iss="x" * 9000))) < 500


# --- keys -----------------------------------------------------------------------------------------------


async def test_keys_are_fetched_once_for_many_requests_at_once(issuers, fake):
    tokens = [fake.token(NOON, jti=str(number)) for number in range(20)]
    assert await asyncio.gather(*(issuers.resource_of(token, NOON) for token in tokens)) == [RESOURCE] * 20
    assert fake.asked == [CONFIGURATION, KEYS]


async def test_a_verified_token_is_not_verified_again_until_keys_change(issuers, fake, monkeypatch):
    token = fake.token(NOON)
    await issuers.resource_of(token, NOON)
    decoded = []
    monkeypatch.setattr(jwt, "decode", lambda *args, **named: decoded.append(args))
    assert await issuers.resource_of(token, NOON + 599) == RESOURCE
    assert not decoded
    await issuers.resource_of(token, NOON + 601)
    assert decoded


async def test_an_unknown_key_is_looked_for_but_only_so_often(issuers, fake):
    await issuers.resource_of(fake.token(NOON), NOON)
    fake.documents[KEYS] = {"keys": [jwk(OTHER_RSA_KEY, "rsa-2")]}
    new = fake.token(NOON, OTHER_RSA_KEY, "rsa-2")
    assert "'rsa-2', which is not among" in await refused(issuers, new, NOON + 29)
    assert len(fake.asked) == 2
    assert await issuers.resource_of(new, NOON + 30) == RESOURCE
    assert len(fake.asked) == 4
    # The old key is gone, and with it what it signed, verified or not.
    assert "not among" in await refused(issuers, fake.token(NOON), NOON + 31)
    for number in range(50):
        await refused(issuers, fake.token(NOON, kid=f"made-up-{number}"), NOON + 32)
    assert len(fake.asked) == 4


async def test_old_keys_are_fetched_anew_without_making_anybody_wait(issuers, fake):
    await issuers.resource_of(fake.token(NOON), NOON)
    fake.down = True
    later = NOON + 3600
    token = fake.token(later)
    # The issuer does not answer, but its keys are still good.
    assert await issuers.resource_of(token, later) == RESOURCE
    await asyncio.sleep(0)
    fake.down = False
    assert await issuers.resource_of(fake.token(later, jti="2"), later + 30) == RESOURCE
    assert len(fake.asked) >= 3


async def test_without_any_keys_it_is_503_and_tried_again(issuers, fake):
    fake.down = True
    for moment in (NOON, NOON + 10):
        with pytest.raises(Refusal) as caught:
            await issuers.resource_of(fake.token(NOON), moment)
        assert (caught.value.status, caught.value.code, caught.value.retry_after) == (503, "9001", 30)
        assert "answers 503" in caught.value.message
    assert len(fake.asked) == 1
    fake.down = False
    assert await issuers.resource_of(fake.token(NOON), NOON + 30) == RESOURCE


@pytest.mark.parametrize(
    ("where", "document", "says"),
    [
        (CONFIGURATION, b"[]", "not a JSON object"),
        (CONFIGURATION, b"<html>", "malformed"),
        (KEYS, b'{"keys":' + b"[" * 100_000, "recursion"),
        (CONFIGURATION, {"issuer": "https://other", "jwks_uri": KEYS}, "is of issuer 'https://other'"),
        (CONFIGURATION, {"issuer": NAME}, "no usable jwks_uri"),
        (CONFIGURATION, {"issuer": NAME, "jwks_uri": "http://login.example.org/keys"}, "no usable jwks_uri"),
        (CONFIGURATION, {"issuer": NAME, "jwks_uri": "file:///etc/passwd"}, "no usable jwks_uri"),
        (KEYS, {"keys": "none"}, "no list of keys"),
        (KEYS, {"keys": []}, "no RSA or P-256 key"),
        (
            KEYS,
            {
                "keys": [
                    7,
                    {"kid": "rsa-1"},
                    jwk(SMALL_KEY, "rsa-1"),
                    jwk(RSA_KEY, "rsa-1", use="enc"),
                    {**jwk(EC_KEY, "ec-1"), "crv": "P-521"},
                    {"kty": "RSA", "kid": "rsa-1", "n": "!", "e": "AQAB"},
                    {"kty": "oct", "kid": "rsa-1", "k": "c2VjcmV0"},
                ]
            },
            "no RSA or P-256 key",
        ),
    ],
)
async def test_documents_that_are_no_use_are_told(issuers, fake, where, document, says):
    fake.documents[where] = document
    with pytest.raises(Refusal) as caught:
        await issuers.resource_of(fake.token(NOON), NOON)
    assert caught.value.status == 503
    assert says in caught.value.message


# --- over the edge --------------------------------------------------------------------------------------


async def test_the_edge_answers_with_a_challenge_and_with_retry_after(issuers, fake):
    clock = FixedClock()
    app = surface(FakeEngine(), clock, access=Access([DEVELOPMENT], issuers=issuers))

    async def ask(token: str):
        headers = {"authorization": f"Bearer {token}", "x-ms-date": None, "x-ms-content-sha256": None}
        return await Client(app, clock).send("GET", f"/calling/callConnections/{CONNECTION}", headers=headers)

    fake.down = True
    reply = await ask(fake.token(NOON))
    assert (reply.status, reply.headers["retry-after"]) == (503, "30")
    fake.down = False
    clock.at += 30
    assert (await ask(fake.token(NOON))).status == 200
    reply = await ask(fake.token(NOON, aud="x"))
    assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')


async def test_a_teams_users_token_is_for_another_audience(fake):
    issuers = Issuers([Issuer(NAME, RESOURCE)], fake)
    access = Access([DEVELOPMENT], issuers=issuers)
    teams = fake.token(NOON, aud="https://auth.msft.communication.azure.com")
    claims, resource = await access.of_teams(teams, NOON)
    assert (claims["oid"], resource) == ("user-1", RESOURCE)
    with pytest.raises(Refusal, match="audience"):
        await access.of_teams(fake.token(NOON), NOON)
    with pytest.raises(Refusal, match="audience"):
        await access.bearer(teams, NOON)
    with pytest.raises(Refusal, match="no issuer is configured") as caught:
        await Access([DEVELOPMENT]).of_teams(teams, NOON)
    assert (caught.value.status, caught.value.code) == (405, "8520")
