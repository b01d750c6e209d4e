"""SIP phones, behind trunks and registered here: carries out the effects on legs, and reports the outcome.

It drives one :class:`~hookflash.sip.ua.UserAgent` over the network it is attached to, and asks the plane for
the audio of each leg. Every leg it has reported or was asked to dial ends in exactly one of: a fact that says
so (LegFailed, LegDown), or an effect that asked for it (refuse, end); either way its media leg is closed.
"""

from __future__ import annotations

import ipaddress
import logging
import random
import secrets
from collections.abc import Callable, Mapping

from hookflash.calls.effects import (
    AnswerLeg,
    DialLeg,
    EndLeg,
    MoveLeg,
    ReferLeg,
    RefuseLeg,
    RingLeg,
    TellReferrer,
)
from hookflash.calls.facts import Cause
from hookflash.phones.admission import Admission
from hookflash.phones.bearers import Bearers
from hookflash.phones.call_caps import CallCaps
from hookflash.phones.callers import Owner, nobody
from hookflash.phones.causes import cause_of, failure_of
from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.phones.guard import Guard
from hookflash.phones.inbound import InboundCalls
from hookflash.phones.ingress import Ingress
from hookflash.phones.keys import InfoKeys
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Leg, LegState
from hookflash.phones.moving import Moves
from hookflash.phones.outbound import OutboundCalls
from hookflash.phones.referrals import Referrals
from hookflash.phones.registered.devices import DeviceCalls
from hookflash.phones.registered.registrar import Registrar
from hookflash.phones.replacing import Replacements
from hookflash.phones.route_book import AppRoute, RouteBook
from hookflash.phones.routes import Routes, Sources
from hookflash.phones.signalling import Network, Signalling
from hookflash.phones.tasks import Tasks
from hookflash.phones.tolls import TollGate
from hookflash.phones.trunks.desk import TrunkDesk
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.edges import FactSink
from hookflash.ports.plane import LegMedia
from hookflash.sip.events import (
    Acked,
    Answered,
    Cancelled,
    Ended,
    Event,
    Failed,
    IncomingInvite,
    Informed,
    KeyPressed,
    Progress,
    Reanswered,
    ReferProgress,
    Referred,
    ReferRefused,
    ReferTaken,
    Refreshed,
    Reoffered,
    ReofferRefused,
    Replied,
    Ringing,
)
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.ua import Settings, UserAgent

log = logging.getLogger("hookflash.sip")


