"""The rings between control and a worker through which audio leaves the plane and comes into it.

One ring a tap or voice, one writer and one reader each, no locks: a reader only looks at what the writer has
counted as written, a writer only at what the reader has counted as read. What finds no room is dropped and
counted. The memory is an anonymous file: both processes map it, nothing of it has a name, and when they end,
however they end, it is gone. Pages cost nothing until a ring is used.
"""

from __future__ import annotations

import mmap
import os
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import WIDE_FRAME

TAPS = 2048
"""Rings out of a worker."""
TAP_FRAMES = 256
"""Frames a tap's ring holds (5.12 s), a power of two. Who listens in blocks takes them every 0.9 s: so much
longer may control be busy with other things."""
LOOK = 5
"""Ticks between two announcements when only those listen who can wait."""
VOICES = 1024
"""Rings into a worker."""
VOICE_SAMPLES = 16384
"""Samples a voice's ring holds (1.02 s at 16,000 Hz); control keeps the rest."""


class Rings(NamedTuple):
    """The columns of all rings; who writes each is said in brackets.

    Audio is at the rate of the tap or voice; at 8,000 Hz a frame fills the first half of its place. The
    frames of all taps in a tick lie side by side: the worker writes one piece of memory, not a page a tap.
    ``shift`` changes only while a ring is empty.
    """

    tick: NDArray[np.int64]  # [worker] [1] the last tick of which all taps have their frames
    written: NDArray[np.int64]  # [worker] frames written into a tap so far
    read: NDArray[np.int64]  # [control] frames taken out so far
    lost: NDArray[np.int64]  # [worker] frames that found no room
    shift: NDArray[np.int64]  # [worker] frame n of a tap is at place (n + shift) % TAP_FRAMES
    ticks: NDArray[np.int64]  # [worker] [TAP_FRAMES, TAPS] the tick each frame is of
    rank: NDArray[np.uint8]  # [worker] [TAP_FRAMES, TAPS] place of who said it among the loudest, 0 none
    frames: NDArray[np.int16]  # [worker] [TAP_FRAMES, TAPS, WIDE_FRAME]
    said: NDArray[np.int64]  # [control] samples written into a voice so far
    spoken: NDArray[np.int64]  # [worker] samples taken out so far
    void: NDArray[np.int64]  # [control] samples before this one are not to be heard any more
    samples: NDArray[np.int16]  # [control] [VOICES, VOICE_SAMPLES]


_SHAPES: dict[str, tuple[int, ...]] = {
    "tick": (1,),
    "written": (TAPS,),
    "read": (TAPS,),
    "lost": (TAPS,),
    "shift": (TAPS,),
    "ticks": (TAP_FRAMES, TAPS),
    "rank": (TAP_FRAMES, TAPS),
    "frames": (TAP_FRAMES, TAPS, WIDE_FRAME),
    "said": (VOICES,),
    "spoken": (VOICES,),
    "void": (VOICES,),
    "samples": (VOICES, VOICE_SAMPLES),
}


_DTYPES: dict[str, type[np.integer[Any]]] = {"rank": np.uint8, "frames": np.int16, "samples": np.int16}


def _dtype(name: str) -> type[np.integer[Any]]:
    return _DTYPES.get(name, np.int64)


SIZE = sum(int(np.prod(shape)) * np.dtype(_dtype(name)).itemsize for name, shape in _SHAPES.items())
"""Bytes of the whole memory, most of which is never touched."""


def private_rings() -> Rings:
    """Rings within one process."""
    return _carve(mmap.mmap(-1, SIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))


def make_file() -> int:
    """A file descriptor of fresh memory for :func:`map_rings`; the caller closes it. Raises OSError."""
    fd = os.memfd_create("hookflash rings", os.MFD_CLOEXEC)
    try:
        os.ftruncate(fd, SIZE)
    except OSError:
        os.close(fd)
        raise
    return fd


def map_rings(fd: int) -> Rings:
    """The rings in a file of :func:`make_file`; it may be closed afterwards. Raises OSError."""
    return _carve(mmap.mmap(fd, SIZE, flags=mmap.MAP_SHARED))


def _carve(memory: mmap.mmap) -> Rings:
    arrays = []
    at = 0
    for name, shape in _SHAPES.items():
        dtype, count = _dtype(name), int(np.prod(shape))
        arrays.append(np.frombuffer(memory, dtype, count, at).reshape(shape))
        at += count * np.dtype(dtype).itemsize
    return Rings(*arrays)
