"""Opus (RFC 6716) by libopus: one encoder and one decoder a leg, 16,000 Hz mono on our side.

The library comes in the wheel of opuslib-next; its plain C functions are called by address, because anything
else costs as much as the coding. Nothing here raises for what a peer sends: errors are negative numbers.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hookflash.ports.plane import OpusTerms

RATE = 16_000
FRAME = 320
"""Samples of the packets we send, 20 ms."""
LONGEST = 1920
"""Samples of the longest packet there is, 120 ms."""
LARGEST = 400
"""Octets a packet of ours may have."""
BITRATE = 28_000
"""Bit/s of ours on average: wideband speech with room for the copies that in-band FEC sends."""
COMPLEXITY = 5
"""Of 10; more costs more than it gives at this rate."""
EXPECTED_LOSS = 5
"""Percent lost that the encoder reckons with at least: without any it would not send FEC."""
MOST_LOSS = 30
VOIP = 2048
SET_BITRATE, SET_COMPLEXITY, SET_FEC, SET_LOSS, SET_SIGNAL = 4002, 4010, 4012, 4014, 4024
SET_MAX_BANDWIDTH, SET_VBR, SET_DTX = 4004, 4006, 4016
NARROW, MEDIUM, WIDE = 1101, 1102, 1103
"""Audio bandwidths: 4, 6 and 8 kHz, for playback at 8,000, 12,000 and 16,000 Hz."""
LEAST_BITRATE = 6_000
"""Bit/s below which there is no speech (RFC 6716 section 2.1.1)."""
UNSENT = 2
"""Octets up to which a packet of an encoder that pauses need not be sent."""
RESET_STATE = 4028
VOICE = 3001


@cache
def _library() -> ctypes.CDLL | str:
    """libopus with the prototypes of what is used, or why there is none."""
    try:
        from opuslib_next.api import libopus

        # A handle of our own: prototypes belong to the handle.
        library = ctypes.CDLL(libopus._name)
        pointer, number = ctypes.c_void_p, ctypes.c_int
        prototypes: dict[str, tuple[Any, list[Any]]] = {
            "opus_decoder_create": (pointer, [number, number, pointer]),
            "opus_decoder_destroy": (None, [pointer]),
            "opus_decode": (number, [pointer, pointer, number, pointer, number, number]),
            "opus_decoder_ctl": (number, [pointer, number]),
            "opus_packet_get_nb_samples": (number, [pointer, number, number]),
            "opus_encoder_create": (pointer, [number, number, number, pointer]),
            "opus_encoder_destroy": (None, [pointer]),
            "opus_encode": (number, [pointer, pointer, number, pointer, number]),
            "opus_encoder_ctl": (number, [pointer, number]),
        }
        for name, (result, arguments) in prototypes.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (ImportError, OSError, AttributeError, RuntimeError) as error:
        return f"libopus could not be loaded ({error}): install opuslib-next-bundled to offer Opus"
    return library


def why_no_opus() -> str:
    """Why there is no Opus; "" if there is."""
    library = _library()
    return library if isinstance(library, str) else ""


def _handle() -> ctypes.CDLL:
    library = _library()
    if isinstance(library, str):
        raise RuntimeError(library)
    return library


def _made(state: int | None, what: str) -> int:
    if not state:
        raise MemoryError(f"libopus has no memory for {what}")
    return state


class OpusDecoder:
    """What a peer sends. Raises RuntimeError when there is no library."""

    def __init__(self) -> None:
        self._opus = _handle()
        self._state = _made(self._opus.opus_decoder_create(RATE, 1, None), "a decoder")
        self.pcm: NDArray[np.int16] = np.zeros(LONGEST, np.int16)
        """What was decoded last."""
        self._out = self.pcm.ctypes.data

    def samples(self, payload: bytes) -> int:
        """How many samples a packet has, below 0 if it is none."""
        found: int = self._opus.opus_packet_get_nb_samples(payload, len(payload), RATE)
        return found if 0 < found <= LONGEST else min(found, -1)

    def decode(self, payload: bytes) -> int:
        """Decode a packet into :attr:`pcm`; the samples it gave, below 0 if it is none."""
        if not payload:
            return -1
        done: int = self._opus.opus_decode(self._state, payload, len(payload), self._out, LONGEST, 0)
        return done

    def recover(self, following: bytes, samples: int) -> int:
        """What the packet lost before ``following`` said, as far as that packet tells (FEC), else guessed."""
        done: int = self._opus.opus_decode(self._state, following, len(following), self._out, samples, 1)
        return done

    def conceal(self, samples: int) -> int:
        """Guess what a lost packet said."""
        done: int = self._opus.opus_decode(self._state, None, 0, self._out, samples, 0)
        return done

    def reset(self) -> None:
        """Know nothing of what was before."""
        self._opus.opus_decoder_ctl(self._state, RESET_STATE)

    def close(self) -> None:
        """Give the memory back; the decoder can not be used any more."""
        state, self._state = self._state, 0
        if state:
            self._opus.opus_decoder_destroy(state)


class OpusEncoder:
    """What we send: speech at :data:`BITRATE` with in-band FEC, unless the peer wishes for less.

    Raises RuntimeError without a library.

    Attributes:
        pauses: in silence most packets have no more than :data:`UNSENT` octets.
    """

    def __init__(self) -> None:
        self._opus = _handle()
        self._state = _made(self._opus.opus_encoder_create(RATE, 1, VOIP, None), "an encoder")
        self._loss = -1
        self._set(SET_COMPLEXITY, COMPLEXITY)
        self._set(SET_SIGNAL, VOICE)
        self.follow(OpusTerms())
        self.expect_loss(EXPECTED_LOSS)

    def _set(self, request: int, value: int) -> None:
        # The C function takes any number of arguments; what is not declared needs its type said.
        self._opus.opus_encoder_ctl(self._state, request, ctypes.c_int(value))

    def follow(self, terms: OpusTerms) -> None:
        """Send as the peer wishes, but never more than we would otherwise."""
        bitrate = min(terms.bitrate or BITRATE, BITRATE)
        self._set(SET_BITRATE, max(bitrate, LEAST_BITRATE))
        rate = terms.rate
        self._set(SET_MAX_BANDWIDTH, NARROW if rate < 12_000 else MEDIUM if rate < RATE else WIDE)
        self._set(SET_FEC, int(terms.fec))
        self._set(SET_VBR, int(not terms.constant))
        # Packets of one size leave none out.
        self.pauses = terms.dtx and not terms.constant
        self._set(SET_DTX, int(self.pauses))

    def expect_loss(self, percent: int) -> None:
        """How many packets are lost on the way to the peer: the more, the more FEC."""
        percent = min(max(percent, 1), MOST_LOSS)
        if percent != self._loss:
            self._loss = percent
            self._set(SET_LOSS, percent)

    def encode(self, pcm: int, out: int) -> int:
        """Encode the :data:`FRAME` samples at address ``pcm`` into :data:`LARGEST` octets at ``out``.

        The octets of the packet, below 0 on an error.
        """
        done: int = self._opus.opus_encode(self._state, pcm, FRAME, out, LARGEST)
        return done

    def close(self) -> None:
        """Give the memory back; the encoder can not be used any more."""
        state, self._state = self._state, 0
        if state:
            self._opus.opus_encoder_destroy(state)
