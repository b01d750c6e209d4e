"""``python -m bench.dtmf``: the in-band DTMF detector against the rows of ITU-T Q.24.

Every row is run for all keys at random phases and any place in a packet, as 16-bit samples and through
mu-law and A-law. The table says what share of the trials went as required, and what is required; rows that no
standard requires are for information. Exit status 1: a required row failed.
"""

from __future__ import annotations

import argparse
import math
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.dtmf_signals import (
    KEYS,
    RATE,
    Rng,
    Signal,
    digit,
    impulses,
    line_noise,
    music,
    silence,
    sines,
    speech,
)
from hookflash.plane.columns import FRAME, PAST, clear_row, make_columns
from hookflash.plane.core import Plane
from hookflash.plane.kernels.codec import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from hookflash.plane.kernels.dtmf import detect_keys
from hookflash.plane.memory import Faults, MemoryNetwork
from hookflash.plane.sendings import CODES
from hookflash.ports.plane import ConnectLeg, LegOpened, OpenLeg, ToneHeard

LAWS = ("16 bit", "mu-law", "A-law")
LANES = 96
"""Signals that are listened to at the same time."""

Decide = Callable[[Sequence[Signal], str, Rng], list[str]]
"""The keys heard in each signal after one of :data:`LAWS`."""


@dataclass(frozen=True)
class Row:
    """One row: ``make`` builds a trial for a key, which must be heard as ``expect`` times that key.

    ``least`` is the share of trials that must go so, None: for information only.
    """

    name: str
    make: Callable[[Rng, str], Signal]
    expect: int
    least: float | None = 1.0


@dataclass(frozen=True)
class Result:
    """The share of trials that went as required, for each law."""

    name: str
    shares: tuple[float, ...]
    least: float | None
    trials: int

    @property
    def ok(self) -> bool:
        """Whether the row is passed, or requires nothing."""
        return self.least is None or all(share >= self.least for share in self.shares)


def through(law: str, samples: Signal) -> NDArray[np.int16]:
    """Samples as they come out of a codec."""
    pcm = np.round(np.clip(samples, -32768, 32767)).astype(np.int16)
    if law != "16 bit":
        octets = np.zeros(len(pcm), np.uint8)
        encode, decode = (encode_ulaw, decode_ulaw) if law == "mu-law" else (encode_alaw, decode_alaw)
        encode(pcm, octets)
        decode(octets, pcm)
    return pcm


def detect(signals: Sequence[Signal], law: str, rng: Rng) -> list[str]:
    """What the plane's detector hears, every signal beginning anywhere in a tick."""
    heard: list[str] = []
    for begin in range(0, len(signals), LANES):
        heard += _detect_some(signals[begin : begin + LANES], law, rng)
    return heard


def _detect_some(signals: Sequence[Signal], law: str, rng: Rng) -> list[str]:
    c = make_columns(len(signals))
    for row in range(len(signals)):
        clear_row(c, row)
    c.setup.open[: len(signals)] = 1
    ticks = max(len(signal) for signal in signals) // FRAME + 6
    lines = np.zeros((len(signals), ticks * FRAME), np.int16)
    for row, signal in enumerate(signals):
        at = int(rng.integers(0, FRAME))
        lines[row, at : at + len(signal)] = through(law, signal)
    found = [""] * len(signals)
    silent = c.jitter.silent[: len(signals)]
    heard = c.jitter.heard[: len(signals)]
    for tick in range(ticks):
        heard[:, :PAST] = heard[:, FRAME:].copy()
        heard[:, PAST:] = lines[:, tick * FRAME : (tick + 1) * FRAME]
        silent[:] = np.where(heard[:, PAST:].any(axis=1), 0, silent + 1)
        if detect_keys(c.setup, c.receive, c.jitter, c.detect, len(signals), tick):
            for row in np.flatnonzero(c.detect.key[: len(signals)] >= 0):
                found[row] += CODES[c.detect.key[row]]
    return found


