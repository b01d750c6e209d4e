"""One speech service: its requests, bounded in time, size and number, and what its refusals mean.

The key is in the headers only: never in a URL, a log or an error, whatever the service sends back.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from hookflash.outgoing import Connector
from hookflash.ports.clock import Clock
from hookflash.ports.speech import SpeechError
from hookflash.speech.remote.service import CONCURRENCY
from hookflash.waiting import Deadline

MAX_ERROR = 16 * 1024
"""Bytes of a refusal that are read."""
MAX_WORDS = 300
"""Characters of a refusal that are passed on."""
MAX_MESSAGE = 1 << 20
"""Bytes of one WebSocket message."""
KEEP_ALIVE = 30.0
"""Seconds an idle connection is kept: a new one takes three round trips before a prompt begins."""
CLOSE_TIMEOUT = 0.5
"""Seconds a service has to answer our close."""
PIECE = 640
"""Least bytes of audio in one piece, 20 ms: a service may not trickle."""

_T = TypeVar("_T")
Params = Mapping[str, str] | list[tuple[str, str]]

_TELLING = ("error", "err_msg", "message", "detail")
"""Keys under which refusals say why."""
_CODES = {401: 401, 402: 403, 403: 403, 408: 408, 429: 429, 503: 429, 504: 408}
"""What an app is told for a service's status; 400 for any other (contract section 4.4)."""


@dataclass(frozen=True, slots=True)
class ServiceLimits:
    """Seconds: ``answer`` until a service begins to answer, ``piece`` between pieces of audio and for sending
    one, ``final`` from the end of the audio to the last result. ``audio``: bytes of one answer."""

    answer: float = 10.0
    piece: float = 10.0
    final: float = 10.0
    audio: int = 64 << 20


