"""The how-to page on mid-call media actions, its Python snippets run through the official SDK.

Each runs with the synchronous and the asynchronous client, over http and over https. Where a snippet of the
page does not compile it is mended, and nothing else.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    DtmfTone,
    FileSource,
    PhoneNumberIdentifier,
)
from azure.communication.callautomation.aio import CallAutomationClient as AsyncCallAutomationClient
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.transport import AioHttpTransport
from system.conftest import System
from system.handset import Handset
from system.harness import ACCESS_KEY

C2_TARGET = "+14255550123"


class Sync:
    """The page's snippets, with the synchronous client."""

    def __init__(self, system: System, https: bool) -> None:
        if https:
            self._client = CallAutomationClient.from_connection_string(
                f"endpoint={system.https_url}/;accesskey={ACCESS_KEY}", connection_verify=str(system.ca)
            )
        else:
            self._client = CallAutomationClient(system.server.url, AzureKeyCredential(ACCESS_KEY))

    def run(self, method: str, *arguments: Any, connection: str | None = None, **options: Any) -> Any:
        """Call a method of the client, or of a call connection."""
        target = self._client.get_call_connection(connection) if connection else self._client
        return getattr(target, method)(*arguments, **options)


class Aio:
    """The same with the asynchronous client."""

    def __init__(self, system: System, https: bool) -> None:
        self._url = system.https_url if https else system.server.url
        self._ca = str(system.ca) if https else None

    def run(self, method: str, *arguments: Any, connection: str | None = None, **options: Any) -> Any:
        """As :meth:`Sync.run`, on a loop of its own."""
        return asyncio.run(self._run(method, arguments, connection, options))

    async def _run(
        self, method: str, arguments: tuple[Any, ...], connection: str | None, options: dict[str, Any]
    ) -> Any:
        async with self._open() as client:
            target = client.get_call_connection(connection) if connection else client
            result = getattr(target, method)(*arguments, **options)
            return await result if isinstance(result, Awaitable) else result

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[AsyncCallAutomationClient]:
        if self._ca:
            connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=self._ca))
            session = aiohttp.ClientSession(connector=connector)
            client = AsyncCallAutomationClient.from_connection_string(
                f"endpoint={self._url}/;accesskey={ACCESS_KEY}",
                transport=AioHttpTransport(session=session, session_owner=True),
            )
        else:
            client = AsyncCallAutomationClient(self._url, AzureKeyCredential(ACCESS_KEY))
        async with client:
            yield client


@pytest.fixture(params=["sync-http", "sync-https", "aio-http", "aio-https"])
def sdk(request: pytest.FixtureRequest, system: System) -> Sync | Aio:
    kind, scheme = request.param.split("-")
    return (Sync if kind == "sync" else Aio)(system, scheme == "https")


