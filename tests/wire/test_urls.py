"""Which addresses are public, and how a URL may be shown."""

from __future__ import annotations

import ipaddress

import pytest

from hookflash.wire.urls import is_public, without_secrets


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "198.18.0.1",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "64:ff9b:1:ffff::a00:1",
        "::7f00:1",
        "::10.0.0.1",
        "2001:0:808:808::f7f7:f7f7",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)
def test_addresses_that_are_not_the_public_internet(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::1.1.1.1"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_secrets_do_not_reach_logs() -> None:
    assert without_secrets("https://user:pw@app.example/cb?code=s#f") == "https://app.example/cb"
    assert without_secrets("https://app.example/\r\nforged") == "https://app.example/??forged"
    assert len(without_secrets("https://app.example/" + "a" * 9000)) == 200
