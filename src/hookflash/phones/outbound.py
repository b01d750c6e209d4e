"""Calls we make: along the routes, from target to target until one takes the call."""

from __future__ import annotations

import logging
from dataclasses import replace

from hookflash.calls.effects import DialLeg
from hookflash.calls.facts import Cause
from hookflash.phones.bearers import Bearers
from hookflash.phones.callers import Owner, shown_to
from hookflash.phones.causes import NO_ENDPOINT, NO_TRUNK, NOT_ALLOWED, THROTTLED, WORKER_FULL, failure_of
from hookflash.phones.config import SearchRules, TrunkConfig
from hookflash.phones.identities import ANONYMOUS, identity_headers, sendable_headers
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Candidate, Leg, LegState
from hookflash.phones.route_book import RouteBook
from hookflash.phones.routes import Sources
from hookflash.phones.searching import Search, moves_on, redirects, request_uri, rest_of
from hookflash.phones.signalling import Signalling
from hookflash.phones.tasks import Tasks
from hookflash.phones.tolls import TollGate
from hookflash.phones.trunks.desk import TrunkDesk
from hookflash.ports.clock import Clock
from hookflash.sip.events import Failed
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.headers import NameAddr
from hookflash.sip.ua import Outgoing
from hookflash.sip.uri import SipUri
from hookflash.wire.identifiers import IdentifierKind

log = logging.getLogger("hookflash.sip")

_REDIRECTED = Cause(503, "the call was redirected, and no further target may be tried")
_LIMITS = {"calls": WORKER_FULL, "calls_per_second": THROTTLED}
"""Sub-codes of the limits of a trunk."""
_ALERTED = (180, 182)
"""Provisional responses that say that the callee knows."""


