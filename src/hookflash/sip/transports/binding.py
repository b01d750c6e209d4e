"""Sockets bound to an address, and what of their datagrams is no message."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

PROBE_INTERVAL, PROBES = 15, 3
"""Seconds between two of the system's questions whether the other machine is there, and how many it asks."""
RECEIVE_BUFFER = 4 * 1024 * 1024
"""Bytes of datagrams the kernel may hold for us while we are busy; the kernel may grant less."""


def bind(kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    """A socket bound to an address, for one family only. OSError when it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 has a socket of its own: addresses mapped into IPv6 would fit neither ACL nor SDP.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind((host, port))
    except BaseException:
        sock.close()
        raise
    return sock


def keeps_alive(data: bytes) -> bool:
    """Whether a datagram only keeps a NAT open: line ends, zeros, or STUN (RFC 5626 section 4.4.2), which is
    for those who have agreed on it.
    """
    if len(data) <= 4:
        return not data.strip(b"\r\n\0 ")
    return len(data) >= 20 and data[0] < 4 and data[4:8] == b"\x21\x12\xa4\x42"


def probe(sock: Any, seconds: float) -> None:
    """Let the system find out that the machine at the other end of a connection has gone without a word: it
    is asked after so many seconds of silence; 0 asks never.
    """
    if sock is None or seconds <= 0:
        return
    with contextlib.suppress(OSError):  # It has gone already.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, round(seconds)))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_INTERVAL)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
