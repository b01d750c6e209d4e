"""Audio files for plays: fetched over HTTP within bounds, decoded off the event loop, cached.

A source is cached by its URL (revalidated with its ETag or Last-Modified, or used as long as its
Cache-Control allows) and, when the app gave one, by its cache id, which keeps meaning the same audio for an
hour whatever URL comes with it (contract section 6.2). Many plays that want the same file at once cause one
request.

URLs come from applications, so a fetch is bounded in bytes, time and redirects, and, unless allowed, never
connects to a private address: that is checked on the address really connected to, after name resolution and
after every redirect.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import aiohttp

from hookflash.outgoing import Connector
from hookflash.plane.wav import Audio, NotPlayable, decode
from hookflash.wire.urls import is_public, without_secrets

INVALID_FORMAT = 8535
"""Sub-code: the file is not a usable WAV."""

DOWNLOAD_FAILED = 8536
"""Sub-code: the file could not be downloaded."""

MAX_FRESH = 3_600.0
"""Longest ``max-age`` honoured, in seconds."""

_Key = tuple[str, str]
_CHUNK = 64 << 10
_ENTRY = 4 << 10
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)
_NO_STORE = re.compile(r"(?:^|[,\s])no-store(?:$|[,\s])", re.IGNORECASE)
_NO_CACHE = re.compile(r"(?:^|[,\s])no-cache(?:$|[,\s=])", re.IGNORECASE)


class PromptError(Exception):
    """A source can not be played. ``sub_code`` is 8535 or 8536 (contract section 4.4)."""

    def __init__(self, sub_code: int, message: str) -> None:
        super().__init__(message)
        self.sub_code = sub_code


@dataclass(frozen=True, slots=True)
class PromptLimits:
    """What a fetch may cost.

    ``max_bytes`` bounds the file, ``max_seconds`` the audio in it, ``timeout`` the whole download (seconds),
    ``redirects`` how many are followed, ``cache_bytes`` the decoded audio kept, ``cache_id_ttl`` how long a
    cache id keeps its meaning. ``allow_private`` permits private, loopback and link-local targets;
    ``strict`` takes the files of the real service only.
    """

    max_bytes: int = 50_000_000
    max_seconds: float = 3_600.0
    timeout: float = 10.0
    redirects: int = 5
    cache_bytes: int = 256_000_000
    cache_id_ttl: float = 3_600.0
    allow_private: bool = False
    strict: bool = False


@dataclass(slots=True)
class _Cached:
    audio: Audio
    fresh_until: float
    etag: str = ""
    last_modified: str = ""

    @property
    def size(self) -> int:
        return self.audio.size + _ENTRY


@dataclass(slots=True)
class _Flight:
    task: asyncio.Task[Audio]
    waiters: int = 0


class RefusedTarget(OSError):
    """The address a URL leads to may not be connected to."""


class Prompts:
    """Fetches and keeps audio. Use within one event loop; :meth:`close` it at the end."""

    def __init__(
        self,
        limits: PromptLimits | None = None,
        *,
        now: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._limits = limits or PromptLimits()
        self._now = now
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None
        self._cache: OrderedDict[_Key, _Cached] = OrderedDict()
        self._bytes = 0
        self._flights: dict[_Key, _Flight] = {}

    async def fetch(self, url: str, cache_id: str | None = None) -> Audio:
        """The audio behind ``url`` (http or https), from the cache where that is right.

        Raises:
            PromptError: it can not be downloaded (8536) or is no playable file (8535); the message says why.
        """
        if not cache_id:
            return await self._share(("url", url), lambda: self._fetch_url(url))
        key = ("id", cache_id)
        known = self._cache.get(key)
        if known is not None and self._now() < known.fresh_until:
            self._cache.move_to_end(key)
            return known.audio
        return await self._share(key, lambda: self._fetch_for_id(url, key))

    async def close(self) -> None:
        """Abort what is being fetched and close the connections."""
        flights = [flight.task for flight in self._flights.values()]
        for task in flights:
            task.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _share(self, key: _Key, start: Callable[[], Coroutine[Any, Any, Audio]]) -> Audio:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(start()))
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        flight.waiters += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiters -= 1
            if not flight.waiters and not flight.task.done():
                # The last one who wanted it has gone; who asks from now on starts anew.
                if self._flights.get(key) is flight:
                    del self._flights[key]
                flight.task.cancel()

    def _landed(self, key: _Key, task: asyncio.Task[Audio]) -> None:
        flight = self._flights.get(key)
        if flight is not None and flight.task is task:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # seen; every waiter got it

    async def _fetch_for_id(self, url: str, key: _Key) -> Audio:
        audio = await self._fetch_url(url)
        self._keep(key, _Cached(audio, self._now() + self._limits.cache_id_ttl))
        return audio

    async def _fetch_url(self, url: str) -> Audio:
        where = without_secrets(url)
        key = ("url", url)
        cached = self._cache.get(key)
        if cached is not None and self._now() < cached.fresh_until:
            self._cache.move_to_end(key)
            return cached.audio
        headers = {
            "Accept": "audio/wav, audio/x-wav, audio/*;q=0.8, */*;q=0.5",
            "Accept-Encoding": "identity",
        }
        if cached is not None:
            if cached.etag:
                headers["If-None-Match"] = cached.etag
            if cached.last_modified:
                headers["If-Modified-Since"] = cached.last_modified
        try:
            async with self._client().get(
                url, headers=headers, max_redirects=self._limits.redirects + 1
            ) as response:
                if response.status == 304 and cached is not None:
                    cached.fresh_until = self._fresh_until(response)
                    self._keep(key, cached)
                    return cached.audio
                if response.status != 200:
                    raise PromptError(
                        DOWNLOAD_FAILED,
                        f"{where} answered {response.status} {response.reason or ''}".rstrip(),
                    )
                data = await self._body(response, where)
        except TimeoutError as error:
            raise PromptError(
                DOWNLOAD_FAILED, f"{where} was not downloaded within {self._limits.timeout:g} s"
            ) from error
        except aiohttp.TooManyRedirects as error:
            raise PromptError(
                DOWNLOAD_FAILED, f"{where} redirects more than {self._limits.redirects} times"
            ) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise PromptError(DOWNLOAD_FAILED, f"{where} can not be downloaded: {_reason(error)}") from error
        try:
            audio = await asyncio.to_thread(
                decode, data, strict=self._limits.strict, max_seconds=self._limits.max_seconds
            )
        except NotPlayable as error:
            raise PromptError(INVALID_FORMAT, f"{where} can not be played: {error}") from error
        self._forget(key)
        fetched = _Cached(
            audio,
            self._fresh_until(response),
            response.headers.get("ETag", ""),
            response.headers.get("Last-Modified", ""),
        )
        reusable = fetched.etag or fetched.last_modified or fetched.fresh_until > self._now()
        if reusable and not _NO_STORE.search(response.headers.get("Cache-Control", "")):
            self._keep(key, fetched)
        return audio

    async def _body(self, response: aiohttp.ClientResponse, where: str) -> bytes:
        packed = response.headers.get("Content-Encoding", "identity").strip().lower()
        if packed not in ("", "identity"):
            # A few bytes may unpack to a gigabyte, and unpacking them would hold up the event loop.
            raise PromptError(
                DOWNLOAD_FAILED, f"{where} came compressed ({packed[:20]!r}), which was not asked for"
            )
        limit = self._limits.max_bytes
        announced = response.content_length
        data = bytearray()
        if announced is None or announced <= limit:
            async for chunk in response.content.iter_chunked(_CHUNK):
                data += chunk
                if len(data) > limit:
                    break
            else:
                return bytes(data)
        raise PromptError(DOWNLOAD_FAILED, f"{where} is larger than {limit:,} bytes")

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = Connector(
                limit=64,
                limit_per_host=16,
                ssl=self._tls if self._tls is not None else True,
                socket_factory=self._socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self._limits.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": "hookflash"},
            )
        return self._session

    def _socket(self, address: tuple[Any, ...]) -> socket.socket:
        """The socket for one connection attempt; every attempt passes here with its real address."""
        family, kind, proto, _, target = address
        if not self._limits.allow_private:
            ip = ipaddress.ip_address(str(target[0]).partition("%")[0])
            if not is_public(ip):
                raise RefusedTarget(
                    f"the address {ip} is not public, and fetching from private addresses is not allowed here"
                )
        sock = socket.socket(family, kind, proto)
        sock.setblocking(False)
        return sock

    def _fresh_until(self, response: aiohttp.ClientResponse) -> float:
        control = response.headers.get("Cache-Control", "")
        age = _MAX_AGE.search(control)
        if age is None or _NO_CACHE.search(control):
            return self._now()
        return self._now() + min(float(age.group(1)), MAX_FRESH)

    def _keep(self, key: _Key, entry: _Cached) -> None:
        self._forget(key)
        self._cache[key] = entry
        self._bytes += entry.size
        while self._bytes > self._limits.cache_bytes and len(self._cache) > 1:
            self._forget(next(iter(self._cache)))

    def _forget(self, key: _Key) -> None:
        old = self._cache.pop(key, None)
        if old is not None:
            self._bytes -= old.size


def _reason(error: BaseException) -> str:
    """What to tell of an error: the refusal of an address when that is behind it, otherwise its own words."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, RefusedTarget):
            return str(seen)
        seen = seen.__cause__ or seen.__context__
    # The words of these hold the URL, query included.
    if isinstance(error, aiohttp.NonHttpUrlClientError):
        return "it leads to a URL that is not http or https"
    if isinstance(error, aiohttp.ClientResponseError):
        return f"what came is no HTTP answer: {error.message.strip().partition(chr(10))[0][:200]}"
    if isinstance(error, aiohttp.InvalidURL):
        return "it is not a valid http or https URL"
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection broke before the whole file had come"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"no connection: {error.os_error.strerror or error.os_error}"
    return str(error) or type(error).__name__
