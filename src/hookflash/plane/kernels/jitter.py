"""The jitter buffer's side of receiving: where in the ring a packet goes, and how long packets should wait.

RTP times are unwrapped first and scaled to 1/8000 s then, so that a wrap stays exact at every clock. Arrival
is known to the tick. The least offset of the last five to ten seconds stands for a packet without delay; a
histogram of what the others needed more, and a peak that jumps up and is forgotten slowly, make the target.
A sender's clock that drifts moves the least offset, so that following the target follows the drift as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, MISSING, RATE, RING, Jitter, Quality, Receive, Setup, Wide
from hookflash.plane.columns.jitter import DELAYS
from hookflash.plane.kernels.compiling import kernel, part
from hookflash.plane.kernels.events import difference

CLASS = 80
"""Width of a class of delays."""
GROWTH = 320
"""By how much one packet can raise the target: a single stray costs little, a stall raises it at once."""
SETTLE = 64
"""Ticks between two looks at the histogram."""
FORGET = 512
"""Packets after which all counts of the histogram are halved."""
RARE = 7
"""One packet in two to the power of this may need more than the usual delay."""
WINDOW = 256
"""Ticks over which the least offset is taken, at least."""
LATE_RESYNC = 5
"""Packets in a row that come too late before playout follows the sender."""


@part
def unwrap(jitter: Jitter, row: int, time: int, clock: int) -> int:
    """The time of a packet in units of 1/8000 s, from its 32-bit RTP time in ``clock`` units a tick."""
    last = jitter.rtp[row]
    now = time if last < 0 else last + difference(time, last & 0xFFFFFFFF)
    if now > last:
        jitter.rtp[row] = now
    # Most clocks are 8,000 Hz, and dividing is slow.
    return int(now) if clock == FRAME else int(now * FRAME // clock)


@part
def forget(jitter: Jitter, row: int, first: int) -> None:
    """Know nothing of the delays any more; ``first`` is the target until there is something to go by."""
    for i in range(DELAYS):
        jitter.delays[row, i] = 0
    jitter.counted[row] = 0
    jitter.usual[row] = 0
    jitter.peak[row] = first
    jitter.target[row] = first


@part
def start_playout(jitter: Jitter, wide: Wide, row: int, slot: int, time: int, tick: int) -> None:
    """Empty the ring, and play the packet of ``time`` that has just come after the wanted delay."""
    # Plain loops: slice assignment costs compile time and is no faster.
    for i in range(RING):
        jitter.ring[row, i] = MISSING
    if slot >= 0:
        for i in range(2 * RING):
            wide.ring[slot, i] = MISSING
    jitter.playing[row] = 1
    jitter.time[row] = time - int(jitter.target[row])
    jitter.newest[row] = time
    if jitter.silent[row] > 0:
        jitter.hidden[row] = -1
    jitter.base[row] = (tick + int(jitter.behind[row])) * FRAME - time
    jitter.base_next[row] = jitter.base[row]
    jitter.window[row] = tick
    jitter.settled[row] = tick
    jitter.late[row] = 0
    jitter.moving[row] = 0


@part
def settle(jitter: Jitter, row: int) -> None:
    """Look at what the packets needed; the target may come down."""
    counted = int(jitter.counted[row])
    rare = counted >> RARE
    above = 0
    delay = DELAYS - 1
    while delay > 0 and above + jitter.delays[row, delay] <= rare:
        above += int(jitter.delays[row, delay])
        delay -= 1
    jitter.usual[row] = delay * CLASS
    peak = int(jitter.peak[row])
    jitter.peak[row] = max(peak - max(CLASS, peak >> 3), 0)
    jitter.target[row] = min(max(jitter.least[row], jitter.usual[row], jitter.peak[row]), jitter.most[row])
    if counted >= FORGET:
        counted = 0
        for i in range(DELAYS):
            jitter.delays[row, i] >>= 1
            counted += int(jitter.delays[row, i])
        jitter.counted[row] = counted


@part
def learn(jitter: Jitter, row: int, offset: int, tick: int) -> None:
    """One more packet's offset into the target."""
    if tick - jitter.window[row] >= WINDOW:
        jitter.window[row] = tick
        jitter.base[row] = min(jitter.base_next[row], offset)
        jitter.base_next[row] = offset
    elif offset < jitter.base_next[row]:
        jitter.base_next[row] = offset
        jitter.base[row] = min(jitter.base[row], offset)
    delay = offset - jitter.base[row]
    jitter.delays[row, min((delay + CLASS - 1) // CLASS, DELAYS - 1)] += 1
    jitter.counted[row] += 1
    target = int(jitter.target[row])
    if delay > target:
        jitter.peak[row] = min(max(jitter.peak[row], min(delay, target + GROWTH)), jitter.most[row])
        jitter.target[row] = max(target, jitter.peak[row])
    if tick - jitter.settled[row] >= SETTLE:
        settle(jitter, row)
        jitter.settled[row] = tick


@part
def jumped(jitter: Jitter, row: int, delay: int, depth: int, step: int, marker: int) -> bool:
    """Whether a packet that comes too late does so because the sender's time has jumped back."""
    if step <= 0:
        # A stray.
        jitter.late[row] = 0
        return False
    if marker != 0 or depth < -RATE:
        return True
    if jitter.late[row] == 0 or delay < jitter.late_delay[row] - FRAME:
        # The first one, or a backlog that is being caught up and will end by itself.
        jitter.late[row] = 0
        jitter.late_delay[row] = delay
    jitter.late[row] += 1
    return bool(jitter.late[row] >= LATE_RESYNC)


@part
def admit(
    jitter: Jitter,
    quality: Quality,
    wide: Wide,
    row: int,
    slot: int,
    time: int,
    count: int,
    step: int,
    marker: int,
    tick: int,
    first: int,
) -> int:
    """Make room for ``count`` units from ``time`` on; how many of them come too late, at the beginning.

    ``step`` is by how much the packet's sequence number is beyond the newest before, ``marker`` that a talk
    spurt begins, ``first`` the target of a leg of which nothing is known.
    """
    early = tick * FRAME - time
    latest = early + int(jitter.behind[row]) * FRAME
    earliest = early - int(jitter.left_out[row]) * FRAME
    # What waited for us was on time, if it can have been. Of what stood behind another packet nobody knows
    # since when: a tick may be held up while it reads.
    due = int(jitter.base[row])
    offset = max(earliest, due if jitter.queued[row] != 0 else min(latest, due))
    depth = time - jitter.time[row]
    # A talk spurt after a pause starts anew: the sender's time may be vague.
    restart = jitter.playing[row] == 0 or (
        marker != 0 and jitter.newest[row] <= jitter.time[row] and step > 0
    )
    if not restart and depth + count <= 0:
        if not jumped(jitter, row, early - jitter.base[row], depth, step, marker):
            quality.discarded[row] += 1
            learn(jitter, row, offset, tick)
            return count
        forget(jitter, row, first)
        restart = True
    if not restart and depth + count > RING - FRAME:
        if step <= 0:
            return count
        restart = True
    if restart:
        start_playout(jitter, wide, row, slot, time, tick)
        offset = latest
    jitter.late[row] = 0
    learn(jitter, row, offset, tick)
    jitter.newest[row] = max(jitter.newest[row], time + count)
    return int(max(jitter.time[row] - time, 0))


@kernel
def leap(setup: Setup, rx: Receive, jitter: Jitter, wide: Wide, used: int, ticks: int) -> None:
    """``ticks`` ticks were left out: what would have been heard in them is dropped by every leg.

    Ticks go on being counted as if there had been none, so what stands for times of arrival is moved. What
    came in them is read by the next tick.
    """
    units = ticks * FRAME
    for row in range(used):
        if setup.open[row] == 0:
            continue
        if rx.transit[row] >= 0:
            rx.transit[row] = (rx.transit[row] - ticks * int(setup.clock[row])) & 0xFFFFFFFF
        jitter.left_out[row] = ticks
        if jitter.playing[row] == 0:
            continue
        slot = int(setup.wide[row])
        for i in range(min(units, RING)):
            jitter.ring[row, (jitter.time[row] + i) & (RING - 1)] = MISSING
        if slot >= 0:
            for i in range(2 * min(units, RING)):
                wide.ring[slot, (2 * jitter.time[row] + i) & (2 * RING - 1)] = MISSING
        jitter.time[row] += units
        jitter.base[row] -= units
        jitter.base_next[row] -= units
        if jitter.hidden[row] == 0:
            # What follows is faded in.
            jitter.hidden[row] = 1
            jitter.period[row] = 0


@part
def store_pcm(wide: Wide, slot: int, samples: NDArray[np.int16], skip: int, time: int, only: bool) -> None:
    """Put ``samples`` without ``skip`` units at ``time`` into a wideband ring; ``only`` where nothing is."""
    for i in range(2 * skip, samples.shape[0]):
        index = (2 * time + i) & (2 * RING - 1)
        if not only or wide.ring[slot, index] == MISSING:
            wide.ring[slot, index] = max(samples[i], np.int16(-32767))


@kernel
def insert_pcm(
    setup: Setup,
    jitter: Jitter,
    wide: Wide,
    quality: Quality,
    row: int,
    samples: NDArray[np.int16],
    time: int,
    marker: int,
    tick: int,
    first: int,
) -> None:
    """Put decoded samples (16,000 Hz, an even number) of a leg's packet into its wideband ring.

    ``time`` is the packet's, in 1/8000 s, ``tick`` the one in which it came, ``first`` the target of a leg of
    which nothing is known. Packets are handed over in the order of their sequence numbers.
    """
    slot = int(setup.wide[row])
    count = samples.shape[0] // 2
    skip = admit(jitter, quality, wide, row, slot, time, count, 1, marker, tick, first)
    if skip < count:
        store_pcm(wide, slot, samples[: 2 * count], skip, time, False)


@kernel
def patch_pcm(
    setup: Setup, jitter: Jitter, wide: Wide, row: int, samples: NDArray[np.int16], time: int
) -> None:
    """Put made-up or recovered samples where nothing has come: nothing is learned from them."""
    count = samples.shape[0] // 2
    depth = time - jitter.time[row]
    if jitter.playing[row] != 0 and depth + count <= RING - FRAME:
        store_pcm(wide, int(setup.wide[row]), samples[: 2 * count], max(-depth, 0), time, True)
        jitter.newest[row] = max(jitter.newest[row], time + count)
