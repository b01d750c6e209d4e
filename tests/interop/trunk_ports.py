"""One server whose trunks lead to ports that SIPp and baresip take in turns."""

from __future__ import annotations

import random
import socket
from dataclasses import dataclass

from system.conftest import System


@dataclass
class Trunks(System):
    """The system, and its ways out.

    Attributes:
        ports: by trunk, where on 127.0.0.1 the trunk's calls arrive.
    """

    ports: dict[str, int]

    @staticmethod
    def number(trunk: str, last: str = "0199") -> str:
        """A number that is routed to a trunk."""
        return f"{PREFIXES[trunk]}{last}"


PREFIXES = {
    "udp": "+1201555",
    "tcp": "+1202555",
    "digest": "+1203555",
    "baresip": "+1204555",
    "second": "+1205555",
    "info": "+1206555",
    "refer": "+1207555",
    "alone": "+1208555",
}
REFERRER = "127.0.0.2"
"""Who calls from there calls over the trunk "refer"."""
USERNAME, PASSWORD = "hookflash", "not-a-secret"


def quiet_port() -> int:
    """A port that is free and whose neighbour is, for TCP and UDP alike.

    It is below those the system hands out by itself, so that it stays free until it is used. baresip opens
    the neighbour too, for TLS.
    """
    while True:
        port = random.randrange(21000, 32000, 2)
        if all(_is_free(one, kind) for one in (port, port + 1) for kind in _KINDS):
            return port


_KINDS = (socket.SOCK_STREAM, socket.SOCK_DGRAM)


def _is_free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as one:
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def configuration(ports: dict[str, int]) -> str:
    """The trunks and routes in TOML."""
    lines = []
    for name, port in ports.items():
        lines += ["[[trunk]]", f'name = "{name}"', f'targets = ["127.0.0.1:{port}"]']
        if name == "tcp":
            lines.append('transport = "tcp"')
        if name == "info":
            lines += ['dtmf = "info"', 'identity = "asserted"']
        if name == "alone":
            lines.append('dtmf = "info-dtmf"')
        if name == "refer":
            lines += ['refer = "accept"', 'transfer = "refer"', f'allow = ["{REFERRER}"]']
        if name == "digest":
            lines += [f'username = "{USERNAME}"', f'password = "{PASSWORD}"']
        lines += ["[[route]]", f"pattern = '\\{PREFIXES[name]}\\d{{4}}'", f'trunk = "{name}"']
    return "\n".join(lines) + "\n"
