"""Phones behind SIP trunks: carries out the effects on legs and reports what becomes of them.

It drives one :class:`~hookflash.sip.ua.UserAgent` over the network it is attached to, and asks the plane for
the audio of each leg. Every leg it has reported or was asked to dial ends in exactly one of: a fact that says
so (LegFailed, LegDown), or an effect that asked for it (refuse, end); either way its media leg is closed.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from typing import Protocol

from hookflash.calls.effects import AnswerLeg, DialLeg, EndLeg, RefuseLeg, RingLeg
from hookflash.calls.facts import Cause, IncomingLeg, LegDown, LegFailed, LegRinging, LegUp
from hookflash.phones.config import PhonesConfig
from hookflash.phones.identities import (
    ANONYMOUS,
    callee_of,
    caller_of,
    cause_of,
    custom_headers,
    sendable_headers,
)
from hookflash.phones.legs import Candidate, Leg, LegState, connection
from hookflash.phones.routes import Routes, Sources
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.edges import FactSink
from hookflash.ports.plane import LegMedia, LegUnavailable
from hookflash.sip.errors import ParseError
from hookflash.sip.events import (
    Acked,
    Answered,
    Cancelled,
    Ended,
    Failed,
    IncomingInvite,
    Progress,
    Reanswered,
    Reoffered,
    ReofferRefused,
    Ringing,
)
from hookflash.sip.flow import Flow, Send
from hookflash.sip.grammar import printable
from hookflash.sip.headers import NameAddr
from hookflash.sip.offer import Negotiation, answer
from hookflash.sip.sdp import SessionDescription
from hookflash.sip.ua import Outgoing, Output, Settings, UserAgent
from hookflash.sip.uas import sdp_of
from hookflash.sip.uri import SipUri
from hookflash.wire.identifiers import Identifier, IdentifierKind

log = logging.getLogger("hookflash.sip")

NO_TRUNK = 511532
"""Sub-code: no SIP trunk for this number (contract section 4.5)."""
RING_TIMEOUT = 10004
"""Sub-code: nobody answered in time (contract section 4.5)."""
NO_ENDPOINT = 10037
"""Sub-code: the user has no phone (contract section 4.5)."""

_NEXT_TARGET = (408, 503)
"""Outcomes that let the next target be tried (RFC 3263 section 4.3)."""


class Network(Protocol):
    """What the phones need from the transports."""

    def send(self, data: bytes, flow: Flow) -> None: ...

    async def flow_to(self, transport: str, host: str, port: int) -> Flow:
        """The path to a host. OSError when there is none."""
        ...


class TrunkPhones:
    """Implements :class:`hookflash.ports.edges.Phones` for SIP trunks.

    Wire it up with :meth:`attach`, and let the transports call :meth:`receive`, :meth:`broken` and
    :meth:`malformed`. ``new_leg`` mints leg numbers for calls that come in; facts go to ``sink``. Raises
    RouteError for a configuration that cannot work.
    """

    def __init__(
        self,
        config: PhonesConfig,
        media: LegMedia,
        sink: FactSink,
        new_leg: Callable[[], int],
        clock: Clock,
        *,
        settings: Settings | None = None,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._config = config
        self._routes = Routes(config.trunks, config.routes)
        self._sources = Sources(config.trunks)
        self._media = media
        self._sink = sink
        self._new_leg = new_leg
        self._clock = clock
        self._entropy = entropy
        self._agent = UserAgent(settings or Settings(), entropy)
        self._network: Network | None = None
        self._legs: dict[int, Leg] = {}
        self._sessions: dict[int, Leg] = {}
        self._timer: Timer | None = None
        self._armed: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def attach(self, network: Network) -> None:
        """Say where messages go out; before anything else."""
        self._network = network

    async def resolve_trunks(self) -> None:
        """Look the trunks' target names up, so that calls from them are known before the first call to them.

        Call it once the network listens. A name that does not resolve is logged and learnt at the next dial.
        """
        for trunk in self._config.trunks:
            for host, port in trunk.targets:
                try:
                    flow = await self._reach(trunk.transport, host, port)
                except OSError as error:
                    log.warning(
                        "unreachable", extra={"trunk": trunk.name, "peer": host, "problem": str(error)}
                    )
                else:
                    self._sources.learn(flow.remote[0], trunk)

    @property
    def agent(self) -> UserAgent:
        """The user agent, for counting what is alive."""
        return self._agent

    @property
    def legs(self) -> int:
        """Legs alive."""
        return len(self._legs)

    async def close(self) -> None:
        """End every leg (CANCEL, BYE or 503) and stop; no facts follow."""
        for leg in list(self._legs.values()):
            self._leave(leg, 503, "Shutting down")
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._armed = None

    # --- the network ------------------------------------------------------------------------------------

    def receive(self, data: bytes, flow: Flow) -> None:
        """One SIP message from the network."""
        unwanted = None if self._welcome(flow) else (403, "Unknown trunk")
        if unwanted is not None and self._config.silent and not data.startswith(b"SIP/2.0 "):
            return
        self._perform(self._agent.receive(self._clock.now(), data, flow, unwanted=unwanted))

    def broken(self, flow: Flow) -> None:
        """A connection is gone or could not be opened."""
        self._perform(self._agent.broken(self._clock.now(), flow))

    def malformed(self, error: ParseError, flow: Flow) -> None:
        """A stream that cannot be cut into messages."""
        self._perform(self._agent.malformed(error, flow))

    def _welcome(self, flow: Flow) -> bool:
        return self._config.accept_unknown or self._sources.trunk(flow.remote[0]) is not None

    def _perform(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                if self._network is not None:
                    self._network.send(output.data, output.flow)
            elif isinstance(output, IncomingInvite):
                self._invited(output)
            elif (leg := self._sessions.get(output.session)) is not None:
                self._happened(leg, output)
        self._arm()

    def _arm(self) -> None:
        """Keep one timer at the user agent's next time-out."""
        due = self._agent.next_timeout()
        if due == self._armed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        self._timer = None if due is None else self._clock.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = self._armed = None
        self._perform(self._agent.timeout(self._clock.now()))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- calls in ---------------------------------------------------------------------------------------

    def _invited(self, event: IncomingInvite) -> None:
        request, flow = event.request, event.flow
        trunk = self._sources.trunk(flow.remote[0])
        codecs = trunk.codecs if trunk is not None else ("PCMU", "PCMA")
        try:
            callee = callee_of(request)
            caller, display_name = caller_of(request, trusted=trunk is not None)
            offer = sdp_of(request)
            common = not offer or self._speaks(offer, codecs)
        except ParseError as error:
            log.info("bad INVITE", extra={"peer": flow.remote[0], "problem": str(error)})
            self._refuse(event.session, error.status)
            return
        if callee is None:
            self._refuse(event.session, 404)
            return
        if not common:
            self._refuse(event.session, 488)
            return
        leg = Leg(
            self._new_leg(),
            LegState.OFFERED,
            event.session,
            peer=flow.remote[0],
            call_id=printable(request.call_id),
            flow=flow,
            offer=offer,
            codecs=codecs,
        )
        self._legs[leg.leg] = self._sessions[leg.session] = leg
        log.info(
            "call in",
            extra=leg.fields | {"to": printable(callee.raw_id), "trunk": trunk.name if trunk else ""},
        )
        self._sink(IncomingLeg(leg.leg, caller, callee, display_name, custom_headers(request)))

    @staticmethod
    def _speaks(offer: bytes, codecs: tuple[str, ...]) -> bool:
        """Whether an offer has audio we can talk. ParseError when it cannot be read."""
        return (
            answer(SessionDescription.parse(offer), "0.0.0.0", 9, session_id="0", codecs=codecs) is not None
        )

    def _refuse(self, session: int, status: int, reason: str = "") -> None:
        self._perform(self._agent.refuse(self._clock.now(), session, status, reason))

    def ring(self, effect: RingLeg) -> None:
        """Tell an incoming caller that it rings."""
        leg = self._legs.get(effect.leg)
        if leg is not None and leg.state is LegState.OFFERED:
            self._perform(self._agent.ring(self._clock.now(), leg.session))

    def answer(self, effect: AnswerLeg) -> None:
        """Answer an incoming leg; LegUp or LegFailed follows."""
        leg = self._legs.get(effect.leg)
        if leg is not None and leg.state is LegState.OFFERED:
            leg.state, leg.call = LegState.ANSWERING, effect.call
            self._spawn(self._answer(leg))

    async def _answer(self, leg: Leg) -> None:
        if not await self._open(leg) or leg.flow is None:
            return
        negotiation = self._negotiation(leg, leg.flow)
        if leg.offer:
            description = negotiation.answer(SessionDescription.parse(leg.offer))
            if description is None:
                self._fail(leg, 488, "No common codec")
                return
        else:
            description = negotiation.offer()
        self._connect(leg)
        self._perform(self._agent.answer(self._clock.now(), leg.session, description.to_bytes()))

    async def _open(self, leg: Leg) -> bool:
        """Get the leg its media; False when it is gone (by then, or because of this)."""
        try:
            port = await self._media.open_leg(leg.leg, leg.call)
        except LegUnavailable as error:
            log.warning("no media", extra=leg.fields | {"problem": str(error)})
            self._fail(leg, 503, f"No media: {printable(str(error))}")
            return False
        if leg.state is LegState.GONE:
            self._media.close_leg(leg.leg)
            return False
        leg.port, leg.opened = port, True
        return True

    def _negotiation(self, leg: Leg, flow: Flow) -> Negotiation:
        host = self._config.media_address or flow.local[0]
        number = str(int.from_bytes(self._entropy(6), "big"))
        leg.negotiation = Negotiation(host, leg.port, number, leg.codecs)
        return leg.negotiation

    def _connect(self, leg: Leg) -> None:
        """Tell the plane what was agreed, when it changed."""
        media = leg.negotiation.media if leg.negotiation is not None else None
        if media is None:
            return
        command = connection(leg.leg, media)
        if command != leg.connected:
            leg.connected = command
            self._media.connect_leg(command)

    def refuse(self, effect: RefuseLeg) -> None:
        """Refuse an incoming leg; no fact follows."""
        leg = self._legs.get(effect.leg)
        if leg is not None and leg.state is LegState.OFFERED:
            self._leave(leg, effect.status, effect.reason)

    # --- calls out --------------------------------------------------------------------------------------

    def dial(self, effect: DialLeg) -> None:
        """Call a number through the routes; LegRinging, LegUp, LegFailed follow."""
        leg = Leg(effect.leg, LegState.DIALLING, call=effect.call, effect=effect)
        self._legs[leg.leg] = leg
        refusal = self._route(leg, effect.target)
        if refusal is not None:
            self._spawn(self._unroutable(leg, refusal))
        else:
            self._spawn(self._dial(leg))

    def _route(self, leg: Leg, target: Identifier) -> Cause | None:
        number = target.phone_number
        if target.kind is not IdentifierKind.PHONE_NUMBER or number is None or number == ANONYMOUS:
            who = printable(target.raw_id)
            return Cause(480, f"{who} has no phone; only phone numbers can be dialled", NO_ENDPOINT)
        leg.candidates = [
            Candidate(choice.trunk, choice.number, address)
            for choice in self._routes.choices(number)
            for address in choice.trunk.targets
        ]
        if not leg.candidates:
            return Cause(403, f"no trunk route matches {printable(number)}; add a route for it", NO_TRUNK)
        return None

    async def _unroutable(self, leg: Leg, cause: Cause) -> None:
        """Report a refusal from the event loop, never from inside :meth:`dial`."""
        if leg.state is not LegState.GONE:
            self._failed(leg, cause)

    async def _dial(self, leg: Leg) -> None:
        if await self._open(leg):
            await self._try_next(leg, Cause(503, "no target of the trunk can be reached"))

    async def _try_next(self, leg: Leg, cause: Cause) -> None:
        """Call the next target; ``cause`` is what failed before, reported when none is left."""
        while leg.state is LegState.DIALLING and leg.candidates:
            candidate = leg.candidates.pop(0)
            trunk, (host, port) = candidate.trunk, candidate.address
            try:
                flow = await self._reach(trunk.transport, host, port)
            except OSError as error:
                cause = Cause(503, f"trunk {trunk.name} cannot be reached at {host}:{port}: {error}")
                log.warning("unreachable", extra=leg.fields | {"trunk": trunk.name, "problem": str(error)})
                continue
            if leg.state is not LegState.DIALLING or leg.effect is None:
                return
            self._sources.learn(flow.remote[0], trunk)
            leg.candidate, leg.flow, leg.codecs, leg.peer = candidate, flow, trunk.codecs, flow.remote[0]
            offer = self._negotiation(leg, flow).offer()
            try:
                outgoing = self._outgoing(leg.effect, candidate, flow, offer.to_bytes())
                session, outputs = self._agent.invite(self._clock.now(), outgoing)
            except ValueError as error:
                self._failed(leg, Cause(400, f"the call cannot be written as an INVITE: {error}"))
                return
            self._sessions.pop(leg.session, None)
            leg.session = session
            self._sessions[session] = leg
            log.info("call out", extra=leg.fields | {"to": printable(candidate.number), "trunk": trunk.name})
            self._perform(outputs)
            return
        if leg.state is LegState.DIALLING:
            self._failed(leg, cause)

    async def _reach(self, transport: str, host: str, port: int) -> Flow:
        if self._network is None:
            raise OSError("no SIP transport is open")
        return await self._network.flow_to(transport.upper(), host, port)

    def _outgoing(self, effect: DialLeg, candidate: Candidate, flow: Flow, offer: bytes) -> Outgoing:
        trunk, (host, port) = candidate.trunk, candidate.address
        params = {} if flow.transport == "UDP" else {"transport": flow.transport.lower()}
        uri = SipUri("sip", candidate.number, host.lower(), None if port == 5060 else port, params)
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
            sendable_headers(effect.headers),
            trunk.username,
            trunk.password,
            trunk.ring_timeout,
        )

    # --- what happens to a session ----------------------------------------------------------------------

    def _happened(self, leg: Leg, event: Output) -> None:
        match event:
            case Ringing():
                self._rings(leg)
            case Progress(body=body):
                self._agree(leg, body)
                self._rings(leg)
            case Answered(body=body):
                if self._agree(leg, body):
                    self._up(leg)
                else:
                    self._fail(leg, 488, "The answer has no audio we offered")
            case Acked(body=body, first=first):
                if leg.offer or not body:
                    settled = leg.connected is not None
                else:
                    settled = self._agree(leg, body)
                if first and settled:
                    self._up(leg)
                elif first:
                    self._fail(leg, 488, "The ACK answers our offer with no audio we offered")
            case Reoffered(body=body):
                self._reoffered(leg, body)
            case Cancelled(headers=headers):
                self._failed(leg, cause_of(487, "Cancelled by the caller", headers))
            case Failed():
                self._session_failed(leg, event)
            case Ended(status=status, reason=reason, headers=headers):
                cause = cause_of(status, printable(reason), headers)
                log.info("call ended", extra=leg.fields | {"status": status, "reason": cause.reason})
                self._release(leg)
                self._sink(LegDown(leg.leg, cause))
            case Reanswered() | ReofferRefused() | IncomingInvite() | Send():
                pass

    def _rings(self, leg: Leg) -> None:
        if not leg.rang and leg.state is LegState.DIALLING:
            leg.rang = True
            self._sink(LegRinging(leg.leg))

    def _agree(self, leg: Leg, body: bytes) -> bool:
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
            log.info("bad answer", extra=leg.fields | {"problem": str(error)})
            return False
        self._connect(leg)
        return True

    def _up(self, leg: Leg) -> None:
        leg.state = LegState.UP
        log.info("call up", extra=leg.fields)
        self._sink(LegUp(leg.leg))

    def _reoffered(self, leg: Leg, body: bytes) -> None:
        """A re-INVITE: hold, resume, a new address, or a wish to hear our offer."""
        now, negotiation = self._clock.now(), leg.negotiation
        if negotiation is None:
            return
        leg.offer = body
        if not body:
            self._perform(self._agent.answer(now, leg.session, negotiation.offer().to_bytes()))
            return
        try:
            description = negotiation.answer(SessionDescription.parse(body))
        except ParseError as error:
            log.info("bad re-offer", extra=leg.fields | {"problem": str(error)})
            self._refuse(leg.session, error.status)
            return
        if description is None:
            self._refuse(leg.session, 488)
            return
        self._connect(leg)
        self._perform(self._agent.answer(now, leg.session, description.to_bytes()))

    def _session_failed(self, leg: Leg, event: Failed) -> None:
        reason = printable(event.reason)
        if event.kind == "ring-timeout":
            self._failed(leg, Cause(487, f"not answered: {reason}", RING_TIMEOUT))
            return
        cause = cause_of(event.status, reason, event.headers)
        if (
            leg.state is LegState.DIALLING
            and event.status in _NEXT_TARGET
            and leg.candidates
            and not leg.rang
        ):
            log.info("next target", extra=leg.fields | {"status": event.status, "reason": reason})
            self._spawn(self._try_next(leg, cause))
        else:
            self._failed(leg, cause)

    # --- the end ----------------------------------------------------------------------------------------

    def end(self, effect: EndLeg) -> None:
        """End a leg in whatever state; no fact follows."""
        leg = self._legs.get(effect.leg)
        if leg is not None:
            status = effect.cause.status
            self._leave(leg, status if 300 <= status <= 699 else 480, "")

    def _leave(self, leg: Leg, status: int, reason: str) -> None:
        """We end it: CANCEL, BYE, or a refusal with ``status``."""
        log.info("call left", extra=leg.fields | {"state": leg.state.value})
        self._release(leg)
        if leg.session:
            self._perform(self._agent.end(self._clock.now(), leg.session, status, reason))

    def _fail(self, leg: Leg, status: int, reason: str) -> None:
        """It cannot come up for a reason of ours: end it on the network, and say so."""
        if leg.state is LegState.GONE:
            return
        self._leave(leg, status, reason if status != 503 else "")
        self._sink(LegFailed(leg.leg, Cause(status, reason)))

    def _failed(self, leg: Leg, cause: Cause) -> None:
        """It is gone already without having come up."""
        log.info("call failed", extra=leg.fields | {"status": cause.status, "reason": cause.reason})
        self._release(leg)
        self._sink(LegFailed(leg.leg, cause))

    def _release(self, leg: Leg) -> None:
        """Forget a leg and give its media back; a media leg still being opened is closed when it comes."""
        leg.state = LegState.GONE
        self._legs.pop(leg.leg, None)
        self._sessions.pop(leg.session, None)
        if leg.opened:
            leg.opened = False
            self._media.close_leg(leg.leg)