# --- the rows ---


def frequency_rows() -> Iterator[Row]:
    """Both tones off the same way, opposite ways, and each alone."""
    for share, expect, least in (
        (1.5, 1, 1.0),
        (1.8, 1, 1.0),
        (2.5, 1, None),
        (3.0, 0, 1.0),
        (3.5, 0, 1.0),
    ):
        for name, low, high in (("both", 1, 1), ("opposite", 1, -1), ("low", 1, 0), ("high", 0, 1)):
            for sign in (1, -1):
                yield Row(
                    f"2 frequency {sign * share:+.1f} % {name}",
                    lambda rng, key, a=low * sign * share / 100, b=high * sign * share / 100: digit(
                        rng, key, 60, off_low=a, off_high=b
                    ),
                    expect,
                    least,
                )


def level_rows() -> Iterator[Row]:
    """Levels of each tone, and how far they may lie apart."""
    for dbm0, expect, least in (
        (0, 1, 1.0),
        (-3, 1, 1.0),
        (-10, 1, 1.0),
        (-20, 1, 1.0),
        (-25, 1, 1.0),
        (-29, 0, None),
        (-45, 0, 1.0),
        (-55, 0, 1.0),
    ):
        yield Row(
            f"3 level {dbm0} dBm0",
            lambda rng, key, dbm0=dbm0: digit(rng, key, 50, low=dbm0, high=dbm0),
            expect,
            least,
        )
    for twist, expect, least in ((4, 1, 1.0), (-8, 1, 1.0), (5, 1, None), (10, 0, None), (-12, 0, None)):
        yield Row(
            f"4 twist {twist:+d} dB",
            lambda rng, key, twist=twist: digit(rng, key, 50, low=-14, high=-14 + twist),
            expect,
            least,
        )


def time_rows() -> Iterator[Row]:
    """How long keys, pauses and interruptions are."""
    for ms, expect, least in ((40, 1, 1.0), (30, 1, None), (24, 0, 1.0), (23, 0, 1.0), (15, 0, 1.0)):
        yield Row(f"5 duration {ms} ms", lambda rng, key, ms=ms: digit(rng, key, ms), expect, least)
    for ms in (40, 30):
        yield Row(
            f"6 pause {ms} ms",
            lambda rng, key, ms=ms: np.concatenate([digit(rng, key), silence(ms), digit(rng, key)]),
            2,
        )
    for ms in (5, 10):
        yield Row(
            f"7 interruption {ms} ms",
            lambda rng, key, ms=ms: np.concatenate([digit(rng, key, 60), silence(ms), digit(rng, key, 60)]),
            1,
        )
    for tone in (40, 50):
        yield Row(
            f"8 velocity 93 ms, {tone} ms of it tone",
            lambda rng, key, tone=tone: np.concatenate([digit(rng, key, tone), silence(93 - tone)] * 6),
            6,
        )


def noise_rows() -> Iterator[Row]:
    """Noise, clicks and other sound under a key of -10 dBm0 a tone."""

    def under(
        noise: Callable[[Rng, int], Signal], *, ms: float = 60, dbm0: float = -10
    ) -> Callable[[Rng, str], Signal]:
        def make(rng: Rng, key: str) -> Signal:
            key_part = digit(rng, key, ms, low=dbm0, high=dbm0)
            clean = np.concatenate([silence(60), key_part, silence(60)])
            return clean + noise(rng, len(clean))

        return make

    for snr, least in ((24, 1.0), (18, 1.0), (15, 1.0), (12, 0.99)):
        # Against the power of one tone.
        yield Row(
            f"9 white noise, SNR {snr} dB", under(lambda rng, n, s=snr: line_noise(rng, n, -10 - s)), 1, least
        )
    yield Row("10 clicks of -4 dBm0", under(lambda rng, n: impulses(rng, n, -4, 50), ms=80), 1, 0.99)
    yield Row(
        "11 dial tone 350 + 440 Hz",
        under(lambda rng, n: sines(rng, (350, 440), -16, n / 8), dbm0=-6),
        1,
    )
    yield Row("11 dial tone 425 Hz", under(lambda rng, n: sines(rng, (425,), -13, n / 8), dbm0=-6), 1)
    yield Row(
        "15 echo of a prompt, 20 dB down",
        under(lambda rng, n: speech(rng, 1.0, -35)[-n:], ms=80),
        1,
        0.99,
    )


