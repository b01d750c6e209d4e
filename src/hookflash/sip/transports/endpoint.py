"""A user agent on its sockets: all that a program needs which uses this room on its own.

    async with Endpoint(happened, port=5060) as endpoint:
        ...

``happened`` gets every event; the methods of the endpoint are those of the user agent without the time.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from hookflash.clock import LoopClock
from hookflash.ports.clock import Clock, Timer
from hookflash.sip import keys
from hookflash.sip.build import Extra
from hookflash.sip.errors import ParseError
from hookflash.sip.events import Event
from hookflash.sip.fields import Headers
from hookflash.sip.flow import Address, Flow, Send
from hookflash.sip.transports.limits import Handlers, Limits
from hookflash.sip.transports.sockets import Transports
from hookflash.sip.transports.tls import Tls
from hookflash.sip.ua import Outgoing, Output, Settings, UserAgent


class Endpoint:
    """A SIP user agent that listens on UDP and TCP while it is entered; on asyncio's loop or uvloop's.

    Args:
        happened: called with every event (:mod:`hookflash.sip.events`), in order, on the event loop; it may
            call any method here, and must not block.
        host, port: where to listen; port 0 takes one that is free.
        settings: of the user agent.
        clock: time; that of the running loop when omitted.
        external_address: what peers are told to reach us at; see :class:`Transports`.
        limits: what peers may hold.
        tls: certificates, to reach others over TLS; to be reached over it as well call
            ``transports.listen_tls``.

    Attributes:
        address: where it listens, once it does.
        agent: the user agent, for counting what is alive.
        transports: its sockets.

    Nobody is kept out: whoever can reach it can call. Raises OSError on entering when it cannot listen.
    """

    def __init__(
        self,
        happened: Callable[[Event], None],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        settings: Settings | None = None,
        clock: Clock | None = None,
        external_address: str = "",
        limits: Limits | None = None,
        tls: Tls | None = None,
    ) -> None:
        self._happened = happened
        self._clock = clock or LoopClock()
        self._timer: Timer | None = None
        self._armed = 0.0
        self._idle = asyncio.Event()
        self.address: Address = (host, port)
        self.agent = UserAgent(settings or Settings(), secrets.token_bytes)
        handlers = Handlers(self._receive, self._broken, self._malformed)
        self.transports = Transports(
            handlers, self._clock, external_address=external_address, limits=limits, tls=tls
        )

    async def __aenter__(self) -> Endpoint:
        self.address = await self.transports.listen(*self.address)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of the sockets; what is up is not ended, see :meth:`end`."""
        if self._timer is not None:
            self._timer.cancel()
        await self.transports.close()

    # --- calls ------------------------------------------------------------------------------------------

    def path(self, host: str, port: int = 5060, transport: str = "UDP") -> Flow:
        """The way to an IP address over "UDP", "TCP" or "TLS". OSError without such a transport."""
        return self.transports.path(transport, (host, port))

    def invite(self, outgoing: Outgoing) -> int:
        """Start a call; returns its session. ParseError or ValueError for values that cannot be sent."""
        session, outputs = self.agent.invite(self._clock.now(), outgoing)
        self._perform(outputs)
        return session

    def ring(self, session: int, status: int = 180, body: bytes = b"") -> None:
        """As :meth:`UserAgent.ring`."""
        self._perform(self.agent.ring(self._clock.now(), session, status, body))

    def answer(self, session: int, body: bytes) -> None:
        """As :meth:`UserAgent.answer`."""
        self._perform(self.agent.answer(self._clock.now(), session, body))

    def refuse(self, session: int, status: int, reason: str = "", headers: Headers | None = None) -> None:
        """As :meth:`UserAgent.refuse`."""
        self._perform(self.agent.refuse(self._clock.now(), session, status, reason, headers))

    def answer_offer(self, session: int, body: bytes) -> None:
        """As :meth:`UserAgent.answer_offer`."""
        self._perform(self.agent.answer_offer(self._clock.now(), session, body))

    def refuse_offer(self, session: int, status: int, headers: Extra = ()) -> None:
        """As :meth:`UserAgent.refuse_offer`."""
        self._perform(self.agent.refuse_offer(self._clock.now(), session, status, headers))

    def reoffer(self, session: int, body: bytes) -> bool:
        """As :meth:`UserAgent.reoffer`."""
        return self._sent(self.agent.reoffer(self._clock.now(), session, body))

    def update(self, session: int, body: bytes = b"") -> bool:
        """As :meth:`UserAgent.update`."""
        return self._sent(self.agent.update(self._clock.now(), session, body))

    def press(self, session: int, key: str, duration: int, kind: str = keys.RELAY) -> bool:
        """As :meth:`UserAgent.press`."""
        return self._sent(self.agent.press(self._clock.now(), session, key, duration, kind))

    def end(self, session: int, status: int = 480, reason: str = "", headers: Extra = ()) -> None:
        """As :meth:`UserAgent.end`."""
        self._perform(self.agent.end(self._clock.now(), session, status, reason, headers))

    async def idle(self) -> None:
        """Wait until there are no sessions, those included whose BYE or CANCEL is not answered yet."""
        self._idle.clear()
        if self.agent.sessions:
            await self._idle.wait()

    # --- the network and time ---------------------------------------------------------------------------

    def _receive(self, data: bytes, flow: Flow) -> None:
        self._perform(self.agent.receive(self._clock.now(), data, flow))

    def _broken(self, flow: Flow) -> None:
        self._perform(self.agent.broken(self._clock.now(), flow))

    def _malformed(self, error: ParseError, flow: Flow) -> None:
        self._perform(self.agent.malformed(self._clock.now(), error, flow))

    def _sent(self, result: tuple[bool, list[Output]]) -> bool:
        sent, outputs = result
        self._perform(outputs)
        return sent

    def _perform(self, outputs: list[Output]) -> None:
        for output in outputs:
            if isinstance(output, Send):
                self.transports.send(output.data, output.flow)
            else:
                self._happened(output)
        if not self.agent.sessions:
            self._idle.set()
        self._arm()

    def _arm(self) -> None:
        """Keep a timer no later than the next time-out; one that fires too early does nothing."""
        due = self.agent.next_timeout()
        if due is None or (self._timer is not None and self._armed <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = due
        self._timer = self._clock.call_at(due, self._due)

    def _due(self) -> None:
        self._timer = None
        self._perform(self.agent.timeout(self._clock.now()))
