"""One HTTP request to an app: bounded in time and size, no redirects, no cookies, no proxies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from hookflash.events.targets import GuardedResolver, TargetPolicy, TargetRefused
from hookflash.outgoing import Connector
from hookflash.ports.clock import Clock
from hookflash.waiting import Deadline

MAX_ANSWER = 64 * 1024
"""Bytes of an answer's body that are read; an app that sends more has its connection closed."""


KEEP_ALIVE = 3.0
"""Seconds an idle connection is kept: less than the 5 s after which Node's and Uvicorn's servers close
theirs, so that a request does not cross with the closing."""


class Unreachable(Exception):
    """No answer came.

    The message says why, ``seconds`` how long it took to find out, ``outcome`` is the kind of failure:
    TimedOut, ResolutionError or SocketError.
    """

    def __init__(self, reason: str, seconds: float, outcome: str = "SocketError") -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.outcome = outcome


def _no_headers() -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict())


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its headers (any case), the first :data:`MAX_ANSWER` bytes of its body.

    ``seconds`` is the time from having a free slot to the end of the answer.
    """

    status: int
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=_no_headers)
    body: bytes = b""
    seconds: float = 0.0


class Sender:
    """Sends requests over a shared connection pool.

    Args:
        clock: measures the time limits.
        policy: what may be called.
        concurrency: requests in flight at most, altogether.
        per_origin: requests in flight to one scheme, host and port, of each share: a slow app leaves room for
            others.
        verify_tls: check certificates; off only for apps with certificates of their own making.
    """

    def __init__(
        self,
        clock: Clock,
        policy: TargetPolicy,
        *,
        concurrency: int = 512,
        per_origin: int = 128,
        verify_tls: bool = True,
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._verify_tls = verify_tls
        self._slots = asyncio.Semaphore(concurrency)
        self._per_origin = per_origin
        self._origins: dict[tuple[URL, str], asyncio.Semaphore] = {}
        self._users: dict[tuple[URL, str], int] = {}
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        url: str,
        headers: Callable[[], Mapping[str, str]],
        body: bytes = b"",
        *,
        timeout: float,
        share: str = "",
    ) -> Reply:
        """Send one request; the time limit (seconds) starts when it gets a free slot.

        ``headers`` is called then, so that a token in them is fresh however long the wait was. Requests of
        different ``share`` to the same origin do not take slots from each other.

        Raises:
            TargetRefused: the policy does not allow the URL; nothing was sent.
            Unreachable: no answer: not resolved, not connected, broken off, or not in time.
        """
        target = self._policy.check(url)
        if target.user is not None:
            target = target.with_user(None)
        origin = (target.origin(), share)
        places = self._enter(origin)
        try:
            # First the origin's share: those who wait for a slow app must not hold a slot meanwhile.
            async with places, self._slots:
                return await self._send(method, target, headers, body, timeout)
        finally:
            self._leave(origin)

    async def _send(
        self, method: str, target: URL, headers: Callable[[], Mapping[str, str]], body: bytes, timeout: float
    ) -> Reply:
        began = self._clock.now()
        heard: list[tuple[aiohttp.ClientResponse, bytes]] = []
        reason = "the connection was closed without an answer"
        cause: Exception | None = None
        try:
            async with Deadline(self._clock, timeout):
                await self._exchange(method, target, headers(), body, heard)
        except TimeoutError as error:
            reason, cause = f"no answer within {timeout:g} s", error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, TargetRefused):
                raise error.os_error from error
            reason, cause = _words(error), error
        seconds = self._clock.now() - began
        if heard:
            # The status counts; what is missing of the body (then there is a cause) does not matter.
            response, content = heard[-1]
            return Reply(response.status, response.reason or "", response.headers, content, seconds)
        raise Unreachable(reason, seconds, _outcome(cause)) from cause

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(
        self,
        method: str,
        target: URL,
        headers: Mapping[str, str],
        body: bytes,
        heard: list[tuple[aiohttp.ClientResponse, bytes]],
    ) -> None:
        session = self._session or self._open()
        async with session.request(
            method, target, headers=headers, data=body or None, allow_redirects=False
        ) as response:
            heard.append((response, b""))
            heard.append((response, await _read(response)))

    def _open(self) -> aiohttp.ClientSession:
        connector = Connector(
            limit=0,
            resolver=GuardedResolver(self._policy),
            ssl=self._verify_tls,
            keepalive_timeout=KEEP_ALIVE,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
            headers={"User-Agent": "hookflash", "Accept": "*/*", "Accept-Encoding": "identity"},
        )
        return self._session

    def _enter(self, origin: tuple[URL, str]) -> asyncio.Semaphore:
        """The slots of an origin, for one more user, who has to :meth:`_leave`."""
        places = self._origins.get(origin)
        if places is None:
            places = self._origins[origin] = asyncio.Semaphore(self._per_origin)
        self._users[origin] = self._users.get(origin, 0) + 1
        return places

    def _leave(self, origin: tuple[URL, str]) -> None:
        self._users[origin] -= 1
        if not self._users[origin]:
            del self._users[origin], self._origins[origin]


def _outcome(cause: Exception | None) -> str:
    if isinstance(cause, aiohttp.ClientConnectorDNSError):
        return "ResolutionError"
    return "TimedOut" if isinstance(cause, TimeoutError) else "SocketError"


def _words(error: Exception) -> str:
    """What to tell of an error, on one line and without the URL, whose query may hold secrets."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"what came is no HTTP answer: {error.message.strip().partition(chr(10))[0][:200]}"
    return str(error) or type(error).__name__


async def _read(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    room = MAX_ANSWER
    while room > 0:
        part = await response.content.read(room)
        if not part:
            return b"".join(parts)
        parts.append(part)
        room -= len(part)
    if not response.content.at_eof():
        response.close()
    return b"".join(parts)
