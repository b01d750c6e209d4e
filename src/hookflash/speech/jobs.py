"""A job as an engine sees it, inside a worker process."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hookflash.speech.messages import MAX_AUDIO, FromWorker, Result, Sound, Taken
from hookflash.speech.windows import Incoming, Outgoing


class Cancelled(Exception):
    """Nobody wants the job any more; an engine lets it through."""


class Job:
    """One piece of work. Audio comes in by :meth:`audio` or :meth:`read`, goes out by :meth:`sound`.

    All of them raise :class:`Cancelled` once the job is cancelled, so that an engine which reads or writes
    now and then need not ask. What gives something away waits while whoever asked takes none of it.

    Attributes:
        id: its number.
        request: what is asked, as plain data.
    """

    def __init__(self, number: int, request: Any, send: Callable[[FromWorker], None]) -> None:
        self.id = number
        self.request = request
        self._send = send
        self._news = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._incoming = Incoming()
        self._outgoing = Outgoing()
        self._ended = False
        self._cancelled = False

    # --- for engines --------------------------------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants it any more."""
        return self._cancelled

    def check(self) -> None:
        """Raises :class:`Cancelled` once nobody wants it any more."""
        if self._cancelled:
            raise Cancelled

    def read(self, seconds: float | None = None) -> NDArray[np.int16] | None:
        """All audio that has come, int16 at 16,000 Hz, waiting for some; None once it has ended.

        An empty array when none came within ``seconds`` (without: it waits as long as it takes).
        """
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._ended or self._cancelled, seconds)
            self.check()
            if not self._waiting:
                return None if self._ended else np.empty(0, np.int16)
            pcm = b"".join(self._waiting)
            taken = self._incoming.took(len(self._waiting))
            self._waiting.clear()
        if taken:
            self._send(Taken(self.id, taken))
        return np.frombuffer(pcm, "<i2", len(pcm) // 2)

    def audio(self) -> Iterator[NDArray[np.int16]]:
        """The audio until it ends, in arrays of any length."""
        while (pcm := self.read()) is not None:
            yield pcm

    def sound(self, pcm: NDArray[np.int16], notes: Sequence[str] = ()) -> None:
        """Give away audio, int16 at 16,000 Hz; ``notes`` go with its first sample."""
        data = pcm.astype("<i2", copy=False).tobytes()
        for at in range(0, len(data), MAX_AUDIO):
            self._give(Sound(self.id, data[at : at + MAX_AUDIO], tuple(notes) if at == 0 else ()))

    def result(self, value: Any) -> None:
        """Give away what was found out; anything MessagePack can carry."""
        self._give(Result(self.id, value))

    def _give(self, message: Sound | Result) -> None:
        with self._news:
            self._news.wait_for(lambda: self._outgoing.open or self._cancelled)
            self.check()
            self._outgoing.sent()
        self._send(message)

    # --- for the process around ---------------------------------------------------------------------------

    def feed(self, pcm: bytes) -> None:
        with self._news:
            self._incoming.came()
            self._waiting.append(pcm)
            self._news.notify()

    def taken(self, messages: int) -> None:
        with self._news:
            self._outgoing.taken(messages)
            self._news.notify()

    def finish(self) -> None:
        with self._news:
            self._ended = True
            self._news.notify()

    def cancel(self) -> None:
        with self._news:
            self._cancelled = True
            self._waiting.clear()
            self._news.notify()


class Engine(Protocol):
    """What a worker runs. Everything is called from one thread."""

    def describe(self) -> dict[str, str]:
        """What it is, for people: the model and its version."""
        ...

    def serve(self, job: Job) -> None:
        """Do a job. SpeechError tells its asker what is wrong; anything else is a mistake of the engine."""
        ...
