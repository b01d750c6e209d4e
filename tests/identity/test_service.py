"""Users and tokens, without HTTP."""

from __future__ import annotations

import jwt
import pytest
from api.edge import NOON, PRIVATE_KEY, FixedClock, MemoryDocuments, identity_service

from hookflash.ports.journal import NotDurable
from hookflash.wire.enums import TokenScope
from hookflash.wire.identity import CreateIdentityRequest, IssueTokenRequest, TeamsTokenExchangeRequest
from hookflash.wire.results import Refusal

RESOURCE = "6d889502-3d7a-41a8-befa-d21fd80e8767"
VOIP = IssueTokenRequest(scopes=[TokenScope.VOIP])


@pytest.fixture
def clock():
    return FixedClock()


@pytest.fixture
def service(clock):
    return identity_service(clock)


async def new_user(service) -> str:
    return (await service.create(RESOURCE, CreateIdentityRequest())).identity.id


async def test_a_user_without_scopes_has_no_token(service):
    made = await service.create(RESOURCE, CreateIdentityRequest())
    assert made.identity.id.startswith(f"8:acs:{RESOURCE}_")
    assert made.access_token is None


async def test_a_token_says_who_where_what_and_until_when(service):
    wanted = CreateIdentityRequest([TokenScope.CHAT, TokenScope.VOIP], 60)
    made = await service.create(RESOURCE, wanted)
    claims = jwt.decode(
        made.access_token.token,
        PRIVATE_KEY.public_key(),
        algorithms=["RS256"],
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["skypeid"] == made.identity.id.removeprefix("8:")
    assert claims["scp"] == "chat,voip"
    assert claims["resourceId"] == RESOURCE
    assert (claims["iat"], claims["exp"]) == (int(NOON), int(NOON) + 3600)
    assert made.access_token.expires_on == "2026-11-22T13:00:00.0000000+00:00"
    assert jwt.get_unverified_header(made.access_token.token)["kid"] == "kid-1"
    grant = service.verify(made.access_token.token)
    assert (grant.user, grant.resource) == (made.identity.id, RESOURCE)
    assert (grant.scopes, grant.expires) == (("chat", "voip"), int(NOON) + 3600)


async def test_a_token_ends_at_its_expiry(service, clock):
    token = (await service.issue_token(RESOURCE, await new_user(service), VOIP)).token
    clock.at = NOON + 86399
    service.verify(token)
    clock.at = NOON + 86400
    with pytest.raises(Refusal, match="expired"):
        service.verify(token)


async def test_revoking_voids_what_was_issued_before_and_nothing_else(service):
    user, other = await new_user(service), await new_user(service)
    token = (await service.issue_token(RESOURCE, user, VOIP)).token
    others = (await service.issue_token(RESOURCE, other, VOIP)).token
    await service.revoke_tokens(RESOURCE, user)
    with pytest.raises(Refusal, match="revoked"):
        service.verify(token)
    service.verify(others)
    # In the same second: what counts is the order, not the clock.
    service.verify((await service.issue_token(RESOURCE, user, VOIP)).token)


async def test_a_deleted_user_is_gone_and_its_tokens_are_void(service):
    user = await new_user(service)
    token = (await service.issue_token(RESOURCE, user, VOIP)).token
    await service.delete(RESOURCE, user)
    with pytest.raises(Refusal, match="does not exist"):
        service.verify(token)
    for act in (service.delete, service.revoke_tokens):
        with pytest.raises(Refusal, match="was deleted") as caught:
            await act(RESOURCE, user)
        assert caught.value.status == 404


async def test_another_resource_has_no_say(service):
    user = await new_user(service)
    with pytest.raises(Refusal, match="another resource") as caught:
        await service.issue_token("other", user, VOIP)
    assert (caught.value.status, caught.value.code) == (403, "7507")


async def test_users_outlive_the_process(clock):
    documents = MemoryDocuments()
    before = identity_service(clock, documents)
    kept, gone = await new_user(before), await new_user(before)
    token = (await before.issue_token(RESOURCE, kept, VOIP)).token
    await before.delete(RESOURCE, gone)
    after = identity_service(clock, documents)
    with pytest.raises(Refusal):
        after.verify(token)
    await after.load()
    assert after.verify(token).user == kept
    with pytest.raises(Refusal, match="was deleted"):
        await after.issue_token(RESOURCE, gone, VOIP)


@pytest.mark.parametrize("minutes", [59, 1441, 0, -1])
async def test_expiry_has_bounds(service, minutes):
    with pytest.raises(Refusal, match="expiresInMinutes"):
        await service.create(RESOURCE, CreateIdentityRequest([TokenScope.VOIP], minutes))


async def test_a_token_needs_a_scope(service):
    with pytest.raises(Refusal, match="scopes"):
        await service.issue_token(RESOURCE, await new_user(service), IssueTokenRequest(scopes=[]))


async def test_forged_tokens_are_refused(service):
    user = await new_user(service)
    token = (await service.issue_token(RESOURCE, user, VOIP)).token
    head, payload, signature = token.split(".")
    claims = jwt.decode(token, options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "kid-1"})
    secret = jwt.encode(claims, "x" * 64, algorithm="HS256", headers={"kid": "kid-1"})
    nobody = jwt.encode(claims, PRIVATE_KEY, algorithm="RS256", headers={"kid": "kid-2"})
    bare = jwt.encode({"exp": 1}, PRIVATE_KEY, algorithm="RS256", headers={"kid": "kid-1"})
    flipped = ("A" if signature[5] != "A" else "B").join((signature[:5], signature[6:]))
    forged = ["", "a.b.c", f"{head}.{payload}.", f"{head}.{payload}.{flipped}", "x" * 9000]
    for one in [*forged, unsigned, secret, nobody, bare]:
        with pytest.raises(Refusal) as caught:
            service.verify(one)
        assert (caught.value.status, caught.value.code) == (401, "7501")


