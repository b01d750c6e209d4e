"""The bridge: hearing rules, gains, the limiter and ranks, against plain references."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, sine
from test_plane_tapping import app, say, tap

from hookflash.plane.bridge import MixTable
from hookflash.plane.columns import BLOCK, PAST, WIDE_FRAME, clear_row, make_columns
from hookflash.plane.kernels import mixing
from hookflash.plane.kernels.bands import SIDE, TAPS, widen
from hookflash.plane.kernels.limiting import fit
from hookflash.ports.plane import HearingRule, JoinMix, MuteLeg, OpenLeg, OpenVoice, SetGain, SetHearing

GRAIN = 3
"""What the unit of a gain, 1/4096, makes of 8,000, and rounding."""


def hall(count: int, levels) -> tuple[Bench, list]:
    """App legs 0 to ``count``, each saying a constant, each tapped for what it hears."""
    bench = Bench(jitter_ms=0)
    for leg in range(count):
        app(bench, leg)
    readers = [tap(bench, leg, "heard", leg) for leg in range(count)]
    bench.do(*(OpenVoice(leg, leg) for leg in range(count)))
    for leg, level in enumerate(levels):
        say(bench, leg, np.full(30 * FRAME, level, np.int16))
    return bench, readers


@settings(max_examples=25)
@given(st.data())
def test_any_matrix_is_heard_as_it_says(data):
    count = data.draw(st.integers(2, 14))
    levels = [data.draw(st.integers(-150, 150)) * 8 for _ in range(count)]
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    gains = st.sampled_from([0.0, 0.5, 1.0, 2.0])
    rules = data.draw(st.dictionaries(pairs, gains, max_size=count * count))
    bench, readers = hall(count, levels)
    bench.do(SetHearing(1, tuple(HearingRule(a, b, gain) for (a, b), gain in rules.items())))
    bench.tick(5)
    for listener, reader in enumerate(readers):
        expected = sum(
            level * rules.get((listener, speaker), float(listener != speaker))
            for speaker, level in enumerate(levels)
        )
        assert set(reader.take()[-FRAME:].tolist()) == {int(expected)}
    bench.do(SetHearing(1, ()))
    bench.tick(3)
    for listener, reader in enumerate(readers):
        assert set(reader.take()[-FRAME:].tolist()) == {sum(levels) - levels[listener]}


@pytest.mark.parametrize("change", [SetGain(0, -12.0), SetGain(0, 6.0), MuteLeg(0, True)])
def test_a_change_of_gain_is_a_slope(change):
    bench, readers = hall(2, [8000, 0])
    bench.tick(3)
    readers[1].take()
    bench.do(change)
    bench.tick(2)
    heard = readers[1].take().astype(int)
    target = 0 if isinstance(change, MuteLeg) else 8000 * 10 ** (change.gain_db / 20)
    assert heard[-1] == pytest.approx(target, abs=2)
    assert np.abs(np.diff([8000, *heard])).max() <= GRAIN + abs(8000 - target) / (FRAME // 4)


def test_a_rule_comes_in_by_a_slope():
    bench, readers = hall(2, [8000, 0])
    bench.tick(3)
    readers[1].take()
    bench.do(SetHearing(1, (HearingRule(1, 0, 0.0),)))
    bench.tick(1)
    heard = readers[1].take().astype(int)
    assert heard[-1] == 0
    assert np.abs(np.diff([8000, *heard])).max() <= 200 + GRAIN


def limited(total: np.ndarray, size: int = FRAME) -> tuple[np.ndarray, np.float32]:
    gain, room = np.float32(1.0), np.zeros(320, np.float32)
    out = np.zeros(len(total), np.int16)
    for at in range(0, len(total), size):
        frame = out[at : at + size]
        gain = fit(total[at : at + size].astype(np.int32), size, gain, room, frame)
    return out, gain


@given(st.integers(0, 2**32 - 1), st.integers(1, 400_000))
def test_what_fits_passes_and_nothing_is_clipped(seed, loud):
    total = np.random.default_rng(seed).integers(-loud, loud + 1, 10 * FRAME)
    out, _ = limited(total)
    if loud <= 32767:
        assert np.array_equal(out, total)
    # Turned down, never turned over, and never above what came in.
    assert (np.sign(out) * np.sign(total) >= 0).all()
    assert (np.abs(out.astype(int)) <= np.abs(total)).all()


def test_ten_talkers_are_not_distorted():
    """A loud tone through the limiter keeps its harmonics down; cut off it would not."""
    total = sum(sine(hz, 8000, 9000).astype(int) for hz in (500,) * 10)
    out, gain = limited(total)
    settled = out[4000:].astype(float)
    cut = np.clip(total, -32768, 32767)[4000:].astype(float)

    def harmonics(audio: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(audio))
        first = round(500 * len(audio) / 8000)
        return float(np.sqrt((spectrum[2 * first :: first] ** 2).sum()) / spectrum[first])

    assert harmonics(settled) < 0.01 < 0.2 < harmonics(cut)
    assert gain == pytest.approx(32767 / 90_000, rel=0.05)
    after, gain = limited(np.concatenate([total, np.full(40_000, 1000)]))
    assert gain == 1.0
    assert after[-1] == 1000


def test_the_loudest_four_have_places_that_do_not_flap():
    bench = Bench(jitter_ms=0)
    loud = [1000, 2000, 4000, 500, 8000, 10]
    for leg in range(6):
        app(bench, leg)
        bench.do(OpenVoice(leg, leg))
        say(bench, leg, sine(300, 16000, loud[leg]))
    reader = tap(bench, 0, "said", 4)
    bench.tick(30)
    rank = bench.plane.columns.bridge.rank
    assert rank[:6].tolist() == [4, 3, 2, 0, 1, 0]
    assert reader.rings.rank[20, 0] == 1
    bench.do(SetGain(2, 0.2), SetGain(1, 6.0))
    for _ in range(20):
        bench.tick()
        assert rank[:6].tolist() == [4, 3, 2, 0, 1, 0]
    bench.do(MuteLeg(4, True))
    bench.tick(2)
    assert rank[4] == 0
    assert sorted(rank[:6].tolist()) == [0, 0, 1, 2, 3, 4]


def test_a_leg_that_joins_hears_by_the_rules_of_its_call():
    bench, _ = hall(3, [800, 80, 8])
    bench.do(SetHearing(1, (HearingRule(5, 0, 0.0),)))
    bench.tick(2)
    app(bench, 5)
    reader = tap(bench, 9, "heard", 5)
    bench.do(JoinMix(5))
    bench.tick(2)
    assert reader.take()[-1] == 88


def test_the_loudest_gain_of_the_steepest_voice_stays_a_number():
    """What the filter to 16,000 Hz makes of full scale is more than full scale."""
    columns = make_columns(BLOCK)
    clear_row(columns, 0)
    columns.setup.mix[0] = 0
    columns.bridge.gain[0] = columns.bridge.level[0] = 10.0
    heard = columns.jitter.heard[0]
    signs = np.where(TAPS > 0, 1, -1)
    at = PAST + 40
    heard[at + 1 - SIDE : at + 1 + SIDE] = 32767 * signs
    out = np.zeros(WIDE_FRAME, np.int32)
    mixes = MixTable(columns).mixes
    mixing.wide_voice_of(columns.setup, columns.jitter, columns.wide, columns.bridge, mixes, 0, out)
    plain = np.zeros(WIDE_FRAME, np.int32)
    widen(heard, mixes.room, plain)
    assert np.abs(plain).max() > 65536
    assert np.array_equal(np.sign(out), np.sign(plain))
    assert np.abs(out).max() == 327680


def test_three_hundred_in_one_mix_hear_each_other():
    """Mix-minus of a crowd against the plain sum."""
    count = 300
    levels = np.random.default_rng(5).integers(-40, 41, count)
    bench = Bench(jitter_ms=0, rows=320)
    for leg in range(count):
        app(bench, leg)
    readers = [tap(bench, leg, "heard", leg) for leg in range(count)]
    whole = tap(bench, count, "whole", 1)
    bench.do(*(OpenVoice(leg, leg) for leg in range(count)))
    for leg, level in enumerate(levels):
        say(bench, leg, np.full(10 * FRAME, level, np.int16))
    bench.tick(5)
    for leg, reader in enumerate(readers):
        assert set(reader.take()[-FRAME:].tolist()) == {int(levels.sum() - levels[leg])}
    assert set(whole.take()[-FRAME:].tolist()) == {int(levels.sum())}


def steepest(bench: Bench, reader, *ticks) -> tuple[int, int]:
    """The largest step between samples while the commands of each of ``ticks`` are carried out; the last
    sample."""
    last = reader.take()[-1:].astype(int)
    for commands in ticks:
        bench.do(*commands)
        bench.tick()
    heard = reader.take().astype(int)
    return int(np.abs(np.diff([*last, *heard])).max()), int(heard[-1])


def hear(*gains: float) -> SetHearing:
    """Leg 1 hears legs 0, 2, 3 ... with these gains."""
    speakers = [0, *range(2, len(gains) + 1)]
    return SetHearing(
        1, tuple(HearingRule(1, speaker, gain) for speaker, gain in zip(speakers, gains, strict=True))
    )


@pytest.mark.parametrize("count", [1, 12])
def test_rules_that_change_twice_in_a_tick_are_one_slope(count):
    """By lists (one speaker) and by a matrix (twelve)."""
    level = 8000 // count
    bench, readers = hall(count + 1, [level, 0, *[level] * (count - 1)])
    bench.tick(3)
    total = level * count
    slope = total // (FRAME // 4) + GRAIN * count
    silence, whole = hear(*[0.0] * count), hear(*[1.0] * count)
    assert steepest(bench, readers[1], [silence, whole])[0] <= GRAIN * count
    step, last = steepest(bench, readers[1], [whole, silence])
    assert step <= slope
    assert last == 0
    step, last = steepest(bench, readers[1], [whole, hear(*[0.5] * count)])
    assert step <= slope
    assert last == pytest.approx(total / 2, abs=GRAIN * count)
    assert steepest(bench, readers[1], [hear(*[2.0] * count), SetHearing(1, ())], [])[1] == total


def test_who_joins_while_rules_change_brings_no_step_to_the_others():
    bench, readers = hall(3, [8000, 0, 0])
    bench.tick(3)
    joins = [(OpenLeg(leg, 1, False), JoinMix(leg)) for leg in (9, 10)]
    step, last = steepest(bench, readers[1], [hear(0.0), *joins[0]])
    assert step <= 200 + GRAIN
    assert last == 0
    step, last = steepest(bench, readers[1], [SetHearing(1, ()), *joins[1]])
    assert step <= 200 + GRAIN
    assert last == 8000


@pytest.mark.parametrize("count", [2, 12])
def test_rules_taken_back_leave_nothing_behind(count):
    bench, _ = hall(count + 1, [])
    bench.do(hear(*[0.0] * count))
    bench.tick()
    bridge = bench.plane.columns.bridge
    assert bridge.rules[1] == count or bridge.matrix[1] >= 0
    bench.do(SetHearing(1, ()))
    bench.tick()
    assert not bridge.rules.any()
    assert (bridge.matrix[: count + 1] == -1).all()
    bench.do(hear(0.0, *[1.0] * (count - 1)))
    bench.tick()
    assert bridge.rules[1] == 1


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=2, max_size=11), max_size=3))
)
def test_no_sequence_of_rules_makes_a_step(ticks):
    bench, readers = hall(12, [800, 0, *[800] * 10])
    bench.tick(3)
    # Ten at most change from nothing to twice in a quarter of a frame; each rounds.
    commands = [[hear(*gains) for gains in tick] for tick in ticks[:5]]
    assert steepest(bench, readers[1], *commands, [])[0] <= 11 * 2 * 800 / (FRAME // 4) + 11 * GRAIN
