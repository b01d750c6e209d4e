"""Where the frames of taps lie, and which prompts a call has, against plain rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import Bench, sine

from hookflash.plane.columns import BLOCK, MAX_PLAYS
from hookflash.plane.kernels.playing import STARTED, STOPPED
from hookflash.plane.kernels.tapping import Prompts, list_prompts
from hookflash.plane.rings import TAP_FRAMES
from hookflash.ports.plane import JoinMix, OpenLeg, OpenTap

MIXES, PLAYS = 4, 10


def app(bench: Bench, leg: int) -> None:
    bench.do(OpenLeg(leg, 1, False), JoinMix(leg))


def take(bench: Bench, tap: int) -> None:
    """As control does when it has copied everything."""
    rings = bench.plane.rings
    rings.read[tap] = rings.written[tap]


@pytest.mark.parametrize("patient", [False, True])
def test_the_frames_of_a_tick_lie_side_by_side(patient: bool) -> None:
    bench = Bench(jitter_ms=0)
    app(bench, 1)
    rings = bench.plane.rings
    for tap in range(3):
        bench.do(OpenTap(tap, "whole", 1, rate=16_000, patient=patient))
        bench.tick(4)
    last = bench.plane.ticks - 1
    assert rings.ticks[last % TAP_FRAMES, :3].tolist() == [last] * 3
    # One that has lost frames is beside the others again once it has been emptied.
    for _ in range(TAP_FRAMES + 7):
        bench.tick()
        take(bench, 1)
    assert rings.lost[:3].tolist() == [19, 0, 11]
    for tap in (0, 2):
        take(bench, tap)
    bench.tick()
    last = bench.plane.ticks - 1
    assert rings.ticks[last % TAP_FRAMES, :3].tolist() == [last] * 3


def test_a_ring_that_is_never_empty_keeps_its_order() -> None:
    bench = Bench(jitter_ms=0)
    app(bench, 1)
    bench.play(1, sine(500, 800), (1,), loop=True)
    bench.do(OpenTap(0, "whole", 1, rate=8_000, patient=True))
    rings = bench.plane.rings
    seen: list[int] = []
    for count in (TAP_FRAMES + 5, 3, 40, TAP_FRAMES, 1):
        bench.tick(count)
        # All but the last frame.
        while rings.read[0] < rings.written[0] - 1:
            place = (int(rings.read[0]) + int(rings.shift[0])) % TAP_FRAMES
            seen.append(int(rings.ticks[place, 0]))
            rings.read[0] += 1
    assert seen == sorted(set(seen))
    assert len(seen) == int(rings.written[0]) - 1
    assert bench.plane.ticks - seen[0] - 2 - len(seen) + 1 == int(rings.lost[0])


rows = st.lists(
    st.tuples(
        st.booleans(),
        st.booleans(),
        st.integers(-1, MIXES - 1),
        st.lists(st.integers(0, PLAYS - 1), max_size=MAX_PLAYS),
    ),
    max_size=BLOCK,
)
flags = st.lists(st.booleans(), min_size=PLAYS, max_size=PLAYS)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(rows, flags, flags, flags), min_size=1, max_size=3))
def test_the_prompts_of_a_call_are_listed_once(ticks) -> None:
    """Against the plain rule: what sounds and somebody in the call hears, in the mix or on hold.

    The first call has a play that two have.
    """
    plane = Bench(rows=BLOCK).plane
    setup, plays, mixes = plane.columns.setup, plane.plays.plays, plane.mixes.mixes
    many = len(plays.active)
    prompts = Prompts(
        first=np.zeros(MIXES, np.int32),
        then=np.zeros(many, np.int32),
        taken=np.full(many, -1, np.int64),
    )
    for tick, (legs, live, wanted, stopped) in enumerate(ticks, 1):
        setup.open[:BLOCK] = 0
        plays.live[:PLAYS] = live
        plays.event[:PLAYS] = np.where(stopped, STOPPED, STARTED)
        mixes.wanted[:MIXES] = wanted[:MIXES]
        expected: list[set[int]] = [set() for _ in range(MIXES)]
        listed: set[int] = set()
        for row, (is_open, on_hold, mix, heard) in enumerate(legs):
            setup.open[row], setup.belongs[row], setup.hears[row] = is_open, mix, len(heard)
            setup.mix[row] = -1 if on_hold else mix
            setup.plays[row, : len(heard)] = heard
            if is_open and mix >= 0 and wanted[mix]:
                new = {play for play in heard if live[play]} - listed
                expected[mix] |= new
                listed |= new
        list_prompts(setup, plays, mixes, prompts, BLOCK, MIXES, tick)
        for mix in range(MIXES):
            found = []
            play = int(prompts.first[mix])
            while play >= 0 and len(found) <= PLAYS:
                found.append(play)
                play = int(prompts.then[play])
            assert len(found) == len(set(found))
            assert set(found) == expected[mix]