OTHER_TONES = {
    "dial 425": (425,),
    "dial 350 + 440": (350, 440),
    "ring 440 + 480": (440, 480),
    "busy 480 + 620": (480, 620),
    "special information 950": (950,),
    "special information 1400": (1400,),
    "special information 1800": (1800,),
    "fax calling 1100": (1100,),
    "fax answering 2100": (2100,),
    "modem 1200 + 2200": (1200, 2200),
    "modem 1300": (1300,),
    "row alone 770": (770,),
    "column alone 1336": (1336,),
    "two rows": (697, 852),
    "two columns": (1209, 1477),
    "three tones": (697, 852, 1336),
}


def other_rows() -> Iterator[Row]:
    """Tones of networks and machines."""
    for name, tones in OTHER_TONES.items():
        yield Row(f"12 {name}", lambda rng, key, tones=tones: sines(rng, tones, -10, 400), 0)

    def cadence(rng: Rng, key: str) -> Signal:
        parts = [np.concatenate([sines(rng, (480, 620), -12, 250), silence(250)]) for _ in range(3)]
        return np.concatenate(parts)

    def information(rng: Rng, key: str) -> Signal:
        return np.concatenate([sines(rng, (hz,), -10, 330) for hz in (950, 1400, 1800)])

    yield Row("12 busy, in its cadence", cadence, 0)
    yield Row("12 special information, all three", information, 0)


def rows() -> list[Row]:
    """All rows that are trials of single keys."""
    first = Row("1 nominal, 50 ms, -10 dBm0", lambda rng, key: digit(rng, key), 1)
    return [
        first,
        *frequency_rows(),
        *level_rows(),
        *time_rows(),
        *noise_rows(),
        *other_rows(),
    ]


def run_row(row: Row, rng: Rng, phases: int, decide: Decide) -> Result:
    """All keys, ``phases`` times, through each law."""
    keys = [key for key in KEYS for _ in range(phases)]
    shares = []
    for law in LAWS:
        heard = decide([row.make(rng, key) for key in keys], law, rng)
        right = sum(found == key * row.expect for key, found in zip(keys, heard, strict=True))
        shares.append(right / len(keys))
    return Result(row.name, tuple(shares), row.least, len(keys))


# --- talk-off, clicks, loss ---


def run_talk_off(
    name: str, make: Callable[[Rng, float], Signal], rng: Rng, hours: float, decide: Decide
) -> Result:
    """Minutes of sound without a key; the share of pieces in which none was heard."""
    pieces = max(8, math.ceil(hours * 3600 / 60))
    each = hours * 3600 / pieces
    sound = [make(rng, each) for _ in range(pieces)]
    shares = [sum(not found for found in decide(sound, law, rng)) / pieces for law in LAWS]
    return Result(f"{name}, {hours * 60:.0f} min", tuple(shares), 1.0, pieces)


