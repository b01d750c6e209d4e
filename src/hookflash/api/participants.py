"""Who is in a call (contract section 1.2, rows 10 to 16)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Operation, Request
from hookflash.calls.commands import GetParticipant, ListParticipants


def list_all(request: Request) -> ListParticipants:
    return ListParticipants(request.resource, request.version, request.ids[0])


def get(request: Request) -> GetParticipant:
    return GetParticipant(request.resource, request.version, request.ids[0], request.ids[1])


PARTICIPANTS = "/calling/callConnections/{}/participants"

OPERATIONS = (
    Operation("list participants", "GET", PARTICIPANTS, 200, deciding(list_all)),
    Operation("get participant", "GET", f"{PARTICIPANTS}/{{}}", 200, deciding(get)),
    Operation("add participant", "POST", f"{PARTICIPANTS}:add", 202),
    Operation("remove participant", "POST", f"{PARTICIPANTS}:remove", 202),
    Operation("mute participant", "POST", f"{PARTICIPANTS}:mute", 200),
    Operation("unmute participant", "POST", f"{PARTICIPANTS}:unmute", 200),
    Operation("cancel add participant", "POST", f"{PARTICIPANTS}:cancelAddParticipant", 202),
    Operation("move participants", "POST", f"{PARTICIPANTS}:moveHere", 202),
)
