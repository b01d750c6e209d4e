"""Calls: create, answer, redirect, reject, get, hang up, terminate (contract section 1.2, rows 1 to 9)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Operation, Request
from hookflash.calls.commands import (
    AnswerCall,
    CreateCall,
    GetCall,
    HangUp,
    RedirectCall,
    RejectCall,
    Terminate,
)
from hookflash.wire.models import (
    AnswerCallRequest,
    CreateCallRequest,
    RedirectCallRequest,
    RejectCallRequest,
)


def create(request: Request) -> CreateCall:
    return CreateCall(request.resource, request.version, request.read(CreateCallRequest))


def answer(request: Request) -> AnswerCall:
    return AnswerCall(request.resource, request.version, request.read(AnswerCallRequest))


def redirect(request: Request) -> RedirectCall:
    return RedirectCall(request.resource, request.version, request.read(RedirectCallRequest))


def reject(request: Request) -> RejectCall:
    return RejectCall(request.resource, request.version, request.read(RejectCallRequest))


def get(request: Request) -> GetCall:
    return GetCall(request.resource, request.version, request.ids[0])


def hang_up(request: Request) -> HangUp:
    return HangUp(request.resource, request.version, request.ids[0])


def terminate(request: Request) -> Terminate:
    return Terminate(request.resource, request.version, request.ids[0])


CALLS = "/calling/callConnections"
CALL = "/calling/callConnections/{}"

OPERATIONS = (
    Operation("create call", "POST", CALLS, 201, deciding(create), takes_body=True, repeatable=True),
    Operation(
        "answer call", "POST", f"{CALLS}:answer", 200, deciding(answer), takes_body=True, repeatable=True
    ),
    Operation(
        "redirect call",
        "POST",
        f"{CALLS}:redirect",
        204,
        deciding(redirect),
        takes_body=True,
        repeatable=True,
    ),
    Operation(
        "reject call", "POST", f"{CALLS}:reject", 204, deciding(reject), takes_body=True, repeatable=True
    ),
    Operation("connect call", "POST", f"{CALLS}:connect", 200),
    Operation("get call", "GET", CALL, 200, deciding(get)),
    Operation("hang up call", "DELETE", CALL, 204, deciding(hang_up)),
    Operation("terminate call", "POST", f"{CALL}:terminate", 204, deciding(terminate), repeatable=True),
    Operation("transfer to participant", "POST", f"{CALL}:transferToParticipant", 202),
)