class Service:
    """A service at a base URL.

    Args:
        name: what settings and traces call it.
        url: its base URL, without a query.
        secret: its key, which is taken out of whatever is told of it; "" for none.
        headers: sent with every request; the key is in one of them.
        clock: measures the limits.
        concurrency: requests at a time; more are refused with 429.
    """

    def __init__(
        self,
        name: str,
        url: str,
        secret: str,
        headers: Mapping[str, str],
        clock: Clock,
        *,
        limits: ServiceLimits | None = None,
        concurrency: int = CONCURRENCY,
    ) -> None:
        self.name = name
        self.clock = clock
        self.limits = limits or ServiceLimits()
        self._url = URL(url.rstrip("/"))
        self._secret = secret
        self._headers = dict(headers)
        self._concurrency = concurrency
        self._running = 0
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def post(
        self,
        path: str,
        *,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a POST, its status 200, its body still to be read. Raises :class:`SpeechError`."""
        with self._place():
            response = await self._within(
                self._open().post(
                    self._target(path),
                    data=data,
                    headers={**self._headers, **(headers or {})},
                    params=params,
                    allow_redirects=False,
                )
            )
            try:
                if response.status != 200:
                    raise await self._refusal(response)
                yield response
            finally:
                response.close()

    async def audio(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """The body in pieces of at least :data:`PIECE` bytes but the last. Raises :class:`SpeechError`."""
        room = self.limits.audio
        while True:
            piece = await self._within(_some(response), self.limits.piece, "no more audio came")
            room -= len(piece)
            if room < 0:
                raise self.error(f"it sent more than {self.limits.audio:,} bytes")
            if piece:
                yield piece
            if len(piece) < PIECE:
                return

    async def body(self, response: aiohttp.ClientResponse, most: int = MAX_MESSAGE) -> bytes:
        """The whole body. Raises :class:`SpeechError` for one of more than ``most`` bytes."""
        read = await self._within(_read(response, most + 1))
        if len(read) > most:
            raise self.error(f"it answered with more than {most:,} bytes")
        return read

    @asynccontextmanager
    async def socket(
        self, path: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """An open WebSocket. Raises :class:`SpeechError`."""
        with self._place():
            socket = await self._within(
                self._open().ws_connect(
                    self._target(path),
                    params=params,
                    headers={**self._headers, **(headers or {})},
                    max_msg_size=MAX_MESSAGE,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT),
                )
            )
            try:
                yield socket
            finally:
                await socket.close()

    async def send(self, socket: aiohttp.ClientWebSocketResponse, message: str | bytes) -> None:
        """Send one message. Raises :class:`SpeechError`."""
        if isinstance(message, str):
            await self._within(socket.send_str(message), self.limits.piece, "it does not read")
        else:
            await self._within(socket.send_bytes(message), self.limits.piece, "it does not read")

    def error(self, what: str, code: int = 400, *, final: bool = False, outage: bool = False) -> SpeechError:
        """The error to raise for something that is wrong with this service."""
        return SpeechError(f"{self.name}: {self._clean(what)}", code=code, final=final, outage=outage)

    async def close(self) -> None:
        """Let all connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _target(self, path: str) -> URL:
        return self._url.with_path(self._url.path.rstrip("/") + path) if path else self._url

    @contextlib.contextmanager
    def _place(self) -> Iterator[None]:
        if self._running >= self._concurrency:
            raise self.error(f"{self._concurrency} requests are under way, more are not allowed", 429)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    async def _within(self, work: Awaitable[_T], seconds: float = 0.0, late: str = "no answer came") -> _T:
        seconds = seconds or self.limits.answer
        try:
            async with Deadline(self.clock, seconds):
                return await work
        except TimeoutError as error:
            raise self.error(f"{late} within {seconds:g} s", 408) from error
        except aiohttp.WSServerHandshakeError as error:
            told = error.headers.get("dg-error", "") if error.headers else ""
            words = f"it refused with {error.status}" + (f": {told}" if told else "")
            raise self.error(words, _CODES.get(error.status, 400), outage=_broken(error.status)) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The cause stays out of the chain: it may show headers.
            raise self.error(_words(error), 408, outage=True) from None

    async def _refusal(self, response: aiohttp.ClientResponse) -> SpeechError:
        body = b""
        with contextlib.suppress(SpeechError):
            body = await self._within(_read(response, MAX_ERROR))
        told = _told(body)
        words = f"it answered {response.status}" + (
            f": {told}" if told else f" {response.reason or ''}".rstrip()
        )
        return self.error(words, _CODES.get(response.status, 400), outage=_broken(response.status))

    def _clean(self, words: str) -> str:
        words = " ".join(words.split())
        if self._secret:
            words = words.replace(self._secret, "***")
        return words[:MAX_WORDS]

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            no_redirects = aiohttp.TraceConfig()
            no_redirects.on_request_redirect.append(_refuse_redirect)
            self._session = aiohttp.ClientSession(
                connector=Connector(limit=0, keepalive_timeout=KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                trust_env=False,
                headers={"User-Agent": "hookflash", "Accept-Encoding": "identity"},
                trace_configs=[no_redirects],
            )
        return self._session


async def _refuse_redirect(
    session: object, context: object, answer: aiohttp.TraceRequestRedirectParams
) -> None:
    """A redirect could take the key somewhere else."""
    raise aiohttp.ClientError(f"it answered {answer.response.status}; redirects are not followed")


async def _some(response: aiohttp.ClientResponse) -> bytes:
    """What has come, at least :data:`PIECE` bytes unless it is the end."""
    parts: list[bytes] = []
    size = 0
    while size < PIECE:
        part = await response.content.readany()
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


async def _read(response: aiohttp.ClientResponse, most: int) -> bytes:
    parts: list[bytes] = []
    while most > 0:
        part = await response.content.read(most)
        if not part:
            break
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _broken(status: int) -> bool:
    """Whether a status says that the service is at fault, and not what was asked of it."""
    return status >= 500 and status not in _CODES


def _told(body: bytes) -> str:
    """What the body of a refusal says, in any of the shapes the services have."""
    text = body.decode("utf-8", "replace").strip()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return "" if text.startswith("<") else text
    for _ in range(3):
        if isinstance(found, dict):
            found = next((found[key] for key in _TELLING if key in found), "")
    return found if isinstance(found, str) else ""


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the connection broke off in the middle of the answer"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "it closed the connection without an answer"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"it cannot be reached ({error.os_error.strerror or type(error.os_error).__name__})"
    if isinstance(error, aiohttp.ClientResponseError):
        return "what came is no HTTP answer"
    return str(error) or type(error).__name__
