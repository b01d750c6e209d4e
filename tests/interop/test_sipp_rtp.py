"""SIPp's RTP: it sends back what it is sent, in packets of any length; and what these packets are."""

from __future__ import annotations

import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from azure.communication.callautomation import (
    FileSource,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
)
from listening import RATE, Samples, babble, likeness, narrow, wav
from sipp_process import Sipp
from system.conftest import System

from hookflash.loopback import free_port
from hookflash.plane.kernels.codec import decode_ulaw

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]
PTIMES = (10, 20, 30, 40, 60)
PROMPT_RATE = 16_000
ALIKE = 0.9
UNLIKE = 0.3


class Ear:
    """A UDP port that keeps the packets that came."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.packets: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while data := self._socket.recv(2048):
            self.packets.append(data)

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()


def prompt(seed: int) -> Samples:
    return babble(seed, 2, PROMPT_RATE)


def call(system: System, sipp: Sipp, ptime: int, during: Callable[[str], None]) -> None:
    """Take SIPp's call, play a prompt to it, do something, and hang up."""
    client = system.client()
    incoming = system.webhook.incoming.get(timeout=10)
    answered = client.answer_call(incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")
    system.webhook.wait("CallConnected")
    one = client.get_call_connection(answered.call_connection_id)
    during(str(answered.call_connection_id))
    system.webhook.files[f"/packets{ptime}.wav"] = wav(prompt(ptime), PROMPT_RATE)
    one.play_media(FileSource(url=f"{system.webhook.url}/packets{ptime}.wav"), operation_context="prompt")
    system.webhook.wait("PlayCompleted", operationContext="prompt")
    threading.Event().wait(0.5)
    one.hang_up(is_for_everyone=True)
    verdict = sipp.finish()
    assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
    assert re.search(rf"^a=ptime:{ptime}\r?$", sipp.received(), re.MULTILINE)


@pytest.mark.parametrize("ptime", PTIMES)
def test_packets_are_as_long_as_the_caller_wishes(
    system: System, tmp_path: Path, ear: Ear, ptime: int
) -> None:
    sipp = Sipp(
        "caller_wants_packets",
        tmp_path,
        remote=f"127.0.0.1:{system.server.sip_port}",
        keys={"audio_port": str(ear.port), "ptime": str(ptime)},
    )
    call(system, sipp, ptime, lambda connection: None)
    packets = [data for data in ear.packets if len(data) > 12 and data[1] & 0x7F == 0]
    assert len(packets) > 1500 / ptime
    octets = ptime * RATE // 1000
    assert {len(data) - 12 for data in packets} == {octets}
    times = [int.from_bytes(data[4:8], "big") for data in packets]
    sequence = [int.from_bytes(data[2:4], "big") for data in packets]
    for index in range(1, len(packets)):
        assert (times[index] - times[index - 1]) & 0xFFFFFFFF == octets
        assert (sequence[index] - sequence[index - 1]) & 0xFFFF == 1
    heard = np.zeros(len(packets) * octets, np.int16)
    decode_ulaw(np.frombuffer(b"".join(data[12:] for data in packets), np.uint8), heard)
    assert likeness(narrow(prompt(ptime), PROMPT_RATE), heard / 32_768) > 0.99


@pytest.mark.parametrize("ptime", PTIMES)
def test_what_comes_back_in_packets_of_any_length_is_heard(
    system: System, tmp_path: Path, ptime: int
) -> None:
    """SIPp echoes: a recording with a channel for the caller alone has what was played to it."""
    port = free_port()
    sipp = Sipp(
        "caller_wants_packets",
        tmp_path,
        remote=f"127.0.0.1:{system.server.sip_port}",
        media_port=port,
        keys={"audio_port": str(port), "ptime": str(ptime)},
        options=("-rtp_echo",),
    )
    client = system.client()
    recordings = system.server.folder / "state" / "recordings"
    before = set(recordings.iterdir()) if recordings.exists() else set()

    def record(connection: str) -> None:
        client.start_recording(
            call_connection_id=connection,
            recording_content_type=RecordingContent.AUDIO,
            recording_channel_type=RecordingChannel.UNMIXED,
            recording_format_type=RecordingFormat.WAV,
            recording_state_callback_url=f"{system.webhook.url}/recording",
        )
        system.webhook.wait("RecordingStateChanged", state="active")

    call(system, sipp, ptime, record)
    (folder,) = set(recordings.iterdir()) - before
    deadline = time.monotonic() + 10
    while not (folder / "metadata.json").exists():
        assert time.monotonic() < deadline, "the recording is not ready within 10 s"
        threading.Event().wait(0.05)
    samples, rate = soundfile.read(folder / "audio.wav", dtype="float64", always_2d=True)
    caller = np.asarray(soxr.resample(samples[:, 0], rate, RATE))
    assert likeness(narrow(prompt(ptime), PROMPT_RATE), caller) > ALIKE
    assert likeness(narrow(prompt(ptime + 1), PROMPT_RATE), caller) < UNLIKE
