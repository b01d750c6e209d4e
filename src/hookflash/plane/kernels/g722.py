"""G.722 at 64 kbit/s: sub-band ADPCM behind a quadrature mirror filter (ITU-T G.722, 09/2012), bit exact.

One function does one octet of one leg, without branches, on a state of int32 [ADPCM * lanes], lane innermost.
Over 48 lanes the compiler makes SIMD code of it; a few legs are done one by one instead. Two samples at
16,000 Hz are one octet: 6 bits of the band below 4 kHz, 2 bits of the one above. Names follow section 6 of
the recommendation.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns.wide import CODER
from hookflash.plane.kernels.compiling import part

BAND = 20
"""Numbers of state a band has: :data:`S` to :data:`D` and five more delays."""
S, SZ, NB, A1, A2, P1, P2, R1, B, D = 0, 1, 2, 3, 4, 5, 6, 7, 8, 14
"""Predicted signal and its zero section; logarithm of the step; pole coefficients; partial and whole
reconstruction before; zero coefficients (six); differences before (six)."""
ADPCM = 2 * BAND
"""Numbers both bands have."""
QMF = 22
"""Numbers of the past the filter needs beside the two new ones."""
assert ADPCM + QMF == CODER  # a fresh state is all zeros

F0, F1, F2, F3, F4, F5, F6, F7, F8, F9, F10, F11 = (
    np.int32(c) for c in (3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11)
)
"""The mirror filter (table 11): the other half is the same backwards."""
_SIX: tuple[int, ...] = (
    -136,
    -136,
    -136,
    -136,
    -24808,
    -21904,
    -19008,
    -16704,
    -14984,
    -13512,
    -12280,
    -11192,
    -10232,
    -9360,
)
_SIX += (-8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032)
_SIX += (-1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576)
_SIX += (7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728)
_SIX += (432, 136, -432, -136)
QQ6 = np.array(_SIX, np.int32)
"""Inverse quantizer of the lower band's 6 bits, by code."""
_FOUR = (0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0)
QQ4 = np.array(_FOUR, np.int32)
"""The same of the 4 bits that the predictor is adapted by."""
_RISE = (-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60)
WL = np.array(_RISE, np.int32)
"""How the logarithm of the step changes, by the 4 bits."""
L0, L1, L2, L3, L4 = (np.float32(c) for c in (2048.697, 44.27599, 0.49163494, 0.002869004, 3.217163e-05))
"""The antilogarithm (table 14, 32 steps an octave) as a polynomial: it is exact, and faster than a table."""
_LEVELS: tuple[int, ...] = (
    35,
    72,
    110,
    150,
    190,
    233,
    276,
    323,
    370,
    422,
    473,
    530,
    587,
    650,
    714,
    786,
    858,
    940,
    1023,
)
_LEVELS += (1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919)
Q6 = np.array(_LEVELS, np.int32)
"""Decision levels of the lower band."""
LOW, HIGH = np.int32(-32768), np.int32(32767)
LOW14, HIGH14 = np.int32(-16384), np.int32(16383)
ZERO, ONE = np.int32(0), np.int32(1)
MOST_LOW, MOST_HIGH = np.int32(18432), np.int32(22528)
"""Largest logarithm of the step of each band."""
LEAK = np.int32(32512)
SLOW_LEAK = np.int32(32640)
POLE2 = np.int32(12288)
POLES = np.int32(15360)


@part
def clip(value: np.int32) -> np.int32:
    """Saturate to 16 bits."""
    return np.int32(min(max(value, LOW), HIGH))


@part
def clip14(value: np.int32) -> np.int32:
    """LIMIT: saturate to 15 bits."""
    return np.int32(min(max(value, LOW14), HIGH14))


@part
def times(a: np.int32, b: np.int32) -> np.int32:
    """Product of two numbers of 16 bits in units of 2**-15."""
    # Each step is cut back to 32 bits: the kernel compiler would widen it, and halve the lanes.
    product = np.int32(a * b)
    return np.int32(product >> 15)


