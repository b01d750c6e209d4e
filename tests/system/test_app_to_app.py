"""An app calls an app: the same webhook has both ends, each with its own connection and events."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    CallConnectionClient,
    CallRejectReason,
    CommunicationUserIdentifier,
    FileSource,
)
from system.conftest import System
from system.harness import RESOURCE_ID


class Apps:
    """Both ends of calls between two users of one resource, with a callback path of their own each."""

    def __init__(self, system: System) -> None:
        self.webhook = system.webhook
        self.client: CallAutomationClient = system.client()
        self.callee = CommunicationUserIdentifier(f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}")

    def dial(self, context: str = "caller") -> CallConnectionClient:
        """Call the callee."""
        made = self.client.create_call(self.callee, f"{self.webhook.url}/caller", operation_context=context)
        return self.client.get_call_connection(str(made.call_connection_id))

    def incoming(self) -> str:
        """The incomingCallContext of the next call to the callee."""
        data = self.webhook.incoming.get(timeout=10)
        assert data["to"]["rawId"] == self.callee.raw_id
        return str(data["incomingCallContext"])

    def connect(self) -> tuple[CallConnectionClient, CallConnectionClient]:
        """A call that is up: the caller's end and the callee's."""
        caller = self.dial()
        answered = self.client.answer_call(
            self.incoming(), f"{self.webhook.url}/callee", operation_context="callee"
        )
        callee = self.client.get_call_connection(str(answered.call_connection_id))
        for context in ("caller", "callee"):
            self.webhook.wait("CallConnected", operationContext=context)
        return caller, callee


@pytest.fixture
def apps(system: System) -> Iterator[Apps]:
    return Apps(system)


def ids(apps: Apps) -> dict[str, str]:
    """The connection ids by operation context."""
    return {
        event["data"]["operationContext"]: event["data"]["callConnectionId"]
        for event in apps.webhook.events()
        if event["type"].endswith("CallConnected")
    }


def test_both_ends_see_the_same_call(apps: Apps) -> None:
    caller, callee = apps.connect()
    both = [caller.get_call_properties(), callee.get_call_properties()]
    assert len({one.call_connection_id for one in both}) == 2
    assert len({one.server_call_id for one in both}) == 1
    assert len({one.correlation_id for one in both}) == 1
    assert {one.call_connection_state for one in both} == {"connected"}
    rosters = [{person.identifier.raw_id for person in one.list_participants()} for one in (caller, callee)]
    assert rosters[0] == rosters[1]
    assert len(rosters[0]) == 2
    assert apps.callee.raw_id in rosters[0]
    caller.hang_up(is_for_everyone=True)
    for context in ("caller", "callee"):
        ended = apps.webhook.wait("CallDisconnected", operationContext=context)
        assert (ended["resultInformation"]["code"], ended["resultInformation"]["subCode"]) == (200, 7000)
    for connection in ids(apps).values():
        names = apps.webhook.names(connection)
        assert names[0] == "CallConnected"
        assert names[-1] == "CallDisconnected"
        assert set(names[1:-1]) == {"ParticipantsUpdated"}


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_either_end_hangs_up(apps: Apps, who: str) -> None:
    ends = dict(zip(("caller", "callee"), apps.connect(), strict=True))
    ends[who].hang_up(is_for_everyone=False)
    for context in ("caller", "callee"):
        ended = apps.webhook.wait("CallDisconnected", operationContext=context)
        assert (ended["resultInformation"]["code"], ended["resultInformation"]["subCode"]) == (200, 7000)


@pytest.mark.parametrize("who", ["caller", "callee"])
def test_either_end_plays_to_all(apps: Apps, who: str) -> None:
    """Only the end that plays hears of it, and its call goes on."""
    ends = dict(zip(("caller", "callee"), apps.connect(), strict=True))
    source = FileSource(url=f"{apps.webhook.url}/short.wav")
    ends[who].play_media(source, operation_context="play")
    started = apps.webhook.wait("PlayStarted", operationContext="play")
    completed = apps.webhook.wait("PlayCompleted", operationContext="play")
    own = ids(apps)[who]
    assert started["callConnectionId"] == completed["callConnectionId"] == own
    other = ids(apps)["callee" if who == "caller" else "caller"]
    assert "PlayCompleted" not in apps.webhook.names(other)
    ends[who].hang_up(is_for_everyone=True)
    for context in ("caller", "callee"):
        apps.webhook.wait("CallDisconnected", operationContext=context)


@pytest.mark.parametrize("reason", [CallRejectReason.NONE, CallRejectReason.BUSY, CallRejectReason.FORBIDDEN])
def test_the_callee_rejects(apps: Apps, reason: CallRejectReason) -> None:
    caller = apps.dial("rejected")
    apps.client.reject_call(apps.incoming(), call_reject_reason=reason)
    failed = apps.webhook.wait("CreateCallFailed", operationContext="rejected")
    assert (failed["resultInformation"]["code"], failed["resultInformation"]["subCode"]) == (200, 5002)
    ended = apps.webhook.wait("CallDisconnected", operationContext="rejected")
    assert ended["resultInformation"]["subCode"] == 5002
    assert apps.webhook.names() == ["CreateCallFailed", "CallDisconnected"]
    assert caller is not None


def test_the_caller_gives_up_before_an_answer(apps: Apps) -> None:
    caller = apps.dial("impatient")
    context = apps.incoming()
    caller.hang_up(is_for_everyone=False)
    ended = apps.webhook.wait("CallDisconnected", operationContext="impatient")
    assert ended["resultInformation"]["subCode"] == 7000
    with pytest.raises(Exception, match="the caller is gone") as refused:
        apps.client.answer_call(context, f"{apps.webhook.url}/callee")
    assert getattr(refused.value, "status_code", None) == 404


def test_a_redirected_call_reaches_another_user(apps: Apps) -> None:
    apps.dial("redirected")
    context = apps.incoming()
    apps.callee = CommunicationUserIdentifier(f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}")
    apps.client.redirect_call(context, apps.callee)
    answered = apps.client.answer_call(
        apps.incoming(), f"{apps.webhook.url}/callee", operation_context="second"
    )
    for one in ("redirected", "second"):
        apps.webhook.wait("CallConnected", operationContext=one)
    callee = apps.client.get_call_connection(str(answered.call_connection_id))
    assert apps.callee.raw_id in {one.identifier.raw_id for one in callee.list_participants()}
    callee.hang_up(is_for_everyone=False)
    for one in ("redirected", "second"):
        apps.webhook.wait("CallDisconnected", operationContext=one)
