"""``kill -9`` of the server: what it had not delivered arrives after a restart, and calls end properly."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.communication.callautomation import CallAutomationClient, FileSource, PhoneNumberIdentifier
from azure.core.credentials import AzureKeyCredential
from system.conftest import wav
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook
from system.processes import wait_gone, worker_of

CALLER = PhoneNumberIdentifier("+14255550123")


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    receiver = Webhook()
    receiver.files["/short.wav"] = wav(0.3)
    yield receiver
    receiver.close()


def client_of(server: Server) -> CallAutomationClient:
    return CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))


def answer(server: Server, webhook: Webhook, phone: Handset, context: str) -> str:
    """A call from the phone, answered; its callConnectionId. Its events may not get through."""
    ringing = phone.start(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
    incoming = webhook.incoming.get(timeout=10)
    answered = client_of(server).answer_call(
        incoming["incomingCallContext"], f"{webhook.url}/callbacks", operation_context=context
    )
    ringing.result(10)
    return str(answered.call_connection_id)


def wait_refused(webhook: Webhook, left: int, timeout: float = 10) -> None:
    """Wait until the webhook has refused so many that no more than ``left`` refusals are left."""
    deadline = time.monotonic() + timeout
    while len(webhook.statuses) > left:
        assert time.monotonic() < deadline, f"{len(webhook.statuses)} refusals are left"
        threading.Event().wait(0.02)


def test_undelivered_events_and_the_end_of_a_live_call_survive(
    tmp_path: Path, webhook: Webhook, phone: Handset
) -> None:
    plenty = 100_000
    other = Handset("+14255550124")
    server = Server(tmp_path, webhook)
    try:
        server.start()
        webhook.statuses = [503] * plenty
        # One call that is over when the server dies, with events of every kind, and one that is up.
        over = answer(server, webhook, phone, "over")
        call = client_of(server).get_call_connection(over)
        call.play_media(FileSource(url=f"{webhook.url}/short.wav"), operation_context="play")
        phone.play("expect audio; wait 0.6; expect silence for 0.2; hangup")
        up = answer(server, webhook, other, "up")
        wait_refused(webhook, plenty - 2)
        other.play("wait 0.3")  # until the second call's first event has been refused as well
        assert webhook.names() == []

        worker = worker_of(server)
        server.kill()
        wait_gone(worker)
        webhook.statuses.clear()
        server.start()

        webhook.wait("CallDisconnected", 30, callConnectionId=over)
        lost = webhook.wait("CallDisconnected", 30, callConnectionId=up)
        assert once(webhook, over) == [
            "CallConnected",
            "ParticipantsUpdated",
            "PlayStarted",
            "PlayCompleted",
            "CallDisconnected",
        ]
        assert once(webhook, up) == ["CallConnected", "ParticipantsUpdated", "CallDisconnected"]
        assert lost["operationContext"] == "up"
        assert lost["resultInformation"]["code"] == 500
        assert "restarted" in lost["resultInformation"]["message"]
        rosters = [
            event["data"]["sequenceNumber"]
            for event in webhook.events(up)
            if event["type"].endswith("ParticipantsUpdated")
        ]
        assert rosters == sorted(rosters)

        # The next call works, and nothing comes twice because of a second restart.
        webhook.forget()
        again = answer(server, webhook, phone, "again")
        webhook.wait("CallConnected", callConnectionId=again)
        phone.play("hangup")
        webhook.wait("CallDisconnected", callConnectionId=again)
        server.stop()
        server.start()
        threading.Event().wait(1)
        assert {event["data"]["callConnectionId"] for event in webhook.events()} == {again}
        assert webhook.names().count("CallDisconnected") == 1
    finally:
        server.stop()
        other.close()


def once(webhook: Webhook, connection: str) -> list[str]:
    """The names of a call's events in the order they came first; an event may come more than once."""
    first: dict[str, str] = {}
    for event in webhook.events(connection):
        first.setdefault(event["id"], event["type"].removeprefix("Microsoft.Communication."))
    return list(first.values())


def test_a_kill_in_the_middle_of_many_calls_loses_no_event(tmp_path: Path, webhook: Webhook) -> None:
    """The webhook takes some and refuses some while phones come and go; then the server is killed."""
    phones = [Handset(f"+1425555{number:04}") for number in range(6)]
    server = Server(tmp_path, webhook)
    try:
        server.start()
        connections = [answer(server, webhook, one, f"call {index}") for index, one in enumerate(phones)]
        webhook.wait_count("CallConnected", len(phones))
        answers = [200, 503, 200, 503, 503, 200, 503] * 10_000
        webhook.statuses = list(answers)
        for one in phones[:3]:
            one.play("hangup")
        wait_refused(webhook, len(answers) - 3)
        server.kill()
        webhook.statuses.clear()
        server.start()
        for connection in connections:
            webhook.wait("CallDisconnected", 30, callConnectionId=connection)
            names = once(webhook, connection)
            assert names[0] == "CallConnected"
            assert names[-1] == "CallDisconnected"
            assert names.count("CallDisconnected") == 1
    finally:
        server.stop()
        for one in phones:
            one.close()
