"""Speech services out of the configuration, wired in."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hookflash.composition.hearing import Hearing
from hookflash.composition.speaking import Speaking, stand_ins
from hookflash.composition.speech_services import SpeechServices
from hookflash.config import parse
from hookflash.media.speech import Speech
from hookflash.plane.prompts import Prompts
from hookflash.ports.speech import SpeechError
from hookflash.testing.clock import VirtualClock

SETTINGS = '[[speech_provider]]\nkind = "deepgram"\nname = "mine"\nkey_env = "HOOKFLASH_TEST_KEY"\n'


async def test_a_service_recognises_once_it_has_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = parse(SETTINGS)
    for key in ("", "secret"):
        monkeypatch.setenv("HOOKFLASH_TEST_KEY", key)
        services = SpeechServices(settings, VirtualClock())
        hearing = Hearing(settings, VirtualClock(), services)
        assert hearing.desk.hears == bool(key)
        assert list(services.pools) == (["mine"] if key else [])
        problems = [line for line in stand_ins(settings) if "HOOKFLASH_TEST_KEY has no key" in line]
        assert len(problems) == (not key)
        await hearing.close()
        await services.close()


async def test_a_voice_that_cannot_be_had_says_why() -> None:
    settings = parse(SETTINGS + "[speech]\ncache_disk = 0\n")
    clock = VirtualClock()
    services = SpeechServices(settings, clock, {})
    speaking = Speaking(settings, Prompts(), clock, services)
    with pytest.raises(SpeechError, match="HOOKFLASH_TEST_KEY has no key") as caught:
        async for _ in speaking.desk.speak(Speech("x")):
            pass
    assert caught.value.code == 401
    assert services.listener(settings.speech_provider[0]) is None
    await speaking.close()


async def test_processes_are_there_with_the_server_unless_they_are_to_wait_for_a_demand() -> None:
    for start, processes in (("startup", 1), ("demand", 0)):
        services = SpeechServices(
            parse(SETTINGS + f'[speech]\nstart = "{start}"\n'), VirtualClock(), {"HOOKFLASH_TEST_KEY": "k"}
        )
        services.start()
        assert services.pools["mine"].figures().processes == processes
        await services.close()


async def test_processes_keep_off_the_cpus_of_the_media(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1, 2, 3})
    settings = parse(SETTINGS + "[media]\nworkers = 2\ncpus = [1, 2]\n")
    services = SpeechServices(settings, VirtualClock(), {"HOOKFLASH_TEST_KEY": "k"})
    assert services.pools["mine"]._arguments == ("--nice=0", "--cpus=0,3")


def test_nothing_the_server_imports_can_ask_a_service() -> None:
    program = "import sys, hookflash.app; print([n for n in sys.modules if 'speech.services' in n])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
