"""Ports on loopback for servers that a demo or a test starts."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST, _LAST = 30000, 65535
"""Above the default of ``media.rtp_ports``."""
_ENOUGH = 1000
_TRIES = 200


def free_port() -> int:
    """A port that is free for UDP and TCP, and likely to stay so until a server binds it.

    It is not one that the system gives to outgoing connections: such a one may be taken again at any moment.

    Raises:
        OSError: no free port was found.
    """
    ports = _not_handed_out()
    for _ in range(_TRIES):
        port = random.choice(ports)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise OSError(f"none of {_TRIES} ports tried on 127.0.0.1 is free")


def _not_handed_out() -> list[int]:
    """The ports outside the system's range for outgoing connections; all, where it leaves too few."""
    every = range(_FIRST, _LAST + 1)
    try:
        low, high = (int(word) for word in _RANGE.read_text().split())
    except (OSError, ValueError):
        return list(every)
    left = [port for port in every if not low <= port <= high]
    return left if len(left) >= _ENOUGH else list(every)
