"""``python -m bench.services``: what it costs to have a speech service speak and recognise.

The service is a local stand-in in a process of its own: OpenAI's interface speaks (24 kHz, as fast as it is
taken), Deepgram's recognises. ``services.first`` is the time from asking the speaking desk for a short text
to its first audio. ``services.spoken.cpu`` and ``services.heard.cpu`` are CPU time of this process, which
does what the server does, for each second of audio that is spoken, and recognised in frames of 20 ms;
``.process`` the same for the processes that ask the services.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import numpy as np
import uvloop
from aiohttp import WSMsgType, web

from bench.figures import figure
from hookflash.clock import LoopClock
from hookflash.composition.hearing import Hearing
from hookflash.composition.speaking import Speaking
from hookflash.composition.speech_services import SpeechServices
from hookflash.config import parse
from hookflash.media.speech import Listening, Speech
from hookflash.plane.prompts import Prompts
from hookflash.ports.speech import RATE
from hookflash.speech.hearing import Speech as Said

TEXTS = 50
SHORT, LONG = 1.0, 10.0
"""Seconds of audio of a text, by its first letter: S or L."""
AT_ONCE = 20
FRAME = RATE // 50
OPENAI_RATE = 24_000

SETTINGS = """
[speech]
cache_memory = 0
cache_disk = 0
[[speech_provider]]
kind = "openai"
endpoint = "{url}/v1"
does = ["speak"]
[[speech_provider]]
kind = "deepgram"
endpoint = "{url}"
does = ["recognise"]
"""


async def speak(request: web.Request) -> web.StreamResponse:
    """OpenAI's: a tone, in pieces of 4 KiB."""
    text = (await request.json())["input"]
    pcm = np.full(round((LONG if text.startswith("L") else SHORT) * OPENAI_RATE), 1000, "<i2").tobytes()
    response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
    await response.prepare(request)
    for at in range(0, len(pcm), 4096):
        await response.write(pcm[at : at + 4096])
    return response


async def recognise(request: web.Request) -> web.WebSocketResponse:
    """Deepgram's: takes everything, and says one word in the end."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT and json.loads(message.data)["type"] == "CloseStream":
            heard = {"alternatives": [{"transcript": "yes", "confidence": 0.9}]}
            await socket.send_json({"type": "Results", "is_final": True, "channel": heard})
            await socket.send_json({"type": "Metadata"})
            break
    await socket.close()
    return socket


async def stand_in() -> None:
    """Be the service; the port goes to standard output. Ends with standard input."""
    app = web.Application()
    app.router.add_post("/v1/audio/speech", speak)
    app.router.add_get("/v1/listen", recognise)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


class Stage:
    """A server's speech."""

    def __init__(self, url: str) -> None:
        settings, clock = parse(SETTINGS.format(url=url)), LoopClock()
        self.services = SpeechServices(settings, clock)
        self.speaking = Speaking(settings, Prompts(), clock, self.services)
        self.hearing = Hearing(settings, clock, self.services)
        self.services.start()

    async def say(self, text: str) -> float:
        """Milliseconds to the first audio."""
        began, first = time.perf_counter(), 0.0
        async with aclosing(self.speaking.desk.speak(Speech(text=text))) as pieces:
            async for _ in pieces:
                first = first or time.perf_counter() - began
        return 1e3 * first

    async def hear(self) -> None:
        """Have :data:`LONG` seconds understood."""
        said, frame = Said(), np.full(FRAME, 100, np.int16)

        async def talk() -> None:
            for _ in range(round(LONG * RATE) // FRAME):
                said.put(frame)
                await asyncio.sleep(0)
            said.end()

        talking = asyncio.create_task(talk())
        async with aclosing(self.hearing.desk.understand(said, Listening())) as results:
            texts = [one.text async for one in results]
        await talking
        assert texts == ["yes"], texts

    def children_cpu(self) -> float:
        """Seconds of CPU of the processes that ask the services."""
        return sum(cpu_of(pid) for pool in self.services.pools.values() for pid in pool.pids)

    async def close(self) -> None:
        await self.speaking.close()
        await self.hearing.close()
        await self.services.close()


def cpu_of(pid: int) -> float:
    """Seconds of CPU a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def cost(stage: Stage, name: str, work: Callable[[], Awaitable[object]]) -> None:
    """Milliseconds of CPU for each second of audio, :data:`AT_ONCE` at a time."""
    own, children = own_cpu(), stage.children_cpu()
    rounds = 3
    for _ in range(rounds):
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    seconds = rounds * AT_ONCE * LONG
    for what, used in (("cpu", own_cpu() - own), ("cpu.process", stage.children_cpu() - children)):
        figure(f"services.{name}.{what}", 1e3 * used / seconds, "ms/s of audio", None)


async def measure(url: str) -> None:
    """Take and print every figure."""
    stage = Stage(url)
    try:
        await stage.say("S: ready.")
        firsts = sorted([await stage.say(f"S {number}") for number in range(TEXTS)])
        figure("services.first.p50", statistics.median(firsts), "ms", None)
        figure("services.first.p95", firsts[int(0.95 * len(firsts))], "ms", None)
        numbers = iter(range(10_000))
        await cost(stage, "spoken", lambda: stage.say(f"L {next(numbers)}"))
        await cost(stage, "heard", stage.hear)
    finally:
        await stage.close()


def main() -> int:
    """Run the benchmark; the exit code."""
    if sys.argv[1:] == ["stand-in"]:
        uvloop.run(stand_in())
        return 0
    os.environ["DEEPGRAM_API_KEY"] = "none"
    command = [sys.executable, "-m", "bench.services", "stand-in"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        try:
            uvloop.run(measure(f"http://127.0.0.1:{service.stdout.readline().strip()}"))
        finally:
            service.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
