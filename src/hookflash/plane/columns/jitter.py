"""The jitter ring, its delay, and its playout."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.sizes import FRAME, MISSING, PAST, RING, RING_PAD

LEAST, MOST = 160, 1600
"""Bounds of the target unless a plane has others: 20 ms (arrival is known no better) and 200 ms."""
DELAYS = 32
"""Classes of delays, 10 ms each: the last one holds all that is longer."""
ORDER = 10
"""Most reflection coefficients of a comfort noise that are used."""

SHAPES: dict[str, int] = {
    "ring": RING + RING_PAD,
    "delays": DELAYS,
    "heard": PAST + FRAME,
    "reflection": ORDER,
    "lattice": ORDER + 1,
}
FIRST: dict[str, int] = {"ring": MISSING, "rtp": -1, "silent": 4, "least": LEAST, "most": MOST}


class Jitter(NamedTuple):
    """The jitter ring, its delay, and its playout. All times are in units of 1/8000 s, unwrapped.

    The *offset* of a packet is its arrival (tick * 160) minus its time, its *delay* by how much that is more
    than ``base``. When the worker itself is late, packets wait in the socket and are read by ticks that
    should have been over: what came within those ticks counts as having come when it was due.

    The *lag* of a leg is how long a packet without delay waits in the ring: arrival minus ``base`` minus
    ``time``. Playout moves the lag towards ``target``.
    """

    ring: NDArray[np.int16]  # [rows, RING + RING_PAD] samples (G.722: octets) at time mod RING
    playing: NDArray[np.uint8]  # 0 idle, 1 playing
    rtp: NDArray[np.int64]  # RTP time of the newest packet, unwrapped, in units of the leg's clock; -1 none
    time: NDArray[np.int64]  # time of the next unit to play
    newest: NDArray[np.int64]  # time just after the newest unit
    base: NDArray[np.int64]  # least offset of this window and the one before
    base_next: NDArray[np.int64]  # least offset of this window
    window: NDArray[np.int64]  # tick at which this window began
    delays: NDArray[np.int16]  # [rows, DELAYS] how many of the last packets had a delay of how much
    counted: NDArray[np.int16]  # packets in ``delays``
    settled: NDArray[np.int64]  # tick of the last look at ``delays``
    usual: NDArray[np.int16]  # delay that all but one in 128 packets keep to
    peak: NDArray[np.int16]  # what the slowest packets needed, forgotten bit by bit
    target: NDArray[np.int16]  # the lag that is wanted
    least: NDArray[np.int16]  # the least it may be
    most: NDArray[np.int16]  # the most; playout waits no longer than that for what may be late either
    behind: NDArray[np.int16]  # how many ticks later than the tick says what is read now may have come
    left_out: NDArray[np.int16]  # how many ticks earlier it may have come, in ticks that were left out
    queued: NDArray[np.uint8]  # 1 the packet stood behind another one in the socket
    late: NDArray[np.int16]  # packets in a row that came too late
    late_delay: NDArray[np.int64]  # delay of the first of them
    moving: NDArray[np.int8]  # the lag is being 1 shortened, -1 lengthened, 0 left as it is
    waited: NDArray[np.int16]  # ticks for a good place to do so
    splice: NDArray[np.int16]  # units left out (> 0) or repeated (< 0) in this tick
    hidden: NDArray[np.int16]  # samples made up since the hole began; 0 in real audio, -1 before any
    back: NDArray[np.int16]  # samples since real ones are there again, while they are faded in
    period: NDArray[np.int16]  # samples after which concealment repeats; below 0 it is noise; 0 not known yet
    step: NDArray[np.float32]  # by how much the first repeated sample would have missed the last real one
    noise: NDArray[np.float32]  # comfort noise: root mean square, 0 none
    noise_left: NDArray[np.int32]  # ticks for which it lasts without news
    noise_time: NDArray[np.int64]  # since when
    order: NDArray[np.int16]  # how many of ``reflection`` count
    reflection: NDArray[np.float32]  # [rows, ORDER] its spectrum
    lattice: NDArray[np.float32]  # [rows, ORDER + 1] state of the filter that gives it that
    seed: NDArray[np.int64]  # of the noise
    noisy: NDArray[np.uint8]  # this tick's ``heard`` is nothing but comfort noise
    heard: NDArray[np.int16]  # [rows, PAST + FRAME] what the leg said, the last FRAME are this tick's
    silent: NDArray[np.int16]  # ticks in a row in which ``heard`` got plain zeros, counted up to 4
