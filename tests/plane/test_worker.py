"""The worker: its loop under a made-up clock, and the real process with a pretended plane in it."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from hookflash.plane.link import LinkError, WorkerLink, event_reader, pack
from hookflash.plane.options import PlaneOptions, parse
from hookflash.plane.process import WORKER_COMMAND, WorkerProcess
from hookflash.plane.worker import CATCH_UP, NICENESS, Worker, serve
from hookflash.ports.plane import (
    TICK,
    AudioTapped,
    CloseLeg,
    Heartbeat,
    LegClosed,
    LegOpened,
    OpenLeg,
    PlaneCommand,
    PlaneEvent,
    Shutdown,
    WorkerReady,
)

FAKE = (sys.executable, "-P", str(Path(__file__).with_name("fake_worker.py")))
FREEZE, CRASH = 666, 667


class ScriptedCore:
    """Calls ``on_tick`` with the number of each tick."""

    announce: Callable[[AudioTapped], None] | None = None

    def __init__(self, on_tick: Callable[[int], Sequence[PlaneEvent]]) -> None:
        self.applied: list[PlaneCommand] = []
        self.ticks: list[float] = []
        self.closed = False
        self._on_tick = on_tick

    def warm_up(self) -> None: ...

    def apply(self, command: PlaneCommand) -> None:
        self.applied.append(command)

    def skip(self, ticks: int) -> None: ...

    def tick(self, now: float, behind: int = 0) -> list[PlaneEvent]:
        self.ticks.append(now)
        return list(self._on_tick(len(self.ticks)))

    def close(self) -> None:
        self.closed = True


class Time:
    """A clock that sleeping moves; a tick may take time too."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    yield a, b
    a.close()
    b.close()


def run(
    pair: tuple[socket.socket, socket.socket], on_tick: Callable[[int, Time], Sequence[PlaneEvent]]
) -> tuple[ScriptedCore, Worker, list[PlaneEvent]]:
    """Run a worker until ``on_tick`` shuts it down through the link; what control would have heard."""
    control, theirs = pair
    time = Time()
    core = ScriptedCore(lambda number: on_tick(number, time))
    worker = Worker(core, WorkerLink(theirs), now=time, sleep=time.sleep)
    worker.run()
    control.setblocking(False)
    try:
        return core, worker, event_reader().feed(control.recv(1 << 20))
    except BlockingIOError:
        return core, worker, []


def test_taps_are_told_of_before_the_tick_is_over(pair: tuple[socket.socket, socket.socket]) -> None:
    """What hears every tick reads it while the worker still makes packets."""
    control, seen = pair[0], []
    core = ScriptedCore(lambda number: on_tick(number))

    def on_tick(number: int) -> Sequence[PlaneEvent]:
        assert core.announce is not None
        core.announce(AudioTapped(number))
        seen.extend(event_reader().feed(control.recv(1 << 20)))
        control.sendall(pack([Shutdown()]))
        return [LegOpened(7, 4000)]

    time = Time()
    Worker(core, WorkerLink(pair[1]), now=time, sleep=time.sleep).run()
    assert seen == [AudioTapped(1)]
    assert event_reader().feed(control.recv(1 << 20)) == [LegOpened(7, 4000)]


def test_ticks_are_20_ms_apart_whatever_they_take(pair: tuple[socket.socket, socket.socket]) -> None:
    def on_tick(number: int, time: Time) -> Sequence[PlaneEvent]:
        time.now += 0.003 * (number % 5)
        if number == 100:
            pair[0].sendall(pack([Shutdown()]))
        return ()

    core, worker, _ = run(pair, on_tick)
    assert core.ticks == pytest.approx([100.0 + TICK * n for n in range(1, 101)])
    assert worker.skipped == 0


