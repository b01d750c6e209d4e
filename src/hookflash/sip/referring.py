"""REFER inside dialogs (RFC 3515), as the one who asks: the peer is to call somebody, for example to take the
other party of our call over. Its NOTIFYs tell what becomes of that; one REFER of ours is under way at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.sip.build import SUPPORTED, Extra
from hookflash.sip.core import Core
from hookflash.sip.dialog_headers import Replaces
from hookflash.sip.dialogs import Dialog
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import ReferProgress, ReferRefused, ReferTaken
from hookflash.sip.flow import Flow
from hookflash.sip.headers import NameAddr
from hookflash.sip.message import Request, Response
from hookflash.sip.refer_headers import (
    MAX_SIPFRAG,
    SIPFRAG,
    SubscriptionState,
    event_of,
    read_fragment,
    refer_to,
    subscribes,
)
from hookflash.sip.responder import Responder, warning
from hookflash.sip.session import Referring, Session, Stage

PATIENCE = 200.0
"""Seconds after a REFER was taken in which its outcome has to be told: a call may ring for three minutes."""

_ENDED = {"rejected": 603, "timeout": 408, "giveup": 408, "deactivated": 500, "probation": 503}
"""What a subscription stands for that ends without a final response, by its reason (RFC 6665)."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A REFER to send: ``uri`` is whom the peer is to call.

    ``replaces`` is the dialog the call is to take the place of, as its target sees it, ``headers`` those the
    call is to have besides. ``by`` is the address in Referred-By, "" for none. Without ``subscribe`` the peer
    is asked not to tell what becomes of it (RFC 4488).
    """

    uri: str
    by: str = ""
    replaces: Replaces | None = None
    headers: tuple[tuple[str, str], ...] = ()
    subscribe: bool = True


class ReferClient:
    """Sends REFERs."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def refer(self, now: float, session: Session, asking: Asking) -> bool:
        """Send one; False when it may not be sent now."""
        dialog = session.dialog
        if dialog is None or session.stage is not Stage.UP or session.quiet:
            return False
        if session.referring is not None or (dialog.methods is not None and not dialog.allows("REFER")):
            return False
        target = refer_to(asking.uri, asking.replaces, asking.headers)
        by = str(NameAddr.parse(asking.by)) if asking.by else ""
        request = dialog.request("REFER", self._core.new_branch())
        request.headers.add("Contact", session.contact)
        request.headers.add("Refer-To", target)
        if by:
            request.headers.add("Referred-By", by)
        if not asking.subscribe:
            request.headers.add("Refer-Sub", "false")
        request.headers.add("Supported", SUPPORTED)
        session.referring = Referring(dialog, request.cseq.number, asking.subscribe)
        self._core.ask(now, session, dialog, request)
        return True

    def responded(self, now: float, session: Session, response: Response) -> None:
        """A final response to it, other than a challenge that is being answered."""
        referring = session.referring
        if response.status < 300:
            if referring is not None and not referring.taken:
                self._taken(now, session, referring, response)
            return
        if referring is not None:
            _forget(session, referring)
            self._core.emit(session, ReferRefused(session.number, response.status, response.reason))
        if response.status in (408, 481):
            self._core.lost(now, session, response.status, response.reason, response.headers)

    def _taken(self, now: float, session: Session, referring: Referring, response: Response) -> None:
        referring.taken = True
        try:
            told = subscribes(response.headers)
        except ParseError:
            told = True
        if told and (referring.subscribed or "Refer-Sub" in response.headers):
            referring.timer = self._core.timers.set(now + PATIENCE, self._never_told, session, referring)
        else:
            # A peer that knows nothing of Refer-Sub tells all the same: its NOTIFY gets 481, which ends that.
            told = False
            _forget(session, referring)
        self._core.emit(session, ReferTaken(session.number, told))

    def _never_told(self, session: Session, referring: Referring, now: float) -> None:
        _forget(session, referring)
        self._core.emit(session, ReferProgress(session.number, 408, "Nothing was told in time", True))


class NotifyServer:
    """Takes the NOTIFYs about REFERs of ours."""

    def __init__(self, core: Core, responder: Responder) -> None:
        self._core = core
        self._responder = responder

    def receive(
        self, now: float, session: Session, dialog: Dialog, envelope: Envelope, request: Request, back: Flow
    ) -> None:
        """One NOTIFY inside a dialog; it may come before the 202 (RFC 3515 section 2.4.4)."""
        try:
            refusal = self._refusal(session, dialog, request)
            if refusal is None:
                state, told = SubscriptionState.of(request.headers), None
                if request.body:
                    told = read_fragment(request.body)
        except ParseError as error:
            refusal = error.status, (warning(error),)
        if refusal is not None:
            self._responder.refuse(now, envelope, request, back, *refusal)
            return
        transaction = self._responder.open(envelope, request, back)
        self._responder.respond(now, transaction, request, 200, session.local_tag)
        self._progress(session, state, told)

    @staticmethod
    def _refusal(session: Session, dialog: Dialog, request: Request) -> tuple[int, Extra] | None:
        package, number = event_of(request.headers)
        if package != "refer":
            return 489, (("Allow-Events", "refer"),)
        referring = session.referring
        if session.quiet or referring is None or referring.dialog is not dialog:
            return 481, ()
        if number is not None and not referring.number <= number <= dialog.local_number:
            return 481, ()
        if len(request.body) > MAX_SIPFRAG:
            return 413, ()
        kind = request.content_type
        if request.body and (kind is None or kind.essence != SIPFRAG):
            return 415, (("Accept", SIPFRAG),)
        return None

    def _progress(self, session: Session, state: SubscriptionState, told: tuple[int, str] | None) -> None:
        """Some end the subscription late or never: a final response is the last word either way, and so is
        the end of the subscription.
        """
        referring = session.referring
        if referring is None:
            return
        status, reason = told or (referring.told or 100, "")
        referring.told = status
        final = status >= 200 or state.over
        if status < 200 and state.over:
            status, reason = _ENDED.get(state.reason, 500), "The outcome was not told"
        if final:
            _forget(session, referring)
        self._core.emit(session, ReferProgress(session.number, status, reason, final))


def _forget(session: Session, referring: Referring) -> None:
    """It is settled."""
    session.referring = None
    if referring.timer is not None:
        referring.timer.cancel()
