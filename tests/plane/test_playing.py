"""Plays against a slow reference that knows one sample at a time; both rates; how far a play is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench, sine, through_ulaw

from hookflash.plane.bridge import MixTable
from hookflash.plane.columns import make_columns
from hookflash.plane.columns.sizes import G722
from hookflash.plane.kernels.playing import STOP_FADE, advance
from hookflash.plane.plays import PlayTable, Pool
from hookflash.ports.plane import (
    AskPlay,
    ClipRefused,
    DropClip,
    ExtendPlay,
    LoadClip,
    PlayFinished,
    PlayProgress,
    PlayStarted,
    StartPlay,
    StopPlay,
)

LENGTHS = (0, 0, 1, 39, 40, 159, 160, 161, 320, 400)


@dataclass
class Slow:
    """One play, a sample at a time."""

    loop: bool
    more: bool
    clips: list[list[int]]
    at: tuple[int, int] = (0, 0)
    played: int = 0
    last: int = -1
    started: bool = False
    over: bool = False
    dry: bool = False
    events: list = field(default_factory=list)

    def _next(self) -> int | None:
        clip, offset = self.at
        while clip < len(self.clips) and offset >= len(self.clips[clip]):
            clip, offset = clip + 1, 0
        if clip >= len(self.clips):
            if not self.loop or self.more or not any(self.clips):
                self.at = (len(self.clips), 0)
                return None
            clip = next(i for i, samples in enumerate(self.clips) if samples)
            offset = 0
        self.at = (clip, offset + 1)
        return self.clips[clip][offset]

    def _nothing_left(self) -> bool:
        clip, offset = self.at
        rest = self.clips[clip : clip + 1]
        return not any(samples[offset:] for samples in rest) and not any(self.clips[clip + 1 :])

    def shaped(self, frame: list[int], over: int, stopping: bool) -> list[int]:
        """What is in a frame, faded in after a silence and out before one."""
        if not frame:
            return frame
        if self.dry:
            self.dry = False
            frame = [s * i // over if i < over else s for i, s in enumerate(frame)]
        if self.more and self._nothing_left() and not stopping and self._run_out():
            self.dry = True
            n = min(len(frame), over)
            tail = [s * (n - 1 - i) // n for i, s in enumerate(frame[-n:])]
            frame = frame[:-n] + tail
        return frame

    def _run_out(self) -> bool:
        """Whether not even an empty clip is left; a list that is repeated passes those later."""
        clip, _ = self.at
        left = self.clips[clip + 1 :] if clip < len(self.clips) else []
        return not self.loop or not left

    def tick(self, number: int, play: int, stopping: bool) -> list[int]:
        frame = []
        while len(frame) < FRAME and (sample := self._next()) is not None:
            frame.append(sample)
        count = len(frame)
        frame = self.shaped(frame, STOP_FADE, stopping)
        frame += [0] * (FRAME - count)
        if stopping:
            self.over = True
            self.played += min(count, STOP_FADE)
            return [s * (STOP_FADE - i) // STOP_FADE if i < STOP_FADE else 0 for i, s in enumerate(frame)]
        self.played += count
        if count:
            self.last = number
        ended = self._nothing_left() and not self.loop and not self.more
        if not self.started and (count or ended):
            self.started = True
            self.last = number
            self.events.append(PlayStarted(play, number))
        if ended:
            self.over = True
            self.events.append(PlayFinished(play, self.last, self.played))
        return frame


ACTIONS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 4)),
    st.tuples(st.just("extend"), st.lists(st.integers(0, len(LENGTHS) - 1), max_size=4), st.booleans()),
    st.tuples(st.just("stop")),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, len(LENGTHS) - 1), max_size=5),
    st.booleans(),
    st.booleans(),
    st.lists(ACTIONS, max_size=12),
    st.booleans(),
)
def test_plays_are_those_of_the_reference(clips, loop, more, actions, wide):
    columns = make_columns(48)
    table = PlayTable(columns.setup)
    rng = np.random.default_rng(len(clips))
    audio = [rng.integers(-32767, 32767, length).astype(np.int16) for length in LENGTHS]
    both = [rng.integers(-32767, 32767, 2 * length).astype(np.int16) for length in LENGTHS]
    for number, samples in enumerate(audio):
        table.load(number, samples.tobytes())
        if wide:
            table.load(number, both[number].tobytes(), 16000)
    table.start(7, (0,), clips, loop=loop, more=more)
    slow = Slow(loop, more, [audio[clip].tolist() for clip in clips])
    slow_wide = Slow(loop, more, [both[clip].tolist() for clip in clips])
    events: list = []
    tick = 0

    def step(stopping: bool) -> None:
        nonlocal tick
        if slow.over:
            return
        expected = slow.tick(tick, 7, stopping)
        wide_frame = []
        while len(wide_frame) < 2 * FRAME and (sample := slow_wide._next()) is not None:
            wide_frame.append(sample)
        wide_frame = slow_wide.shaped(wide_frame, 2 * STOP_FADE, stopping)
        if stopping:
            end = 2 * STOP_FADE
            wide_frame = [s * (end - i) // end for i, s in enumerate(wide_frame[:end])]
        told = advance(table.plays, table.clips, table.pool.samples, table.used)
        row = 0
        if table.plays.live[row]:
            assert table.plays.frame[row].tolist() == expected
            assert table.plays.exact[row] == wide
            if wide:
                wide_frame += [0] * (2 * FRAME - len(wide_frame))
                assert table.plays.wide_frame[row].tolist() == wide_frame
        else:
            assert not any(expected)
        if told:
            events.extend(table.take_events(tick))
        assert table.played(7) == (-1 if slow.over else slow.played)
        tick += 1

    for action in actions:
        if action[0] == "wait":
            for _ in range(action[1]):
                step(False)
        elif action[0] == "stop":
            table.stop(7)
            step(True)
        elif not slow.over:
            table.extend(7, action[1], more=action[2])
            for one, source in ((slow, audio), (slow_wide, both)):
                one.clips += [source[clip].tolist() for clip in action[1]]
                one.more = action[2]
    step(False)
    assert events == slow.events
    if slow.over:
        assert columns.setup.hears[0] == 0


def test_a_play_that_runs_dry_fades_out_and_in_again():
    columns = make_columns(48)
    table = PlayTable(columns.setup)
    table.load(1, np.full(200, 10_000, np.int16).tobytes())
    table.start(7, (0,), (1,), loop=False, more=True)
    frames = []
    for tick in range(5):
        if tick == 3:
            table.extend(7, (1,), more=False)
        advance(table.plays, table.clips, table.pool.samples, table.used)
        frames.append(table.plays.frame[0].copy())
    heard = np.concatenate(frames).astype(int)
    assert (heard[:160] == 10_000).all()
    assert heard[199] == 0
    assert (heard[200:480] == 0).all()
    assert (heard[520:680] == 10_000).all()
    assert np.abs(np.diff(heard[:680])).max() <= 10_000 // STOP_FADE + 1
    assert heard[680] == 0, "the end itself is what the clip ends with"


def test_a_play_tells_how_far_it_is_and_how_far_it_was():
    bench = Bench()
    bench.leg(1)
    bench.play(1, sine(300, 400), (1,), more=True)
    bench.tick(2)
    bench.do(AskPlay(1), AskPlay(99))
    first = bench.plane.ticks
    bench.tick()
    assert bench.of(PlayProgress) == [PlayProgress(1, first, 400), PlayProgress(99, first, -1)]
    bench.tick(5)
    bench.do(ExtendPlay(1, (), False))
    bench.tick()
    # Only now is it known that the last sample had left in the third tick.
    assert bench.of(PlayFinished) == [PlayFinished(1, first, 400)]


def test_a_stopped_play_fades_within_five_ms():
    bench = Bench()
    bench.leg(1)
    bench.play(1, np.full(4000, 8000), (1,))
    bench.tick(3)
    bench.do(StopPlay(1))
    bench.tick(3)
    assert bench.of(PlayFinished) == []
    heard = bench.heard_by_peer(1)[3 * FRAME :]
    ramp = [8000 * (STOP_FADE - i) // STOP_FADE for i in range(STOP_FADE)]
    assert heard[:STOP_FADE].tolist() == through_ulaw(np.array(ramp, np.int16)).tolist()
    assert not heard[STOP_FADE:].any()


def test_a_key_stops_what_plays_until_then_in_its_own_tick():
    bench = Bench()
    phones = {leg: bench.leg(leg, call=leg) for leg in (1, 2)}
    for leg in phones:
        bench.do(
            LoadClip(leg, np.full(8000, 8000, "<i2").tobytes()),
            StartPlay(leg, (leg,), (leg,), loop=False, more=False, until_key=leg),
        )
    bench.tick(3)
    (event, *_) = next(phones[1].press("5"))
    phones[1].raw(event)
    bench.tick(2)
    assert bench.keys(1) == "5"
    assert bench.of(PlayFinished) == []
    heard = bench.heard_by_peer(1)[-2 * FRAME :]
    ramp = [8000 * (STOP_FADE - i) // STOP_FADE for i in range(STOP_FADE)]
    assert heard[:STOP_FADE].tolist() == through_ulaw(np.array(ramp, np.int16)).tolist()
    assert not heard[STOP_FADE:].any()
    assert bench.heard_by_peer(2)[-FRAME:].all(), "nobody pressed a key there"
    # Control finds out what it was about later, and stops what has stopped.
    bench.do(StopPlay(1), ExtendPlay(1, (1,), False))
    bench.tick()
    assert not bench.heard_by_peer(1)[-FRAME:].any()


def test_a_key_in_band_stops_it_too_and_others_go_on():
    bench = Bench()
    phone = bench.leg(1, event=-1)
    clip = np.full(16000, 4000, "<i2").tobytes()
    bench.do(LoadClip(1, clip), LoadClip(2, clip))
    bench.do(StartPlay(1, (1,), (1,), False, False, 1), StartPlay(2, (1,), (2,), False, False))
    tone = sine(770, 8000, 4000) + sine(1336, 8000, 4000)
    stopped_at = None
    for at in range(0, 40 * FRAME, FRAME):
        phone.say(tone[at : at + FRAME])
        events = bench.tick()
        if bench.keys(1) and stopped_at is None:
            stopped_at = len(bench.heard_by_peer(1)) - FRAME
        assert not [event for event in events if isinstance(event, PlayFinished)]
    assert bench.keys(1) == "5"
    heard = bench.heard_by_peer(1)
    assert (heard[stopped_at - FRAME : stopped_at] == through_ulaw(np.array([8000], np.int16))).all()
    assert (heard[stopped_at + STOP_FADE :] == through_ulaw(np.array([4000], np.int16))).all()


def test_keys_are_forgotten_with_the_plays_they_would_have_stopped():
    bench = Bench()
    phone = bench.leg(1)
    for play in (1, 2):
        bench.do(LoadClip(play, np.full(FRAME, 8000, "<i2").tobytes()))
        bench.do(StartPlay(play, (1,), (play,), False, False, 1))
        bench.tick(2)
    assert [event.play for event in bench.of(PlayFinished)] == [1, 2]
    bench.play(1, np.full(4000, 8000), (1,))
    (event, *_) = next(phone.press("5"))
    phone.raw(event)
    bench.tick(3)
    assert bench.keys(1) == "5"
    assert bench.heard_by_peer(1)[-FRAME:].all(), "this one was not to be stopped by it"


def correlation(a, b) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def test_a_wideband_clip_alone_is_narrowed_for_a_narrowband_leg():
    bench = Bench()
    bench.leg(1)
    n = np.arange(16000)
    low = 6000 * np.sin(2 * np.pi * 700 * n / 16000) + 3000 * np.sin(2 * np.pi * 2900 * n / 16000)
    high = 4000 * np.sin(2 * np.pi * 6000 * n / 16000)
    bench.do(LoadClip(1, (low + high).astype("<i2").tobytes(), 16000), StartPlay(1, (1,), (1,), False, False))
    bench.tick(50)
    assert bench.of(PlayFinished)[0].samples == 8000
    heard = bench.heard_by_peer(1)
    assert correlation(heard[100:7900], low[::2][100:7900]) > 0.99


def test_both_rates_leave_a_narrowband_leg_bit_exact():
    bench = Bench()
    bench.leg(1)
    samples = sine(440, 20 * FRAME)
    bench.do(LoadClip(1, samples.astype("<i2").tobytes()))
    bench.do(LoadClip(1, np.repeat(samples, 2).astype("<i2").tobytes(), 16000))
    bench.do(StartPlay(1, (1,), (1,), False, False))
    bench.tick(20)
    assert np.array_equal(bench.heard_by_peer(1), through_ulaw(samples))


def test_a_pool_gets_both_rates_back(monkeypatch):
    monkeypatch.setattr("hookflash.plane.plays.RESERVE", 1 << 20)
    table = PlayTable(make_columns(48).setup)
    table.pool = Pool(3000)
    table.load(1, bytes(2000))
    table.load(1, bytes(4000), 16000)
    assert table.clips.wide[0] == 1000
    table.drop(1)
    table.load(2, bytes(6000))
    assert table.clips.wide[0] == -1
    # No room for the better version: the clip stays as it is.
    table.load(2, bytes(12000), 16000)
    assert table.clips.wide[0] == -1
    assert table.clips.length[0] == 3000


def test_a_clip_replaced_by_one_of_another_length_is_another():
    table = PlayTable(make_columns(48).setup)
    table.load(1, bytes(2000))
    table.load(1, bytes(64), 16000)
    row = table._clip_rows[1]
    assert (table.clips.length[row], table.clips.wide[row] >= 0) == (16, True)
    table.load(1, bytes(66), 16000)
    row = table._clip_rows[1]
    assert table.clips.length[row] == 17


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_clip_the_pool_can_not_take_is_refused(rate):
    bench = Bench()
    bench.plane.plays.pool = Pool(1000)
    bench.do(LoadClip(1, bytes(8000), rate), DropClip(1))
    bench.tick()
    assert [e.clip for e in bench.of(ClipRefused)] == [1]


def widened(table: PlayTable, columns, clip: list[int], ticks: int) -> np.ndarray:
    """What a play of ``clip``, in row 0, gives at 16,000 Hz."""
    mixes = widened.mixes
    table.load(7, np.array(clip, "<i2").tobytes())
    table.start(7, [0], [7], loop=False, more=False)
    frames = []
    for _ in range(ticks):
        advance(table.plays, table.clips, table.pool.samples, table.used)
        mixes.run(table.plays, 48, table.used)
        frames.append(table.plays.wide_frame[0].copy())
        table.take_events(0)
    return np.concatenate(frames)


def a_wide_leg():
    columns = make_columns(48)
    columns.setup.open[0] = 1
    columns.setup.codec[0] = G722
    columns.setup.wide[0] = 0
    columns.wide.row[0] = 0
    widened.mixes = MixTable(columns)
    return columns, PlayTable(columns.setup)


@pytest.mark.parametrize("pause", [0, 3])
def test_a_play_does_not_begin_with_the_end_of_the_one_before(pause):
    quiet = [100] * FRAME
    columns, table = a_wide_leg()
    expected = widened(table, columns, quiet, 1)
    columns, table = a_wide_leg()
    widened(table, columns, [8000] * FRAME, 1)
    columns.setup.open[0] = 0
    for _ in range(pause):
        # Nobody hears at 16,000 Hz for a while.
        advance(table.plays, table.clips, table.pool.samples, table.used)
        widened.mixes.run(table.plays, 48, table.used)
    columns.setup.open[0] = 1
    assert np.array_equal(widened(table, columns, quiet, 1), expected)


def test_more_plays_than_before_leave_the_running_ones_their_past():
    columns, table = a_wide_leg()
    clip = [int(8000 * np.sin(i / 5)) for i in range(4 * FRAME)]
    expected = widened(table, columns, clip, 4)
    columns, table = a_wide_leg()
    first = widened(table, columns, clip, 2)
    table.load(8, bytes(2 * FRAME * 9))
    for play in range(100, 120):
        table.start(play, [], [8], loop=True, more=False)
    rest = []
    for _ in range(2):
        advance(table.plays, table.clips, table.pool.samples, table.used)
        widened.mixes.run(table.plays, 48, table.used)
        rest.append(table.plays.wide_frame[0].copy())
    assert np.array_equal(np.concatenate([first, *rest]), expected)
