"""The public keys of an OpenID Connect issuer: found through discovery, kept, fetched again when needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt
import msgspec

from hookflash.outgoing import Connector
from hookflash.wire.results import Refusal, invalid_token

log = logging.getLogger("hookflash.api")

MAX_DOCUMENT = 512 * 1024
"""Largest OpenID configuration or key set in bytes."""
MAX_KEYS = 100
"""Keys of one issuer that are looked at."""
TIMEOUT = 5.0
"""Seconds for one document."""

Fetch = Callable[[str], Awaitable[bytes]]
"""Gets a document by URL; raises ``CannotFetch``."""


class CannotFetch(Exception):
    """An issuer's document cannot be had; the message says why."""


class HttpFetch:
    """Gets documents by HTTP, at most :data:`MAX_DOCUMENT` bytes each, without following redirects."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, url: str) -> bytes:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT)
            self._session = aiohttp.ClientSession(connector=Connector(), timeout=timeout, trust_env=True)
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise CannotFetch(f"{url} answers {response.status}")
                body = await response.content.read(MAX_DOCUMENT + 1)
                while not response.content.at_eof() and len(body) <= MAX_DOCUMENT:
                    body += await response.content.read(MAX_DOCUMENT + 1 - len(body))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise CannotFetch(f"{url} does not answer in full within {TIMEOUT:g} s") from error
            raise CannotFetch(f"{url} cannot be read: {str(error) or type(error).__name__}") from error
        if len(body) > MAX_DOCUMENT:
            raise CannotFetch(f"{url} has more than {MAX_DOCUMENT} bytes")
        return body

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class KeySet:
    """The keys of one issuer.

    Args:
        configuration: URL of the OpenID configuration.
        fetch: gets a document by URL.
        issuer: the name that the configuration has to give.
        age: seconds after which the keys are fetched anew.
        pause: least seconds between two fetches.
        changed: called when keys were fetched.
    """

    def __init__(
        self,
        configuration: str,
        fetch: Fetch,
        *,
        issuer: str,
        age: float,
        pause: float,
        changed: Callable[[], None],
    ) -> None:
        self._configuration = configuration
        self._fetch = fetch
        self._issuer = issuer
        self._age = age
        self._pause = pause
        self._changed = changed
        self._keys: dict[tuple[str, str], jwt.PyJWK] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._failure = ""
        self._refreshing: asyncio.Task[None] | None = None

    async def key(self, kid: str, kind: str, now: float) -> jwt.PyJWK:
        """The key named ``kid`` of type ``kind`` ("RSA", "EC"). ``now`` is Unix time.

        Raises Refusal 401/7501 when there is none, 503/9001 when no keys can be had.
        """
        found = self._keys.get((kid, kind))
        stale = self._fetched is None or not 0 <= now - self._fetched < self._age
        if found is None or stale:
            self._refresh(now)
            if found is None and self._refreshing is not None:
                # Shielded: others wait for it too.
                await asyncio.shield(self._refreshing)
                found = self._keys.get((kid, kind))
        if found is not None:
            return found
        if self._fetched is None:
            raise Refusal(
                503,
                9001,
                f"The bearer token cannot be verified, because the keys of its issuer cannot be had: "
                f"{self._failure}. Try again later.",
                retry_after=max(1, round(self._pause)),
            )
        raise invalid_token(
            f"The bearer token names the key {kid[:100]!r}, which is not among its issuer's keys; get a new "
            "token."
        )

    def _refresh(self, now: float) -> None:
        """Begin to fetch the keys, unless that is under way or was tried a moment ago."""
        if self._refreshing is not None and not self._refreshing.done():
            return
        if self._tried is not None and 0 <= now - self._tried < self._pause:
            self._refreshing = None
            return
        self._tried = now
        self._refreshing = asyncio.create_task(self._load(now))

    async def _load(self, now: float) -> None:
        try:
            keys = await self._read()
        except (CannotFetch, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self._failure = str(error)
            log.warning("the keys of issuer %s were not fetched: %s", self._issuer, error)
            return
        self._keys = keys
        self._fetched = now
        self._changed()
        log.info("fetched %d keys of issuer %s", len(keys), self._issuer)

    async def _read(self) -> dict[tuple[str, str], jwt.PyJWK]:
        document = _object(await self._fetch(self._configuration), self._configuration)
        if document.get("issuer") != self._issuer:
            raise CannotFetch(
                f"{self._configuration} is of issuer {str(document.get('issuer'))[:200]!r}, "
                f"not {self._issuer!r}"
            )
        where = document.get("jwks_uri")
        schemes = ("https",) if urlsplit(self._configuration).scheme == "https" else ("https", "http")
        if not isinstance(where, str) or urlsplit(where).scheme not in schemes:
            raise CannotFetch(f"{self._configuration} has no usable jwks_uri")
        listed = _object(await self._fetch(where), where).get("keys")
        if not isinstance(listed, list):
            raise CannotFetch(f"{where} has no list of keys")
        keys: dict[tuple[str, str], jwt.PyJWK] = {}
        for one in listed[:MAX_KEYS]:
            made = _key(one)
            if made is not None:
                keys[made[0], made[1]] = made[2]
        if not keys:
            raise CannotFetch(f"{where} has no RSA or P-256 key for signatures")
        return keys


def _object(body: bytes, where: str) -> dict[str, Any]:
    document = msgspec.json.decode(body)
    if not isinstance(document, dict):
        raise CannotFetch(f"{where} is not a JSON object")
    return document


def _key(one: object) -> tuple[str, str, jwt.PyJWK] | None:
    """A key of a key set by its name and type; None for one that is of no use here."""
    if not isinstance(one, dict) or one.get("use", "sig") != "sig" or not isinstance(one.get("kid"), str):
        return None
    kind = one.get("kty")
    if kind not in ("RSA", "EC") or (kind == "EC" and one.get("crv") != "P-256"):
        return None
    try:
        key = jwt.PyJWK(one, algorithm="RS256" if kind == "RSA" else "ES256")
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if kind == "RSA" and key.key.key_size < 2048:
        return None
    return one["kid"], kind, key