def test_a_short_stall_is_caught_up(pair: tuple[socket.socket, socket.socket]) -> None:
    def on_tick(number: int, time: Time) -> Sequence[PlaneEvent]:
        if number == 3:
            time.now += 4 * TICK
        if number == 20:
            pair[0].sendall(pack([Shutdown()]))
        return ()

    core, worker, _ = run(pair, on_tick)
    assert worker.skipped == 0
    assert core.ticks[-1] == pytest.approx(100.0 + 20 * TICK)


def test_a_long_stall_is_caught_up_only_in_part(pair: tuple[socket.socket, socket.socket]) -> None:
    def on_tick(number: int, time: Time) -> Sequence[PlaneEvent]:
        if number == 3:
            time.now += 50 * TICK
        if number == 20:
            pair[0].sendall(pack([Shutdown()]))
        return ()

    core, worker, _ = run(pair, on_tick)
    assert worker.skipped == 50 - 1 - CATCH_UP
    at_once = [at for at in core.ticks[3:] if at == core.ticks[3]]
    assert len(at_once) == CATCH_UP + 1
    assert core.ticks[-1] == pytest.approx(100.0 + (20 + worker.skipped) * TICK)


def test_heartbeats_tell_of_legs_and_lateness(pair: tuple[socket.socket, socket.socket]) -> None:
    def on_tick(number: int, time: Time) -> Sequence[PlaneEvent]:
        if number == 10:
            time.now += 0.030
        if number == 160:
            pair[0].sendall(pack([Shutdown()]))
        return {1: [LegOpened(1, 0), LegOpened(2, 0)], 60: [LegClosed(1, 0, 0, 0, 0.0)]}.get(number, ())

    _, _, events = run(pair, on_tick)
    beats = [event for event in events if isinstance(event, Heartbeat)]
    assert len(beats) == 3
    assert [beat.legs for beat in beats] == [2, 1, 1]
    assert beats[0].busy_ms == pytest.approx(30, abs=0.1)
    assert beats[0].late_ms == pytest.approx(10, abs=0.1)
    assert beats[1].busy_ms == pytest.approx(0, abs=0.1)


def test_heartbeats_tell_the_share_of_time_that_ticks_took(pair: tuple[socket.socket, socket.socket]) -> None:
    def on_tick(number: int, time: Time) -> Sequence[PlaneEvent]:
        time.now += 0.005 if number <= 55 else 0.015
        if number == 57:
            time.now += 20 * TICK
        if number == 160:
            pair[0].sendall(pack([Shutdown()]))
        return ()

    _, worker, events = run(pair, on_tick)
    beats = [event for event in events if isinstance(event, Heartbeat)]
    assert [beat.load for beat in beats] == pytest.approx([0.25, 0.89, 0.75], abs=0.03)
    assert [beat.skipped for beat in beats] == [0, worker.skipped, worker.skipped]
    assert worker.skipped > 10


def test_commands_go_to_the_core_once_a_tick_in_order(pair: tuple[socket.socket, socket.socket]) -> None:
    commands = [OpenLeg(1, 1, True), OpenLeg(2, 1, False), CloseLeg(1)]
    pair[0].sendall(pack(commands[:2]) + pack([commands[2], Shutdown(), OpenLeg(9, 9, True)]))
    core, _, _ = run(pair, lambda number, time: ())
    assert core.applied == commands
    assert core.ticks == []


def test_a_command_that_makes_no_sense_ends_nothing(
    pair: tuple[socket.socket, socket.socket], capsys: pytest.CaptureFixture[str]
) -> None:
    class Strict(ScriptedCore):
        def apply(self, command: PlaneCommand) -> None:
            raise ValueError("codec G729 is not known")

    control, theirs = pair
    control.sendall(pack([OpenLeg(1, 1, True)]))
    time = Time()
    core = Strict(lambda number: control.sendall(pack([Shutdown()])) or ())
    Worker(core, WorkerLink(theirs), now=time, sleep=time.sleep).run()
    assert len(core.ticks) == 1
    assert "refused OpenLeg: codec G729 is not known" in capsys.readouterr().err


