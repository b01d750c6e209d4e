"""The user agent on its network: messages and time go in, messages go out, events go to their handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Protocol

from hookflash.phones.causes import refusing
from hookflash.phones.config import Target, TrunkConfig
from hookflash.ports.clock import Clock, Timer
from hookflash.sip.build import Extra
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Event
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow, Send
from hookflash.sip.inquiries import Inquiry
from hookflash.sip.session import Guest
from hookflash.sip.stateless import Judge
from hookflash.sip.ua import Asking, Outgoing, Output, UserAgent
from hookflash.wire.urls import is_public


class Network(Protocol):
    """What the phones need from the transports."""

    def send(self, data: bytes, flow: Flow) -> None: ...

    async def flows_to(
        self, transport: str, host: str, port: int | None, *, secure: bool = False
    ) -> list[Flow]:
        """The paths to a host, best first. OSError when there is none."""
        ...

    def avoid(self, flow: Flow, seconds: float) -> None:
        """Try other paths first for a while."""
        ...


class Signalling:
    """Drives one user agent: puts on the network what it wants sent, and keeps its timer.

    ``handle`` gets every event, in order; it may call any method here from within.
    """

    def __init__(self, agent: UserAgent, clock: Clock, handle: Callable[[Event], None]) -> None:
        self._agent = agent
        self._clock = clock
        self._handle = handle
        self._network: Network | None = None
        self._timer: Timer | None = None
        self._armed: float | None = None

    # --- the network and time ---------------------------------------------------------------------------

    def attach(self, network: Network) -> None:
        """Say where messages go out."""
        self._network = network

    @property
    def attached(self) -> bool:
        """Whether messages can go out."""
        return self._network is not None

    async def flows_to(self, trunk: TrunkConfig, target: Target) -> list[Flow]:
        """The paths to a target of a trunk, best first. OSError when there is none."""
        if self._network is None:
            raise OSError("no SIP transport is open")
        host, port = target
        flows = await self._network.flows_to(trunk.transport.upper(), host, port, secure=trunk.sips)
        if trunk.public_only:
            flows = [flow for flow in flows if is_public(ip_address(flow.remote[0].partition("%")[0]))]
            if not flows:
                raise OSError(
                    f"{host} has no address of the public internet, and server.private_targets is off"
                )
        return flows

    def avoid(self, flow: Flow, seconds: float) -> None:
        """Try other paths first for a while: this one has just failed."""
        if self._network is not None:
            self._network.avoid(flow, seconds)

    def receive(
        self, data: bytes, flow: Flow, judge: Judge | None, guest: Callable[[], Guest], *, quiet: bool = False
    ) -> bool:
        """One message from the network; ``judge``, ``guest`` and ``quiet`` as for :meth:`UserAgent.receive`.

        Returns False for one that could not be read.
        """
        before, now = self._agent.broken_messages, self._clock.now()
        self.perform(self._agent.receive(now, data, flow, judge=judge, guest=guest, quiet=quiet))
        return self._agent.broken_messages == before

    def broken(self, flow: Flow) -> None:
        """A connection is gone or could not be opened."""
        self.perform(self._agent.broken(self._clock.now(), flow))

    def malformed(self, error: ParseError, flow: Flow, *, quiet: bool = False) -> None:
        """A stream that cannot be cut into messages."""
        self.perform(self._agent.malformed(self._clock.now(), error, flow, quiet=quiet))

    @property
    def belonged(self) -> int:
        """Messages so far that belonged to something there was."""
        return self._agent.belonged

    def stop(self) -> None:
        """Let no more time pass for the user agent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._armed = None

    # --- outside of calls -------------------------------------------------------------------------------

    def ask(self, inquiry: Inquiry) -> tuple[int, list[Output]]:
        """Send a request that belongs to no call; its outputs are for :meth:`perform`, once Replied can be
        taken. ValueError for values that cannot be written.
        """
        return self._agent.ask(self._clock.now(), inquiry)

    def forget(self, inquiry: int) -> None:
        """Want no answer to such a request any more."""
        self._agent.forget(inquiry)
        self.perform(())

    def keep_open(self, flow: Flow) -> None:
        """Send the two empty lines that keep a NAT open (RFC 5626 section 3.5.1)."""
        if self._network is not None:
            self._network.send(b"\r\n\r\n", flow)

    # --- sessions ---------------------------------------------------------------------------------------

    def invite(self, outgoing: Outgoing) -> tuple[int, list[Output]]:
        """Start a session; its outputs are for :meth:`perform`, once events of the session can be taken.

        Raises ValueError for values that cannot be written.
        """
        return self._agent.invite(self._clock.now(), outgoing)

    def call_id(self, session: int) -> str:
        """The Call-ID of a session; "" for one that is over."""
        return self._agent.call_id(session)

    def press(self, session: int, key: str, duration: int, kind: str) -> bool:
        """Press a key for so many milliseconds by INFO with a body of ``kind``; False when the session is not
        up.
        """
        sent, outputs = self._agent.press(self._clock.now(), session, key, duration, kind)
        self.perform(outputs)
        return sent

    def let_refer(self, session: int) -> None:
        """Take the REFERs of a session's peer; before the first response."""
        self._agent.let_refer(session)

    def accept_refer(self, session: int, refer: int) -> None:
        """Take a REFER."""
        self.perform(self._agent.accept_refer(self._clock.now(), session, refer))

    def refuse_refer(self, session: int, refer: int, status: int) -> None:
        """Refuse a REFER."""
        self.perform(self._agent.refuse_refer(self._clock.now(), session, refer, status))

    def notify_referrer(self, refer: int, status: int, reason: str) -> None:
        """Tell who sent a REFER what has become of it."""
        self.perform(self._agent.notify_referrer(self._clock.now(), refer, status, reason))

    def refer(self, session: int, asking: Asking) -> bool:
        """Send a REFER, if one may be sent. ValueError for what cannot be written."""
        sent, outputs = self._agent.refer(self._clock.now(), session, asking)
        self.perform(outputs)
        return sent

    def find(self, call_id: str, local_tag: str, remote_tag: str) -> int | None:
        """The session a dialog belongs to; None when there is none that goes on."""
        return self._agent.find(call_id, local_tag, remote_tag)

    def ring(self, session: int) -> None:
        """Send 180."""
        self.perform(self._agent.ring(self._clock.now(), session))

    def answer(self, session: int, body: bytes) -> None:
        """Send 200 with a session description."""
        self.perform(self._agent.answer(self._clock.now(), session, body))

    def refuse(self, session: int, status: int, reason: str = "", headers: Extra = ()) -> None:
        """Refuse the pending INVITE, be it the first or a later one; ``headers`` say more about it."""
        told = Headers((*refusing(status), *headers))
        self.perform(self._agent.refuse(self._clock.now(), session, status, reason, told))

    def answer_offer(self, session: int, body: bytes) -> None:
        """Answer an offer that came in a PRACK or UPDATE."""
        self.perform(self._agent.answer_offer(self._clock.now(), session, body))

    def refuse_offer(self, session: int, status: int, headers: Extra = ()) -> None:
        """Refuse an offer that came in a PRACK or UPDATE; what was agreed stays."""
        told = (*refusing(status), *headers)
        self.perform(self._agent.refuse_offer(self._clock.now(), session, status, told))

    def end(self, session: int, status: int, reason: str, headers: Extra = ()) -> None:
        """CANCEL, BYE, or a refusal with ``status``, with ``headers``; no event follows."""
        self.perform(self._agent.end(self._clock.now(), session, status, reason, headers))

    def may_reoffer(self, session: int) -> bool:
        """Whether a re-INVITE would be sent now."""
        return self._agent.may_reoffer(session)

    def reoffer(self, session: int, body: bytes) -> None:
        """Send a re-INVITE, if one may be sent."""
        self.perform(self._agent.reoffer(self._clock.now(), session, body)[1])

    def withdraw(self, session: int) -> None:
        """Do not send a re-INVITE again that got 491."""
        self._agent.withdraw(session)
        self.perform(())

    def perform(self, outputs: Iterable[Output]) -> None:
        """Carry out what the user agent gave back."""
        for output in outputs:
            if isinstance(output, Send):
                if self._network is not None:
                    self._network.send(output.data, output.flow)
            else:
                self._handle(output)
        self._arm()

    def _arm(self) -> None:
        """Keep one timer no later than the user agent's next time-out; one that is early does nothing.

        Most time-outs are called off again (repetitions, the wait for an ACK): to follow each costs more.
        """
        due = self._agent.next_timeout()
        if due == self._armed or (due is not None and self._armed is not None and self._armed < due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        self._timer = None if due is None else self._clock.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = self._armed = None
        self.perform(self._agent.timeout(self._clock.now()))
