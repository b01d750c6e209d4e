"""Keys and static tokens: which resource they are for, how they are rotated, who used them when."""

from __future__ import annotations

import base64

import pytest
from api.edge import CONNECTION, DEVELOPMENT, NOON, Client, FakeEngine, FixedClock, surface

from hookflash.api.access import MAX_TOKEN, Access
from hookflash.api.ports import Resource
from hookflash.config import DEVELOPMENT_ACCESS_KEY
from hookflash.wire.results import Refusal

CALL = f"/calling/callConnections/{CONNECTION}"
NEW_KEY = base64.b64encode(b"another key of this resource, for the rotation").decode()
TOKEN = "a-static-token-for-development"
DEV_TOKEN = Resource("dev", DEVELOPMENT.id, DEVELOPMENT.access_keys, (TOKEN, "another-token-of-it"))


@pytest.fixture
def clock():
    return FixedClock()


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str | None]:
    return {"authorization": f"{scheme} {token}", "x-ms-date": None, "x-ms-content-sha256": None}


async def status(app, clock, key: str) -> int:
    return (await Client(app, clock, key).send("GET", CALL)).status


async def test_keys_are_rotated_without_a_gap(clock):
    access = Access([DEVELOPMENT])
    app = surface(FakeEngine(), clock, access=access)
    old = DEVELOPMENT_ACCESS_KEY
    assert (await status(app, clock, old), await status(app, clock, NEW_KEY)) == (200, 401)
    access.replace([Resource("dev", DEVELOPMENT.id, (old, NEW_KEY))])
    assert (await status(app, clock, old), await status(app, clock, NEW_KEY)) == (200, 200)
    access.replace([Resource("dev", DEVELOPMENT.id, (NEW_KEY,))])
    assert (await status(app, clock, old), await status(app, clock, NEW_KEY)) == (401, 200)


async def test_the_use_of_each_key_is_counted_over_a_rotation_without_showing_it(clock):
    access = Access([DEVELOPMENT])
    app = surface(FakeEngine(), clock, access=access)
    await status(app, clock, DEVELOPMENT_ACCESS_KEY)
    access.replace([Resource("dev", DEVELOPMENT.id, (NEW_KEY, DEVELOPMENT_ACCESS_KEY))])
    clock.at = NOON + 1.5
    await status(app, clock, DEVELOPMENT_ACCESS_KEY)
    primary, secondary = access.uses()
    assert (primary.resource, primary.name, primary.uses, primary.last_used) == ("dev", "primary", 0, None)
    assert (secondary.name, secondary.uses) == ("secondary", 2)
    assert secondary.last_used == "2026-11-22T12:00:01.5000000Z"
    assert len({primary.fingerprint, secondary.fingerprint}) == 2
    assert DEVELOPMENT_ACCESS_KEY not in repr(access.uses())


async def test_a_key_that_is_no_base64_changes_nothing(clock):
    access = Access([DEVELOPMENT])
    with pytest.raises(ValueError, match="base64"):
        access.replace([Resource("dev", DEVELOPMENT.id, ("not base64!",))])
    assert [one.name for one in access] == ["devresource"]
    assert await status(surface(FakeEngine(), clock, access=access), clock, DEVELOPMENT_ACCESS_KEY) == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_static_token_acts_for_its_resource(clock, scheme):
    engine = FakeEngine()
    app = surface(engine, clock, resources=(DEV_TOKEN,))
    headers = {**bearer(TOKEN, scheme), "x-ms-host": "whatever.example.org"}
    reply = await Client(app, clock).send("GET", CALL, headers=headers)
    assert reply.status == 200
    assert engine.commands[0].resource == DEVELOPMENT.id


async def test_the_use_of_tokens_is_counted_too(clock):
    access = Access([DEV_TOKEN])
    assert await access.bearer("another-token-of-it", NOON) == DEVELOPMENT.id
    assert [(one.name, one.uses) for one in access.uses()] == [("primary", 0), ("token 1", 0), ("token 2", 1)]


@pytest.mark.parametrize("offered", ["wrong", TOKEN[:-1], TOKEN + "x", "", DEVELOPMENT_ACCESS_KEY, "\u00e4"])
async def test_another_token_is_401_7501_and_challenges(clock, offered):
    app = surface(FakeEngine(), clock, resources=(DEV_TOKEN,))
    reply = await Client(app, clock).send("GET", CALL, headers=bearer(offered))
    assert (reply.status, reply.error["code"]) == (401, "7501")
    assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert TOKEN not in reply.error["message"]


async def test_a_removed_token_is_refused_at_once(clock):
    access = Access([DEV_TOKEN])
    access.replace([DEVELOPMENT])
    with pytest.raises(Refusal, match="not accepted by this server"):
        await access.bearer(TOKEN, NOON)


async def test_a_token_without_end_is_not_looked_at(clock):
    with pytest.raises(Refusal, match="characters"):
        await Access([DEV_TOKEN]).bearer("x" * (MAX_TOKEN + 1), NOON)


async def test_a_request_without_any_authorization_is_told_what_to_send(clock):
    app = surface(FakeEngine(), clock)
    reply = await Client(app, clock).send("GET", CALL, headers={"authorization": None})
    assert (reply.status, reply.error["code"]) == (401, "7509")
    assert reply.headers["www-authenticate"] == "HMAC-SHA256"


async def test_a_repeated_request_by_token_is_told_from_another_by_its_body(clock):
    engine = FakeEngine()
    app = surface(engine, clock, resources=(DEV_TOKEN,))
    headers = {
        **bearer(TOKEN),
        "repeatability-request-id": "2c006980-8ef1-46c2-84fa-357fefac0893",
        "repeatability-first-sent": "Sun, 22 Nov 2026 12:00:00 GMT",
    }
    body = {"incomingCallContext": "ctx", "callbackUri": "https://app.example.org/cb"}
    for context, expected in ((None, 200), (None, 200), ("other", 400)):
        sent = body if context is None else {**body, "operationContext": context}
        reply = await Client(app, clock).send(
            "POST", "/calling/callConnections:answer", sent, headers=headers
        )
        assert reply.status == expected
    assert len(engine.commands) == 1