@part
def step_of(logarithm: np.int32, shift: int) -> np.int32:
    """SCALEL, SCALEH: the quantizer's step."""
    x = np.float32(np.int32(np.int32(logarithm >> 6) & 31))
    fine = np.int32(L0 + x * (L1 + x * (L2 + x * (L3 + x * L4))))
    raised = np.int32(fine << np.int32(logarithm >> 11))
    return np.int32(np.int32(raised >> shift) << 2)


@part
def adapt(state: NDArray[np.int32], o: int, j: int, w: int, d: np.int32) -> None:
    """Block 4: adapt the predictor of a band (rows from ``o``) of lane ``j`` by the difference ``d``."""
    a1, a2 = state[(o + A1) * w + j], state[(o + A2) * w + j]
    before = state[(o + R1) * w + j]
    r = clip(np.int32(state[(o + S) * w + j] + d))
    p = clip(np.int32(state[(o + SZ) * w + j] + d))
    positive = np.int32(p >> 15)
    same1 = positive == np.int32(state[(o + P1) * w + j] >> 15)
    same2 = positive == np.int32(state[(o + P2) * w + j] >> 15)
    # UPPOL2, UPPOL1
    fourfold = clip(np.int32(a1 << 2))
    turned = np.int32(min(np.int32(-fourfold), HIGH)) if same1 else fourfold
    second = np.int32(np.int32(turned >> 7) + (np.int32(128) if same2 else np.int32(-128)))
    second = np.int32(second + times(a2, LEAK))
    second = np.int32(min(max(second, np.int32(-POLE2)), POLE2))
    most = np.int32(POLES - second)
    first = np.int32((np.int32(192) if same1 else np.int32(-192)) + times(a1, SLOW_LEAK))
    first = np.int32(min(max(first, np.int32(-most)), most))
    state[(o + A1) * w + j] = first
    state[(o + A2) * w + j] = second
    state[(o + P2) * w + j] = state[(o + P1) * w + j]
    state[(o + P1) * w + j] = p
    state[(o + R1) * w + j] = r
    # UPZERO, DELAYA, FILTEZ: from the oldest difference on
    gain = ZERO if d == ZERO else np.int32(128)
    sign = np.int32(d >> 15)
    sz = ZERO
    for k in range(5, -1, -1):
        old = state[(o + D + k) * w + j]
        up = gain if np.int32(old >> 15) == sign else np.int32(-gain)
        b = np.int32(up + times(state[(o + B + k) * w + j], SLOW_LEAK))
        state[(o + B + k) * w + j] = b
        new = state[(o + D + k - 1) * w + j] if k > 0 else d
        state[(o + D + k) * w + j] = new
        sz = clip(np.int32(sz + times(b, clip(np.int32(new + new)))))
    # FILTEP, PREDIC
    poles = times(first, clip(np.int32(r + r)))
    poles = clip(np.int32(poles + times(second, clip(np.int32(before + before)))))
    state[(o + SZ) * w + j] = sz
    state[(o + S) * w + j] = clip(np.int32(poles + sz))


@part
def follow_low(state: NDArray[np.int32], j: int, w: int, code: np.int32, step: np.int32) -> None:
    """Both sides alike: what the 6 bits of the lower band do to its state."""
    coarse = np.int32(code >> 2)
    logarithm = np.int32(times(state[NB * w + j], LEAK) + WL[coarse])
    state[NB * w + j] = np.int32(min(max(logarithm, ZERO), MOST_LOW))
    adapt(state, 0, j, w, times(step, QQ4[coarse]))


@part
def follow_high(state: NDArray[np.int32], j: int, w: int, code: np.int32, d: np.int32) -> None:
    """The same for the 2 bits of the upper band, whose difference is ``d``."""
    rise = np.int32(798) if code & ONE == ZERO else np.int32(-214)
    logarithm = np.int32(times(state[(BAND + NB) * w + j], LEAK) + rise)
    state[(BAND + NB) * w + j] = np.int32(min(max(logarithm, ZERO), MOST_HIGH))
    adapt(state, BAND, j, w, d)


