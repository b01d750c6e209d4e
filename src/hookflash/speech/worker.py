"""A speech worker: a process of its own that loads one engine and does one job after the other.

Started by the server as ``python -m hookflash.speech.worker ENGINE``; it speaks
:mod:`hookflash.speech.messages` on standard input and output. Whatever a library prints goes to standard
error, which the server logs. It ends as soon as its input does, in the middle of a job too, so that none is
ever left behind.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from hookflash.ports.speech import SpeechError
from hookflash.speech.engines import ENGINES
from hookflash.speech.jobs import Cancelled, Engine, Job
from hookflash.speech.messages import (
    HEAD,
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
    frame,
    length,
    to_worker,
)

MAX_MESSAGE = 500
"""Characters of an error that the server is told."""

_PR_SET_PDEATHSIG = 1


class Worker:
    """The jobs of a process.

    ``source`` is read in a thread of its own, so that a job can be fed and cancelled while it runs.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._lock = threading.Lock()
        self._jobs: dict[int, Job] = {}
        self._begun: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._loads: queue.SimpleQueue[Load] = queue.SimpleQueue()

    def start(self, end: Callable[[str], None]) -> dict[str, Any]:
        """Begin to read; the settings for the engine. ``end`` is called when there is no more to read."""
        threading.Thread(target=self._read, args=(end,), daemon=True).start()
        return self._loads.get().settings

    def send(self, message: FromWorker) -> None:
        """Write a message; blocks while the server does not read."""
        data = frame(message)
        try:
            with self._lock:
                self._sink.write(data)
                self._sink.flush()
        except OSError:
            end_process("")  # nobody reads any more

    def run(self, engine: Engine) -> None:
        """Do jobs for ever."""
        self.send(Ready(os.getpid(), engine.describe()))
        while True:
            self.do(engine, self._begun.get())

    def do(self, engine: Engine, job: Job) -> None:
        """Do one job and say how it ended."""
        over: FromWorker = Done(job.id)
        try:
            job.check()
            engine.serve(job)
        except Cancelled:
            pass
        except SpeechError as error:
            over = failed(job.id, error)
        except Exception as error:
            # A mistake of the engine costs its job, not the process and the model it has loaded.
            print(f"ERROR: job {job.id} broke the engine:", file=sys.stderr)
            traceback.print_exc()
            over = Failed(job.id, told(f"the engine broke: {type(error).__name__}: {error}"))
        self._jobs.pop(job.id, None)
        self.send(over)

    def _read(self, end: Callable[[str], None]) -> None:
        try:
            while head := self._source.read(HEAD.size):
                if len(head) < HEAD.size:
                    raise ProtocolError("the input ends within a message")
                self._take(self._source.read(length(head)))
        except (OSError, ValueError) as error:
            end(str(error))
        else:
            end("")

    def _take(self, body: bytes) -> None:
        match to_worker(body):
            case Load() as load:
                self._loads.put(load)
            case Begin(job=number, request=request):
                job = self._jobs[number] = Job(number, request, self.send)
                self._begun.put(job)
            case Feed() | Finish() | Cancel() | Taken() as message:
                self._pass_on(message)

    def _pass_on(self, message: Feed | Finish | Cancel | Taken) -> None:
        job = self._jobs.get(message.job)
        if job is None:
            return  # it is over
        match message:
            case Feed(pcm=pcm):
                job.feed(pcm)
            case Finish():
                job.finish()
            case Cancel():
                job.cancel()
            case Taken(messages=messages):
                job.taken(messages)


def told(text: str) -> str:
    """An error as the server is told it: not too long, and without half surrogate pairs."""
    return text[:MAX_MESSAGE].encode(errors="replace").decode()


def failed(job: int, error: SpeechError, clean: Callable[[str], str] = str) -> Failed:
    """A job that failed, as the server is told of it; ``clean`` takes out what nobody is to know."""
    return Failed(job, told(clean(str(error))), error.code, error.sub_code, error.final, error.outage)


def own_standard_output() -> BinaryIO:
    """Standard output for messages alone: whoever prints from now on prints to standard error."""
    sink = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return sink


def prepare_process(nice: int, cpus: Sequence[int]) -> None:
    """Give way to others, keep to ``cpus`` if any, leave signals to the server, die with it."""
    # Ctrl-C and "stop" reach the whole group: the server ends its calls properly first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if nice:
        os.nice(nice)
    if cpus:
        try:
            os.sched_setaffinity(0, cpus)
        except OSError as error:
            print(f"WARNING: not pinned to CPUs {list(cpus)}: {error}", file=sys.stderr)
    # The end of its input ends it as well, but not while a library holds the interpreter.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_process(why: str) -> None:
    """End at once, whatever the engine does."""
    if why:
        print(f"WARNING: {why}", file=sys.stderr, flush=True)
    os._exit(2 if why else 0)


def serve(make: Callable[[dict[str, Any]], Engine], *, nice: int = 0, cpus: Sequence[int] = ()) -> int:
    """Be a worker; returns an exit status only when the engine cannot be loaded."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s")
    sink = own_standard_output()
    prepare_process(nice, cpus)
    worker = Worker(sys.stdin.buffer, sink)
    settings = worker.start(end_process)
    try:
        engine = make(settings)
    except Exception as error:  # whatever a library makes of a model that is missing, broken or too new
        traceback.print_exc()
        print(f"ERROR: it cannot be loaded: {error}", file=sys.stderr, flush=True)
        return 3
    worker.run(engine)
    return 0


def options(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line of a worker."""
    parser = argparse.ArgumentParser(prog="hookflash.speech.worker")
    parser.add_argument("engine", nargs="?", default="")
    parser.add_argument("--nice", type=int, default=0, help="added to the nice value")
    parser.add_argument("--cpus", default="", help="CPUs to keep to: 0,1")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, make: Callable[[dict[str, Any]], Engine] | None = None) -> int:
    """Run a worker; ``make`` builds its engine, that of the command line when left out."""
    chosen = options(argv)
    if make is None:
        kind = ENGINES.get(chosen.engine)
        if kind is None:
            print(
                f"ERROR: there is no engine {chosen.engine!r}; there is {', '.join(ENGINES)}", file=sys.stderr
            )
            return 1

        def make(settings: dict[str, Any]) -> Engine:
            engine: Engine = importlib.import_module(kind.module).load(settings)
            return engine

    cpus = [int(cpu) for cpu in chosen.cpus.split(",") if cpu]
    return serve(make, nice=chosen.nice, cpus=cpus)


if __name__ == "__main__":
    sys.exit(main())
