"""Calls that come in, from trunks and registered phones."""

from __future__ import annotations

import logging
from collections.abc import Callable

from hookflash.calls.effects import AnswerLeg, RefuseLeg, RingLeg
from hookflash.calls.facts import Cause, IncomingLeg
from hookflash.phones.bearers import Bearers
from hookflash.phones.call_caps import source_of_phone, source_of_stranger
from hookflash.phones.callers import Owner, nobody
from hookflash.phones.causes import warning
from hookflash.phones.config import PhoneConfig, PhonesConfig, TrunkConfig
from hookflash.phones.identities import callee_of, caller_of, custom_headers, diverted_from
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Leg, LegState
from hookflash.phones.registered.registrar import Registrar
from hookflash.phones.replacing import Replacements
from hookflash.phones.routes import Sources
from hookflash.phones.signalling import Signalling
from hookflash.phones.tasks import Tasks
from hookflash.phones.trunks.desk import TrunkDesk
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Acked, IncomingInvite
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.notices import Notices
from hookflash.sip.offer import objection
from hookflash.sip.responder import sdp_of
from hookflash.sip.sdp import SessionDescription
from hookflash.wire.identifiers import Identifier

log = logging.getLogger("hookflash.sip")

_SHOWN = 200
"""Characters of an offer in the log at most."""


