"""What is served: the operation tables of the contract, each row with what runs it.

The rows themselves are ``wire.operations``; here they meet the modules of this room. A row that no module
runs is known, but not in this version: it is answered 405/8520 with its name, never 404.
"""

from __future__ import annotations

import re

from hookflash.api import call_connections, identities, media_actions, participants
from hookflash.api.exchange import Operation
from hookflash.wire.operations import IDENTITY_OPERATIONS, OPERATIONS

RUNS = call_connections.RUNS | participants.RUNS | media_actions.RUNS | identities.RUNS
"""By the name of the operation."""

_CALL = "/calling/callConnections/{}"

NOT_IN_TABLE = (
    # Preview only (contract section 1.3).
    Operation("unmuteParticipants", "POST", f"{_CALL}/participants:unmute", 200),
    Operation("startHoldMusic", "POST", f"{_CALL}:startHoldMusic", 200),
    Operation("stopHoldMusic", "POST", f"{_CALL}:stopHoldMusic", 200),
    Operation("interruptAudioAndAnnounce", "POST", f"{_CALL}:interruptAudioAndAnnounce", 202),
    Operation("summarizeCall", "POST", f"{_CALL}:summarizeCall", 202),
    Operation("getRecordingResult", "GET", "/calling/recordings/{}/result", 200),
    # Token exchange for Entra users (contract section 11).
    Operation("exchangeEntraUserAccessToken", "POST", "/access/entra/:exchangeAccessToken", 200),
    Operation(
        "exchangeTeamsExtensionAccessToken", "POST", "/access/teamsExtension/:exchangeAccessToken", 200
    ),
)
"""Operations that clients may know beside the stable ones; none is in this version."""


def operations() -> list[Operation]:
    """Every operation of the Azure surfaces."""
    served = [
        Operation(
            row.name,
            row.method,
            re.sub(r"\{\w+\}", "{}", row.path),
            row.status,
            RUNS.get(row.name),
            takes_body=row.request is not None,
            repeatable=row.repeatable,
        )
        for row in (*OPERATIONS, *IDENTITY_OPERATIONS)
    ]
    return [*served, *NOT_IN_TABLE]
