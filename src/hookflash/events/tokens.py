"""The bearer token on every webhook, and the documents an app checks it with (contract section 5.8)."""

from __future__ import annotations

import json
import uuid
from typing import Any

import jwt
from jwt.algorithms import RSAAlgorithm

from hookflash.ports.clock import Clock
from hookflash.ports.outbox import KeyRing

ISSUER = "https://acscallautomation.communication.azure.com"
"""The issuer Azure uses, and ours unless configured: apps have it as a constant."""
OPENID_PATH = "/calling/.well-known/acsopenidconfiguration"
JWKS_PATH = "/calling/keys"
LIFETIME = 300
"""Seconds from ``iat`` to ``exp`` of a webhook token."""
SKEW = 10
"""Seconds by which ``iat`` and ``nbf`` lie in the past, for apps whose clock is a little slow."""


class TokenMinter:
    """Makes RS256 tokens.

    Args:
        keys: the current one signs, all are published.
        clock: its wall time goes into the tokens.
        issuer: the ``iss`` claim.
    """

    def __init__(self, keys: KeyRing, clock: Clock, issuer: str = ISSUER) -> None:
        self._keys = keys
        self._clock = clock
        self.issuer = issuer

    def mint(self, audience: str, lifetime: int = LIFETIME) -> str:
        """A new token for a resource.

        Args:
            audience: the resource's GUID.
            lifetime: seconds; WebSocket connections ask for more.
        """
        issued = int(self._clock.wall()) - SKEW
        key = self._keys.current
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "iat": issued,
            "nbf": issued,
            "exp": issued + lifetime,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})

    def openid_configuration(self, base_url: str) -> dict[str, Any]:
        """The OpenID configuration document; ``base_url`` is where the app reaches this server."""
        return {
            "issuer": self.issuer,
            "jwks_uri": base_url.rstrip("/") + JWKS_PATH,
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
        }

    def jwks(self) -> dict[str, Any]:
        """The JSON Web Key Set with every published key, the current one first."""
        return {"keys": [_public_jwk(key.kid, key.private) for key in self._keys.keys]}


def _public_jwk(kid: str, private: Any) -> dict[str, Any]:
    members = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": members["n"], "e": members["e"]}
