"""The identity service: users and their access tokens (contract section 11).

Signing a token is not done here; :func:`token_claims` gives what goes into it.
"""

from __future__ import annotations

from hookflash.wire.enums import TokenScope
from hookflash.wire.parts import Model
from hookflash.wire.results import invalid_argument

DEFAULT_EXPIRY_MINUTES = 1440
MIN_EXPIRY_MINUTES = 60
MAX_EXPIRY_MINUTES = 1440


class CreateIdentityRequest(Model):
    create_token_with_scopes: list[TokenScope] | None = None
    expires_in_minutes: int | None = None


class IssueTokenRequest(Model):
    scopes: list[TokenScope]
    expires_in_minutes: int | None = None


class TeamsTokenExchangeRequest(Model):
    token: str
    app_id: str
    user_id: str


class CommunicationIdentity(Model):
    id: str


class CommunicationAccessToken(Model):
    """``expiresOn`` is ISO 8601 with seven fraction digits and an offset."""

    token: str
    expires_on: str


class CreateIdentityResponse(Model):
    identity: CommunicationIdentity
    access_token: CommunicationAccessToken | None = None


class EntraTokenExchangeResponse(Model):
    access_token: CommunicationAccessToken


def token_lifetime(expires_in_minutes: int | None) -> int:
    """The lifetime of a token in seconds; Refusal 400/8523 outside 60 to 1440 minutes."""
    minutes = DEFAULT_EXPIRY_MINUTES if expires_in_minutes is None else expires_in_minutes
    if not MIN_EXPIRY_MINUTES <= minutes <= MAX_EXPIRY_MINUTES:
        raise invalid_argument(
            "expiresInMinutes",
            f"expected {MIN_EXPIRY_MINUTES} to {MAX_EXPIRY_MINUTES} minutes, got {minutes}.",
        )
    return minutes * 60


def token_claims(
    user_id: str, scopes: list[TokenScope], resource_id: str, issued_at: int, lifetime: int
) -> dict[str, object]:
    """The JWT payload of a user's access token.

    ``user_id`` is the rawId; its leading ``8:`` is left out of ``skypeid``. ``issued_at`` is Unix time and
    ``lifetime`` is in seconds; ``exp`` is the number clients decode.
    """
    return {
        "skypeid": user_id.removeprefix("8:"),
        "scp": ",".join([scope.value for scope in scopes]),
        "csi": str(issued_at),
        "exp": issued_at + lifetime,
        "iat": issued_at,
        "resourceId": resource_id,
        "acsScope": ",".join([scope.value for scope in scopes]),
    }
