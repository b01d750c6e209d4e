"""Who may ask: access keys, static tokens and tokens of OpenID Connect issuers, each for a resource.

All of it can be replaced while the server runs, so that keys are rotated without a gap: what is new is valid
at once, what is gone is refused at once, and what stayed keeps the count of its uses.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from hookflash.api.ports import Resource
from hookflash.wire.hmac import DATE_WINDOW, AccessKey, Verifier, decode_key
from hookflash.wire.results import invalid_token, not_supported
from hookflash.wire.timestamps import zulu_time

MAX_TOKEN = 16_384
"""Longest bearer token that is looked at, in characters."""


class TokenVerifier(Protocol):
    """Verifies the tokens of OpenID Connect issuers."""

    async def resource_of(self, token: str, now: float) -> str:
        """The GUID of the resource that a token acts for. Refusal 401/7501 says which check failed."""
        ...

    async def of_teams(self, token: str, now: float) -> tuple[Mapping[str, Any], str]:
        """The claims of a Teams user's token, and the GUID of the resource its issuer acts for. Refusal
        401/7501."""
        ...


class CredentialUse(msgspec.Struct, rename="camel", omit_defaults=True):
    """An access key or static token and its use since the server started.

    ``name`` is "primary", "secondary", "key 3"... or "token 1"...; ``fingerprint`` the first eight hex digits
    of the SHA-256 of what is written in the configuration, to tell old from new without showing either.
    """

    resource: str
    name: str
    fingerprint: str
    uses: int = 0
    last_used: str | None = None


class _Use:
    """Counts the uses of one credential."""

    __slots__ = ("at", "count")

    def __init__(self) -> None:
        self.count = 0
        self.at = 0.0


class _Credential(msgspec.Struct, frozen=True):
    resource: Resource
    name: str
    secret: str
    use: _Use

    def shown(self) -> CredentialUse:
        use = self.use
        fingerprint = hashlib.sha256(self.secret.encode()).hexdigest()[:8]
        last = zulu_time(use.at) if use.count else None
        return CredentialUse(self.resource.name, self.name, fingerprint, use.count, last)


class Access:
    """The credentials of every resource; iterates over the resources as they are now.

    Args:
        resources: with their keys and static tokens.
        public_hosts: host names clients may have signed beyond the Host header.
        window: seconds the date of a signed request may differ from ours.
        issuers: verifies other bearer tokens; None: there are none.
    """

    def __init__(
        self,
        resources: Iterable[Resource],
        *,
        public_hosts: Iterable[str] = (),
        window: float = DATE_WINDOW,
        issuers: TokenVerifier | None = None,
    ) -> None:
        self._public_hosts = tuple(public_hosts)
        self._window = window
        self._keys: list[_Credential] = []
        self._tokens: list[_Credential] = []
        self.replace(resources, issuers)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources)

    def replace(self, resources: Iterable[Resource], issuers: TokenVerifier | None = None) -> None:
        """Accept these from now on, and nothing else. ValueError for a key that is not base64."""
        resources = tuple(resources)
        uses = {(one.resource.id, one.secret): one.use for one in (*self._keys, *self._tokens)}

        def credential(resource: Resource, name: str, secret: str) -> _Credential:
            return _Credential(resource, name, secret, uses.get((resource.id, secret)) or _Use())

        keys = [
            credential(resource, key_name(number), key)
            for resource in resources
            for number, key in enumerate(resource.access_keys, 1)
        ]
        accepted = [AccessKey(one.resource.id, decode_key(one.secret), one.name) for one in keys]
        self._verifier = Verifier(accepted, public_hosts=self._public_hosts, window=self._window)
        # The verifier hands out the very key it was given.
        self._use_of = {id(key): one.use for key, one in zip(accepted, keys, strict=True)}
        self._accepted = accepted
        self._keys = keys
        self._tokens = [
            credential(resource, f"token {number}", token)
            for resource in resources
            for number, token in enumerate(resource.tokens, 1)
        ]
        self._digests = [hashlib.sha256(one.secret.encode()).digest() for one in self._tokens]
        self._resources = resources
        self._issuers = issuers

    def signed(self, method: str, target: str, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """The GUID of the resource whose key a request is signed with. Refusal 401/7509."""
        key = self._verifier.verify(method, target, headers, body, now)
        use = self._use_of[id(key)]
        use.count += 1
        use.at = now
        return key.resource

    async def bearer(self, token: str, now: float) -> str:
        """The GUID of the resource that a bearer token acts for. Refusal 401/7501."""
        if len(token) > MAX_TOKEN:
            raise invalid_token(
                f"The bearer token has {len(token)} characters; at most {MAX_TOKEN} are read."
            )
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        # Every one is compared, so that the time says nothing about which came near.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        if any(matches):
            found = self._tokens[matches.index(True)]
            found.use.count += 1
            found.use.at = now
            return found.resource.id
        if self._issuers is None:
            known = "none of the configured static tokens" if self._tokens else "not accepted by this server"
            raise invalid_token(
                f"The bearer token is {known}. Sign requests with an access key of the resource, or name the "
                "token's issuer in an [[issuer]] of the configuration."
            )
        return await self._issuers.resource_of(token, now)

    async def of_teams(self, token: str, now: float) -> tuple[Mapping[str, Any], str]:
        """The claims of a Teams user's token and the resource of its issuer.

        Raises Refusal 401/7501, and 405/8520 when there is no issuer.
        """
        if self._issuers is None:
            raise not_supported(
                "Tokens of Teams users cannot be verified: no issuer is configured. Add an [[issuer]] for "
                "their tenant to the configuration."
            )
        return await self._issuers.of_teams(token, now)

    def uses(self, resource: str | None = None) -> list[CredentialUse]:
        """The keys and static tokens of a resource (its GUID; None: of all), each with its use."""
        everything = (*self._keys, *self._tokens)
        return [one.shown() for one in everything if resource in (None, one.resource.id)]


def key_name(number: int) -> str:
    """What the ``number``-th access key of a resource (from 1) is called."""
    return {1: "primary", 2: "secondary"}.get(number, f"key {number}")
