"""Users and their tokens (contract section 11)."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from hookflash.api.exchange import Core, Request
from hookflash.wire.identity import CreateIdentityRequest, IssueTokenRequest


def create(request: Request, core: Core) -> Awaitable[Any]:
    return core.identities.create(request.resource, request.read_optional(CreateIdentityRequest))


def issue_token(request: Request, core: Core) -> Awaitable[Any]:
    return core.identities.issue_token(request.resource, request.ids[0], request.read(IssueTokenRequest))


def revoke_tokens(request: Request, core: Core) -> Awaitable[Any]:
    return core.identities.revoke_tokens(request.resource, request.ids[0])


def delete(request: Request, core: Core) -> Awaitable[Any]:
    return core.identities.delete(request.resource, request.ids[0])


RUNS = {
    "createIdentity": create,
    "issueAccessToken": issue_token,
    "revokeAccessTokens": revoke_tokens,
    "deleteIdentity": delete,
}