@pytest.fixture
def call_connection_id(system: System, phone: Handset, sdk: Sync | Aio) -> Iterator[str]:
    """A call that the phone made and the app answered."""
    ringing = phone.start(f"dial {system.dial}")
    incoming = system.webhook.incoming.get(timeout=10)
    answered = sdk.run("answer_call", incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")
    ringing.result(10)
    connection = answered.call_connection_id
    system.webhook.wait("CallConnected", callConnectionId=connection)
    yield connection
    phone.play("hangup")
    system.webhook.wait("CallDisconnected", callConnectionId=connection)


def send_dtmf(system: System, phone: Handset, sdk: Sync | Aio, call_connection_id: str) -> None:
    tones = [DtmfTone.ONE, DtmfTone.TWO, DtmfTone.THREE]
    result = sdk.run(
        "send_dtmf_tones",
        connection=call_connection_id,
        tones=tones,
        target_participant=PhoneNumberIdentifier(C2_TARGET),
        operation_context="dtmfs-to-ivr",
    )
    assert result.operation_context == "dtmfs-to-ivr"
    event = system.webhook.wait("SendDtmfTonesCompleted", operationContext="dtmfs-to-ivr")
    assert event["resultInformation"]["code"] == 200
    phone.wait_digits("123")


def test_send_dtmf_that_fails(
    system: System, phone: Handset, sdk: Sync | Aio, call_connection_id: str
) -> None:
    sdk.run(
        "send_dtmf_tones",
        connection=call_connection_id,
        tones=[DtmfTone.ONE] * 18,
        target_participant=PhoneNumberIdentifier(C2_TARGET),
        operation_context="dtmfs-to-ivr",
    )
    phone.wait_digits("1")
    phone.play("hangup")
    event = system.webhook.wait("SendDtmfTonesFailed", operationContext="dtmfs-to-ivr")
    assert event["resultInformation"]["subCode"] in (8508, 8522)
    assert event["resultInformation"]["message"]


def continuous_dtmf_recognition(
    system: System, phone: Handset, sdk: Sync | Aio, call_connection_id: str
) -> None:
    sdk.run(
        "start_continuous_dtmf_recognition",
        connection=call_connection_id,
        target_participant=PhoneNumberIdentifier(C2_TARGET),
        operation_context="dtmf-reco-on-c2",
    )
    phone.play("press 5*#A")
    for sequence_id, tone in enumerate(["five", "asterisk", "pound", "a"], 1):
        event = system.webhook.wait("ContinuousDtmfRecognitionToneReceived", sequenceId=sequence_id)
        assert event["tone"] == tone
        assert event["operationContext"] == "dtmf-reco-on-c2"
    sdk.run(
        "stop_continuous_dtmf_recognition",
        connection=call_connection_id,
        target_participant=PhoneNumberIdentifier(C2_TARGET),
        operation_context="dtmf-reco-on-c2",
    )
    system.webhook.wait("ContinuousDtmfRecognitionStopped", operationContext="dtmf-reco-on-c2")


def test_continuous_dtmf_recognition_stops_when_the_call_ends(
    system: System, phone: Handset, sdk: Sync | Aio, call_connection_id: str
) -> None:
    sdk.run(
        "start_continuous_dtmf_recognition",
        connection=call_connection_id,
        target_participant=PhoneNumberIdentifier(C2_TARGET),
        operation_context="until-the-end",
    )
    phone.play("hangup")
    system.webhook.wait("ContinuousDtmfRecognitionStopped", operationContext="until-the-end")
    system.webhook.wait("CallDisconnected", callConnectionId=call_connection_id)
    assert system.webhook.names(call_connection_id)[-1] == "CallDisconnected"


def held(system: System, state: bool) -> dict[str, Any]:
    """Wait for a roster in which the phone is, or is no more, on hold."""
    wanted = {"rawId": f"4:{C2_TARGET}", "kind": "phoneNumber", "phoneNumber": {"value": C2_TARGET}}
    return system.webhook.wait_for(
        lambda name, data: (
            name == "ParticipantsUpdated"
            and {"identifier": wanted, "isMuted": False, "isOnHold": state} in data["participants"]
        )
    )


def hold_and_unhold_without_options(
    system: System, phone: Handset, sdk: Sync | Aio, call_connection_id: str
) -> None:
    target = PhoneNumberIdentifier(C2_TARGET)
    sdk.run("hold", connection=call_connection_id, target_participant=target)
    first = held(system, True)
    assert sdk.run("get_participant", connection=call_connection_id, target_participant=target).is_on_hold
    system.webhook.forget()
    sdk.run("unhold", connection=call_connection_id, target_participant=target)
    second = held(system, False)
    assert second["sequenceNumber"] > first["sequenceNumber"]


def hold_and_unhold_with_options(
    system: System, phone: Handset, sdk: Sync | Aio, call_connection_id: str
) -> None:
    target = PhoneNumberIdentifier(C2_TARGET)
    play_source = FileSource(url=f"{system.webhook.url}/short.wav")
    sdk.run(
        "hold",
        connection=call_connection_id,
        target_participant=target,
        play_source=play_source,
        operation_context="holdUserContext",
        operation_callback_url=f"{system.webhook.url}/operation",
    )
    held(system, True)
    system.webhook.wait("PlayStarted", operationContext="holdUserContext")
    phone.play("expect audio; wait 0.5; expect audio")  # longer than the file: it is looped
    sdk.run(
        "unhold",
        connection=call_connection_id,
        target_participant=target,
        operation_context="holdUserContext",
    )
    event = system.webhook.wait("PlayCanceled", operationContext="holdUserContext")
    assert event["resultInformation"]["subCode"] == 8508
    phone.play("wait 0.1; expect silence for 0.3")  # a tick or two are on their way


def test_one_after_the_other_in_one_call(
    system: System, phone: Handset, sdk: Sync | Aio, call_connection_id: str
) -> None:
    for shown in (
        send_dtmf,
        continuous_dtmf_recognition,
        hold_and_unhold_without_options,
        hold_and_unhold_with_options,
    ):
        system.webhook.forget()
        shown(system, phone, sdk, call_connection_id)
