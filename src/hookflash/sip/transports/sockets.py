"""The sockets of one SIP element: bytes in, bytes out, nothing decided (RFC 3261 section 18).

Every message received goes to ``on_message`` with the :class:`~hookflash.sip.flow.Flow` it came over; every
:class:`~hookflash.sip.flow.Send` goes out without waiting. Works on asyncio's own loop and on uvloop's.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Coroutine, Sequence
from functools import lru_cache, partial
from typing import Any

from hookflash.ports.clock import Clock
from hookflash.ports.names import RecordKind
from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Address, Flow
from hookflash.sip.grammar import printable
from hookflash.sip.notices import Notices
from hookflash.sip.stream import FramingError, StreamFramer
from hookflash.sip.transports.binding import RECEIVE_BUFFER, bind, keeps_alive
from hookflash.sip.transports.connections import Connection
from hookflash.sip.transports.framing import Framer
from hookflash.sip.transports.interfaces import Interfaces
from hookflash.sip.transports.limits import Handlers, Limits
from hookflash.sip.transports.tls import Tls, shown_by
from hookflash.sip.transports.visitors import Visitors
from hookflash.sip.websocket import WebSocketFramer

log = logging.getLogger("hookflash.sip")

_BACKLOG = 1024
_PAUSE = 0.5
"""Seconds until we accept again when the system would not let us."""

_SECURE = ("TLS", "WSS")

_PEERS = 4096
_from = lru_cache(_PEERS)(partial(Flow, "UDP"))
"""The flow of a datagram by our address and its source: one object for all that is remembered of a peer."""

_Leading = tuple[str, Address, str]
"""Transport, address and name of whoever a connection leads to."""


class Transports:
    """The sockets of one SIP element.

    ``external_address`` is what peers are told to reach us at; "" means the bound address, or that of the
    interface which leads to the peer. ``tls`` has the certificates; without it there is no TLS either way.
    ``origins`` are those whose pages may open a WebSocket, all when empty.

    Attributes:
        visitors: the connections of others to us.
    """

    def __init__(
        self,
        handlers: Handlers,
        clock: Clock,
        *,
        external_address: str = "",
        limits: Limits | None = None,
        tls: Tls | None = None,
        origins: Sequence[str] = (),
    ) -> None:
        self._handlers = handlers
        self.clock = clock
        self.limits = limits or Limits()
        self._tls = tls
        self._origins = tuple(origins)
        self._interfaces = Interfaces(external_address)
        self._datagrams: dict[int, asyncio.DatagramTransport] = {}
        self._servers: list[asyncio.Server] = []
        self._connections: dict[int, Connection] = {}
        self._leading: dict[_Leading, Connection] = {}
        self._opening: dict[_Leading, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._closed = False
        self._notices = Notices()
        self.visitors = Visitors(handlers, clock, self.limits, self._notices)

    # --- opening and closing ----------------------------------------------------------------------------

    async def listen_udp(self, host: str, port: int) -> Address:
        """Bind UDP; port 0 takes a free one. Returns the bound address. OSError when it cannot be had."""
        loop = asyncio.get_running_loop()
        sock = bind(socket.SOCK_DGRAM, host, port)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            bound: Address = sock.getsockname()[:2]
            self._interfaces.bind("UDP", bound)
            transport, _ = await loop.create_datagram_endpoint(partial(_Datagrams, self), sock=sock)
        except BaseException:
            sock.close()
            raise
        self._datagrams[sock.family] = transport
        return bound

    async def listen_tcp(self, host: str, port: int) -> Address:
        """Listen on TCP; port 0 takes a free one. Returns the bound address. OSError when it cannot be
        had.
        """
        return await self._listen("TCP", host, port)

    async def listen_tls(self, host: str, port: int) -> Address:
        """Listen on TLS, like :meth:`listen_tcp`. ValueError without a certificate."""
        return await self._listen("TLS", host, port)

    async def listen_ws(self, host: str, port: int, *, secure: bool = False) -> Address:
        """Listen on WebSockets, ``secure`` ones under TLS, like :meth:`listen_tls`."""
        return await self._listen("WSS" if secure else "WS", host, port)

    async def _listen(self, kind: str, host: str, port: int) -> Address:
        if kind in _SECURE and (self._tls is None or self._tls.server is None):
            raise ValueError(f"{kind} needs a certificate")
        sock = bind(socket.SOCK_STREAM, host, port)
        try:
            if kind in _SECURE:
                sock.listen(_BACKLOG)
                self._spawn(self._accept(kind, sock))
            else:
                loop = asyncio.get_running_loop()
                make = partial(self._connection, kind)
                self._servers.append(await loop.create_server(make, sock=sock, backlog=_BACKLOG))
        except BaseException:
            sock.close()
            raise
        bound: Address = sock.getsockname()[:2]
        self._interfaces.bind(kind, bound)
        return bound

    async def _accept(self, kind: str, listener: socket.socket) -> None:
        """Accept and count before the handshake: a server of asyncio would count after it."""
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    sock, peer = await loop.sock_accept(listener)
                except OSError as error:
                    # No file left, most of all; somebody may let go of one.
                    log.warning("cannot accept", extra={"problem": _said(error)})
                    await asyncio.sleep(_PAUSE)
                    continue
                remote: Address = (peer[0], peer[1])
                if self.visitors.admit(remote):
                    self._spawn(self._handshake(kind, sock, remote))
                else:
                    sock.close()

    async def listen(self, host: str, port: int) -> Address:
        """Bind UDP and TCP to the same port; with port 0 one that is free for both."""
        for attempt in range(20):
            bound = await self.listen_udp(host, port)
            try:
                return await self.listen_tcp(host, bound[1])
            except OSError:
                for transport in self._datagrams.values():
                    if transport.get_extra_info("sockname")[:2] == bound:
                        transport.abort()
                if port or attempt == 19:
                    raise
        raise AssertionError("unreachable")

    def renew(self, tls: Tls) -> None:
        """Use other certificates from now on; connections that are up keep theirs."""
        self._tls = tls

    async def close(self) -> None:
        """Stop listening, close every connection."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for transport in self._datagrams.values():
            transport.close()
        for server in self._servers:
            server.close()
        for connection in list(self._connections.values()):
            connection.close()
        await asyncio.sleep(0)

    # --- addresses --------------------------------------------------------------------------------------

    def path(self, transport: str, address: Address, name: str = "") -> Flow:
        """The path to an address; a TLS server there has to be ``name``. OSError without such a transport."""
        self._check_open(transport, f"{address[0]}:{address[1]}")
        local = self._interfaces.local(transport, address[0])
        return Flow(transport, local, address, 0, name if transport in _SECURE else "")

    @property
    def reachable(self) -> tuple[str, ...]:
        """Transports that we can call over, the best first."""
        bound = [one for one in ("UDP", "TCP") if self._interfaces.listens(one)]
        return (*bound, *(["TLS"] if self._tls is not None else []))

    def families(self, transport: str) -> tuple[RecordKind, ...]:
        """Kinds of addresses a transport reaches, the better first."""
        return self._interfaces.families("TCP" if transport == "TLS" else transport)

    def _check_open(self, transport: str, where: str) -> None:
        if self._interfaces.listens(transport) or (transport == "TLS" and self._tls is not None):
            return
        listening = ", ".join(self._interfaces.transports) or "none"
        raise OSError(f"cannot reach {where} over {transport}: no such transport; there are {listening}")

    # --- sending ----------------------------------------------------------------------------------------

    def send(self, data: bytes, flow: Flow) -> None:
        """Put a message on the network. Failures come back through ``on_broken``, later."""
        if flow.transport == "UDP":
            family = socket.AF_INET6 if ":" in flow.remote[0] else socket.AF_INET
            datagrams = self._datagrams.get(family)
            if datagrams is not None and not datagrams.is_closing():
                datagrams.sendto(data, flow.remote)
            return
        key = (flow.transport, flow.remote, flow.name)
        connection = self._connections.get(flow.connection) if flow.connection else self._leading.get(key)
        if connection is not None:
            connection.send(data)
        elif flow.connection or flow.transport not in ("TCP", "TLS"):
            # Nobody can connect to a browser.
            asyncio.get_running_loop().call_soon(self._handlers.on_broken, flow)
        elif key in self._opening:
            self._opening[key].append(data)
        else:
            self._opening[key] = [data]
            self._spawn(self._open(key, flow))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, key: _Leading, flow: Flow) -> None:
        try:
            connection = await self._connect(flow)
        except (OSError, TimeoutError) as error:
            log.info("connection refused", extra={"peer": flow.remote[0], "problem": _said(error)})
            self._opening.pop(key, None)
            self._handlers.on_broken(flow)
            return
        for data in self._opening.pop(key, []):
            connection.send(data)

    async def _connect(self, flow: Flow) -> Connection:
        """A connection to ``flow.remote``. OSError (also ssl.SSLError) or TimeoutError when there is none."""
        loop = asyncio.get_running_loop()
        connection = Connection(self, flow.transport, StreamFramer(), accepted=False)
        connection.flow = flow
        async with asyncio.timeout(self.limits.connect):
            if flow.transport == "TCP":
                await loop.create_connection(lambda: connection, *flow.remote)
                return connection
            if self._tls is None:
                raise OSError("TLS is not set up")
            # SNI names the domain; ssl leaves it out for an address, as it must.
            await loop.create_connection(
                lambda: connection, *flow.remote, ssl=self._tls.client, server_hostname=_wanted(flow)
            )
        if connection.objection:
            raise OSError(connection.objection)
        return connection

    # --- what the protocols report ----------------------------------------------------------------------

    def datagram(self, data: bytes, source: Address) -> None:
        """A datagram came."""
        if keeps_alive(data) or self._handlers.is_barred(source[0]):
            return
        local = self._interfaces.local("UDP", source[0])
        self._handlers.on_message(data, _from(local, source))

    def _connection(self, kind: str, admitted: Address | None = None) -> Connection:
        web = kind in ("WS", "WSS")
        framer: Framer = WebSocketFramer(self._origins) if web else StreamFramer()
        return Connection(self, kind, framer, admitted=admitted)

    async def _handshake(self, kind: str, sock: socket.socket, peer: Address) -> None:
        connection = self._connection(kind, peer)
        context = None if self._tls is None else self._tls.server
        if context is None:
            sock.close()
            connection.leave()
            return
        loop, seconds = asyncio.get_running_loop(), self.limits.handshake
        # From here on the loop owns the socket, and closes it whatever happens.
        try:
            await loop.connect_accepted_socket(
                lambda: connection, sock, ssl=context, ssl_handshake_timeout=seconds
            )
        except (OSError, TimeoutError) as error:
            if (more := self._notices.due(self.clock.now(), "TLS", peer[0])) is not None:
                log.info("TLS refused", extra={"peer": peer[0], "problem": _said(error)} | more)
            connection.leave()
            self._handlers.on_handshake(peer[0])
        except BaseException:
            connection.leave()
            raise

    def connected(self, connection: Connection, kind: str, remote: Address) -> bool:
        """Number a connection; False when it leads to somebody else, and once everything is closed."""
        if self._closed:
            return False
        shown = shown_by(connection.identity()) if kind in _SECURE else ()
        if kind in _SECURE and not connection.accepted and self._tls is not None:
            connection.objection = self._tls.objection(shown, _wanted(connection.flow)) or ""
            if connection.objection:
                return False
        self._count += 1
        local = self._interfaces.local(kind, remote[0])
        name = connection.flow.name
        connection.flow = Flow(kind, local, remote, self._count, name, shown)
        self._connections[self._count] = connection
        self._leading[kind, remote, name] = connection
        return True

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        if self._forget(connection) and not self._closed:
            self._handlers.on_broken(connection.flow)

    def _forget(self, connection: Connection) -> bool:
        flow = connection.flow
        if self._connections.pop(flow.connection, None) is None:
            return False
        key = (flow.transport, flow.remote, flow.name)
        if self._leading.get(key) is connection:
            del self._leading[key]
        return True

    def received(self, connection: Connection, data: bytes) -> bool:
        """Cut what came over a connection into messages; False when there was no whole one."""
        framer = connection.framer
        if self._handlers.is_barred(connection.flow.remote[0]):
            connection.abort()
            return False
        try:
            messages = framer.feed(data)
        except FramingError as error:
            for message in error.complete:
                self._handlers.on_message(message, connection.flow)
            self._handlers.on_malformed(error, connection.flow)
            connection.close()
            return True
        pongs = framer.take_pongs()
        if pongs:
            connection.write(pongs)
        for message in messages:
            self._handlers.on_message(message, connection.flow)
        if framer.closing:
            if framer.fault:
                self._handlers.on_malformed(ParseError(framer.fault), connection.flow)
            connection.close()
        return bool(messages)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, owner: Transports) -> None:
        self._owner = owner

    def datagram_received(self, data: bytes, addr: tuple[str, int] | tuple[str, int, int, int]) -> None:
        self._owner.datagram(data, (addr[0], addr[1]))

    def error_received(self, exc: Exception) -> None:
        """An ICMP error says nothing about which message it belongs to; the timers deal with the silence."""
        log.debug("datagram refused", extra={"problem": str(exc)})


def _wanted(flow: Flow) -> str:
    """Whom the certificate of a server has to be for."""
    return flow.name or flow.remote[0]


def _said(error: BaseException) -> str:
    """What went wrong, fit for a log: some of it comes from the peer."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return printable(f"certificate not accepted: {error.verify_message}")
    return printable(str(error) or type(error).__name__, 300)
