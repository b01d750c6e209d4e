"""What Event Grid is told of calls and their users."""

from __future__ import annotations

from typing import Any

from hookflash.calls import effects, facts
from hookflash.calls.facts import Cause


def reports(office, resource=None) -> list[tuple[str, Any]]:
    return [
        (effect.type.rpartition(".")[2], effect.data)
        for effect in office.all(effects.PublishEvent)
        if resource in (None, effect.resource)
    ]


def names(office, resource=None) -> list[str]:
    return [name for name, _ in reports(office, resource)]


def test_a_call_of_a_phone_and_an_app_has_one_user(office):
    leg, connection = office.answered()
    (started, about), (added, user) = reports(office)
    assert (started, added) == ("CallStarted", "CallParticipantAdded")
    properties = office.get(connection)
    effect = office.all(effects.PublishEvent)[0]
    assert effect.resource == office.RED
    assert effect.type == "Microsoft.Communication.CallStarted"
    assert effect.subject == f"call/{properties.server_call_id}/startedBy/4:{office.CALLER}"
    assert about.started_by.communication_identifier.raw_id == "4:" + office.CALLER
    assert (about.server_call_id, about.correlation_id) == (
        properties.server_call_id,
        properties.correlation_id,
    )
    assert (about.is_two_party, about.is_rooms_call, about.group, about.room) == (True, False, None, None)
    assert user.user.communication_identifier.raw_id == properties.answered_by.id
    assert office.all(effects.PublishEvent)[1].subject == (
        f"call/{properties.server_call_id}/participant/{properties.answered_by.id}"
    )
    office.later(12.5)
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    (removed, gone), (ended, end) = reports(office)[2:]
    assert (removed, ended) == ("CallParticipantRemoved", "CallEnded")
    assert gone.participant_id == user.participant_id
    assert end.call_duration_in_seconds == 12.5
    assert (end.reason.code, end.reason.sub_code) == (200, 540000)
    assert end.ended_by.communication_identifier.raw_id == "4:" + office.CALLER
    assert office.all(effects.PublishEvent)[-1].subject == f"call/{properties.server_call_id}"


def test_a_call_that_never_came_up_is_not_reported(office):
    connection = office.create(office.OUTSIDE).call_connection_id
    office.hang_up(connection)
    assert reports(office) == []


def test_a_call_without_apps_is_nobodys_to_report(office):
    leg = office.ring()
    office.redirect(office.OUTSIDE)
    office.tell(facts.LegUp(office.lately(effects.DialLeg)[0].leg))
    office.tell(facts.LegUp(leg))
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    assert reports(office) == []


def test_an_app_that_ends_the_call_names_nobody(office):
    _, connection = office.answered()
    office.terminate(connection)
    ended = reports(office)[-1][1]
    assert ended.ended_by is None
    assert (ended.reason.code, ended.reason.sub_code) == (200, 7000)


def test_each_resource_with_an_app_in_the_call_is_told_from_when_it_came(office):
    leg, connection = office.answered()
    office.add(connection, office.BOB)
    other = office.answer(resource=office.BLUE).call_connection_id
    assert names(office, office.RED) == ["CallStarted", "CallParticipantAdded", "CallParticipantAdded"]
    assert names(office, office.BLUE) == ["CallStarted", "CallParticipantAdded", "CallParticipantAdded"]
    ids = [
        {data.participant_id for name, data in reports(office, resource) if name == "CallParticipantAdded"}
        for resource in (office.RED, office.BLUE)
    ]
    assert ids[0] == ids[1]
    office.hang_up(other, resource=office.BLUE)
    office.tell(facts.LegDown(leg, Cause(200, "OK")))
    for resource in (office.RED, office.BLUE):
        assert names(office, resource)[3:] == [
            "CallParticipantRemoved",
            "CallParticipantRemoved",
            "CallEnded",
        ]


def test_group_calls_and_rooms_carry_their_names(office):
    office.connect(group_call_id="G1")
    office.connect(room_id="R1")
    group, room = (data for name, data in reports(office) if name == "CallStarted")
    assert (group.group.id, group.room, group.is_rooms_call, group.is_two_party) == ("g1", None, False, False)
    assert (room.room.id, room.group, room.is_rooms_call) == ("R1", None, True)


def test_a_user_who_moves_leaves_one_call_and_joins_the_other(office):
    office.devices(office.BOB)
    (leg,), here = office.created(office.BOB)
    _, there = office.answered()
    office.move(there, here, office.BOB)
    before = len(reports(office))
    office.tell(facts.LegMoved(leg))
    told = [(name, data.server_call_id) for name, data in reports(office)[before:]]
    target = office.get(there).server_call_id
    source = next(data.server_call_id for _, data in reports(office) if data.server_call_id != target)
    assert told == [
        ("CallParticipantRemoved", source),
        ("CallParticipantAdded", target),
        ("CallParticipantRemoved", source),
        ("CallEnded", source),
    ]
    device = [data.user_agent for name, data in reports(office)[before:] if name.endswith("Added")]
    assert device == ["phone"]


def test_a_user_on_the_way_out_of_a_call_that_ends_is_reported_as_removed_once(office):
    office.devices(office.BOB)
    (leg,), here = office.created(office.BOB)
    _, there = office.answered()
    source = office.get(here).server_call_id
    office.move(there, here, office.BOB)
    office.terminate(here)
    office.tell(facts.LegMoved(leg))
    told = [name for name, data in reports(office) if data.server_call_id == source]
    assert told == [
        "CallStarted",
        "CallParticipantAdded",
        "CallParticipantAdded",
        "CallParticipantRemoved",
        "CallParticipantRemoved",
        "CallEnded",
    ]


def test_a_resource_that_comes_while_a_user_is_leaving_is_not_told_of_that_user(office):
    office.devices(office.BOB)
    legs, here = office.created(office.BOB, office.OUTSIDE)
    _, there = office.answered()
    office.add(here, office.BLUE_NUMBER)
    office.move(there, here, office.BOB)
    joined = office.answer(resource=office.BLUE).call_connection_id
    office.tell(facts.LegMoved(legs[0]))
    assert names(office, office.BLUE) == ["CallStarted", "CallParticipantAdded", "CallParticipantAdded"]
    office.terminate(joined, resource=office.BLUE)
    assert names(office, office.BLUE)[3:] == ["CallParticipantRemoved"] * 2 + ["CallEnded"]
