"""Users and their tokens (contract section 11)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hookflash.api.exchange import Core, Operation, Request
from hookflash.wire.identity import CreateIdentityRequest, IssueTokenRequest


def create(request: Request, core: Core) -> Awaitable[Any]:
    return core.identities.create(request.resource, request.read_optional(CreateIdentityRequest))


def issue_token(request: Request, core: Core) -> Awaitable[Any]:
    return core.identities.issue_token(request.resource, request.ids[0], request.read(IssueTokenRequest))


def revoke_tokens(request: Request, core: Core) -> Awaitable[Any]:
    return core.identities.revoke_tokens(request.resource, request.ids[0])


def delete(request: Request, core: Core) -> Awaitable[Any]:
    return core.identities.delete(request.resource, request.ids[0])


IDENTITIES = "/identities"

OPERATIONS = (
    Operation("create user", "POST", IDENTITIES, 201, create, takes_body=True, repeatable=True),
    Operation(
        "issue access token",
        "POST",
        f"{IDENTITIES}/{{}}/:issueAccessToken",
        200,
        issue_token,
        takes_body=True,
    ),
    Operation("revoke access tokens", "POST", f"{IDENTITIES}/{{}}/:revokeAccessTokens", 204, revoke_tokens),
    Operation("delete user", "DELETE", f"{IDENTITIES}/{{}}", 204, delete),
    Operation("exchange Teams user token", "POST", "/teamsUser/:exchangeAccessToken", 200),
    Operation("exchange Entra user token", "POST", "/access/entra/:exchangeAccessToken", 200),
    Operation("exchange Teams extension token", "POST", "/access/teamsExtension/:exchangeAccessToken", 200),
)
