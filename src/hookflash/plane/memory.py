"""A network in memory, under virtual time: port pairs, peers, and seeded faults between them."""

from __future__ import annotations

import heapq
import random
from collections import deque
from dataclasses import dataclass

from hookflash.plane.net import Address, Endpoint, PortsExhausted

HOST = "192.0.2.1"
"""Where the plane's ports are (TEST-NET-1, RFC 5737)."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What befalls a datagram for the plane: probabilities 0..1, ``delay`` and ``jitter`` in seconds."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0


class MemoryEndpoint:
    """One port pair; what it sends is kept in ``sent`` (address, octets) and ``sent_control``."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.fd = -1
        self.queue: deque[tuple[bytes, Address]] = deque()
        self.sent: list[tuple[Address, bytes]] = []
        self.sent_control: list[tuple[Address, bytes]] = []
        self.peer: Address | None = None
        self.refuse = False
        self.recv_into = self._recv_into
        self.recvfrom_into = self._recvfrom_into
        self.send = self._send

    def sendto(self, data: memoryview, address: Address) -> int:
        self.sent.append((address, bytes(data)))
        return len(data)

    def connect(self, address: Address) -> None:
        self.peer = address

    def disconnect(self) -> None:
        self.peer = None

    def send_control(self, data: bytes, address: Address) -> None:
        self.sent_control.append((address, data))

    def deliver(self, data: bytes, source: Address) -> None:
        """Queue a datagram, unless the socket is connected to somebody else."""
        if self.peer is None or source == self.peer:
            self.queue.append((data, source))

    def _recvfrom_into(self, view: memoryview) -> tuple[int, Address]:
        if not self.queue:
            raise BlockingIOError
        data, source = self.queue.popleft()
        size = min(len(data), len(view))
        view[:size] = data[:size]
        return size, source

    def _recv_into(self, view: memoryview) -> int:
        return self._recvfrom_into(view)[0]

    def _send(self, data: memoryview) -> int:
        if self.refuse:
            raise ConnectionRefusedError(111, "Connection refused")
        if self.peer is None:
            raise OSError("socket is not connected")
        return self.sendto(data, self.peer)


class MemoryNetwork:
    """Port pairs that exist only here. Peers send with :meth:`deliver`; time moves by :meth:`advance`."""

    def __init__(
        self, first: int = 20000, pairs: int = 1000, faults: Faults | None = None, seed: int = 0
    ) -> None:
        self.faults = faults or Faults()
        self.endpoints: dict[int, MemoryEndpoint] = {}
        self._free = deque(range(first, first + 2 * pairs, 2))
        self._pairs = pairs
        self._random = random.Random(seed)
        self._now = 0.0
        self._order = 0
        self._flying: list[tuple[float, int, int, bytes, Address]] = []
        self._control: deque[tuple[Endpoint, bytes, Address]] = deque()

    def open(self, now: float) -> Endpoint:
        if not self._free:
            raise PortsExhausted(f"all {self._pairs} port pairs in memory are in use")
        endpoint = MemoryEndpoint(self._free.popleft())
        self.endpoints[endpoint.port] = endpoint
        return endpoint

    def release(self, endpoint: Endpoint, now: float) -> None:
        if self.endpoints.pop(endpoint.port, None) is not None:
            self._free.append(endpoint.port)

    def receive_control(self, limit: int) -> list[tuple[Endpoint, bytes, Address]]:
        return [self._control.popleft() for _ in range(min(limit, len(self._control)))]

    def close(self) -> None:
        self.endpoints.clear()

    def deliver(self, port: int, data: bytes, source: Address) -> None:
        """A peer sends RTP to ``port`` now; faults decide when it arrives, how often, and if."""
        faults = self.faults
        for _ in range(1 + (self._random.random() < faults.duplicate)):
            if self._random.random() < faults.loss:
                continue
            at = self._now + faults.delay + self._random.random() * faults.jitter
            if self._random.random() < faults.reorder:
                at += 0.03
            heapq.heappush(self._flying, (at, self._order, port, data, source))
            self._order += 1
        self.advance(self._now)

    def deliver_control(self, port: int, data: bytes, source: Address) -> None:
        """A peer sends RTCP to the pair whose RTP port is ``port``."""
        endpoint = self.endpoints.get(port)
        if endpoint is not None:
            self._control.append((endpoint, data, source))

    def advance(self, now: float) -> None:
        """Let everything arrive that is due by ``now``."""
        self._now = max(self._now, now)
        while self._flying and self._flying[0][0] <= self._now:
            _, _, port, data, source = heapq.heappop(self._flying)
            endpoint = self.endpoints.get(port)
            if endpoint is not None:
                endpoint.deliver(data, source)
