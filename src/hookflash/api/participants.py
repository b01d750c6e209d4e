"""Who is in a call (contract section 1.2, rows 10 to 16; unmute is a preview of section 1.3)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Request
from hookflash.api.paging import paged
from hookflash.calls.commands import (
    AddParticipant,
    CancelAddParticipant,
    GetParticipant,
    ListParticipants,
    MoveParticipants,
    MuteParticipants,
    RemoveParticipant,
    UnmuteParticipants,
)
from hookflash.wire.models import (
    AddParticipantRequest,
    CancelAddParticipantRequest,
    MoveParticipantsRequest,
    MuteParticipantsRequest,
    RemoveParticipantRequest,
)


def list_all(request: Request) -> ListParticipants:
    return ListParticipants(request.resource, request.version, request.ids[0])


def get(request: Request) -> GetParticipant:
    return GetParticipant(request.resource, request.version, request.ids[0], request.ids[1])


def add(request: Request) -> AddParticipant:
    wanted = request.read(AddParticipantRequest)
    return AddParticipant(request.resource, request.version, request.ids[0], wanted)


def cancel_add(request: Request) -> CancelAddParticipant:
    wanted = request.read(CancelAddParticipantRequest)
    return CancelAddParticipant(request.resource, request.version, request.ids[0], wanted)


def remove(request: Request) -> RemoveParticipant:
    wanted = request.read(RemoveParticipantRequest)
    return RemoveParticipant(request.resource, request.version, request.ids[0], wanted)


def mute(request: Request) -> MuteParticipants:
    wanted = request.read(MuteParticipantsRequest)
    return MuteParticipants(request.resource, request.version, request.ids[0], wanted)


def unmute(request: Request) -> UnmuteParticipants:
    wanted = request.read(MuteParticipantsRequest)
    return UnmuteParticipants(request.resource, request.version, request.ids[0], wanted)


def move_here(request: Request) -> MoveParticipants:
    wanted = request.read(MoveParticipantsRequest)
    return MoveParticipants(request.resource, request.version, request.ids[0], wanted)


RUNS = {
    "getParticipants": paged(deciding(list_all)),
    "getParticipant": deciding(get),
    "addParticipant": deciding(add),
    "cancelAddParticipant": deciding(cancel_add),
    "removeParticipant": deciding(remove),
    "muteParticipants": deciding(mute),
    "unmuteParticipants": deciding(unmute),
    "moveParticipants": deciding(move_here),
}
