"""Participants, transfers and connects through the official SDK for Python, unmodified."""

from __future__ import annotations

import pytest
from api.edge import CONNECTION, INVITATION, Client, FakeEngine, FixedClock, surface
from azure.communication.callautomation import (
    CallAutomationClient,
    CommunicationUserIdentifier,
    PhoneNumberIdentifier,
)
from azure.core.credentials import AzureKeyCredential

from hookflash.calls import commands
from hookflash.config import DEVELOPMENT_ACCESS_KEY, DEVELOPMENT_RESOURCE_ID

PHONE = PhoneNumberIdentifier("+14255550123")
NUMBER = PhoneNumberIdentifier("+18005550100")
USER = CommunicationUserIdentifier(f"8:acs:{DEVELOPMENT_RESOURCE_ID}_1")
CALLBACK = "https://app.example.org/cb"


@pytest.fixture
def client(live):
    return CallAutomationClient(live.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))


@pytest.fixture
def call(client):
    return client.get_call_connection(CONNECTION)


def last(live, kind):
    command = live.engine.commands[-1]
    assert type(command) is kind
    assert (command.resource, command.version) == (DEVELOPMENT_RESOURCE_ID, "2026-03-12")
    return command


def test_add_participant(call, live):
    added = call.add_participant(
        PHONE,
        source_caller_id_number=NUMBER,
        source_display_name="Desk",
        invitation_timeout=30,
        sip_headers={"User-To-User": "abc"},
        voip_headers={"k": "v"},
        operation_context="ctx",
        operation_callback_url=CALLBACK,
    )
    assert (added.invitation_id, added.operation_context) == (INVITATION, "ctx")
    assert added.participant.identifier.raw_id == "4:+14255550123"
    command = last(live, commands.AddParticipant)
    request = command.request
    assert command.connection_id == CONNECTION
    assert request.participant_to_add.phone_number.value == "+14255550123"
    assert request.source_caller_id_number.value == "+18005550100"
    assert (request.source_display_name, request.invitation_timeout_in_seconds) == ("Desk", 30)
    assert request.custom_calling_context.sip_headers == {"User-To-User": "abc"}
    assert request.operation_callback_uri == CALLBACK


def test_cancel_add_participant(call, live):
    canceled = call.cancel_add_participant_operation(INVITATION, operation_context="ctx")
    assert (canceled.invitation_id, canceled.operation_context) == (INVITATION, "ctx")
    assert last(live, commands.CancelAddParticipant).request.invitation_id == INVITATION


def test_remove_participant(call, live):
    assert call.remove_participant(PHONE, operation_context="ctx").operation_context == "ctx"
    removed = last(live, commands.RemoveParticipant).request.participant_to_remove
    assert removed.raw_id == "4:+14255550123"


def test_mute_participant(call, live):
    assert call.mute_participant(USER, operation_context="ctx").operation_context == "ctx"
    [target] = last(live, commands.MuteParticipants).request.target_participants
    assert target.communication_user.id == USER.raw_id


def test_move_participants(call, live):
    moved = call.move_participants([PHONE], "06004980-19f4-465a-b630-76c371713dff", operation_context="ctx")
    assert moved.operation_context == "ctx"
    request = last(live, commands.MoveParticipants).request
    assert request.from_call == "06004980-19f4-465a-b630-76c371713dff"
    assert [target.raw_id for target in request.target_participants] == ["4:+14255550123"]


def test_transfer(call, live):
    transferred = call.transfer_call_to_participant(
        USER,
        transferee=PHONE,
        source_caller_id_number=NUMBER,
        voip_headers={"k": "v"},
        operation_context="ctx",
    )
    assert transferred.operation_context == "ctx"
    request = last(live, commands.Transfer).request
    assert request.target_participant.communication_user.id == USER.raw_id
    assert request.transferee.raw_id == "4:+14255550123"
    assert request.source_caller_id_number.value == "+18005550100"
    assert request.custom_calling_context.voip_headers == {"k": "v"}


@pytest.mark.parametrize(
    ("locator", "field"),
    [({"server_call_id": "abc"}, "server_call_id"), ({"group_call_id": "g"}, "group_call_id"),
     ({"room_id": "9"}, "room_id")],
)  # fmt: skip
def test_connect(client, live, locator, field):
    joined = client.connect_call(callback_url=CALLBACK, operation_context="ctx", **locator)
    assert joined.call_connection_id == CONNECTION
    request = last(live, commands.Connect).request
    assert getattr(request.call_locator, field) == locator[field]
    assert (request.callback_uri, request.operation_context) == (CALLBACK, "ctx")


async def test_unmute_is_there_in_the_previews_that_had_it():
    engine, clock = FakeEngine(), FixedClock()
    reply = await Client(surface(engine, clock), clock).send(
        "POST",
        f"/calling/callConnections/{CONNECTION}/participants:unmute",
        {"targetParticipants": [{"rawId": USER.raw_id}], "operationContext": "ctx"},
        query="api-version=2024-09-01-preview",
    )
    assert reply.status == 200
    assert reply.json == {"operationContext": "ctx"}
    command = engine.commands[-1]
    assert type(command) is commands.UnmuteParticipants
    assert command.request.target_participants[0].raw_id == USER.raw_id
