"""Reaching somebody: a target that rings, from the first ring to the one thing that becomes of it.

A phone number that nobody here owns is dialled; an owned one is offered to the apps of its owner by
IncomingCall. A communication user is reached both ways at once: its registered devices ring as one leg, and
the apps of its resource are invited. Whoever answers first has the call, and the other way ends ("accepted
elsewhere"). A way that fails leaves the other; when none is left, the target could not be reached. An app
that rejects or redirects decides for the user, so the devices stop ringing as well.

Creating, redirecting, adding and transferring all reach; what follows is their :class:`Purpose`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hookflash.calls.effects import DialLeg, EndLeg, RaiseIncomingCall
from hookflash.calls.ending import ELSEWHERE, NOBODY_LISTENS, NOT_ANSWERED, Ending
from hookflash.calls.facts import Cause
from hookflash.calls.invitations import Invitation
from hookflash.calls.participants import Participant
from hookflash.calls.tables import InvitationEvent, Leg
from hookflash.calls.turn import Turn
from hookflash.wire.identifiers import Identifier, IdentifierKind
from hookflash.wire.models import CustomContext, IncomingCallData
from hookflash.wire.parts import CustomCallingContext

if TYPE_CHECKING:
    from hookflash.calls.registry import Registry
    from hookflash.calls.server_call import ServerCall


@dataclass(frozen=True, slots=True)
class Ways:
    """How somebody can be reached: by dialling, through the apps of resource ``owner``, or both.

    ``outward``: a phone of ours dials a number that nobody here owns.
    """

    dial: bool
    owner: str | None
    outward: bool = False

    @classmethod
    def to(cls, registry: Registry, target: Identifier) -> Ways:
        """The ways to whom an app calls."""
        owner = registry.directory.owner(target)
        if target.kind is IdentifierKind.COMMUNICATION_USER:
            return cls(target.raw_id in registry.devices, owner)
        return cls(owner is None, owner)

    @classmethod
    def from_phone(cls, registry: Registry, target: Identifier, *, outward: bool) -> Ways:
        """The ways to whom a phone calls; ``outward`` lets it dial numbers that nobody here owns.

        Otherwise those are the default resource's (:meth:`Directory.owner_from_outside`).
        """
        if target.kind is not IdentifierKind.COMMUNICATION_USER and outward:
            owner = registry.directory.owner(target)
            return cls(owner is None, owner, owner is None)
        owner = registry.directory.owner_from_outside(target)
        return cls(
            target.kind is IdentifierKind.COMMUNICATION_USER and target.raw_id in registry.devices, owner
        )

    @property
    def none(self) -> bool:
        return not self.dial and self.owner is None


@dataclass(frozen=True, slots=True)
class Manner:
    """How a target is called.

    ``caller`` is the number to show, ``identity`` who calls: an app invited for a number sees the former as
    ``from``, one invited for a user the latter. ``context`` says that the invitation carries customContext
    even if there are no headers. ``timeout`` (seconds) replaces the usual ring time. ``on_behalf_of`` is who
    was called before a redirect, and ``hops`` counts the redirects. ``resource`` is the GUID of the resource
    whose app wants the target called, or whose user's phone dials it, "" for neither. ``referrer`` and
    ``replaces`` as for :class:`~hookflash.calls.effects.DialLeg`.
    """

    caller: str | None
    identity: Identifier
    display_name: str = ""
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    voip_headers: Mapping[str, str] = field(default_factory=dict)
    context: bool = False
    timeout: float | None = None
    on_behalf_of: Identifier | None = None
    hops: int = 0
    resource: str = ""
    referrer: str = ""
    replaces: str = ""


def headers_of(context: CustomCallingContext | None) -> tuple[dict[str, str], dict[str, str]]:
    """SIP and VoIP headers of a request's custom context."""
    if context is None:
        return {}, {}
    return dict(context.sip_headers or {}), dict(context.voip_headers or {})


class Purpose(Protocol):
    """Whatever somebody is reached for. Exactly one of the two happens, unless the reaching is withdrawn."""

    def reached(self, turn: Turn, reaching: Reaching, person: Participant) -> None:
        """``person`` answered and the call has been told."""
        ...

    def failed(self, turn: Turn, reaching: Reaching, ending: Ending) -> None:
        """Nobody can be reached there; the reaching is gone from its call."""
        ...

    def redirected(self, reaching: Reaching) -> None:
        """An app sent the call on; somebody else rings instead."""
        ...


class Watcher(Protocol):
    """Whoever else wants to know how it goes."""

    @property
    def replaces(self) -> bool:
        """Whether somebody is in the call still who leaves it when the target answers."""
        ...

    def rings(self, turn: Turn) -> None:
        """The target says that it rings."""
        ...

    def withdrawn(self, turn: Turn) -> None:
        """It is given up, without a word to the purpose."""
        ...


class Calling:
    """What a target is reached for when a call is created, comes in or is redirected: the call itself."""

    def reached(self, turn: Turn, reaching: Reaching, person: Participant) -> None:
        """Nothing but what the call has said already."""

    def failed(self, turn: Turn, reaching: Reaching, ending: Ending) -> None:
        reaching.call.shrink(turn, ending)

    def redirected(self, reaching: Reaching) -> None:
        """All the same to the call."""


CALLING = Calling()


