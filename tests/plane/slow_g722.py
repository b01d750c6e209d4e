"""G.722 at 64 kbit/s step by step as the recommendation describes it, in plain Python: slow, and obvious."""

from __future__ import annotations

from copy import deepcopy
from functools import cache

import numpy as np

QMF = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11]
LEVELS = [0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023]
LEVELS += [1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919]
NEGATIVE = [0, 63, 62, *range(31, 3, -1)]
POSITIVE = [0, *range(61, 31, -1)]
OUT6 = [-136] * 4 + [-24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576]
OUT6 += [-7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688]
OUT6 += [-1360, -1040, -728]
OUT6 += [-value for value in OUT6[4:]] + [432, 136, -432, -136]
OUT4 = [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200]
OUT4 += [-value for value in OUT4[1:]] + [0]
OUT2 = [-7408, -1616, 7408, 1616]
RISE4 = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60]
RISE2 = [798, -214, 798, -214]
FINE = [round(2048 * 2 ** (i / 32)) for i in range(32)]


def saturate(value: int, most: int = 32767) -> int:
    if -most <= value <= most:
        return value
    return most if value > 0 else -most - 1


class Band:
    """Quantizer step and predictor of one band."""

    def __init__(self, most: int, shift: int) -> None:
        self.most, self.shift = most, shift
        self.log = 0
        self.a = [0, 0]
        self.b = [0] * 6
        self.d = [0] * 6
        self.p = [0, 0]
        self.r = 0
        self.sz = self.s = 0

    def step(self) -> int:
        fine, whole = FINE[(self.log >> 6) & 31], self.shift - (self.log >> 11)
        return (fine >> whole if whole >= 0 else fine << -whole) << 2

    def follow(self, rise: int, d: int) -> None:
        self.log = max(0, min(self.most, (self.log * 127 >> 7) + rise))
        r, p = saturate(self.s + d), saturate(self.sz + d)
        a1, a2 = self.a
        like, unlike = (p < 0) == (self.p[0] < 0), (p < 0) != (self.p[1] < 0)
        turned = saturate(a1 * 4)
        if like:
            turned = min(-turned, 32767)
        second = (turned >> 7) + (-128 if unlike else 128) + (a2 * 32512 >> 15)
        second = max(-12288, min(12288, second))
        first = (192 if like else -192) + (a1 * 32640 >> 15)
        most = 15360 - second
        first = max(-most, min(most, first))
        change = 0 if d == 0 else 128
        negative = d < 0
        self.b = [
            saturate((-change if negative != (old < 0) else change) + (b * 32640 >> 15))
            for b, old in zip(self.b, self.d, strict=True)
        ]
        self.a, self.p, self.d = [first, second], [p, self.p[0]], [d, *self.d[:5]]
        poles = saturate((first * saturate(2 * r) >> 15) + (second * saturate(2 * self.r) >> 15))
        self.r = r
        self.sz = 0
        for b, old in zip(self.b[::-1], self.d[::-1], strict=True):
            self.sz = saturate(self.sz + (b * saturate(2 * old) >> 15))
        self.s = saturate(poles + self.sz)


class Coder:
    """Both bands and the mirror filter's memory; an encoder or a decoder, not both."""

    def __init__(self) -> None:
        self.low, self.high = Band(18432, 8), Band(22528, 10)
        self.line = [0] * 24

    def _filtered(self, first: int, second: int) -> tuple[int, int]:
        self.line = [*self.line[2:], first, second]
        older = sum(c * v for c, v in zip(QMF, self.line[0::2], strict=True))
        younger = sum(c * v for c, v in zip(QMF[::-1], self.line[1::2], strict=True))
        return older, younger

    def encode(self, samples: list[int]) -> bytes:
        out = bytearray()
        for first, second in zip(samples[0::2], samples[1::2], strict=True):
            older, younger = self._filtered(first, second)
            low = saturate(younger + older >> 14, 16383)
            high = saturate(younger - older >> 14, 16383)
            step, error = self.low.step(), saturate(low - self.low.s)
            size = error if error >= 0 else -error - 1
            place = 1
            while place < 30 and size >= LEVELS[place] * step >> 12:
                place += 1
            six = (POSITIVE if error >= 0 else NEGATIVE)[place]
            self.low.follow(RISE4[six >> 2], step * OUT4[six >> 2] >> 15)
            step, error = self.high.step(), saturate(high - self.high.s)
            size = error if error >= 0 else -error - 1
            two = (2 if error >= 0 else 0) + (1 if size < 564 * step >> 12 else 0)
            self.high.follow(RISE2[two], step * OUT2[two] >> 15)
            out.append(two << 6 | six)
        return bytes(out)

    def decode(self, octets: bytes) -> list[int]:
        out = []
        for octet in octets:
            six, two = octet & 63, octet >> 6
            step = self.low.step()
            low = saturate(self.low.s + (step * OUT6[six] >> 15), 16383)
            self.low.follow(RISE4[six >> 2], step * OUT4[six >> 2] >> 15)
            d = self.high.step() * OUT2[two] >> 15
            high = saturate(self.high.s + d, 16383)
            self.high.follow(RISE2[two], d)
            older, younger = self._filtered(low + high, low - high)
            out += [saturate(younger >> 11), saturate(older >> 11)]
        return out


_SO_FAR = [Coder()]
"""Encoders by what they have encoded; the first has encoded nothing."""


@cache
def encode_next(so_far: int, frame: bytes) -> tuple[bytes, int]:
    """Encode a frame of int16 after what ``so_far`` stands for, 0 for nothing; with the number for the next.

    Many tests say the same, and what was encoded once is not encoded again.
    """
    coder = deepcopy(_SO_FAR[so_far])
    octets = coder.encode(np.frombuffer(frame, np.int16).tolist())
    _SO_FAR.append(coder)
    return octets, len(_SO_FAR) - 1
