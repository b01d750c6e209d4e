"""UDP and TCP under asyncio: bytes in, bytes out, nothing decided (RFC 3261 section 18).

Every message received goes to ``on_message`` with the :class:`~hookflash.sip.flow.Flow` it came over; every
:class:`~hookflash.sip.flow.Send` goes out without waiting. Works on asyncio's own loop and on uvloop's.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import cast

from hookflash.ports.clock import Clock, Timer
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Address, Flow
from hookflash.sip.stream import FramingError, StreamFramer

log = logging.getLogger("hookflash.sip")

RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes of datagrams the kernel may hold for us while we are busy; the kernel may grant less."""

MAX_WRITE_BUFFER = 1024 * 1024
"""Bytes a TCP peer may leave unread before its connection is closed."""

_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Handlers:
    """Whom to tell. All are called on the event loop and must not block."""

    on_message: Callable[[bytes, Flow], None]
    on_broken: Callable[[Flow], None]
    """A connection is gone, or one could not be opened (``flow.connection`` is 0 then)."""
    on_malformed: Callable[[ParseError, Flow], None]
    """A stream cannot be cut into messages; its connection is closed next."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What peers may hold.

    ``connections`` TCP connections that others opened at most, ``per_peer`` of them from one address. A
    message, and the first sign of life on a connection, may take ``message`` seconds; a connection that says
    nothing for ``idle`` seconds is closed. Opening one ourselves takes at most ``connect`` seconds.
    """

    connections: int = 1000
    per_peer: int = 250
    message: float = 30.0
    idle: float = 900.0
    connect: float = 5.0


