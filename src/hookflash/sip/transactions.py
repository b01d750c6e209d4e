"""The transaction layer (RFC 3261 section 17, RFC 6026): walks the tables of :mod:`hookflash.sip.machines`.

It finds the transaction a message belongs to, retransmits, absorbs duplicates and gives up in time. What
concerns the user agent is handed up through :class:`User`. A server transaction that has sent its final
response keeps only its key and those bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Protocol

from hookflash.sip.build import acknowledge_failure
from hookflash.sip.envelope import Envelope, answers
from hookflash.sip.flow import Flow
from hookflash.sip.headers import MAGIC_COOKIE
from hookflash.sip.machines import (
    CLIENT,
    INVITE_CLIENT,
    INVITE_SERVER,
    SERVER,
    SIGNAL_OF,
    Action,
    Machine,
    Signal,
    State,
    signal_of,
)
from hookflash.sip.message import Request, Response
from hookflash.sip.oversize import MAX_DATAGRAM, Oversize, readdress
from hookflash.sip.room import Room
from hookflash.sip.timers import RETRANSMIT, Timer, TimerHeap, TimerName, Timing

Key = Hashable


class Transaction:
    """One request and its responses. ``owner`` is whatever the user wants to find again."""

    __slots__ = (
        "flow", "home", "interval", "key", "last", "limit", "machine", "owner", "repeat", "request", "source",
        "state"
    )  # fmt: skip

    def __init__(self, key: Key, machine: Machine, flow: Flow) -> None:
        self.key = key
        self.machine = machine
        self.state = machine.initial
        self.flow = flow
        self.home = flow
        """Where it is meant to go; ``flow`` is another one while it is too large for that."""
        self.last = b""
        self.request: Request | None = None
        self.owner: object | None = None
        self.repeat: Timer | None = None
        """That of timers A, E and G which runs."""
        self.limit: Timer | None = None
        """That of the other timers which runs; no state has more than one of either kind."""
        self.interval = 0.0
        self.source = ""
        """Whom a server transaction counts for."""

    @property
    def is_client(self) -> bool:
        return self.machine is INVITE_CLIENT or self.machine is CLIENT


class User(Protocol):
    """The layer above (RFC 3261 calls it the transaction user)."""

    def send(self, data: bytes, flow: Flow) -> None:
        """Put one message on the network."""

    def responded(self, now: float, transaction: Transaction, response: Response) -> None:
        """A client transaction got a response that is not a repetition (or a 2xx to INVITE, repeated or
        not).
        """

    def unanswered(self, now: float, transaction: Transaction, signal: Signal) -> None:
        """A client transaction ended without a final response: ``EXPIRE`` (time-out) or ``BROKEN``
        (transport).
        """

    def ended(self, transaction: Transaction) -> None:
        """A server transaction is gone; called once for each."""


def server_key(envelope: Envelope, method: str) -> Key:
    """The key of the server transaction a request belongs to (RFC 3261 section 17.2.3).

    ``method`` is the one to look for: INVITE for ACK and CANCEL. Requests without the magic cookie, or with
    nothing after it, are matched by the older rule of RFC 2543: everything that identifies the request.
    """
    via = envelope.via
    branch = via.branch or ""
    if branch.startswith(MAGIC_COOKIE) and branch != MAGIC_COOKIE:
        return (branch, *via.sent_by, method)
    return (envelope.uri, envelope.call_id, envelope.from_tag, envelope.number, *via.sent_by, branch, method)


class Transactions:
    """All transactions of one user agent. ``limit`` bounds the server transactions; requests of more than
    ``longest`` bytes go over TCP instead of UDP. ``room`` counts the server transactions of each source.
    """

    def __init__(
        self,
        timers: TimerHeap,
        timing: Timing,
        user: User,
        limit: int,
        longest: int = MAX_DATAGRAM,
        room: Room | None = None,
    ) -> None:
        self._room = room or Room(0)
        self._heap = timers
        self._timing = timing
        self._user = user
        self._limit = limit
        self.oversize = Oversize(longest)
        self._servers: dict[Key, Transaction] = {}
        self._clients: dict[Key, Transaction] = {}
        self._fire = self._fired

    def __len__(self) -> int:
        return len(self._servers) + len(self._clients)

    @property
    def full(self) -> bool:
        """No further server transaction may be opened."""
        return len(self._servers) >= self._limit

    # --- requests coming in -----------------------------------------------------------------------------

    def find(self, key: Key) -> Transaction | None:
        """The live server transaction with this key."""
        return self._servers.get(key)

    def repeated(self, now: float, envelope: Envelope) -> bool:
        """Whether a request belongs to a transaction we have; if so it is dealt with."""
        transaction = self._servers.get(server_key(envelope, envelope.method))
        if transaction is None:
            return False
        self._signal(now, transaction, Signal.REQUEST)
        return True

    def acknowledged(self, now: float, envelope: Envelope) -> bool:
        """Whether an ACK belongs to a failure response of ours; if so it is dealt with.

        The ACK of a 2xx is not part of the INVITE transaction and belongs to the dialog (section 13.3.1.4).
        """
        transaction = self._servers.get(server_key(envelope, "INVITE"))
        if transaction is None or transaction.state is State.ACCEPTED:
            return False
        self._signal(now, transaction, Signal.ACK)
        return True

    def accept(self, envelope: Envelope, request: Request, flow: Flow) -> Transaction:
        """Open a server transaction for a new request; responses will go to ``flow``."""
        machine = INVITE_SERVER if request.method == "INVITE" else SERVER
        transaction = Transaction(server_key(envelope, request.method), machine, flow)
        transaction.request = request
        transaction.source = self._room.transactions.take(self._room.source)
        self._servers[transaction.key] = transaction
        return transaction

    def respond(self, now: float, transaction: Transaction, response: Response) -> None:
        """Send a response; after a final one the transaction forgets its request and its owner."""
        if response.status >= 200:
            transaction.request = None
            transaction.owner = None
        self._signal(now, transaction, signal_of(response.status), response.to_bytes())

    # --- requests going out -----------------------------------------------------------------------------

    def request(self, now: float, request: Request, branch: str, flow: Flow, owner: object) -> Transaction:
        """Send a request (anything but ACK) whose top Via carries ``branch``."""
        machine = INVITE_CLIENT if request.method == "INVITE" else CLIENT
        transaction = Transaction((branch, request.method), machine, flow)
        transaction.request = request
        transaction.owner = owner
        transaction.last = request.to_bytes()
        self._clients[transaction.key] = transaction
        path = self.oversize.path(now, len(transaction.last), flow)
        if path != flow:
            self._readdress(transaction, request, path)
        self._user.send(transaction.last, path)
        self._enter(now, transaction, None)
        return transaction

    def _readdress(self, transaction: Transaction, request: Request, flow: Flow) -> None:
        readdress(request, flow)
        transaction.flow, transaction.last = flow, request.to_bytes()

    def _goes_home(self, now: float, transaction: Transaction) -> bool:
        """Whether a request that was too large for UDP, and could not be brought over TCP, is sent over UDP
        after all.
        """
        unanswered = transaction.state in (State.CALLING, State.TRYING)
        if transaction.flow == transaction.home or transaction.request is None or not unanswered:
            return False
        self.oversize.refused(now, transaction.home.remote)
        self._readdress(transaction, transaction.request, transaction.home)
        self._user.send(transaction.last, transaction.home)
        self._enter(now, transaction, transaction.state)
        return True

    def response(self, now: float, envelope: Envelope, response: Response) -> bool:
        """Whether a response belongs to a request of ours; if so it is dealt with."""
        transaction = self._clients.get((envelope.via.branch, envelope.method))
        if transaction is None or (
            transaction.request is not None and not answers(envelope, transaction.request)
        ):
            return False
        self._signal(now, transaction, signal_of(response.status), response)
        return True

    def abandon(self, transaction: Transaction) -> None:
        """Drop a transaction without another word."""
        if transaction.state is not State.TERMINATED:
            self._leave(transaction, State.TERMINATED)

    def broken(self, now: float, lost: Callable[[Flow], bool], detour: Callable[[Transaction], Flow]) -> None:
        """The flows for which ``lost`` is true carry nothing any more.

        Requests still waiting for a first response fail. Everybody else goes on over ``detour(transaction)``:
        an answer may well come, or be owed, over another connection (section 18).
        """
        for transaction in [*self._clients.values(), *self._servers.values()]:
            if lost(transaction.flow) and not (transaction.is_client and self._goes_home(now, transaction)):
                self._signal(now, transaction, Signal.BROKEN)
                transaction.flow = detour(transaction)

    # --- walking the tables -----------------------------------------------------------------------------

    def _signal(
        self, now: float, transaction: Transaction, signal: Signal, what: bytes | Response | None = None
    ) -> None:
        step = transaction.machine.transitions.get((transaction.state, signal))
        if step is None:
            return
        state, actions = step
        before = transaction.state
        lingers = True
        if state is not before:
            self._leave(transaction, state)
            lingers = self._enter(now, transaction, before)
        for action in actions:
            self._act(now, transaction, action, signal, what)
        if not lingers:
            self._signal(now, transaction, Signal.LINGER)

    def _act(
        self,
        now: float,
        transaction: Transaction,
        action: Action,
        signal: Signal,
        what: bytes | Response | None,
    ) -> None:
        if action is Action.SEND:
            assert isinstance(what, bytes)
            transaction.last = what
            self._user.send(what, transaction.flow)
        elif action is Action.RESEND:
            if transaction.last:
                self._user.send(transaction.last, transaction.flow)
        elif action is Action.ACKNOWLEDGE:
            assert isinstance(what, Response)
            assert transaction.request is not None
            ack = acknowledge_failure(transaction.request, what)
            self._user.send(ack.to_bytes(), transaction.flow)
        elif action is Action.TELL:
            if isinstance(what, Response):
                self._user.responded(now, transaction, what)
        else:
            self._user.unanswered(now, transaction, signal)

    def _leave(self, transaction: Transaction, state: State) -> None:
        """Change state; stop the timers the new one does not list."""
        transaction.state = state
        wanted = transaction.machine.timers.get(state, ())
        transaction.repeat = _kept(transaction.repeat, wanted)
        transaction.limit = _kept(transaction.limit, wanted)
        if state is State.TERMINATED:
            if transaction.is_client:
                self._clients.pop(transaction.key, None)
            else:
                self._servers.pop(transaction.key, None)
                self._room.transactions.release(transaction.source)
                self._user.ended(transaction)

    def _enter(self, now: float, transaction: Transaction, before: State | None) -> bool:
        """Start the timers of the present state that do not run yet; False when it lasts no time at all."""
        for name in transaction.machine.timers.get(transaction.state, ()):
            if (transaction.repeat if name in RETRANSMIT else transaction.limit) is not None:
                continue
            interval = self._timing.first(name, transaction.flow.reliable)
            if interval is None:
                continue
            if interval == 0.0:
                return False
            if name in RETRANSMIT:
                transaction.interval = interval
            self._arm(now + interval, transaction, name)
        return True

    def _arm(self, when: float, transaction: Transaction, name: TimerName) -> None:
        timer = self._heap.set(when, self._fire, transaction, name)
        if name in RETRANSMIT:
            transaction.repeat = timer
        else:
            transaction.limit = timer

    def _fired(self, transaction: Transaction, name: TimerName, now: float) -> None:
        if name not in RETRANSMIT:
            transaction.limit = None
        else:
            settled = name is TimerName.E and transaction.state is State.PROCEEDING
            transaction.interval = self._timing.following(name, transaction.interval, settled)
            self._arm(now + transaction.interval, transaction, name)
        self._signal(now, transaction, SIGNAL_OF[name])


def _kept(timer: Timer | None, wanted: tuple[TimerName, ...]) -> Timer | None:
    """A timer of a transaction, if the next state lists it too; otherwise it is stopped."""
    if timer is None or timer.args[1] in wanted:
        return timer
    timer.cancel()
    return None
