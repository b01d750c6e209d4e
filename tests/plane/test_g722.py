"""G.722: kernels against a slow reference, against another implementation's vectors, and by ear."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_g722 import Coder

from hookflash.plane.columns import FRAME, MISSING, TAKE, make_columns
from hookflash.plane.columns.wide import CODER
from hookflash.plane.kernels.compiling import kernel
from hookflash.plane.kernels.g722 import step_of
from hookflash.plane.kernels.wide import decode_g722, encode_g722

HEADER = 12


class Bank:
    """Some slots of their own, coded together."""

    def __init__(self, slots: int) -> None:
        self.columns = make_columns(slots)
        self.slots = np.arange(slots)
        self.columns.wide.row[:slots] = self.slots

    def encode(self, frames) -> list[bytes]:
        """A frame of each slot."""
        for slot, frame in enumerate(frames):
            self.columns.wide.out[slot] = frame
        encode_g722(self.columns.transmit, self.columns.wide, self.slots)
        return [self.columns.transmit.octets[s, HEADER : HEADER + FRAME].tobytes() for s in self.slots]

    def decode(self, payloads) -> list[np.ndarray]:
        """Octets of each slot; None is one that is missing."""
        wide = self.columns.wide
        for slot, payload in enumerate(payloads):
            codes = [MISSING if octet is None else octet for octet in payload]
            wide.taken[slot] = len(codes)
            wide.codes[slot, : len(codes)] = codes
        decode_g722(wide, self.slots)
        return [wide.raw[slot, : 2 * len(payload)].copy() for slot, payload in enumerate(payloads)]


def signal(count: int):
    """Saws of changing pitch and loudness with noise, in whole numbers."""
    state, out = 1, []
    for i in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        wave = (i * (i // 320 + 3) * 37) % 20000 - 10000
        out.append(wave * ((i // 640) % 4) // 4 + (state >> 16) % 2001 - 1000)
    return np.array(out, np.int16)


def through(samples):
    """Through one leg's encoder and another's decoder."""
    there, back = Bank(1), Bank(1)
    return np.concatenate([back.decode(there.encode([frame]))[0] for frame in samples.reshape(-1, 320)])


def test_vectors_of_another_implementation():
    """Made with SpanDSP 0.0.6 (nothing in them is so loud that its output would have to be limited)."""
    there, back = Bank(1), Bank(1)
    octets = b"".join(there.encode([frame])[0] for frame in signal(3200).reshape(-1, 320))
    assert list(octets[:16]) == [250, 94, 186, 104, 136, 160, 154, 166, 160, 144, 7, 31, 17, 182, 122, 179]
    digest = "82d66bd8b45ef4d84a38e3809c6fbe5923a6a1fc9a67e71a3d95a7c77af355b6"
    assert hashlib.sha256(octets).hexdigest() == digest
    pcm = np.concatenate([back.decode([octets[i : i + 160]])[0] for i in range(0, 1600, 160)])
    assert pcm[:16].tolist() == [0, -1, -1, 0, 0, -1, 0, 0, -1, -1, 0, 2, 1, -3, -4, -8]
    digest = "ad72a57682024528e8623fe1b5876099eefaebca0d6b3f3a7245b0000dd98f8b"
    assert hashlib.sha256(pcm.astype("<i2").tobytes()).hexdigest() == digest


@kernel
def step_above(logarithm):
    return step_of(logarithm, 10)


def test_every_step_is_as_the_table_says():
    for logarithm in range(22529):
        fine = round(2048 * 2 ** ((logarithm >> 6 & 31) / 32))
        assert step_above(np.int32(logarithm)) == (fine << (logarithm >> 11) >> 10) << 2


@settings(max_examples=15, deadline=None)
@given(slots=st.sampled_from([1, 2, 7, 8, 47, 48, 50]), seed=st.integers(0, 2**32 - 1), loud=st.booleans())
def test_encoding_like_the_reference(slots, seed, loud):
    rng = np.random.default_rng(seed)
    bank, slow = Bank(slots), [Coder() for _ in range(slots)]
    watched = sorted({0, slots // 2, slots - 1})
    for _ in range(2):
        frames = rng.normal(0, 30000 if loud else rng.uniform(1, 8000), (slots, 320)).clip(-32768, 32767)
        frames = frames.astype(np.int16)
        found = bank.encode(frames)
        for slot in watched:
            assert found[slot] == slow[slot].encode(frames[slot].tolist())


@settings(max_examples=15, deadline=None)
@given(slots=st.sampled_from([1, 2, 7, 8, 47, 48, 50]), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_decoding_any_octets_like_the_reference(slots, seed, data):
    rng = np.random.default_rng(seed)
    bank, slow = Bank(slots), [Coder() for _ in range(slots)]
    watched = sorted({0, slots // 2, slots - 1})
    for _ in range(2):
        sizes = data.draw(st.lists(st.integers(0, TAKE), min_size=slots, max_size=slots))
        payloads = [rng.integers(0, 256, size).astype(np.uint8).tobytes() for size in sizes]
        found = bank.decode(payloads)
        for slot in watched:
            expected = np.maximum(slow[slot].decode(payloads[slot]), MISSING + 1)
            assert found[slot].tolist() == list(expected)


@settings(max_examples=25, deadline=None)
@given(
    slots=st.sampled_from([1, 9]),
    first=st.integers(0, 160),
    length=st.integers(1, 160),
    seed=st.integers(0, 99),
)
def test_a_hole_leaves_the_state_as_it_was(slots, first, length, seed):
    rng = np.random.default_rng(seed)
    bank, whole = Bank(slots), Bank(slots)
    octets = [list(rng.integers(0, 256, 320).tolist()) for _ in range(slots)]
    holed = [list(line) for line in octets]
    holed[0][first : first + length] = [None] * len(holed[0][first : first + length])
    found = bank.decode([line[:160] for line in holed])
    after = bank.decode([line[160:] for line in holed])
    plain = whole.decode([line[:160] for line in octets])
    rest = whole.decode([line[160:] for line in octets])
    heard = np.concatenate([found[0], after[0]])
    missing = np.repeat([octet is None for octet in holed[0]], 2)
    assert (heard[missing] == MISSING).all()
    assert (heard[~missing] != MISSING).all()
    assert np.array_equal(heard[: 2 * first], np.concatenate([plain[0], rest[0]])[: 2 * first])
    for slot in range(1, slots):
        assert np.array_equal(found[slot], plain[slot])
        assert np.array_equal(after[slot], rest[slot])
    # The state went over the hole untouched: the same as if the octets had never been.
    direct = Bank(1)
    left = [octet for octet in holed[0] if octet is not None]
    direct.decode([left[:160]])
    direct.decode([left[160:]])
    adpcm = CODER - 22
    assert np.array_equal(bank.columns.wide.decoder[0, :adpcm], direct.columns.wide.decoder[0, :adpcm])


@pytest.mark.parametrize(("hz", "least"), [(300, 35), (1000, 30), (3000, 25), (6000, 10)])
def test_a_tone_comes_through(hz, least):
    samples = np.round(8000 * np.sin(2 * np.pi * hz * np.arange(16000) / 16000)).astype(np.int16)
    heard = through(samples).astype(float)
    # Both mirror filters together delay by 22 samples.
    sent, got = samples[4000:15000].astype(float), heard[4022:15022]
    noise = np.mean((sent - got) ** 2)
    assert 10 * np.log10(np.mean(sent**2) / noise) > least


def test_nothing_taken_changes_nothing():
    bank = Bank(9)
    bank.decode([list(range(100)) for _ in range(9)])
    before = bank.columns.wide.decoder.copy()
    bank.decode([[] for _ in range(9)])
    assert np.array_equal(before, bank.columns.wide.decoder)
