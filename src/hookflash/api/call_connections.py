"""Calls: create, answer, redirect, reject, get, hang up, terminate (contract section 1.2, rows 1 to 9)."""

from __future__ import annotations

from hookflash.api.calling import deciding
from hookflash.api.exchange import Request
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


RUNS = {
    "createCall": deciding(create),
    "answerCall": deciding(answer),
    "redirectCall": deciding(redirect),
    "rejectCall": deciding(reject),
    "getCall": deciding(get),
    "hangupCall": deciding(hang_up),
    "terminateCall": deciding(terminate),
}
