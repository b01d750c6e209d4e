"""Create users, issue, revoke and verify their tokens, delete them (contract section 11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
import msgspec

from hookflash.identity.users import TEAMS, User, Users
from hookflash.ports.outbox import Documents, KeyRing
from hookflash.wire.enums import TokenScope
from hookflash.wire.identity import (
    CommunicationAccessToken,
    CommunicationIdentity,
    CreateIdentityRequest,
    CreateIdentityResponse,
    IssueTokenRequest,
    TeamsTokenExchangeRequest,
    token_claims,
    token_lifetime,
)
from hookflash.wire.results import (
    Refusal,
    forbidden,
    invalid_argument,
    invalid_token,
    not_supported,
    wrong_resource,
)

ALGORITHM = "RS256"
MAX_TOKEN = 8192
"""Longest token looked at, in characters; ours have about 900."""
MAX_LIFETIME = 86_400
"""Seconds a token of a Teams user is valid at most; it ends with the token it was given for."""
TEAMS_SCOPES = [TokenScope.CHAT, TokenScope.VOIP]

VerifyTeams = Callable[[str], Awaitable[tuple[Mapping[str, Any], str]]]
"""From a Teams user's token to its claims, all checked, and the resource that its issuer acts for. Raises
Refusal."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a valid token allows: who, in which resource, with which scopes, until when (Unix time)."""

    user: str
    resource: str
    scopes: tuple[str, ...]
    expires: int


