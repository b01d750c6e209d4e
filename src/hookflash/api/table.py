"""What is served: the operation tables of the contract, each row with what runs it.

The rows themselves are ``wire.operations``; here they meet the modules of this room. A row that no module
runs is known, but not in this version: it is answered 405/8520 with its name, never 404. So is a row that
the api-version of the request does not know yet, or not any more.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from hookflash.api import call_connections, identities, media_actions, participants, recordings, streams
from hookflash.api.exchange import Core, Operation, Request
from hookflash.wire.operation import Operation as Row
from hookflash.wire.operations import IDENTITY_OPERATIONS, OPERATIONS, PREVIEW_OPERATIONS
from hookflash.wire.results import Refusal
from hookflash.wire.versions import IDENTITY, STABLE

RUNS = (
    call_connections.RUNS
    | participants.RUNS
    | media_actions.RUNS
    | streams.RUNS
    | recordings.RUNS
    | identities.RUNS
)
"""By the name of the operation."""

NOT_IN_TABLE = (
    # Token exchange for Entra users (contract section 11).
    Operation("exchangeEntraUserAccessToken", "POST", "/access/entra/:exchangeAccessToken", 200),
    Operation(
        "exchangeTeamsExtensionAccessToken", "POST", "/access/teamsExtension/:exchangeAccessToken", 200
    ),
)
"""Operations that clients may know beside those of the tables; none is in this version."""

Run = Callable[[Request, Core], Awaitable[Any]]


def operations() -> list[Operation]:
    """Every operation of the Azure surfaces."""
    rows = (*OPERATIONS, *PREVIEW_OPERATIONS, *IDENTITY_OPERATIONS)
    return [*(_served(row, RUNS.get(row.name)) for row in rows), *NOT_IN_TABLE]


def _served(row: Row, run: Run | None) -> Operation:
    if run is not None and row not in IDENTITY_OPERATIONS:
        run = _where_known(row, run)
    return Operation(
        row.name,
        row.method,
        re.sub(r"\{\w+\}", "{}", row.path),
        row.status,
        run,
        takes_body=row.request is not None,
        repeatable=row.repeatable,
        linking=row.name == "getParticipants",
        versions=IDENTITY if row in IDENTITY_OPERATIONS else STABLE,
    )


def _where_known(row: Row, run: Run) -> Run:
    """``run`` for the api-versions that have the operation."""

    def checked(request: Request, core: Core) -> Awaitable[Any]:
        if not row.known_to(request.version):
            raise _not_known(row, request.version)
        return run(request, core)

    return checked


def _not_known(row: Row, version: str) -> Refusal:
    if row.since:
        early = f" (and in {', '.join(row.previews)})" if row.previews else ""
        known = f"is there since api-version {row.since}{early}"
    else:
        known = f"was there in {', '.join(row.versions())} only"
    message = f"The operation {row.name!r} is not supported in api-version {version}; it {known}."
    return Refusal(405, 8520, message, target="api-version")
