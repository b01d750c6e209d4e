"""Addresses as the system has them."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.plane.addresses import NONE, literal, packed, unpacked
from hookflash.plane.columns import ADDRESS

ports = st.integers(0, 65535)


@given(st.ip_addresses(), ports)
def test_an_address_comes_back_as_the_system_writes_it(host, port):
    data = packed((str(host), port))
    assert len(data) == ADDRESS
    family = socket.AF_INET if host.version == 4 else socket.AF_INET6
    written = socket.inet_ntop(family, host.packed)
    assert unpacked(data) == (written, port)
    assert packed((written, port)) == data


def test_the_system_takes_them_and_gives_the_same():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        assert unpacked(packed(one.getsockname())) == one.getsockname()


def test_a_zone_is_kept_by_its_number():
    index, name = socket.if_nameindex()[0]
    address = (f"fe80::1%{name}", 4000)
    assert unpacked(packed(address)) == address
    assert packed((f"fe80::1%{index}", 4000)) == packed(address)
    assert packed(("fe80::1%nothing-of-that-name", 4000)) == packed(("fe80::1", 4000))


def test_a_zone_that_is_gone_is_named_by_its_number():
    assert unpacked(packed(("fe80::1%77777", 4000))) == ("fe80::1%77777", 4000)


def test_no_address_is_zeros_and_those_are_none():
    assert packed(None) == NONE == bytes(ADDRESS)
    with pytest.raises(ValueError, match="address family 0"):
        unpacked(NONE)
    with pytest.raises(ValueError, match="phone"):
        packed(("phone.example", 4000))


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("255.255.255.255", 4000),
        ("::ffff:255.255.255.255", 4000),
        ("224.0.0.1", 4000),
        ("::ffff:224.0.0.1", 4000),
        ("ff02::1", 4000),
        ("0.0.0.0", 4000),
        ("::", 4000),
        ("::ffff:0.0.0.0", 4000),
        ("phone.example", 4000),
        ("", 4000),
        ("192.0.2.1", 0),
        ("192.0.2.1", 65536),
    ],
)
def test_what_is_no_one_peer_is_never_sent_to(host: str, port: int) -> None:
    assert literal(host, port) is None


@pytest.mark.parametrize("host", ["192.0.2.1", "255.255.255.254", "2001:db8::1"])
def test_the_address_of_one_peer_is_taken_as_it_is(host: str) -> None:
    assert literal(host, 65535) == (host, 65535)