async def test_a_scope_given_twice_is_in_the_token_once(service):
    asked = IssueTokenRequest(scopes=[TokenScope.VOIP, TokenScope.CHAT, TokenScope.VOIP])
    token = (await service.issue_token(RESOURCE, await new_user(service), asked)).token
    assert service.verify(token).scopes == ("voip", "chat")


class Failing(MemoryDocuments):
    """Documents on a disk that can be full."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False

    def put_document(self, space, key, body):
        if self.full:
            raise NotDurable("the disk is full")
        return super().put_document(space, key, body)


async def test_what_was_not_durable_did_not_happen(clock):
    documents = Failing()
    service = identity_service(clock, documents)
    user = await new_user(service)
    token = (await service.issue_token(RESOURCE, user, VOIP)).token
    documents.full = True
    for act in (service.revoke_tokens(RESOURCE, user), service.delete(RESOURCE, user), new_user(service)):
        with pytest.raises(NotDurable):
            await act
    assert service.verify(token).user == user
    documents.full = False
    await service.revoke_tokens(RESOURCE, user)
    with pytest.raises(Refusal, match="revoked"):
        service.verify(token)


# --- Teams users ----------------------------------------------------------------------------------------

TEAMS = TeamsTokenExchangeRequest(token="their token", app_id="app-1", user_id="user-1")


def teams(clock, documents=None, resource=RESOURCE, **claims):
    async def verify(token):
        assert token == "their token"
        return {"oid": "user-1", "azp": "app-1", "exp": clock.at + 3000, **claims}, resource

    return identity_service(clock, documents, verify)


async def test_a_teams_user_gets_a_token_that_ends_with_its_own(clock):
    documents = MemoryDocuments()
    service = teams(clock, documents)
    token = (await service.exchange_teams_token(RESOURCE, TEAMS)).token
    grant = service.verify(token)
    assert (grant.user, grant.resource) == ("8:orgid:user-1", RESOURCE)
    assert (grant.scopes, grant.expires) == (("chat", "voip"), int(NOON) + 3000)
    again = teams(clock, documents)
    await again.load()
    assert again.verify(token).user == "8:orgid:user-1"
    await again.revoke_tokens(RESOURCE, "8:orgid:user-1")
    with pytest.raises(Refusal, match="revoked"):
        again.verify(token)


async def test_a_teams_token_of_a_year_gives_one_of_a_day(clock):
    service = teams(clock, exp=clock.at + 3e7)
    assert (
        service.verify((await service.exchange_teams_token(RESOURCE, TEAMS)).token).expires == NOON + 86_400
    )


async def test_a_teams_user_of_another_resource_is_another_user(clock):
    documents = MemoryDocuments()
    first, second = teams(clock, documents), teams(clock, documents, "other")
    mine = (await first.exchange_teams_token(RESOURCE, TEAMS)).token
    await second.load()
    theirs = (await second.exchange_teams_token("other", TEAMS)).token
    await second.revoke_tokens("other", "8:orgid:user-1")
    assert second.verify(mine).resource == RESOURCE
    with pytest.raises(Refusal, match="revoked"):
        second.verify(theirs)


@pytest.mark.parametrize(
    ("claims", "status", "says"),
    [
        ({"oid": "user-2"}, 400, "userId"),
        ({"azp": "app-2"}, 400, "appId"),
        ({"resource": "other"}, 403, "another resource"),
    ],
)
async def test_what_the_request_says_is_what_the_token_says(clock, claims, status, says):
    with pytest.raises(Refusal, match=says) as caught:
        await teams(clock, **claims).exchange_teams_token(RESOURCE, TEAMS)
    assert caught.value.status == status


async def test_without_an_issuer_no_teams_token_is_taken(service):
    with pytest.raises(Refusal, match="no issuer") as caught:
        await service.exchange_teams_token(RESOURCE, TEAMS)
    assert (caught.value.status, caught.value.code) == (405, "8520")
