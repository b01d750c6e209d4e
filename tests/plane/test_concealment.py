"""What is made up for missing audio, splices, and comfort noise, each against what it is meant to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, sine

from hookflash.plane.columns import BLOCK, MISSING, PAST, RING, TAKE, clear_row, make_columns
from hookflash.plane.kernels.conceal import GONE, LONGEST, RETURN, conceal, find_period
from hookflash.plane.kernels.noise import OVERLOAD, make_noise
from hookflash.plane.kernels.playout import SEARCHES, URGENT, make_budget, make_flat, make_line, take
from hookflash.plane.kernels.splice import OVERLAP, splice
from hookflash.ports.plane import ConnectLeg


def columns_of_one():
    columns = make_columns(BLOCK)
    clear_row(columns, 0)
    return columns


def conceal_whole(sound, missing, scale, form=conceal, searches=SEARCHES):
    """A sound frame by frame through concealment, with the samples ``missing`` left out; also the columns."""
    c = columns_of_one()
    holed = np.where(missing, MISSING, sound).astype(np.int16)
    past, frame = PAST * scale, FRAME * scale
    line, flat, budget = make_line(), make_flat(), make_budget()
    before = np.zeros(past, np.int16)
    out = []
    for at in range(0, len(sound), frame):
        line[:past] = before
        line[past : past + frame] = holed[at : at + frame]
        budget[0] = searches
        form(c.jitter, c.quality, 0, line, flat, past + frame, scale, False, budget)
        out.append(line[past : past + frame].copy())
        before = line[frame : past + frame].copy()
    return np.concatenate(out), c


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    least=st.integers(20, 60),
    more=st.integers(1, 100),
    pitch=st.integers(20, 160),
    noise=st.floats(1, 3000),
)
def test_the_period_is_the_most_alike(seed, least, more, pitch, noise):
    source = np.random.default_rng(seed)
    flat = (np.tile(source.normal(0, 3000, pitch), 40)[:PAST] + source.normal(0, noise, PAST)).astype(
        np.float32
    )
    most = least + more
    found, likeness = find_period(flat, PAST, least, most, FRAME)
    x = flat.astype(float)
    now = x[PAST - FRAME :]
    alike = {}
    for lag in range(least, most + 1):
        then = x[PAST - FRAME - lag : PAST - lag]
        alike[lag] = (now * then).sum() / np.sqrt((now**2).sum() * (then**2).sum())
    assert likeness == pytest.approx(alike[found], abs=1e-3)
    assert likeness >= max(alike.values()) - 0.005 * len(alike) ** 0.5 - 2e-3


@settings(max_examples=40, deadline=None)
@given(
    hz=st.floats(80, 600),
    begin=st.integers(800, 1200),
    length=st.integers(1, 900),
    scale=st.sampled_from([1, 2]),
)
def test_a_tone_goes_on_fades_and_comes_back_without_a_click(hz, begin, length, scale):
    n = np.arange(2400 * scale)
    sound = np.round(8000 * np.sin(2 * np.pi * hz * n / (8000 * scale))).astype(np.int16)
    missing = (n >= begin * scale) & (n < (begin + length) * scale)
    heard, c = conceal_whole(sound, missing, scale)
    step = 2 * np.pi * hz / (8000 * scale) * 8000
    assert np.abs(np.diff(heard.astype(int))).max() <= 1.2 * step + 8000 / (RETURN * scale) + 40
    # The first 5 ms are almost what was lost, while it is not faded.
    early = slice(begin * scale, (begin + min(length, 40)) * scale)
    assert np.abs(heard[early].astype(int) - sound[early]).max() <= 0.3 * 8000
    end = (begin + length) * scale
    assert np.array_equal(heard[: begin * scale], sound[: begin * scale])
    assert np.array_equal(heard[end + RETURN * scale :], sound[end + RETURN * scale :])
    assert not heard[(begin + GONE) * scale : end].any()
    assert abs(int(c.quality.concealed[0]) - min(length, GONE)) <= 6


def test_noise_goes_on_as_noise_and_does_not_buzz():
    source = np.random.default_rng(2)
    sound = np.round(source.normal(0, 1000, 2400)).astype(np.int16)
    missing = np.zeros(2400, bool)
    missing[1000:1480] = True
    heard, _ = conceal_whole(sound, missing, 1)
    made = heard[1000:1320].astype(float)
    lags = [np.corrcoef(made[:-lag], made[lag:])[0, 1] for lag in range(30, 160)]
    assert max(lags) < 0.6
    assert 300 < made[:160].std() < 1300


def test_silence_stays_silence():
    sound = np.zeros(1600, np.int16)
    missing = np.zeros(1600, bool)
    missing[500:900] = True
    heard, _ = conceal_whole(sound, missing, 1)
    assert not heard.any()


def test_without_a_search_what_was_heard_goes_on_and_fades():
    sound = sine(250, 1600, 5000)
    missing = np.zeros(1600, bool)
    missing[800:1400] = True
    heard, _ = conceal_whole(sound, missing, 1, searches=0)
    assert np.abs(heard[800:960]).max() > 3000
    assert np.abs(np.diff(heard.astype(int))).max() < 1.3 * np.abs(np.diff(sound.astype(int))).max()
    assert not heard[800 + GONE : 1400].any()


def test_searches_of_a_tick_are_bounded_whatever_is_missing():
    c, legs, (line, flat, budget) = many_legs(SEARCHES + 60), SEARCHES + 60, work()
    served = np.zeros(legs, bool)
    for tick in range(4):
        c.jitter.hidden[:legs] = 0
        c.jitter.ring[:] = MISSING
        c.jitter.heard[:] = sine(100, PAST + FRAME, 5000)
        c.jitter.period[:legs] = 0
        c.jitter.time[:legs], c.jitter.newest[:legs] = 0, 320
        c.jitter.base[:legs] = tick * FRAME - 480
        take(c.setup, c.jitter, c.wide, c.quality, c.detect.near, line, flat, budget, legs, tick)
        searched = c.jitter.period[:legs] != LONGEST
        assert budget[0] == 0
        assert searched.sum() == SEARCHES
        assert (c.jitter.period[:legs][~searched] == LONGEST).all()
        served |= searched
    assert served.all()


def test_splices_wait_for_their_turn():
    c, legs, (line, flat, budget) = many_legs(SEARCHES + 60), SEARCHES + 60, work()
    sound = sine(100, RING, 5000)
    for tick in range(3):
        c.jitter.ring[:, :RING] = sound
        c.jitter.heard[:] = sine(100, PAST + FRAME, 5000)
        c.jitter.newest[:legs] = c.jitter.time[:legs] + 2000
        take(c.setup, c.jitter, c.wide, c.quality, c.detect.near, line, flat, budget, legs, tick)
        assert 0 < (c.quality.stretched[:legs] > 0).sum() <= SEARCHES * (tick + 1)
        assert budget[0] == 0
    assert (c.quality.stretched[:legs] > 0).all()


@pytest.mark.parametrize(("lag", "spliced"), [(URGENT - 100, False), (URGENT + 100, True)])
def test_no_splice_is_made_in_what_may_be_a_key_unless_it_is_urgent(lag, spliced):
    c, (line, flat, budget) = many_legs(2), work()
    c.detect.near[0] = 5
    c.jitter.target[:2] = 0
    c.jitter.ring[:, :RING] = sine(100, RING, 5000)
    c.jitter.heard[:] = sine(100, PAST + FRAME, 5000)
    c.jitter.newest[:2] = c.jitter.time[:2] + 2000
    c.jitter.base[:2] = -c.jitter.time[:2] - lag
    take(c.setup, c.jitter, c.wide, c.quality, c.detect.near, line, flat, budget, 2, 0)
    assert (c.quality.stretched[:2] > 0).tolist() == [spliced, True]
    c.detect.near[0] = -1
    c.jitter.newest[:2] = c.jitter.time[:2] + 2000
    c.jitter.base[:2] = FRAME - c.jitter.time[:2] - lag
    take(c.setup, c.jitter, c.wide, c.quality, c.detect.near, line, flat, budget, 2, 1)
    assert (c.quality.stretched[:2] > 0).all()


def work():
    return make_line(), make_flat(), make_budget()


def many_legs(legs):
    """Narrowband legs that play, with a lag of 100 ms too much."""
    columns = make_columns(legs)
    for row in range(legs):
        clear_row(columns, row)
    columns.setup.open[:legs] = 1
    columns.setup.wide[:legs] = -1
    columns.jitter.silent[:legs] = 0
    columns.jitter.playing[:legs] = 1
    columns.jitter.target[:legs] = 480
    columns.jitter.base[:legs] = -1280
    return columns


def test_concealment_does_not_depend_on_the_compiler():
    sound = sine(220, 960, 5000)
    missing = np.zeros(960, bool)
    missing[500:720] = True
    fast, _ = conceal_whole(sound, missing, 1)
    plain, _ = conceal_whole(sound, missing, 1, conceal.py_func)
    assert np.abs(fast.astype(int) - plain).max() <= 2


def plain_splice(line, units, scale):
    """Every place tried, the best one faded over."""
    past, frame, overlap, jump = PAST * scale, FRAME * scale, OVERLAP * scale, units * scale
    x = line.astype(float)
    last = past + frame - overlap + min(jump, 0)
    places = list(range(past, last + 1, 10 * scale))
    misses = [((x[p : p + overlap] - x[p + jump : p + jump + overlap]) ** 2).mean() for p in places]
    at = places[int(np.argmin(misses))]
    share = (np.arange(overlap) + 1) / (overlap + 1)
    faded = x[at : at + overlap] * (1 - share) + x[at + jump : at + jump + overlap] * share
    joined = np.concatenate([x[past:at], faded, x[at + overlap + jump : past + frame + jump]])
    return joined, sorted(misses)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    units=st.integers(-80, 80).filter(bool),
    scale=st.sampled_from([1, 2]),
)
def test_a_splice_joins_where_it_fits_best(seed, units, scale):
    source = np.random.default_rng(seed)
    line = np.zeros(2 * (PAST + TAKE), np.int16)
    line[:] = np.round(source.normal(0, 4000, len(line)).clip(-20000, 20000))
    expected, _ = plain_splice(line, units, scale)
    assert len(expected) == FRAME * scale
    for form in (splice, splice.py_func):
        done = line.copy()
        form(done, units, scale)
        assert np.abs(done[PAST * scale : (PAST + FRAME) * scale] - expected).max() <= 2


# --- comfort noise ---


def noisy_leg(payload, ticks=60):
    """A peer that speaks, then tells of its noise, and is silent."""
    bench = Bench()
    phone = bench.leg(1)
    bench.do(ConnectLeg(1, "198.51.100.1", 4000, 0, "PCMU", 101, True, True, noise_payload_type=13))
    for _ in range(10):
        phone.say(sine(300, FRAME, 5000))
        bench.tick()
    phone.raw(phone.packet(payload, kind=13))
    frames = []
    for _ in range(ticks):
        bench.tick()
        frames.append(bench.plane.columns.jitter.heard[0, PAST:].copy())
    return bench, phone, np.concatenate(frames)


@pytest.mark.parametrize("level", [30, 45, 60])
@pytest.mark.parametrize("shape", [b"", bytes([20]), bytes([230, 100, 140])])
def test_noise_is_as_loud_as_the_peer_said(level, shape):
    _, _, sound = noisy_leg(bytes([level]) + shape, 200)
    tail = sound[20 * FRAME :].astype(float)
    told = OVERLOAD * 10 ** (-level / 20)
    assert 20 * np.log10(tail.std() / told) == pytest.approx(0, abs=1.0)


def test_noise_has_the_spectrum_the_peer_sent():
    for code, sign in ((20, 1), (234, -1)):
        _, _, sound = noisy_leg(bytes([40, code]), 100)
        tail = sound[20 * FRAME :].astype(float)
        # The reflection coefficient of a filter of the first order is minus its correlation.
        wanted = -258 * (code - 127) / 32768
        assert np.corrcoef(tail[:-1], tail[1:])[0, 1] == pytest.approx(wanted, abs=0.06)
        assert wanted * sign > 0


def test_noise_is_sound_but_no_speech_and_ends_with_the_next_audio():
    bench, phone, _ = noisy_leg(bytes([50]), 100)
    jitter = bench.plane.columns.jitter
    assert (jitter.noisy[0], jitter.silent[0]) == (1, 0)
    phone.time += 100 * FRAME
    for _ in range(12):
        phone.say(sine(300, FRAME, 5000))
        bench.tick()
    assert (jitter.noisy[0], jitter.noise_left[0]) == (0, 0)
    bench.tick(20)
    assert not jitter.heard[0, PAST:].any()


def test_noise_is_bounded_in_level_and_time():
    bench, _, sound = noisy_leg(b"\0" + bytes([254] * 40), 20)
    assert np.abs(sound[10 * FRAME :].astype(int)).max() < 12_000
    bench.tick(3100)
    jitter = bench.plane.columns.jitter
    assert not jitter.heard[0].any()
    assert (jitter.playing[0], jitter.noise_left[0]) == (0, 0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.97, 0.97), max_size=10), st.integers(0, 2**31 - 1))
def test_the_lattice_is_the_filter_of_its_coefficients(reflection, seed):
    """Against the direct form, whose coefficients come from the step-up recursion."""
    jitter = columns_of_one().jitter
    jitter.order[0], jitter.noise[0], jitter.seed[0] = len(reflection), 100.0, seed
    jitter.reflection[0, : len(reflection)] = reflection
    poly = np.array([1.0])
    for k in jitter.reflection[0, : len(reflection)].astype(float):
        poly = np.append(poly, 0.0) + k * np.append(0.0, poly[::-1])
    said, state = [], seed
    for _ in range(30):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        value = (state / 1073741824.0 - 1.0) * 100.0
        said.append(value - sum(poly[i] * said[-i] for i in range(1, min(len(said), len(reflection)) + 1)))
    found = [make_noise(jitter, 0) for _ in range(30)]
    assert np.allclose(found, said, rtol=1e-2, atol=1e-2 * max(map(abs, said)))
