"""``python -m bench.talkoff``: how often somebody who only talks is taken for a key.

An hour of speech by the built-in voice (the extra hookflash[speech]), sentences of :mod:`bench.sentences` of
which none is said twice, each at a speed and a pitch of its own (0.75 to 1.35 and +-25 %, with the formants),
0 to -25 dBm0 in the mean of what is voiced, so that the loudest are cut off by the line as a shouting caller
is; half of them through a line of 300 to 3,400 Hz. The kernel that the media plane runs listens to each as
mu-law, as A-law and as 16-bit samples, in packets cut anywhere. ``talkoff`` is the keys found, of which there
are none, in all three together. What was taken for a key is kept as a WAV file beside this program.

So that nobody rejoices over a deaf detector, one key is pressed after every few sentences, and the figure is
good only when each of them was heard.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import sys
import time
import wave
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing.synchronize import Lock
from pathlib import Path
from typing import Any

import numpy as np

from bench.dtmf import LAWS, detect, through
from bench.dtmf_signals import KEYS, RATE, Rng, Signal, digit, level, silence
from bench.figures import figure, refuse
from bench.sentences import sentences
from hookflash.speech.builtin import missing

TARGET = 0.0
UNIT = "false digits in an hour of speech"
BATCH = 16
"""Sentences a process is given at a time."""
MOST = 8
"""Processes at most: each holds the voice."""
SPEEDS = (0.75, 1.35)
PITCH = 12 * math.log2(1.25)
"""Semitones up or down at most: 25 %."""
LEVELS = (-25.0, 0.0)
"""dBm0."""
VOICED = 0.02
"""What is quieter than this part of the loudest 20 ms is a pause."""
BAND = (300.0, 3400.0)
KEPT = Path(__file__).parent / "build"


@dataclass(frozen=True)
class Mistake:
    """Keys that were found in a sentence, and what was listened to."""

    keys: str
    law: str
    text: str
    samples: Signal


@dataclass
class Heard:
    """What came of some sentences: seconds of speech, what was taken for keys, keys pressed and not heard."""

    seconds: float = 0.0
    sentences: int = 0
    mistakes: list[Mistake] = field(default_factory=list)
    pressed: int = 0
    missed: int = 0

    def add(self, other: Heard) -> None:
        self.seconds += other.seconds
        self.sentences += other.sentences
        self.mistakes += other.mistakes
        self.pressed += other.pressed
        self.missed += other.missed


# --- in the processes that speak ---


class Voice:
    """The built-in voice at 8,000 Hz, without a worker around it."""

    def __init__(self) -> None:
        from hookflash.speech.engines import piper

        self._engine = piper.load({})

    def say(self, text: str, speed: float, pitch: float) -> Signal:
        import soxr

        from hookflash.ports.speech import RATE as SPOKEN
        from hookflash.speech.jobs import Job
        from hookflash.speech.messages import FromWorker, Sound
        from hookflash.speech.speaking_jobs import Say, Speak

        said: list[bytes] = []

        def take(message: FromWorker) -> None:
            if isinstance(message, Sound):
                said.append(message.pcm)
                job.taken(1)

        job = Job(1, Speak((Say(text, rate=speed, pitch=pitch),)), take)
        self._engine.serve(job)
        spoken = np.frombuffer(b"".join(said), "<i2").astype(np.float64)
        narrow: Signal = soxr.resample(spoken, SPOKEN, RATE)
        return narrow


def at_level(samples: Signal, dbm0: float) -> Signal:
    """Samples whose voiced parts have the power of a tone at ``dbm0``."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    powers = (frames**2).mean(axis=1) if len(frames) else np.zeros(1)
    loud = powers[powers >= VOICED**2 * powers.max()]
    power = float(loud.mean()) if len(loud) else 0.0
    return samples * (level(dbm0) / math.sqrt(2 * power)) if power > 0 else samples


