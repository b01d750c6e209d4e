"""The how-to page on muting, through the official SDK: a user is muted, and everybody is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.communication.callautomation import CommunicationUserIdentifier, PhoneNumberIdentifier
from azure.core.exceptions import HttpResponseError
from system.harness import ACCESS_KEY, NUMBER, RESOURCE_ID
from system.room import Room, code

from hookflash.testing.phones import VirtualPhones

BOB = "+14255550140"


@pytest.fixture
def phones(room: Room) -> Iterator[VirtualPhones]:
    given = VirtualPhones(room.server.url, ACCESS_KEY)
    yield given
    given.clear()


def test_mute(room: Room, phones: VirtualPhones) -> None:
    """A user calls the app, which adds a phone and mutes first the one, then the other, which is refused."""
    user, number = (
        CommunicationUserIdentifier(f"8:acs:{RESOURCE_ID}_muted"),
        PhoneNumberIdentifier(BOB),
    )
    ada = phones.add("ada", user.raw_id)
    phones.add("bob", BOB)
    ada.call(NUMBER)
    incoming = room.webhook.incoming.get(timeout=10)
    answered = room.client().answer_call(incoming["incomingCallContext"], room.callback)
    connection = str(answered.call_connection_id)
    room.webhook.wait("CallConnected", callConnectionId=connection)
    call = room.client().get_call_connection(connection)
    call.add_participant(number, source_caller_id_number=PhoneNumberIdentifier(NUMBER))
    room.webhook.wait("AddParticipantSucceeded", callConnectionId=connection)

    muted = call.mute_participant(user, operation_context="muteOperation")
    assert muted.operation_context == "muteOperation"
    assert ada.wait(1, muted="true")["state"] == "up"
    assert call.get_participant(user).is_muted
    room.roster(
        connection,
        lambda people: (
            len(people) == 3
            and [one["identifier"]["rawId"] for one in people if one["isMuted"]] == [user.raw_id]
        ),
    )

    with pytest.raises(HttpResponseError) as refused:
        call.mute_participant(number)
    assert (refused.value.status_code, code(refused.value)) == (400, "8523")
    assert not call.get_participant(number).is_muted
    call.hang_up(is_for_everyone=True)
    room.webhook.wait("CallDisconnected", callConnectionId=connection)
