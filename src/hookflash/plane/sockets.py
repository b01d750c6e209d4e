"""Port pairs on real UDP sockets."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import ipaddress
import os
import random
import resource
import select
import socket
import struct
from collections import deque

from hookflash.plane.net import Address, Endpoint, PortsExhausted

QUARANTINE = 5.0
"""Seconds a freed port pair rests."""
BIND_TRIES = 256
"""Pairs that turn out to be taken are passed over, at most so many for one leg: some 5 ms of trying."""
TAKEN_REST = 2.0
"""Seconds before a pair that was found taken is tried again."""
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
        self.fd = rtp.fileno()
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
    """Even/odd port pairs of ``[first, last]`` on ``host`` (an IP literal, v4 or v6).

    Pairs are handed out in random order: ports that can not be guessed are harder to send into, and two
    programs that share a range do not both begin at its foot and walk into each other.
    """

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
        pairs = list(range(first, last, 2))
        random.SystemRandom().shuffle(pairs)
        self._free = deque(pairs)
        self._resting: deque[tuple[float, int]] = deque()
        self._taken: deque[tuple[float, int]] = deque()
        self._open: dict[int, UdpEndpoint] = {}
        self._poll = select.epoll()
        self._by_fd: dict[int, UdpEndpoint] = {}

    def open(self, now: float) -> Endpoint:
        for waiting in (self._resting, self._taken):
            while waiting and waiting[0][0] <= now:
                self._free.append(waiting.popleft()[1])
        for _ in range(min(len(self._free), BIND_TRIES)):
            port = self._free.popleft()
            try:
                endpoint = self._bind(port)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    self._taken.append((now + TAKEN_REST, port))
                    continue
                # Whatever else went wrong would go wrong on the next port as well.
                self._free.appendleft(port)
                raise PortsExhausted(
                    f"no RTP socket on {self._host}, port {port}: {_explain(error)}"
                ) from error
            self._open[port] = endpoint
            return endpoint
        raise PortsExhausted(self._why_none())

    def _why_none(self) -> str:
        counts = f"{len(self._open)} in use, {len(self._resting)} resting after use"
        if not self._taken:
            return f"every RTP port pair of {self._range} is in use ({counts}): widen the range"
        tail = f", {len(self._free)} not tried this time" if self._free else ""
        return (
            f"no RTP port pair found in {self._range} on {self._host}: {counts}, {len(self._taken)} taken by "
            f"other programs (EADDRINUSE){tail}; give the media plane a range nobody else uses"
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
            endpoint = UdpEndpoint(*sockets)
            self._poll.register(endpoint.rtcp, select.EPOLLIN)
        except OSError:
            for one in sockets:
                one.close()
            raise
        self._by_fd[endpoint.rtcp.fileno()] = endpoint
        return endpoint

    def _mark(self, one: socket.socket) -> None:
        # Marking is a favour of the network; systems may refuse it.
        with contextlib.suppress(OSError):
            if self._family == socket.AF_INET:
                one.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)
            else:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _EXPEDITED)


def _explain(error: OSError) -> str:
    """The error with its name, and what helps against it."""
    number = error.errno or 0
    name = errno.errorcode.get(number, str(number))
    text = f"{os.strerror(number)} ({name})"
    if number == errno.EMFILE:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return (
            f"{text}; this process may have {limit} files open and a leg takes two: raise the limit "
            "(ulimit -n, LimitNOFILE=)"
        )
    if number == errno.ENFILE:
        return f"{text}; the system's limit of open files is reached: raise fs.file-max"
    if number == errno.EADDRNOTAVAIL:
        return f"{text}; this machine has no such address: set the media address to one it has"
    return text
