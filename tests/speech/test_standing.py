"""What the log is told of providers that fail."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from hookflash.media.speech import Speech
from hookflash.ports.speech import SpeechError, Spoken
from hookflash.speech.speaking import Speaker, SpeakingDesk
from hookflash.testing.clock import VirtualClock


class Voice:
    version = "1"

    def __init__(self, name: str) -> None:
        self.name = name
        self.broken = False

    async def synthesise(self, speech: Speech) -> AsyncGenerator[Spoken, None]:
        if self.broken:
            raise SpeechError(f"{self.name}: it answered 401", code=401)
        yield Spoken(np.ones(160, np.int16))


async def test_the_log_says_when_a_provider_begins_to_fail_and_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "hookflash.speech")
    cloud, spare = Voice("cloud"), Voice("spare")
    desk = SpeakingDesk([Speaker(cloud), Speaker(spare)], VirtualClock())

    async def say(text: str) -> None:
        async for _ in desk.speak(Speech(text=text)):
            pass

    await say("one")
    assert not caplog.records
    cloud.broken = True
    for text in ("two", "three", "four"):
        await say(text)
    assert [one.levelname for one in caplog.records] == ["WARNING"]
    assert "cloud fails to speak" in caplog.text
    assert "it answered 401" in caplog.text
    cloud.broken = False
    await say("five")
    assert caplog.messages[1:] == ["cloud can speak again"]
    await desk.close()
