"""What a plane needs to know at its start, in this process or as a worker's command line."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookflash.plane.core import Plane


@dataclass(frozen=True, slots=True)
class PlaneOptions:
    """``host`` is the local address (an IP literal) of the RTP sockets, their ports are ``first_port`` to
    ``last_port``. ``legs`` are the most at a time, ``jitter_ms`` how long a packet waits at first before it
    is played, ``jitter_least_ms`` and ``jitter_most_ms`` bound that once the network is known,
    ``starve_after`` the seconds without a packet after which a leg is reported. ``rings_fd`` is the file of
    the rings shared with control, -1 for memory of the plane's own; the starter of a worker adds it.
    """

    host: str = "0.0.0.0"
    first_port: int = 20_000
    last_port: int = 39_999
    legs: int = 4_800
    jitter_ms: int = 60
    starve_after: float = 10.0
    rings_fd: int = -1
    jitter_least_ms: int = 20
    jitter_most_ms: int = 200

    def arguments(self) -> list[str]:
        """As options for a worker."""
        return [
            f"--host={self.host}",
            f"--first-port={self.first_port}",
            f"--last-port={self.last_port}",
            f"--legs={self.legs}",
            f"--jitter-ms={self.jitter_ms}",
            f"--jitter-least-ms={self.jitter_least_ms}",
            f"--jitter-most-ms={self.jitter_most_ms}",
            f"--starve-after={self.starve_after}",
        ]

    def share(self, number: int, count: int) -> PlaneOptions:
        """The options of worker ``number`` of ``count``: each has its own part of the ports."""
        pairs = (self.last_port - self.first_port + 1) // 2 // count
        first = self.first_port + 2 * pairs * number
        return replace(self, first_port=first, last_port=first + 2 * pairs - 1)

    @property
    def pairs(self) -> int:
        """Pairs of ports there are: RTP on an even one, RTCP on the next."""
        return max(0, (self.last_port + 1 - (self.first_port + self.first_port % 2)) // 2)

    def make(self) -> Plane:
        """A plane on real sockets. Raises ValueError when the ports make no range."""
        # Imported here: control needs the options, but not numba.
        from hookflash.plane.core import Plane
        from hookflash.plane.rings import map_rings
        from hookflash.plane.sockets import UdpNetwork

        return Plane(
            UdpNetwork(self.host, self.first_port, self.last_port),
            rows=self.legs,
            host=self.host,
            jitter_ms=self.jitter_ms,
            jitter_least_ms=self.jitter_least_ms,
            jitter_most_ms=self.jitter_most_ms,
            starve_after=self.starve_after,
            wall_offset=time.time() - time.monotonic(),
            rings=partial(map_rings, self.rings_fd) if self.rings_fd >= 0 else None,
        )


def parse(argv: Sequence[str] | None) -> tuple[argparse.Namespace, PlaneOptions]:
    """A worker's command line: what concerns the process (``fd``, ``cpu``) and what concerns the plane."""
    default = PlaneOptions()
    parser = argparse.ArgumentParser(
        prog="hookflash.plane.worker", description="A media worker of Hookflash."
    )
    parser.add_argument("--fd", type=int, required=True, help="file descriptor of the link to control")
    parser.add_argument("--cpu", type=int, help="CPU to run on")
    parser.add_argument("--host", default=default.host, help="local address of the RTP sockets")
    parser.add_argument("--first-port", type=int, default=default.first_port, help="lowest RTP port")
    parser.add_argument("--last-port", type=int, default=default.last_port, help="highest RTP or RTCP port")
    parser.add_argument("--legs", type=int, default=default.legs, help="most legs at a time")
    parser.add_argument("--jitter-ms", type=int, default=default.jitter_ms, help="jitter buffer at first, ms")
    parser.add_argument("--jitter-least-ms", type=int, default=default.jitter_least_ms, help="its least")
    parser.add_argument("--jitter-most-ms", type=int, default=default.jitter_most_ms, help="its most")
    parser.add_argument("--starve-after", type=float, default=default.starve_after, help="seconds")
    parser.add_argument("--rings-fd", type=int, default=-1, help="file descriptor of the rings of audio")
    found = parser.parse_args(argv)
    plane = PlaneOptions(
        found.host,
        found.first_port,
        found.last_port,
        found.legs,
        found.jitter_ms,
        found.starve_after,
        found.rings_fd,
        found.jitter_least_ms,
        found.jitter_most_ms,
    )
    return found, plane
