"""SIPp and baresip hear the built-in voice, and what they say is understood."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import sipp_process
import soundfile
from baresip_phone import Baresip
from sdk_app import ConfirmingApp
from system.conftest import System
from system.spoken import RATE, Say, needs_speech

from hookflash.plane.kernels.codec import encode_ulaw

pytestmark = [pytest.mark.interop, needs_speech]
CALLER = "+14255550177"
LONG = 240
"""Seconds that a call may take: the first ones start the voice and the recogniser."""
PAUSE = 4
"""Seconds between a word and the next one."""
REPEATS = 40
LOUD = 300 / 32768


def words(spoken: Say, text: str) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """What a caller says who says it again and again: once, and then a pause."""
    samples, rate = soundfile.read(spoken(text), dtype="int16")
    assert rate == RATE
    return np.concatenate([samples, np.zeros(PAUSE * RATE, np.int16)])


def check(system: System, calls: int, label: str) -> None:
    """Every call heard its greeting to the end, and its choice was understood."""
    system.webhook.wait_count("CallDisconnected", calls, LONG)
    assert system.webhook.names().count("PlayCompleted") == calls
    chosen = [
        event["data"]["choiceResult"]["label"]
        for event in system.webhook.events()
        if event["type"].endswith("RecognizeCompleted")
    ]
    assert chosen == [label] * calls, system.webhook.names()


@pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester")
@pytest.mark.parametrize(("text", "label"), [("Confirm.", "Confirm"), ("Cancel, please.", "Cancel")])
def test_sipp_says_a_choice(system: System, tmp_path: Path, spoken: Say, text: str, label: str) -> None:
    samples = words(spoken, text)
    encoded = np.zeros(len(samples), np.uint8)
    encode_ulaw(samples, encoded)
    (tmp_path / "words.ulaw").write_bytes(encoded.tobytes())
    ConfirmingApp(system)
    verdict = sipp_process.run(
        "caller_talks", tmp_path, remote=f"127.0.0.1:{system.server.sip_port}", calls=2, timeout=LONG
    )
    check(system, 2, label)
    assert (verdict.successful, verdict.failed) == (2, 0), verdict.output


@pytest.mark.skipif(shutil.which("baresip") is None, reason="needs baresip: apt-get install baresip-core")
@pytest.mark.parametrize("codecs", ["pcma", "opus/48000/2"])
def test_baresip_hears_a_voice_and_says_a_choice(
    system: System, tmp_path: Path, spoken: Say, codecs: str
) -> None:
    says = tmp_path / "says.wav"
    soundfile.write(says, np.tile(words(spoken, "Confirm."), REPEATS), RATE, "PCM_16")
    ConfirmingApp(system)
    phone = Baresip(tmp_path / "phone", number=CALLER, says=says, codecs=codecs)
    try:
        phone.command("dial", system.dial)
        phone.wait("CALL_ESTABLISHED")
        phone.wait("CALL_CLOSED", LONG)
        check(system, 1, "Confirm")
        heard = phone.heard()
    finally:
        phone.close()
    frames = np.abs(heard[: len(heard) // 160 * 160]).reshape(-1, 160).max(axis=1)
    assert 1.5 < 0.02 * int(np.count_nonzero(frames > LOUD)) < 8
