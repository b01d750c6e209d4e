from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from hookflash.events.targets import GuardedResolver, TargetPolicy, TargetRefused

STRICT = TargetPolicy(allow_private=False, allow_http=False)
LOOSE = TargetPolicy(allow_private=True, allow_http=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/cb",
        "https://[::1]:8443/cb",
        "https://[::ffff:10.0.0.1]/cb",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1%25eth0]/cb",
    ],
)
def test_private_literals_are_refused_in_production(url: str) -> None:
    with pytest.raises(TargetRefused, match="not an address of the public internet"):
        STRICT.check(url)
    assert LOOSE.check(url)


def test_a_policy_is_for_its_own_schemes() -> None:
    sockets = TargetPolicy(allow_private=False, allow_http=False, schemes=("wss", "ws"))
    assert str(sockets.check("wss://app.example/a?b=c%2F")) == "wss://app.example/a?b=c%2F"
    with pytest.raises(TargetRefused, match="plain ws; use wss"):
        sockets.check("ws://app.example/")
    with pytest.raises(TargetRefused, match=r"not an absolute ws\(s\) URL"):
        sockets.check("https://app.example/")
    with pytest.raises(TargetRefused, match="not an address of the public internet"):
        sockets.check("wss://10.0.0.1/")


def test_plain_http_is_refused_in_production() -> None:
    with pytest.raises(TargetRefused, match=r"http://app\.example/cb is plain http; use https"):
        STRICT.check("http://app.example/cb?code=secret")
    assert LOOSE.check("http://app.example/cb")
    assert STRICT.check("https://app.example/cb")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://app.example/",
        "file:///etc/passwd",
        "/relative",
        "https://",
        "",
        "https://app.example:99999/",
        "https://[::1/",
        "https://app.example/a b",
        "https://app.example/\r\nX: y",
        "https://app.example/" + "a" * 9000,
    ],
)
def test_what_is_no_usable_url_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        LOOSE.check(url)


def test_path_and_query_stay_as_given() -> None:
    url = "https://app.example/a%2Fb/%7e?x=%2B&y=a+b&z=%25"
    assert str(LOOSE.check(url)) == url


def test_non_ascii_urls_are_encoded() -> None:
    assert str(LOOSE.check("https://app.example/gr\u00fc\u00dfe")) == "https://app.example/gr%C3%BC%C3%9Fe"


class Names(AbstractResolver):
    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        self.closed = True


async def test_names_are_judged_by_what_they_resolve_to() -> None:
    public = Names("1.1.1.1", "2606:4700::1111")
    assert len(await GuardedResolver(STRICT, public).resolve("app.example", 443)) == 2
    for addresses in (("127.0.0.1",), ("1.1.1.1", "10.0.0.1"), ("fe80::1%eth0",)):
        with pytest.raises(TargetRefused, match=r"app\.example is at"):
            await GuardedResolver(STRICT, Names(*addresses)).resolve("app.example", 443)
    assert await GuardedResolver(LOOSE, Names("127.0.0.1")).resolve("app.example", 443)
    resolver = GuardedResolver(STRICT, public)
    await resolver.close()
    assert public.closed
