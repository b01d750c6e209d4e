"""``python -m bench.speech``: how soon the built-in voice is heard.

``speech.first`` is the time from asking the speaking desk for a sentence to its first audio, over twenty
telephone sentences by the engine in its worker process; ``speech.cached`` the same for prompts it has spoken
before, from memory, made ready for both rates; ``speech.disk`` from disk, as after a restart. ``speech.rate``
is how much faster than real time it speaks. The worker is loaded before the first figure is taken.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

import uvloop

from bench.figures import figure, refuse
from hookflash.clock import LoopClock
from hookflash.media.speech import Speech
from hookflash.plane.feeds import Narrower
from hookflash.ports.speech import RATE
from hookflash.speech.builtin import builtin_voice, missing
from hookflash.speech.cache import DiskCache, MemoryCache
from hookflash.speech.speaking import Speaker, SpeakingDesk, SpeakingLimits
from hookflash.speech.workers import PoolLimits, WorkerPool

TARGET_FIRST = 250.0
TARGET_CACHED = 5.0
SENTENCES = (
    "Welcome to Contoso, your call is important to us.",
    "Please hold the line, the next free agent will be with you shortly.",
    "For sales press one, for support press two, or stay on the line.",
    "Your appointment is on the fourteenth of March at half past ten.",
    "I am sorry, I did not understand that.",
    "Please enter your six digit customer number, followed by the hash key.",
    "The balance of your account is one hundred and twenty three dollars.",
    "This call may be recorded for training purposes.",
    "You are number four in the queue.",
    "Our office is open from Monday to Friday, from nine to five.",
    "Please say the name of the person you would like to speak to.",
    "Thank you, I am connecting you now.",
    "Did you say yes or no?",
    "Your order has been shipped and will arrive tomorrow.",
    "To hear this message again, press nine.",
    "The number you have dialled is not available at the moment.",
    "Please leave a message after the tone.",
    "We could not verify your identity, please try again.",
    "Your new password has been sent by text message.",
    "Goodbye, and thank you for calling.",
)


async def first_audio(desk: SpeakingDesk, text: str) -> tuple[float, float, float]:
    """Milliseconds to the first audio and to the last, and seconds of it."""
    began = time.perf_counter()
    first, samples, narrower = 0.0, 0, Narrower()
    async with aclosing(desk.speak(Speech(text=text, locale="en-US"))) as pieces:
        async for piece in pieces:
            if not first:
                narrower.feed(piece.pcm)
                first = time.perf_counter() - began
            samples += len(piece.pcm)
    return 1e3 * first, 1e3 * (time.perf_counter() - began), samples / RATE


async def measure(folder: Path) -> None:
    """Take and print every figure."""
    clock = LoopClock()
    pool = WorkerPool("piper", clock, PoolLimits(ready=1, load=120.0, wait=120.0))
    pool.start()
    speakers = [Speaker(builtin_voice("builtin", pool))]
    limits = SpeakingLimits(first_audio=120.0)
    disk = DiskCache(folder, 1 << 28)
    desk = SpeakingDesk(speakers, clock, limits, memory=MemoryCache(1 << 28), disk=disk)
    restarted = SpeakingDesk(speakers, clock, limits, disk=DiskCache(folder, 1 << 28))
    try:
        await first_audio(desk, "Ready.")
        spoken = [await first_audio(desk, text) for text in SENTENCES]
        cached = [await first_audio(desk, text) for text in SENTENCES]
        await desk.close()
        kept = [await first_audio(restarted, text) for text in SENTENCES]
    finally:
        await restarted.close()
        await pool.close()
    firsts = sorted(one for one, _, _ in spoken)
    figure("speech.first.p50", statistics.median(firsts), "ms", TARGET_FIRST)
    figure("speech.first.p95", firsts[int(0.95 * len(firsts))], "ms", None)
    figure("speech.cached.p50", statistics.median(one for one, _, _ in cached), "ms", TARGET_CACHED)
    figure("speech.disk.p50", statistics.median(one for one, _, _ in kept), "ms", TARGET_CACHED)
    faster = sum(seconds for _, _, seconds in spoken) / (sum(whole for _, whole, _ in spoken) / 1e3)
    figure("speech.rate", faster, "times real time", None, at_least=True)


def main() -> int:
    """Run the benchmark; the exit code."""
    if missing():
        lacking = RuntimeError(f"{', '.join(missing())} is not installed: pip install 'hookflash[speech]'")
        return refuse("speech.first.p50", lacking, "ms", TARGET_FIRST)
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
