"""SIPp puts us on hold by re-INVITE, in the ways phones do, and takes us off again."""

from __future__ import annotations

import itertools
import re
import shutil
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import sipp_process
from azure.communication.callautomation import FileSource
from system.conftest import System

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("sipp") is None, reason="needs SIPp: apt-get install sip-tester"),
]


class Ear:
    """A UDP port that notes when RTP came."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.times: list[float] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            data = self._socket.recv(2048)
            if not data:
                return
            self.times.append(time.monotonic())

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


@pytest.mark.parametrize(
    ("direction", "address", "answered"),
    [
        ("sendonly", "127.0.0.1", "recvonly"),
        ("inactive", "127.0.0.1", "inactive"),
        # The way of RFC 2543: no address to send to.
        ("sendrecv", "0.0.0.0", None),
        ("recvonly", "127.0.0.1", "sendonly"),
    ],
    ids=["sendonly", "inactive", "no-address", "recvonly"],
)
def test_hold_by_the_caller(
    system: System, tmp_path: Path, direction: str, address: str, answered: str | None
) -> None:
    """Where we may not send, nothing arrives; the call and its looped prompt go on and are heard again."""
    client = system.client()

    def incoming(data: dict[str, Any]) -> None:
        client.answer_call(data["incomingCallContext"], f"{system.webhook.url}/callbacks")

    def event(name: str, data: dict[str, Any]) -> None:
        if name == "CallConnected":
            call = client.get_call_connection(data["data"]["callConnectionId"])
            call.play_media(FileSource(url=f"{system.webhook.url}/short.wav"), loop=True)

    system.webhook.on_incoming, system.webhook.on_event = incoming, event
    ear = Ear()
    try:
        sipp = sipp_process.Sipp(
            "caller_holds",
            tmp_path,
            remote=f"127.0.0.1:{system.server.sip_port}",
            keys={"audio_port": str(ear.port), "held_direction": direction, "held_address": address},
        )
        verdict = sipp.finish()
    finally:
        ear.close()
    assert (verdict.successful, verdict.failed) == (1, 0), verdict.output
    system.webhook.wait("CallDisconnected")
    assert "PlayFailed" not in system.webhook.names()

    answers = re.findall(
        r"^CSeq: (\d) INVITE\r?$.*?^a=(sendrecv|sendonly|recvonly|inactive)\r?$", sipp.received(), re.M | re.S
    )
    directions = dict(answers)
    assert directions["1"] == directions["3"] == "sendrecv"
    if answered is not None:
        assert directions["2"] == answered
    longest, after = pause(ear.times)
    if direction == "recvonly":
        assert longest < 0.5, "we stopped sending to somebody who listens"
    else:
        assert longest > 0.8, "we sent to somebody who does not listen"
        assert after > 20, "nothing is sent after the hold"


def pause(times: list[float]) -> tuple[float, int]:
    """The longest time without a packet, and how many came behind it."""
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    longest, index = max((gap, index) for index, gap in enumerate(gaps))
    return longest, len(times) - 1 - index
