"""The network as the plane sees it: one port pair a leg. Real UDP sockets, or memory under virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Address = tuple[str, int]
"""IP literal and port."""


class PortsExhausted(Exception):
    """No port pair can be had; the message says why: where they all went, or what the system refused."""


class Endpoint(Protocol):
    """The sockets of one leg: RTP on an even port, RTCP on the next one. Nothing blocks.

    ``recv_into``, ``recvfrom_into`` and ``send`` are properties so that an implementation can hand out the
    socket's own bound methods: they are called once a leg and tick. Reading raises :class:`BlockingIOError`
    when nothing is there; everything may raise :class:`OSError`, which means "not now".
    """

    @property
    def port(self) -> int: ...

    @property
    def fd(self) -> int:
        """The file descriptor of the RTP socket, which may be read and written as such once it is connected;
        -1 when there is none."""
        ...

    @property
    def recv_into(self) -> Callable[[memoryview], int]: ...

    @property
    def recvfrom_into(self) -> Callable[[memoryview], tuple[int, Address]]: ...

    @property
    def send(self) -> Callable[[memoryview], int]: ...

    def sendto(self, data: memoryview, address: Address) -> int:
        """Send RTP before the peer is known for certain."""
        ...

    def connect(self, address: Address) -> None:
        """From now on only this peer is heard, and ``send`` goes to it."""
        ...

    def disconnect(self) -> None:
        """Hear everybody again."""
        ...

    def send_control(self, data: bytes, address: Address) -> None:
        """Send RTCP."""
        ...


class Network(Protocol):
    """Where port pairs come from."""

    def open(self, now: float) -> Endpoint:
        """A bound port pair; raises :class:`PortsExhausted`."""
        ...

    def release(self, endpoint: Endpoint, now: float) -> None:
        """Close it; its ports rest before they are used again, so that stray packets hit nobody."""
        ...

    def receive_control(self, limit: int) -> list[tuple[Endpoint, bytes, Address]]:
        """RTCP datagrams that have arrived, at most ``limit``."""
        ...

    def close(self) -> None:
        """Close every socket."""
        ...
