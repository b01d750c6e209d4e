"""Which URLs the server may be made to call: the guard against requests into its own network (SSRF).

Callback URLs come from apps, so an app (or whoever got hold of its key) could point the server at addresses
that only the server can reach. The guard looks at the address that is really connected to: literal addresses
before the request, names when they are resolved, so that a name cannot change its mind in between.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from functools import lru_cache

from aiohttp import ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from hookflash.wire.urls import is_public, without_secrets

MAX_URL = 8192

_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f]")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TargetRefused(OSError):
    """The server will not call this URL; the message says why and which setting changes it."""


class TargetPolicy:
    """What may be called.

    Args:
        allow_private: allow loopback, link-local, private and other addresses outside the public internet.
        allow_http: allow the plain scheme.
        schemes: the secure and the plain scheme of the URLs.
    """

    def __init__(
        self, *, allow_private: bool, allow_http: bool, schemes: tuple[str, str] = ("https", "http")
    ) -> None:
        self.allow_private = allow_private
        self.allow_http = allow_http
        self._secure, self._plain = schemes
        # An app calls itself back at the same few URLs all the time.
        self._checked = lru_cache(maxsize=512)(self._check)

    def check(self, url: str) -> URL:
        """The URL, ready for a request; its path and query are sent byte for byte as given.

        Raises:
            TargetRefused: it is no URL of these schemes, or not one the policy allows.
        """
        return self._checked(url)

    def _check(self, url: str) -> URL:
        if len(url) > MAX_URL:
            raise TargetRefused(f"URL of {len(url)} characters; at most {MAX_URL} are taken")
        if _UNPRINTABLE.search(url):
            raise TargetRefused(f"URL {without_secrets(url)} holds spaces or control characters; escape them")
        try:
            parsed = URL(url, encoded=url.isascii())
            host, port = parsed.host, parsed.port
        except ValueError as error:
            raise TargetRefused(f"{without_secrets(url)} is not a URL: {error}") from error
        if parsed.scheme not in (self._plain, self._secure) or not host or not port:
            raise TargetRefused(f"{without_secrets(url)} is not an absolute {self._plain}(s) URL")
        if parsed.scheme == self._plain and not self.allow_http:
            raise TargetRefused(
                f"{without_secrets(url)} is plain {self._plain}; use {self._secure}, or allow http callbacks"
            )
        try:
            literal = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return parsed
        self.check_address(host, literal)
        return parsed

    def check_address(self, host: str, address: Address) -> None:
        """Raises :class:`TargetRefused` if ``host``, which resolved to ``address``, may not be called."""
        if not self.allow_private and not is_public(address):
            raise TargetRefused(
                f"{host} is at {address}, which is not an address of the public internet; "
                "call a public address, or allow private targets"
            )


class GuardedResolver(AbstractResolver):
    """Resolves names as usual, and refuses those that lead where ``policy`` does not allow.

    A name with both kinds of addresses is refused as a whole: it is more likely an attack than a convenience.
    """

    def __init__(self, policy: TargetPolicy, resolver: AbstractResolver | None = None) -> None:
        self._policy = policy
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            address = ipaddress.ip_address(result["host"].partition("%")[0])
            self._policy.check_address(host, address)
        return found

    async def close(self) -> None:
        await self._resolver.close()
