"""Audio into the plane: the voices of app legs, which say what apps have sent.

A voice says one frame a tick, in the order in which it was sent, and nothing of it is lost. Whoever sends in
real time and is late once is behind by a frame from then on: the tick that had nothing to say is over. Such
a frame, which stands in the ring without being needed, is left out again where it is silent: soon when it
makes up for a silence that was said because it came late, after a second when there is no such reason for
it. Who sends faster than real time, and has much in the ring, is left alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, PAST, WIDE_FRAME, Jitter, Wide
from hookflash.plane.kernels.bands import LINE, narrow
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.rings import VOICE_SAMPLES, Rings

CUSHION = 1
"""Frames a voice waits for before it begins to speak."""
PATIENCE = 1
"""Ticks after which it begins with less."""
REACH = 80
"""Samples of the past (at 8,000 Hz) that are kept for the filter of a voice."""
PROMPT, STEADY, STEADIEST = 5, 50, 3_200
"""Ticks that a frame has to stand in a ring before it is left out: when it makes up for being late, when it
does not, and at most."""
WARIER = 4
"""How many times as long it has to stand when one that was left out was missed."""
SPARE = 2
"""Frames left over after a tick, besides those owed, beyond which a sender is ahead on purpose."""
STILL = 16
"""Peak up to which a frame is silent enough to be left out: 66 dB below full scale."""
GAP = 15
"""Ticks without anything to say up to which a voice was late, and had not fallen silent."""
RECENT = 500
"""Ticks after one was left out in which the frame is missed if the voice is late."""


class Voices(NamedTuple):
    """One row a voice, the same as its ring."""

    row: NDArray[np.int32]  # of the leg it speaks for
    slot: NDArray[np.int32]  # its wideband slot when the ring is at 16,000 Hz, -1 at 8,000
    speaking: NDArray[np.uint8]  # has begun
    waited: NDArray[np.int16]  # ticks since something is there to be said
    tail: NDArray[np.int16]  # [voices, 2 * REACH] the end of what was said last, at the rate of the ring
    fresh: NDArray[np.uint8]  # something was said in the last tick
    flat: NDArray[np.float32]  # [LINE] scratch of the filter, all voices share it
    run: NDArray[np.int32]  # ticks in a row with a frame or two left over
    least: NDArray[np.int32]  # samples left over in them, at least
    most: NDArray[np.int32]  # and at most
    needed: NDArray[np.int32]  # such ticks after which a frame is left out, STEADY at least if none is owed
    owed: NDArray[np.int32]  # ticks in which there was nothing to say because it was late, not made up for
    since: NDArray[np.int32]  # ticks since one was left out, counted up to RECENT
    dry: NDArray[np.int32]  # ticks since there was nothing to say, counted up to RECENT


def make_voices(voices: int) -> Voices:
    """Rows for so many, none of which speaks."""
    return Voices(
        row=np.zeros(voices, np.int32),
        slot=np.full(voices, -1, np.int32),
        speaking=np.zeros(voices, np.uint8),
        waited=np.zeros(voices, np.int16),
        tail=np.zeros((voices, 2 * REACH), np.int16),
        fresh=np.zeros(voices, np.uint8),
        flat=np.zeros(LINE, np.float32),
        run=np.zeros(voices, np.int32),
        least=np.zeros(voices, np.int32),
        most=np.zeros(voices, np.int32),
        needed=np.full(voices, PROMPT, np.int32),
        owed=np.zeros(voices, np.int32),
        since=np.full(voices, RECENT, np.int32),
        dry=np.full(voices, RECENT, np.int32),
    )


def begin(voices: Voices, voice: int, row: int, slot: int) -> None:
    """A voice speaks for another leg, from nothing on."""
    voices.row[voice] = row
    voices.slot[voice] = slot
    voices.speaking[voice] = voices.waited[voice] = voices.fresh[voice] = voices.run[voice] = 0
    voices.tail[voice] = 0
    voices.needed[voice], voices.owed[voice] = PROMPT, 0
    voices.since[voice] = voices.dry[voice] = RECENT


@kernel
def take_voices(
    jitter: Jitter,
    wide: Wide,
    voices: Voices,
    rings: Rings,
    active: NDArray[np.int64],
    seen: NDArray[np.int64],
) -> None:
    """Let the legs of the voices ``active`` say what is in their rings.

    ``seen`` is what had been written into each ring when it was looked at, which has to be done so that the
    samples behind such a count are surely there, also on machines that reorder what they read and write.
    """
    for k in range(active.shape[0]):
        voice = active[k]
        size = FRAME if voices.slot[voice] < 0 else WIDE_FRAME
        hushed = rings.void[voice] > rings.spoken[voice]
        at = max(rings.spoken[voice], rings.void[voice])
        ready = seen[voice] - at
        if voices.speaking[voice] == 0 and ready > 0:
            voices.waited[voice] += 1
            if ready >= CUSHION * size or voices.waited[voice] > PATIENCE:
                voices.speaking[voice] = 1
                resume(voices, voice)
        count = 0
        voices.since[voice] = min(voices.since[voice] + 1, RECENT)
        voices.dry[voice] = min(voices.dry[voice] + 1, RECENT)
        if voices.speaking[voice] != 0:
            if stands(voices, voice, ready - size, size) and still(rings, voice, at, size):
                at += size
                ready -= size
                voices.run[voice] = 0
                voices.since[voice] = 0
                voices.owed[voice] = max(voices.owed[voice] - 1, 0)
            count = max(min(ready, size), 0)
            if count < size:
                voices.speaking[voice] = 0
                voices.waited[voice] = 0
                voices.run[voice] = 0
                voices.dry[voice] = RECENT if hushed else 0
        if voices.slot[voice] < 0:
            say(jitter, voices, rings, voice, at, count)
        else:
            say_wide(jitter, wide, voices, rings, voice, at, count)
        voices.fresh[voice] = count > 0
        rings.spoken[voice] = at + count


@part
def resume(voices: Voices, voice: int) -> None:
    """A voice has something to say again: if it was only late, it may have needed what was left out."""
    late = voices.dry[voice] < GAP
    voices.owed[voice] = min(voices.owed[voice] + voices.dry[voice] + 1, STEADIEST) if late else 0
    if voices.since[voice] >= RECENT:
        voices.needed[voice] = PROMPT
    elif late:
        voices.needed[voice] = min(WARIER * voices.needed[voice], STEADIEST)
    voices.since[voice] = RECENT


@part
def stands(voices: Voices, voice: int, left: int, size: int) -> bool:
    """Count a tick after which ``left`` samples will be left over; whether a frame of ``size`` of them has
    stood there for long enough, over and above by how much they vary.
    """
    if left < size and voices.dry[voice] >= GAP:
        # What was late has not been caught up with: whoever sends is on time by now.
        voices.owed[voice] = 0
    owed = voices.owed[voice]
    if left < size or left > (SPARE + owed) * size:
        voices.run[voice] = 0
        return False
    if voices.run[voice] == 0:
        voices.least[voice] = voices.most[voice] = left
    voices.run[voice] += 1
    voices.least[voice] = min(voices.least[voice], left)
    voices.most[voice] = max(voices.most[voice], left)
    if 2 * voices.least[voice] - voices.most[voice] < size:
        # It has to be steady for so long.
        voices.run[voice] = 0
        return False
    needed = voices.needed[voice]
    return bool(voices.run[voice] >= (needed if owed > 0 else max(needed, STEADY)))


@part
def still(rings: Rings, voice: int, at: int, size: int) -> bool:
    """Whether nothing is missed if the frame at ``at`` is left out."""
    peak = np.int32(0)
    for i in range(size):
        peak = max(peak, abs(np.int32(rings.samples[voice, (at + i) & (VOICE_SAMPLES - 1)])))
    return bool(peak <= STILL)


@part
def say(jitter: Jitter, voices: Voices, rings: Rings, voice: int, at: int, count: int) -> None:
    """``count`` samples of a ring at 8,000 Hz as this tick of its leg."""
    if count == 0 and voices.fresh[voice] == 0:
        return
    heard = jitter.heard[voices.row[voice]]
    tail = voices.tail[voice]
    if count > 0:
        jitter.silent[voices.row[voice]] = 0
        # A leg without packets is silent to the plane, which clears what it said before.
        for i in range(REACH):
            heard[PAST - REACH + i] = tail[i]
        for i in range(count):
            heard[PAST + i] = rings.samples[voice, (at + i) & (VOICE_SAMPLES - 1)]
        for i in range(count, FRAME):
            heard[PAST + i] = 0
        for i in range(REACH):
            tail[i] = heard[PAST + FRAME - REACH + i]
    else:
        for i in range(REACH):
            tail[i] = 0


@part
def say_wide(
    jitter: Jitter, wide: Wide, voices: Voices, rings: Rings, voice: int, at: int, count: int
) -> None:
    """``count`` samples of a ring at 16,000 Hz as this tick of its leg, and the same at 8,000 Hz."""
    line = wide.heard[voices.slot[voice]]
    tail = voices.tail[voice]
    for i in range(2 * REACH):
        line[2 * PAST - 2 * REACH + i] = tail[i]
    for i in range(count):
        line[2 * PAST + i] = rings.samples[voice, (at + i) & (VOICE_SAMPLES - 1)]
    for i in range(count, WIDE_FRAME):
        line[2 * PAST + i] = 0
    for i in range(2 * REACH):
        tail[i] = line[2 * PAST + WIDE_FRAME - 2 * REACH + i]
    if count > 0 or voices.fresh[voice] != 0:
        # The tick after the last sample holds what the filter still gives.
        jitter.silent[voices.row[voice]] = 0
        narrow(line, voices.flat, jitter.heard[voices.row[voice], PAST:])
