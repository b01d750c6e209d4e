"""The audio of legs: a port of the plane, and what offer and answer (RFC 3264) agree on for it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from hookflash.phones.causes import warning, without_media
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Leg, LegState, connection
from hookflash.phones.signalling import Signalling
from hookflash.ports.clock import Clock
from hookflash.ports.plane import LegMedia, LegUnavailable
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Flow
from hookflash.sip.negotiation import Negotiation
from hookflash.sip.notices import Notices
from hookflash.sip.offer import AudioMedia, objection
from hookflash.sip.sdp import SessionDescription, is_loopback

log = logging.getLogger("hookflash.sip")


class Bearers:
    """Opens the media of legs and keeps the plane told of what was negotiated.

    ``address`` is the one our offers name; empty means the local address of the leg's flow.
    """

    def __init__(
        self,
        signalling: Signalling,
        legs: LegTable,
        media: LegMedia,
        address: str,
        entropy: Callable[[int], bytes],
        clock: Clock,
    ) -> None:
        self._signalling = signalling
        self._legs = legs
        self._media = media
        self._address = address
        self._entropy = entropy
        self._clock = clock
        self._notices = Notices()

    async def open(self, leg: Leg) -> bool:
        """Get the leg its media; False when it is gone (by then, or because of this)."""
        try:
            port = await self._media.open_leg(leg.leg, leg.call)
        except LegUnavailable as error:
            log.warning("no media", extra=leg.fields | {"problem": str(error)})
            self._legs.refuse(leg, without_media(error), retry_after=error.retry_after)
            return False
        if leg.state is LegState.GONE:
            self._media.close_leg(leg.leg)
            return False
        leg.port, leg.opened = port, True
        return True

    def negotiate(self, leg: Leg, flow: Flow) -> Negotiation:
        """Begin a negotiation for a leg with open media, forgetting an earlier one."""
        leg.negotiation = self.propose(leg, flow, leg.codecs, leg.srtp)
        return leg.negotiation

    def propose(self, leg: Leg, flow: Flow, codecs: tuple[str, ...], srtp: str) -> Negotiation:
        """A negotiation with one of several phones that may have a leg; keys and names are its own."""
        host = self._address or flow.local[0]
        number = str(int.from_bytes(self._entropy(6), "big"))
        return Negotiation(host, leg.port, number, codecs, srtp=srtp, entropy=self._entropy)

    def connect(self, leg: Leg) -> None:
        """Tell the plane what was agreed, when it changed."""
        media = leg.negotiation.media if leg.negotiation is not None else None
        if media is None:
            return
        command = connection(leg.leg, self._within_reach(leg, media))
        if command != leg.connected:
            leg.connected = command
            self._media.connect_leg(command)

    def _within_reach(self, leg: Leg, media: AudioMedia) -> AudioMedia:
        """Without addresses of our own host that a peer elsewhere has named: what it sends tells where it is.

        Nobody may aim our packets at what else listens here.
        """
        if is_loopback(leg.peer):
            return media
        if is_loopback(media.host):
            media = replace(media, host="")
        if is_loopback(media.rtcp_host):
            media = replace(media, rtcp_host="")
        return media

    def agree(self, leg: Leg, body: bytes) -> bool:
        """Take the peer's answer to our offer; without one the earlier (early media) stays. False when none
        fits.
        """
        negotiation = leg.negotiation
        if negotiation is None:
            return False
        if not body:
            return negotiation.media is not None
        try:
            if negotiation.accept(SessionDescription.parse(body)) is None:
                return False
        except ParseError as error:
            self._tell("bad answer", leg, str(error))
            return False
        self.connect(leg)
        return True

    def refreshed(self, leg: Leg, body: bytes) -> None:
        """The peer has answered our description that stands; it may have moved meanwhile."""
        if leg.negotiation is not None and body:
            leg.negotiation.restate()
            self.agree(leg, body)

    def reoffered(self, leg: Leg, body: bytes, method: str = "INVITE") -> bool:
        """Answer an offer anew: hold, resume, a new address, or a wish to hear ours. False when refused."""
        negotiation = leg.negotiation
        whole = method == "INVITE"
        if negotiation is None:
            if not whole:
                self._signalling.refuse_offer(leg.session, 488)
            return False
        leg.offer, leg.answered_port = body, leg.port
        if not body:
            self._signalling.answer(leg.session, negotiation.offer().to_bytes())
            return True
        refuse = self._signalling.refuse if whole else self._signalling.refuse_offer
        try:
            offer = SessionDescription.parse(body)
        except ParseError as error:
            self._tell("bad re-offer", leg, str(error))
            refuse(leg.session, error.status)
            return False
        description = negotiation.answer(offer)
        if description is None:
            found = objection(offer, leg.codecs, leg.srtp)
            self._tell("re-offer refused", leg, found[1] if found else "")
            refuse(leg.session, 488, headers=warning(found))
            return False
        self.connect(leg)
        if whole:
            self._signalling.answer(leg.session, description.to_bytes())
        else:
            self._signalling.answer_offer(leg.session, description.to_bytes())
        return True

    def _tell(self, what: str, leg: Leg, problem: str) -> None:
        """A line in the log about what a phone wants, unless it has filled too much of it already."""
        if (more := self._notices.due(self._clock.now(), what, leg.peer)) is not None:
            log.info(what, extra=leg.fields | {"problem": problem} | more)
