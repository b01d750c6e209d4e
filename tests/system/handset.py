"""A phone for tests that block: the softphone on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

from hookflash.clock import LoopClock
from hookflash.softphone.audio import Samples
from hookflash.softphone.phone import Softphone
from hookflash.softphone.player import ScriptPlayer
from hookflash.softphone.script import parse

T = TypeVar("T")


class Handset:
    """Drives one softphone by scripts, from any thread."""

    def __init__(self, number: str = "+14255550123", **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.phone: Softphone = self._run(self._open(number, options))

    async def _open(self, number: str, options: dict[str, Any]) -> Softphone:
        clock = LoopClock()
        phone = Softphone(clock, number=number, **options)
        await phone.__aenter__()
        self._player = ScriptPlayer(phone, clock, lambda what, detail: None)
        return phone

    def _run(self, work: Coroutine[Any, Any, T], timeout: float = 90) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def play(self, script: str) -> None:
        """Play a script to its end; raises what the player raises."""
        self._run(self._player.play(parse(script)))

    def start(self, script: str) -> Any:
        """Play a script in the background; the result is a future."""
        return asyncio.run_coroutine_threadsafe(self._player.play(parse(script)), self._loop)

    @property
    def digits(self) -> str:
        """Keys heard so far."""
        return self.phone.digits

    def heard(self) -> Samples:
        """What the phone has heard so far; its loop, which goes on writing it, is the one that reads it."""

        async def read() -> Samples:
            return self.phone.audio.heard

        return self._run(read())

    def wait_digits(self, wanted: str, timeout: float = 10) -> None:
        """Wait until the keys heard end with these."""
        deadline = time.monotonic() + timeout
        while not self.phone.digits.endswith(wanted):
            assert time.monotonic() < deadline, f"heard {self.phone.digits!r}, not {wanted!r}"
            threading.Event().wait(0.02)

    def close(self) -> None:
        self._run(self.phone.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
