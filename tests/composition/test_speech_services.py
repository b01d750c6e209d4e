"""Speech services out of the configuration, wired in."""

from __future__ import annotations

import pytest

from hookflash.composition.hearing import Hearing
from hookflash.composition.speaking import stand_ins
from hookflash.config import parse
from hookflash.testing.clock import VirtualClock

SETTINGS = '[[speech_provider]]\nkind = "deepgram"\nkey_env = "HOOKFLASH_TEST_KEY"\n'


async def test_a_service_recognises_once_it_has_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = parse(SETTINGS)
    for key in ("", "secret"):
        monkeypatch.setenv("HOOKFLASH_TEST_KEY", key)
        hearing = Hearing(settings, VirtualClock())
        assert hearing.desk.hears == bool(key)
        problems = [line for line in stand_ins(settings) if "HOOKFLASH_TEST_KEY has no key" in line]
        assert len(problems) == (not key)
        await hearing.close()
