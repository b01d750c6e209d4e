"""Calls we make: along the routes, from target to target until one takes the call."""

from __future__ import annotations

import logging
from dataclasses import replace

from hookflash.calls.effects import DialLeg
from hookflash.calls.facts import Cause
from hookflash.phones.bearers import Bearers
from hookflash.phones.causes import NO_ENDPOINT, NO_TRUNK, failure_of
from hookflash.phones.identities import ANONYMOUS, identity_headers, sendable_headers
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Candidate, Leg, LegState
from hookflash.phones.routes import Routes, Sources
from hookflash.phones.signalling import Signalling
from hookflash.phones.tasks import Tasks
from hookflash.sip.events import Failed
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.headers import NameAddr
from hookflash.sip.ua import Outgoing
from hookflash.sip.uri import SipUri
from hookflash.wire.identifiers import Identifier, IdentifierKind

log = logging.getLogger("hookflash.sip")

REST, MOST_REST = 60.0, 3600.0
"""Seconds for which a server that failed is tried after the others: usually, and at most."""
_NEXT_TARGET = (408, 503)
"""Outcomes that let the next target be tried (RFC 3263 section 4.3)."""


class OutboundCalls:
    """Dials, and follows what becomes of it until the leg is up or has failed."""

    def __init__(
        self,
        signalling: Signalling,
        legs: LegTable,
        bearers: Bearers,
        routes: Routes,
        sources: Sources,
        tasks: Tasks,
    ) -> None:
        self._signalling = signalling
        self._legs = legs
        self._bearers = bearers
        self._routes = routes
        self._sources = sources
        self._tasks = tasks

    def dial(self, effect: DialLeg) -> None:
        """Call a number through the routes; LegRinging, LegUp, LegFailed follow."""
        leg = Leg(effect.leg, LegState.DIALLING, call=effect.call, effect=effect)
        self._legs.add(leg)
        refusal = self._route(leg, effect.target)
        if refusal is not None:
            self._tasks.spawn(self._unroutable(leg, refusal))
        else:
            self._tasks.spawn(self._dial(leg))

    def _route(self, leg: Leg, target: Identifier) -> Cause | None:
        number = target.phone_number
        if target.kind is not IdentifierKind.PHONE_NUMBER or number is None or number == ANONYMOUS:
            who = printable(target.raw_id)
            return Cause(480, f"{who} has no phone; only phone numbers can be dialled", NO_ENDPOINT)
        leg.candidates = [
            Candidate(choice.trunk, choice.number, target)
            for choice in self._routes.choices(number)
            for target in choice.trunk.targets
        ]
        if not leg.candidates:
            said = printable(number)
            hint = "" if said.startswith("+") else f", or write it as E.164 if +{said} is meant"
            return Cause(403, f"no trunk route matches {said}; add a route for it{hint}", NO_TRUNK)
        return None

    async def _unroutable(self, leg: Leg, cause: Cause) -> None:
        """Report a refusal from the event loop, never from inside :meth:`dial`."""
        if leg.state is not LegState.GONE:
            self._legs.failed(leg, cause)

    async def _dial(self, leg: Leg) -> None:
        if await self._bearers.open(leg):
            await self._try_next(leg, Cause(503, "no target of the trunk can be reached"))

    async def _try_next(self, leg: Leg, cause: Cause) -> None:
        """Call the next target; ``cause`` is what failed before, reported when none is left."""
        while leg.state is LegState.DIALLING and leg.candidates:
            candidate = leg.candidates.pop(0)
            trunk, flow = candidate.trunk, candidate.flow
            if flow is None:
                try:
                    flows = await self._signalling.flows_to(trunk, candidate.target)
                except OSError as error:
                    cause = Cause(503, f"trunk {trunk.name} cannot be reached at {candidate}: {error}")
                    log.warning(
                        "unreachable", extra=leg.fields | {"trunk": trunk.name, "problem": str(error)}
                    )
                    continue
                leg.candidates[:0] = [replace(candidate, flow=flow) for flow in flows]
                continue
            if leg.effect is None:
                return
            self._sources.learn(flow.remote[0], trunk)
            leg.candidate, leg.flow, leg.peer = candidate, flow, flow.remote[0]
            leg.trunk, leg.sends_info = trunk.name, trunk.info_keys
            leg.codecs, leg.srtp = trunk.codecs, trunk.srtp
            offer = self._bearers.negotiate(leg, flow).offer()
            try:
                outgoing = _outgoing(leg.effect, candidate, flow, offer.to_bytes())
                session, outputs = self._signalling.invite(outgoing)
            except ValueError as error:
                self._legs.failed(leg, Cause(400, f"the call cannot be written as an INVITE: {error}"))
                return
            self._legs.bind(leg, session)
            leg.call_id = self._signalling.call_id(session)
            log.info("call out", extra=leg.fields | {"to": printable(candidate.number), "trunk": trunk.name})
            self._signalling.perform(outputs)
            return
        if leg.state is LegState.DIALLING:
            self._legs.failed(leg, cause)

    def progress(self, leg: Leg, body: bytes) -> None:
        """A 183: early media, and as good as ringing."""
        self._bearers.agree(leg, body)
        self._legs.rings(leg)

    def answered(self, leg: Leg, body: bytes) -> None:
        """A 200 with the answer to our offer."""
        if self._bearers.agree(leg, body):
            self._legs.up(leg)
        else:
            self._legs.fail(leg, 488, "The answer has no audio we offered")

    def failed(self, leg: Leg, event: Failed) -> None:
        """The session of a leg we dial failed: try the next target if that may help."""
        cause = failure_of(event)
        if leg.flow is not None and event.kind != "ring-timeout" and event.status in _NEXT_TARGET:
            self._signalling.avoid(leg.flow, rest_of(event))
        if event.kind != "ring-timeout" and event.status in _NEXT_TARGET and leg.candidates and not leg.rang:
            log.info("next target", extra=leg.fields | {"status": event.status, "reason": cause.reason})
            self._tasks.spawn(self._try_next(leg, cause))
        else:
            self._legs.failed(leg, cause)


def rest_of(event: Failed) -> float:
    """Seconds for which other servers are tried first: those the server asks for, or some."""
    words = (event.headers.get("Retry-After") or "").split("(")[0].split(";")[0].strip()
    return float(min(int(words), MOST_REST)) if words.isdecimal() and len(words) < 10 else REST


def _outgoing(effect: DialLeg, candidate: Candidate, flow: Flow, offer: bytes) -> Outgoing:
    """The call to one target, in SIP's words."""
    trunk, (host, port) = candidate.trunk, candidate.target
    usual = 5061 if flow.transport == "TLS" else 5060
    implied = flow.transport == "UDP" or (trunk.sips and flow.transport == "TLS")
    params = {} if implied else {"transport": flow.transport.lower()}
    scheme = "sips" if trunk.sips else "sip"
    uri = SipUri(scheme, candidate.number, host.lower(), None if port == usual else port, params)
    number = effect.caller or trunk.caller
    if number and number != ANONYMOUS:
        caller = NameAddr(effect.display_name, SipUri("sip", number, trunk.domain or flow.local[0]))
    else:
        caller = NameAddr("Anonymous", SipUri("sip", ANONYMOUS, "anonymous.invalid"))
    return Outgoing(
        str(uri),
        str(caller),
        str(NameAddr("", replace(uri, port=None, params={}))),
        offer,
        flow,
        (*identity_headers(trunk, number, caller), *sendable_headers(effect.headers)),
        trunk.username,
        trunk.password,
        trunk.ring_timeout,
        trunk.session,
    )
