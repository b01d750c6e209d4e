"""One socket to an app for as long as its stream lasts: opened, fed, opened again when it breaks.

What is to be sent waits in a bounded queue. A reader that lets it fill is dropped: old audio helps nobody,
and the call must not wait for it. Text that lasts is kept while there is no connection; text that will be
replaced soon is not even queued behind much else.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from hookflash.ports.clock import Clock
from hookflash.streaming import websocket
from hookflash.streaming.dialling import DialFailed, Dialler, Ticket
from hookflash.streaming.websocket import WebSocket

RETRIES = (1.0, 2.0, 4.0)
"""Seconds before each attempt to open a broken connection again."""
SETTLED = 10.0
"""Seconds after which a connection counts as good, so that the next break has all its retries again."""
MAX_WAITING = 1 << 20
"""Octets that may wait to be sent."""
LATE = 10.0
"""Seconds for which anything may wait to be sent to an app that is connected. The system holds some seconds
of audio before that; together it is less than it takes to give up a connection whose other end takes nothing.
"""
MUCH_WAITING = 1 << 16
"""Octets behind which nothing is queued that can be done without."""
LAST_WORDS = 1.0
"""Seconds for what waits to be sent when a stream is closed."""
CLOSE_TIMEOUT = 2.0
"""Seconds an app has to answer our close."""

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
        on_ended: told once why it is over, before good-bye is said; not after :meth:`close`.
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
        self._queue: deque[tuple[bytes, bool, float]] = deque()
        self._waiting = 0
        self._news = asyncio.Event()
        self._hurry = False
        self._ws: WebSocket | None = None
        self._since = self._broke = 0.0
        self._end: Ended | None = None
        self._closing = self._parting = self._told = False
        self._task = asyncio.create_task(self._run())

    @property
    def ready(self) -> WebSocket | None:
        """The connection, if there is one and nothing waits for it: what goes straight there is in order."""
        ws = self._ws
        return ws if ws is not None and ws.writable and not self._queue else None

    def send(self, text: str | bytes) -> None:
        """Send a frame (bytes: as UTF-8), in order; dropped while there is no connection."""
        if self._ws is None:
            return
        data = text.encode() if isinstance(text, str) else text
        ws = self.ready
        if ws is not None:
            ws.send(data)
        else:
            self._put(data, lasting=False)

    def keep(self, text: str) -> None:
        """Send a frame, in order; while there is no connection it waits for the next one."""
        self._put(text.encode(), lasting=True)

    def offer(self, text: str) -> bool:
        """Send a frame that the next one replaces, unless the app reads slowly; whether it is sent."""
        if self._ws is None or self._waiting > MUCH_WAITING:
            return False
        self.send(text)
        return True

    def close(self) -> None:
        """Send what waits, close properly (1000), and say nothing more."""
        self._closing = self._told = True
        if self._ws is not None:
            self._clock.call_at(self._clock.now() + LAST_WORDS, self._no_more)
            self._news.set()
        elif not self._parting:
            self._task.cancel()

    def fail(self, ended: Ended) -> None:
        """Close with 1011, and report ``ended``."""
        if self._end is None and not self._closing:
            self._end = ended
            self._news.set()
            if self._ws is None and not self._parting:
                self._task.cancel()
            self._tell(ended)

    def _tell(self, ended: Ended) -> None:
        if not self._told:
            self._told = True
            self._on_ended(ended)

    def when_over(self, call: Callable[[], None]) -> None:
        """Call ``call`` when nothing is left of it."""
        self._task.add_done_callback(lambda task: call())

    async def wait(self) -> None:
        """Wait until it is over."""
        await asyncio.wait([self._task])

    def _put(self, text: bytes, *, lasting: bool) -> None:
        if self._end is not None:
            return
        self._queue.append((text, lasting, self._clock.now()))
        self._waiting += len(text)
        self._flush()
        if self._waiting > MAX_WAITING or self._is_late():
            self.fail(
                self._ended(
                    f"The app does not read fast enough: {self._waiting >> 10} KiB "
                    f"({len(self._queue)} frames) wait for it.",
                    "streamConnectionInterrupted",
                )
            )

    def _is_late(self) -> bool:
        """Whether what waits has waited too long, since there was a connection for it."""
        if self._ws is None or not self._queue:
            return False
        return self._clock.now() - max(self._queue[0][2], self._since) > LATE

    def _flush(self) -> None:
        """Send what waits, as far as there is room."""
        ws = self._ws
        while self._queue and ws is not None and ws.writable:
            text, _, _ = self._queue.popleft()
            self._waiting -= len(text)
            ws.send(text)
        if self._closing:
            self._news.set()

    def _no_more(self) -> None:
        self._hurry = True
        self._news.set()

    async def _run(self) -> None:
        try:
            await self._live()
        except Ended as ended:
            self._tell(ended)
        except Exception as error:
            _log.exception("a stream to connection %s broke off", self._ticket.connection_id)
            self._tell(self._ended(f"The stream broke off: {error}", "unspecifiedError"))

    async def _live(self) -> None:
        try:
            ws = await self._dialler.dial(self._ticket)
        except DialFailed as error:
            raise Ended(str(error), error.details, error.code, error.sub_code) from error
        tries = 0
        again = False
        while True:
            reason = await self._talk(ws, again)
            if self._closing or self._end is not None:
                return
            # One who takes nothing would have every connection broken after a while.
            if ws.proven or (self._broke - self._since >= SETTLED and not ws.deaf):
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

    async def _talk(self, ws: WebSocket, again: bool) -> str:
        """Use a connection until it ends; the reason when it broke. Raises Ended when it is over for good."""
        self._queue = deque(one for one in self._queue if one[1])
        self._waiting = sum(len(text) for text, _, _ in self._queue)
        self._news.clear()
        self._since = self._clock.now()
        ws.on_text, ws.on_room, ws.on_over = self._on_text, self._flush, self._news.set
        self._ws = ws
        try:
            ws.send(self._hello().encode())
            self._on_open(again)
            self._flush()
            ws.start()
            while not self._is_over(ws):
                self._news.clear()
                await self._news.wait()
            if self._end is not None:
                raise self._end
            return "" if self._closing else self._judge(ws)
        except Ended as ended:
            self._tell(ended)
            raise
        finally:
            self._ws, self._parting, self._broke = None, True, self._clock.now()
            code = websocket.OK if self._closing and self._end is None else websocket.INTERNAL_ERROR
            try:
                await ws.close(code, self._last_words(), CLOSE_TIMEOUT)
            finally:
                self._parting = False

    def _is_over(self, ws: WebSocket) -> bool:
        """Whether there is nothing left to do with a connection."""
        said = self._closing and (self._hurry or not self._queue)
        return said or self._end is not None or ws.code is not None

    def _last_words(self) -> bytes:
        """The reason in our close frame."""
        if self._end is None:
            return b""
        return str(self._end).encode()[: websocket.MAX_REASON].decode(errors="ignore").encode()

    def _judge(self, ws: WebSocket) -> str:
        """Why the app's side ended; raises Ended when it did so on purpose."""
        match ws.code:
            case websocket.OK:
                raise self._ended("The app closed the WebSocket (1000).", "streamConnectionInterrupted")
            case websocket.POLICY_VIOLATION:
                raise self._ended("The app refused the WebSocket (1008).", "authenticationFailure")
            case code:
                return ws.why or f"it was closed with {code}"

    async def _pause(self, seconds: float) -> None:
        done = asyncio.Event()
        timer = self._clock.call_at(self._clock.now() + seconds, done.set)
        try:
            await done.wait()
        finally:
            timer.cancel()

    def _ended(self, message: str, details: str) -> Ended:
        return Ended(message, details, 500, self._ticket.sub_code)