def run_loss(loss: float, rng: Rng, legs: int, seed: int) -> tuple[Result, Result]:
    """Keys of 100 ms through a plane that loses packets: how many are heard, and whether one is made up."""
    net = MemoryNetwork(pairs=legs, faults=Faults(loss=loss), seed=seed)
    plane = Plane(net, rows=legs)
    ports: dict[int, int] = {}
    for leg in range(legs):
        plane.apply(OpenLeg(leg, leg, True))
    for event in plane.tick(0.0):
        if isinstance(event, LegOpened):
            ports[event.leg] = event.port
    lines = []
    for leg in range(legs):
        plane.apply(ConnectLeg(leg, f"198.51.100.{leg}", 4000, 0, "PCMU", -1, True, True))
        parts = [silence(rng.uniform(60, 80))]
        for key in KEYS:
            parts += [digit(rng, key, 100), silence(93)]
        lines.append(through("mu-law", np.concatenate([*parts, silence(400)])))
    found = dict.fromkeys(range(legs), "")
    for tick in range(min(map(len, lines)) // FRAME):
        now = 0.02 * (tick + 1)
        for leg, line in enumerate(lines):
            octets = np.zeros(FRAME, np.uint8)
            encode_ulaw(line[tick * FRAME : (tick + 1) * FRAME], octets)
            head = struct.pack("!BBHII", 0x80, 0, tick, tick * FRAME, leg)
            net.deliver(ports[leg], head + octets.tobytes(), (f"198.51.100.{leg}", 4000))
        net.advance(now)
        for event in plane.tick(now):
            if isinstance(event, ToneHeard):
                found[event.leg] += event.digit
    plane.close()
    clean = 0
    heard = 0
    for keys in found.values():
        rest = iter(KEYS)
        clean += all(key in rest for key in keys)
        heard += len(keys)
    least = {0.01: 0.99, 0.03: 0.97, 0.05: 0.94}.get(loss)
    name = f"14 loss of {100 * loss:.0f} %"
    return (
        Result(f"{name}, heard", (min(heard / (legs * len(KEYS)), 1.0),), least, legs * len(KEYS)),
        Result(f"{name}, none doubled or mistaken", (clean / legs,), 1.0, legs),
    )


def run(
    *, phases: int = 20, hours: float = 2.0, legs: int = 90, seed: int = 1, decide: Decide = detect
) -> Iterator[Result]:
    """Every row of the table; ``hours`` of speech, and as much music and clicks in proportion."""
    rng = np.random.default_rng(seed)
    for row in rows():
        yield run_row(row, rng, phases, decide)
    yield run_talk_off(
        "10 clicks of -4 dBm0 alone",
        lambda rng, seconds: impulses(rng, int(seconds * RATE), -4, 50),
        rng,
        hours / 6,
        decide,
    )
    yield run_talk_off(
        "12 white noise at -10 dBm0",
        lambda rng, seconds: line_noise(rng, int(seconds * RATE), -10),
        rng,
        hours / 6,
        decide,
    )
    yield run_talk_off("13 speech at -15 dBm0", speech, rng, hours, decide)
    yield run_talk_off(
        "13 shouting at -3 dBm0", lambda rng, seconds: speech(rng, seconds, -3), rng, hours / 4, decide
    )
    yield run_talk_off("13 music at -15 dBm0", music, rng, hours, decide)
    for loss in (0.01, 0.03, 0.05):
        yield from run_loss(loss, rng, legs, seed)


def line(result: Result) -> str:
    """One line of the table."""
    shares = "".join(f"{100 * share:8.2f}" for share in result.shares).ljust(24)
    required = "    info" if result.least is None else f"{100 * result.least:8.2f}"
    verdict = "" if result.least is None else ("ok" if result.ok else "FAILED")
    return f"{result.name:45s}{result.trials:7d}{shares}{required}  {verdict}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a required row failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.dtmf", description=__doc__.split("\n\n")[0])
    parser.add_argument("--phases", type=int, default=20, help="trials for each key and row")
    parser.add_argument("--hours", type=float, default=2.0, help="hours of speech without a key")
    parser.add_argument("--legs", type=int, default=90, help="legs in the rows with packet loss")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    print(f"{'row':45s}{'trials':>7s}" + "".join(f"{law:>8s}" for law in LAWS) + f"{'needed':>8s}")
    failed = 0
    for result in run(phases=given.phases, hours=given.hours, legs=given.legs, seed=given.seed):
        print(line(result), flush=True)
        failed += not result.ok
    print(f"{failed} required rows failed" if failed else "every required row passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
