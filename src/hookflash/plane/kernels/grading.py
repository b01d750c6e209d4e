"""How well legs are heard: the figures of a report, and an estimated mean opinion score by the E-model.

ITU-T G.107 (06/2015), basic: ``R = 93.2 - Idd - Ie_eff``, 93.2 being what its default values leave without
codec, delay and loss. Echo is taken to be cancelled, so of the delay impairments only Idd (equations 7-27 and
7-28) counts. Loss is taken to be random (BurstR = 1).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, Jitter, Quality, Receive, Setup, Transmit
from hookflash.plane.kernels.compiling import kernel, part

BEST = 93.2
"""R without any impairment by codec, delay and loss (G.107, table 3)."""
TICK_MS = 20.0
COUNTS = 5
"""Integers of a report: received, sent, lost, discarded, duplicates."""
FIGURES = 7
"""Numbers of a report: jitter, buffer, concealed, round trip, remote loss, remote jitter, MOS."""

IMPAIRMENT = np.array([0.0, 0.0, 0.0, 3.3, 0.0, 2.0])
"""Ie by codec. PCMU, PCMA, L16: 0 (G.113, table I.1). G.722 at 64 kbit/s: G.113's wideband figure of 13 out
of 129, on the scale of 93.2 (G.107.1 maps wideband ratings to opinions by R / 1.29). Opus is not in G.113: an
estimate from listening tests at 24 kbit/s and above."""
ROBUSTNESS = np.array([25.1, 25.1, 25.1, 20.0, 25.1, 20.0])
"""Bpl by codec. 25.1 is G.711 with concealment (G.113, table I.4), which all uncompressed audio gets here.
The others are estimates: what decodes from a state is wrong for a while after a loss."""


@part
def delay_impairment(ms: float) -> float:
    """Idd for a one-way delay: none up to 100 ms."""
    if ms <= 100.0:
        return 0.0
    x = math.log(ms / 100.0) / math.log(2.0)
    sixth = 1.0 / 6.0
    return 25.0 * (math.pow(1.0 + x**6, sixth) - 3.0 * math.pow(1.0 + (x / 3.0) ** 6, sixth) + 2.0)


@part
def loss_impairment(codec: int, loss: float) -> float:
    """Ie,eff (equation 7-29) of a codec; ``loss`` is a share, 0..1."""
    ie = float(IMPAIRMENT[codec])
    return ie + (95.0 - ie) * 100.0 * loss / (100.0 * loss + float(ROBUSTNESS[codec]))


@part
def opinion(r: float) -> float:
    """The mean opinion score of a rating R (G.107, annex B), 1..4.5."""
    if r >= 100.0:
        return 4.5
    if r <= 0.0:
        return 1.0
    return max(1.0, 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6)


@kernel
def grade(codec: int, delay_ms: float, loss: float) -> float:
    """The estimated mean opinion score for a one-way delay in ms and a share of lost packets."""
    return opinion(BEST - delay_impairment(delay_ms) - loss_impairment(codec, loss))


@kernel
def assess(
    setup: Setup,
    rx: Receive,
    jitter: Jitter,
    tx: Transmit,
    quality: Quality,
    rows: NDArray[np.int64],
    counts: NDArray[np.int64],
    figures: NDArray[np.float64],
) -> None:
    """The figures of each of ``rows`` into ``counts`` [rows, COUNTS] and ``figures`` [rows, FIGURES].

    Counts are of the leg's whole life, and so is the score; the delay in it is half the round trip, what
    waits in the jitter buffer, and the length of a packet.
    """
    for k in range(rows.shape[0]):
        row = rows[k]
        lost = rx.lost[row]
        if rx.ssrc[row] >= 0:
            lost += max(0, rx.highest[row] - rx.base[row] + 1 - rx.packets[row])
        received = rx.total[row]
        counts[k, 0] = received
        counts[k, 1] = tx.packets[row]
        counts[k, 2] = lost
        counts[k, 3] = quality.discarded[row]
        counts[k, 4] = quality.duplicates[row]
        waits = 0.0
        if jitter.playing[row] != 0:
            waits = max(jitter.newest[row] - jitter.time[row], 0) / 8.0
        figures[k, 0] = rx.jitter[row] * TICK_MS / max(setup.clock[row], 1)
        figures[k, 1] = waits
        figures[k, 2] = quality.concealed[row] / 8.0
        figures[k, 3] = quality.round_trip[row]
        figures[k, 4] = quality.remote_loss[row]
        figures[k, 5] = quality.remote_jitter[row]
        figures[k, 6] = 0.0
        if received > 0:
            missing = min((lost + quality.discarded[row]) / (received + lost), 1.0)
            delay = max(quality.round_trip[row], 0.0) / 2.0 + waits + rx.span[row] * TICK_MS / FRAME
            figures[k, 6] = grade(setup.codec[row], delay, missing)
