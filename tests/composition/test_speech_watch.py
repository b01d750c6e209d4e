"""What is seen of speech while a server runs: figures, and who fails and why."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from hookflash.composition.hearing import Hearing
from hookflash.composition.metrics import Facts, render
from hookflash.composition.speaking import Speaking
from hookflash.composition.speech_metrics import labels
from hookflash.composition.speech_services import SpeechServices
from hookflash.composition.speech_watch import SpeechWatch
from hookflash.config import parse
from hookflash.media.speech import Speech
from hookflash.plane.prompts import Prompts
from hookflash.plane.quality_desk import QualityDesk
from hookflash.ports.speech import SpeechError, Spoken
from hookflash.speech.workers import EngineUnusable
from hookflash.testing.clock import VirtualClock

PROVIDERS = """
[[speech_provider]]
kind = "openai"
name = "ma\\"in"
endpoint = "http://127.0.0.1:9/v1"
does = ["speak"]
[[speech_provider]]
kind = "beep"
"""


class Stage:
    """A server's speech whose first provider does as it is told."""

    def __init__(self, folder: Path) -> None:
        settings = parse(f'[server]\ndata_dir = "{folder}"\n{PROVIDERS}')
        self.clock = VirtualClock()
        self.services = SpeechServices(settings, self.clock)
        self.speaking = Speaking(settings, Prompts(), self.clock, self.services)
        self.hearing = Hearing(settings, self.clock, self.services)
        self.watch = SpeechWatch(settings, self.speaking, self.hearing, self.services)
        self.error: SpeechError | None = None
        first = self.speaking.desk._speakers[0].provider
        first.synthesise = self._synthesise  # type: ignore[method-assign]

    async def _synthesise(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        self.clock.advance(0.4)
        if self.error is not None:
            raise self.error
        yield Spoken(np.ones(16_000, np.int16))

    async def say(self, text: str) -> None:
        async for _ in self.speaking.desk.speak(Speech(text=text, owner="app")):
            pass

    def figures(self) -> dict[str, float]:
        facts = Facts({}, [], QualityDesk().totals, 0, False, self.watch.figures())
        found = {}
        for line in render(facts).splitlines():
            if not line.startswith("#"):
                pattern = (
                    r'hookflash_[a-z_]+(\{[a-z]+="(\\.|[^"\\])*"(,[a-z]+="(\\.|[^"\\])*")*\})? [-0-9.e+]+'
                )
                assert re.fullmatch(pattern, line), line
                name, _, value = line.rpartition(" ")
                assert name not in found
                found[name.removeprefix("hookflash_speech_")] = float(value)
        return found

    async def close(self) -> None:
        await self.speaking.close()
        await self.hearing.close()
        await self.services.close()


@pytest.fixture
async def stage(tmp_path: Path):
    stage = Stage(tmp_path)
    yield stage
    await stage.close()


MAIN = r'provider="ma\"in"'


async def test_failures_are_counted_by_provider_and_kind(stage: Stage) -> None:
    for number, code in enumerate((408, 408, 401, 400)):
        stage.error = SpeechError("no", code=code)
        await stage.say(f"text {number}")
    found = stage.figures()
    counts = {
        kind: found.get(f'failures_total{{{MAIN},does="speak",kind="{kind}"}}')
        for kind in ("late", "key", "refused", "busy")
    }
    assert counts == {"late": 2, "key": 1, "refused": 1, "busy": None}
    assert found['first_audio_seconds_count{provider="beep"}'] == 4
    assert found[f"first_audio_seconds_count{{{MAIN}}}"] == 0


async def test_times_to_first_audio_and_the_use_of_the_cache(stage: Stage) -> None:
    await stage.say("one")
    await stage.say("one")
    await stage.say("two")
    found = stage.figures()
    assert found[f"first_audio_seconds_count{{{MAIN}}}"] == 2
    assert found[f'first_audio_seconds_bucket{{{MAIN},le="0.3"}}'] == 0
    assert found[f'first_audio_seconds_bucket{{{MAIN},le="0.5"}}'] == 2
    assert found[f"first_audio_seconds_sum{{{MAIN}}}"] == pytest.approx(0.8)
    assert (found['cache_hits_total{cache="memory"}'], found['cache_hits_total{cache="disk"}']) == (1, 0)
    assert found["cache_misses_total"] == 2
    assert found['cache_bytes{cache="memory"}'] > 2 * 32_000


async def test_what_is_on_disk_is_found_there(stage: Stage, tmp_path: Path) -> None:
    await stage.say("one")
    await stage.close()
    again = Stage(tmp_path)
    await again.say("one")
    found = again.figures()
    assert (found['cache_hits_total{cache="disk"}'], found["cache_misses_total"]) == (1, 0)
    assert found['cache_bytes{cache="disk"}'] > 32_000
    await again.close()


async def test_who_fails_is_shown_with_the_reason_until_it_works_again(stage: Stage) -> None:
    (first, second) = stage.watch.view().providers
    assert (first.provider, first.does, first.works, first.problem) == ('ma"in', "speak", True, "")
    assert (second.kind, second.works) == ("beep", True)
    stage.error = SpeechError("main: no answer came within 10 s", code=408)
    await stage.say("one")
    first = stage.watch.view().providers[0]
    assert (first.works, first.problem) == (False, "main: no answer came within 10 s")
    stage.error = None
    await stage.say("two")
    assert stage.watch.view().providers[0].works


async def test_the_process_of_a_service_is_shown_and_so_is_why_there_is_none(stage: Stage) -> None:
    pool = stage.services.pools['ma"in']
    name = r'engine="ma\"in"'
    assert (stage.figures()[f"workers{{{name}}}"], stage.figures()[f"worker_starts_total{{{name}}}"]) == (
        0,
        0,
    )
    pool._command = ("/nowhere/python",)
    with pytest.raises(EngineUnusable):
        async with pool.job({}):
            pass
    (first, second) = stage.watch.view().providers
    assert not first.works
    assert 'a process of ma"in could not be started' in first.problem
    assert second.works
    (engine,) = stage.watch.view().engines
    assert (engine.engine, engine.starts, engine.lost, engine.problem) == ('ma"in', 1, 1, first.problem)
    found = stage.figures()
    assert (found[f"worker_starts_total{{{name}}}"], found[f"workers_lost_total{{{name}}}"]) == (1, 1)


def test_labels_cannot_break_out() -> None:
    assert labels(a='x"y\\z\n') == r'{a="x\"y\\z\n"}'
