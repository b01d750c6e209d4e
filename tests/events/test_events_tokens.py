from __future__ import annotations

from typing import Any

import jwt
import pytest

from hookflash.events import ISSUER, JWKS_PATH, TokenMinter
from hookflash.testing.clock import VirtualClock

AUDIENCE = "6d889502-3d7a-41a8-befa-d21fd80e8767"


def verify(token: str, jwks: dict[str, Any], **options: Any) -> dict[str, Any]:
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWKSet.from_dict(jwks)[kid]
    claims: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER, **options
    )
    return claims


def test_an_app_can_check_the_token_with_the_published_keys(tokens: TokenMinter, clock: VirtualClock) -> None:
    claims = verify(tokens.mint(AUDIENCE), tokens.jwks(), options={"verify_exp": False})
    assert claims["exp"] - claims["iat"] == 300
    assert claims["nbf"] == claims["iat"] <= clock.wall()
    assert clock.wall() < claims["exp"]


def test_the_token_names_the_current_key_and_says_rs256(tokens: TokenMinter) -> None:
    header = jwt.get_unverified_header(tokens.mint(AUDIENCE))
    assert header == {"alg": "RS256", "kid": "new", "typ": "JWT"}


def test_every_token_is_new(tokens: TokenMinter) -> None:
    ids = {
        verify(tokens.mint(AUDIENCE), tokens.jwks(), options={"verify_exp": False})["jti"] for _ in range(10)
    }
    assert len(ids) == 10


def test_a_token_is_for_one_resource(tokens: TokenMinter) -> None:
    with pytest.raises(jwt.InvalidAudienceError):
        verify(tokens.mint("somebody else"), tokens.jwks(), options={"verify_exp": False})


def test_longer_tokens_for_websockets(tokens: TokenMinter) -> None:
    claims = verify(tokens.mint(AUDIENCE, lifetime=86_400), tokens.jwks(), options={"verify_exp": False})
    assert claims["exp"] - claims["iat"] == 86_400


def test_the_key_set_has_every_key_and_nothing_private(tokens: TokenMinter) -> None:
    keys = tokens.jwks()["keys"]
    assert [key["kid"] for key in keys] == ["new", "old"]
    assert all(set(key) == {"kty", "use", "alg", "kid", "n", "e"} for key in keys)


def test_the_openid_configuration_leads_to_the_keys(tokens: TokenMinter) -> None:
    document = tokens.openid_configuration("https://calls.example:8443/")
    assert document["issuer"] == ISSUER
    assert document["jwks_uri"] == f"https://calls.example:8443{JWKS_PATH}"
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]
