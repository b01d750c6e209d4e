"""Users and their tokens (contract section 11)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hookflash.api.exchange import Core, Request
from hookflash.wire.identity import CreateIdentityRequest, IssueTokenRequest, TeamsTokenExchangeRequest
from hookflash.wire.results import ErrorDetail, Refusal

Run = Callable[[Request, Core], Awaitable[Any]]


def _validating(run: Run) -> Run:
    """``run``; a field at fault is told as this service does: code ValidationError, with the field in
    ``details``."""

    async def checked(request: Request, core: Core) -> Any:
        try:
            return await run(request, core)
        except Refusal as refusal:
            if (refusal.status, refusal.code) != (400, "8523"):
                raise
            details = refusal.details or [ErrorDetail("ValidationError", refusal.message, refusal.target)]
            raise Refusal(
                400, "ValidationError", refusal.message, target=refusal.target, details=details
            ) from None

    return checked


async def create(request: Request, core: Core) -> Any:
    return await core.identities.create(request.resource, request.read_optional(CreateIdentityRequest))


async def issue_token(request: Request, core: Core) -> Any:
    wanted = request.read(IssueTokenRequest)
    return await core.identities.issue_token(request.resource, request.ids[0], wanted)


async def revoke_tokens(request: Request, core: Core) -> Any:
    return await core.identities.revoke_tokens(request.resource, request.ids[0])


async def delete(request: Request, core: Core) -> Any:
    return await core.identities.delete(request.resource, request.ids[0])


async def exchange_teams_token(request: Request, core: Core) -> Any:
    wanted = request.read(TeamsTokenExchangeRequest)
    return await core.identities.exchange_teams_token(request.resource, wanted)


RUNS = {
    "createIdentity": _validating(create),
    "issueAccessToken": _validating(issue_token),
    "revokeAccessTokens": _validating(revoke_tokens),
    "deleteIdentity": _validating(delete),
    "exchangeTeamsUserAccessToken": _validating(exchange_teams_token),
}