class OutboundCalls:
    """Dials, and follows what becomes of it until the leg is up or has failed."""

    def __init__(
        self,
        signalling: Signalling,
        legs: LegTable,
        bearers: Bearers,
        routes: RouteBook,
        sources: Sources,
        tasks: Tasks,
        clock: Clock,
        rules: SearchRules,
        owner: Owner,
        tolls: TollGate,
        desk: TrunkDesk,
    ) -> None:
        self._signalling = signalling
        self._legs = legs
        self._bearers = bearers
        self._routes = routes
        self._sources = sources
        self._tasks = tasks
        self._clock = clock
        self._rules = rules
        self._owner = owner
        self._tolls = tolls
        self._desk = desk

    def dial(self, effect: DialLeg) -> None:
        """Call a number through the routes; LegRinging, LegUp, LegFailed follow."""
        leg = Leg(effect.leg, LegState.DIALLING, call=effect.call, effect=effect)
        leg.search = Search(self._clock.now())
        self._legs.add(leg)
        refusal = self._route(leg, effect)
        if refusal is not None:
            self._tasks.spawn(self._unroutable(leg, refusal))
        else:
            self._tasks.spawn(self._legs.see_through(leg, lambda: self._dial(leg)))

    def _route(self, leg: Leg, effect: DialLeg) -> Cause | None:
        target, number = effect.target, effect.target.phone_number
        if target.kind is not IdentifierKind.PHONE_NUMBER or number is None or number == ANONYMOUS:
            who = printable(target.raw_id)
            return Cause(480, f"{who} has no phone; only phone numbers can be dialled", NO_ENDPOINT)
        # A trunk that is down is tried when there is nothing else: it may be up again by then.
        found = self._routes.choices(number, effect.resource)
        choices = sorted(found, key=lambda choice: not self._desk.up(choice.trunk))
        leg.candidates = [
            Candidate(choice.trunk, choice.number, target)
            for choice in choices
            for target in self._desk.order(choice.trunk)
        ]
        refused = self._tolls.admit(leg.leg, number, effect.caller, effect.resource)
        if refused is not None:
            return refused
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
            await self._try_next(leg)

    async def _try_next(self, leg: Leg) -> None:
        """Call the next target; when none is left or may be tried, report the best of the failures."""
        search = leg.search
        while search is not None and leg.state is LegState.DIALLING and leg.candidates:
            if limit := search.exhausted(self._clock.now(), self._rules):
                skipped = len(leg.candidates)
                log.warning("search ended", extra=leg.fields | {"limit": limit, "skipped": skipped})
                break
            candidate = leg.candidates.pop(0)
            trunk, flow = candidate.trunk, candidate.flow
            if flow is None:
                try:
                    flows = await self._signalling.flows_to(trunk, candidate.target)
                except OSError as error:
                    search.local.append(
                        Cause(503, f"trunk {trunk.name} cannot be reached at {candidate}: {error}")
                    )
                    log.warning(
                        "unreachable", extra=leg.fields | {"trunk": trunk.name, "problem": str(error)}
                    )
                    continue
                leg.candidates[:0] = [replace(candidate, flow=flow) for flow in flows]
                continue
            if leg.effect is None:
                return
            shown = shown_to(trunk, leg.effect.caller, leg.effect.resource, self._owner)
            if shown is None:
                search.local.append(_unshowable(leg.effect, trunk))
                log.warning("caller refused", extra=leg.fields | {"trunk": trunk.name})
                continue
            if not self._admitted(leg, search, trunk):
                continue
            self._sources.learn(flow.remote[0], trunk)
            leg.candidate, leg.flow, leg.peer = candidate, flow, flow.remote[0]
            self._legs.carry(leg, trunk.name)
            leg.info_keys, leg.refers = trunk.info_keys, trunk.transfers
            leg.codecs, leg.srtp = trunk.codecs, trunk.srtp
            offer = self._bearers.negotiate(leg, flow).offer()
            uri = request_uri(candidate, flow.transport)
            try:
                outgoing = _outgoing(leg.effect, candidate, uri, shown, flow, offer.to_bytes())
                session, outputs = self._signalling.invite(outgoing)
            except ValueError as error:
                self._legs.failed(leg, Cause(400, f"the call cannot be written as an INVITE: {error}"))
                return
            self._legs.bind(leg, session)
            leg.call_id = self._signalling.call_id(session)
            search.attempts += 1
            search.tried.add(str(uri))
            called = {"to": printable(candidate.number), "trunk": trunk.name, "attempt": search.attempts}
            log.info("call out", extra=leg.fields | called)
            self._signalling.perform(outputs)
            return
        if search is not None and leg.state is LegState.DIALLING:
            self._legs.failed(leg, search.best())

    def _admitted(self, leg: Leg, search: Search, trunk: TrunkConfig) -> bool:
        """Whether a trunk may carry this call; when not, none of its targets is tried."""
        if trunk.name in search.admitted:
            return True
        refusal = self._desk.admit(trunk, counted=leg.trunk == trunk.name)
        if refusal is None:
            search.admitted.add(trunk.name)
            return True
        leg.candidates = [one for one in leg.candidates if one.trunk is not trunk]
        search.local.append(Cause(503, refusal.reason, _LIMITS[refusal.limit]))
        if refusal.told:
            log.warning("trunk full", extra=leg.fields | {"trunk": trunk.name, "problem": refusal.reason})
        return False

    def rings(self, leg: Leg, status: int) -> None:
        """A provisional response: when the callee is alerted the search is over, whatever comes."""
        leg.alerted = leg.alerted or status in _ALERTED
        self._legs.rings(leg)

    def progress(self, leg: Leg, body: bytes, status: int = 183) -> None:
        """A provisional response with early media: as good as ringing, but it may be an announcement."""
        self._bearers.agree(leg, body)
        leg.alerted = leg.alerted or status in _ALERTED
        self._legs.rings(leg)

    def answered(self, leg: Leg, body: bytes) -> None:
        """A 200 with the answer to our offer."""
        if self._bearers.agree(leg, body):
            self._legs.up(leg)
        else:
            self._legs.fail(leg, 488, "The answer has no audio we offered")

    def failed(self, leg: Leg, event: Failed) -> None:
        """The session of a leg we dial failed: try the next target if that may help."""
        cause, search = failure_of(event), leg.search
        rest = rest_of(event)
        if leg.flow is not None and rest is not None and event.kind != "ring-timeout":
            self._signalling.avoid(leg.flow, rest)
        if search is None or leg.alerted or event.kind == "ring-timeout":
            self._legs.failed(leg, cause)
            return
        said = leg.fields | {"status": event.status, "reason": cause.reason, "attempt": search.attempts}
        if 300 <= event.status <= 399:
            further = self._redirected(leg, search, event)
            if further:
                leg.candidates[:0] = further
                search.local.append(_REDIRECTED)
                log.info("redirected", extra=said | {"to": ", ".join(str(one.uri) for one in further)})
                self._tasks.spawn(self._legs.see_through(leg, lambda: self._try_next(leg)))
                return
        search.failures.append(cause)
        if moves_on(event, cause):
            if leg.candidates:
                log.info("next target", extra=said)
            self._tasks.spawn(self._legs.see_through(leg, lambda: self._try_next(leg)))
        else:
            self._legs.failed(leg, cause)

    def _redirected(self, leg: Leg, search: Search, event: Failed) -> list[Candidate]:
        """Where a 3xx sends a call, as far as that is followed; none is called twice."""
        candidate = leg.candidate
        if candidate is None:
            return []
        trunk, further = candidate.trunk, []
        caller = leg.effect.caller if leg.effect is not None else None
        for one in redirects(event.headers, candidate, lambda host: self._sources.trunk(host) is trunk):
            if one.number != candidate.number and (why := self._tolls.forbids(one.number, caller)):
                log.warning("redirect not allowed", extra=leg.fields | {"to": str(one.uri), "problem": why})
            elif str(one.uri) not in search.tried:
                search.tried.add(str(one.uri))
                further.append(one)
        return further


def _unshowable(effect: DialLeg, trunk: TrunkConfig) -> Cause:
    number = printable(effect.caller or "")
    what = f"{number} may not be shown to trunk {trunk.name}; call from a number that its callers allow"
    return Cause(403, what, NOT_ALLOWED)


def _outgoing(
    effect: DialLeg, candidate: Candidate, uri: SipUri, number: str, flow: Flow, offer: bytes
) -> Outgoing:
    """The call to one target, in SIP's words; ``number`` is the caller's to show there."""
    trunk = candidate.trunk
    if number != ANONYMOUS:
        caller = NameAddr(effect.display_name, SipUri("sip", number, trunk.domain or flow.local[0]))
    else:
        caller = NameAddr("Anonymous", SipUri("sip", ANONYMOUS, "anonymous.invalid"))
    return Outgoing(
        str(uri),
        str(caller),
        str(NameAddr("", candidate.asked or replace(uri, port=None, params={}))),
        offer,
        flow,
        (*identity_headers(trunk, number, caller), *_referred(effect), *sendable_headers(effect.headers)),
        trunk.username,
        trunk.password,
        trunk.ring_timeout,
        trunk.session,
        trunk.takes_refer,
    )


def _referred(effect: DialLeg) -> tuple[tuple[str, str], ...]:
    """Who has referred somebody to the callee, and which call of the callee's it is to replace."""
    by = (("Referred-By", effect.referrer),) if effect.referrer else ()
    if not effect.replaces:
        return by
    return (*by, ("Require", "replaces"), ("Replaces", effect.replaces))
