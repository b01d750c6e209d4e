"""Who is connected to a stand-in for a service, by /proc."""

from __future__ import annotations

import os
from pathlib import Path


def connected_to(port: int) -> set[int]:
    """The processes, of those that may be looked at, with a connection to a local TCP port."""
    inodes = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[2].rpartition(":")[2], 16) == port and fields[3] == "01":
            inodes.add(f"socket:[{fields[9]}]")
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                links = {os.readlink(fd) for fd in (entry / "fd").iterdir()}
            except OSError:
                continue
            if links & inodes:
                found.add(int(entry.name))
    return found
