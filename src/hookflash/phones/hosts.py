"""The hosts file, read again only when it has changed."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from pathlib import Path

log = logging.getLogger("hookflash.sip")

MAX_BYTES = 16 * 1024 * 1024
"""Bytes of the file that count; lists of blocked hosts have some five million."""
MAX_ADDRESSES = 64
"""Addresses of one name."""

_Signature = tuple[int, int, int]
_Table = dict[str, tuple[str, ...]]


class HostsFile:
    """Names and addresses as in ``/etc/hosts``. It is looked at, and read where it has changed, in a thread:
    the disk may be slow.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signature: _Signature | None = None
        self._table: _Table = {}
        self.reads = 0
        """How many times the file has been read."""

    async def find(self, name: str, version: int) -> tuple[str, ...]:
        """The addresses of a name, of IP ``version`` 4 or 6; none without the file."""
        table = await asyncio.to_thread(self._fresh)
        found = table.get(name.lower(), ())
        return tuple(one for one in found if (":" in one) == (version == 6))

    def _fresh(self) -> _Table:
        try:
            seen = self._path.stat()
            signature = (seen.st_mtime_ns, seen.st_size, seen.st_ino)
            if signature != self._signature:
                with self._path.open("rb") as file:
                    self._table = _parse(file.read(MAX_BYTES).decode("utf-8", "replace"))
                self._signature = signature
                self.reads += 1
        except OSError as error:
            if self._signature is not None:
                log.warning("hosts file unreadable", extra={"file": str(self._path), "problem": str(error)})
            self._signature, self._table = None, {}
        return self._table


def _parse(text: str) -> _Table:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) < 2:
            continue
        try:
            address = str(ipaddress.ip_address(words[0]))
        except ValueError:
            continue
        for word in words[1:]:
            addresses = found.setdefault(word.lower(), [])
            if address not in addresses and len(addresses) < MAX_ADDRESSES:
                addresses.append(address)
    return {name: tuple(addresses) for name, addresses in found.items()}
