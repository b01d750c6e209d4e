"""The how-to page on muting, through the official SDK: a user is muted, what it says is heard no more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    CommunicationUserIdentifier,
    PhoneNumberIdentifier,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

from hookflash.testing.server import Server

NUMBER = "+14255550140"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def wait_muted(server: Server, raw_id: str) -> None:
    """Wait for a roster of three in which this participant alone is muted."""
    deadline = time.monotonic() + 30
    while not any(
        [one["identifier"]["rawId"] for one in data["participants"] if one["isMuted"]] == [raw_id]
        and len(data["participants"]) == 3
        for data in server.webhook.events("ParticipantsUpdated")
    ):
        assert time.monotonic() < deadline, server.webhook.names()
        threading.Event().wait(0.05)


def test_mute(server: Server) -> None:
    """A user calls the app, which adds a phone and mutes first the one, then the other, which is refused."""
    user = CommunicationUserIdentifier(f"8:acs:{server.resource_id}_muted")
    client = CallAutomationClient(server.url, AzureKeyCredential(server.access_key))
    ada = server.phones.add("ada", user.raw_id)
    server.phones.add("bob", NUMBER)
    ada.call(server.number)
    incoming = server.webhook.wait("IncomingCall")
    answered = client.answer_call(incoming["incomingCallContext"], server.webhook.url + "/callbacks")
    server.webhook.wait("CallConnected")
    call = client.get_call_connection(str(answered.call_connection_id))
    call.add_participant(
        PhoneNumberIdentifier(NUMBER), source_caller_id_number=PhoneNumberIdentifier(server.number)
    )
    server.webhook.wait("AddParticipantSucceeded")

    muted = call.mute_participant(user, operation_context="muteOperation")
    assert muted.operation_context == "muteOperation"
    assert ada.wait(1, muted="true")["state"] == "up"
    assert call.get_participant(user).is_muted
    wait_muted(server, user.raw_id)

    with pytest.raises(HttpResponseError) as refused:
        call.mute_participant(PhoneNumberIdentifier(NUMBER))
    assert refused.value.status_code == 400
    assert refused.value.error is not None
    assert refused.value.error.code == "8523"
    assert not call.get_participant(PhoneNumberIdentifier(NUMBER)).is_muted
    call.hang_up(is_for_everyone=True)
    server.webhook.wait("CallDisconnected")
