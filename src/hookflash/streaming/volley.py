"""The audio of a tick for all mixed streams at once."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hookflash.streaming.batch import framed
from hookflash.streaming.websocket import WebSocket
from hookflash.wire.streaming_frames import audio_ends

if TYPE_CHECKING:
    from hookflash.streaming.stream import AudioStream

FEW = 16
"""Streams up to which it costs less to make a frame for each."""
SILENCE = 16
"""Peak up to which a frame counts as silent: -66 dB below full scale."""

_log = logging.getLogger(__name__)


def volley(
    tick: int, streams: Sequence[AudioStream], frames: NDArray[np.int16], peaks: Sequence[int]
) -> None:
    """Send each stream its row of ``frames`` [n, samples], with its ``peaks``.

    Of those that have the same time, and are silent or are not, only the audio differs.
    """
    groups: dict[tuple[float, bool], list[tuple[int, WebSocket]]] = defaultdict(list)
    alone: list[int] = []
    for place, stream in enumerate(streams):
        ws = stream.socket.ready
        if ws is None:
            alone.append(place)
        else:
            groups[stream.time(tick), peaks[place] <= SILENCE].append((place, ws))
    for (time, silent), group in groups.items():
        places = [place for place, _ in group]
        if len(group) <= FEW:
            alone += places
            continue
        head, tail = audio_ends(time, silent=silent)
        audio = frames if len(group) == len(frames) else frames[places]
        for (_, ws), frame in zip(group, framed(head, audio, tail), strict=True):
            try:
                ws.send_frame(frame)
            except Exception:
                _not_sent()
    for place in alone:
        try:
            streams[place].send(tick, frames[place], peaks[place])
        except Exception:
            _not_sent()


def _not_sent() -> None:
    # One stream's fault must not cost the others their audio.
    _log.exception("audio could not be sent")
