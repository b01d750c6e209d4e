"""An OpenID Connect issuer for tests: keys, discovery, tokens."""

from __future__ import annotations

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from hookflash.api.keysets import CannotFetch

NAME = "https://login.example.org/t-1/v2.0"
CONFIGURATION = f"{NAME}/.well-known/openid-configuration"
KEYS = "https://login.example.org/keys"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SMALL_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, kid: str, **more: Any) -> dict[str, Any]:
    kind = jwt.algorithms.ECAlgorithm if isinstance(key, ec.EllipticCurvePrivateKey) else None
    written = (kind or jwt.algorithms.RSAAlgorithm).to_jwk(key.public_key())
    return {**json.loads(written), "kid": kid, "use": "sig", **more}


class Issuer:
    """Implements ``keysets.Fetch``; ``asked`` are the URLs it was asked for."""

    def __init__(self, name: str = NAME, configuration: str = CONFIGURATION, keys: str = KEYS) -> None:
        self.name = name
        self.documents: dict[str, Any] = {
            configuration: {"issuer": name, "jwks_uri": keys},
            keys: {"keys": [jwk(RSA_KEY, "rsa-1"), jwk(EC_KEY, "ec-1")]},
        }
        self.asked: list[str] = []
        self.down = False

    async def __call__(self, url: str) -> bytes:
        self.asked.append(url)
        if self.down or url not in self.documents:
            raise CannotFetch(f"{url} answers 503")
        document = self.documents[url]
        return document if isinstance(document, bytes) else json.dumps(document).encode()

    def token(
        self, now: float, key: Any = RSA_KEY, kid: str = "rsa-1", algorithm: str = "RS256", **claims: Any
    ) -> str:
        """A token as Entra issues them for an application; a claim of None is left out."""
        written = {
            "iss": self.name,
            "aud": "https://communication.azure.com/",
            "tid": "t-1",
            "azp": "app-1",
            "oid": "user-1",
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + 3600,
            **claims,
        }
        written = {name: value for name, value in written.items() if value is not None}
        return jwt.encode(written, key, algorithm=algorithm, headers={"kid": kid})
