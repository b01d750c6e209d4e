"""What every room has to agree on about URLs and addresses: which are public, and how a URL may be shown."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from yarl import URL

_NAT64 = IPv6Network("64:ff9b::/96")
_INTERNAL = (IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))
"""NAT64 for local use (RFC 8215), and the "IPv4-compatible" addresses nobody uses any more."""
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")
_SHOWN = 200
_MAX_HOST = 253
_MAX_LABEL = 63
"""Octets of a host name, and of what stands between two dots of it (RFC 1035 section 2.3.4)."""


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


def unreachable(url: str) -> str:
    """Why nobody can be reached at a URL that has a host, whatever the network is like; "" where one may be.

    It is read as those read it who connect to it. Raises ValueError where it cannot be read at all.
    """
    if urlsplit(url).port == 0:
        return "port 0 is none that can be called; ports are 1 to 65535"
    try:
        parsed = URL(url, encoded=url.isascii())
        # Asked for its host, it translates that back from its "xn--" form.
        host, name = parsed.host, (parsed.raw_host or "").removesuffix(".")
    except UnicodeError:
        return 'its host is no internationalised name (IDNA), as one with "xn--" or special letters has to be'
    if not host:
        raise ValueError("it has no host")
    if len(name) > _MAX_HOST:
        return f"its host has {len(name)} characters, and no name has more than {_MAX_HOST}"
    labels = [] if ":" in name else name.split(".")
    longest = max(map(len, labels), default=0)
    if longest > _MAX_LABEL:
        return f"its host has a part of {longest} characters, and between dots there are {_MAX_LABEL} at most"
    return "" if all(labels) else "its host has nothing between two dots"
