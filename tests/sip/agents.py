"""User agents in virtual time: one poked by raw messages, or several on a network that loses and doubles."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count

from hookflash.sip.events import Event
from hookflash.sip.flow import Address, Flow, Send
from hookflash.sip.message import Request, Response, parse
from hookflash.sip.ua import Outgoing, Output, Settings, UserAgent

SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
OFFER = SDP.format("192.0.2.1").encode()
ANSWER = (
    b"v=0\r\no=- 2 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n"
)

US: Address = ("192.0.2.2", 5060)
THEM: Address = ("192.0.2.1", 5060)


def entropy(seed: int) -> Callable[[int], bytes]:
    """Repeatable randomness."""
    return random.Random(seed).randbytes


class Probe:
    """One user agent and somebody who talks to it in raw messages."""

    def __init__(self, settings: Settings | None = None, flow: Flow | None = None) -> None:
        self.agent = UserAgent(settings or Settings(), entropy(1))
        self.flow = flow or Flow("UDP", US, THEM)
        self.now = 0.0
        self.events: list[Event] = []
        self.sends: list[tuple[float, Send]] = []

    def take(self, outputs: list[Output]) -> list[Request | Response]:
        """Keep what came out; returns the messages in it."""
        messages = []
        for output in outputs:
            if isinstance(output, Send):
                self.sends.append((self.now, output))
                messages.append(parse(output.data))
            else:
                self.events.append(output)
        return messages

    def tell(self, text: str, body: bytes = b"", flow: Flow | None = None) -> list[Request | Response]:
        """Send it a message written with plain line ends; Content-Length is added."""
        head = "\r\n".join(line.strip() for line in text.strip().splitlines())
        data = f"{head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        return self.take(self.agent.receive(self.now, data, flow or self.flow))

    def until(self, when: float) -> list[Request | Response]:
        """Let time pass; returns what it sent meanwhile."""
        messages = []
        while (due := self.agent.next_timeout()) is not None and due <= when:
            self.now = max(self.now, due)
            messages += self.take(self.agent.timeout(self.now))
        self.now = when
        return messages

    def statuses(self) -> list[int]:
        """Every response it sent so far."""
        found = [parse(send.data) for _, send in self.sends]
        return [message.status for message in found if isinstance(message, Response)]

    def requests(self, method: str) -> list[Request]:
        """Every request with this method it sent so far."""
        found = [parse(send.data) for _, send in self.sends]
        return [message for message in found if isinstance(message, Request) and message.method == method]

    def idle(self) -> bool:
        """Whether nothing is remembered."""
        agent = self.agent
        return (agent.sessions, agent.dialogs, agent.transactions, agent.timers) == (0, 0, 0, 0)


class Peer:
    """One user agent on a :class:`Net`."""

    def __init__(self, net: Net, address: Address, settings: Settings | None = None) -> None:
        self.net = net
        self.address = address
        self.agent = UserAgent(settings or Settings(), entropy(address[1]))
        self.events: list[Event] = []
        self.react: Callable[[Event], None] = lambda event: None

    def flow(self, remote: Address, transport: str = "UDP") -> Flow:
        return Flow(transport, self.address, remote)

    def take(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self.net.carry(self, output)
            else:
                self.events.append(output)
                self.react(output)

    def call(self, remote: Address, **options: object) -> int:
        outgoing = Outgoing(
            f"sip:b@{remote[0]}:{remote[1]}",
            f"<sip:a@{self.address[0]}>",
            f"<sip:b@{remote[0]}>",
            OFFER,
            **{"flow": self.flow(remote), **options},  # type: ignore[arg-type]
        )
        session, outputs = self.agent.invite(self.net.now, outgoing)
        self.take(outputs)
        return session

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


class Net:
    """Carries datagrams with some delay, loses some and doubles some; the same every time for one seed."""

    def __init__(self, seed: int = 0, loss: float = 0.0, double: float = 0.0, delay: float = 0.02) -> None:
        self.now = 0.0
        self.loss, self.double, self.delay = loss, double, delay
        self.peers: dict[Address, Peer] = {}
        self._random = random.Random(seed)
        self._wire: list[tuple[float, int, Address, bytes, Flow]] = []
        self._order = count()
        self.tap: Callable[[Request | Response], bool] = lambda message: True

    def peer(self, port: int, settings: Settings | None = None) -> Peer:
        address = ("192.0.2.1", port)
        peer = self.peers[address] = Peer(self, address, settings)
        return peer

    def carry(self, sender: Peer, send: Send) -> None:
        if not self.tap(parse(send.data)) or self._random.random() < self.loss:
            return
        for _ in range(2 if self._random.random() < self.double else 1):
            at = self.now + self.delay * (0.5 + self._random.random())
            back = Flow(send.flow.transport, send.flow.remote, sender.address)
            heapq.heappush(self._wire, (at, next(self._order), send.flow.remote, send.data, back))

    def run(self, until: float) -> None:
        """Deliver and fire everything up to a time."""
        while True:
            due = [(timeout, peer) for peer in self.peers.values() if (timeout := peer.agent.next_timeout())]
            timer = min(due, key=lambda item: item[0], default=None)
            wire = self._wire[0][0] if self._wire else None
            if wire is not None and wire <= until and (timer is None or wire <= timer[0]):
                at, _, to, data, flow = heapq.heappop(self._wire)
                self.now = max(self.now, at)
                if to in self.peers:
                    self.peers[to].take(self.peers[to].agent.receive(self.now, data, flow))
            elif timer is not None and timer[0] <= until:
                self.now = max(self.now, timer[0])
                timer[1].take(timer[1].agent.timeout(self.now))
            else:
                self.now = until
                return
