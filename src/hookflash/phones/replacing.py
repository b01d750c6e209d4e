"""Callers that take the place of a phone in a call (RFC 3891).

That is how the far side transfers a call after having asked: the PBX, or the phone it was transferred to,
calls us and names the dialog it replaces. The leg stays what it was for the call, its apps and its audio;
only who is at its far end is another, as with any transfer inside a PBX that we never hear of.
"""

from __future__ import annotations

import logging

from hookflash.calls.facts import Cause
from hookflash.phones.bearers import Bearers
from hookflash.phones.causes import parting
from hookflash.phones.config import PhoneConfig, TrunkConfig
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Leg, LegState, Moving
from hookflash.phones.signalling import Signalling
from hookflash.ports.clock import Clock
from hookflash.sip.dialog_headers import Replaces
from hookflash.sip.errors import ParseError
from hookflash.sip.events import IncomingInvite
from hookflash.sip.grammar import printable
from hookflash.sip.notices import Notices
from hookflash.sip.responder import sdp_of
from hookflash.sip.sdp import SessionDescription

log = logging.getLogger("hookflash.sip")


class Replacements:
    """Takes INVITEs with Replaces, or refuses them as RFC 3891 section 3 says."""

    def __init__(self, signalling: Signalling, legs: LegTable, bearers: Bearers, clock: Clock) -> None:
        self._signalling = signalling
        self._legs = legs
        self._bearers = bearers
        self._clock = clock
        self._notices = Notices()

    def invited(
        self, event: IncomingInvite, trunk: TrunkConfig | None, phone: PhoneConfig | None = None
    ) -> None:
        """Somebody calls to replace a phone; ``trunk`` or ``phone`` is whom the call comes from."""
        try:
            replaces = Replaces.parse(event.request.headers.get("Replaces") or "")
            leg = self._replaced(replaces, event, trunk, phone)
            status = leg if isinstance(leg, int) else self._take(leg, event)
        except ParseError as error:
            status = error.status
        if status:
            host = event.flow.remote[0]
            if (more := self._notices.due(self._clock.now(), "replacing", host)) is not None:
                log.info("not replaced", extra={"peer": host, "status": status} | more)
            self._signalling.refuse(event.session, status)

    def _replaced(
        self,
        replaces: Replaces,
        event: IncomingInvite,
        trunk: TrunkConfig | None,
        phone: PhoneConfig | None,
    ) -> Leg | int:
        """The leg whose phone is replaced, or why not: 481 there is none, 486 it is answered already, 403 it
        is not theirs, 603 it cannot be replaced now.
        """
        found = self._signalling.find(replaces.call_id, replaces.to_tag, replaces.from_tag)
        leg = None if found is None else self._legs.of_session(found)
        if leg is None or leg.session == event.session:
            return 481
        if phone is not None:
            # Registered phones stand in one office: the other one said which dialog it is.
            theirs = bool(leg.phone)
        else:
            theirs = leg.trunk == trunk.name if trunk is not None else leg.peer == event.flow.remote[0]
        if not theirs:
            return 403
        if leg.state is not LegState.UP:
            # Picking up a call that still rings is the app's business, as is answering one that comes in.
            return 603 if leg.state is LegState.DIALLING else 481
        if replaces.early_only:
            return 486
        return leg if leg.moving is Moving.NO and not leg.referring else 603

    def _take(self, leg: Leg, event: IncomingInvite) -> int:
        """Let the new session have the leg; 0, or the status to refuse it with."""
        offer = sdp_of(event.request)
        described = SessionDescription.parse(offer) if offer else None
        former = leg.negotiation
        negotiation = self._bearers.negotiate(leg, event.flow)
        answer = negotiation.offer() if described is None else negotiation.answer(described)
        if answer is None:
            leg.negotiation = former
            return 488
        log.info(
            "replaced",
            extra=leg.fields
            | {
                "by": event.flow.remote[0],
                "referrer": printable(event.request.headers.get("Referred-By") or ""),
            },
        )
        old = leg.session
        self._legs.bind(leg, event.session)
        leg.flow, leg.peer, leg.call_id = event.flow, event.flow.remote[0], printable(event.request.call_id)
        leg.offer, leg.told_port = offer, leg.port
        self._legs.talks(leg)
        self._bearers.connect(leg)
        self._signalling.answer(event.session, answer.to_bytes())
        self._signalling.end(old, 480, "", parting(Cause(200, "OK")))
        return 0
