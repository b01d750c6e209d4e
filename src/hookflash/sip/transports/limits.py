"""Whom the transports tell, and what peers may hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hookflash.sip.errors import ParseError
from hookflash.sip.flow import Flow

MAX_WRITE_BUFFER = 1024 * 1024
"""Bytes a peer may leave unread before its connection is closed."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """Whom to tell. All are called on the event loop and must not block."""

    on_message: Callable[[bytes, Flow], None]
    on_broken: Callable[[Flow], None]
    """A connection is gone, or one could not be opened (``flow.connection`` is 0 then)."""
    on_malformed: Callable[[ParseError, Flow], None]
    """A stream cannot be cut into messages; its connection is closed next."""
    is_barred: Callable[[str], bool] = lambda host: False
    """Whether nothing is taken from an address: not a datagram, not a connection."""
    on_handshake: Callable[[str], None] = lambda host: None
    """Somebody who connected from an address failed in the TLS handshake."""
    is_known: Callable[[str], bool] = lambda host: False
    """Whether an address is that of somebody configured, who gets in however many strangers there are."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What peers may hold; times in seconds.

    ``connections`` connections that others opened at most, ``per_peer`` of them from one address (one /64 of
    IPv6), those in the middle of a TLS handshake included; who is known gets in beyond ``connections``. A
    message, and the first sign of life on a connection, may take ``message``; a TLS handshake ``handshake``;
    a connection that says nothing for ``idle`` is closed. Opening one ourselves takes at most ``connect``,
    its handshake included.

    On a connection that we opened a keep-alive is sent every ``keep_alive`` at most (RFC 5626 section 4.4.1);
    0 sends none. Once the peer has answered one it has to answer the others within ``pong``. On a WebSocket,
    whoever opened it, a ping is sent as often, and each has to be answered. On all connections the system
    looks as often whether the other machine is there.
    """

    connections: int = 1000
    per_peer: int = 250
    message: float = 30.0
    handshake: float = 10.0
    idle: float = 900.0
    connect: float = 5.0
    keep_alive: float = 95.0
    pong: float = 10.0
