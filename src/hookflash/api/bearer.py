"""Bearer tokens of OpenID Connect issuers, such as Microsoft Entra ID (contract section 2.4).

A token is verified by the issuer's own keys, which are fetched through discovery, kept, and fetched again
when they are old or a token names a key that is not among them, but only so often: strangers cannot make us
flood the issuer. What was verified is remembered for a while, until it expires or keys are fetched anew.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

import jwt

from hookflash.api.keysets import Fetch, KeySet
from hookflash.wire.results import invalid_token

AUDIENCE = "https://communication.azure.com/"
"""What the SDKs ask tokens for."""
TEAMS_AUDIENCE = "https://auth.msft.communication.azure.com/"
"""What tokens of Teams users are asked for that are to be exchanged."""
ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}
"""Accepted algorithms and the key type of each."""
REMEMBERED = 4096
"""How many verified tokens are remembered."""
TENANT = "{tenantid}"
"""Stands for the token's tenant in the issuer of a multi-tenant application."""
_SHOWN = 200
_LATEST = 253_402_300_800
"""Unix time of the end of the year 9999, in seconds."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may issue tokens for a resource.

    ``issuer`` is what tokens say in ``iss``; ``{tenantid}`` in it stands for their ``tid``.
    ``discovery`` is the URL of the OpenID configuration. ``audiences`` are accepted in ``aud``, with or
    without a slash at the end, ``teams_audiences`` in tokens that are to be exchanged; ``tenants`` (``tid``)
    and ``apps`` (``azp`` or ``appid``) are accepted ones, empty: any. ``resource`` is the GUID of the
    resource that its tokens act for.
    """

    issuer: str
    resource: str
    discovery: str = ""
    audiences: tuple[str, ...] = (AUDIENCE,)
    tenants: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    teams_audiences: tuple[str, ...] = (TEAMS_AUDIENCE,)

    @property
    def configuration(self) -> str:
        """The URL of the OpenID configuration."""
        return self.discovery or self.issuer.rstrip("/") + "/.well-known/openid-configuration"

    def speaks_for(self, claims: Mapping[str, Any]) -> bool:
        """Whether a token with these claims is of this issuer, going by its name."""
        expected = self.issuer
        if TENANT in expected:
            expected = expected.replace(TENANT, str(claims.get("tid", "")))
        return claims.get("iss") == expected


class Issuers:
    """Verifies tokens of the configured issuers.

    Args:
        issuers: several may share a name and differ in what they accept: the first whose audience, tenant and
            app fit says which resource it is.
        fetch: gets a document by URL.
        leeway: seconds by which clocks may differ.
        key_age: seconds after which the keys are fetched anew.
        key_pause: least seconds between two fetches of one issuer's keys.
    """

    def __init__(
        self,
        issuers: Iterable[Issuer],
        fetch: Fetch,
        *,
        leeway: float = 60.0,
        key_age: float = 3600.0,
        key_pause: float = 30.0,
    ) -> None:
        self._issuers = tuple(issuers)
        self._leeway = leeway
        self._sets = {
            one.configuration: KeySet(
                one.configuration,
                fetch,
                issuer=one.issuer,
                age=key_age,
                pause=key_pause,
                changed=self._forget,
            )
            for one in self._issuers
        }
        self._verified: OrderedDict[bytes, tuple[float, float, str]] = OrderedDict()

    async def resource_of(self, token: str, now: float) -> str:
        """The GUID of the resource that a token acts for. Refusal 401/7501 that says which check failed,
        503/9001 when the issuer's keys cannot be had."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        known = self._verified.get(digest)
        if known is not None and known[0] <= now < known[1]:
            return known[2]
        claims, issuer = await self.verified(token, now)
        # Looked at again before long, so that a key that was withdrawn does not live as long as the token.
        self._verified[digest] = (now, min(float(claims["exp"]) + self._leeway, now + 600.0), issuer.resource)
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return issuer.resource

    async def of_teams(self, token: str, now: float) -> tuple[dict[str, Any], str]:
        """The claims of a Teams user's token, and the GUID of the resource its issuer acts for. Raises as
        :meth:`resource_of`."""
        claims, issuer = await self.verified(token, now, teams=True)
        return claims, issuer.resource

    async def verified(self, token: str, now: float, *, teams: bool = False) -> tuple[dict[str, Any], Issuer]:
        """The claims of a token, all checked, and who issued it; ``teams``: it is one to be exchanged.

        Raises as :meth:`resource_of`.
        """
        header, claims = _unverified(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise invalid_token(
                f"The bearer token is signed with {_shown(algorithm)}; RS256 and ES256 are accepted."
            )
        named = [one for one in self._issuers if one.speaks_for(claims)]
        if not named:
            raise invalid_token(
                f"The bearer token was issued by {_shown(claims.get('iss'))}, which is not configured here; "
                "get it from a configured issuer, or add an [[issuer]]."
            )
        for source in dict.fromkeys(one.configuration for one in named):
            key = await self._sets[source].key(str(header.get("kid", "")), ALGORITHMS[algorithm], now)
            try:
                jwt.decode(token, key, algorithms=[algorithm], options=_SIGNATURE_ONLY)
            except jwt.PyJWTError:
                raise invalid_token(
                    "The bearer token's signature does not fit the issuer's key that it names."
                ) from None
        self._check_times(claims, now)
        return claims, self._chosen(named, claims, teams)

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        expires, begins = claims.get("exp"), claims.get("nbf")
        if not _is_moment(expires):
            raise invalid_token("The bearer token has no expiry (exp); such a token is not accepted.")
        if now >= expires + self._leeway:
            raise invalid_token(f"The bearer token expired at {_time(expires)}; get a new one.")
        if begins is not None:
            if not _is_moment(begins):
                raise invalid_token("The bearer token's nbf is not a time.")
            if now + self._leeway < begins:
                raise invalid_token(
                    f"The bearer token is valid from {_time(begins)} on only; check the clocks of both sides."
                )

    def _chosen(self, named: list[Issuer], claims: Mapping[str, Any], teams: bool) -> Issuer:
        given = claims.get("aud")
        offered = {str(one).rstrip("/") for one in (given if isinstance(given, list) else [given])}
        tenant, app = claims.get("tid"), claims.get("azp", claims.get("appid"))
        named = [
            one
            for one in named
            if offered & {name.rstrip("/") for name in (one.teams_audiences if teams else one.audiences)}
        ]
        if not named:
            raise invalid_token(
                f"The bearer token is for the audience {_shown(given)}, not for this service."
            )
        named = [one for one in named if not one.tenants or tenant in one.tenants]
        if not named:
            raise invalid_token(f"The bearer token's tenant (tid) {_shown(tenant)} is not accepted here.")
        named = [one for one in named if not one.apps or app in one.apps]
        if not named:
            raise invalid_token(
                f"The bearer token's application (azp, appid) {_shown(app)} is not accepted here."
            )
        return named[0]

    def _forget(self) -> None:
        self._verified.clear()


_SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        parts = jwt.api_jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise invalid_token(
            "The bearer token is no JSON Web Token (three parts of base64url with dots between), and none of "
            "the static tokens."
        ) from None
    return parts["header"], parts["payload"]


def _is_moment(value: object) -> TypeGuard[int | float]:
    """Whether a claim is a time: a number, within what calendars know."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LATEST


def _shown(value: object) -> str:
    """What a token says, cut short; for a message to whoever sent it."""
    text = repr(value) if value is not None else "nobody (the claim is missing)"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _time(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, OSError, ValueError):
        return "a time before any calendar"
