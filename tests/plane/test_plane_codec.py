"""G.711 and L16 against their definitions (and the standard library where it still has them)."""

from __future__ import annotations

import numpy as np
import pytest

from hookflash.plane.columns import G722, L16, L16_WIDE, MISSING
from hookflash.plane.kernels.codec import (
    PCMA,
    PCMU,
    decode,
    decode_alaw,
    decode_ulaw,
    encode,
    encode_alaw,
    encode_ulaw,
)

ALL = np.arange(-32768, 32768).astype(np.int16)
OCTETS = np.arange(256).astype(np.uint8)


def slow_ulaw(octet: int) -> int:
    octet ^= 0xFF
    magnitude = ((((octet & 15) << 1) + 33) << ((octet >> 4) & 7)) - 33
    return 4 * (-magnitude if octet & 0x80 else magnitude)


def slow_alaw(octet: int) -> int:
    octet ^= 0x55
    segment, step = (octet >> 4) & 7, octet & 15
    magnitude = 2 * step + 1 if segment == 0 else (2 * step + 33) << (segment - 1)
    return 8 * (magnitude if octet & 0x80 else -magnitude)


@pytest.mark.parametrize("form", ["compiled", "plain"])
@pytest.mark.parametrize(("kernel", "slow"), [(decode_ulaw, slow_ulaw), (decode_alaw, slow_alaw)])
def test_every_octet_decodes_by_the_definition(kernel, slow, form):
    out = np.zeros(256, np.int16)
    (kernel if form == "compiled" else kernel.py_func)(OCTETS, out)
    assert out.tolist() == [slow(o) for o in range(256)]


@pytest.mark.parametrize(("to", "back"), [(encode_ulaw, decode_ulaw), (encode_alaw, decode_alaw)])
def test_every_octet_survives_decoding_and_encoding(to, back):
    samples, again = np.zeros(256, np.int16), np.zeros(256, np.uint8)
    back(OCTETS, samples)
    to(samples, again)
    differing = [o for o in range(256) if again[o] != o]
    # Negative zero of mu-law is zero like the positive one.
    assert differing in ([], [0x7F])


@pytest.mark.parametrize(("kernel", "name"), [(encode_ulaw, "lin2ulaw"), (encode_alaw, "lin2alaw")])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_sample_encodes_like_the_standard_library(kernel, name):
    audioop = pytest.importorskip("audioop")
    out = np.zeros(65536, np.uint8)
    kernel(ALL, out)
    assert out.tobytes() == getattr(audioop, name)(ALL.tobytes(), 2)


@pytest.mark.parametrize("kernel", [encode_ulaw, encode_alaw])
def test_the_plain_form_encodes_the_same(kernel):
    some = ALL[::37].copy()
    fast, plain = np.zeros(len(some), np.uint8), np.zeros(len(some), np.uint8)
    kernel(some, fast)
    kernel.py_func(some, plain)
    assert fast.tolist() == plain.tolist()


@pytest.mark.parametrize(("codec", "own"), [(PCMU, encode_ulaw), (PCMA, encode_alaw)])
def test_a_leg_uses_its_own_codec(codec, own):
    expected, out, samples = np.zeros(256, np.uint8), np.zeros(256, np.uint8), np.zeros(256, np.int16)
    own(ALL[::256].copy(), expected)
    for form in (encode, encode.py_func):
        form(codec, ALL[::256].copy(), out)
        assert out.tolist() == expected.tolist()
    for form in (decode, decode.py_func):
        form(codec, OCTETS, samples)
        assert abs(int(samples.max()) + int(samples.min())) <= 4


@pytest.mark.parametrize("codec", [L16, L16_WIDE])
@pytest.mark.parametrize("form", ["compiled", "plain"])
def test_l16_is_network_byte_order(codec, form):
    some = ALL[::61].copy()
    out, back = np.zeros(2 * len(some), np.uint8), np.zeros(len(some), np.int16)
    (encode if form == "compiled" else encode.py_func)(codec, some, out)
    assert out.tobytes() == some.astype(">i2").tobytes()
    (decode if form == "compiled" else decode.py_func)(codec, out, back)
    # The least number is the ring's mark for what is missing.
    assert back.tolist() == np.maximum(some, MISSING + 1).tolist()


def test_octets_of_g722_wait_as_they_are():
    out = np.zeros(256, np.int16)
    for form in (decode, decode.py_func):
        form(G722, OCTETS, out)
        assert out.tolist() == list(range(256))
