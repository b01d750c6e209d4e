"""A process that asks one speech service, for many at a time.

Started by the server as ``python -m hookflash.speech.services.worker KIND``. It speaks
:mod:`hookflash.speech.messages` on standard input and output, as a worker with an engine does; the settings
of the service, its key among them, come with the first message and stand nowhere else. Whatever leaves the
process in words, as an error or for the log, is searched for the key before. It ends as soon as its input
does.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, BinaryIO, Protocol

import msgspec
import uvloop

from hookflash.clock import LoopClock
from hookflash.ports.speech import SpeechError
from hookflash.speech.messages import (
    HEAD,
    HEARTBEAT,
    Alive,
    Begin,
    Cancel,
    Done,
    Failed,
    Feed,
    Finish,
    FromWorker,
    Load,
    ProtocolError,
    Ready,
    Taken,
    ToWorker,
    frame,
    length,
    to_worker,
)
from hookflash.speech.recognising_jobs import Listen
from hookflash.speech.remote.service import ServiceSettings
from hookflash.speech.services.job import ServiceJob
from hookflash.speech.services.making import make
from hookflash.speech.speaking_jobs import Document, Speak
from hookflash.speech.worker import end_process, failed, options, own_standard_output, prepare_process, told

LET_GO = 2.0
"""Seconds an adapter has to end what was cancelled; then it counts as over all the same."""

_log = logging.getLogger("hookflash.speech.services")


class Adapter(Protocol):
    """What such a process runs, in one event loop."""

    def describe(self) -> dict[str, str]:
        """What it is, for people; never empty."""
        ...

    async def serve(self, job: ServiceJob) -> None:
        """Do a job. SpeechError tells its asker what is wrong; anything else is a mistake of the adapter."""
        ...


class ServiceAdapter:
    """A service, asked for whatever a job wants."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._kind = settings.kind
        self._name = settings.name
        self._made = make(settings, LoopClock())

    def describe(self) -> dict[str, str]:
        return {"service": self._kind}

    async def serve(self, job: ServiceJob) -> None:
        request = msgspec.convert(job.request, Speak | Document | Listen)
        made = self._made
        if isinstance(request, Listen) and made.listener is not None:
            async with aclosing(made.listener.recognise(job.audio(), request.wish)) as results:
                async for result in results:
                    await job.result(result)
        elif isinstance(request, made.takes) and made.speaks is not None:
            async with aclosing(made.speaks(request)) as pieces:
                async for piece in pieces:
                    await job.sound(piece.pcm, piece.notes)
        else:
            raise SpeechError(f"{self._name} is not asked for this")


class Censor:
    """Takes a secret out of what is said. ``secret`` may be set later, "" is none."""

    def __init__(self) -> None:
        self.secret = ""

    def __call__(self, text: str) -> str:
        return text.replace(self.secret, "***") if self.secret else text


class _CensoredFormatter(logging.Formatter):
    def __init__(self, censor: Censor) -> None:
        super().__init__("%(levelname)s: %(message)s")
        self._censor = censor

    def format(self, record: logging.LogRecord) -> str:
        return self._censor(super().format(record))


