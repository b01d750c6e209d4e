"""What every room has to agree on about URLs and addresses: which are public, and how a URL may be shown."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")
_INTERNAL = (IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
"""NAT64 for local use (RFC 8215), and the "IPv4-compatible" addresses nobody uses any more."""
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_SHOWN = 200


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """True for a unicast address of the public internet.

    IPv6 forms of an IPv4 address (mapped, 6to4, NAT64) count as that address; Teredo is never public, because
    it leads through a relay to wherever the embedded address says.
    """
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None or any(address in network for network in _INTERNAL):
            return False
    return address.is_global and not address.is_multicast


@lru_cache(maxsize=512)
def without_secrets(url: str) -> str:
    """The URL without user info, query and fragment, which may hold secrets: for logs and messages."""
    head = re.split(r"[?#]", url, maxsplit=1)[0][:_SHOWN]
    return re.sub(r"(?<=://)[^/@]*@", "", _UNPRINTABLE.sub("?", head))
