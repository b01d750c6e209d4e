"""G.711 (ITU-T G.711, tables 1 and 2, bit exact) and L16 (RFC 3551 section 4.5.11) to samples and back.

Arithmetic instead of tables, so that the loops become SIMD code. What has a state of its own is elsewhere:
G.722 in ``kernels.g722``, Opus in ``plane.opus``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import G722, L16, L16_WIDE, PCMA, PCMU
from hookflash.plane.kernels.compiling import kernel, part

__all__ = [
    "PCMA",
    "PCMU",
    "decode",
    "decode_alaw",
    "decode_l16",
    "decode_ulaw",
    "encode",
    "encode_alaw",
    "encode_l16",
    "encode_ulaw",
    "silent_octet",
    "unit_octets",
]

LOWEST = np.int32(-32767)
"""L16 is decoded to no less: the least number of 16 bits is the ring's mark for what is missing."""
BIAS = np.int32(33)
LARGEST = np.int32(8159 - 33)
"""Of mu-law, in units of the 14-bit sample."""
# Literals are 64 bits wide to the kernel compiler and would halve the lanes.
I0, I1, I2, I3, I4, I15 = (np.int32(n) for n in (0, 1, 2, 3, 4, 15))
I1F, I3F, I7F, IFF, I1FF, I3FF, I7FF, IFFF = (np.int32((1 << n) - 1) for n in range(5, 13))
I55, ID5 = np.int32(0x55), np.int32(0xD5)


@kernel
def decode_ulaw(payload: NDArray[np.uint8], out: NDArray[np.int16]) -> None:
    """Decode as many octets as ``out`` holds."""
    for i in range(out.shape[0]):
        u = np.int32(payload[i]) ^ np.int32(0xFF)
        magnitude = (((u & 15) << 3) + 0x84) << ((u >> 4) & 7)
        out[i] = 0x84 - magnitude if u & 0x80 else magnitude - 0x84


@kernel
def decode_alaw(payload: NDArray[np.uint8], out: NDArray[np.int16]) -> None:
    """Decode as many octets as ``out`` holds."""
    for i in range(out.shape[0]):
        a = np.int32(payload[i]) ^ np.int32(0x55)
        segment = (a >> 4) & 7
        low = ((a & 15) << 4) + 8
        magnitude = (low + 0x100) << (segment - 1) if segment else low
        out[i] = magnitude if a & 0x80 else -magnitude


@kernel
def encode_ulaw(samples: NDArray[np.int16], out: NDArray[np.uint8]) -> None:
    """Encode all of ``samples``; only the 14 most significant bits of a sample count."""
    for i in range(samples.shape[0]):
        s = np.int32(samples[i]) >> I2
        magnitude = min(abs(s), LARGEST) + BIAS
        # Comparing seven times costs less than a table: it vectorises.
        e = (
            np.int32(magnitude > I3F)
            + np.int32(magnitude > I7F)
            + np.int32(magnitude > IFF)
            + np.int32(magnitude > I1FF)
            + np.int32(magnitude > I3FF)
            + np.int32(magnitude > I7FF)
            + np.int32(magnitude > IFFF)
        )
        code = (e << I4) | ((magnitude >> (e + I1)) & I15)
        out[i] = np.uint8(code ^ (I7F if s < I0 else IFF))


@kernel
def encode_alaw(samples: NDArray[np.int16], out: NDArray[np.uint8]) -> None:
    """Encode all of ``samples``; only the 13 most significant bits of a sample count."""
    for i in range(samples.shape[0]):
        s = np.int32(samples[i]) >> I3
        magnitude = s if s >= I0 else -s - I1
        e = (
            np.int32(magnitude > I1F)
            + np.int32(magnitude > I3F)
            + np.int32(magnitude > I7F)
            + np.int32(magnitude > IFF)
            + np.int32(magnitude > I1FF)
            + np.int32(magnitude > I3FF)
            + np.int32(magnitude > I7FF)
        )
        code = (e << I4) | ((magnitude >> max(e, I1)) & I15)
        out[i] = np.uint8(code ^ (ID5 if s >= I0 else I55))


@kernel
def decode_l16(payload: NDArray[np.uint8], out: NDArray[np.int16]) -> None:
    """Decode as many samples as ``out`` holds: two octets each, network byte order."""
    for i in range(out.shape[0]):
        high, low = np.int32(payload[2 * i]), np.int32(payload[2 * i + 1])
        out[i] = max(np.int32(np.int16(high << 8 | low)), LOWEST)


@kernel
def encode_l16(samples: NDArray[np.int16], out: NDArray[np.uint8]) -> None:
    """Encode all of ``samples`` in network byte order; ``out`` has two octets for each."""
    for i in range(samples.shape[0]):
        sample = np.int32(samples[i])
        out[2 * i] = np.uint8((sample >> 8) & 0xFF)
        out[2 * i + 1] = np.uint8(sample & 0xFF)


@part
def unit_octets(codec: int) -> int:
    """Payload octets that make one unit (1/8000 s) of a jitter ring; 0 where they make none by themselves."""
    if codec in (PCMU, PCMA, G722):
        return 1
    if codec == L16:
        return 2
    return 4 if codec == L16_WIDE else 0


@part
def silent_octet(codec: int) -> int:
    """What silence is made of in a codec without a state."""
    if codec == PCMU:
        return 0xFF
    return 0xD5 if codec == PCMA else 0


@kernel
def decode(codec: int, payload: NDArray[np.uint8], out: NDArray[np.int16]) -> None:
    """Fill ``out``, a part of a ring, from a payload with the codec of a leg.

    G.722 is put there octet by octet, since only what is played in order can be decoded. ``payload`` has at
    least :func:`unit_octets` for each unit of ``out`` (L16 at 16,000 Hz: for each two samples of it).
    """
    if codec == PCMU:
        decode_ulaw(payload, out)
    elif codec == PCMA:
        decode_alaw(payload, out)
    elif codec == G722:
        for i in range(out.shape[0]):
            out[i] = np.int16(payload[i])
    else:
        decode_l16(payload, out)


@kernel
def encode(codec: int, samples: NDArray[np.int16], out: NDArray[np.uint8]) -> None:
    """Encode with the codec of a leg: PCMU, PCMA, or L16 at either rate."""
    if codec == PCMU:
        encode_ulaw(samples, out)
    elif codec == PCMA:
        encode_alaw(samples, out)
    else:
        encode_l16(samples, out)
