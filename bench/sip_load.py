"""What the benchmarks of SIP share: SIPp as the caller, a server in a process of its own, its CPU a call.

The server has CPU 0, SIPp CPU 1. CPU is user + system time of the server's processes, from before the first
call to after the last, over the calls. Loopback charges the sender for the receiver's part of the network
stack. A call is INVITE, 100, 180, 200, ACK, BYE and 200 over UDP (``sipp/call.xml``), without audio.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from bench.media import HERE, BenchError, cpu_seconds, pin, prefer
from hookflash.loopback import free_port

CALL = HERE / "sipp" / "call.xml"
READY = 300.0
"""Longest wait for a server, which may have kernels to compile."""
_INSTALL = "needs SIPp: apt-get install sip-tester"


@dataclass(frozen=True)
class Load:
    """One run: calls a second of CPU of the server, calls that failed, messages that had to be repeated."""

    rate: float
    failed: int
    repeated: int
    offered: float

    @property
    def whole(self) -> bool:
        """Whether every call was a whole one."""
        return self.failed == 0


class Server:
    """A program that takes calls; it prints a line that ends with its port once it does.

    ``children`` are processes whose CPU counts as well; they are found once it listens.
    """

    def __init__(self, command: list[str], *, children: bool = False) -> None:
        self._said: IO[bytes] = tempfile.TemporaryFile(prefix="hookflash-bench-")  # noqa: SIM115
        self._process = subprocess.Popen(
            [*_on(0), *command],
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        self._children = children
        self.pids: list[int] = []
        self.port = 0

    def __enter__(self) -> Server:
        out = self._process.stdout
        assert out is not None
        impatient = threading.Timer(READY, self._process.kill)
        impatient.start()
        line = out.readline().decode()
        impatient.cancel()
        if not line.strip():
            self._process.wait()
            self._said.seek(0)
            raise BenchError(f"the server has ended: {self._said.read().decode(errors='replace')[-600:]}")
        self.port = int(line.rpartition(":")[2])
        self.pids = [self._process.pid, *(_children(self._process.pid) if self._children else [])]
        for pid in self.pids:
            prefer(pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return sum(cpu_seconds(pid) for pid in self.pids)

    def load(
        self, calls: int, rate: int, hold: int = 100, *, idle: float = 0.0, scenario: Path = CALL
    ) -> Load:
        """Have SIPp call so many times, ``rate`` times a second, each call up for ``hold`` milliseconds.

        ``idle`` is the share of a core that the server takes without calls.
        """
        before = self.cpu()
        successful, repeated, took = call(self.port, calls, rate, hold, scenario)
        if not successful:
            raise BenchError(f"none of {calls} calls went well")
        spent = self.cpu() - before - idle * took
        return Load(calls / spent, calls - successful, repeated, calls / took)


def call(port: int, calls: int, rate: int, hold: int, scenario: Path) -> tuple[int, int, float]:
    """Run SIPp: calls that went well, messages repeated, seconds."""
    sipp = shutil.which("sipp")
    if sipp is None:
        raise BenchError(_INSTALL)
    with tempfile.TemporaryDirectory(prefix="hookflash-bench-") as folder:
        statistics = Path(folder, "statistics.csv")
        command = [*_on(1), sipp, "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(free_port())]
        command += ["-s", "100", "-m", str(calls), "-r", str(rate), "-d", str(hold), "-l", str(20 * rate)]
        command += ["-nostdin", "-trace_stat", "-stf", str(statistics), "-fd", "1", f"127.0.0.1:{port}"]
        began = time.monotonic()
        limit = 60 + 3 * calls / rate
        ran = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=limit)
        took = time.monotonic() - began
        if not statistics.exists():
            raise BenchError(f"SIPp said: {(ran.stderr or ran.stdout).decode(errors='replace')[-600:]}")
        with statistics.open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
    return int(last["SuccessfulCall(C)"]), int(last["Retransmissions(C)"]), took


def _on(cpu: int) -> list[str]:
    """Pins a program, where that can be done."""
    return ["taskset", "-c", str(cpu)] if pin(cpu) and shutil.which("taskset") else []


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_children(int(child))]
    return found