LOOK_AGAIN = 300.0
"""Seconds after which the names of trunks are looked up again: who calls us may have moved."""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class TrunkPhones:
    """Implements :class:`hookflash.ports.edges.Phones` for SIP trunks and registered phones.

    Wire it up with :meth:`attach`, and let the transports call ``ingress`` and :meth:`broken`. ``new_leg``
    mints leg numbers for calls that come in; facts go to ``sink``. Raises RouteError for a configuration that
    cannot work. ``keys`` are those that travel by INFO. ``owner`` says which resource owns a number, and
    ``tolls`` which calls may go out.
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
        guard: Guard | None = None,
        owner: Owner = nobody,
        tolls: TollGate | None = None,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._clock = clock
        self._looking: Timer | None = None
        self._sources = Sources(config.trunks, wildcards=config.wildcards, now=clock.now)
        self._guard = guard or Guard(clock)
        self.registrar = Registrar(config.phones, config.bounds, clock, sink)
        self._tasks = Tasks()
        self._agent = UserAgent(settings or Settings(), entropy)
        self._agent.keep_on_udp(self.registrar.at)
        self._signalling = Signalling(self._agent, clock, self._handle)
        self.tolls = tolls or TollGate(clock)
        self.tolls.end = self._unpaid
        self._legs = LegTable(self._signalling, media, sink, self.tolls)
        self.caps = CallCaps(config.calls_per_source, self._legs.come_from, clock)
        self._admission = Admission(config, self._guard, clock, entropy, self.registrar, self.caps)
        self.desk = TrunkDesk(
            config.trunks, self._signalling, self._sources, clock, self._legs.carried, draw=draw
        )
        self.ingress = Ingress(
            config, self._signalling, self._sources, self._guard, self.registrar, self._admission, self._legs
        )
        self._bearers = Bearers(self._signalling, self._legs, media, config.media_address, entropy, clock)
        self._moves = Moves(self._signalling, self._legs, self._bearers, media, self._tasks, sink)
        self._referrals = Referrals(self._signalling, self._legs, config.trunks, sink)
        self.keys = InfoKeys(self._signalling, self._legs, clock, sink)
        self._inbound = InboundCalls(
            self._signalling,
            self._legs,
            self._bearers,
            self._sources,
            self._tasks,
            sink,
            new_leg,
            config,
            Replacements(self._signalling, self._legs, self._bearers, clock),
            self.registrar,
            self.desk,
            clock,
            owner,
        )
        self._book = RouteBook(Routes(config.trunks, config.routes))
        self._app_trunks: tuple[TrunkConfig, ...] = ()
        self._outbound = OutboundCalls(
            self._signalling,
            self._legs,
            self._bearers,
            self._book,
            self._sources,
            self._tasks,
            clock,
            config.search,
            owner,
            self.tolls,
            self.desk,
        )
        self._devices = DeviceCalls(
            self._signalling, self._legs, self._bearers, self.registrar, self._tasks, config.session
        )

    def _unpaid(self, leg: int, cause: Cause) -> None:
        """Nobody may pay for a call any longer."""
        found = self._legs.get(leg)
        if found is not None:
            self._legs.lose(found, cause)

    def attach(self, network: Network) -> None:
        """Say where messages go out; before anything else."""
        self._signalling.attach(network)

    async def resolve_trunks(self) -> None:
        """Look the trunks' target names up, so that calls from them are known before the first call to them.

        Call it once the network listens; it is done again every :data:`LOOK_AGAIN` seconds. A name that does
        not resolve is logged and learnt at the next dial.
        """
        await self._learn_trunks((*self._config.trunks, *self._app_trunks))
        self.desk.start()
        if self._looking is not None:
            self._looking.cancel()
        trunks = (*self._config.trunks, *self._app_trunks)
        if any(not _is_address(host) for trunk in trunks for host, _ in trunk.targets):
            again = self._clock.now() + LOOK_AGAIN
            self._looking = self._clock.call_at(again, lambda: self._tasks.spawn(self.resolve_trunks()))

    def route_for_apps(
        self, routes: Mapping[str, tuple[AppRoute, ...]], trunks: tuple[TrunkConfig, ...]
    ) -> None:
        """Go by these routes and trunks that apps have set, beside those of the configuration."""
        self._app_trunks = trunks
        self._book.become(routes)
        self._sources.forget(lambda trunk: bool(trunk.resource) and all(trunk is not one for one in trunks))
        if trunks and self._signalling.attached:
            self._tasks.spawn(self.resolve_trunks())

    async def _learn_trunks(self, trunks: tuple[TrunkConfig, ...]) -> None:
        for trunk in trunks:
            for target in trunk.targets:
                try:
                    flows = await self._signalling.flows_to(trunk, target)
                except OSError as error:
                    log.warning(
                        "unreachable", extra={"trunk": trunk.name, "peer": target[0], "problem": str(error)}
                    )
                    self._sources.keep(trunk)
                else:
                    for flow in flows:
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
        for leg in self._legs.all():
            self._legs.leave(leg, 503, "Shutting down")
        self.keys.close()
        self.tolls.close()
        await self.desk.close()
        await self._tasks.cancel()
        # Meanwhile others may have registered, or names have been looked up.
        self.registrar.close()
        if self._looking is not None:
            self._looking.cancel()
        self._signalling.stop()

    # --- the network ------------------------------------------------------------------------------------

    def broken(self, flow: Flow) -> None:
        """A connection is gone or could not be opened."""
        self.registrar.lost(flow)
        self._signalling.broken(flow)
        self._devices.broken(flow)
        self.desk.broken(flow)

    # --- the effects ------------------------------------------------------------------------------------

    def dial(self, effect: DialLeg) -> None:
        """Call a number through the routes, or a user's phones; LegRinging, LegUp, LegFailed follow."""
        if self.registrar.takes(effect.target):
            self._devices.dial(effect)
        else:
            self._outbound.dial(effect)

    def ring(self, effect: RingLeg) -> None:
        """Tell an incoming caller that it rings."""
        self._inbound.ring(effect)

    def answer(self, effect: AnswerLeg) -> None:
        """Answer an incoming leg; LegUp or LegFailed follows."""
        self._inbound.answer(effect)

    def refuse(self, effect: RefuseLeg) -> None:
        """Refuse an incoming leg; no fact follows."""
        self._inbound.refuse(effect)

    def end(self, effect: EndLeg) -> None:
        """End a leg in whatever state; no fact follows."""
        leg = self._legs.get(effect.leg)
        if leg is not None:
            status = effect.cause.status
            self._legs.leave(leg, status if 300 <= status <= 699 else 480, "", effect.cause)

    def move(self, effect: MoveLeg) -> None:
        """Bring an established leg into another call; LegMoved or LegNotMoved follows."""
        self._moves.move(effect)

    def refer(self, effect: ReferLeg) -> None:
        """Ask the trunk of a leg to connect the phone elsewhere; LegReferred or LegNotReferred follows."""
        self._referrals.refer(effect)

    def tell_referrer(self, effect: TellReferrer) -> None:
        """Tell the far side of a leg what has become of its REFER."""
        self._referrals.tell(effect)

    # --- what happens to a session ----------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        if isinstance(event, IncomingInvite):
            self._inbound.invited(event, self._admission.proved)
        elif isinstance(event, Replied):
            self.desk.asking.replied(event)
        elif (leg := self._legs.of_session(event.session)) is not None:
            self._happened(leg, event)

    def _happened(self, leg: Leg, event: Event) -> None:
        if leg.forks is not None:
            self._devices.happened(leg, leg.forks, event)
            return
        match event:
            case Ringing(status=status):
                self._outbound.rings(leg, status)
            case Progress(body=body, status=status):
                self._outbound.progress(leg, body, status)
            case Answered(body=body):
                self._outbound.answered(leg, body)
            case Acked(first=first):
                self._inbound.acknowledged(leg, event)
                if not first:
                    self._moves.acknowledged(leg)
            case Reoffered(body=body, method=method):
                self._moves.reoffered(leg)
                answered = self._bearers.reoffered(leg, body, method)
                if answered and method != "INVITE":
                    # No ACK will say so, but the answer is repeated until the phone has it.
                    self._moves.acknowledged(leg)
                else:
                    self._moves.go_on(leg)
            case Reanswered(body=body):
                self._moves.reanswered(leg, body)
            case Refreshed(body=body):
                self._bearers.refreshed(leg, body)
                self._moves.go_on(leg)
            case KeyPressed(key=key):
                self.keys.pressed(leg, key)
            case Informed(status=status):
                self.keys.informed(leg, status)
            case Referred():
                self._referrals.asked(leg, event)
            case ReferTaken(subscribed=subscribed):
                self._referrals.taken(leg, subscribed)
            case ReferProgress():
                self._referrals.progress(leg, event)
            case ReferRefused():
                self._referrals.refused(leg, event)
            case ReofferRefused(status=status, reason=reason):
                self._moves.refused(leg, status, printable(reason))
            case Cancelled(headers=headers):
                self._legs.failed(leg, cause_of(487, "Cancelled by the caller", headers))
            case Failed() if leg.state is LegState.DIALLING:
                self._outbound.failed(leg, event)
            case Failed() if leg.state is LegState.UP:
                # Who has taken the phone's place never acknowledged it.
                self._legs.ended(leg, failure_of(event))
            case Failed():
                self._legs.failed(leg, failure_of(event))
            case Ended(status=status, reason=reason, headers=headers):
                self._referrals.ended(leg, status)
                self._legs.ended(leg, cause_of(status, printable(reason), headers))
            case IncomingInvite():
                pass
