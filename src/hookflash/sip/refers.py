"""REFER inside dialogs (RFC 3515), as the one who is asked to call somebody.

The owner decides whether a REFER is taken. With its 202 begins a subscription of the peer's, in which NOTIFYs
tell what has become of the call: 100 at once, then what the owner says, the last of which ends it. With
``Refer-Sub: false`` (RFC 4488) the answer is 200 and nothing is told. The subscription outlives the session:
a peer that hangs up as soon as we have taken its REFER is still told how that ended, until it says 481.
"""

from __future__ import annotations

import logging
from itertools import count

from hookflash.sip.build import SUPPORTED, Extra
from hookflash.sip.core import Core
from hookflash.sip.dialogs import Dialog
from hookflash.sip.envelope import Envelope
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Referred
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, Response
from hookflash.sip.refer_headers import SIPFRAG, ReferTo, fragment, referrer, subscribes
from hookflash.sip.responder import Responder, warning
from hookflash.sip.session import Asked, Session, Stage
from hookflash.sip.timers import Timer

log = logging.getLogger("hookflash.sip")

MOST_SUBSCRIPTIONS = 2
"""REFERs of one dialog under way at the same time."""
SUBSCRIPTION = 180.0
"""Seconds after which a subscription ends, whatever has become of the call."""
MAX_CHALLENGES = 2
"""How many challenges are answered in one subscription."""


class Subscription:
    """What one REFER asked for, as long as its sender wants to hear of it. ``event`` is the Event header.

    ``latest`` is what is to be told next, None when everything was; ``over`` says that this is the last word.
    """

    __slots__ = (
        "busy",
        "challenges",
        "dialog",
        "ends",
        "event",
        "latest",
        "number",
        "over",
        "said",
        "session",
        "timer",
    )

    def __init__(self, number: int, event: str, session: Session, dialog: Dialog, ends: float) -> None:
        self.number = number
        self.event = event
        self.session = session
        self.dialog = dialog
        self.ends = ends
        self.latest: tuple[int, str] | None = None
        self.said = (100, "")
        self.over = ""
        self.busy = False
        self.challenges = 0
        self.timer: Timer | None = None


