"""Wideband slots: G.722 of many legs at a time, what is said at 8,000 Hz, and packets of what is heard."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import (
    BLOCK,
    FRAME,
    MISSING,
    PAST,
    TAKE,
    Jitter,
    Setup,
    Transmit,
    Wide,
)
from hookflash.plane.columns.transmit import EVENT
from hookflash.plane.columns.wide import CODES, PACKETS, VOICE
from hookflash.plane.kernels.bands import narrow
from hookflash.plane.kernels.codec import encode_l16
from hookflash.plane.kernels.compiling import allocating, kernel, part
from hookflash.plane.kernels.g722 import (
    ADPCM,
    QMF,
    clip,
    clip14,
    decode_octet,
    encode_octet,
    even_filter,
    odd_filter,
)
from hookflash.plane.kernels.output import HEADER, write_header

LANES = BLOCK
"""Slots done at the same time."""
FEW = 8
"""Fewer slots than this are done one by one."""
AUDIBLE = np.int32(-32767)
"""Least sample: the one below is the mark for a missing one."""


@part
def decode_run(
    w: int,
    state: NDArray[np.int32],
    codes: NDArray[np.int32],
    sums: NDArray[np.int32],
    rows: int,
) -> None:
    """Decode ``rows`` of ``codes``, ``w`` lanes each."""
    # From 0 on: the compiler must see that no index is negative.
    for t in range(rows):
        row = codes[t * w : (t + 1) * w]
        pair = sums[(2 * t + QMF) * w : (2 * t + QMF + 2) * w]
        for j in range(w):
            decode_octet(state, j, w, np.int32(row[j] & 0xFF), pair)


@part
def synthesize(w: int, sums: NDArray[np.int32], pairs: int, pcm: NDArray[np.int16]) -> None:
    """The receiving mirror filter: two samples for each pair of sum and difference."""
    for t in range(pairs):
        line = sums[2 * t * w : (2 * t + QMF + 2) * w]
        out = pcm[2 * t * w : (2 * t + 2) * w]
        for j in range(w):
            first = np.int32(even_filter(line, j, w) >> 11)
            second = np.int32(odd_filter(line, j, w) >> 11)
            out[j] = np.int16(max(clip(first), AUDIBLE))
            out[w + j] = np.int16(max(clip(second), AUDIBLE))


@part
def encode_run(w: int, state: NDArray[np.int32], line: NDArray[np.int32], codes: NDArray[np.int32]) -> None:
    """A frame of ``w`` lanes through the transmitting mirror filter and both encoders."""
    for t in range(FRAME):
        past = line[2 * t * w : (2 * t + QMF + 2) * w]
        row = codes[t * w : (t + 1) * w]
        for j in range(w):
            even, odd = even_filter(past, j, w), odd_filter(past, j, w)
            low = clip14(np.int32(np.int32(even + odd) >> 14))
            high = clip14(np.int32(np.int32(even - odd) >> 14))
            row[j] = encode_octet(state, j, w, low, high)


# Kernels of their own, with the number of lanes in the code: only so does all of it become SIMD code.


@kernel
def decode_lanes(
    state: NDArray[np.int32], codes: NDArray[np.int32], sums: NDArray[np.int32], rows: int
) -> None:
    """:func:`decode_run` of a full block."""
    decode_run(LANES, state, codes, sums, rows)


@kernel
def decode_one(
    state: NDArray[np.int32], codes: NDArray[np.int32], sums: NDArray[np.int32], rows: int
) -> None:
    """:func:`decode_run` of one slot."""
    decode_run(1, state, codes, sums, rows)


@kernel
def synthesize_lanes(sums: NDArray[np.int32], pairs: int, pcm: NDArray[np.int16]) -> None:
    """:func:`synthesize` of a full block."""
    synthesize(LANES, sums, pairs, pcm)


@kernel
def synthesize_one(sums: NDArray[np.int32], pairs: int, pcm: NDArray[np.int16]) -> None:
    """:func:`synthesize` of one slot."""
    synthesize(1, sums, pairs, pcm)


@kernel
def encode_lanes(state: NDArray[np.int32], line: NDArray[np.int32], codes: NDArray[np.int32]) -> None:
    """:func:`encode_run` of a full block."""
    encode_run(LANES, state, line, codes)


@kernel
def encode_one(state: NDArray[np.int32], line: NDArray[np.int32], codes: NDArray[np.int32]) -> None:
    """:func:`encode_run` of one slot."""
    encode_run(1, state, line, codes)


@part
def load(
    wide: Wide,
    slots: NDArray[np.int64],
    count: int,
    w: int,
    state: NDArray[np.int32],
    sums: NDArray[np.int32],
    codes: NDArray[np.int32],
    gaps: NDArray[np.int32],
) -> int:
    """Bring decoders' state and octets into ``w`` lanes; the most octets any of them took.

    ``gaps`` gets below 0 where a lane has no octet. Lanes without a slot get the last one's, and what they
    make of it goes nowhere.
    """
    most = 0
    for j in range(count):
        most = max(most, wide.taken[slots[j]])
    for t in range(most):
        gaps[t] = 0
    for j in range(w):
        slot = slots[min(j, count - 1)]
        taken = wide.taken[slot]
        for k in range(ADPCM):
            state[k * w + j] = wide.decoder[slot, k]
        for k in range(QMF):
            sums[k * w + j] = wide.decoder[slot, ADPCM + k]
        for t in range(taken):
            codes[t * w + j] = wide.codes[slot, t]
            gaps[t] = min(gaps[t], np.int32(wide.codes[slot, t]))
        for t in range(taken, most):
            codes[t * w + j] = MISSING
            gaps[t] = MISSING
    return most


@part
def put_back(
    w: int,
    state: NDArray[np.int32],
    kept: NDArray[np.int32],
    sums: NDArray[np.int32],
    codes: NDArray[np.int32],
    t: int,
) -> None:
    """Where nothing came the state stays as it was: the best guess for what comes next."""
    for j in range(w):
        if codes[t * w + j] < 0:
            for k in range(ADPCM):
                state[k * w + j] = kept[k * w + j]
            sums[(2 * t + QMF) * w + j] = 0
            sums[(2 * t + QMF + 1) * w + j] = 0


@part
def decode_some(
    wide: Wide,
    slots: NDArray[np.int64],
    count: int,
    w: int,
    state: NDArray[np.int32],
    kept: NDArray[np.int32],
    sums: NDArray[np.int32],
    codes: NDArray[np.int32],
    gaps: NDArray[np.int32],
    pcm: NDArray[np.int16],
) -> None:
    """Decode what ``slots[:count]`` took out of their rings, in ``w`` lanes."""
    most = load(wide, slots, count, w, state, sums, codes, gaps)
    t = 0
    while t < most:
        first = t
        while t < most and gaps[t] >= 0:
            t += 1
        if t == first:
            for i in range(ADPCM * w):
                kept[i] = state[i]
            t += 1
        if w == 1:
            decode_one(state, codes[first * w :], sums[2 * first * w :], t - first)
        else:
            decode_lanes(state, codes[first * w :], sums[2 * first * w :], t - first)
        if gaps[first] < 0:
            put_back(w, state, kept, sums, codes, first)
    for j in range(count):
        slot = slots[j]
        for k in range(ADPCM):
            wide.decoder[slot, k] = state[k * w + j]
        for k in range(QMF):
            wide.decoder[slot, ADPCM + k] = sums[(2 * wide.taken[slot] + k) * w + j]
    if w == 1:
        synthesize_one(sums, most, pcm)
    else:
        synthesize_lanes(sums, most, pcm)
    for j in range(count):
        raw = wide.raw[slots[j]]
        taken = wide.taken[slots[j]]
        for i in range(2 * taken):
            raw[i] = pcm[i * w + j]
        for i in range(taken):
            if wide.codes[slots[j], i] < 0:
                raw[2 * i] = raw[2 * i + 1] = MISSING


@allocating
def decode_g722(wide: Wide, slots: NDArray[np.int64]) -> None:
    """Decode ``codes`` of the G.722 ``slots`` into ``raw``: two samples an octet, MISSING where it is."""
    total = slots.shape[0]
    rest = total % LANES
    lanes = LANES if total - rest > 0 or rest >= FEW else 1
    state, kept = np.empty(ADPCM * lanes, np.int32), np.empty(ADPCM * lanes, np.int32)
    sums, pcm = np.empty((2 * TAKE + QMF) * lanes, np.int32), np.empty(2 * TAKE * lanes, np.int16)
    codes, gaps = np.empty(TAKE * lanes, np.int32), np.empty(TAKE, np.int32)
    if rest < FEW:
        for k in range(total - rest, total):
            decode_some(wide, slots[k:], 1, 1, state, kept, sums, codes, gaps, pcm)
        total -= rest
    for k in range(0, total, LANES):
        count = min(LANES, total - k)
        decode_some(wide, slots[k:], count, LANES, state, kept, sums, codes, gaps, pcm)


@part
def encode_some(
    tx: Transmit,
    wide: Wide,
    slots: NDArray[np.int64],
    count: int,
    w: int,
    state: NDArray[np.int32],
    line: NDArray[np.int32],
    codes: NDArray[np.int32],
) -> None:
    """Encode what ``slots[:count]`` hear, in ``w`` lanes."""
    for j in range(w):
        slot = slots[min(j, count - 1)]
        for k in range(ADPCM):
            state[k * w + j] = wide.encoder[slot, k]
        for k in range(QMF):
            line[k * w + j] = wide.encoder[slot, ADPCM + k]
        for i in range(2 * FRAME):
            line[(QMF + i) * w + j] = wide.out[slot, i]
    if w == 1:
        encode_one(state, line, codes)
    else:
        encode_lanes(state, line, codes)
    for j in range(count):
        slot = slots[j]
        for k in range(ADPCM):
            wide.encoder[slot, k] = state[k * w + j]
        for k in range(QMF):
            wide.encoder[slot, ADPCM + k] = line[(2 * FRAME + k) * w + j]
        payload = tx.octets[wide.row[slot], HEADER : HEADER + FRAME]
        for t in range(FRAME):
            payload[t] = np.uint8(codes[t * w + j])


@allocating
def encode_g722(tx: Transmit, wide: Wide, slots: NDArray[np.int64]) -> None:
    """Encode ``out`` of the G.722 ``slots`` as the payload of their packets of this tick."""
    total = slots.shape[0]
    rest = total % LANES
    lanes = LANES if total - rest > 0 or rest >= FEW else 1
    state, line = np.empty(ADPCM * lanes, np.int32), np.empty((2 * FRAME + QMF) * lanes, np.int32)
    codes = np.empty(FRAME * lanes, np.int32)
    if rest < FEW:
        for k in range(total - rest, total):
            encode_some(tx, wide, slots[k:], 1, 1, state, line, codes)
        total -= rest
    for k in range(0, total, LANES):
        encode_some(tx, wide, slots[k:], min(LANES, total - k), LANES, state, line, codes)


@kernel
def encode_pcm(tx: Transmit, wide: Wide, slots: NDArray[np.int64]) -> None:
    """Encode ``out`` of the L16 ``slots`` (16,000 Hz) as the payload of their packets of this tick."""
    for k in range(slots.shape[0]):
        slot = slots[k]
        encode_l16(wide.out[slot], tx.octets[wide.row[slot], HEADER : HEADER + 4 * FRAME])


@kernel
def begin_packets(
    setup: Setup, tx: Transmit, wide: Wide, kind: int, used: int, chosen: NDArray[np.int64]
) -> int:
    """Begin the packet of every slot of ``kind`` that sends one of what it hears; ``chosen`` gets the slots.

    Slots are looked for up to ``used``; the result is how many were chosen. A leg that sends a
    telephone-event in this tick is none of them: its encoder rests, as the peer's decoder does.
    """
    count = 0
    for slot in range(used):
        row = wide.row[slot]
        if row < 0 or wide.kind[slot] != kind or setup.sending[row] == 0 or setup.connected[row] == 0:
            continue
        if tx.tone[row] != 0 and tx.made[row] == EVENT:
            continue
        if kind != PACKETS:
            write_header(tx, row, setup.payload_type[row], tx.mark[row], tx.time[row])
            tx.mark[row] = 0
            tx.length[row] = HEADER + (FRAME if kind == CODES else 4 * FRAME)
        chosen[count] = slot
        count += 1
    return count


@kernel
def narrow_slots(jitter: Jitter, wide: Wide, flat: NDArray[np.float32], used: int) -> None:
    """What wideband legs say, at 8,000 Hz too: detectors and narrow mixes know only that.

    ``flat`` is memory to work in.
    """
    for slot in range(used):
        row = wide.row[slot]
        if row < 0 or wide.kind[slot] == VOICE or jitter.playing[row] == 0:
            continue
        heard = jitter.heard[row]
        for i in range(PAST):
            heard[i] = heard[FRAME + i]
        narrow(wide.heard[slot], flat, heard[PAST:])
