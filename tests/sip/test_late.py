"""Answers to calls given up: a server that was only slow does not leave its phone in a call with nobody."""

from __future__ import annotations

import pytest
from sip.agents import THEM, US, Probe
from sip.test_uac import dial, hear

from hookflash.sip import late
from hookflash.sip.flow import Flow
from hookflash.sip.message import Request, Response


def methods(messages: list[Request | Response]) -> list[str]:
    return [message.method if isinstance(message, Request) else str(message.status) for message in messages]


def given_up() -> tuple[Probe, Request]:
    probe = Probe()
    invite = dial(probe)
    probe.until(40.0)
    assert probe.idle()
    return probe, invite


def test_a_late_answer_is_acknowledged_and_ended_without_a_word_to_the_owner() -> None:
    probe, invite = given_up()
    events = len(probe.events)
    ack, bye = hear(probe, invite, 200)
    assert methods([ack, bye]) == ["ACK", "BYE"]
    assert isinstance(bye, Request)
    assert (bye.to.tag, bye.call_id, bye.uri) == ("far", invite.call_id, "sip:b@192.0.2.1:5070")
    assert methods(hear(probe, invite, 200)) == ["ACK"]  # the ACK was lost
    hear(probe, bye, 200)
    probe.until(100.0)
    assert probe.idle()
    assert len(probe.events) == events


def test_a_phone_that_rings_late_is_cancelled() -> None:
    probe, invite = given_up()
    (cancel,) = hear(probe, invite, 180)
    assert isinstance(cancel, Request)
    assert (cancel.method, cancel.via.branch, cancel.uri) == ("CANCEL", invite.via.branch, invite.uri)
    assert hear(probe, invite, 180) == []
    hear(probe, cancel, 200)
    (ack,) = hear(probe, invite, 487)
    assert methods([ack]) == ["ACK"]
    probe.until(100.0)
    assert probe.idle()


def test_an_answer_after_the_connection_broke_comes_over_another() -> None:
    flow = Flow("TCP", US, THEM)
    probe = Probe(flow=Flow("TCP", US, THEM, 9))
    invite = dial(probe, flow)
    probe.take(probe.agent.broken(0.0, flow))
    assert methods(hear(probe, invite, 200)) == ["ACK", "BYE"]


def test_a_cancelled_call_nobody_answers_for_is_ended_when_it_is_taken_later() -> None:
    probe = Probe()
    invite = dial(probe)
    hear(probe, invite, 180)
    probe.take(probe.agent.end(0.0, 1))
    probe.until(100.0)
    assert probe.idle()
    assert methods(hear(probe, invite, 200)) == ["ACK", "BYE"]


def test_only_our_own_calls_are_answered_for_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "MAX_REMEMBERED", 2)
    probe = Probe()
    invites = [dial(probe) for _ in range(3)]
    probe.until(40.0)
    assert hear(probe, invites[0], 200) == []
    assert methods(hear(probe, invites[2], 200)) == ["ACK", "BYE"]
    probe.until(60.0)
    probe.now = 40.0 + late.REMEMBERED
    assert hear(probe, invites[1], 200) == []
