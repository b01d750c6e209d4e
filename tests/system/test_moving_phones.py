"""A phone behind a trunk moves into a call of another media worker: it is told, and its audio follows."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator

import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    CallConnectionClient,
    FileSource,
    PhoneNumberIdentifier,
    RecognizeInputType,
)
from azure.core.credentials import AzureKeyCredential
from system.audio import wav
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook

from hookflash.loopback import free_port
from hookflash.testing.phones import VirtualPhones

ALICE, BOB = "+14255550001", "+14255550002"


class Rig:
    """A server with two media workers, a SIP phone behind a trunk, and a virtual one."""

    def __init__(self, server: Server, webhook: Webhook, alice: Handset) -> None:
        self.server, self.webhook, self.alice = server, webhook, alice
        self.client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
        self.bob = VirtualPhones(server.url).add("bob", BOB)

    def call(self, number: str) -> tuple[CallConnectionClient, str]:
        """Call a phone that answers; the connection once it is up."""
        made = self.client.create_call(
            PhoneNumberIdentifier(number),
            f"{self.webhook.url}/callbacks",
            source_caller_id_number=PhoneNumberIdentifier(NUMBER),
        )
        id = str(made.call_connection_id)
        if number == ALICE:
            self.alice.play("answer within 20")
        self.webhook.wait("CallConnected", callConnectionId=id)
        return self.client.get_call_connection(id), id


@pytest.fixture
def rig(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setenv("HOOKFLASH_MEDIA__WORKERS", "2")
    webhook = Webhook()
    webhook.files["/long.wav"] = wav(30)
    port = free_port()
    alice = Handset(ALICE, port=port)
    extra = f'[[trunk]]\nname = "alice"\ntargets = ["127.0.0.1:{port}"]\n'
    extra += '[[route]]\npattern = "*"\ntrunk = "alice"\n'
    try:
        with Server(tmp_path_factory.mktemp("moving"), webhook, extra) as server:
            deadline = time.monotonic() + 120
            while len(re.findall(r"media worker \d is ready", server.log.read_text())) < 2:
                assert time.monotonic() < deadline, "there are no two media workers"
                threading.Event().wait(0.05)
            yield Rig(server, webhook, alice)
    finally:
        alice.close()
        webhook.close()


def test_a_phone_moves_to_another_worker_and_is_heard_there(rig: Rig) -> None:
    _, first = rig.call(ALICE)
    second, id = rig.call(BOB)
    before = rig.alice.phone.audio.peer
    second.move_participants([PhoneNumberIdentifier(ALICE)], from_call_id=first)
    rig.webhook.wait("MoveParticipantSucceeded", callConnectionId=id)
    after = rig.alice.phone.audio.peer
    assert before is not None
    assert after is not None
    assert after.port != before.port, "both calls were on one worker; the phone had nothing to be told"
    second.play_media(FileSource(url=f"{rig.webhook.url}/long.wav"), [PhoneNumberIdentifier(ALICE)])
    rig.alice.play("expect audio within 10")
    second.cancel_all_media_operations()
    second.start_recognizing_media(
        RecognizeInputType.DTMF,
        PhoneNumberIdentifier(ALICE),
        dtmf_max_tones_to_collect=2,
        initial_silence_timeout=20,
    )
    rig.alice.play("press 47")
    recognized = rig.webhook.wait("RecognizeCompleted", callConnectionId=id)
    assert recognized["dtmfResult"]["tones"] == ["four", "seven"]
    second.hang_up(is_for_everyone=True)
    rig.alice.play("expect hangup within 10")
    assert rig.bob.wait(1, state="ended")["cause"]["status"] == 200
