"""One connection: TCP, or TLS over it, from its first byte to its last."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Protocol, cast

from hookflash.ports.clock import Clock, Timer
from hookflash.sip.flow import Address, Flow
from hookflash.sip.transports.binding import probe
from hookflash.sip.transports.framing import Framer
from hookflash.sip.transports.limits import MAX_WRITE_BUFFER, Limits
from hookflash.sip.transports.visitors import Visitors


class Owner(Protocol):
    """Who keeps the connections."""

    clock: Clock
    limits: Limits
    visitors: Visitors

    def connected(self, connection: Connection, kind: str, remote: Address) -> bool:
        """Number a connection; False when it is unwanted."""
        ...

    def received(self, connection: Connection, data: bytes) -> bool:
        """Cut what came into messages; False when there was no whole one."""
        ...

    def lost(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """A connection that carries messages.

    Args:
        owner: who keeps it.
        kind: "TCP", "TLS", "WS" or "WSS".
        framer: cuts its bytes.
        accepted: whether the peer opened it.
        admitted: the peer's address, if the owner has counted it in already.
    """

    def __init__(
        self,
        owner: Owner,
        kind: str,
        framer: Framer,
        *,
        accepted: bool = True,
        admitted: Address | None = None,
    ) -> None:
        self._owner = owner
        self._kind = kind
        self._transport: asyncio.Transport | None = None
        self._timer: Timer | None = None
        self._pinger: Timer | None = None
        self._owing = accepted
        self._admitted = admitted is not None
        self.accepted = accepted
        self.objection = ""
        """Why the owner does not want it."""
        self.framer = framer
        self.flow = Flow(kind, ("", 0), admitted or ("", 0))

    # uvloop's transports are no subclasses of asyncio's: nothing here may check their type.
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if not peer:
            transport.abort()
            return
        remote: Address = (peer[0], peer[1])
        if self.accepted and not self._admitted:
            self._admitted = self._owner.visitors.admit(remote)
            if not self._admitted:
                transport.abort()
                return
        self.flow = self.flow._replace(remote=remote)
        self._transport = transport
        probe(transport.get_extra_info("socket"), self._owner.limits.keep_alive)
        if not self._owner.connected(self, self._kind, remote):
            self._transport = None
            transport.abort()
            self.leave()
            return
        self._timer = self._deadline()
        self._arm_ping()

    def identity(self) -> Any:
        """The SSL object of the peer; None without TLS."""
        return None if self._transport is None else self._transport.get_extra_info("ssl_object")

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        done = self._owner.received(self, data)
        self._arm_ping()
        owing = self.framer.owing
        if owing and self._owing and not done:
            return  # its time runs already: single bytes do not buy more
        self._owing = owing
        self._stop_timer()
        if self._transport is not None:
            self._timer = self._deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._stop_timer()
        self._stop_ping()
        self._owner.lost(self)
        self.leave()

    def send(self, message: bytes) -> None:
        """Send one message; a peer that does not read what it is sent is cut off."""
        self.write(self.framer.wrap(message))

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_WRITE_BUFFER:
            transport.abort()
            return
        transport.write(data)

    def close(self) -> None:
        """Close; a peer that has not read what is on its way does not get to keep the connection open."""
        if self._transport is not None:
            if self._transport.get_write_buffer_size():
                self._transport.abort()
            else:
                self._transport.close()

    def abort(self) -> None:
        """Close without another word."""
        if self._transport is not None:
            self._transport.abort()

    def leave(self) -> None:
        """Give back the place of somebody who was admitted; idempotent."""
        if self._admitted:
            self._admitted = False
            self._owner.visitors.release(self.flow.remote)

    def _deadline(self) -> Timer:
        """Close a connection that stays idle, or one that owes us (the rest of) a message, sooner."""
        limits = self._owner.limits
        seconds = limits.message if self._owing else limits.idle
        return self._owner.clock.call_at(self._owner.clock.now() + seconds, self.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- keep-alive -------------------------------------------------------------------------------------

    def _arm_ping(self) -> None:
        """Ping after a while without a word from the peer; anything it says shows that it is there."""
        self._stop_ping()
        seconds = self._owner.limits.keep_alive
        if seconds and (not self.accepted or self._web) and self._transport is not None:
            # Spread, so that a server is not pinged by all its clients at once (RFC 5626 section 4.4.1).
            wait = seconds * random.uniform(0.8, 1.0)
            self._pinger = self._owner.clock.call_at(self._owner.clock.now() + wait, self._ping)

    @property
    def _web(self) -> bool:
        """Whether it carries a WebSocket: the other end answers pings by itself, and may not send any."""
        return self._kind in ("WS", "WSS")

    def _ping(self) -> None:
        if self.accepted and self.framer.owing:
            # In the middle of its handshake or of a message, for which its time runs.
            self._arm_ping()
            return
        self.write(self.framer.ping())
        if self.framer.answered or self._web:
            now, pong = self._owner.clock.now(), self._owner.limits.pong
            self._pinger = self._owner.clock.call_at(now + pong, self.abort)
        else:
            # It has never answered one: it may not know them, and cannot be judged by them.
            self._arm_ping()

    def _stop_ping(self) -> None:
        if self._pinger is not None:
            self._pinger.cancel()
            self._pinger = None
