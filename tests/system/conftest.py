"""One real server for the system tests, with http and https, and fresh phones and webhooks a test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.communication.callautomation import CallAutomationClient, CommunicationUserIdentifier
from azure.core.credentials import AzureKeyCredential
from system import certificates
from system.audio import wav
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, RESOURCE_ID, Server, Webhook
from system.listener import Listener
from system.room import ALICE, BOB, Call, Room, ended, running
from system.spoken import Speaker

from hookflash.loopback import free_port

CONTENT_HOST = "hookflash.asm.skype.com"
"""Where recordings are fetched: the SDKs refuse hosts that are not of the real service (contract 9.4)."""


@dataclass
class System:
    """A running server, its app's webhook, and the CA that its certificate hangs on."""

    server: Server
    webhook: Webhook
    https_url: str
    ca: Path

    @property
    def dial(self) -> str:
        """The SIP URI of the app's number."""
        return f"sip:{NUMBER}@127.0.0.1:{self.server.sip_port}"

    def client(self) -> CallAutomationClient:
        """The official client, over plain http."""
        return CallAutomationClient(self.server.url, AzureKeyCredential(ACCESS_KEY))


@pytest.fixture(scope="session")
def running_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("system")
    ca, certificate, key = certificates.make(folder)
    https_port = free_port()
    webhook = Webhook()
    webhook.files["/short.wav"] = wav(0.3)
    webhook.files["/long.wav"] = wav(8)
    webhook.files["/narrow.wav"] = wav(0.3, 8000)
    try:
        with Server(
            folder,
            webhook,
            f'[recording]\ncontent_url = "https://{CONTENT_HOST}:{https_port}"\n',
            tls_bind=f"127.0.0.1:{https_port}",
            tls_cert=str(certificate),
            tls_key=str(key),
        ) as server:
            yield System(server, webhook, f"https://127.0.0.1:{https_port}", ca)
    finally:
        webhook.close()


@pytest.fixture
def system(running_system: System) -> Iterator[System]:
    """The server, with nothing left of the test before."""
    webhook = running_system.webhook
    webhook.forget()
    yield running_system
    webhook.on_incoming = webhook.on_event = None
    webhook.statuses.clear()


@pytest.fixture
def phone() -> Iterator[Handset]:
    handset = Handset()
    yield handset
    handset.close()


@pytest.fixture(scope="session")
def running_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    yield from running(tmp_path_factory.mktemp("contract"))


@pytest.fixture
def room(running_room: Room) -> Iterator[Room]:
    running_room.webhook.forget()
    yield running_room
    for phone in running_room.phones.values():
        phone.close()
    running_room.phones.clear()


@pytest.fixture
def single(room: Room) -> Iterator[Call]:
    """A call with Alice."""
    connection = room.call(ALICE)
    yield connection
    ended(room, connection)


@pytest.fixture
def group(room: Room) -> Iterator[Call]:
    """A call with Alice and Bob."""
    connection = room.call(ALICE, BOB)
    yield connection
    ended(room, connection)


@pytest.fixture
def talk(room: Room) -> Iterator[Call]:
    """A call with Alice that was made with cognitive services."""
    connection = room.call(ALICE, speaks=True)
    yield connection
    ended(room, connection)


@pytest.fixture
def talk_in_group(room: Room) -> Iterator[Call]:
    """A call with Alice and Bob that was made with cognitive services."""
    connection = room.call(ALICE, BOB, speaks=True)
    yield connection
    ended(room, connection)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """The app's end of WebSockets."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Speaker:
    """Gives the WAV file in which a text is spoken."""
    return Speaker(tmp_path_factory.mktemp("spoken"))


@pytest.fixture(scope="session")
def shared(running_room: Room) -> Iterator[Call]:
    """A call with an app that answers itself: good enough for what is refused anyhow."""
    client = running_room.client()
    made = client.create_call(
        CommunicationUserIdentifier(f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"), running_room.callback
    )
    incoming = running_room.webhook.incoming.get(timeout=10)
    client.answer_call(incoming["incomingCallContext"], running_room.callback)
    running_room.webhook.wait("CallConnected", callConnectionId=made.call_connection_id)
    connection = Call(str(made.call_connection_id), client.get_call_connection(str(made.call_connection_id)))
    yield connection
    connection.sdk.hang_up(is_for_everyone=True)