class ReferServer:
    """Answers the peer's REFERs, and tells what becomes of those that were taken."""

    def __init__(self, core: Core, responder: Responder) -> None:
        self._core = core
        self._responder = responder
        self._numbers = count(1)
        self._subscriptions: dict[int, Subscription] = {}

    def __len__(self) -> int:
        return len(self._subscriptions)

    # --- from the network -------------------------------------------------------------------------------

    def receive(
        self, now: float, session: Session, dialog: Dialog, envelope: Envelope, request: Request, back: Flow
    ) -> None:
        """One REFER inside a dialog: the owner decides, unless it can not be taken anyway."""
        refusal = self._refusal(session)
        target, wanted = None, False
        if refusal is None:
            try:
                target, wanted = ReferTo.of(request), subscribes(request.headers)
            except ParseError as error:
                refusal = error.status, (warning(error),)
        if refusal is not None or target is None:
            self._responder.refuse(now, envelope, request, back, *(refusal or (400, ())))
            return
        number = next(self._numbers)
        transaction = self._responder.open(envelope, request, back)
        transaction.owner = session
        session.asked[number] = Asked(transaction, self._event(session, envelope.number), wanted)
        self._core.emit(session, Referred(session.number, number, target, referrer(request.headers), wanted))

    def _refusal(self, session: Session) -> tuple[int, Extra] | None:
        if session.quiet or session.stage in (Stage.LEAVING, Stage.GONE):
            return 481, ()
        if not session.refers:
            return 405, (("Allow", session.allow),)
        if session.stage is not Stage.UP:
            return 500, self._responder.later()
        if len(self._of(session)) + len(session.asked) >= MOST_SUBSCRIPTIONS:
            return 491, ()
        if len(self._subscriptions) >= self._core.settings.max_sessions:
            return 503, (("Retry-After", "10"),)
        return None

    def _of(self, session: Session) -> list[Subscription]:
        return [one for one in self._subscriptions.values() if one.session is session]

    def _event(self, session: Session, number: int) -> str:
        """The Event of its NOTIFYs: the second REFER of a dialog and later ones are told apart by their CSeq
        number (RFC 3515 section 2.4.6).
        """
        first, session.referred = not session.referred, True
        return "refer" if first else f"refer;id={number}"

    # --- from the owner ---------------------------------------------------------------------------------

    def accept(self, now: float, session: Session, number: int) -> None:
        """Take a REFER: 202 and the first NOTIFY, or 200 when nothing is to be told."""
        asked, dialog = session.asked.pop(number, None), session.dialog
        if asked is None or asked.transaction.request is None or dialog is None:
            return
        transaction, request = asked.transaction, asked.transaction.request
        extra: Extra = (("Contact", session.contact), ("Supported", SUPPORTED))
        if not asked.subscribed:
            extra = (*extra, ("Refer-Sub", "false"))
            self._responder.respond(now, transaction, request, 200, session.local_tag, extra)
            return
        self._responder.respond(now, transaction, request, 202, session.local_tag, extra)
        one = Subscription(number, asked.event, session, dialog, now + SUBSCRIPTION)
        self._subscriptions[number] = one
        one.timer = self._core.timers.set(one.ends, self._expired, one)
        self._say(now, one, 100, "")

    def refuse(self, now: float, session: Session, number: int, status: int) -> None:
        """Refuse a REFER with a final status (>= 300)."""
        asked = session.asked.pop(number, None)
        if asked is not None and asked.transaction.request is not None:
            transaction, request = asked.transaction, asked.transaction.request
            self._responder.respond(now, transaction, request, status, session.local_tag)

    def notify(self, now: float, number: int, status: int, reason: str) -> None:
        """Tell what has become of it; a final status (>= 200) is the last word."""
        one = self._subscriptions.get(number)
        if one is None or one.over:
            return
        if status >= 200:
            one.over = "noresource"
        self._say(now, one, status, reason)

    def part(self, now: float, session: Session) -> None:
        """Our BYE comes next: a last word goes out before it, be the NOTIFY before that answered or not, as
        many phones forget the call with the BYE.
        """
        for one in self._of(session):
            if one.over:
                self._send(now, one)

    # --- inside -----------------------------------------------------------------------------------------

    def _say(self, now: float, one: Subscription, status: int, reason: str) -> None:
        one.latest = one.said = (status, reason)
        if not one.busy:
            self._send(now, one)

    def _send(self, now: float, one: Subscription) -> None:
        """One NOTIFY at a time; what is overtaken meanwhile is not told."""
        if one.latest is None:
            return
        (status, reason), one.latest = one.latest, None
        request = one.dialog.request("NOTIFY", self._core.new_branch())
        left = max(1, round(one.ends - now))
        state = f"terminated;reason={one.over}" if one.over else f"active;expires={left}"
        for name, value in (
            ("Event", one.event),
            ("Subscription-State", state),
            ("Contact", one.session.contact),
            ("Content-Type", f"{SIPFRAG};version=2.0"),
        ):
            request.headers.add(name, value)
        request.body = fragment(status, reason)
        if one.session.auth is not None:
            one.session.auth.apply(request)
        request.headers.add("User-Agent", self._core.settings.name)
        one.busy = True
        self._core.transactions.request(now, request, request.via.branch or "", one.dialog.path(), one)

    def responded(self, now: float, one: Subscription, response: Response) -> None:
        """The peer has answered a NOTIFY: anything but a 2xx ends the subscription (RFC 5057)."""
        if response.status < 200:
            return
        one.busy = False
        if response.status in (401, 407) and self._proves(one, response):
            one.latest = one.latest or one.said
            self._send(now, one)
        elif response.status >= 300:
            log.info("not told", extra={"call_id": one.session.call_id, "status": response.status})
            self._drop(one)
        elif one.latest is not None:
            self._send(now, one)
        elif one.over:
            self._drop(one)

    @staticmethod
    def _proves(one: Subscription, response: Response) -> bool:
        """Whether a challenge can be answered."""
        auth = one.session.auth
        if auth is None or one.challenges >= MAX_CHALLENGES or not auth.challenged(response):
            return False
        one.challenges += 1
        return True

    def unanswered(self, one: Subscription) -> None:
        """The peer does not answer our NOTIFYs."""
        self._drop(one)

    def _expired(self, one: Subscription, now: float) -> None:
        """It has lasted too long: the peer is told that it ends, and how things stand."""
        if not one.over:
            one.over = "timeout"
            self._say(now, one, *one.said)

    def _drop(self, one: Subscription) -> None:
        self._subscriptions.pop(one.number, None)
        if one.timer is not None:
            one.timer.cancel()
