"""``python -m bench.recognition``: how well and how soon the built-in recogniser understands a telephone.

Everything is said by synthetic speakers: the built-in voice as it is, higher and faster, lower and slower (by
resampling), and espeak-ng where it is installed, a robot that people find hard to understand too. It goes
through 8 kHz mu-law over a line with some noise.

``recognition.final`` is the time from the last voice to the last words, at the pace of a call through the
listening desk and a worker process, with the pause of 0.5 s after which calls take somebody to have finished;
``recognition.wer`` the word errors in twenty sentences of the first three speakers, ``recognition.wer.robot``
those of the robot. ``recognition.choices`` is how many of twelve choices by the four speakers are found,
``recognition.false`` how much of what is said beside the list is taken for a choice. The table of
choices goes to standard error. How soon a voice is noticed is in :mod:`bench.barge_in`.
"""

from __future__ import annotations

import asyncio
import io
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench.figures import figure, refuse
from hookflash.calls.speech_effects import FinishListening, StartListening, VoiceEnded, WordsHeard
from hookflash.clock import LoopClock
from hookflash.media.choices import Choice, meant
from hookflash.media.speech import Listening, Speech
from hookflash.ports.audio import Frames, Lost, Said, Source, Take
from hookflash.ports.speech import Recognised
from hookflash.speech.builtin import builtin_voice
from hookflash.speech.gate import FRAME, RATE, VoiceGate
from hookflash.speech.hearing import Hearer, HearingDesk
from hookflash.speech.listening import ListeningDesk
from hookflash.speech.understanding import BuiltinRecogniser
from hookflash.speech.workers import PoolLimits, WorkerPool

TARGET_FINAL = 900.0
TARGET_WER = 8.0
TARGET_CHOICES = 90.0
TARGET_FALSE = 5.0
END_SILENCE = 0.5
"""Seconds of quiet after which a call takes somebody to have finished."""
FINALS = 8
"""Sentences that are said at the pace of a call."""
NOISE = -62.0
"""Of the line, dB of full scale."""
SENTENCES = (
    "I would like to change my appointment to next Thursday afternoon.",
    "My account number is four seven two nine.",
    "Could you please tell me the balance of my savings account?",
    "I am calling about the bill I got last week.",
    "The internet has been down since yesterday morning.",
    "Please send the package to my new address on Oak Street.",
    "I want to cancel my subscription at the end of the month.",
    "Yes, that is correct, thank you very much.",
    "No, I have not received the confirmation email yet.",
    "Can I speak with somebody in the sales department?",
    "My flight was delayed and I missed my connection.",
    "I lost my credit card and I need to block it right away.",
    "What time do you open on Saturday?",
    "I need a table for six people at eight o'clock tonight.",
    "The order arrived, but two of the boxes were damaged.",
    "How long will it take to repair the washing machine?",
    "I would like to book a room with two beds for three nights.",
    "There is water coming through the kitchen ceiling.",
    "Please call me back on my mobile phone after five.",
    "My doctor told me to renew the prescription before Friday.",
)
CHOICES = (
    "confirm",
    "cancel",
    "sales",
    "support",
    "billing",
    "operator",
    "yes",
    "no",
    "account balance",
    "technical help",
    "opening hours",
    "speak to an agent",
)
OTHERS = (
    "what is the weather like",
    "my dog ate my homework",
    "purple",
    "hello",
    "the weather is nice today",
    "I don't know",
    "tomorrow",
    "maybe later",
    "can you repeat that please",
    "banana",
    "I would like to order a pizza",
    "seventeen",
)
"""What is said beside the list, with the sentences that do not begin with a choice."""
SPEAKERS = {"as it is": 1.0, "higher": 1.14, "lower": 0.92}
"""Factors of pitch and pace."""
FIGURES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

Samples = NDArray[np.int16]