def test_options_survive_the_command_line() -> None:
    options = PlaneOptions("127.0.0.1", 30_000, 30_999, 100, 40, 5.0)
    process, parsed = parse(["--fd=7", "--cpu=1", *options.arguments()])
    assert (process.fd, process.cpu, parsed) == (7, 1, options)


def test_workers_share_the_ports() -> None:
    options = PlaneOptions(first_port=30_000, last_port=30_999)
    shares = [options.share(number, 3) for number in range(3)]
    assert [(share.first_port, share.last_port) for share in shares] == [
        (30_000, 30_331),
        (30_332, 30_663),
        (30_664, 30_995),
    ]


def test_serve_ends_with_its_control(
    pair: tuple[socket.socket, socket.socket], capsys: pytest.CaptureFixture[str]
) -> None:
    control, theirs = pair
    control.close()
    core = ScriptedCore(lambda number: ())
    try:
        assert serve(WorkerLink(theirs), core) == 2
    finally:
        gc.enable()
        gc.unfreeze()
    assert core.closed
    assert "control side is gone" in capsys.readouterr().err


def test_a_core_that_breaks_is_not_hidden(pair: tuple[socket.socket, socket.socket]) -> None:
    def broken(number: int, time: Time) -> Sequence[PlaneEvent]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(pair, broken)


def test_a_link_that_ends_ends_the_loop(pair: tuple[socket.socket, socket.socket]) -> None:
    def on_tick(number: int, time: Time) -> Sequence[PlaneEvent]:
        if number == 5:
            pair[0].close()
        return ()

    with pytest.raises(LinkError):
        run(pair, on_tick)


# --- the real process ------------------------------------------------------------------------------------


class Child:
    """A worker process and what it said."""

    def __init__(self, command: Sequence[str] = FAKE, arguments: Sequence[str] = ()) -> None:
        self.process = WorkerProcess("media worker under test", arguments, command=command)
        self.events: list[PlaneEvent] = []
        self.lost: list[str] = []
        self._changed = asyncio.Event()

    async def start(self) -> None:
        await self.process.start(self._on_events, self._on_lost)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await self._changed.wait()
                self._changed.clear()

    async def until_ready(self) -> None:
        await self.until(lambda: any(isinstance(event, WorkerReady) for event in self.events))

    def _on_events(self, events: Sequence[PlaneEvent]) -> None:
        self.events += events
        self._changed.set()

    def _on_lost(self, reason: str) -> None:
        self.lost.append(reason)
        self._changed.set()


async def test_a_worker_starts_answers_and_stops(caplog: pytest.LogCaptureFixture) -> None:
    child = Child()
    await child.start()
    await child.until_ready()
    assert child.events == [WorkerReady(child.process.pid or 0)]
    child.process.post(OpenLeg(4, 1, True))
    await child.until(lambda: LegOpened(4, 20_008) in child.events)
    await child.process.stop()
    assert child.lost == []
    assert "warming up" in caplog.text
    with pytest.raises(ProcessLookupError):
        os.kill(child.process.pid or 0, 0)


async def test_a_killed_worker_is_reported_once() -> None:
    child = Child()
    await child.start()
    await child.until_ready()
    os.kill(child.process.pid or 0, signal.SIGKILL)
    await child.until(lambda: bool(child.lost))
    assert len(child.lost) == 1
    assert "signal SIGKILL" in child.lost[0]
    child.process.post(OpenLeg(1, 1, True))
    await child.process.stop()
    assert len(child.lost) == 1


async def test_a_worker_that_breaks_leaves_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    child = Child()
    await child.start()
    await child.until_ready()
    child.process.post(OpenLeg(1, CRASH, True))
    await child.until(lambda: bool(child.lost))
    await child.process.stop()
    assert "status 1" in child.lost[0]
    assert "RuntimeError: this plane breaks when asked to" in caplog.text


