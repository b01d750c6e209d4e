"""One server whose trunks lead to ports that SIPp and baresip take in turns."""

from __future__ import annotations

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
}
USERNAME, PASSWORD = "hookflash", "not-a-secret"


def configuration(ports: dict[str, int]) -> str:
    """The trunks and routes in TOML."""
    lines = []
    for name, port in ports.items():
        lines += ["[[trunk]]", f'name = "{name}"', f'targets = ["127.0.0.1:{port}"]']
        if name == "tcp":
            lines.append('transport = "tcp"')
        if name == "digest":
            lines += [f'username = "{USERNAME}"', f'password = "{PASSWORD}"']
        lines += ["[[route]]", f"pattern = '\\{PREFIXES[name]}\\d{{4}}'", f'trunk = "{name}"']
    return "\n".join(lines) + "\n"
