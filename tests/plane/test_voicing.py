"""What voices say of what is sent to them: against a plain reference, and what is left out of it, and when."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench
from test_plane_tapping import Reader, app, say, tap

from hookflash.plane.kernels import voicing
from hookflash.plane.kernels.voicing import GAP, PATIENCE, RECENT, SPARE, STEADIEST, STEADY, STILL
from hookflash.plane.rings import VOICE_SAMPLES
from hookflash.ports.plane import OpenVoice

LOUD, QUIET = 1_000, STILL


class Reference:
    """The rules of ``kernels.voicing`` over a plain list of samples."""

    def __init__(self) -> None:
        self.queue: list[int] = []
        self.left_out: list[int] = []
        self.speaking = False
        self.waited = 0
        self.lefts: list[int] = []
        self.needed = STEADY
        self.shed: int | None = None
        self.dry: int | None = None
        self.tick = 0

    def take(self) -> list[int]:
        """What is said in the next tick."""
        self.tick += 1
        if not self.speaking and self.queue:
            self.waited += 1
            if len(self.queue) >= FRAME or self.waited > PATIENCE:
                self.speaking = True
                self._resume()
        if not self.speaking:
            return [0] * FRAME
        left = len(self.queue) - FRAME
        lefts = [*self.lefts, left]
        steady = min(lefts) >= FRAME and max(lefts) <= SPARE * FRAME
        self.lefts = lefts if steady and min(lefts) - FRAME >= max(lefts) - min(lefts) else []
        if len(self.lefts) >= self.needed and max(abs(one) for one in self.queue[:FRAME]) <= STILL:
            self.left_out += self.queue[:FRAME]
            self.queue = self.queue[FRAME:]
            self.lefts = []
            self.shed = self.tick
        frame, self.queue = self.queue[:FRAME], self.queue[FRAME:]
        if len(frame) < FRAME:
            self.speaking, self.waited, self.lefts, self.dry = False, 0, [], self.tick
        return frame + [0] * (FRAME - len(frame))

    def _resume(self) -> None:
        if self.shed is None or self.tick - self.shed > RECENT:
            self.needed = STEADY
        elif self.dry is not None and self.tick - self.dry <= GAP:
            self.needed = min(2 * self.needed, STEADIEST)
        self.shed = None


class Room:
    """One app speaks at 8,000 Hz, another hears it."""

    def __init__(self) -> None:
        self.bench = Bench(rows=48, jitter_ms=0)
        app(self.bench, 9)
        app(self.bench, 8)
        self.bench.do(OpenVoice(1, 9))
        self.reader: Reader = tap(self.bench, 0, "heard", 8)
        self.rings = self.bench.plane.taps.rings
        self.said = 0

    @property
    def waits(self) -> int:
        """Samples that wait to be said."""
        return int(self.rings.said[1] - self.rings.spoken[1])

    def send(self, frames: float = 1, level: int = LOUD) -> np.ndarray:
        """The app sends so many frames of different samples, none louder than ``level``."""
        count = round(frames * FRAME)
        samples = ((np.arange(self.said, self.said + count) % level) + 1).astype(np.int16)
        self.said += count
        say(self.bench, 1, samples)
        return samples

    def tick(self) -> np.ndarray:
        self.bench.tick()
        return self.reader.take()

    def ticks(self, sizes: Iterable[float], level: int = LOUD) -> None:
        """In each tick so many frames are there to be said."""
        for size in sizes:
            if size:
                self.send(size, level)
            self.tick()

    def late(self) -> None:
        """What should be there for one tick comes with that of the next."""
        self.ticks([0, 2])


SIZES = st.sampled_from([0, 1, 1, 1, 2, 0.25, 1.5, 3])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(SIZES, st.sampled_from([1, 2, 3, 60, 130]), st.sampled_from([LOUD, QUIET])), max_size=12
    )
)
def test_as_the_reference_has_it(schedule):
    room, reference = Room(), Reference()
    for size, ticks, level in schedule:
        for _ in range(ticks):
            if size and room.waits + size * FRAME < VOICE_SAMPLES:
                reference.queue += room.send(size, level).tolist()
            assert room.tick().tolist() == reference.take()
            assert room.waits == len(reference.queue)
    assert all(abs(one) <= STILL for one in reference.left_out)


def test_who_was_late_once_is_on_time_again_after_the_next_silence():
    room = Room()
    room.ticks([1] * 10)
    room.late()
    assert room.waits == FRAME
    room.ticks([1] * (STEADY + 30))
    assert room.waits == FRAME, "there was no silence yet"
    room.ticks([1], QUIET)
    room.ticks([1], QUIET)
    assert room.waits == 0


def test_what_stands_is_left_out_only_after_a_second_of_it():
    room = Room()
    room.ticks([1] * 10, QUIET)
    room.late()
    room.ticks([1] * (STEADY - 2), QUIET)
    assert room.waits == FRAME
    room.ticks([1], QUIET)
    assert room.waits == 0


def test_a_burst_is_said_whole_silence_and_all():
    """Ten seconds in one go, as fast as the ring takes them; then a sentence of a second."""
    room = Room()
    quiet = slice(200, 300)
    frames = [(QUIET if 200 <= n < 300 else LOUD) for n in range(500)]
    sent, heard = [], []
    while frames or room.waits:
        while frames and room.waits + FRAME <= 8_000:
            sent.append(room.send(1, frames.pop(0)))
        heard.append(room.tick())
    assert np.array_equal(np.concatenate(heard), np.concatenate(sent))
    assert max(abs(frame).max() for frame in heard[quiet]) <= STILL
    sentence = [room.send(50, QUIET)]
    assert np.array_equal(np.concatenate([room.tick() for _ in range(50)]), np.concatenate(sentence))


def test_who_keeps_well_ahead_is_left_alone():
    room = Room()
    room.ticks([1 + SPARE + 1], QUIET)
    room.ticks([1] * 4 * STEADY, QUIET)
    assert room.waits == (SPARE + 1) * FRAME


def test_who_sends_unevenly_keeps_what_that_needs():
    room = Room()
    room.ticks([2.25], QUIET)
    room.ticks([1.5, 0.5] * 2 * STEADY, QUIET)
    assert room.waits == 1.25 * FRAME


def test_who_needed_it_keeps_it_for_longer_each_time():
    room = Room()
    room.ticks([1], QUIET)
    for time in range(9):
        room.late()
        needed = min(STEADY << time, STEADIEST)
        room.ticks([1] * (needed - 2), QUIET)
        assert room.waits == FRAME
        room.ticks([1], QUIET)
        assert room.waits == 0
    room.ticks([1] * (RECENT + 1), QUIET)
    room.late()
    room.ticks([1] * STEADY, QUIET)
    assert room.waits == 0, "it has gone well for long"


def test_the_end_of_what_was_said_is_not_being_late():
    room = Room()
    for _ in range(3):
        room.ticks([2], QUIET)
        room.ticks([1] * STEADY, QUIET)
        assert room.waits == 0
        room.ticks([0] * (GAP + 1))


def test_another_voice_in_its_place_begins_anew():
    voices = voicing.make_voices(2)
    voices.needed[1] = voices.run[1] = 900
    voices.since[1] = voices.dry[1] = 3
    voices.tail[1] = 7
    voicing.begin(voices, 1, 5, 2)
    assert (voices.row[1], voices.slot[1], voices.needed[1], voices.run[1]) == (5, 2, STEADY, 0)
    assert (voices.since[1], voices.dry[1]) == (RECENT, RECENT)
    assert not voices.tail[1].any()