async def test_a_worker_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hookflash.plane.process.STOP_TIMEOUT", 0.2)
    child = Child()
    await child.start()
    await child.until_ready()
    child.process.post(OpenLeg(1, FREEZE, True))
    await asyncio.to_thread(os.waitid, os.P_PID, child.process.pid or 0, os.WSTOPPED | os.WNOWAIT)
    await child.process.stop()
    assert child.lost == []


async def test_a_worker_that_can_not_use_its_ports_says_why(caplog: pytest.LogCaptureFixture) -> None:
    child = Child(command=WORKER_COMMAND, arguments=PlaneOptions(first_port=5, last_port=6).arguments())
    await child.start()
    await child.until(lambda: bool(child.lost))
    assert "status 1" in child.lost[0]
    assert "RTP ports 6-6" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_command_that_does_not_exist_is_an_os_error() -> None:
    with pytest.raises(OSError):
        await Child(command=("/nonexistent/worker",)).start()


def may_come_first() -> bool:
    """Whether a process may raise its priority here; only another one can try, as it lasts."""
    attempt = f"import os; os.setpriority(os.PRIO_PROCESS, 0, {NICENESS})"
    return subprocess.run([sys.executable, "-c", attempt], stderr=subprocess.DEVNULL).returncode == 0


def test_a_worker_does_not_outlive_its_control() -> None:
    """A control process that is killed outright takes its workers with it, though it told them nothing."""
    ours, theirs = socket.socketpair()
    with theirs:
        worker = subprocess.Popen(
            [*FAKE, "--fd", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
        )
    own_niceness = os.getpriority(os.PRIO_PROCESS, 0)
    with worker, ours:
        ours.settimeout(20)
        assert event_reader().feed(ours.recv(1 << 16))[0] == WorkerReady(worker.pid)
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) == (NICENESS if may_come_first() else own_niceness)
        os.kill(worker.pid, signal.SIGTERM)  # control decides, not the process group
        os.kill(worker.pid, signal.SIGINT)
        ours.sendall(pack([OpenLeg(1, 1, True)]))
        assert ours.recv(1 << 16)
        ours.close()
        assert worker.wait(20) == 2
        assert worker.stderr is not None
        assert b"control side" in worker.stderr.read()


CONTROL = """
import asyncio, sys
from hookflash.plane.process import WorkerProcess

async def main(wait, command):
    workers = [WorkerProcess("orphan", ["--host=127.0.0.1", "--legs=48"], command=command) for _ in range(2)]
    ready = [asyncio.Event() for _ in workers]
    for worker, event in zip(workers, ready):
        await worker.start(lambda events, event=event: event.set(), print)
    if wait:
        for event in ready:
            await event.wait()
    print(*(worker.pid for worker in workers), flush=True)
    await asyncio.sleep(3600)

asyncio.run(main(sys.argv[1] == "ready", sys.argv[2:]))
"""


@pytest.mark.parametrize("when", ["ready", "starting"])
@pytest.mark.parametrize("command", [FAKE, WORKER_COMMAND], ids=["fake", "real"])
def test_no_worker_is_left_behind_by_a_killed_control_process(
    when: str, command: Sequence[str], tmp_path: Path
) -> None:
    arguments = [sys.executable, "-c", CONTROL, when, *command]
    empty = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)} if when == "starting" else None
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=empty) as control:
        try:
            assert control.stdout is not None
            workers = [os.pidfd_open(int(pid)) for pid in control.stdout.readline().split()]
        finally:
            control.kill()
    assert len(workers) == 2
    # Also while kernels have to be compiled.
    for worker in workers:
        ended, _, _ = select.select([worker], [], [], 30)
        if not ended:
            signal.pidfd_send_signal(worker, signal.SIGKILL)
        os.close(worker)
        assert ended
