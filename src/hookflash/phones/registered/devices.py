"""Calls to users with registered phones: all of their devices ring at once, the first to answer has the call.

We fork by ourselves (RFC 3261 section 16.7 says how outcomes are weighed): each contact gets an INVITE of its
own, on the path its REGISTER came by. They share one leg and its port, as only one of them will ever send
audio: who answers second gets ACK and BYE. Early media are left aside; a ringing phone rings.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from hookflash.calls.effects import DialLeg
from hookflash.calls.facts import Cause
from hookflash.phones.bearers import Bearers
from hookflash.phones.causes import ELSEWHERE, NO_ENDPOINT, failure_of, parting
from hookflash.phones.identities import ANONYMOUS, sendable_headers
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Fork, Forks, Leg, LegState
from hookflash.phones.registered.registrar import Device, Registrar
from hookflash.phones.signalling import Signalling
from hookflash.phones.tasks import Tasks
from hookflash.sip.events import Answered, Event, Failed, Progress, Replied, Ringing
from hookflash.sip.flow import Flow
from hookflash.sip.grammar import printable
from hookflash.sip.headers import NameAddr
from hookflash.sip.session import SessionTerms
from hookflash.sip.ua import Outgoing
from hookflash.sip.uri import SipUri

log = logging.getLogger("hookflash.sip")

MAX_DEVICES = 20
"""Devices that ring for one call at most, the preferred ones."""
_TAKEN = Cause(487, "Answered elsewhere", ELSEWHERE)


class DeviceCalls:
    """Rings the devices of users, and follows what becomes of it until the leg is up or has failed."""

    def __init__(
        self,
        signalling: Signalling,
        legs: LegTable,
        bearers: Bearers,
        registrar: Registrar,
        tasks: Tasks,
        terms: SessionTerms,
    ) -> None:
        self._signalling = signalling
        self._legs = legs
        self._bearers = bearers
        self._registrar = registrar
        self._tasks = tasks
        self._terms = terms

    def dial(self, effect: DialLeg) -> None:
        """Ring every device of a user; LegRinging, LegUp, LegFailed follow."""
        forks = Forks()
        leg = Leg(effect.leg, LegState.DIALLING, call=effect.call, effect=effect, forks=forks)
        self._legs.add(leg)
        self._tasks.spawn(self._legs.see_through(leg, lambda: self._dial(leg, forks, effect)))

    async def _dial(self, leg: Leg, forks: Forks, effect: DialLeg) -> None:
        who = printable(effect.target.raw_id)
        if not self._registrar.devices(effect.target):
            self._legs.failed(leg, Cause(480, f"no phone of {who} is registered", NO_ENDPOINT))
            return
        if not await self._bearers.open(leg):
            return
        # They may have gone while the media were opened.
        for device in self._registrar.devices(effect.target)[:MAX_DEVICES]:
            self._ring(leg, forks, effect, device)
            if leg.state is not LegState.DIALLING:
                return
        if not forks.open:
            refusals = forks.refusals or [
                Cause(480, f"no phone of {who} is registered any more", NO_ENDPOINT)
            ]
            self._legs.refuse(leg, weightiest(refusals))

    def _ring(self, leg: Leg, forks: Forks, effect: DialLeg, device: Device) -> None:
        phone, binding = device.phone, device.binding
        flow = binding.path
        negotiation = self._bearers.propose(leg, flow, phone.codecs, phone.srtp)
        try:
            caller = self._caller(effect, flow.local[0])
            outgoing = Outgoing(
                str(binding.contact.uri),
                str(caller),
                str(NameAddr("", SipUri("sip", phone.username, flow.local[0]))),
                negotiation.offer().to_bytes(),
                flow,
                sendable_headers(effect.headers),
                terms=self._terms,
            )
            session, outputs = self._signalling.invite(outgoing)
        except ValueError as error:
            forks.refusals.append(Cause(400, f"the call cannot be written as an INVITE: {error}"))
            return
        fork = Fork(session, phone, flow, negotiation, self._signalling.call_id(session))
        forks.open[session] = fork
        self._legs.watch(leg, session)
        log.info(
            "call out",
            extra={"leg": leg.leg, "call_id": fork.call_id, "peer": flow.remote[0], "to": phone.username},
        )
        self._signalling.perform(outputs)

    def _caller(self, effect: DialLeg, host: str) -> NameAddr:
        """Who calls, so that a phone can call back: a number, a phone's user name, or a user's id."""
        number, source = effect.caller, effect.source
        if number and number != ANONYMOUS:
            return NameAddr(effect.display_name, SipUri("sip", number, host))
        if number or source is None or source.is_anonymous:
            return NameAddr("Anonymous", SipUri("sip", ANONYMOUS, "anonymous.invalid"))
        phone = self._registrar.phone_of(source)
        shown = phone.username if phone is not None else source.phone_number or source.raw_id
        return NameAddr(effect.display_name, SipUri("sip", shown, host))

    # --- what becomes of it -----------------------------------------------------------------------------

    def happened(self, leg: Leg, forks: Forks, event: Event) -> None:
        """Something has happened to a device that is rung."""
        fork = None if isinstance(event, Replied) else forks.open.get(event.session)
        if fork is None:
            return
        match event:
            case Ringing() | Progress():
                self._legs.rings(leg)
            case Answered(body=body):
                self._answered(leg, forks, fork, body)
            case Failed():
                self._lost(leg, forks, fork, failure_of(event))
            case _:
                pass

    def broken(self, flow: Flow) -> None:
        """A connection is gone. Who rang in a page is lost with it: its answer has no other way. Other phones
        may open a new one for theirs (section 18.2.2).
        """
        if not flow.connection or flow.transport not in ("WS", "WSS"):
            return
        for leg in list(self._legs.all()):
            forks = leg.forks or Forks()
            for fork in [one for one in forks.open.values() if one.flow == flow]:
                self._signalling.end(fork.session, 480, "")
                cause = Cause(480, "Its connection is gone", NO_ENDPOINT)
                self._lost(leg, forks, fork, cause)

    def _answered(self, leg: Leg, forks: Forks, fork: Fork, body: bytes) -> None:
        leg.negotiation, leg.peer = fork.negotiation, fork.flow.remote[0]
        if not self._bearers.agree(leg, body):
            cause = Cause(488, "The answer has no audio we offered")
            self._signalling.end(fork.session, 488, "", parting(cause))
            self._lost(leg, forks, fork, cause)
            return
        del forks.open[fork.session]
        others, leg.forks = list(forks.open.values()), None
        phone = fork.phone
        leg.flow, leg.call_id, leg.phone = fork.flow, fork.call_id, phone.username
        leg.codecs, leg.srtp, leg.info_keys = phone.codecs, phone.srtp, phone.info_keys
        self._legs.bind(leg, fork.session)
        for other in others:
            self._legs.unwatch(other.session)
            self._signalling.end(other.session, 487, "", parting(_TAKEN))
        self._legs.up(leg)

    def _lost(self, leg: Leg, forks: Forks, fork: Fork, cause: Cause) -> None:
        """A device does not take the call. A 6xx speaks for all of them (section 21.6)."""
        del forks.open[fork.session]
        self._legs.unwatch(fork.session)
        forks.refusals.append(cause)
        log.info(
            "device refused",
            extra=leg.fields | {"to": fork.phone.username, "status": cause.status, "reason": cause.reason},
        )
        if cause.status >= 600 or not forks.open:
            self._legs.refuse(leg, weightiest(forks.refusals))


def weightiest(refusals: Iterable[Cause]) -> Cause:
    """What a caller is told when no device takes the call (section 16.7, step 6): a refusal for all places
    first, then one of the lowest class, and in it what somebody has decided before what nobody has answered.
    """

    def weight(cause: Cause) -> tuple[int, bool]:
        return (0 if cause.status >= 600 else cause.status // 100, cause.status in (408, 480, 487))

    return min(refusals, key=weight)
