"""One socket to an app for as long as its stream lasts: opened, fed, opened again when it breaks.

What is to be sent waits in a bounded queue. A reader that lets it fill is dropped: old audio helps nobody,
and the call must not wait for it. Text that lasts is kept while there is no connection; text that will be
replaced soon is not even queued behind much else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable

import aiohttp

from hookflash.ports.clock import Clock
from hookflash.streaming.dialling import DialFailed, Dialler, Ticket

RETRIES = (1.0, 2.0, 4.0)
"""Seconds before each attempt to open a broken connection again."""
SETTLED = 10.0
"""Seconds after which a connection counts as good, so that the next break has all its retries again."""
MAX_WAITING = 1 << 20
"""Characters that may wait to be sent (at least 15 s of one audio stream)."""
MUCH_WAITING = 1 << 16
"""Characters behind which nothing is queued that can be done without."""
LAST_WORDS = 1.0
"""Seconds for what waits to be sent when a stream is closed."""

_log = logging.getLogger(__name__)


class Ended(Exception):
    """A socket is over for good; ``details``, ``code`` and ``sub_code`` as in the contract."""

    def __init__(self, message: str, details: str, code: int, sub_code: int) -> None:
        super().__init__(message)
        self.details = details
        self.code = code
        self.sub_code = sub_code


class AppSocket:
    """Runs from construction to :meth:`close` or failure.

    Args:
        dialler, ticket: how to open it.
        clock: for the pauses between retries.
        hello: the first frame, made anew for each connection.
        on_open: told of every connection, with whether it is a later one; may raise Ended.
        on_text: takes what the app sends.
        on_ended: told once why it is over; not after :meth:`close`.
    """

    def __init__(
        self,
        dialler: Dialler,
        ticket: Ticket,
        clock: Clock,
        *,
        hello: Callable[[], str],
        on_open: Callable[[bool], None],
        on_text: Callable[[str], None],
        on_ended: Callable[[Ended], None],
    ) -> None:
        self._dialler = dialler
        self._ticket = ticket
        self._clock = clock
        self._hello = hello
        self._on_open = on_open
        self._on_text = on_text
        self._on_ended = on_ended
        self._queue: deque[tuple[str, bool]] = deque()
        self._waiting = 0
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._connected = False
        self._end: Ended | None = None
        self._closing = False
        self._task = asyncio.create_task(self._run())

    def send(self, text: str) -> None:
        """Send a frame, in order; dropped while there is no connection."""
        if self._connected:
            self._put(text, lasting=False)

    def keep(self, text: str) -> None:
        """Send a frame, in order; while there is no connection it waits for the next one."""
        self._put(text, lasting=True)

    def offer(self, text: str) -> bool:
        """Send a frame that the next one replaces, unless the app reads slowly; whether it is sent."""
        if not self._connected or self._waiting > MUCH_WAITING:
            return False
        self.send(text)
        return True

    def close(self) -> None:
        """Send what waits, close properly (1000), and say nothing more."""
        self._closing = True
        self._on_ended = lambda ended: None
        self._news.set()
        if self._connected:
            self._clock.call_at(self._clock.now() + LAST_WORDS, self._over.set)
        else:
            self._task.cancel()

    def fail(self, ended: Ended) -> None:
        """Close with 1011, and report ``ended``."""
        if self._end is None and not self._closing:
            self._end = ended
            self._over.set()
            if not self._connected:
                self._task.cancel()
                self._on_ended(ended)

    def when_over(self, call: Callable[[], None]) -> None:
        """Call ``call`` when nothing is left of it."""
        self._task.add_done_callback(lambda task: call())

    async def wait(self) -> None:
        """Wait until it is over."""
        await asyncio.wait([self._task])

    def _put(self, text: str, *, lasting: bool) -> None:
        if self._end is not None:
            return
        self._queue.append((text, lasting))
        self._waiting += len(text)
        if self._waiting > MAX_WAITING:
            self.fail(
                self._ended(
                    f"The app does not read fast enough: {self._waiting >> 10} KiB "
                    f"({len(self._queue)} frames) wait for it.",
                    "streamConnectionInterrupted",
                )
            )
            self._connected = False
        self._news.set()

    async def _run(self) -> None:
        try:
            await self._live()
        except Ended as ended:
            self._on_ended(ended)
        except Exception as error:
            _log.exception("a stream to connection %s broke off", self._ticket.connection_id)
            self._on_ended(self._ended(f"The stream broke off: {error}", "unspecifiedError"))

    async def _live(self) -> None:
        try:
            ws = await self._dialler.dial(self._ticket)
        except DialFailed as error:
            raise Ended(str(error), error.details, error.code, error.sub_code) from error
        tries = 0
        again = False
        while True:
            since = self._clock.now()
            reason = await self._talk(ws, again)
            if self._closing:
                return
            if self._clock.now() - since >= SETTLED:
                tries = 0
            again = True
            while True:
                if tries == len(RETRIES):
                    raise self._ended(
                        f"The WebSocket connection was interrupted ({reason}) and could not be established "
                        f"again in {tries} attempts.",
                        "streamConnectionInterrupted",
                    )
                await self._pause(RETRIES[tries])
                tries += 1
                try:
                    ws = await self._dialler.dial(self._ticket)
                    break
                except DialFailed as error:
                    reason = str(error)

    async def _talk(self, ws: aiohttp.ClientWebSocketResponse, again: bool) -> str:
        """Use a connection until it ends; the reason when it broke. Raises Ended when it is over for good."""
        self._queue = deque(one for one in self._queue if one[1])
        self._waiting = sum(len(text) for text, _ in self._queue)
        self._connected = True
        try:
            await ws.send_str(self._hello())
            if self._closing:
                return ""
            self._on_open(again)
            reader = asyncio.create_task(self._read(ws))
            writer = asyncio.create_task(self._write(ws))
            over = asyncio.create_task(self._over.wait())
            try:
                await asyncio.wait([reader, writer, over], return_when=asyncio.FIRST_COMPLETED)
                if self._end is not None:
                    raise self._end
                if self._closing:
                    return ""
                if reader.done():
                    return self._judge(ws, reader)
                return f"nothing can be sent: {writer.exception()}"
            finally:
                self._connected = False
                for task in (reader, writer, over):
                    task.cancel()
                await asyncio.gather(reader, writer, over, return_exceptions=True)
        except (aiohttp.ClientError, OSError) as error:
            return f"nothing can be sent: {error}"
        finally:
            self._connected = False
            code = aiohttp.WSCloseCode.OK if self._closing else aiohttp.WSCloseCode.INTERNAL_ERROR
            # The app may be anything but well: it is not waited for long.
            with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                async with asyncio.timeout(3.0):
                    await ws.close(code=code, message=self._last_words())

    def _last_words(self) -> bytes:
        """The reason in our close frame (RFC 6455 section 5.5: at most 123 octets)."""
        return b"" if self._end is None else str(self._end).encode()[:123].decode(errors="ignore").encode()

    def _judge(self, ws: aiohttp.ClientWebSocketResponse, reader: asyncio.Task[None]) -> str:
        """Why the app's side ended; raises Ended when it did so on purpose."""
        if (error := reader.exception()) is not None:
            return str(error) or type(error).__name__
        match ws.close_code:
            case aiohttp.WSCloseCode.OK:
                raise self._ended("The app closed the WebSocket (1000).", "streamConnectionInterrupted")
            case aiohttp.WSCloseCode.POLICY_VIOLATION:
                raise self._ended("The app refused the WebSocket (1008).", "authenticationFailure")
            case code:
                return f"it was closed with {code}"

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._on_text(message.data)

    async def _write(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            while self._queue:
                text, _ = self._queue[0]
                await ws.send_str(text)
                self._queue.popleft()
                self._waiting -= len(text)
            if self._closing:
                return
            self._news.clear()
            await self._news.wait()

    async def _pause(self, seconds: float) -> None:
        done = asyncio.Event()
        timer = self._clock.call_at(self._clock.now() + seconds, done.set)
        try:
            await done.wait()
        finally:
            timer.cancel()

    def _ended(self, message: str, details: str) -> Ended:
        return Ended(message, details, 500, self._ticket.sub_code)
