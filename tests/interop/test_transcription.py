"""Two phones talk over each other through G.711: what the built-in recogniser makes of it, and when.

The limits are those of the documentation: a quarter of the words may be wrong, and a sentence is final within
1.5 s of its end while another one is being said. The frames are read by the official JavaScript SDK.
"""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from azure.communication.callautomation import StreamingTransportType, TranscriptionOptions
from javascript_app import needs_the_sdk, parsed
from system.listener import Listener, until
from system.room import ALICE, BOB, Room, ended
from system.spoken import Say, needs_speech

pytestmark = [pytest.mark.interop, needs_speech]

MOST_WRONG = 0.25
"""Words that may be wrong, of those that were said."""
LATEST = 1.5
"""Seconds from the end of a sentence to its final result."""
SAID = {
    ALICE: (
        "The train to Boston leaves from the second platform this evening.",
        "Please remember to bring your passport and a photograph.",
        "I would like to change the address on my account.",
        "Thank you very much for your help today.",
    ),
    BOB: (
        "My internet connection has been down since yesterday morning.",
        "The weather will be cold and windy over the weekend.",
        "Could you tell me when the store opens on Sunday?",
        "We are going to have dinner at a small restaurant.",
    ),
}
FIRST = "Good morning, how are you today?"
"""Said by both before, until the processes of the recogniser have been started."""
START = 120
"""Seconds that may take."""
LATER = 0.8
"""Seconds by which Bob begins after Alice: each sentence is said while the other one talks."""
PAUSE = 1.3
"""Seconds between the sentences of one of them."""
RATE = 8_000
LOUD = 0.01


class Talking(threading.Thread):
    """One phone that says its sentences; when each of them ended, by the monotonic clock."""

    def __init__(self, room: Room, number: str, files: list[Path], after: float) -> None:
        super().__init__(daemon=True)
        self.ends: list[float] = []
        self._phone = room.phone(number)
        self._clips = [soundfile.read(file, dtype="int16")[0] for file in files]
        self._after = after

    def run(self) -> None:
        time.sleep(self._after)
        for clip in self._clips:
            began = time.monotonic()
            self._phone._loop.call_soon_threadsafe(self._phone.phone.audio.say, clip)
            last = int(np.flatnonzero(np.abs(clip) > LOUD * 32_768)[-1])
            self.ends.append(began + last / RATE)
            time.sleep(len(clip) / RATE + PAUSE)


def plain(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def wrong(said: str, heard: str) -> int:
    """Words to replace, add or take away to make one of the other."""
    row = list(range(len(plain(heard)) + 1))
    for count, word in enumerate(plain(said), 1):
        before, row[0] = row[0], count
        for at, other in enumerate(plain(heard), 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (word != other))
    return row[-1]


def test_two_who_talk_over_each_other(room: Room, listener: Listener, spoken: Say) -> None:
    needs_the_sdk()
    files = {number: [spoken(text) for text in texts] for number, texts in SAID.items()}
    options = TranscriptionOptions(
        transport_url=f"ws://127.0.0.1:{listener.port}/audio",
        transport_type=StreamingTransportType.WEBSOCKET,
        locale="en-US",
        start_transcription=True,
        enable_intermediate_results=True,
    )
    call = room.call(ALICE, BOB, speaks=True, transcription=options)
    room.webhook.wait("TranscriptionStarted", callConnectionId=call.id)
    for after, number in enumerate(SAID):
        Talking(room, number, [spoken(FIRST)], 0.3 * after).start()
    until(lambda: sum('"Final"' in text for _, text in listener.texts) == len(SAID), START)
    before = len(listener.texts)
    talking = {ALICE: Talking(room, ALICE, files[ALICE], 0.0), BOB: Talking(room, BOB, files[BOB], LATER)}
    for one in talking.values():
        one.start()
    for one in talking.values():
        one.join()
    call.sdk.stop_transcription()
    room.webhook.wait("TranscriptionStopped", callConnectionId=call.id)
    until(lambda: listener.code == 1000)

    times = [came for came, _ in listener.texts[before:]]
    frames = parsed([text for _, text in listener.texts])
    assert frames[0]["kind"] == "TranscriptionMetadata"
    assert {frame["kind"] for frame in frames[1:]} == {"TranscriptionData"}
    told: dict[str, list[tuple[float, dict[str, Any]]]] = {number: [] for number in SAID}
    partial = 0
    for came, frame in zip(times, frames[before:], strict=True):
        data = frame["data"]
        assert data["format"] == "display"
        assert 0.0 < data["confidence"] <= 1.0
        if data["resultState"] == "Intermediate":
            partial += 1
            continue
        assert data["resultState"] == "Final"
        told[data["participant"]["phoneNumber"]].append((came, data))
    delays: list[float] = []
    errors = 0
    for number, texts in SAID.items():
        assert len(told[number]) == len(texts), [one["text"] for _, one in told[number]]
        ends = talking[number].ends
        delays += [came - end for end, (came, _) in zip(ends, told[number], strict=True)]
        for said, end, (came, data) in zip(texts, ends, told[number], strict=True):
            print(f"{number}: {came - end:.2f} s, {wrong(said, data['text'])} wrong: {data['text']}")
            errors += wrong(said, data["text"])
            offsets = [word["offsetInTicks"] for word in data["words"]]
            assert offsets == sorted(offsets)
            assert offsets[0] == data["offsetInTicks"]
            assert [word["text"] for word in data["words"]] == plain(data["text"])
        stops = [(one["offsetInTicks"] + one["durationInTicks"]) / 1e7 for _, one in told[number]]
        for stop, end in zip(stops, ends, strict=True):
            assert abs((stop - stops[0]) - (end - ends[0])) < 0.6, "times are those of the call"
    count = sum(len(plain(text)) for texts in SAID.values() for text in texts)
    print(f"{errors} of {count} words wrong, {partial} intermediate results, latest {max(delays):.2f} s")
    assert errors <= MOST_WRONG * count
    assert max(delays) <= LATEST
    assert partial > 0
    ended(room, call)
