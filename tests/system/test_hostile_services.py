"""Speech services that accept and never answer, and engines whose processes are killed: each operation ends
in its event, the next provider is asked where there is one, and the next operation works."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from azure.communication.callautomation import (
    PhoneNumberIdentifier,
    RecognizeInputType,
    TextSource,
)
from speech.services.fakes import socket
from system.harness import Server, Webhook, running
from system.hostile_services import Services
from system.processes import children
from system.spoken import Say, needs_speech
from system.talking import Talk, talking

pytestmark = needs_speech

CALLER = "+14255550123"
WORDS = "Speak to an agent"
KEY = "TEST_SPEECH_KEY"
SECRET = "nobody-is-to-see-this-key"


async def silence(socket: web.WebSocketResponse) -> None:
    """Take what comes, and say nothing."""
    async for _ in socket:
        pass


def provider(kind: str, url: str, locales: list[str], **more: object) -> str:
    lines = [f'kind = "{kind}"', f'name = "{kind} that hangs"', f'endpoint = "{url}"', f"locales = {locales}"]
    return "\n".join(["[[speech_provider]]", *lines, f'key_env = "{KEY}"', "timeout = 0.6", ""])


@pytest.fixture(scope="module")
def services() -> Iterator[Services]:
    made = Services(deepgram=socket(silence))
    yield made
    made.close()


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, services: Services) -> Iterator[tuple[Server, Webhook]]:
    settings = "[speech]\nfirst_audio = 5\nrecognising_workers = 1\ncache_disk = 0\n"
    settings += provider("openai", f"{services.url}/openai/v1", ["fr", "de"])
    settings += provider("azure", f"{services.url}/azure", ["it", "pt", "en-GB"])
    settings += provider("deepgram", f"{services.url}/deepgram", ["es", "nl"])
    settings += '[[speech_provider]]\nkind = "beep"\nlocales = ["de", "pt", "nl", "en-GB", "sv"]\n'
    settings += '[[speech_provider]]\nkind = "builtin"\nlocales = ["en"]\n'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, SECRET)
        yield from running(tmp_path_factory.mktemp("hostile-services"), settings)


@pytest.fixture
def talk(target: tuple[Server, Webhook]) -> Iterator[Talk]:
    server, webhook = target
    webhook.forget()
    with talking(server, webhook, CALLER) as talk:
        yield talk
    log = server.log.read_text()
    assert "Traceback" not in log
    assert SECRET not in log


def text(words: str, locale: str) -> TextSource:
    return TextSource(text=words, source_locale=locale)


def listen(talk: Talk, context: str, locale: str) -> None:
    """Ask for speech, and let the phone speak."""
    talk.sdk.start_recognizing_media(
        RecognizeInputType.SPEECH,
        PhoneNumberIdentifier(CALLER),
        speech_language=locale,
        operation_context=context,
        initial_silence_timeout=15,
        end_silence_timeout=1,
    )


def heard(talk: Talk, context: str) -> str:
    data: dict[str, Any] = talk.webhook.wait("RecognizeCompleted", 40, operationContext=context)
    return str(data["speechResult"]["speech"]).lower().rstrip(".")


def figures(server: Server) -> dict[str, float]:
    with urllib.request.urlopen(f"{server.url}/hookflash/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if line.startswith("hookflash_speech_"))
    return {name.removeprefix("hookflash_speech_"): float(value) for name, _, value in pairs}


def eventually(server: Server, name: str, value: float, timeout: float = 30) -> None:
    """Wait until a figure has a value."""
    deadline = time.monotonic() + timeout
    while (found := figures(server)[name]) != value:
        assert time.monotonic() < deadline, f"{name} is {found}, not {value}"
        threading.Event().wait(0.05)


def engine(server: Server, name: str) -> list[int]:
    """The processes of a built-in engine."""
    return running_as(server, f"hookflash.speech.worker {name} ")


def asking(server: Server, kind: str) -> list[int]:
    """The processes that ask services of a kind."""
    return running_as(server, f"hookflash.speech.services.worker {kind} ")


def running_as(server: Server, command: str) -> list[int]:
    assert server.process is not None
    return [pid for pid, found in children(server.process.pid).items() if command in found]


def test_voices_that_hang_fail_in_time_or_are_replaced(target: tuple[Server, Webhook], talk: Talk) -> None:
    for locale, name in (("fr-FR", "openai"), ("it-IT", "azure"), ("es-ES", "deepgram")):
        talk.sdk.play_media_to_all(text("Nobody says this", locale), operation_context=name)
        assert talk.ended("Play", name, 10) == (408, 8565), talk.message(name)
        assert f"{name} that hangs" in talk.message(name)
        talk.plays(text(f"Next to {name}", "sv-SE"), f"after {name}")
    for locale, name in (("de-DE", "openai"), ("pt-PT", "azure"), ("nl-NL", "deepgram")):
        talk.plays(text("Beeps", locale), f"instead of {name}", 10)
    found = figures(target[0])
    for name in ("openai", "azure", "deepgram"):
        labels = f'provider="{name} that hangs",does="speak",kind="late"'
        assert found[f"failures_total{{{labels}}}"] == 2


def test_recognisers_that_hang_fail_in_time_or_are_replaced(
    talk: Talk, services: Services, spoken: Say
) -> None:
    said = spoken(WORDS)
    for locale, name in (("it-IT", "azure"), ("es-ES", "deepgram"), ("fr-FR", "openai")):
        listen(talk, name, locale)
        talk.handset.play(f"play {said}")
        assert talk.ended("Recognize", name, 20) == (408, 8565)
        assert f"{name} that hangs" in talk.message(name)
        assert any(path.startswith(f"/{name}/") for path in services.asked)
    listen(talk, "replaced", "en-GB")  # the first one hangs, the built-in one is the next
    talk.handset.play(f"play {said}")
    assert heard(talk, "replaced") == WORDS.lower()
    listen(talk, "next", "en-US")
    talk.handset.play(f"play {said}")
    assert heard(talk, "next") == WORDS.lower()


def test_only_their_own_processes_talk_to_services_and_nobody_sees_a_key(
    target: tuple[Server, Webhook], talk: Talk, services: Services
) -> None:
    server = target[0]
    assert server.process is not None
    services.askers.clear()
    for locale, kind in (("fr-FR", "openai"), ("it-IT", "azure"), ("es-ES", "deepgram")):
        talk.sdk.play_media_to_all(text("Nobody says this either", locale), operation_context=f"by {kind}")
        assert talk.ended("Play", f"by {kind}", 10) == (408, 8565)
    askers = [pid for kind in ("openai", "azure", "deepgram") for pid in asking(server, kind)]
    assert len(askers) == 3
    assert services.askers == set(askers)
    for pid in children(server.process.pid):
        for name in ("environ", "cmdline"):
            assert SECRET.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_the_next_provider_speaks_when_the_process_of_a_service_is_killed(
    target: tuple[Server, Webhook], talk: Talk
) -> None:
    server, name = target[0], 'engine="openai that hangs"'
    talk.plays(text("Beeps in its place", "de-DE"), "warm", 10)
    (victim,) = asking(server, "openai")
    lost = figures(server)[f"workers_lost_total{{{name}}}"]
    os.kill(victim, signal.SIGSTOP)  # so that it is killed in the middle
    talk.sdk.play_media_to_all(text("Beeps when it has died", "de-DE"), operation_context="killed")
    eventually(server, f"jobs_running{{{name}}}", 1)
    os.kill(victim, signal.SIGKILL)
    assert talk.ended("Play", "killed", 10) == (200, 0)
    talk.plays(text("And when it is there again", "de-DE"), "again", 10)
    found = figures(server)
    assert found[f"workers_lost_total{{{name}}}"] == lost + 1
    assert (found[f"workers{{{name}}}"], found[f"jobs_running{{{name}}}"]) == (1, 0)
    assert asking(server, "openai") not in ([], [victim])
    with urllib.request.urlopen(f"{server.url}/hookflash/speech", timeout=10) as answer:
        view = json.load(answer)
    (one,) = [one for one in view["engines"] if one["engine"] == "openai that hangs"]
    assert (one["processes"], one["lost"], one["problem"]) == (1, lost + 1, "")


def test_a_recogniser_that_is_killed_is_asked_once_more(
    target: tuple[Server, Webhook], talk: Talk, spoken: Say
) -> None:
    server, said = target[0], spoken(WORDS)
    if not engine(server, "whisper"):
        listen(talk, "warm", "en-US")
        talk.handset.play(f"play {said}")
        assert heard(talk, "warm") == WORDS.lower()
    (victim,) = engine(server, "whisper")
    os.kill(victim, signal.SIGSTOP)  # so that it is killed in the middle, however quick it is
    listen(talk, "killed once", "en-US")
    talk.handset.play(f"play {said}")
    eventually(server, 'jobs_running{engine="whisper"}', 1)
    os.kill(victim, signal.SIGKILL)
    assert heard(talk, "killed once") == WORDS.lower()
    assert victim not in engine(server, "whisper")
    assert figures(server)['workers_lost_total{engine="whisper"}'] >= 1


def test_a_recogniser_that_is_killed_again_and_again_fails_one_recognition(
    target: tuple[Server, Webhook], talk: Talk, spoken: Say
) -> None:
    server, said = target[0], spoken(WORDS)
    over = threading.Event()

    def killing() -> None:
        while not over.is_set():
            for pid in engine(server, "whisper"):
                os.kill(pid, signal.SIGKILL)
            over.wait(0.02)

    killer = threading.Thread(target=killing)
    listen(talk, "doomed", "en-US")
    killer.start()
    try:
        talk.handset.play(f"play {said}")
        assert talk.ended("Recognize", "doomed", 30) == (400, 8565)
        assert "SIGKILL" in talk.message("doomed")
    finally:
        over.set()
        killer.join()
    talk.plays(text("Something else", "sv-SE"), "beeps", 10)
    listen(talk, "alive", "en-US")
    talk.handset.play(f"play {said}")
    assert heard(talk, "alive") == WORDS.lower()
