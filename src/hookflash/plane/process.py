"""A media worker as a child process: starting it, talking to it, noticing its end."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Sequence

from hookflash.children import describe_end, environment_of_child, kill, relay_errors
from hookflash.plane.hosts import Events, Lost
from hookflash.plane.link import ControlLink
from hookflash.plane.rings import Rings, make_file, map_rings
from hookflash.ports.plane import LegUnavailable, LoadClip, PlaneCommand, Shutdown

WORKER_COMMAND = (sys.executable, "-P", "-m", "hookflash.plane.worker")
"""How a worker is started; -P keeps the current directory out of its import path."""

STOP_TIMEOUT = 2.0
"""Seconds a worker has to end after Shutdown before it is killed."""

LAST_WORDS = 1.0
"""Seconds a worker that has lost its link has to end by itself, and its last output to be read."""

_log = logging.getLogger(__name__)


class WorkerProcess:
    """A :class:`~hookflash.plane.hosts.Host` in a process of its own.

    Args:
        name: for the log.
        arguments: options for the worker (``hookflash.plane.worker --help``).
        command: what to run; ``--fd N --rings-fd N`` and ``arguments`` are appended.
    """

    watched = True

    def __init__(
        self, name: str, arguments: Sequence[str] = (), *, command: Sequence[str] = WORKER_COMMAND
    ) -> None:
        self.name = name
        self._arguments = tuple(arguments)
        self._command = tuple(command)
        self._link: ControlLink | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pidfd = -1
        self._rings: Rings | None = None
        self._why = ""
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return self._process.pid if self._process is not None else None

    @property
    def rings(self) -> Rings:
        if self._rings is None:
            raise LegUnavailable(f"{self.name} is not running")
        return self._rings

    async def start(self, on_events: Events, on_lost: Lost) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        memory = -1
        try:
            memory = make_file()
            self._rings = map_rings(memory)
            with theirs:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    "--fd",
                    str(theirs.fileno()),
                    "--rings-fd",
                    str(memory),
                    *self._arguments,
                    pass_fds=[theirs.fileno(), memory],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    env=environment_of_child(os.environ),
                )
            self._pidfd = os.pidfd_open(self._process.pid)
        except BaseException:
            ours.close()
            raise
        finally:
            if memory >= 0:
                os.close(memory)
        link = self._link = ControlLink(on_events, self._link_lost)
        self._tasks = [
            asyncio.create_task(relay_errors(self._process, self.name, _log)),
            asyncio.create_task(self._watch(self._process, on_lost)),
        ]
        await link.attach(ours)

    def post(self, command: PlaneCommand) -> None:
        if self._link is not None:
            self._link.post(command, audio=len(command.pcm) if isinstance(command, LoadClip) else 0)

    async def writable(self) -> None:
        if self._link is not None:
            await self._link.writable()

    def kill(self) -> None:
        kill(self._pidfd)

    async def stop(self) -> None:
        self._stopping = True
        process, link = self._process, self._link
        if process is None:
            return
        if link is not None:
            link.post(Shutdown())
            link.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            _log.warning("%s did not end within %g s and is killed", self.name, STOP_TIMEOUT)
            self.kill()
            await process.wait()
        await asyncio.gather(*self._tasks)

    def _link_lost(self, reason: str) -> None:
        # Mostly the process is ending itself, and its exit status says why. If not: without its link it is of
        # no use. Either way _watch reports the end.
        self._why = reason
        asyncio.get_running_loop().call_later(LAST_WORDS, self.kill)

    async def _watch(self, process: asyncio.subprocess.Process, on_lost: Lost) -> None:
        status = await process.wait()
        pidfd, self._pidfd = self._pidfd, -1
        os.close(pidfd)
        if self._stopping:
            return
        await asyncio.wait(self._tasks[:1], timeout=LAST_WORDS)
        if self._link is not None:
            self._link.close()
        on_lost(f"it {describe_end(status)}" + (f" ({self._why})" if self._why else ""))