class IdentityService:
    """The users of every resource of this server.

    Args:
        documents: where users are kept.
        keys: signs the tokens (RS256) and verifies them.
        new_user_id: makes a rawId (``8:acs:<resource>_<guid>``) for a resource's GUID.
        wall: Unix time in seconds.
        verify_teams: verifies tokens of Teams users; None: none can be verified.
    """

    def __init__(
        self,
        documents: Documents,
        keys: KeyRing,
        *,
        new_user_id: Callable[[str], str],
        wall: Callable[[], float],
        verify_teams: VerifyTeams | None = None,
    ) -> None:
        self._verify_teams = verify_teams
        self._users = Users(documents)
        self._keys = keys
        self._new_user_id = new_user_id
        self._wall = wall

    async def load(self) -> None:
        """Read the users kept from before; call once, before the first request."""
        await self._users.load()

    async def create(self, resource: str, request: CreateIdentityRequest) -> CreateIdentityResponse:
        """A new user, with a token when scopes are asked for. Refusal 400 for an expiry out of bounds."""
        scopes = request.create_token_with_scopes or []
        lifetime = token_lifetime(request.expires_in_minutes)
        user = User(id=self._new_user_id(resource), resource=resource, created=self._wall())
        await self._users.save(user)
        return CreateIdentityResponse(
            identity=CommunicationIdentity(id=user.id),
            access_token=self._sign(user, scopes, lifetime) if scopes else None,
        )

    async def issue_token(
        self, resource: str, user_id: str, request: IssueTokenRequest
    ) -> CommunicationAccessToken:
        """A token for an existing user. Refusal 400 without scopes, 403 for another resource's user, 404."""
        if not request.scopes:
            names = ", ".join([scope.value for scope in TokenScope])
            raise invalid_argument("scopes", f"expected at least one of {names}, got none.")
        lifetime = token_lifetime(request.expires_in_minutes)
        return self._sign(self._living(resource, user_id), request.scopes, lifetime)

    async def revoke_tokens(self, resource: str, user_id: str) -> None:
        """Void every token issued to the user so far. Refusal 403 or 404."""
        user = self._living(resource, user_id)
        await self._users.save(msgspec.structs.replace(user, generation=user.generation + 1))

    async def delete(self, resource: str, user_id: str) -> None:
        """Delete the user and void its tokens. Refusal 403 or 404."""
        user = self._living(resource, user_id)
        await self._users.save(msgspec.structs.replace(user, generation=user.generation + 1, deleted=True))

    async def exchange_teams_token(
        self, resource: str, request: TeamsTokenExchangeRequest
    ) -> CommunicationAccessToken:
        """A token for a Teams user, who is told by a token of a configured issuer.

        Raises:
            Refusal: 405 without an issuer, 401/7501 when the token does not hold, 403/7504 when its issuer is
                another resource's, 400 when it is of another user or application than the request says.
        """
        if self._verify_teams is None:
            raise not_supported(
                "Tokens of Teams users cannot be verified here: there is no issuer. Add an [[issuer]] for "
                "their tenant to the configuration.",
                target="token",
            )
        claims, owner = await self._verify_teams(request.token)
        if owner != resource:
            raise forbidden("The issuer of the token acts for another resource; use that resource's key.")
        expected = {"userId": claims.get("oid"), "appId": claims.get("azp", claims.get("appid"))}
        for field, given in (("userId", request.user_id), ("appId", request.app_id)):
            if given != expected[field]:
                raise invalid_argument(field, "it is not the one that the token was issued for.")
        now = self._wall()
        user = self._users.find(f"{TEAMS}{request.user_id}", resource)
        if user is None:
            user = User(id=f"{TEAMS}{request.user_id}", resource=resource, created=now)
            await self._users.save(user)
        return self._sign(user, TEAMS_SCOPES, min(MAX_LIFETIME, max(1, int(claims["exp"] - now))))

    def verify(self, token: str) -> Grant:
        """Who a token stands for. Refusal 401/7501 when it is forged, expired, revoked, or of a deleted
        user."""
        claims = self._claims(token)
        user = self._users.find(f"8:{claims['skypeid']}", str(claims.get("resourceId", "")))
        if user is None or user.deleted:
            raise invalid_token(
                "The token's user does not exist (any more); create one with POST /identities."
            )
        if claims.get("gen") != user.generation:
            raise invalid_token("The token was revoked; issue a new one.")
        expires = int(claims["exp"])
        if expires <= self._wall():
            at = datetime.fromtimestamp(expires, UTC).isoformat()
            raise invalid_token(f"The token expired at {at}; issue a new one.")
        return Grant(user.id, user.resource, tuple(str(claims["scp"]).split(",")), expires)

    def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise invalid_token(f"The token has {len(token)} characters, more than any issued here.")
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next((one for one in self._keys.keys if one.kid == kid), None)
            if key is None:
                raise invalid_token("The token was not signed by this server; issue one here.")
            return jwt.decode(
                token,
                key.private.public_key(),
                algorithms=[ALGORITHM],
                # Expiry is checked against our own clock, after revocation.
                options={"verify_exp": False, "verify_iat": False, "require": ["exp", "skypeid", "scp"]},
            )
        except jwt.PyJWTError as error:
            raise invalid_token(f"The token cannot be verified: {error}.") from None

    def _living(self, resource: str, user_id: str) -> User:
        user = self._users.find(user_id, resource)
        if user is not None and user.resource != resource:
            raise wrong_resource(
                f"User {user_id!r} belongs to another resource; use that resource's key.", target="id"
            )
        if user is None or user.deleted:
            what = "was deleted" if user else "is not known here"
            raise Refusal(
                404,
                "NotFound",
                f"User {user_id[:200]!r} {what}; create one with POST /identities.",
                target="id",
            )
        return user

    def _sign(self, user: User, scopes: list[TokenScope], lifetime: int) -> CommunicationAccessToken:
        key = self._keys.current
        scopes = list(dict.fromkeys(scopes))
        now = int(self._wall())
        claims = token_claims(user.id, scopes, user.resource, now, lifetime) | {"gen": user.generation}
        token = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})
        expires = datetime.fromtimestamp(now + lifetime, UTC)
        return CommunicationAccessToken(token=token, expires_on=f"{expires:%Y-%m-%dT%H:%M:%S}.0000000+00:00")