class Transports:
    """The sockets of one SIP element.

    ``external_address`` is what peers are told to reach us at; "" means the bound address, or that of the
    interface which leads to the peer.
    """

    def __init__(
        self, handlers: Handlers, clock: Clock, *, external_address: str = "", limits: Limits | None = None
    ) -> None:
        self._handlers = handlers
        self._clock = clock
        self._external = external_address
        self._limits = limits or Limits()
        self._datagrams: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._bound: dict[str, Address] = {}
        self._connections: dict[int, _Connection] = {}
        self._opening: dict[Address, list[bytes]] = {}
        self._accepted: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._interfaces: OrderedDict[str, str] = OrderedDict()
        self._closed = False

    # --- opening and closing ----------------------------------------------------------------------------

    async def listen_udp(self, host: str, port: int) -> Address:
        """Bind UDP; port 0 takes a free one. Returns the bound address. OSError when it cannot be had."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            sock.setblocking(False)
            sock.bind((host, port))
            bound: Address = sock.getsockname()[:2]
            self._bound["UDP"] = bound
            transport, _ = await loop.create_datagram_endpoint(partial(_Datagrams, self), sock=sock)
        except BaseException:
            sock.close()
            raise
        self._datagrams = transport
        return bound

    async def listen_tcp(self, host: str, port: int) -> Address:
        """Listen on TCP; port 0 takes a free one. Returns the bound address. OSError when it cannot be
        had.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(partial(_Connection, self), host, port)
        bound: Address = self._server.sockets[0].getsockname()[:2]
        self._bound["TCP"] = bound
        return bound

    async def listen(self, host: str, port: int) -> Address:
        """Bind UDP and TCP to the same port; with port 0 one that is free for both."""
        for attempt in range(20):
            bound = await self.listen_udp(host, port)
            try:
                return await self.listen_tcp(host, bound[1])
            except OSError:
                if self._datagrams is not None:
                    self._datagrams.abort()
                if port or attempt == 19:
                    raise
        raise AssertionError("unreachable")

    async def close(self) -> None:
        """Stop listening, close every connection."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        if self._datagrams is not None:
            self._datagrams.close()
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections.values()):
            connection.close()
        await asyncio.sleep(0)

    # --- addresses --------------------------------------------------------------------------------------

    async def flow_to(self, transport: str, host: str, port: int) -> Flow:
        """The path to a host (name or address). OSError when the name does not resolve."""
        if transport not in self._bound:
            listening = ", ".join(self._bound) or "none"
            raise OSError(
                f"cannot reach {host}:{port} over {transport}: no such transport; there are {listening}"
            )
        bound = self._bound[transport]
        family = socket.AF_INET6 if ":" in bound[0] else socket.AF_INET
        try:
            ipaddress.ip_address(host)
            address: Address = (host, port)
        except ValueError:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
            address = (str(found[0][4][0]), port)
        return Flow(transport, self._local(transport, address[0]), address)

    def _local(self, transport: str, remote: str) -> Address:
        host, port = self._bound.get(transport, ("127.0.0.1", 5060))
        if self._external:
            return (self._external, port)
        return (self._interface(host, remote), port)

    def _interface(self, bound: str, remote: str) -> str:
        """The address of the interface that leads to ``remote`` when we are bound to all of them."""
        if not ipaddress.ip_address(bound).is_unspecified:
            return bound
        known = self._interfaces.get(remote)
        if known is not None:
            self._interfaces.move_to_end(remote)
            return known
        with socket.socket(socket.AF_INET6 if ":" in bound else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect((remote, 9))
                own = str(probe.getsockname()[0])
            except OSError:
                return bound
        self._interfaces[remote] = own
        if len(self._interfaces) > _REMEMBERED:
            self._interfaces.popitem(last=False)
        return own

    # --- sending ----------------------------------------------------------------------------------------

    def send(self, data: bytes, flow: Flow) -> None:
        """Put a message on the network. Failures come back through ``on_broken``, later."""
        if flow.transport == "UDP":
            if self._datagrams is not None and not self._datagrams.is_closing():
                self._datagrams.sendto(data, flow.remote)
            return
        connection = (
            self._connections.get(flow.connection) if flow.connection else self._leading_to(flow.remote)
        )
        if connection is not None:
            connection.send(data)
        elif flow.connection:
            asyncio.get_running_loop().call_soon(self._handlers.on_broken, flow)
        elif flow.remote in self._opening:
            self._opening[flow.remote].append(data)
        else:
            self._opening[flow.remote] = [data]
            task = asyncio.get_running_loop().create_task(self._open(flow))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _leading_to(self, remote: Address) -> _Connection | None:
        for connection in self._connections.values():
            if connection.flow.remote == remote:
                return connection
        return None

    async def _open(self, flow: Flow) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limits.connect):
                _, connection = await loop.create_connection(
                    partial(_Connection, self, accepted=False), *flow.remote
                )
        except (OSError, TimeoutError) as error:
            log.info("connection refused", extra={"peer": flow.remote[0], "problem": str(error)})
            self._opening.pop(flow.remote, None)
            self._handlers.on_broken(flow)
            return
        for data in self._opening.pop(flow.remote, []):
            connection.send(data)

    # --- what the protocols report ----------------------------------------------------------------------

    def datagram(self, data: bytes, source: Address) -> None:
        self._handlers.on_message(data, Flow("UDP", self._local("UDP", source[0]), source))

    def connected(self, connection: _Connection, remote: Address) -> bool:
        """Number a connection; False when there are too many. Those we opened ourselves do not count."""
        if self._closed:
            return False
        if connection.accepted:
            limits, held = self._limits, self._accepted
            for count, limit in ((held.total(), limits.connections), (held[remote[0]], limits.per_peer)):
                if count >= limit:
                    log.warning("too many connections", extra={"peer": remote[0], "limit": limit})
                    return False
            held[remote[0]] += 1
        self._count += 1
        connection.flow = Flow("TCP", self._local("TCP", remote[0]), remote, self._count)
        self._connections[self._count] = connection
        return True

    def lost(self, connection: _Connection) -> None:
        if self._connections.pop(connection.flow.connection, None) is None:
            return
        if connection.accepted:
            peer = connection.flow.remote[0]
            self._accepted[peer] -= 1
            if not self._accepted[peer]:
                del self._accepted[peer]
        if not self._closed:
            self._handlers.on_broken(connection.flow)

    def received(self, connection: _Connection, data: bytes) -> bool:
        """Cut what came over a connection into messages; False when there was no whole one."""
        try:
            messages = connection.framer.feed(data)
        except FramingError as error:
            for message in error.complete:
                self._handlers.on_message(message, connection.flow)
            self._handlers.on_malformed(error, connection.flow)
            connection.close()
            return True
        pongs = connection.framer.take_pongs()
        if pongs:
            connection.send(pongs)
        for message in messages:
            self._handlers.on_message(message, connection.flow)
        return bool(messages)

    def deadline(self, connection: _Connection, *, owing: bool) -> Timer:
        """Close a connection that stays idle, or one that owes us (the rest of) a message, sooner."""
        seconds = self._limits.message if owing else self._limits.idle
        return self._clock.call_at(self._clock.now() + seconds, connection.close)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: Transports) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[str, int] | tuple[str, int, int, int]) -> None:
        self._owner.datagram(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """An ICMP error says nothing about which message it belongs to; the timers deal with the silence."""
        log.debug("datagram refused", extra={"problem": str(exc)})


class _Connection(asyncio.Protocol):
    def __init__(self, owner: Transports, *, accepted: bool = True) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._timer: Timer | None = None
        self._owing = accepted
        self.accepted = accepted
        self.framer = StreamFramer()
        self.flow = Flow("TCP", ("", 0), ("", 0))

    # uvloop's transports are no subclasses of asyncio's: nothing here may check their type.
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if not peer or not self._owner.connected(self, (peer[0], peer[1])):
            transport.abort()
            return
        self._transport = transport
        self._timer = self._owner.deadline(self, owing=self._owing)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        done = self._owner.received(self, data)
        # Two line ends or fewer are a keep-alive, or the half of one.
        owing = len(self.framer) > 3
        if owing and self._owing and not done:
            return  # its time runs already: single bytes do not buy more
        self._owing = owing
        self._stop_timer()
        if self._transport is not None:
            self._timer = self._owner.deadline(self, owing=owing)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._stop_timer()
        self._owner.lost(self)

    def send(self, data: bytes) -> None:
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