class ServiceWorker:
    """The jobs of a process; use within one event loop."""

    def __init__(self, adapter: Adapter, sink: Sink, censor: Censor) -> None:
        self._adapter = adapter
        self._sink = sink
        self._censor = censor
        self._jobs: dict[int, ServiceJob] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._beat: asyncio.TimerHandle | None = None

    async def run(self, source: asyncio.StreamReader) -> None:
        """Do what comes out of ``source`` until it ends. Raises ProtocolError for what makes no sense."""
        self._tell(Ready(os.getpid(), self._adapter.describe()))
        while (message := await receive(source)) is not None:
            self._take(message)

    def _take(self, message: ToWorker) -> None:
        match message:
            case Begin(job=number, request=request):
                self._begin(ServiceJob(number, request, self._send))
            case Feed() | Finish() | Cancel() | Taken():
                # One that is over may be spoken of: that was not known yet.
                if (job := self._jobs.get(message.job)) is not None:
                    self._pass_on(job, message)
            case Load():
                raise ProtocolError("a second Load came")

    def _pass_on(self, job: ServiceJob, message: Feed | Finish | Cancel | Taken) -> None:
        match message:
            case Feed(pcm=pcm):
                job.feed(pcm)
            case Finish():
                job.finish()
            case Taken(messages=messages):
                job.taken(messages)
            case Cancel():
                self._tasks[job.id].cancel()
                asyncio.get_running_loop().call_later(LET_GO, self._let_go, job)

    def _begin(self, job: ServiceJob) -> None:
        self._jobs[job.id] = job
        task = self._tasks[job.id] = asyncio.get_running_loop().create_task(self._adapter.serve(job))
        task.add_done_callback(partial(self._ended, job))
        if self._beat is None:
            self._beat = asyncio.get_running_loop().call_later(HEARTBEAT, self._alive)

    def _ended(self, job: ServiceJob, task: asyncio.Task[None]) -> None:
        del self._tasks[job.id]
        error = None if task.cancelled() else task.exception()
        if job.id not in self._jobs:
            return
        if error is None:
            self._over(job, Done(job.id))
        elif isinstance(error, SpeechError):
            self._over(job, failed(job.id, error, self._censor))
        else:
            # A mistake of the adapter costs its job, not those of everybody else.
            _log.error("job %d broke the adapter", job.id, exc_info=error)
            why = told(self._censor(f"the adapter broke: {type(error).__name__}: {error}"))
            self._over(job, Failed(job.id, why))

    def _let_go(self, job: ServiceJob) -> None:
        """Nobody waits any longer for the end of what was cancelled."""
        if job.id in self._jobs:
            _log.error("job %d was cancelled and goes on", job.id)
            self._over(job, Done(job.id))

    def _over(self, job: ServiceJob, message: Done | Failed) -> None:
        job.close()
        del self._jobs[job.id]
        self._tell(message)

    def _alive(self) -> None:
        self._beat = None
        if self._jobs:
            self._beat = asyncio.get_running_loop().call_later(HEARTBEAT, self._alive)
            self._tell(Alive())

    def _tell(self, message: FromWorker) -> None:
        self._sink.write(frame(message))

    async def _send(self, message: FromWorker) -> None:
        self._sink.write(frame(message))
        await self._sink.room()


class Sink(asyncio.BaseProtocol):
    """The way to the server."""

    def __init__(self) -> None:
        self._transport: asyncio.WriteTransport | None = None
        self._room = asyncio.Event()
        self._room.set()

    async def open(self, pipe: BinaryIO) -> None:
        """Write to ``pipe`` from now on."""
        await asyncio.get_running_loop().connect_write_pipe(lambda: self, pipe)

    def write(self, data: bytes) -> None:
        """Write without waiting."""
        assert self._transport is not None
        self._transport.write(data)

    async def room(self) -> None:
        """Wait until not too much is on its way."""
        await self._room.wait()

    def connection_made(self, transport: Any) -> None:
        # uvloop's transports are no subclasses of asyncio's: nothing here may check their type.
        self._transport = transport

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def connection_lost(self, error: Exception | None) -> None:
        end_process("")  # nobody reads any more


async def receive(source: asyncio.StreamReader) -> ToWorker | None:
    """The next message, None at the end. Raises ProtocolError."""
    try:
        size = length(await source.readexactly(HEAD.size))
        return to_worker(await source.readexactly(size))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise ProtocolError("the input ends within a message") from None
        return None


async def serve(make_adapter: Callable[[ServiceSettings], Adapter], sink: Sink, pipe: BinaryIO) -> int:
    """Be such a process; returns an exit status only when the service cannot be asked at all."""
    censor = Censor()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_CensoredFormatter(censor))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    source = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(source), sys.stdin.buffer)
    await sink.open(pipe)
    try:
        load = await receive(source)
        if load is None:
            return 0
        if not isinstance(load, Load):
            raise ProtocolError("it does not begin with Load")
        settings = msgspec.convert(load.settings, ServiceSettings)
        censor.secret = settings.key
        adapter = make_adapter(settings)
    except Exception as error:  # whatever an adapter makes of its settings; the key is not to be in a trace
        print(f"ERROR: it cannot be made: {censor(str(error))}", file=sys.stderr, flush=True)
        return 3
    try:
        await ServiceWorker(adapter, sink, censor).run(source)
    except (OSError, ProtocolError) as error:
        end_process(censor(str(error)))
    end_process("")
    return 0


def main(
    argv: Sequence[str] | None = None, make_adapter: Callable[[ServiceSettings], Adapter] = ServiceAdapter
) -> int:
    """Run such a process."""
    chosen = options(argv)
    pipe = own_standard_output()
    prepare_process(chosen.nice, [int(cpu) for cpu in chosen.cpus.split(",") if cpu])
    return uvloop.run(_with_sink(make_adapter, pipe))


async def _with_sink(make_adapter: Callable[[ServiceSettings], Adapter], pipe: BinaryIO) -> int:
    return await serve(make_adapter, Sink(), pipe)


if __name__ == "__main__":
    sys.exit(main())