def telephone(samples: Signal) -> Signal:
    """What a line passes."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hz < BAND[0]) | (hz > BAND[1])] = 0
    passed: Signal = np.fft.irfft(spectrum, len(samples))
    return passed


def listen(spoken: Sequence[Signal], texts: Sequence[str], rng: Rng) -> Heard:
    """What the detector makes of sentences, and of a key after the last of them."""
    heard = Heard(sum(len(signal) for signal in spoken) / RATE, len(spoken))
    key = KEYS[int(rng.integers(len(KEYS)))]
    pressed = np.concatenate([spoken[-1], silence(60), digit(rng, key, 80)])
    for law in LAWS:
        *found, after = detect([*spoken, pressed], law, rng)
        heard.pressed += 1
        heard.missed += not after.endswith(key)
        heard.mistakes += [
            Mistake(keys, law, text, signal)
            for keys, text, signal in zip(found, texts, spoken, strict=True)
            if keys
        ]
    return heard


_voice: Voice


def _begin(taken: Any, lock: Lock) -> None:
    """A process of its own CPU: the engine takes as many threads as it has CPUs."""
    global _voice
    with lock:
        cpus = sorted(os.sched_getaffinity(0))
        cpu = cpus[taken.value % len(cpus)]
        taken.value += 1
    os.sched_setaffinity(0, {cpu})
    _voice = Voice()


def _batch(texts: Sequence[str], seed: tuple[int, int]) -> Heard:
    rng = np.random.default_rng(seed)
    spoken = []
    for text in texts:
        said = _voice.say(text, float(rng.uniform(*SPEEDS)), float(rng.uniform(-PITCH, PITCH)))
        said = telephone(said) if rng.random() < 0.5 else said
        spoken.append(at_level(said, float(rng.uniform(*LEVELS))))
    return listen(spoken, texts, rng)


# --- in the one that asks them ---


def talk(minutes: float, seed: int) -> Iterator[Heard]:
    """Batches of sentences until ``minutes`` of speech were heard."""
    count = min(len(os.sched_getaffinity(0)), MOST)
    context = multiprocessing.get_context("spawn")
    text = sentences(seed)
    start = (context.Value("i", 0), context.Lock())
    seconds, number = 0.0, 0
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=start) as processes:
        running: set[Future[Heard]] = set()
        try:
            while seconds < 60 * minutes:
                while len(running) < count + 1:
                    running.add(processes.submit(_batch, list(islice(text, BATCH)), (seed, number)))
                    number += 1
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for one in done:
                    heard = one.result()
                    seconds += heard.seconds
                    yield heard
        finally:
            processes.shutdown(cancel_futures=True)


def keep(mistake: Mistake, number: int) -> Path:
    """Write what was taken for a key into a file."""
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"talkoff-{number}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(through(mistake.law, mistake.samples).astype("<i2").tobytes())
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Talk, and print the figure; the exit code."""
    parser = argparse.ArgumentParser(prog="bench.talkoff")
    parser.add_argument("--minutes", type=float, default=60.0, help="of speech")
    parser.add_argument("--seed", type=int, default=1, help="of what is said and how")
    given = parser.parse_args(argv)
    unit = UNIT if given.minutes == 60 else f"false digits in {given.minutes:g} minutes of speech"
    if missing():
        lacking = RuntimeError(f"{', '.join(missing())} is not installed: pip install 'hookflash[speech]'")
        return refuse("talkoff", lacking, unit, TARGET)
    began, all_heard = time.monotonic(), Heard()
    for heard in talk(given.minutes, given.seed):
        for number, mistake in enumerate(heard.mistakes, len(all_heard.mistakes) + 1):
            where = keep(mistake, number)
            print(
                f"talkoff: {mistake.keys} in {mistake.text!r} ({mistake.law}): {where}",
                file=sys.stderr,
                flush=True,
            )
        all_heard.add(heard)
    print(
        f"talkoff: {all_heard.seconds / 60:.1f} min, {all_heard.sentences} sentences, heard as "
        f"{', '.join(LAWS)}; {all_heard.missed} of {all_heard.pressed} keys pressed between them not heard; "
        f"took {time.monotonic() - began:.0f} s",
        file=sys.stderr,
    )
    mistaken = sum(len(mistake.keys) for mistake in all_heard.mistakes)
    figure("talkoff", mistaken, unit, TARGET, whole=all_heard.missed == 0 < all_heard.pressed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
