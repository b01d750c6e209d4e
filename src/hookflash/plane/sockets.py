"""Port pairs on real UDP sockets."""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import os
import select
import socket
import struct
from collections import deque

from hookflash.plane.net import Address, Endpoint, PortsExhausted

QUARANTINE = 5.0
"""Seconds a freed port pair rests."""
BIND_TRIES = 64
"""Ports others hold are passed over, at most so many for one leg."""
MAX_CONTROL = 1500
_libc = ctypes.CDLL(None, use_errno=True)
_EXPEDITED = 0xB8
"""Differentiated services: expedited forwarding (RFC 3246), what phones mark voice with."""


class UdpEndpoint:
    """Two non-blocking sockets."""

    def __init__(self, rtp: socket.socket, rtcp: socket.socket) -> None:
        self.rtp = rtp
        self.rtcp = rtcp
        self.port: int = rtp.getsockname()[1]
        self.recv_into = rtp.recv_into
        self.recvfrom_into = rtp.recvfrom_into
        self.send = rtp.send

    def sendto(self, data: memoryview, address: Address) -> int:
        return self.rtp.sendto(data, address)

    def connect(self, address: Address) -> None:
        self.rtp.connect(address)

    def disconnect(self) -> None:
        # The socket module cannot name AF_UNSPEC as a destination, which is how a UDP socket is disconnected.
        address = ctypes.create_string_buffer(struct.pack("=H", socket.AF_UNSPEC), 16)
        if _libc.connect(self.rtp.fileno(), address, 16) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"port {self.port} could not be disconnected: {os.strerror(number)}")

    def send_control(self, data: bytes, address: Address) -> None:
        self.rtcp.sendto(data, address)

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class UdpNetwork:
    """Even/odd port pairs of ``[first, last]`` on ``host`` (an IP literal, v4 or v6)."""

    def __init__(self, host: str, first: int = 20000, last: int = 39999) -> None:
        first += first & 1
        if not 1024 <= first < last <= 65535:
            raise ValueError(
                f"RTP ports {first}-{last}: give a range within 1024-65535 that holds a port pair"
            )
        version = ipaddress.ip_address(host).version
        self._family = socket.AF_INET if version == 4 else socket.AF_INET6
        self._host = host
        self._range = f"{first}-{last}"
        self._free = deque(range(first, last, 2))
        self._resting: deque[tuple[float, int]] = deque()
        self._open: dict[int, UdpEndpoint] = {}
        self._poll = select.epoll()
        self._by_fd: dict[int, UdpEndpoint] = {}

    def open(self, now: float) -> Endpoint:
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])
        for _ in range(min(len(self._free), BIND_TRIES)):
            port = self._free.popleft()
            try:
                endpoint = self._bind(port)
            except OSError:
                self._free.append(port)
                continue
            self._open[port] = endpoint
            return endpoint
        raise PortsExhausted(
            f"no RTP port pair of {self._range} on {self._host} is free: {len(self._open)} in use, "
            f"{len(self._resting)} resting, {len(self._free)} held by others; widen the range"
        )

    def release(self, endpoint: Endpoint, now: float) -> None:
        found = self._open.pop(endpoint.port, None)
        if found is None:
            return
        self._poll.unregister(found.rtcp)
        del self._by_fd[found.rtcp.fileno()]
        found.close()
        self._resting.append((now + QUARANTINE, found.port))

    def receive_control(self, limit: int) -> list[tuple[Endpoint, bytes, Address]]:
        ready = self._poll.poll(0, limit) if self._open else []
        datagrams: list[tuple[Endpoint, bytes, Address]] = []
        for fd, _ in ready:
            endpoint = self._by_fd[fd]
            # An ICMP error for what we sent is reported here; there is nothing to read then.
            with contextlib.suppress(OSError):
                data, address = endpoint.rtcp.recvfrom(MAX_CONTROL)
                datagrams.append((endpoint, data, address[:2]))
        return datagrams

    def close(self) -> None:
        for endpoint in self._open.values():
            endpoint.close()
        self._open.clear()
        self._by_fd.clear()
        self._poll.close()

    def _bind(self, port: int) -> UdpEndpoint:
        sockets: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                one = socket.socket(self._family, socket.SOCK_DGRAM)
                sockets.append(one)
                one.setblocking(False)
                self._mark(one)
                one.bind((self._host, number))
        except OSError:
            for one in sockets:
                one.close()
            raise
        endpoint = UdpEndpoint(*sockets)
        self._poll.register(endpoint.rtcp, select.EPOLLIN)
        self._by_fd[endpoint.rtcp.fileno()] = endpoint
        return endpoint

    def _mark(self, one: socket.socket) -> None:
        # Marking is a favour of the network; systems may refuse it.
        with contextlib.suppress(OSError):
            if self._family == socket.AF_INET:
                one.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
            else:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED)
