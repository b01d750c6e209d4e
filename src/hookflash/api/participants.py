"""Who is in a call (contract section 1.2, rows 10 to 16)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Request
from hookflash.calls.commands import GetParticipant, ListParticipants


def list_all(request: Request) -> ListParticipants:
    return ListParticipants(request.resource, request.version, request.ids[0])


def get(request: Request) -> GetParticipant:
    return GetParticipant(request.resource, request.version, request.ids[0], request.ids[1])


RUNS = {
    "getParticipants": deciding(list_all),
    "getParticipant": deciding(get),
}
