"""The identity service at the edge: its own headers, its own shape of errors."""

from __future__ import annotations

import pytest
from api.edge import DEVELOPMENT, Client, FakeEngine, FixedClock, MemoryDocuments, identity_service, surface

from hookflash.ports.journal import NotDurable


@pytest.fixture
def client():
    clock = FixedClock()
    return Client(surface(FakeEngine(), clock), clock)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("", {}, 201), ("/8%3Aacs%3Ax_y/:revokeAccessTokens", None, 404), ("/x/y", None, 404)],
)
async def test_every_answer_has_the_headers_of_the_service(client, path, body, status):
    reply = await client.send("POST", f"/identities{path}", body)
    assert reply.status == status
    assert reply.headers["api-supported-versions"] == "2021-03-07, 2022-06-01, 2022-10-01, 2023-10-01"
    assert reply.headers["ms-cv"].endswith(".0")
    assert len(reply.headers["ms-cv"]) == 24
    assert reply.headers["request-context"] == "appId="
    assert reply.headers["x-processing-time"] == "0ms"
    assert reply.headers["x-cache"] == "CONFIG_NOCACHE"
    assert "x-microsoft-skype-chain-id" not in reply.headers


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {"createTokenWithScopes": ["flying"]}, "createTokenWithScopes"),
        ("", {"createTokenWithScopes": ["voip"], "expiresInMinutes": 59}, "expiresInMinutes"),
        ("", {"createTokenWithScopes": ["voip"], "expiresInMinutes": 1441}, "expiresInMinutes"),
        ("", {"createTokenWithScopes": "voip"}, "createTokenWithScopes"),
        ("/{}/:issueAccessToken", {"scopes": []}, "scopes"),
        ("/{}/:issueAccessToken", {"scopes": ["voip", "flying"]}, "scopes"),
        ("/{}/:issueAccessToken", {}, "scopes"),
    ],
)
async def test_a_field_at_fault_is_a_validation_error_with_details(client, path, body, field):
    user = (await client.send("POST", "/identities", {})).json["identity"]["id"].replace(":", "%3A")
    reply = await client.send("POST", "/identities" + path.format(user), body)
    assert (reply.status, reply.error["code"]) == (400, "ValidationError")
    assert reply.error["target"].startswith(field)
    assert reply.error["details"][0]["target"].startswith(field)


@pytest.mark.parametrize("version", ["2021-03-07", "2022-06-01", "2022-10-01", "2023-10-01"])
async def test_every_version_creates_users_with_and_without_a_body(client, version):
    for body in (None, b"null", {}, {"createTokenWithScopes": ["chat", "voip", "chat.join", "voip.join"]}):
        reply = await client.send("POST", "/identities", body, query=f"api-version={version}")
        assert reply.status == 201
        assert reply.json["identity"]["id"].startswith(f"8:acs:{DEVELOPMENT.id}_")
        assert ("accessToken" in reply.json) == isinstance(body, dict) & bool(body)


async def test_a_wrong_version_names_those_of_this_service(client):
    reply = await client.send("POST", "/identities", {}, query="")
    assert "2023-10-01" in reply.error["message"]
    assert "2026-03-12" not in reply.error["message"]


async def test_a_user_that_could_not_be_kept_is_500_and_not_there():
    class Full(MemoryDocuments):
        def put_document(self, space, key, body):
            raise NotDurable("the disk is full")

    clock = FixedClock()
    service = identity_service(clock, Full())
    client = Client(surface(FakeEngine(), clock, identities=service), clock)
    reply = await client.send("POST", "/identities", {})
    assert (reply.status, reply.error["code"]) == (500, "9999")
    assert "disk is full" in reply.error["message"]
