"""The link: every message survives it, in order, however the bytes are cut; bad peers lose it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.plane import link as link_module
from hookflash.plane.link import (
    MAX_BATCH,
    BatchReader,
    ControlLink,
    LinkError,
    WorkerLink,
    command_reader,
    event_reader,
    pack,
)
from hookflash.ports.plane import (
    CloseLeg,
    ConnectLeg,
    Heartbeat,
    LegOpened,
    LoadClip,
    OpenLeg,
    PlaneCommand,
    PlaneEvent,
    SendTones,
    Shutdown,
    StartPlay,
    StopPlay,
    ToneHeard,
)

COMMANDS: list[PlaneCommand] = [
    OpenLeg(1, 7, True),
    ConnectLeg(1, "127.0.0.1", 4000, 0, "PCMU", 101, True, False),
    LoadClip(3, bytes(range(256)) * 4),
    StartPlay(9, (1, 2), (3,), loop=True, more=False),
    StartPlay(10, (1,), (3,), loop=False, more=False, until_key=1),
    StopPlay(10),
    SendTones(4, 1, "0*#A", 120, 80),
    CloseLeg(1),
    Shutdown(),
]
EVENTS: list[PlaneEvent] = [LegOpened(1, 40000), ToneHeard(1, "5", "rfc4733", 12), Heartbeat(50, 1, 0.5, 2.0)]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    a, b = socket.socketpair()
    yield a, b
    a.close()
    b.close()


@given(st.lists(st.sampled_from(COMMANDS), max_size=20), st.lists(st.integers(1, 400), max_size=30))
def test_commands_survive_any_cutting(commands: list[PlaneCommand], cuts: list[int]) -> None:
    stream = b"".join(pack(commands[at : at + 3]) for at in range(0, len(commands), 3))
    reader = command_reader()
    got: list[PlaneCommand] = []
    for cut in cuts:
        got += reader.feed(stream[:cut])
        stream = stream[cut:]
    got += reader.feed(stream)
    assert got == commands


def test_events_survive() -> None:
    assert event_reader().feed(pack(EVENTS)) == EVENTS


@pytest.mark.parametrize(
    "stream",
    [
        struct.pack(">I", MAX_BATCH + 1),
        struct.pack(">I", 3) + b"abc",
        struct.pack(">I", 1) + b"\xc1",
        pack(EVENTS),
    ],
)
def test_a_stream_that_makes_no_sense_is_an_error(stream: bytes) -> None:
    with pytest.raises(LinkError):
        command_reader().feed(stream)


@given(st.binary(max_size=200))
def test_garbage_never_raises_anything_else(garbage: bytes) -> None:
    reader: BatchReader[PlaneCommand] = command_reader()
    with contextlib.suppress(LinkError):
        reader.feed(struct.pack(">I", len(garbage)) + garbage)


def test_a_batch_over_the_limit_is_not_sent() -> None:
    with pytest.raises(LinkError, match="the link takes"):
        pack([LoadClip(1, bytes(MAX_BATCH + 1))])


def test_worker_reads_what_is_there_and_never_waits(pair: tuple[socket.socket, socket.socket]) -> None:
    control, theirs = pair
    link = WorkerLink(theirs)
    assert link.receive() == []
    control.sendall(pack(COMMANDS[:2]) + pack(COMMANDS[2:])[:-1])
    assert link.receive() == COMMANDS[:2]
    control.sendall(pack(COMMANDS[2:])[-1:])
    assert link.receive() == COMMANDS[2:]


def test_worker_notices_that_control_is_gone(pair: tuple[socket.socket, socket.socket]) -> None:
    control, theirs = pair
    link = WorkerLink(theirs)
    control.close()
    with pytest.raises(LinkError, match="closed"):
        link.receive()
    with pytest.raises(LinkError, match="gone"):
        link.send(EVENTS)


def test_worker_keeps_what_control_does_not_read_up_to_a_limit(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "WORKER_BACKLOG", 100_000)
    control, theirs = pair
    link = WorkerLink(theirs)

    def send_for_ever() -> None:
        for _ in range(1_000):
            link.send(EVENTS * 500)

    with pytest.raises(LinkError, match="unread"):
        send_for_ever()
    reader = event_reader()
    control.setblocking(False)
    got: list[PlaneEvent] = []
    try:
        while True:
            got += reader.feed(control.recv(1 << 20))
    except BlockingIOError:
        pass
    assert got[: len(EVENTS)] == EVENTS


class Ear:
    """What a ControlLink reported."""

    def __init__(self) -> None:
        self.events: list[PlaneEvent] = []
        self.lost: list[str] = []
        self.changed = asyncio.Event()
        self.link = ControlLink(self.on_events, self.on_lost)

    def on_events(self, events: Sequence[PlaneEvent]) -> None:
        self.events += events
        self.changed.set()

    def on_lost(self, reason: str) -> None:
        self.lost.append(reason)
        self.changed.set()

    async def change(self) -> None:
        async with asyncio.timeout(5):
            await self.changed.wait()
        self.changed.clear()


async def read_commands(sock: socket.socket, count: int) -> list[PlaneCommand]:
    sock.setblocking(False)
    reader = command_reader()
    got: list[PlaneCommand] = []
    async with asyncio.timeout(5):
        while len(got) < count:
            got += reader.feed(await asyncio.get_running_loop().sock_recv(sock, 1 << 20))
    return got


async def test_control_sends_in_order_and_hears(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ear = Ear()
    ear.link.post(COMMANDS[0])  # before the link is up: kept
    await ear.link.attach(ours)
    for command in COMMANDS[1:]:
        ear.link.post(command)
    assert await read_commands(theirs, len(COMMANDS)) == COMMANDS
    theirs.sendall(pack(EVENTS))
    await ear.change()
    assert ear.events == EVENTS
    ear.link.close()
    assert ear.lost == []


async def test_commands_of_one_moment_leave_as_one_batch(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ear = Ear()
    await ear.link.attach(ours)
    for leg in range(100):
        ear.link.post(CloseLeg(leg))
    await asyncio.sleep(0)
    data = theirs.recv(1 << 16)
    assert struct.unpack(">I", data[:4])[0] == len(data) - 4
    assert len(msgspec.msgpack.decode(data[4:])) == 100
    ear.link.close()


async def test_stopping_a_play_does_not_wait_for_the_next_batch(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    theirs.setblocking(False)
    ear = Ear()
    await ear.link.attach(ours)
    ear.link.post(CloseLeg(1))
    await asyncio.sleep(0)
    assert theirs.recv(1 << 16) == pack([CloseLeg(1)])
    ear.link.post(CloseLeg(2))
    await asyncio.sleep(0)
    with pytest.raises(BlockingIOError):
        theirs.recv(1 << 16)
    # What was posted before goes with it, in order.
    ear.link.post(StopPlay(3))
    ear.link.post(StopPlay(4))
    await asyncio.sleep(0)
    assert theirs.recv(1 << 16) == pack([CloseLeg(2), StopPlay(3), StopPlay(4)])
    ear.link.close()


async def test_control_loses_a_worker_that_closes_or_babbles(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    ear = Ear()
    await ear.link.attach(ours)
    theirs.sendall(struct.pack(">I", 3) + b"abc")
    await ear.change()
    assert len(ear.lost) == 1
    assert "can not be read" in ear.lost[0]
    ear.link.post(COMMANDS[0])  # ignored
    ear.link.close()

    ours, theirs = socket.socketpair()
    ear = Ear()
    await ear.link.attach(ours)
    theirs.close()
    await ear.change()
    assert ear.lost == ["its link was closed"]
    await ear.link.writable()


async def test_control_gives_up_a_worker_that_does_not_read(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "CONTROL_BACKLOG", 8 << 20)
    ours, _ = pair
    ear = Ear()
    await ear.link.attach(ours)
    for clip in range(12):
        ear.link.post(LoadClip(clip, bytes(1 << 20)), audio=1 << 20)
    assert len(ear.lost) == 1
    assert "unread" in ear.lost[0]


async def test_audio_waits_for_a_slow_worker(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    ear = Ear()
    await ear.link.attach(ours)
    clips = 0
    waiting: asyncio.Task[None] | None = None
    while waiting is None or waiting.done():
        ear.link.post(LoadClip(clips, bytes(1 << 20)), audio=1 << 20)
        clips += 1
        assert clips < 20
        waiting = asyncio.create_task(ear.link.writable())
        await asyncio.sleep(0)
    assert len(await read_commands(theirs, clips)) == clips
    await asyncio.wait_for(waiting, 5)
    ear.link.close()
