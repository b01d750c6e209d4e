"""The contract tests' server with two phones it can call, and what those tests do with it."""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from azure.communication.callautomation import (
    CallAutomationClient,
    CallConnectionClient,
    FileSource,
    MediaStreamingOptions,
    PhoneNumberIdentifier,
    RecognizeInputType,
    TranscriptionOptions,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from system.audio import wav
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook

from hookflash.loopback import free_port
from hookflash.wire.hmac import decode_key, sign

ALICE, BOB = "+14255550001", "+14255550002"
NEWEST = "2026-03-12"
OTHER_ID = "11111111-1111-4111-8111-111111111111"
OTHER_KEY = base64.b64encode(b"another resource's key, for tests").decode()


@dataclass
class Call:
    """A call connection: its id, and the SDK's client for it."""

    id: str
    sdk: CallConnectionClient


class Room:
    """The server, its app's webhook, and two phones the server can call."""

    def __init__(self, server: Server, webhook: Webhook, ports: dict[str, int]) -> None:
        self.server = server
        self.webhook = webhook
        self.ports = ports
        self.phones: dict[str, Handset] = {}

    @property
    def callback(self) -> str:
        return f"{self.webhook.url}/callbacks"

    def client(self, key: str = ACCESS_KEY, **options: Any) -> CallAutomationClient:
        return CallAutomationClient(self.server.url, AzureKeyCredential(key), **options)

    def phone(self, number: str) -> Handset:
        """The phone of a number; it exists until the end of the test."""
        if number not in self.phones:
            self.phones[number] = Handset(number, port=self.ports[number])
        return self.phones[number]

    def file(self, name: str, **options: Any) -> FileSource:
        return FileSource(url=f"{self.webhook.url}/{name}", **options)

    def call(
        self,
        *numbers: str,
        speaks: bool = False,
        transcription: TranscriptionOptions | None = None,
        streaming: MediaStreamingOptions | None = None,
        **options: Any,
    ) -> Call:
        """Call phones, which answer; the connection once everybody is in.

        Args:
            speaks: whether the call has cognitive services.
        """
        answers = [self.phone(number).start("answer") for number in numbers]
        client = self.client(**options)
        made = client.create_call(
            [PhoneNumberIdentifier(number) for number in numbers],
            self.callback,
            source_caller_id_number=PhoneNumberIdentifier(NUMBER),
            operation_context="made",
            cognitive_services_endpoint="https://speech.example.net/" if speaks else None,
            transcription=transcription,
            media_streaming=streaming,
        )
        assert made.call_connection_state == "connecting"
        assert made.call_connection_id
        for answer in answers:
            answer.result(15)
        self.roster(made.call_connection_id, lambda people: len(people) == len(numbers) + 1)
        return Call(made.call_connection_id, client.get_call_connection(made.call_connection_id))

    def roster(
        self, connection: str, wanted: Callable[[list[dict[str, Any]]], bool], after: int = 0
    ) -> dict[str, Any]:
        """Wait for a ParticipantsUpdated of this connection whose participants are as wanted."""
        return self.webhook.wait_for(
            lambda name, data: (
                name == "ParticipantsUpdated"
                and data["callConnectionId"] == connection
                and data["sequenceNumber"] > after
                and wanted(data["participants"])
            ),
            what="such roster",
        )

    def send(
        self, method: str, target: str, body: dict[str, Any] | None = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        """A signed request by hand: status, headers in lower case, body."""
        host = f"127.0.0.1:{self.server.http_port}"
        content = b"" if body is None else json.dumps(body).encode()
        given = {"Host": host, **sign(method, target, host, content, decode_key(ACCESS_KEY), time.time())}
        if content:
            given["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(host, timeout=20)
        connection.request(
            method, target, content, given | {name.replace("_", "-"): v for name, v in headers.items()}
        )
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, json.loads(text) if text else None


def ended(room: Room, connection: Call) -> None:
    """End a call for everybody, and see that nothing follows its last event."""
    with suppress(HttpResponseError):  # it may have ended already
        connection.sdk.hang_up(is_for_everyone=True)
    room.webhook.wait("CallDisconnected", callConnectionId=connection.id)
    assert room.webhook.names(connection.id)[-1] == "CallDisconnected"


def code(error: HttpResponseError) -> str:
    """``error.code`` of an error body."""
    assert error.error is not None
    return str(error.error.code)


def result(data: dict[str, Any]) -> tuple[int, int]:
    return data["resultInformation"]["code"], data["resultInformation"]["subCode"]


def recognize(room: Room, connection: Call, context: str, **options: Any) -> None:
    """Recognise three digits of Alice, unless the options say otherwise."""
    connection.sdk.start_recognizing_media(
        RecognizeInputType.DTMF,
        PhoneNumberIdentifier(ALICE),
        operation_context=context,
        **{"dtmf_max_tones_to_collect": 3, "initial_silence_timeout": 10, **options},
    )


def others(room: Room, connection: Call, context: str) -> list[str]:
    """Names of the events of one operation, in order."""
    return [
        event["type"].rpartition(".")[2]
        for event in room.webhook.events(connection.id)
        if event["data"].get("operationContext") == context
    ]


SCRIPTED = "fr-FR"
"""The language that is understood by the ``understand`` of the webhook."""


def running(folder: Path, **options: Any) -> Iterator[Room]:
    """The server, whose trunks lead to the two phones, and which has a second resource; ``options`` as of
    :class:`Server`."""
    webhook = Webhook()
    webhook.files |= {
        "/short.wav": wav(0.3),
        "/second.wav": wav(0.3, frequency=880),
        "/long.wav": wav(30),
        "/narrow.wav": wav(0.3, 8000),
        "/text.wav": b"this is not a WAV file",
    }
    ports = {number: free_port() for number in (ALICE, BOB)}
    extra = "".join(
        f'[[trunk]]\nname = "{name}"\ntargets = ["127.0.0.1:{ports[number]}"]\n'
        f'[[route]]\npattern = "\\\\{number}"\ntrunk = "{name}"\n'
        for name, number in (("alice", ALICE), ("bob", BOB))
    )
    extra += f'[[resource]]\nname = "other"\nid = "{OTHER_ID}"\naccess_keys = ["{OTHER_KEY}"]\n'
    voice = "builtin" if find_spec("piper") else "beep"
    extra += f'[[speech_provider]]\nkind = "{voice}"\n'
    extra += (
        f'[[speech_provider]]\nkind = "openai"\nname = "scripted"\ndoes = ["recognise"]\nlocales = ["fr"]\n'
        f'endpoint = "{webhook.url}/v1"\nrecognition_model = "whisper-scripted"\n'
    )
    try:
        with Server(folder, webhook, extra, **options) as server:
            yield Room(server, webhook, ports)
    finally:
        webhook.close()
