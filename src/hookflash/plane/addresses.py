"""Addresses as the system's socket calls take them, so that kernels can read, compare and send to them."""

from __future__ import annotations

import ipaddress
import socket
import struct

from hookflash.plane.columns.sizes import ADDRESS
from hookflash.plane.net import Address

NONE = bytes(ADDRESS)
"""Instead of an address."""
_BROADCAST = ipaddress.IPv4Address("255.255.255.255")


def literal(host: str, port: int) -> Address | None:
    """An address that can be sent to without asking a name server; None for names, wildcards and port 0.

    Nor is one of many: multicast, and the broadcast address of RFC 919. Who is in the local network and which
    address is its broadcast is not known here; a socket refuses to send there.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    # An IPv4 address in IPv6 clothes goes where it says.
    meant = getattr(address, "ipv4_mapped", None) or address
    of_many = meant.is_multicast or meant == _BROADCAST
    if meant.is_unspecified or of_many or not 0 < port < 65536:
        return None
    return str(address), port


def packed(address: Address | None) -> bytes:
    """A ``sockaddr_in`` or ``sockaddr_in6`` in :data:`~.columns.sizes.ADDRESS` octets; zeros for None.

    Raises :class:`ValueError` for a host that is no IP literal. A zone ("fe80::1%eth0") nobody knows is 0.
    """
    if address is None:
        return NONE
    host, port = address
    found = ipaddress.ip_address(host)
    if found.version == 4:
        head = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port)
        return (head + found.packed).ljust(ADDRESS, b"\0")
    head = struct.pack("=H", socket.AF_INET6) + struct.pack("!HI", port, 0)
    return head + found.packed + struct.pack("=I", _zone(getattr(found, "scope_id", None)))


def _zone(name: str | None) -> int:
    if name is None:
        return 0
    if name.isdecimal():
        return int(name) & 0xFFFFFFFF
    try:
        return socket.if_nametoindex(name)
    except OSError:
        return 0


def unpacked(data: bytes) -> Address:
    """The address in what :func:`packed` makes, or the system; raises ValueError when there is none."""
    (family,) = struct.unpack_from("=H", data)
    (port,) = struct.unpack_from("!H", data, 2)
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, data[4:8]), port
    if family != socket.AF_INET6:
        raise ValueError(f"address family {family}: neither IPv4 nor IPv6")
    host = socket.inet_ntop(socket.AF_INET6, data[8:24])
    (zone,) = struct.unpack_from("=I", data, 24)
    if not zone:
        return host, port
    try:
        return f"{host}%{socket.if_indextoname(zone)}", port
    except OSError:
        return f"{host}%{zone}", port