class InboundCalls:
    """Takes INVITEs, and rings, answers and refuses them.

    ``new_leg`` mints the numbers of their legs; ``strangers`` has what is agreed with callers of no trunk.
    """

    def __init__(
        self,
        signalling: Signalling,
        legs: LegTable,
        bearers: Bearers,
        sources: Sources,
        tasks: Tasks,
        sink: FactSink,
        new_leg: Callable[[], int],
        strangers: PhonesConfig,
        replacements: Replacements,
        registrar: Registrar,
        desk: TrunkDesk,
        clock: Clock,
        owner: Owner = nobody,
    ) -> None:
        self._owner = owner
        self._signalling = signalling
        self._legs = legs
        self._bearers = bearers
        self._sources = sources
        self._tasks = tasks
        self._sink = sink
        self._new_leg = new_leg
        self._strangers = strangers
        self._replacements = replacements
        self._registrar = registrar
        self._desk = desk
        self._clock = clock
        self._notices = Notices()

    def invited(self, event: IncomingInvite, proved: TrunkConfig | PhoneConfig | None = None) -> None:
        """Somebody calls: report it, or refuse what can be no call.

        ``proved`` is the trunk or phone it is by its password; otherwise its address or certificate says
        which trunk it is.
        """
        flow = event.flow
        phone = proved if isinstance(proved, PhoneConfig) else None
        trunk = None if phone is not None else proved or self._sources.of(flow)
        assert not isinstance(trunk, PhoneConfig)
        event, trunk = self._desk.called(event, trunk)
        request = event.request
        terms = phone or trunk or self._strangers
        if trunk is not None and trunk.takes_refer:
            self._signalling.let_refer(event.session)
        if "Replaces" in request.headers:
            self._replacements.invited(event, trunk, phone)
            return
        try:
            rules = trunk.inbound_caller_rewrite if trunk is not None else ()
            caller, display_name = caller_of(request, trunk is not None, rules)
            if phone is None:
                callee = callee_of(request, trunk.inbound_rewrite if trunk is not None else ())
            else:
                callee, caller = self._registrar.callee(request), phone.user
            offer = sdp_of(request)
            against = objection(SessionDescription.parse(offer), terms.codecs, terms.srtp) if offer else None
        except ParseError as error:
            self._tell("bad INVITE", flow, problem=str(error))
            self._signalling.refuse(event.session, error.status)
            return
        if callee is None:
            self._signalling.refuse(event.session, 404)
            return
        if trunk is not None and trunk.resource:
            owned_by = self._owner(callee.phone_number or "")
            if owned_by is not None and owned_by.casefold() != trunk.resource:
                self._tell("call refused", flow, trunk=trunk.name, problem="the number is another resource's")
                self._signalling.refuse(event.session, 404)
                return
        if against is not None:
            why = {
                "problem": against[1],
                "offered": _offered(offer),
                "taken": f"{', '.join(terms.codecs)}; srtp {terms.srtp}",
                "trunk": "-" if trunk is None else trunk.name,
                "phone": "-" if phone is None else phone.username,
            }
            self._tell("no common media", flow, **why)
            self._signalling.refuse(event.session, 488, headers=warning(against))
            return
        refusal = self._desk.admit(trunk) if trunk is not None else None
        if refusal is not None:
            if refusal.told:
                log.warning("call refused", extra={"peer": flow.remote[0], "problem": refusal.reason})
            again = ("Retry-After", str(refusal.retry_after))
            self._signalling.refuse(event.session, 503, headers=(again,))
            return
        leg = Leg(
            self._new_leg(),
            LegState.OFFERED,
            event.session,
            peer=flow.remote[0],
            call_id=printable(request.call_id),
            trunk="" if trunk is None else trunk.name,
            phone="" if phone is None else phone.username,
            source=_source(trunk, phone, flow.remote[0]),
            info_keys="" if isinstance(terms, PhonesConfig) else terms.info_keys,
            refers=trunk is not None and trunk.transfers,
            flow=flow,
            offer=offer,
            codecs=terms.codecs,
            srtp=terms.srtp,
        )
        self._legs.add(leg)
        log.info(
            "call in",
            extra=leg.fields
            | {
                "to": printable(callee.raw_id),
                "trunk": leg.trunk,
                "phone": leg.phone,
                "diverted": diverted_from(request),
            },
        )
        outward = None if phone is None else self._outward(phone, callee)
        headers = custom_headers(request)
        self._sink(IncomingLeg(leg.leg, caller, callee, display_name, headers, outward=outward))

    def _tell(self, what: str, flow: Flow, **more: str) -> None:
        """A line in the log, unless this caller has filled too much of it already."""
        due = self._notices.due(self._clock.now(), what, flow.remote[0])
        if due is not None:
            log.info(what, extra={"peer": flow.remote[0]} | more | due)

    def _outward(self, phone: PhoneConfig, callee: Identifier) -> str | None:
        """What a phone shows to a number that nobody here owns; None when it may not dial it."""
        number = callee.phone_number
        allowed = number is not None and self._registrar.may_dial(phone, number)
        return phone.caller if allowed else None

    def ring(self, effect: RingLeg) -> None:
        """Tell a caller that it rings."""
        leg = self._legs.get(effect.leg)
        if leg is not None and leg.state is LegState.OFFERED:
            self._signalling.ring(leg.session)

    def refuse(self, effect: RefuseLeg) -> None:
        """Refuse a leg that is not answered yet; no fact follows."""
        leg = self._legs.get(effect.leg)
        if leg is not None and leg.state is LegState.OFFERED:
            self._legs.leave(leg, effect.status, effect.reason, retry_after=effect.retry_after)

    def answer(self, effect: AnswerLeg) -> None:
        """Answer a leg; LegUp or LegFailed follows."""
        leg = self._legs.get(effect.leg)
        if leg is not None and leg.state is LegState.OFFERED:
            leg.state, leg.call = LegState.ANSWERING, effect.call
            self._tasks.spawn(self._legs.see_through(leg, lambda: self._answer(leg)))

    async def _answer(self, leg: Leg) -> None:
        if not await self._bearers.open(leg) or leg.flow is None:
            return
        negotiation = self._bearers.negotiate(leg, leg.flow)
        if leg.offer:
            description = negotiation.answer(SessionDescription.parse(leg.offer))
            if description is None:
                self._legs.fail(leg, 488, "No common codec")
                return
        else:
            description = negotiation.offer()
        self._bearers.connect(leg)
        leg.accepted = True
        self._signalling.answer(leg.session, description.to_bytes())

    def acknowledged(self, leg: Leg, event: Acked) -> None:
        """The ACK of our 200, of the first or of one to a re-INVITE; it answers an offer of ours."""
        if leg.offer or not event.body:
            agreed = leg.negotiation is not None and leg.negotiation.media is not None
            settled = agreed and leg.connected is not None
        else:
            settled = self._bearers.agree(leg, event.body)
        if event.first and settled and leg.state is not LegState.UP:
            self._legs.up(leg)
        elif event.first and not settled:
            reason = "The ACK answers our offer with no audio we offered"
            if leg.state is LegState.UP:
                self._legs.lose(leg, Cause(488, reason))
            else:
                self._legs.fail(leg, 488, reason)


def _source(trunk: TrunkConfig | None, phone: PhoneConfig | None, host: str) -> str:
    """Whom a call counts for."""
    if phone is not None:
        return source_of_phone(phone.username)
    return "" if trunk is not None else source_of_stranger(host)


def _offered(offer: bytes) -> str:
    """The audio of an offer for the log: how it is carried, and in which codecs."""
    lines = []
    for media in SessionDescription.parse(offer).media:
        if media.kind == "audio":
            found = [
                (number, media.rtpmap(int(number)) if _is_type(number) else None) for number in media.formats
            ]
            names = [number if kind is None else f"{kind.encoding}/{kind.rate}" for number, kind in found]
            lines.append(f"{media.protocol} {' '.join(names)}")
    return printable("; ".join(lines), _SHOWN) or "no audio"


def _is_type(number: str) -> bool:
    return number.isdecimal() and len(number) <= 3