class Reaching:
    """One target of a call that rings. ``began`` is in seconds."""

    __slots__ = (
        "began",
        "call",
        "failure",
        "invitation",
        "manner",
        "person",
        "purpose",
        "target",
        "timer",
        "watcher",
    )

    def __init__(
        self, call: ServerCall, target: Identifier, manner: Manner, purpose: Purpose | None = None
    ) -> None:
        self.call = call
        self.target = target
        self.manner = manner
        self.purpose: Purpose = purpose or CALLING
        self.person: Participant | None = None
        self.invitation: Invitation | None = None
        self.failure: Ending | None = None
        self.timer: int | None = None
        self.began = 0.0
        self.watcher: Watcher | None = None

    @property
    def replaces(self) -> bool:
        """Whether the target takes the place of somebody who is there, so that there is no further end."""
        return self.watcher is not None and self.watcher.replaces

    # --- beginning --------------------------------------------------------------------------------------

    def begin(self, turn: Turn, ways: Ways) -> None:
        """Ring, in every way there is."""
        self.began = turn.now
        self.call.reachings.append(self)
        timings = self.call.registry.timings
        if ways.dial:
            self._dial(turn)
        usual = timings.ring if ways.dial else timings.invitation
        self.timer = turn.start_timer(turn.now + (self.manner.timeout or usual), self._give_up)
        if ways.owner is not None:
            self._invite(turn, ways.owner)

    def _dial(self, turn: Turn) -> None:
        call, manner = self.call, self.manner
        leg = call.registry.new_leg()
        person = Participant(leg, self.target, Leg.INVITING, is_phone=True, outbound=True)
        person.reaching = self
        self.person = person
        call.add(person)
        turn.emit(
            DialLeg(
                person.leg,
                call.number,
                self.target,
                manner.caller,
                manner.display_name,
                manner.sip_headers,
                manner.voip_headers,
                manner.identity,
                manner.resource,
                manner.referrer,
                manner.replaces,
            )
        )

    def _invite(self, turn: Turn, resource: str) -> None:
        registry = self.call.registry
        invitation = Invitation(registry.minter.incoming_call_context(), self, resource)
        self.invitation = invitation
        registry.book.add(invitation)
        self.call.resources.add(resource)
        turn.emit(RaiseIncomingCall(resource, self._incoming_call(invitation.context)))

    def _incoming_call(self, context: str) -> IncomingCallData:
        call, manner = self.call, self.manner
        sip, voip = dict(manner.sip_headers), dict(manner.voip_headers)
        custom = CustomContext(sip, voip) if manner.context or sip or voip else None
        behalf, shown = manner.on_behalf_of, manner.identity
        shows = manner.caller if manner.caller != shown.phone_number else None
        if shows and self.target.phone_number is not None:
            shown = Identifier.phone(shows)
        return IncomingCallData(
            to=self.target.to_model(),
            from_=shown.to_model(),
            server_call_id=call.id,
            incoming_call_context=context,
            correlation_id=call.correlation_id,
            caller_display_name=manner.display_name,
            custom_context=custom,
            on_behalf_of_callee=behalf.to_model() if behalf is not None else None,
        )

    # --- ending well ------------------------------------------------------------------------------------

    def answered_by_phone(self, turn: Turn) -> None:
        """The dialled leg is up; the call goes on with it."""
        if self.person is not None:
            self.person.reaching = None
            self.person = None
        self._close(turn, InvitationEvent.TAKE, ELSEWHERE.cause)

    def answered_by_app(self, turn: Turn) -> None:
        """An app took the invitation."""
        self._close(turn, InvitationEvent.ANSWER, ELSEWHERE.cause)

    # --- ending badly -----------------------------------------------------------------------------------

    def phone_failed(self, turn: Turn, ending: Ending) -> None:
        """The dialled leg is gone; its participant has been forgotten."""
        self.person = None
        self.failure = ending
        if self.invitation is None:
            self._fail(turn, ending)

    def nobody_listens(self, turn: Turn) -> None:
        """The invitation reached no app."""
        if self.invitation is not None:
            self.call.registry.book.decide(self.invitation, InvitationEvent.EXPIRE)
            self.invitation = None
        if self.person is None:
            self._fail(turn, self.failure or NOBODY_LISTENS)

    def rejected(self, turn: Turn, ending: Ending) -> None:
        """An app declined on behalf of the target."""
        self._close(turn, InvitationEvent.REJECT, ELSEWHERE.cause)
        self.purpose.failed(turn, self, ending)

    def _give_up(self, turn: Turn) -> None:
        self.timer = None
        self._close(turn, InvitationEvent.EXPIRE, NOT_ANSWERED.cause)
        self.purpose.failed(turn, self, NOT_ANSWERED)

    def _fail(self, turn: Turn, ending: Ending) -> None:
        self._close(turn, InvitationEvent.EXPIRE, ending.cause)
        self.purpose.failed(turn, self, ending)

    def withdraw(self, turn: Turn, cause: Cause, event: InvitationEvent = InvitationEvent.CANCEL) -> None:
        """Stop ringing, without a word to the purpose."""
        self._close(turn, event, cause)
        if self.watcher is not None and event is InvitationEvent.CANCEL:
            self.watcher.withdrawn(turn)

    def _close(self, turn: Turn, event: InvitationEvent, cause: Cause) -> None:
        """It is settled: whatever still rings stops."""
        turn.stop_timer(self.timer)
        self.timer = None
        self.call.reachings.remove(self)
        if self.invitation is not None:
            self.call.registry.book.decide(self.invitation, event)
            self.invitation = None
        person, self.person = self.person, None
        if person is not None:
            turn.emit(EndLeg(person.leg, cause))
            self.call.forget(turn, person, NOT_ANSWERED)
