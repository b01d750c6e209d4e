"""Listeners over rings the tests fill: blocks out of rings that wrap, with lost frames, of many sources."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ring_worker import Worker

from hookflash.plane.audio_desk import AudioDesk
from hookflash.plane.block_listener import BlockListener
from hookflash.plane.buffers import MAX_BUFFERS, Buffers
from hookflash.plane.listeners import BLOCK, TapListener
from hookflash.plane.rings import LOOK, TAP_FRAMES
from hookflash.ports.audio import Said, Whole
from hookflash.ports.plane import OpenTap

SOURCES = (Whole(1), Said(2), Said(3))


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_blocks_hold_every_frame_at_its_tick(data) -> None:
    worker = Worker(data.draw(st.sampled_from([8_000, 16_000])))
    expected: dict[object, dict[int, np.ndarray]] = {source: {} for source in SOURCES}
    room: dict[object, int] = {}
    lost = 0

    def flushed() -> None:
        room.update(dict.fromkeys(room, TAP_FRAMES))

    for _ in range(data.draw(st.integers(1, 8))):
        match data.draw(st.sampled_from(["run", "run", "flush", "add", "remove"])):
            case "run":
                count = data.draw(st.integers(1, TAP_FRAMES + 30))
                for tick in range(worker.tick + 1, worker.tick + 1 + count):
                    for source in room:
                        if room[source] > 0:
                            expected[source][tick] = worker.frame(tick, worker.tap(source))
                            room[source] -= 1
                        else:
                            lost += 1
                worker.run(count)
            case "flush":
                worker.listener.flush()
                flushed()
            case "add":
                source = data.draw(st.sampled_from(SOURCES))
                worker.listener.add(source)
                room.setdefault(source, TAP_FRAMES)
            case "remove":
                source = data.draw(st.sampled_from(SOURCES))
                if source in room:
                    worker.listener.remove(source)
                    flushed()
                    del room[source]
    worker.listener.flush()
    heard: dict[object, dict[int, np.ndarray]] = {source: {} for source in SOURCES}
    for first, count, frames in worker.blocks:
        for source, block in frames.items():
            assert block.shape == (count * worker.size,)
            for n, frame in enumerate(block.reshape(count, worker.size)):
                assert first + n not in heard[source]
                heard[source][first + n] = frame
    for source in SOURCES:
        for tick, frame in heard[source].items():
            assert np.array_equal(frame, expected[source].pop(tick, np.zeros(worker.size, np.int16)))
        assert not expected[source], "frames have gone astray"
    assert [first for first, _, _ in worker.blocks] == sorted(first for first, _, _ in worker.blocks)
    assert worker.shelf.lost == lost


def test_a_ring_that_wraps_gives_one_block() -> None:
    worker = Worker()
    worker.listener.add(Whole(1))
    for _ in range(7):
        worker.run(50)
        worker.listener.flush()
    assert [(first, count) for first, count, _ in worker.blocks] == [(50 * n, 50) for n in range(7)]
    whole = np.concatenate([frames[Whole(1)] for _, _, frames in worker.blocks])
    assert np.array_equal(whole, np.concatenate([worker.frame(tick, 0) for tick in range(350)]))
    # What was handed over is a copy: the worker has written over its place long since.
    assert not np.shares_memory(worker.blocks[0][2][Whole(1)], worker.rings.frames)


def test_lost_frames_part_the_blocks() -> None:
    worker = Worker()
    worker.listener.add(Whole(1))
    worker.run(TAP_FRAMES + 9)
    # As if the listener had looked and been handed three frames.
    worker.rings.read[0] = 3
    worker.run(2)
    worker.listener.flush()
    assert [(first, count) for first, count, _ in worker.blocks] == [(3, TAP_FRAMES - 3), (TAP_FRAMES + 9, 2)]
    assert np.array_equal(worker.blocks[1][2][Whole(1)][worker.size :], worker.frame(TAP_FRAMES + 10, 0))
    assert worker.shelf.lost == 9


def test_the_tick_that_is_being_written_waits() -> None:
    worker = Worker()
    for source in SOURCES[:2]:
        worker.listener.add(source)
    worker.run(10)
    worker.write(worker.tap(SOURCES[0]), 10)
    worker.listener.flush()
    assert [(first, count) for first, count, _ in worker.blocks] == [(0, 10)]
    worker.write(worker.tap(SOURCES[1]), 10)
    worker.rings.tick[0] = worker.tick = 10
    worker.listener.flush()
    assert worker.blocks[1][:2] == (10, 1)
    assert set(worker.blocks[1][2]) == set(SOURCES[:2])
    worker.listener.flush()
    assert len(worker.blocks) == 2


def test_those_who_may_wait_look_in_turn_and_need_no_word_of_every_tick() -> None:
    worker = Worker()
    others = [
        BlockListener(worker.shelf, 16_000, worker.take, lambda reason: None)
        for _ in range(2 * BLOCK // LOOK - 1)
    ]
    for listener in (worker.listener, *others):
        listener.add(Whole(1))
    assert all(isinstance(command, OpenTap) and command.patient for command in worker.posted)
    looks: list[int] = []
    for _ in range(2 * BLOCK):
        worker.tick += 1
        for tap in worker.shelf.by_tap:
            worker.write(tap, worker.tick)
        worker.rings.tick[0] = worker.tick
        if worker.tick % LOOK == 0:
            before = len(worker.blocks)
            worker.shelf.tapped(worker.tick)
            looks.append(len(worker.blocks) - before)
    assert looks == [2] * (2 * BLOCK // LOOK)
    assert max(count for _, count, _ in worker.blocks) == BLOCK
    assert not worker.rings.lost.any()


@pytest.mark.parametrize("patient", [False, True])
def test_only_those_who_may_wait_are_patient(patient: bool) -> None:
    worker = Worker()
    kind = BlockListener if patient else TapListener
    listener = kind(worker.shelf, 8_000, lambda *heard: None, lambda reason: None)
    listener.add(Said(4))
    assert worker.posted == [OpenTap(0, "said", 4, False, 8_000, patient)]


def test_the_array_of_a_block_is_used_again_only_when_nobody_has_it() -> None:
    worker = Worker()
    worker.listener.add(Whole(1))
    for _ in range(3):
        worker.run(20)
        worker.listener.flush()
    arrays = [frames[Whole(1)] for _, _, frames in worker.blocks]
    for n, array in enumerate(arrays):
        assert np.array_equal(array[: worker.size], worker.frame(20 * n, 0))
        assert not any(np.shares_memory(array, other) for other in arrays[:n])
    # A view of a view is enough to keep it.
    kept = arrays[1].reshape(-1, 2)[5:]
    was, places = kept.copy(), {array.ctypes.data for array in (arrays[0], arrays[2])}
    del array, arrays
    worker.blocks.clear()
    worker.run(40)
    worker.listener.flush()
    worker.run(20)
    worker.listener.flush()
    assert {frames[Whole(1)].ctypes.data for _, _, frames in worker.blocks} == places
    assert np.array_equal(kept, was)


def test_no_more_arrays_are_kept_than_allowed() -> None:
    buffers = Buffers(100)
    held = [buffers.take(100) for _ in range(MAX_BUFFERS + 3)]
    assert len({array.ctypes.data for array in held}) == MAX_BUFFERS + 3
    assert len(buffers.take(101)) == 101
    del held
    assert buffers.kept == MAX_BUFFERS


def test_what_a_worker_wrote_before_it_died_is_handed_over() -> None:
    worker, said = Worker(), []
    desk = AudioDesk(lambda call: worker.seat, lambda leg: worker.seat, lambda leg: False)
    worker.listener = desk.listen_in_blocks(1, 16_000, worker.take, said.append)
    worker.listener.add(Whole(1))
    worker.run(30)
    desk.seat_lost(worker.seat, "it was killed")
    assert [(first, count) for first, count, _ in worker.blocks] == [(0, 30)]
    assert said == ["the media worker is gone: it was killed"]


def test_turns_that_were_passed_over_are_made_up_for() -> None:
    worker = Worker()
    others = [BlockListener(worker.shelf, 16_000, worker.take, lambda reason: None) for _ in range(9)]
    for listener in (worker.listener, *others):
        listener.add(Whole(1))
    for tick in range(2 * BLOCK):
        worker.tick = tick
        for tap in worker.shelf.by_tap:
            worker.write(tap, tick)
        worker.rings.tick[0] = tick
        # Ten ticks of eleven are not told of.
        if tick % 11 == 0:
            worker.shelf.tapped(tick)
    assert not worker.rings.lost.any()
    assert {count for _, count, _ in worker.blocks[10:]} <= set(range(BLOCK - 11, BLOCK + 12))
    assert len(worker.blocks) == 20 - (BLOCK % 11 == 0)
