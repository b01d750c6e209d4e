"""Answering requests without remembering anything of them (RFC 3261 section 8.2.7), and where answers go."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from hookflash.sip.build import ABILITIES, Extra
from hookflash.sip.core import Core
from hookflash.sip.envelope import Envelope
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, reply
from hookflash.sip.transactions import server_key


class BriefAnswer(NamedTuple):
    """The answer to somebody we want nothing from; with status 0 there is none."""

    status: int
    reason: str = ""
    headers: Extra = ()


SILENCE = BriefAnswer(0)
"""Not a word: nobody shall know that there is somebody."""


Judge = Callable[[Request], BriefAnswer | None]
"""Says how to refuse a request that belongs to no call; None when it is welcome."""


def trace(request: Request, flow: Flow) -> Flow:
    """Write the real source into the top Via and say where responses go (section 18.2, RFC 3581).

    A ``maddr`` is not followed: it would let anybody aim our responses at others.
    """
    via = request.via.received_from(*flow.remote)
    request.headers.replace_first("Via", str(via))
    return flow if flow.reliable else flow.towards((flow.remote[0], via.rport or via.effective_port))


class Stateless:
    """The answers that cost no memory: to strangers, to broken requests, and when there is no room."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def respond(self, request: Request, status: int, back: Flow, extra: Extra = (), reason: str = "") -> None:
        """Send one response; a repeated request gets another."""
        response = reply(request, status, reason, to_tag=self._core.new_tag())
        response.headers.extend((*extra, ("Server", self._core.settings.name)))
        self._core.send(response.to_bytes(), back)

    def turn_away(self, envelope: Envelope, request: Request, back: Flow, judge: Judge) -> bool:
        """Answer somebody we want nothing from; False when the request is welcome, or part of something we
        have.

        With a transaction for each, anybody could fill our table of them.
        """
        core = self._core
        lost = request.method == "CANCEL" or bool(envelope.to_tag)
        if request.method == "CANCEL":
            if core.transactions.find(server_key(envelope, "INVITE")) is not None:
                return False
        elif (envelope.call_id, envelope.to_tag, envelope.from_tag) in core.dialogs:
            return False
        refusal = judge(request)
        if refusal is None:
            return False
        if refusal.status == 0:
            return True
        if lost:
            refusal = BriefAnswer(481)
        elif request.method == "OPTIONS":
            refusal = BriefAnswer(200, "", ABILITIES)
        self.respond(request, refusal.status, back, refusal.headers, refusal.reason)
        return True
