"""Calls that turn wideband and back, sums at 16,000 Hz, and apps that speak at that rate.

References are plain: the same call without its wideband phone, or a sum in floating point of whole lines,
brought to 16,000 Hz by a windowed sinc written down from its definition.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, sine
from test_codecs import CODECS, Peer
from test_plane_tapping import app, say, tap

from hookflash.plane.columns import BLOCK, MISSING, PAST, RING, clear_row, make_columns
from hookflash.plane.kernels.bands import SIDE
from hookflash.plane.kernels.jitter import leap
from hookflash.ports.plane import (
    CloseLeg,
    HearingRule,
    JoinMix,
    LeaveMix,
    LoadClip,
    MuteLeg,
    OpenLeg,
    OpenVoice,
    SetGain,
    SetHearing,
    StartPlay,
)

WIDE_FRAME = 2 * FRAME
HZ = 250
"""A change that came earlier or later by one of the filters would be steep in it."""
LOUD = 6000


def tone(hz: float, samples: int, amplitude: float = LOUD, rate: int = 16_000) -> np.ndarray:
    n = np.arange(samples)
    return np.round(amplitude * np.sin(2 * np.pi * hz * n / rate)).astype(np.int16)


def amplitude_of(line: np.ndarray, hz: float, rate: int = 16_000) -> float:
    n = np.arange(len(line))
    return float(2 * abs((line * np.exp(-2j * np.pi * hz * n / rate)).mean()))


# --- a call that changes in its middle --------------------------------------------------------------------

SOURCES = ("phone", "prompt", "wideband prompt", "voice", "wideband voice")


def changing_call(source: str, guest: str) -> dict[str, np.ndarray]:
    """A steady tone in a call that ``guest`` (a codec, "" nobody) joins after 50 ticks, for 50, and again.

    Returns:
        what a narrowband phone and taps at both rates heard, from the 20th tick on, and the guest.
    """
    bench = Bench(jitter_ms=0)
    phone, listener = bench.leg(1), bench.leg(2)
    bench.do(JoinMix(1), JoinMix(2))
    app(bench, 9)
    app(bench, 8)
    rate = 16_000 if "wideband" in source else 8_000
    spoken = tone(HZ, 250 * rate // 50, rate=rate)
    if "prompt" in source:
        bench.do(
            LoadClip(1, spoken.astype("<i2").tobytes(), rate), StartPlay(1, (1, 2, 9), (1,), False, False)
        )
    if "voice" in source:
        bench.do(OpenVoice(0, 8, rate))
    readers = {
        "heard at 8 kHz": tap(bench, 0, "heard", 9),
        "heard": tap(bench, 1, "heard", 9, rate=16_000),
        "whole": tap(bench, 2, "whole", 1, rate=16_000),
        "said": tap(bench, 3, "said", 1, rate=16_000),
        "prompts": tap(bench, 4, "prompts", 1, rate=16_000),
    }
    parts: dict[str, list[np.ndarray]] = {name: [] for name in readers}
    for t in range(250):
        if guest and t in (49, 149):
            bench.do(OpenLeg(3, 1, True))
        if guest and t in (50, 150):
            codec, clock, kind = CODECS[guest]
            bench.connect(3, "198.51.100.3", 4000, codec=codec, clock=clock, kind=kind)
            bench.do(JoinMix(3))
        if guest and t in (100, 200):
            bench.do(LeaveMix(3) if t == 100 else CloseLeg(3))
        if guest and t == 120:
            bench.do(CloseLeg(3))
        if "voice" in source:
            size = rate // 50
            say(bench, 0, spoken[t * size :][:size])
        phone.say(sine(HZ, FRAME, LOUD, start=t * FRAME) if source == "phone" else None)
        listener.say()
        bench.tick()
        for name, reader in readers.items():
            parts[name].append(reader.take())
        if guest == "L16-16k" and t == 99:
            heard = b"".join(packet.payload for packet in bench.sent(3))
            guest_heard = np.frombuffer(heard, ">i2")
    found = {name: np.concatenate(frames[20:]).astype(int) for name, frames in parts.items()}
    found["a narrowband phone"] = bench.heard_by_peer(2)[-230 * FRAME :].astype(int)
    if guest == "L16-16k":
        found["the guest"] = guest_heard.astype(int)
    return found


@pytest.mark.parametrize("guest", ["L16-16k", "G722", "OPUS"])
@pytest.mark.parametrize("source", SOURCES)
def test_who_is_narrowband_does_not_notice_a_wideband_guest(source, guest):
    """Sample by sample as in the same call without the guest."""
    with_guest, without = changing_call(source, guest), changing_call(source, "")
    for name in ("heard at 8 kHz", "a narrowband phone"):
        assert np.array_equal(with_guest[name], without[name])
        assert amplitude_of(without[name], HZ, 8_000) == pytest.approx(LOUD, rel=0.02)


@pytest.mark.parametrize("source", SOURCES)
def test_a_tap_goes_on_through_a_change_of_rate(source):
    """All the time as loud as it was, and nowhere steeper than the tone is."""
    with_guest, without = changing_call(source, "L16-16k"), changing_call(source, "")
    # One tone is faded into the same a little later or earlier: twice its height in 5 ms at most.
    steepest = 2 * np.pi * HZ / 16_000 * LOUD + 2 * LOUD / (FRAME // 2)
    for name in ("heard", "whole", "said" if source == "phone" else "heard"):
        line = with_guest[name]
        assert len(line) == len(without[name]) == 230 * WIDE_FRAME
        assert np.abs(np.diff(line)).max() <= 1.1 * steepest, name
        peaks = np.abs(line.reshape(-1, WIDE_FRAME)).max(axis=1)
        assert peaks.min() > 0.95 * LOUD, name
        assert peaks.max() < 1.03 * LOUD, name
        if source in ("phone", "voice", "prompt"):
            # Nothing of it is above 4 kHz: it is the same with and without a guest, but for rounding.
            assert np.abs(line - without[name]).max() <= 2, name


@pytest.mark.parametrize("source", ["phone", "voice", "wideband voice"])
def test_a_guest_hears_the_tone_from_the_first_frame(source):
    line = changing_call(source, "L16-16k")["the guest"]
    assert len(line) == 50 * WIDE_FRAME
    steepest = 2 * np.pi * HZ / 16_000 * LOUD
    assert np.abs(np.diff(line)).max() <= 1.1 * steepest + 3
    assert np.abs(line.reshape(-1, WIDE_FRAME)).max(axis=1).min() > 0.95 * LOUD


# --- the sum at 16,000 Hz ---------------------------------------------------------------------------------


def low_pass() -> np.ndarray:
    """A half-band low pass at 16,000 Hz as its definition is: a sinc under a Kaiser window."""
    n = np.arange(-2 * SIDE, 2 * SIDE + 1)
    h = np.sinc(n / 2) * np.kaiser(4 * SIDE + 1, 5.65)
    h[1::2] /= h[1::2].sum()
    return h


def widened(line: np.ndarray) -> np.ndarray:
    """A whole line at 8,000 Hz, at 16,000 Hz."""
    stuffed = np.zeros(2 * len(line))
    stuffed[::2] = line
    return np.convolve(stuffed, low_pass())[: len(stuffed)]


@settings(max_examples=40)
@given(st.data())
def test_a_tap_of_a_wideband_call_has_the_plain_sum(data):
    """Of voices at both rates, with gains, mutes and hearing rules."""
    count, ticks = data.draw(st.integers(2, 6)), 10
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    rates = [data.draw(st.sampled_from([8_000, 16_000])) for _ in range(count)]
    gains = [data.draw(st.sampled_from([0.0, -6.0, 3.5])) for _ in range(count)]
    muted = [data.draw(st.booleans()) and leg > 0 for leg in range(count)]
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    rules = data.draw(st.dictionaries(pairs, st.sampled_from([0.0, 0.5, 1.0, 2.0]), max_size=12))
    bench = Bench(jitter_ms=0)
    bench.do(OpenLeg(50, 1, True))
    bench.tick()
    codec, clock, kind = CODECS["L16-16k"]
    bench.connect(50, "198.51.100.3", 4000, codec=codec, clock=clock, kind=kind)
    bench.do(JoinMix(50))
    for leg in range(count):
        app(bench, leg)
        bench.do(OpenVoice(leg, leg, rates[leg]), SetGain(leg, gains[leg]), MuteLeg(leg, muted[leg]))
    bench.do(SetHearing(1, tuple(HearingRule(a, b, gain) for (a, b), gain in rules.items())))
    bench.tick(2)
    heard = [tap(bench, leg, "heard", leg, rate=16_000) for leg in range(count)]
    said = [tap(bench, 10 + leg, "said", leg, rate=16_000) for leg in range(count)]
    whole = tap(bench, 20, "whole", 1, rate=16_000)
    before = len(bench.sent(50))
    lines = []
    for leg, rate in enumerate(rates):
        line = rng.integers(-1500, 1501, ticks * rate // 50).astype(np.int16)
        say(bench, leg, line)
        loud = 0.0 if muted[leg] else 10 ** (gains[leg] / 20)
        lines.append(loud * (line if rate == 16_000 else widened(line)))
    bench.tick(ticks)
    # Each voice, its gain and each rule are rounded.
    near = 3 + 4 * count
    for leg in range(count):
        plain = sum(rules.get((leg, k), float(leg != k)) * line for k, line in enumerate(lines))
        assert np.abs(heard[leg].take() - plain).max() <= near
        assert np.abs(said[leg].take() - lines[leg]).max() <= 3
    assert np.abs(whole.take() - sum(lines)).max() <= near
    packets = b"".join(packet.payload for packet in bench.sent(50)[before:])
    assert np.abs(np.frombuffer(packets, ">i2") - sum(lines)).max() <= near


@pytest.mark.parametrize("name", ["L16-16k", "G722", "OPUS"])
def test_an_app_at_16_khz_is_heard_in_full_by_wideband_phones_alone(name):
    bench = Bench(jitter_ms=0)
    peer, phone = Peer(bench, 1, name), bench.leg(2)
    bench.do(JoinMix(1), JoinMix(2))
    app(bench, 9)
    bench.do(OpenVoice(0, 9, 16_000))
    ticks, low, high = 45, 1000, 5500
    say(bench, 0, tone(low, ticks * WIDE_FRAME, 5000) + tone(high, ticks * WIDE_FRAME, 3000))
    bench.tick(ticks)
    fine = peer.heard()[-30 * WIDE_FRAME :]
    assert amplitude_of(fine, low) == pytest.approx(5000, rel=0.1)
    assert amplitude_of(fine, high) == pytest.approx(3000, rel=0.25)
    coarse = bench.heard_by_peer(2)[-30 * FRAME :]
    assert amplitude_of(coarse, low, 8_000) == pytest.approx(5000, rel=0.02)
    # What does not fit is left out, and not folded back.
    assert amplitude_of(coarse, 8_000 - high, 8_000) < 30
    assert phone.port


# --- ticks that are left out ------------------------------------------------------------------------------


@settings(max_examples=60)
@given(st.data())
def test_leaving_ticks_out_clears_what_they_would_have_played(data):
    """The kernel against one place of the ring after the other."""
    columns = make_columns(BLOCK)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    ticks = data.draw(st.integers(1, 60))
    jitter, wide, setup, receive = columns.jitter, columns.wide, columns.setup, columns.receive
    jitter.ring[:] = rng.integers(-99, 99, jitter.ring.shape)
    wide.ring[:] = rng.integers(-99, 99, wide.ring.shape)
    rows = 6
    for row in range(rows):
        clear_row(columns, row)
        jitter.ring[row], wide.ring[row] = row + 1, -row - 1
        setup.open[row] = data.draw(st.integers(0, 1))
        setup.clock[row] = data.draw(st.sampled_from([160, 320, 960]))
        setup.wide[row] = data.draw(st.sampled_from([-1, rows - 1 - row]))
        jitter.playing[row] = data.draw(st.integers(0, 1))
        jitter.time[row] = data.draw(st.integers(0, 2**40))
        jitter.base[row], jitter.base_next[row] = data.draw(st.integers(-(2**40), 2**40)), row
        jitter.hidden[row] = data.draw(st.sampled_from([-1, 0, 5]))
        jitter.period[row] = 7
        receive.transit[row] = data.draw(st.one_of(st.just(-1), st.integers(0, 2**32 - 1)))
    old = copy.deepcopy(columns)
    leap(setup, receive, jitter, wide, rows, ticks)
    for row in range(rows):
        was = old.jitter
        if not setup.open[row]:
            assert (jitter.time[row], jitter.base[row]) == (was.time[row], was.base[row])
            assert receive.transit[row] == old.receive.transit[row]
            assert (jitter.ring[row] == row + 1).all()
            continue
        if old.receive.transit[row] >= 0:
            expected = (int(old.receive.transit[row]) - ticks * int(setup.clock[row])) % 2**32
            assert receive.transit[row] == expected
        else:
            assert receive.transit[row] == -1
        assert jitter.left_out[row] == ticks
        ring, slot = old.jitter.ring[row].copy(), setup.wide[row]
        fine = old.wide.ring[slot].copy()
        playing = int(jitter.playing[row])
        for unit in range(ticks * FRAME * playing):
            at = (int(was.time[row]) + unit) % RING
            ring[at] = fine[2 * at] = fine[2 * at + 1] = MISSING
        assert np.array_equal(jitter.ring[row], ring)
        if slot >= 0:
            assert np.array_equal(wide.ring[slot], fine)
        assert jitter.time[row] == was.time[row] + ticks * FRAME * playing
        assert jitter.base[row] == was.base[row] - ticks * FRAME * playing
        assert jitter.base_next[row] == was.base_next[row] - ticks * FRAME * playing
        fades = playing and was.hidden[row] == 0
        assert jitter.hidden[row] == (1 if fades else was.hidden[row])
        assert jitter.period[row] == (0 if fades else 7)


@pytest.mark.parametrize("stall", [6, 12, 40])
@pytest.mark.parametrize("name", ["L16-16k", "G722", "OPUS"])
def test_a_wideband_leg_is_where_it_would_be_after_ticks_were_left_out(name, stall):
    """At the same time the same is heard as if the worker had not been held up."""
    heard: dict[bool, dict[int, np.ndarray]] = {}
    line = tone(700, 400 * WIDE_FRAME)
    for held_up in (False, True):
        bench = Bench(seed=3)
        peer = Peer(bench, 1, name)
        wide, slot = bench.plane.columns.wide, 0
        now = sent = done = skipped = 0
        heard[held_up] = {}
        while now < 300:
            now += stall if held_up and now == 150 else 1
            while done + skipped < now:
                while sent < now:
                    peer.say(line[sent * WIDE_FRAME :][:WIDE_FRAME])
                    sent += 1
                behind = now - done - skipped - 1
                if behind > 5:
                    bench.plane.skip(behind - 5)
                    skipped += behind - 5
                    behind = 5
                bench.late_tick(behind)
                heard[held_up][done + skipped] = wide.heard[slot, 2 * PAST :].copy()
                done += 1
        assert skipped == (stall - 6 if held_up else 0)
    both = sorted(heard[True].keys() & heard[False].keys())
    # Until the buffer looks back at its first five seconds, and may want another delay.
    settled = [tick for tick in both if 150 + stall + (0 if name == "L16-16k" else 10) < tick < 245]
    assert len(settled) > 40
    for tick in settled:
        one, other = heard[False][tick].astype(float), heard[True][tick].astype(float)
        if name == "L16-16k":
            assert np.array_equal(one, other), tick
        else:
            assert one @ other / np.sqrt((one @ one) * (other @ other)) > 0.99, tick
