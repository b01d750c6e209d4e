"""examples/voice-agent as its users run it: a phone talks with it and breaks in, and it is killed once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from system.conftest import System
from system.handset import Handset
from system.harness import ACCESS_KEY

from hookflash.loopback import free_port

APP = Path(__file__).parents[2] / "examples" / "voice-agent" / "app.py"
RATE = 8_000
LOOK = RATE // 4
"""Samples that are looked at together."""


class Agent:
    """The example in a process of its own."""

    def __init__(self, system: System, log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._endpoint = system.server.url
        self._log = log
        self.start()

    def start(self) -> None:
        """Start it, on the same port each time."""
        environment = {
            **os.environ,
            "ACS_ENDPOINT": self._endpoint,
            "ACS_ACCESS_KEY": ACCESS_KEY,
            "APP_PORT": str(self.port),
        }
        with self._log.open("ab") as log:
            command = [sys.executable, str(APP)]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        until(self._answers, "the agent serves")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return self._log.read_text()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.url, timeout=1):
                return True
        except urllib.error.HTTPError:
            return True  # there is nothing at /
        except OSError:
            return False


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        threading.Event().wait(0.02)


def tone(hz: float, seconds: float) -> np.ndarray:
    n = np.arange(int(seconds * RATE))
    return np.round(8_000 * np.sin(2 * np.pi * hz * n / RATE)).astype(np.int16)


def talk(phone: Handset, hz: float, seconds: float) -> None:
    """Say a tone."""
    phone._loop.call_soon_threadsafe(phone.phone.audio.say, tone(hz, seconds))


def level(samples: np.ndarray, hz: float) -> float:
    """Amplitude of a tone in the last quarter of a second."""
    samples = samples[-LOOK:]
    if len(samples) < LOOK:
        return 0.0
    window = np.hanning(LOOK)
    wave = np.exp(-2j * np.pi * hz * np.arange(LOOK) / RATE)
    return float(2 * abs((samples * window * wave).sum()) / window.sum())


def hears(phone: Handset, hz: float) -> bool:
    return level(phone.heard(), hz) > 4_000


@pytest.fixture
def agent(system: System, tmp_path: Path) -> Iterator[Agent]:
    agent = Agent(system, tmp_path / "agent.log")
    base = f"{system.server.url}/hookflash/subscriptions"
    subscription = {"name": "agent", "resource": "tests", "endpoint": f"{agent.url}/api/incomingCall"}
    request = urllib.request.Request(
        base, json.dumps(subscription).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 201
    yield agent
    urllib.request.urlopen(urllib.request.Request(f"{base}/agent", method="DELETE"), timeout=10).close()
    agent.kill()


def test_an_agent_is_talked_to_broken_in_on_and_killed(system: System, phone: Handset, agent: Agent) -> None:
    phone.play(f"dial {system.dial}")
    until(lambda: "MediaStreamingStarted subscriptionStarted" in agent.log(), "it hears the call")
    talk(phone, 440, 0.6)
    until(lambda: hears(phone, 440), "it says back what it hears")

    until(lambda: level(phone.heard(), 440) < 400, "it has said all")
    talk(phone, 600, 6.0)
    until(lambda: hears(phone, 600), "it says back what is long")
    talk(phone, 1_000, 0.5)
    # It has more than five seconds to go, and says no more of it.
    until(lambda: hears(phone, 1_000), "it listens to whoever breaks in", 4.0)
    phone.play("wait 1")
    assert level(phone.heard(), 600) < 400

    agent.kill()
    agent.start()
    until(lambda: "MediaStreamingStarted streamConnectionReestablished" in agent.log(), "it is found again")
    talk(phone, 700, 0.6)
    until(lambda: hears(phone, 700), "it says back what it hears now")
    phone.play("hangup")
    until(lambda: "CallDisconnected" in agent.log(), "it is told of the end")
