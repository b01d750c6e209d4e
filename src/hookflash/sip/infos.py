"""INFO inside dialogs (RFC 6086): keys, in the two legacy ways; nothing else is understood."""

from __future__ import annotations

from hookflash.sip import keys
from hookflash.sip.build import Extra
from hookflash.sip.core import Core
from hookflash.sip.dialogs import Dialog
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import KeyPressed
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request
from hookflash.sip.responder import Responder, warning
from hookflash.sip.session import Session, Stage


class InfoServer:
    """Answers the peer's INFOs."""

    def __init__(self, core: Core, responder: Responder) -> None:
        self._core = core
        self._responder = responder

    def receive(
        self, now: float, session: Session, dialog: Dialog, envelope: Envelope, request: Request, back: Flow
    ) -> None:
        """A key, or nothing: some peers only want to know whether we are there (RFC 6086 section 4.2)."""
        status, key = 200, ""
        extra: Extra = ()
        if session.quiet or session.stage in (Stage.LEAVING, Stage.GONE):
            status = 481
        elif "Info-Package" in request.headers:
            status, extra = 469, (("Recv-Info", ""),)
        elif request.body and not keys.is_key(request):
            status, extra = 415, (("Accept", keys.ACCEPTED),)
        elif request.body:
            try:
                key = keys.read(request)
            except ParseError as error:
                status, extra = error.status, (warning(error),)
        transaction = self._responder.open(envelope, request, back)
        self._responder.respond(now, transaction, request, status, session.local_tag, extra)
        if key:
            self._core.emit(session, KeyPressed(session.number, key))
