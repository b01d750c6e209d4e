"""An OpenID Connect issuer for the run, as Microsoft Entra ID is one: its documents, and tokens it signed."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

TEAMS_APP = "01234567-89ab-cdef-0123-456789abcdef"
TEAMS_USER = "11234567-89ab-cdef-0123-456789abcdef"


class Issuer:
    """One key, made for the run; ``url`` is what its tokens say in ``iss``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def documents(self) -> dict[str, Any]:
        """What it serves, by path under ``url``."""
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {
            ".well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "keys": {"keys": [{**key, "kid": "conformance", "use": "sig", "alg": "RS256"}]},
        }

    def token(self, audience: str, **claims: str) -> str:
        """A token of an hour."""
        now = int(time.time())
        body = {"iss": self.url, "aud": audience, "iat": now, "nbf": now - 60, "exp": now + 3600, **claims}
        return jwt.encode(body, self._key, algorithm="RS256", headers={"kid": "conformance"})

    def app(self) -> str:
        """The token of an application."""
        return self.token("https://communication.azure.com/", sub="app", azp=TEAMS_APP)

    def teams_user(self) -> str:
        """The token of a Teams user, to be exchanged."""
        audience = "https://auth.msft.communication.azure.com/"
        return self.token(audience, sub="user", oid=TEAMS_USER, azp=TEAMS_APP)