@part
def difference_high(code: np.int32, step: np.int32) -> np.int32:
    """INVQAH: what 2 bits mean."""
    size = np.int32(7408) if code & ONE == ZERO else np.int32(1616)
    return times(step, np.int32(-size) if code < np.int32(2) else size)


@part
def decode_octet(state: NDArray[np.int32], j: int, w: int, code: np.int32, pair: NDArray[np.int32]) -> None:
    """Decode the octet ``code`` of lane ``j``: sum and difference of its two bands into ``pair``."""
    six = np.int32(code & 63)
    step = step_of(state[NB * w + j], 8)
    low = clip14(np.int32(state[S * w + j] + times(step, QQ6[six])))
    follow_low(state, j, w, six, step)
    two = np.int32(code >> 6)
    d = difference_high(two, step_of(state[(BAND + NB) * w + j], 10))
    high = clip14(np.int32(state[(BAND + S) * w + j] + d))
    follow_high(state, j, w, two, d)
    pair[j] = np.int32(low + high)
    pair[w + j] = np.int32(low - high)


@part
def encode_octet(state: NDArray[np.int32], j: int, w: int, low: np.int32, high: np.int32) -> np.int32:
    """The octet for a sample of each band of lane ``j``."""
    step = step_of(state[NB * w + j], 8)
    error = clip(np.int32(low - state[S * w + j]))
    size = error if error >= ZERO else np.int32(-error - ONE)
    # QUANTL: the error's size against level * step >> 12, without the shift.
    fine = np.int32(np.int32(size << 12) | np.int32(4095))
    passed = ZERO
    for k in range(29):
        passed = np.int32(passed + (ONE if np.int32(Q6[k] * step) <= fine else ZERO))
    if error >= ZERO:
        six = np.int32(61 - passed)
    else:
        six = np.int32(63 - passed) if passed < np.int32(2) else np.int32(33 - passed)
    follow_low(state, j, w, six, step)
    step = step_of(state[(BAND + NB) * w + j], 10)
    error = clip(np.int32(high - state[(BAND + S) * w + j]))
    size = error if error >= ZERO else np.int32(-error - ONE)
    level = np.int32(np.int32(np.int32(564) * step) >> 12)
    two = ONE if size < level else ZERO
    two = np.int32(two + (np.int32(2) if error >= ZERO else ZERO))
    follow_high(state, j, w, two, difference_high(two, step))
    return np.int32(np.int32(two << 6) | six)


@part
def odd_filter(line: NDArray[np.int32], j: int, w: int) -> np.int32:
    """The mirror filter over the older of each of the twelve pairs of a line."""
    # The line begins at 0: the compiler must see that no index is negative.
    i = j
    total = np.int32(line[i] * F0 + line[i + 2 * w] * F1 + line[i + 4 * w] * F2 + line[i + 6 * w] * F3)
    more = np.int32(
        line[i + 8 * w] * F4 + line[i + 10 * w] * F5 + line[i + 12 * w] * F6 + line[i + 14 * w] * F7
    )
    rest = np.int32(line[i + 16 * w] * F8 + line[i + 18 * w] * F9 + line[i + 20 * w] * F10)
    rest = np.int32(rest + line[i + 22 * w] * F11)
    return np.int32(total + more + rest)


@part
def even_filter(line: NDArray[np.int32], j: int, w: int) -> np.int32:
    """The mirror filter over the younger of each pair, backwards."""
    i = w + j
    total = np.int32(line[i] * F11 + line[i + 2 * w] * F10 + line[i + 4 * w] * F9 + line[i + 6 * w] * F8)
    more = np.int32(
        line[i + 8 * w] * F7 + line[i + 10 * w] * F6 + line[i + 12 * w] * F5 + line[i + 14 * w] * F4
    )
    rest = np.int32(line[i + 16 * w] * F3 + line[i + 18 * w] * F2 + line[i + 20 * w] * F1)
    rest = np.int32(rest + line[i + 22 * w] * F0)
    return np.int32(total + more + rest)
