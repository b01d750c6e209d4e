"""What voices say of what is sent to them, against a plain reference; what is left out of it, and when."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from plane_bench import FRAME, Bench
from test_plane_tapping import Reader, app, say, tap

from hookflash.plane.kernels import voicing
from hookflash.plane.kernels.voicing import (
    GAP,
    PATIENCE,
    PROMPT,
    RECENT,
    SPARE,
    STEADIEST,
    STEADY,
    STILL,
    WARIER,
)
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
        self.needed = PROMPT
        self.owed = 0
        self.hushed = False
        self.shed: int | None = None
        self.dry: int | None = None
        self.tick = 0

    def take(self) -> list[int]:
        """What is said in the next tick."""
        self.tick += 1
        hushed, self.hushed = self.hushed, False
        if not self.speaking and self.queue:
            self.waited += 1
            if len(self.queue) >= FRAME or self.waited > PATIENCE:
                self.speaking = True
                self._resume()
        if not self.speaking:
            return [0] * FRAME
        left = len(self.queue) - FRAME
        if left < FRAME and (self.dry is None or self.tick - self.dry >= GAP):
            self.owed = 0
        lefts = [*self.lefts, left]
        steady = min(lefts) >= FRAME and left <= (SPARE + self.owed) * FRAME
        self.lefts = lefts if steady and min(lefts) - FRAME >= max(lefts) - min(lefts) else []
        needed = self.needed if self.owed else max(self.needed, STEADY)
        if len(self.lefts) >= needed and max(abs(one) for one in self.queue[:FRAME]) <= STILL:
            self.left_out += self.queue[:FRAME]
            self.queue = self.queue[FRAME:]
            self.lefts = []
            self.shed = self.tick
            self.owed = max(self.owed - 1, 0)
        frame, self.queue = self.queue[:FRAME], self.queue[FRAME:]
        if len(frame) < FRAME:
            self.speaking, self.waited, self.lefts = False, 0, []
            self.dry = None if hushed else self.tick
        return frame + [0] * (FRAME - len(frame))

    def hush(self) -> None:
        """Nothing of what waits is to be heard."""
        self.hushed = self.hushed or bool(self.queue)
        self.queue = []

    def _resume(self) -> None:
        late = self.tick - self.dry if self.dry is not None and self.tick - self.dry <= GAP else 0
        self.owed = self.owed + late if late else 0
        if self.shed is None or self.tick - self.shed > RECENT:
            self.needed = PROMPT
        elif late:
            self.needed = min(WARIER * self.needed, STEADIEST)
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
        return int(self.rings.said[1] - max(self.rings.spoken[1], self.rings.void[1]))

    def send(self, frames: float = 1, level: int = LOUD) -> np.ndarray:
        """The app sends so many frames of different samples, none louder than ``level``."""
        count = round(frames * FRAME)
        samples = ((np.arange(self.said, self.said + count) % level) + 1).astype(np.int16)
        self.said += count
        say(self.bench, 1, samples)
        return samples

    def hush(self) -> None:
        """The app says that nothing of what waits is to be heard."""
        self.rings.void[1] = self.said

    def tick(self) -> np.ndarray:
        self.bench.tick()
        return self.reader.take()

    def ticks(self, sizes: Iterable[float], level: int = LOUD) -> None:
        """In each tick so many frames are there to be said."""
        for size in sizes:
            if size:
                self.send(size, level)
            self.tick()

    def late(self, ticks: int = 1, level: int = LOUD) -> None:
        """What should be there for so many ticks comes with that of the next."""
        self.ticks([0] * ticks)
        self.ticks([1 + ticks], level)


SIZES = st.sampled_from([0, 1, 1, 1, 2, 0.25, 1.5, 3])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            SIZES,
            st.sampled_from([1, 2, 3, 8, 60, 130]),
            st.sampled_from([LOUD, QUIET]),
            st.sampled_from([True] + 7 * [False]),
        ),
        max_size=12,
    )
)
def test_as_the_reference_has_it(schedule):
    room, reference = Room(), Reference()
    for size, ticks, level, hush in schedule:
        if hush:
            room.hush()
            reference.hush()
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


def test_who_is_late_in_a_silence_is_soon_on_time_again():
    room = Room()
    room.ticks([1] * 10, QUIET)
    room.late()
    room.ticks([1] * (PROMPT - 2), QUIET)
    assert room.waits == FRAME
    room.ticks([1], QUIET)
    assert room.waits == 0


def test_all_that_was_late_is_made_up_for():
    room = Room()
    room.ticks([1] * 10, QUIET)
    room.late(SPARE + 3, QUIET)
    assert room.waits == (SPARE + 3) * FRAME
    room.ticks([1] * (PROMPT * (SPARE + 3) - 1), QUIET)
    assert room.waits == 0
    room.ticks([SPARE + 2], QUIET)
    room.ticks([1] * 4 * STEADY, QUIET)
    assert room.waits == (SPARE + 1) * FRAME, "it is ahead on purpose now"


def test_what_stands_for_no_reason_is_left_out_only_after_a_second_of_it():
    room = Room()
    room.ticks([2], QUIET)
    room.ticks([1] * (STEADY - 2), QUIET)
    assert room.waits == FRAME
    room.ticks([1], QUIET)
    assert room.waits == 0


def test_who_never_catches_up_owes_nothing():
    """A slow clock leaves a tick empty now and then; a frame that comes early later is another thing."""
    room = Room()
    room.ticks([1] * 10 + [0], QUIET)
    room.ticks([1] * GAP + [2], QUIET)
    room.ticks([1] * (STEADY - 2), QUIET)
    assert room.waits == FRAME
    room.ticks([1], QUIET)
    assert room.waits == 0


def test_who_was_hushed_was_not_late():
    room = Room()
    room.ticks([5], QUIET)
    room.hush()
    room.ticks([0, 2], QUIET)
    room.ticks([1] * (STEADY - 2), QUIET)
    assert room.waits == FRAME


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
    for time in range(7):
        room.late()
        needed = min(PROMPT * WARIER**time, STEADIEST)
        room.ticks([1] * (needed - 2), QUIET)
        assert room.waits == FRAME
        room.ticks([1], QUIET)
        assert room.waits == 0
    room.ticks([1] * (RECENT + 1), QUIET)
    room.late()
    room.ticks([1] * PROMPT, QUIET)
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
    voices.needed[1] = voices.run[1] = voices.owed[1] = 900
    voices.since[1] = voices.dry[1] = 3
    voices.tail[1] = 7
    voicing.begin(voices, 1, 5, 2)
    assert (voices.row[1], voices.slot[1], voices.needed[1], voices.run[1]) == (5, 2, PROMPT, 0)
    assert voices.owed[1] == 0
    assert (voices.since[1], voices.dry[1]) == (RECENT, RECENT)
    assert not voices.tail[1].any()
