"""``python -m bench.barge_in``: from the first voice, or key, of a caller to the silence of the prompt.

The whole way, in media time: RTP into a plane, its tap, the listening desk and its gate, the engine with the
operation that recognises, the plane again, and RTP out. Nothing is pretended but the network and the clock,
which is virtual: a figure here says what the server decides, and the load of the machine is not in it.

**Media time** is the clock of the samples. What a leg says in a tick and what it hears in the same tick are
at the same time, so that the jitter buffer is not in it; ``barge_in.wire`` is the way with everything a
server adds, from the air before the caller's microphone to what leaves towards their ear: the filling of a
packet, its wait for the next tick, the jitter buffer (on a network without jitter), and all the rest.

**The end** is the last sample of the prompt that is not silence, in the RTP that is sent.

**The first voice** is where the speech of a talker stands out: from there on every 10 ms of 30 ms are within
:data:`STANDS_OUT` dB of the level of the utterance (the mean power of all 10 ms that are within 25 dB of its
loudest), taken from the samples of the tap. Ten dB less is what people call half as loud. What is not so
loud, or not for so long, nobody would call the beginning of a voice: the breath before a sentence, the click
of a tongue, the burst of a "k" or a "t" and the rush of air behind it, which is noise and may last 80 ms.
``barge_in.voice.early`` (standard error has more) counts from 15 dB under the level, where that rush belongs
to it; a gate that opened to it would open to a breath and a banging door as well.

**A key** begins where its tone begins in band (the samples of the tap again), and as an event (RFC 4733)
where the duration of its first packet says: 20 ms before that was sent. That packet does not wait in the
jitter buffer, so its figure is the one of the wire.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import soxr

from bench.figures import figure, refuse
from bench.recognition import CHOICES, RATE, SENTENCES, spoken
from bench.room import FRAME, TICK_MS, Room, Samples, Trial, quiet, ulaw
from hookflash.plane.kernels.codec import decode_ulaw

TARGET = 60.0
STANDS_OUT = 10.0
"""How far under the level of its utterance a voice may be, dB, to stand out."""
HOLDS = 30
"""Milliseconds it has to last."""
PHASES = 3
"""How often each voice says a text, beginning anywhere in a packet."""
KEYS = 64
"""Keys of each kind."""
LOWS, HIGHS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)


def packets(pcm: Samples) -> list[bytes]:
    return [ulaw(pcm[at : at + FRAME]) for at in range(0, len(pcm) // FRAME * FRAME, FRAME)]


def first_voice(pcm: Samples, rate: int, below: float = STANDS_OUT) -> int:
    """The first sample of the voice in an utterance; see the module for what that is."""
    milli = rate // 1000
    powers = np.concatenate([[0.0], np.cumsum(pcm.astype(np.float64) ** 2)])
    # The power of the 10 ms that begin in each millisecond.
    begins = np.arange((len(pcm) - 10 * milli) // milli) * milli
    power = (powers[begins + 10 * milli] - powers[begins]) / (10 * milli) + 1e-3
    level = power[power > power.max() * 10**-2.5].mean()
    loud = power >= level * 10 ** (-below / 10)
    held = HOLDS - 10 + 1
    return int(np.flatnonzero(np.convolve(loud, np.ones(held), "valid") >= held - 0.5)[0]) * milli


def first_tone(pcm: Samples, rate: int) -> int:
    """The first sample of a key in band: the rise of its power, to the millisecond."""
    milli = rate // 1000
    power = (pcm[: len(pcm) // milli * milli].astype(np.float64).reshape(-1, milli) ** 2).mean(axis=1)
    return int(np.flatnonzero(power > power.max() * 0.1)[0]) * milli


def voices(said: Sequence[Samples]) -> list[Trial]:
    """Callers who speak, beginning anywhere in a packet."""
    rng = np.random.default_rng(2)
    trials = []
    for wide in [one for one in said for _ in range(PHASES)]:
        narrow = soxr.resample(wide.astype(np.float64), RATE, 8000)
        pcm = np.clip(narrow[int(rng.integers(0, FRAME)) :], -32768, 32767).astype(np.int16)
        trials.append(Trial(packets(pcm), wait=float(rng.uniform(0, TICK_MS))))
    return trials


def inband_keys() -> list[Trial]:
    """Callers who press a key of 100 ms, told by tones."""
    rng = np.random.default_rng(3)
    trials = []
    for number in range(KEYS):
        pcm = rng.standard_normal(8000) * 26
        at = 4000 + int(rng.integers(0, FRAME))
        t = np.arange(800) / 8000
        for hz in (LOWS[number % 4], HIGHS[number // 4 % 4]):
            pcm[at : at + 800] += 4000 * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6))
        trials.append(Trial(packets(pcm.astype(np.int16)), keys=True, wait=float(rng.uniform(0, TICK_MS))))
    return trials


def event_keys() -> list[Trial]:
    """Callers who press a key of 100 ms, told by events."""
    rng = np.random.default_rng(4)
    trials = []
    for number in range(KEYS):
        line = quiet()
        trial = Trial([ulaw(next(line)) for _ in range(50)], keys=True, wait=float(rng.uniform(0, TICK_MS)))
        for count in range(1, 8):
            ended = count >= 5
            trial.events[24 + count] = struct.pack(
                "!BBH", number % 10, 10 | ended << 7, FRAME * min(count, 5)
            )
        trials.append(trial)
    return trials


async def through(trials: list[Trial]) -> list[Trial]:
    """The trials, done."""
    room = Room(len(trials))
    await room.begin(trials)
    await room.run(trials)
    await room.end()
    return trials


def tell(name: str, times: Sequence[float], target: float | None = TARGET, whole: bool = True) -> None:
    for share in (50, 90, 99):
        figure(f"barge_in.{name}.p{share}", float(np.percentile(times, share)), "ms", target, whole=whole)


def media_time(trial: Trial, begin: Callable[[Samples, int], int]) -> float:
    """From the beginning in the tap to the silence."""
    since, pcm = trial.tap()
    return trial.silence() - since - begin(pcm, RATE) * 1000 / RATE


def wire_time(trial: Trial, begin: Callable[[Samples, int], int]) -> float:
    """From the beginning at the caller to the silence."""
    pcm = np.zeros(FRAME * len(trial.sends), np.int16)
    decode_ulaw(np.frombuffer(b"".join(trial.sends), np.uint8), pcm)
    return trial.silence() - trial.spoken_at(begin(pcm, 8000))


async def measure() -> None:
    """Take and print every figure."""
    said = await spoken((*SENTENCES, *CHOICES))
    done = await through(voices([pcm for speaker in said.values() for pcm in speaker]))
    tell("voice", [media_time(trial, first_voice) for trial in done])
    for below in (20.0, 15.0, 12.0):
        times = [media_time(trial, partial(first_voice, below=below)) for trial in done]
        row = ", ".join(f"p{share} {np.percentile(times, share):.0f} ms" for share in (50, 90, 95, 99, 100))
        print(f"voice, counted from {below:g} dB under its level: {row}", file=sys.stderr)
        if below == 15.0:
            tell("voice.early", times, None)
    tell("wire.voice", [wire_time(trial, first_voice) for trial in done], None)
    done = await through(inband_keys())
    tell("tone", [media_time(trial, first_tone) for trial in done])
    tell("wire.tone", [wire_time(trial, first_tone) for trial in done], None)
    done = await through(event_keys())
    tell("event", [trial.silence() - trial.spoken_at(FRAME * min(trial.events)) for trial in done])


def main() -> int:
    """Run it; the exit code says whether it ran."""
    try:
        asyncio.run(measure())
    except Exception as error:
        return refuse("barge_in.voice.p99", error, "ms", TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
