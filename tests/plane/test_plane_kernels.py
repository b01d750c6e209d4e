"""Kernels in their plain form: whole scenes run without the compiler do what the compiled ones do."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import test_plane_dtmf
import test_plane_pipeline
import test_plane_receive
import test_plane_rfc4733
from plane_bench import CODES, FRAME, Bench, a_to_linear, linear, sine

from hookflash.plane import bridge, core, plays, taptable
from hookflash.plane import columns as columns_module
from hookflash.plane.columns import BLOCK, Rows, RowsExhausted, clear_row, make_columns
from hookflash.plane.kernels import (
    codec,
    dtmf,
    gathering,
    ingest,
    mixing,
    output,
    playing,
    playout,
    ranking,
    tapping,
    tones,
    voicing,
)
from hookflash.plane.kernels.compiling import cache_folder
from hookflash.plane.plays import Pool, PoolFull
from hookflash.plane.warmup import warm_up
from hookflash.ports.plane import JoinMix, SendTones, StopPlay

MODULES = (
    bridge,
    codec,
    core,
    dtmf,
    gathering,
    ingest,
    mixing,
    output,
    playing,
    playout,
    ranking,
    tapping,
    taptable,
    tones,
    voicing,
)


@pytest.fixture
def plain(monkeypatch):
    """Kernels as ordinary functions, everywhere they are called."""
    # What is compiled later would find plain functions where it expects kernels.
    warm_up()
    for module in MODULES:
        for name, value in inspect.getmembers(module, lambda v: hasattr(v, "py_func")):
            monkeypatch.setattr(module, name, value.py_func)


def scene():
    """A bit of everything; what left, what was told, and the columns after it."""
    bench = Bench(seed=3)
    phones = [bench.leg(1), bench.leg(2, event=-1, codec="PCMA", kind=8), bench.leg(3)]
    phones[1].kind = 8
    bench.do(JoinMix(1), JoinMix(2), JoinMix(3))
    bench.play(1, sine(500, 900), (1,), loop=True)
    bench.play(2, sine(800, 300), (1, 2))
    bench.play(3, sine(800, 300), (2,), more=True)
    bench.play(4, [], (2,), loop=True)
    bench.do(SendTones(1, 1, "1D", 60, 60), SendTones(2, 2, "5#", 50, 50))
    key = sine(770, 1600, 6000) + sine(1336, 1600, 6000)
    for t in range(60):
        if t == 12:
            phones[0].skip()
        elif t == 20:
            phones[0].time += 80000
        elif t != 30:
            phones[0].say(key[:FRAME] if t > 40 else sine(300, FRAME))
        if t < 20:
            phones[1].say(sine(350, FRAME, 20000))
        if 5 < t < 15:
            phones[2].say(key[(t - 6) * FRAME :][:FRAME])
        if t == 25:
            for tick in phones[2].press("9"):
                for packet in tick:
                    phones[2].raw(packet)
                    phones[2].raw(packet)
        if t == 27:
            phones[2].raw(b"\x80\x00junk")
            phones[2].ssrc += 1000
        if t == 28:
            phones[2].time -= 4000
            for _ in range(6):
                phones[2].say(key[:FRAME])
        if t == 35:
            bench.do(StopPlay(1))
            bench.connect(3, "198.51.100.3", 4000, sending=False)
        bench.tick()
    state = [array.copy() for group in bench.plane.columns for array in group]
    return [bench.sent(n) for n in (1, 2, 3)], bench.events, state


def test_a_scene_is_the_same_without_the_compiler(request):
    fast = scene()
    request.getfixturevalue("plain")
    slow = scene()
    assert slow[1] == fast[1]
    for ours, theirs, form in zip(slow[0], fast[0], (linear, a_to_linear, linear), strict=True):
        assert [replace(p, payload=b"") for p in ours] == [replace(p, payload=b"") for p in theirs]
        for p, q in zip(ours, theirs, strict=True):
            # Concealment rounds differently without fast arithmetic: a code or two beside.
            assert np.allclose(form(p.payload), form(q.payload), rtol=0.08, atol=64)
    for a, b in zip(slow[2], fast[2], strict=True):
        assert np.allclose(a, b, atol=1)


SCENES = (
    test_plane_rfc4733.test_a_press_longer_than_the_duration_field_is_one_key,
    test_plane_rfc4733.test_packets_out_of_order_tell_no_key_twice,
    test_plane_rfc4733.test_other_events_are_not_keys,
    test_plane_rfc4733.test_a_leg_on_hold_waits_with_its_keys,
    test_plane_dtmf.test_a_key_heard_both_ways_is_one,
    test_plane_receive.test_headers_with_csrc_extension_and_padding_are_read,
    test_plane_receive.test_other_payload_types_and_comfort_noise_are_not_audio,
    test_plane_receive.test_a_sender_that_stops_fades_to_silence_and_resumes_later,
    test_plane_receive.test_a_restarted_sequence_is_not_loss,
    test_plane_receive.test_a_leg_that_does_not_receive_hears_nothing_but_is_not_backlogged,
    test_plane_pipeline.test_a_loop_repeats_and_stop_fades,
    test_plane_pipeline.test_three_parties_hear_the_other_two,
)


@pytest.mark.parametrize("what", SCENES, ids=lambda f: f.__name__.removeprefix("test_"))
def test_behaviour_does_not_depend_on_the_compiler(what, plain):
    what()


@pytest.mark.parametrize("jump", [5 * 8000, -5 * 8000, 2**31, 600, -3000])
def test_jumps_are_followed_without_the_compiler(jump, plain):
    test_plane_receive.test_a_jump_in_time_is_followed(jump)


def test_numbers_wrap_without_the_compiler(plain):
    test_plane_receive.test_numbers_wrap_unheard("PCMU", 65530, 2**32 - 500)


def test_the_plane_is_deterministic():
    first, second = scene(), scene()
    assert first[:2] == second[:2]


def test_all_sixteen_keys_have_their_tones():
    grid = ["123A", "456B", "789C", "*0#D"]
    for r, line in enumerate(grid):
        for c, key in enumerate(line):
            code = CODES.index(key)
            assert tones.ROWS[code] == dtmf.TONES[r]
            assert tones.COLUMNS[code] == dtmf.TONES[4 + c]
            assert dtmf.KEY_CODES[r * 4 + c] == code


def test_rows_grow_in_blocks_and_the_lowest_goes_first():
    rows = Rows(100)
    assert (rows.limit, rows.used) == (144, 0)
    taken = [rows.take() for _ in range(BLOCK + 1)]
    assert taken == list(range(BLOCK + 1))
    assert rows.used == 2 * BLOCK
    for row in (7, 3, 40):
        rows.give(row)
    assert [rows.take() for _ in range(3)] == [3, 7, 40]
    for row in taken:
        rows.give(row)
    assert (rows.used, rows.taken) == (0, 0)
    for _ in range(144):
        rows.take()
    with pytest.raises(RowsExhausted, match="144"):
        rows.take()
    with pytest.raises(ValueError, match="0"):
        Rows(0)


def test_a_cleared_row_is_fresh_in_every_column():
    columns = make_columns(BLOCK)
    for group in columns:
        for array in group:
            array[:] = 1
    clear_row(columns, 5)
    clear_row(columns, 6)
    assert columns.jitter.ring[5, 0] == columns_module.MISSING
    assert columns.receive.ssrc[5] == -1
    assert columns.setup.mix[5] == -1
    assert all(np.array_equal(array[5], array[6]) for group in columns for array in group)
    assert all(array[4].any() for group in columns for array in group)


def test_the_pool_gives_back_and_joins_and_runs_out():
    pool = Pool(100)
    places = [pool.take(30) for _ in range(3)]
    assert places == [0, 30, 60]
    pool.give(0, 30)
    pool.give(60, 30)
    with pytest.raises(PoolFull, match="50 samples: 70 of 100 are free, none so many in a row"):
        pool.take(50)
    pool.give(30, 30)
    pool.give(5, 0)
    assert pool.take(100) == 0
    with pytest.raises(PoolFull):
        pool.take(1)


def test_the_pool_never_moves_and_gives_its_pages_back():
    pool = Pool()
    place = pool.samples.ctypes.data
    start = [pool.take(1 << 20) for _ in range(3)][1]
    pool.samples[: 3 << 20] = 7
    pool.give(start + 5, (1 << 20) - 9)
    assert pool.samples.ctypes.data == place
    # A page that was given back reads as zeros; what shares a page with others is left alone.
    assert pool.samples[start + 5 : start + (1 << 20) - 4].mean() < 0.1
    assert (pool.samples[:start] == 7).all()
    assert (pool.samples[start : start + 5] == 7).all()
    assert (pool.samples[start + (1 << 20) - 4 : 3 << 20] == 7).all()


def test_a_pool_is_as_large_as_the_system_promises(monkeypatch):
    real = plays.mmap.mmap

    def poor(number, size, **options):
        if size > 4 << 20:
            raise OSError(12, "Cannot allocate memory")
        return real(number, size, **options)

    monkeypatch.setattr(plays.mmap, "mmap", poor)
    assert Pool(16 << 20).size == 2 << 20
    monkeypatch.setattr(plays, "LEAST", 8 << 20)
    with pytest.raises(OSError, match="Cannot allocate"):
        Pool(16 << 20)


def test_the_cache_of_kernels_moves_with_the_environment(monkeypatch, tmp_path):
    before = cache_folder()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert cache_folder().startswith(str(tmp_path))
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() != before
    assert cache_folder().rsplit("/", 1)[1] == before.rsplit("/", 1)[1]


def test_warm_up_runs():
    Bench().plane.warm_up()


def test_nothing_is_compiled_after_warm_up():
    """A kernel compiled in the middle of a call would hold up everybody's audio for seconds."""
    program = Path(__file__).with_name("lazy_compiling.py")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
