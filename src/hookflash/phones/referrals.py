"""REFER on trunk legs (RFC 3515), both ways: trunks that want a call to go on with somebody else, and trunks
that are asked to connect a phone elsewhere.

Where the one who is referred to is somebody we dial, that is a call like any other: only the number (or user)
of Refer-To counts, not its host, and the route is ours.
"""

from __future__ import annotations

import logging

from hookflash.calls.effects import ReferLeg, TellReferrer
from hookflash.calls.facts import Cause, LegNotReferred, LegReferred, LegRefers
from hookflash.phones.config import TrunkConfig
from hookflash.phones.identities import sendable_headers, target_of
from hookflash.phones.leg_table import LegTable
from hookflash.phones.legs import Leg, LegState, Moving
from hookflash.phones.rewriting import rewritten
from hookflash.phones.signalling import Signalling
from hookflash.ports.edges import FactSink
from hookflash.sip.dialog_headers import Replaces
from hookflash.sip.events import ReferProgress, Referred, ReferRefused
from hookflash.sip.grammar import printable
from hookflash.sip.headers import NameAddr
from hookflash.sip.refer_headers import written
from hookflash.sip.ua import Asking
from hookflash.sip.uri import SipUri

log = logging.getLogger("hookflash.sip")

_DECLINING = (403, 405, 501)
"""Answers to a REFER of a trunk that carries out no transfers, or none for us: then we do it ourselves."""


class Referrals:
    """Takes the REFERs of trunks that may, and sends ours."""

    def __init__(
        self, signalling: Signalling, legs: LegTable, trunks: tuple[TrunkConfig, ...], sink: FactSink
    ) -> None:
        self._signalling = signalling
        self._legs = legs
        self._trunks = {trunk.name: trunk for trunk in trunks}
        self._sink = sink

    # --- the far side asks ------------------------------------------------------------------------------

    def asked(self, leg: Leg, event: Referred) -> None:
        """A REFER in a leg that is up: refuse it, or take it and have it decided."""
        decided = self._judge(leg, event)
        said = leg.fields | {"to": printable(str(event.target.uri)), "referrer": printable(event.by)}
        if isinstance(decided, int):
            log.info("not referred", extra=said | {"status": decided})
            self._signalling.refuse_refer(event.session, event.refer, decided)
            return
        log.info("referred", extra=said | {"attended": event.target.replaces is not None})
        self._signalling.accept_refer(event.session, event.refer)
        self._sink(decided)

    def _judge(self, leg: Leg, event: Referred) -> LegRefers | int:
        """What to report, or why not: 403 it may not, 404 nobody is called that, 491 the leg is being moved,
        603 the other call of an attended transfer is not up.
        """
        trunk = self._trunks.get(leg.trunk)
        if trunk is None or not trunk.takes_refer:
            return 403
        if leg.state is not LegState.UP or leg.moving is not Moving.NO or leg.referring:
            return 491
        target = target_of(event.target.uri, trunk.inbound_rewrite)
        if target is None:
            return 404
        replaces = event.target.replaces
        if replaces is None:
            return LegRefers(leg.leg, event.refer, target, event.by)
        other = self._leg_of(replaces)
        if other is None:
            return LegRefers(leg.leg, event.refer, target, event.by, written(replaces))
        if other is leg or other.trunk != leg.trunk:
            return 403
        if other.state is not LegState.UP or replaces.early_only:
            return 603
        return LegRefers(leg.leg, event.refer, target, event.by, joins=other.leg)

    def _leg_of(self, replaces: Replaces) -> Leg | None:
        session = self._signalling.find(replaces.call_id, replaces.to_tag, replaces.from_tag)
        return None if session is None else self._legs.of_session(session)

    def tell(self, effect: TellReferrer) -> None:
        """What became of it; nobody hears of it who does not want to."""
        self._signalling.notify_referrer(effect.refer, effect.status, effect.reason)

    # --- we ask -----------------------------------------------------------------------------------------

    def refer(self, effect: ReferLeg) -> None:
        """Ask the trunk of a leg to connect the phone elsewhere; LegReferred or LegNotReferred follows."""
        leg, number = self._legs.get(effect.leg), effect.target.phone_number
        trunk = None if leg is None else self._trunks.get(leg.trunk)
        if leg is None or trunk is None or number is None or leg.flow is None:
            cause = Cause(480, "the phone is in no call of a trunk that could transfer it")
            self._sink(LegNotReferred(effect.leg, cause, declined=True))
            return
        domain = trunk.domain or leg.flow.local[0]
        by = str(NameAddr("", SipUri("sip", effect.caller, domain))) if effect.caller else ""
        asking = Asking(str(_address(trunk, number)), by, headers=sendable_headers(effect.headers))
        leg.referring, leg.refer_taken, leg.refer_told = True, False, False
        try:
            sent = self._signalling.refer(leg.session, asking)
        except ValueError as error:
            self._failed(leg, Cause(400, f"the transfer cannot be written as a REFER: {error}"))
            return
        if not sent:
            self._failed(leg, Cause(405, "the trunk takes no REFER"), declined=True)
            return
        log.info("refers", extra=leg.fields | {"to": printable(asking.uri), "trunk": trunk.name})

    def taken(self, leg: Leg, subscribed: bool) -> None:
        """The trunk has taken our REFER; one that will not tell the outcome is believed to succeed."""
        leg.refer_taken = True
        if not subscribed and leg.referring:
            self._succeeded(leg)

    def progress(self, leg: Leg, event: ReferProgress) -> None:
        """The trunk tells how far it is."""
        leg.refer_told = True
        if not leg.referring or not event.final:
            return
        if event.status < 300:
            self._succeeded(leg)
        else:
            self._failed(leg, Cause(event.status, printable(event.reason)))

    def refused(self, leg: Leg, event: ReferRefused) -> None:
        """The trunk does not want to; the call goes on."""
        if leg.referring:
            cause = Cause(event.status, printable(event.reason))
            self._failed(leg, cause, declined=event.status in _DECLINING)

    def ended(self, leg: Leg, status: int) -> None:
        """The call is over. A trunk that has taken our REFER, tells nothing of it and hangs up (``status``
        200) has carried it out; otherwise the phone has hung up, or was lost.
        """
        if status < 300 and leg.referring and leg.refer_taken and not leg.refer_told:
            self._succeeded(leg)

    def _succeeded(self, leg: Leg) -> None:
        leg.referring = False
        log.info("handed over", extra=leg.fields)
        self._sink(LegReferred(leg.leg))

    def _failed(self, leg: Leg, cause: Cause, *, declined: bool = False) -> None:
        leg.referring = False
        said = {"status": cause.status, "reason": cause.reason, "bridged": declined}
        log.info("not handed over", extra=leg.fields | said)
        self._sink(LegNotReferred(leg.leg, cause, declined))


def _address(trunk: TrunkConfig, number: str) -> SipUri:
    """How a trunk is told a number: as it is dialled there."""
    host, port = trunk.targets[0]
    scheme = "sips" if trunk.sips else "sip"
    return SipUri(scheme, rewritten(number, trunk.dial_rewrite), host.lower(), port)
