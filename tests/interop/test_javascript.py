"""The official JavaScript SDK: it connects, answers, plays, recognises, and parses every event itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from javascript_app import HERE, JavaScriptApp, needs_the_sdk
from system.conftest import wav
from system.handset import Handset
from system.harness import ACCESS_KEY, Server, Webhook

from hookflash.loopback import free_port
from hookflash.wire.events import EVENT_TYPES, cloud_event

pytestmark = pytest.mark.interop


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    receiver = Webhook()
    yield receiver
    receiver.close()


def test_every_event_we_can_send_is_understood_by_the_parser_of_the_sdk() -> None:
    needs_the_sdk()
    bodies = []
    for vector in json.loads((HERE.parents[1] / "wire" / "vectors" / "events.json").read_text()):
        kind = EVENT_TYPES[vector["type"]]
        event = msgspec.convert(vector["data"], kind)
        bodies.append(cloud_event(event, id=vector["id"], time=0.0).decode())
    result = subprocess.run(
        ["node", "parse.mjs"], cwd=HERE, input=json.dumps(bodies), capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == len(bodies) > 40
    assert [line for line in lines if "error" in line] == []
    for line, body in zip(lines, bodies, strict=True):
        sent = json.loads(body)[0]
        assert line["event"]["kind"] == sent["type"].rpartition(".")[2]
        assert line["event"]["callConnectionId"] == sent["data"]["callConnectionId"]
        assert line["event"]["resultInformation"] == sent["data"]["resultInformation"]


def test_the_javascript_sdk(tmp_path: Path, webhook: Webhook) -> None:
    needs_the_sdk()
    prompt = tmp_path / "prompt.wav"
    prompt.write_bytes(wav(0.5))
    port = free_port()
    webhook.url = f"http://127.0.0.1:{port}"  # the subscription leads to the app
    phone = Handset()
    with Server(tmp_path, webhook) as server:
        string = f"endpoint={server.url}/;accesskey={ACCESS_KEY}"
        app = JavaScriptApp("app.mjs", string, port, PROMPT_FILE=str(prompt))
        try:
            app.wait("step", "listening")
            phone.play(f"dial sip:+18005550100@127.0.0.1:{server.sip_port}")
            assert app.wait("step", "answered")["id"]
            connected = app.wait("step", "connected")
            assert connected["state"] == "connected"
            assert connected["participants"] == 2
            completed = app.wait("event", "PlayCompleted")
            assert completed["context"] == "welcome"
            phone.play("expect audio; press 42")
            assert app.wait("step", "digits")["tones"] == ["four", "two"]
            phone.wait_digits("1#")
            assert app.wait("step", "held")["isOnHold"] is True
            ended = app.wait("event", "CallDisconnected")
            assert ended["data"]["resultInformation"]["subCode"] == 7000
            assert app.process.wait(10) == 0
            kinds = {line["event"] for line in app.seen if "event" in line}
            assert kinds >= {
                "CallConnected",
                "ParticipantsUpdated",
                "PlayStarted",
                "PlayCompleted",
                "RecognizeCompleted",
                "SendDtmfTonesCompleted",
                "ContinuousDtmfRecognitionStopped",
                "CallDisconnected",
            }
        finally:
            app.process.kill()
            app.process.wait()
            phone.close()
