"""Two user agents and what goes between them, written down as the ladder diagrams of the RFCs are."""

from __future__ import annotations

from sip.agents import ANSWER, Net, Peer

from hookflash.sip.events import Event, IncomingInvite, Reoffered
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Flow, Send
from hookflash.sip.message import Request, Response, parse
from hookflash.sip.ua import Settings


class Ladder(Net):
    """A caller and a callee without delay between them; every message sent is a rung, also a lost one.

    A rung is written "> INVITE" or "< 200", its arrow seen from the caller. The callee rings and answers
    unless ``react`` of it is another, and sends provisional responses reliably only if ``settings`` say so.
    """

    def __init__(self, settings: Settings | None = None, transport: str = "UDP") -> None:
        super().__init__(delay=0.0)
        settings = settings or Settings(reliable=False)
        self.transport = transport
        self.rungs: list[str] = []
        self.times: list[tuple[str, float]] = []
        self.messages: list[Request | Response] = []
        self._losses: dict[str, int] = {}
        self.caller = self.peer(5060, settings)
        self.callee = self.peer(5070, settings)
        self.callee.react = self.pick_up

    def carry(self, sender: Peer, send: Send) -> None:
        message = parse(send.data)
        what = message.method if isinstance(message, Request) else str(message.status)
        rung = f"{'>' if sender is self.caller else '<'} {what}"
        self.rungs.append(rung)
        self.times.append((rung, round(self.now, 3)))
        self.messages.append(message)
        left = self._losses.get(rung, 0)
        if left:
            self._losses[rung] = left - 1
            return
        super().carry(sender, send)

    def lose(self, rung: str, times: int = 1) -> None:
        """The next so many messages like this one are lost."""
        self._losses[rung] = times

    def sent(self, rung: str) -> list[float]:
        """When messages like this one were sent."""
        return [when for what, when in self.times if what == rung]

    def last(self, rung: str) -> Request | Response:
        """The newest message like this one."""
        return next(
            m for r, m in zip(reversed(self.rungs), reversed(self.messages), strict=True) if r == rung
        )

    def fresh(self) -> list[str]:
        """The rungs since this was last asked."""
        rungs, self.rungs = self.rungs, []
        self.messages = []
        return rungs

    def call(self, **options: object) -> int:
        """The caller calls."""
        if self.transport != "UDP":
            flow = Flow(self.transport, self.caller.address, self.callee.address)
            return self.caller.call(self.callee.address, flow=flow, **options)
        return self.caller.call(self.callee.address, **options)

    def pick_up(self, event: Event) -> None:
        """Ring and answer, and take every new offer."""
        if isinstance(event, IncomingInvite):
            self.ring(event.session)
        if isinstance(event, IncomingInvite | Reoffered):
            self.answer(event.session)

    def ring(self, session: int = 1) -> None:
        self.callee.take(self.callee.agent.ring(self.now, session))

    def answer(self, session: int = 1, body: bytes = ANSWER) -> None:
        self.callee.take(self.callee.agent.answer(self.now, session, body))

    def refuse(self, status: int, session: int = 1, headers: Headers | None = None) -> None:
        self.callee.take(self.callee.agent.refuse(self.now, session, status, headers=headers))

    def hang_up(self, peer: Peer, session: int = 1) -> None:
        peer.take(peer.agent.end(self.now, session))

    def wait(self, seconds: float) -> None:
        self.run(self.now + seconds)

    def silent(self) -> bool:
        """Once the longest timers are over: nobody remembers anything."""
        self.wait(300.0)
        agents = [peer.agent for peer in self.peers.values()]
        return all((a.sessions, a.dialogs, a.transactions, a.timers) == (0, 0, 0, 0) for a in agents)


def ringing(ladder: Ladder) -> None:
    """The callee rings and nobody answers."""

    def react(event: Event) -> None:
        if isinstance(event, IncomingInvite):
            ladder.ring(event.session)

    ladder.callee.react = react


def refusing(ladder: Ladder, status: int, headers: Headers | None = None) -> None:
    """The callee refuses every call."""

    def react(event: Event) -> None:
        if isinstance(event, IncomingInvite):
            ladder.refuse(status, event.session, headers)

    ladder.callee.react = react