class Line:
    """The audio of a call, at its pace."""

    def __init__(self) -> None:
        self._take: Take | None = None
        self._tick = 0

    def listen(self, call: int, rate: int, take: Take, lost: Lost) -> Line:
        self._take = take
        return self

    def add(self, source: Source) -> None:
        """There is one only."""

    def remove(self, source: Source) -> None:
        """There is one only."""

    def close(self) -> None:
        self._take = None

    async def say(self, pcm: Samples) -> None:
        """Say it, and go on with the noise of the line until nobody listens any more."""
        began = time.perf_counter()
        whole = np.concatenate([pcm, line_noise(10 * RATE)])
        for number, frame in enumerate(whole[: len(whole) // FRAME * FRAME].reshape(-1, FRAME)):
            if self._take is None:
                return
            await asyncio.sleep(max(0.0, began + (number + 1) * 0.02 - time.perf_counter()))
            if self._take is not None:
                of_tick = Frames()
                of_tick[Said(1)] = frame
                self._take(self._tick, of_tick)
            self._tick += 1


class Scene:
    """The desk, and the pause after which it is asked for the last words."""

    def __init__(self, recogniser: BuiltinRecogniser) -> None:
        self.line = Line()
        self.clock = LoopClock()
        hearing = HearingDesk([Hearer(recogniser)])
        self.desk = ListeningDesk(self.line, hearing, self.clock, self._fact)  # type: ignore[arg-type]
        self.ended = 0.0
        self.over: asyncio.Future[float] | None = None

    async def final(self, pcm: Samples) -> float:
        """Milliseconds from the last voice to the last words."""
        self.over = asyncio.get_running_loop().create_future()
        self.desk.listen(StartListening(1, 1, 1, Listening()))
        saying = asyncio.create_task(self.line.say(pcm))
        try:
            return await asyncio.wait_for(self.over, 60.0)
        finally:
            await saying

    def _fact(self, fact: Any) -> None:
        if isinstance(fact, VoiceEnded):
            self.ended = fact.at
            self.clock.call_at(fact.at + END_SILENCE, lambda: self._finish(fact))
        elif isinstance(fact, WordsHeard) and fact.final and self.over is not None:
            self.over.set_result(1e3 * (self.clock.now() - self.ended))

    def _finish(self, fact: VoiceEnded) -> None:
        if fact.at == self.ended:
            self.desk.finish(FinishListening(1))


async def understood(
    recogniser: BuiltinRecogniser, pcm: Samples, phrases: tuple[str, ...] = ()
) -> Recognised:
    """What is understood of an utterance that the gate has cut out."""

    async def audio() -> Any:
        yield cut_out(pcm)

    async with aclosing(recogniser.recognise(audio(), Listening(phrases=phrases))) as results:
        async for found in results:
            if found.final:
                return found
    raise RuntimeError("there were no last words")


def cut_out(pcm: Samples) -> Samples:
    """From 300 ms before the voice to 300 ms behind it, as the listening desk has it."""
    gate, begin, end = VoiceGate(), None, len(pcm)
    for frame in pcm[: len(pcm) // FRAME * FRAME].reshape(-1, FRAME):
        change = gate.feed(frame)
        if change is not None and change.voice and begin is None:
            begin = max(0, change.frame * FRAME - RATE * 3 // 10)
        elif change is not None and not change.voice:
            end = change.frame * FRAME + RATE * 3 // 10
    return pcm[begin or 0 : end]


def words(text: str) -> list[str]:
    """Words as they are compared: figures one by one, without marks."""
    low = re.sub(r"\d", lambda one: f" {FIGURES[int(one[0])]} ", text.lower().replace("-", " "))
    return re.sub(r"[^a-z' ]", " ", low).split()


def errors(said: list[str], found: list[str]) -> int:
    """Words to be changed, left out or put in between two texts."""
    row = list(range(len(found) + 1))
    for at, word in enumerate(said, 1):
        above, row = row, [at]
        for place, other in enumerate(found, 1):
            row.append(min(above[place] + 1, row[-1] + 1, above[place - 1] + (word != other)))
    return row[-1]


def telephone(pcm: NDArray[np.float32], rate: float, seed: int) -> Samples:
    """Speech at ``rate`` through 8 kHz mu-law with half a second of line before it; int16 at 16,000 Hz."""
    narrow = soxr.resample(pcm, rate, 8000)
    narrow = np.concatenate([np.zeros(4000 + seed * 37 % 160), narrow, np.zeros(4000)])
    narrow = narrow * 10 ** (-22 / 20) / max(1e-9, np.sqrt(np.mean(narrow[narrow != 0] ** 2)))
    narrow += np.random.default_rng(seed).standard_normal(len(narrow)) * 10 ** (NOISE / 20)
    narrow = np.clip(narrow, -1, 1)
    law = np.round(127 * np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256)) / 127
    back = np.sign(law) * np.expm1(np.abs(law) * np.log(256)) / 255
    return np.clip(32768 * soxr.resample(back, 8000, RATE), -32768, 32767).astype(np.int16)


def line_noise(samples: int) -> Samples:
    """The line when nobody speaks."""
    noise = np.random.default_rng(1).standard_normal(samples)
    return (noise * 32768 * 10 ** (NOISE / 20)).astype(np.int16)


async def spoken(texts: tuple[str, ...]) -> Mapping[str, list[Samples]]:
    """Each text by each speaker."""
    pool = WorkerPool("piper", LoopClock(), PoolLimits(ready=1, load=120.0, wait=120.0))
    voice = builtin_voice("builtin", pool)
    found: dict[str, list[Samples]] = {name: [] for name in SPEAKERS}
    try:
        for seed, text in enumerate(texts):
            async with aclosing(voice.synthesise(Speech(text=text, locale="en-US"))) as pieces:
                pcm = np.concatenate([piece.pcm async for piece in pieces]).astype(np.float32) / 32768
            for name, factor in SPEAKERS.items():
                found[name].append(telephone(pcm, RATE * factor, seed))
    finally:
        await pool.close()
    if program := shutil.which("espeak-ng"):
        found["robot"] = []
        for seed, text in enumerate(texts):
            command = [program, "-v", "en-us", "-s", "155", "--stdout", text]
            wav = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, check=True, timeout=30
            )
            pcm, rate = soundfile.read(io.BytesIO(wav.stdout), dtype="float32")
            found["robot"].append(telephone(pcm, rate, seed))
    return found


async def measure() -> None:
    """Take and print every figure."""
    said = await spoken((*SENTENCES, *CHOICES, *OTHERS))
    pool = WorkerPool("whisper", LoopClock(), PoolLimits(ready=1, load=120.0, wait=120.0))
    recogniser = BuiltinRecogniser("builtin", pool)
    try:
        await understood(recogniser, said["as it is"][0])
        await sentences(recogniser, said)
        await choices(recogniser, said)
        scene = Scene(recogniser)
        finals = [await scene.final(pcm) for pcm in said["as it is"][:FINALS]]
        figure("recognition.final", statistics.median(finals), "ms", TARGET_FINAL)
    finally:
        await pool.close()


async def sentences(recogniser: BuiltinRecogniser, said: Mapping[str, list[Samples]]) -> None:
    """Word errors."""
    wrong: dict[str, int] = {}
    for name, speech in said.items():
        for text, pcm in zip(SENTENCES, speech, strict=False):
            found = await understood(recogniser, pcm)
            count = errors(words(text), words(found.text))
            wrong[name] = wrong.get(name, 0) + count
            if count and name in SPEAKERS:
                print(f"{name}: {text!r} was taken for {found.text!r}", file=sys.stderr)
    all_words = sum(len(words(text)) for text in SENTENCES)
    people = 100 * sum(wrong[name] for name in SPEAKERS) / all_words / len(SPEAKERS)
    figure("recognition.wer", people, "%", TARGET_WER)
    if "robot" in wrong:
        figure("recognition.wer.robot", 100 * wrong["robot"] / all_words, "%", None)


async def choices(recogniser: BuiltinRecogniser, said: Mapping[str, list[Samples]]) -> None:
    """Choices found, and what was taken for one."""
    offered = [Choice(phrase.title().replace(" ", ""), (phrase,)) for phrase in CHOICES]
    right = wrong = asked = 0
    for name, speech in said.items():
        row = ""
        for number, pcm in enumerate(speech):
            text = (*SENTENCES, *CHOICES, *OTHERS)[number]
            if number < len(SENTENCES) and words(text)[0] in CHOICES:
                continue  # "Yes, that is correct" may well be taken for a yes
            found = await understood(recogniser, pcm, CHOICES)
            match = meant(offered, found.text, found.choice)
            if text in CHOICES:
                good = match is not None and match.phrase == text
                right += good
                row += "+" if good else "-"
                if not good:
                    print(f"{name}: {text!r} was taken for {found.text!r}", file=sys.stderr)
            else:
                asked += 1
                wrong += match is not None
                if match is not None:
                    print(f"{name}: {text!r} was taken for the choice {match.phrase!r}", file=sys.stderr)
        print(f"choices, {name}: {row} {row.count('+')}/{len(row)}", file=sys.stderr)
    figure("recognition.choices", 100 * right / len(CHOICES) / len(said), "%", TARGET_CHOICES, at_least=True)
    figure("recognition.false", 100 * wrong / asked, "%", TARGET_FALSE)


def main() -> int:
    """Run it; the exit code says whether it ran."""
    try:
        asyncio.run(measure())
    except Exception as error:
        return refuse("recognition.final", error, "ms", TARGET_FINAL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
