"""Calls: from create and answer to transfer and hang up (contract section 1.2, rows 1 to 9)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Request
from hookflash.calls.commands import (
    AnswerCall,
    Connect,
    CreateCall,
    GetCall,
    HangUp,
    RedirectCall,
    RejectCall,
    Terminate,
    Transfer,
)
from hookflash.wire.models import (
    AnswerCallRequest,
    ConnectRequest,
    CreateCallRequest,
    RedirectCallRequest,
    RejectCallRequest,
    TransferToParticipantRequest,
)


def create(request: Request) -> CreateCall:
    return CreateCall(request.resource, request.version, request.read(CreateCallRequest))


def answer(request: Request) -> AnswerCall:
    return AnswerCall(request.resource, request.version, request.read(AnswerCallRequest))


def redirect(request: Request) -> RedirectCall:
    return RedirectCall(request.resource, request.version, request.read(RedirectCallRequest))


def reject(request: Request) -> RejectCall:
    return RejectCall(request.resource, request.version, request.read(RejectCallRequest))


def connect(request: Request) -> Connect:
    return Connect(request.resource, request.version, request.read(ConnectRequest))


def get(request: Request) -> GetCall:
    return GetCall(request.resource, request.version, request.ids[0])


def hang_up(request: Request) -> HangUp:
    return HangUp(request.resource, request.version, request.ids[0])


def terminate(request: Request) -> Terminate:
    return Terminate(request.resource, request.version, request.ids[0])


def transfer(request: Request) -> Transfer:
    wanted = request.read(TransferToParticipantRequest)
    return Transfer(request.resource, request.version, request.ids[0], wanted)


RUNS = {
    "createCall": deciding(create),
    "answerCall": deciding(answer),
    "redirectCall": deciding(redirect),
    "rejectCall": deciding(reject),
    "connect": deciding(connect),
    "getCall": deciding(get),
    "hangupCall": deciding(hang_up),
    "terminateCall": deciding(terminate),
    "transferToParticipant": deciding(transfer),
}
