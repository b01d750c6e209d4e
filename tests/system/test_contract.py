"""The wire contract's flows through a real server, with the official SDK and real phones.

One server with a trunk that leads to two phones, so that calls go out to both: group calls, the
compatibility table, recognition with all its endings, plays, hold in a group, versions, tokens, identities.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import secrets
import socket
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    CallConnectionClient,
    CallRejectReason,
    CommunicationUserIdentifier,
    DtmfTone,
    FileSource,
    PhoneNumberIdentifier,
    RecognizeInputType,
)
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from system.conftest import wav
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, RESOURCE_ID, Server, Webhook, free_port

from hookflash.softphone.phone import CallFailed
from hookflash.wire.hmac import decode_key, sign

ALICE, BOB = "+14255550001", "+14255550002"
NEWEST = "2026-03-12"


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

    def client(self, **options: Any) -> CallAutomationClient:
        return CallAutomationClient(self.server.url, AzureKeyCredential(ACCESS_KEY), **options)

    def phone(self, number: str) -> Handset:
        """The phone of a number; it exists until the end of the test."""
        if number not in self.phones:
            self.phones[number] = Handset(number, port=self.ports[number])
        return self.phones[number]

    def file(self, name: str, **options: Any) -> FileSource:
        return FileSource(url=f"{self.webhook.url}/{name}", **options)

    def call(self, *numbers: str, **options: Any) -> Call:
        """Call phones, which answer; the connection once everybody is in."""
        answers = [self.phone(number).start("answer") for number in numbers]
        client = self.client(**options)
        made = client.create_call(
            [PhoneNumberIdentifier(number) for number in numbers],
            self.callback,
            source_caller_id_number=PhoneNumberIdentifier(NUMBER),
            operation_context="made",
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


@pytest.fixture(scope="module")
def running_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    webhook = Webhook()
    webhook.files |= {
        "/short.wav": wav(0.3),
        "/second.wav": wav(0.3, frequency=880),
        "/long.wav": wav(30),
        "/narrow.wav": wav(0.3, 8000),
        "/text.wav": b"this is not a WAV file",
    }
    ports = {number: free_port(socket.SOCK_DGRAM) for number in (ALICE, BOB)}
    extra = "".join(
        f'[[trunk]]\nname = "{name}"\ntargets = ["127.0.0.1:{ports[number]}"]\n'
        f'[[route]]\npattern = "\\\\{number}"\ntrunk = "{name}"\n'
        for name, number in (("alice", ALICE), ("bob", BOB))
    )
    try:
        with Server(tmp_path_factory.mktemp("contract"), webhook, extra) as server:
            yield Room(server, webhook, ports)
    finally:
        webhook.close()


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


# --- what every event and answer carries ------------------------------------------------------------------


def test_a_call_out_and_its_events(room: Room, single: Call) -> None:
    """Envelope, common fields, properties, roster (sections 1.4, 3, 5.2 to 5.5)."""
    connection = single.id
    events = {event["type"].rpartition(".")[2]: event for event in room.webhook.events(connection)}
    properties = single.sdk.get_call_properties()
    assert list(events) == ["CallConnected", "ParticipantsUpdated"]
    for event in events.values():
        source = f"calling/callConnections/{connection}"
        assert set(event) == {
            "id", "source", "type", "data", "time", "specversion", "datacontenttype", "subject",
        }  # fmt: skip
        assert event["source"] == event["subject"] == source
        assert (event["specversion"], event["datacontenttype"]) == ("1.0", "application/json")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}\+00:00", event["time"])
        uuid.UUID(event["id"])
        data = event["data"]
        assert data["version"] == NEWEST
        assert data["publicEventType"] == event["type"]
        assert data["resultInformation"] == {"code": 200, "subCode": 0, "message": ""}
        assert data["serverCallId"] == properties.server_call_id
        assert data["correlationId"] == properties.correlation_id
        assert data["callConnectionId"] == connection
    assert events["CallConnected"]["data"]["operationContext"] == "made"

    url = base64.b64decode(str(properties.server_call_id), validate=True).decode()
    ticks = int(url.rpartition("&e=")[2])
    assert abs((ticks - 621_355_968_000_000_000) / 1e7 - time.time()) < 300

    people = events["ParticipantsUpdated"]["data"]["participants"]
    app, phone = sorted(people, key=lambda one: one["identifier"]["kind"])
    assert phone == {
        "identifier": {"rawId": f"4:{ALICE}", "kind": "phoneNumber", "phoneNumber": {"value": ALICE}},
        "isMuted": False,
        "isOnHold": False,
    }
    assert app["identifier"]["communicationUser"]["id"] == app["identifier"]["rawId"]
    assert app["identifier"]["rawId"].startswith(f"8:acs:{RESOURCE_ID}_")

    assert properties.call_connection_state == "connected"
    assert properties.callback_url == room.callback
    assert properties.source.raw_id == app["identifier"]["rawId"]
    assert [target.raw_id for target in properties.targets] == [f"4:{ALICE}"]
    assert properties.source_caller_id_number.raw_id == f"4:{NUMBER}"


def test_answers_carry_their_status_and_headers(room: Room, single: Call) -> None:
    """Sections 1.2 and 2.6, by hand, because SDKs hide them."""
    path = f"/calling/callConnections/{single.id}"
    version = f"?api-version={NEWEST}"
    target = {"targetParticipant": {"rawId": f"4:{ALICE}"}}
    playing = {"playSources": [{"kind": "FILE", "file": {"uri": room.file("short.wav").url}}], "playTo": None}
    for method, verb, body, status in (
        ("GET", "", None, 200),
        ("GET", "/participants", None, 200),
        ("GET", f"/participants/{quote(f'4:{ALICE}', safe='')}", None, 200),
        ("GET", f"/participants/4:{ALICE}", None, 200),
        ("POST", ":play", playing, 202),
        ("POST", ":cancelAllMediaOperations", None, 202),
        ("POST", ":startContinuousDtmfRecognition", target, 200),
        ("POST", ":stopContinuousDtmfRecognition", target, 200),
        ("POST", ":hold", target, 200),
        ("POST", ":unhold", target, 200),
        ("POST", ":sendDtmfTones", target | {"tones": ["ONE"], "operationContext": "t"}, 202),
        ("POST", ":terminate", None, 204),
    ):
        got, headers, answer = room.send(method, path + verb + version, body, x_ms_client_request_id="mine")
        assert got == status, (verb, answer)
        assert headers["x-ms-client-request-id"] == "mine"
        assert headers["x-microsoft-skype-chain-id"]
        assert "date" in headers
        assert (answer is None) == (status == 204 or (method == "POST" and verb != ":sendDtmfTones")), verb
        if answer is None and status != 204:
            assert headers["content-length"] == "0"
        if answer is not None:
            assert headers["content-type"] == "application/json; charset=utf-8"
        if verb == ":sendDtmfTones":
            assert answer == {"operationContext": "t"}
    status, _, answer = room.send("POST", f"{path}:play{version}", playing)
    assert (status, answer["error"]["code"]) == (400, "8528")
    status, _, answer = room.send("GET", path + version)
    assert (status, answer["error"]["code"]) == (404, "8522")


def test_participants(room: Room, group: Call) -> None:
    listed = {one.identifier.raw_id: one for one in group.sdk.list_participants()}
    assert {f"4:{ALICE}", f"4:{BOB}"} < set(listed)
    (app,) = set(listed) - {f"4:{ALICE}", f"4:{BOB}"}
    assert group.sdk.get_participant(CommunicationUserIdentifier(app)).identifier.raw_id == app
    alice = group.sdk.get_participant(PhoneNumberIdentifier(ALICE))
    assert (alice.is_muted, alice.is_on_hold) == (False, False)
    with pytest.raises(ResourceNotFoundError) as refused:
        group.sdk.get_participant(PhoneNumberIdentifier("+14255559999"))
    assert code(refused.value) == "8522"


# --- recognition ------------------------------------------------------------------------------------------


def test_recognition_ends_at_enough_tones(room: Room, single: Call) -> None:
    recognize(room, single, "max", play_prompt=room.file("short.wav"))
    room.webhook.wait("PlayStarted", operationContext="max")
    room.phone(ALICE).play("expect audio; wait 0.4; press 12#")
    data = room.webhook.wait("RecognizeCompleted", operationContext="max")
    assert result(data) == (200, 8531)
    assert data["recognitionType"] == "dtmf"
    assert data["dtmfResult"] == {"tones": ["one", "two", "pound"]}
    assert others(room, single, "max") == ["PlayStarted", "RecognizeCompleted"]


def test_recognition_ends_at_a_stop_tone(room: Room, single: Call) -> None:
    recognize(room, single, "stop", dtmf_max_tones_to_collect=9, dtmf_stop_tones=[DtmfTone.POUND])
    room.phone(ALICE).play("press 47#")
    data = room.webhook.wait("RecognizeCompleted", operationContext="stop")
    assert (result(data), data["dtmfResult"]) == ((200, 8514), {"tones": ["four", "seven"]})


def test_recognition_fails_between_tones_and_without_any(room: Room, single: Call) -> None:
    recognize(room, single, "between", dtmf_inter_tone_timeout=1)
    room.phone(ALICE).play("press 1")
    assert result(room.webhook.wait("RecognizeFailed", operationContext="between")) == (400, 8532)
    recognize(room, single, "silent", initial_silence_timeout=1, play_prompt=room.file("short.wav"))
    assert result(room.webhook.wait("RecognizeFailed", operationContext="silent")) == (400, 8510)
    assert others(room, single, "silent") == ["PlayStarted", "RecognizeFailed"]


def test_a_key_interrupts_the_prompt_and_counts(room: Room, single: Call) -> None:
    recognize(
        room, single, "barge", dtmf_max_tones_to_collect=2, play_prompt=room.file("long.wav"),
        interrupt_prompt=True,
    )  # fmt: skip
    room.webhook.wait("PlayStarted", operationContext="barge")
    room.phone(ALICE).play("expect audio; press 8; wait 0.1; expect silence for 0.2; press 9")
    data = room.webhook.wait("RecognizeCompleted", operationContext="barge")
    assert data["dtmfResult"] == {"tones": ["eight", "nine"]}


def test_keys_during_a_prompt_that_is_not_to_be_interrupted_do_not_count(room: Room, single: Call) -> None:
    """Several prompts are one PlayStarted; Python sends interruptPrompt false unless told otherwise."""
    prompts = [room.file(name) for name in ("short.wav", "second.wav", "narrow.wav")]
    recognize(room, single, "patient", dtmf_max_tones_to_collect=1, play_prompt=prompts)
    room.webhook.wait("PlayStarted", operationContext="patient")
    room.phone(ALICE).play("press 1; wait 0.9; press 2")
    data = room.webhook.wait("RecognizeCompleted", operationContext="patient")
    assert data["dtmfResult"] == {"tones": ["two"]}
    assert others(room, single, "patient") == ["PlayStarted", "RecognizeCompleted"]


def test_a_prompt_that_cannot_be_played_fails_the_recognition(room: Room, single: Call) -> None:
    recognize(room, single, "bad prompt", play_prompt=room.file("text.wav"))
    assert result(room.webhook.wait("RecognizeFailed", operationContext="bad prompt")) == (500, 8511)


def test_absent_options_have_the_defaults_of_the_service(room: Room, single: Call) -> None:
    """interruptPrompt and interruptCallMediaOperation absent mean true (section 6.3); JS omits both."""
    single.sdk.play_media(room.file("long.wav"), operation_context="before")
    room.webhook.wait("PlayStarted", operationContext="before")
    body = {
        "recognizeInputType": "dtmf",
        "playPrompt": {"kind": "file", "file": {"uri": room.file("long.wav").url}},
        "recognizeOptions": {
            "targetParticipant": {"phoneNumber": {"value": ALICE}},
            "dtmfOptions": {"maxTonesToCollect": 1},
        },
        "operationContext": "defaults",
    }
    path = f"/calling/callConnections/{single.id}:recognize?api-version={NEWEST}"
    assert room.send("POST", path, body)[0] == 202
    room.webhook.wait("PlayCanceled", operationContext="before")
    room.webhook.wait("PlayStarted", operationContext="defaults")
    room.phone(ALICE).play("press 5")
    assert result(room.webhook.wait("RecognizeCompleted", operationContext="defaults")) == (200, 8531)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"dtmf_max_tones_to_collect": 0}, "maxTonesToCollect"),
        ({"dtmf_max_tones_to_collect": None}, "maxTonesToCollect"),
        ({"dtmf_inter_tone_timeout": 0}, "interToneTimeoutInSeconds"),
        ({"dtmf_inter_tone_timeout": 61}, "interToneTimeoutInSeconds"),
        ({"initial_silence_timeout": 301}, "initialSilenceTimeoutInSeconds"),
    ],
)
def test_ranges_of_recognition(room: Room, shared: Call, options: dict[str, Any], field: str) -> None:
    with pytest.raises(HttpResponseError) as refused:
        recognize(room, shared, "range", **options)
    assert (refused.value.status_code, code(refused.value)) == (400, "8523")
    assert field in str(refused.value)


@pytest.fixture(scope="module")
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


# --- playing ----------------------------------------------------------------------------------------------


def test_several_sources_are_one_play(room: Room, single: Call) -> None:
    single.sdk.play_media(
        [room.file("short.wav"), room.file("narrow.wav"), room.file("second.wav")], operation_context="three"
    )
    room.phone(ALICE).play("expect audio")
    data = room.webhook.wait("PlayCompleted", operationContext="three")
    assert data["resultInformation"]["message"] == "Action completed successfully."
    assert others(room, single, "three") == ["PlayStarted", "PlayCompleted"]


def test_a_loop_plays_until_it_is_canceled(room: Room, single: Call) -> None:
    single.sdk.play_media(room.file("short.wav"), loop=True, operation_context="loop")
    room.webhook.wait("PlayStarted", operationContext="loop")
    room.phone(ALICE).play("expect audio; wait 0.4; expect audio")
    single.sdk.cancel_all_media_operations()
    assert result(room.webhook.wait("PlayCanceled", operationContext="loop")) == (400, 8508)
    room.phone(ALICE).play("wait 0.1; expect silence for 0.2")
    single.sdk.cancel_all_media_operations()  # nothing is active: that is fine too


@pytest.mark.parametrize(
    ("names", "sub_code", "index"),
    [
        (["text.wav"], 8535, 0),
        (["nowhere.wav"], 8536, 0),
        (["short.wav", "nowhere.wav"], 8536, 1),
        (["short.wav", "text.wav", "short.wav"], 8535, 1),
    ],
)
def test_a_source_that_cannot_be_played(
    room: Room, shared: Call, names: list[str], sub_code: int, index: int
) -> None:
    context = f"bad {names}"
    shared.sdk.play_media([room.file(name) for name in names], operation_context=context)
    data = room.webhook.wait("PlayFailed", operationContext=context)
    assert (result(data), data["failedPlaySourceIndex"]) == ((400, sub_code), index)
    assert others(room, shared, context) == ["PlayStarted", "PlayFailed"]


def test_a_cache_id_keeps_its_first_file(room: Room, shared: Call) -> None:
    for name in ("short.wav", "nowhere.wav"):
        source = room.file(name, play_source_cache_id="greeting")
        shared.sdk.play_media(source, operation_context=f"cached {name}")
        room.webhook.wait("PlayCompleted", operationContext=f"cached {name}")


def test_plays_queue_and_interrupt(room: Room, single: Call) -> None:
    long, short = room.file("long.wav"), room.file("short.wav")
    single.sdk.play_media(long, operation_context="running")
    single.sdk.play_media(short, operation_context="queued")
    room.webhook.wait("PlayStarted", operationContext="running")
    single.sdk.play_media(short, interrupt_call_media_operation=True, operation_context="urgent")
    room.webhook.wait("PlayCompleted", operationContext="urgent")
    assert others(room, single, "running") == ["PlayStarted", "PlayCanceled"]
    assert others(room, single, "queued") == ["PlayCanceled"]
    assert others(room, single, "urgent") == ["PlayStarted", "PlayCompleted"]


def test_a_play_canceled_before_it_was_heard_says_that_it_started(room: Room, single: Call) -> None:
    """Rule 22: PlayStarted precedes PlayCanceled."""
    single.sdk.play_media(room.file("long.wav"), operation_context="early")
    single.sdk.cancel_all_media_operations()
    room.webhook.wait("PlayCanceled", operationContext="early")
    assert others(room, single, "early") == ["PlayStarted", "PlayCanceled"]


def test_events_of_an_operation_go_to_its_own_callback(room: Room, single: Call) -> None:
    other = Webhook()
    try:
        single.sdk.play_media(
            room.file("short.wav"), operation_context="own", operation_callback_url=f"{other.url}/own?key=1"
        )
        other.wait("PlayCompleted", operationContext="own")
        assert other.names() == ["PlayStarted", "PlayCompleted"]
        single.sdk.hang_up(is_for_everyone=True)
        room.webhook.wait("CallDisconnected", callConnectionId=single.id)
        assert others(room, single, "own") == []
        assert other.names() == ["PlayStarted", "PlayCompleted"]
    finally:
        other.close()


# --- group calls ------------------------------------------------------------------------------------------


def test_a_play_to_one_is_heard_by_one(room: Room, group: Call) -> None:
    group.sdk.play_media(room.file("long.wav"), [PhoneNumberIdentifier(ALICE)], operation_context="alice")
    room.webhook.wait("PlayStarted", operationContext="alice")
    room.phone(ALICE).play("expect audio")
    room.phone(BOB).play("expect silence for 0.3")


def test_the_compatibility_table(room: Room, group: Call) -> None:
    """Section 6.9 in a group call: what may run beside what, for the same participant and for another."""
    alice, bob = PhoneNumberIdentifier(ALICE), PhoneNumberIdentifier(BOB)
    long = room.file("long.wav")

    def play_to(who: PhoneNumberIdentifier, context: str) -> None:
        group.sdk.play_media(long, [who], operation_context=context)

    def recognise(who: PhoneNumberIdentifier, context: str) -> None:
        group.sdk.start_recognizing_media(
            RecognizeInputType.DTMF, who, dtmf_max_tones_to_collect=9, initial_silence_timeout=60,
            operation_context=context,
        )  # fmt: skip

    def tones(who: PhoneNumberIdentifier, context: str) -> None:
        group.sdk.send_dtmf_tones([DtmfTone.ONE] * 18, who, operation_context=context)

    def listen(who: PhoneNumberIdentifier, context: str) -> None:
        group.sdk.start_continuous_dtmf_recognition(who, operation_context=context)

    names = {play_to: "PlayTo", recognise: "Recognize(group)", tones: "SendDTMF"}
    for number, (running, name) in enumerate(names.items()):
        running(alice, f"running {number}")
        for new in (play_to, recognise, tones, listen):
            with pytest.raises(HttpResponseError) as refused:
                new(alice, "refused")
            assert (refused.value.status_code, code(refused.value)) == (412, "8583")
            assert name in str(refused.value)
            assert f"running {number}" in str(refused.value)
            assert ALICE in str(refused.value)
        running(bob, f"bob {number}")  # the table is about one participant
        group.sdk.play_media(room.file("short.wav"), operation_context=f"all {number}")
        room.webhook.wait("PlayCompleted", operationContext=f"all {number}")
        group.sdk.cancel_all_media_operations()
    room.webhook.wait("RecognizeCanceled", operationContext="running 1")
    assert "PlayCanceled" in others(room, group, "running 0")
    # Tones go on: cancelAllMediaOperations is about plays and recognitions.
    assert others(room, group, "running 2") == []
    assert others(room, group, "refused") == []


def test_everything_may_start_beside_continuous_recognition_and_plays_to_all(room: Room, group: Call) -> None:
    alice, bob = PhoneNumberIdentifier(ALICE), PhoneNumberIdentifier(BOB)
    group.sdk.play_media(room.file("long.wav"), operation_context="all")
    group.sdk.start_continuous_dtmf_recognition(alice, operation_context="keys")
    group.sdk.play_media(room.file("long.wav"), [bob], operation_context="to bob")
    recognize(room, group, "digits", dtmf_max_tones_to_collect=2)
    room.phone(ALICE).play("press 42")
    data = room.webhook.wait("RecognizeCompleted", operationContext="digits")
    assert data["dtmfResult"] == {"tones": ["four", "two"]}
    assert room.webhook.wait("ContinuousDtmfRecognitionToneReceived", sequenceId=2)["tone"] == "two"
    group.sdk.send_dtmf_tones([DtmfTone.SEVEN], alice, operation_context="seven")
    room.webhook.wait("SendDtmfTonesCompleted", operationContext="seven")
    room.phone(ALICE).wait_digits("7")


def test_hold_in_a_group_silences_a_play_to_all_for_the_held_one(room: Room, group: Call) -> None:
    alice = PhoneNumberIdentifier(ALICE)
    group.sdk.play_media(room.file("long.wav"), loop=True, operation_context="all")
    room.phone(ALICE).play("expect audio")
    group.sdk.hold(alice)
    held = room.roster(group.id, lambda people: any(one["isOnHold"] for one in people))
    (who,) = [one["identifier"]["rawId"] for one in held["participants"] if one["isOnHold"]]
    assert who == f"4:{ALICE}"
    room.phone(ALICE).play("wait 0.2; expect silence for 0.3")
    room.phone(BOB).play("expect audio")
    group.sdk.unhold(alice)
    room.roster(group.id, lambda people: not any(one["isOnHold"] for one in people), held["sequenceNumber"])
    room.phone(ALICE).play("expect audio")


def test_hang_up_leaves_the_group_together_and_terminate_does_not(room: Room) -> None:
    left = room.call(ALICE, BOB)
    left.sdk.hang_up(is_for_everyone=False)
    data = room.webhook.wait("CallDisconnected", callConnectionId=left.id)
    assert result(data) == (200, 7000)
    assert data["resultInformation"]["message"] == "The conversation has ended. DiagCode: 0#7000.@"
    assert room.phone(ALICE).phone.talking
    assert room.phone(BOB).phone.talking
    room.phone(ALICE).play("press 1; hangup")
    room.phone(BOB).play("expect hangup")

    both = room.call(ALICE, BOB)
    both.sdk.hang_up(is_for_everyone=True)
    room.phone(ALICE).play("expect hangup")
    room.phone(BOB).play("expect hangup")
    assert result(room.webhook.wait("CallDisconnected", callConnectionId=both.id)) == (200, 7000)


def test_somebody_leaves_a_group(room: Room, group: Call) -> None:
    group.sdk.start_continuous_dtmf_recognition(PhoneNumberIdentifier(BOB), operation_context="bob's keys")
    room.phone(BOB).play("hangup")
    room.webhook.wait("ContinuousDtmfRecognitionStopped", operationContext="bob's keys")
    room.roster(group.id, lambda people: f"4:{BOB}" not in [p["identifier"]["rawId"] for p in people], 2)
    room.phone(ALICE).play("hangup")
    data = room.webhook.wait("CallDisconnected", callConnectionId=group.id)
    assert result(data) == (200, 560000)


def test_rosters_are_numbered_upward(room: Room, group: Call) -> None:
    for _ in range(2):
        group.sdk.hold(PhoneNumberIdentifier(BOB))
        group.sdk.unhold(PhoneNumberIdentifier(BOB))
    ended(room, group)
    numbers = [
        event["data"]["sequenceNumber"]
        for event in room.webhook.events(group.id)
        if event["type"].endswith("ParticipantsUpdated")
    ]
    assert len(numbers) >= 5
    assert numbers == sorted(set(numbers))


# --- incoming calls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "status"),
    [(None, 603), (CallRejectReason.BUSY, 486), (CallRejectReason.FORBIDDEN, 403), ("none", 603)],
)
def test_reject(room: Room, reason: Any, status: int) -> None:
    ringing = room.phone(ALICE).start(f"dial sip:{NUMBER}@127.0.0.1:{room.server.sip_port}")
    incoming = room.webhook.incoming.get(timeout=10)
    options = {} if reason is None else {"call_reject_reason": reason}
    room.client().reject_call(incoming["incomingCallContext"], **options)
    with pytest.raises(CallFailed) as failed:
        ringing.result(10)
    assert failed.value.status == status
    with pytest.raises(HttpResponseError) as refused:
        room.client().answer_call(incoming["incomingCallContext"], room.callback)
    assert (refused.value.status_code, code(refused.value)) == (404, "8522")


def test_an_incoming_call_is_redirected_and_answered(room: Room) -> None:
    """IncomingCall (section 5.7), one for each target; the answer as the callee sees it (section 1.4)."""
    user = f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"
    ringing = room.phone(ALICE).start(f"dial sip:{NUMBER}@127.0.0.1:{room.server.sip_port}")
    first = room.webhook.incoming.get(timeout=10)
    phone = {"kind": "phoneNumber", "rawId": f"4:{ALICE}", "phoneNumber": {"value": ALICE}}
    number = {"kind": "phoneNumber", "rawId": f"4:{NUMBER}", "phoneNumber": {"value": NUMBER}}
    assert (first["from"], first["to"]) == (phone, number)
    assert set(first) >= {"serverCallId", "callerDisplayName", "incomingCallContext", "correlationId"}
    assert "customContext" not in first
    room.client().redirect_call(first["incomingCallContext"], CommunicationUserIdentifier(user))
    second = room.webhook.incoming.get(timeout=10)
    assert second["to"]["rawId"] == user
    assert second["from"] == phone
    assert second["correlationId"] == first["correlationId"]
    assert second["incomingCallContext"] != first["incomingCallContext"]
    answered = room.client().answer_call(
        second["incomingCallContext"], room.callback, operation_context="picked up"
    )
    ringing.result(10)
    assert answered.answered_by.raw_id == user
    assert answered.source.raw_id == f"4:{ALICE}"
    data = room.webhook.wait("CallConnected", callConnectionId=answered.call_connection_id)
    assert data["operationContext"] == "picked up"
    assert data["serverCallId"] == second["serverCallId"]
    room.phone(ALICE).play("hangup")
    data = room.webhook.wait("CallDisconnected", callConnectionId=answered.call_connection_id)
    assert result(data) == (200, 540000)
    assert data["operationContext"] == "picked up"


def test_a_call_that_nobody_answers_with_yes(room: Room) -> None:
    """CreateCallFailed comes before CallDisconnected, with the SIP answer's code (sections 4.5 and 5.4)."""
    refuser = Handset(ALICE, port=room.ports[ALICE], refusal=486)
    try:
        made = room.client().create_call(
            PhoneNumberIdentifier(ALICE), room.callback, source_caller_id_number=PhoneNumberIdentifier(NUMBER)
        )
        data = room.webhook.wait("CallDisconnected", callConnectionId=made.call_connection_id)
    finally:
        refuser.close()
    assert room.webhook.names(made.call_connection_id) == ["CreateCallFailed", "CallDisconnected"]
    assert result(data) == (486, 560486)
    assert data["resultInformation"]["sipDetails"]["code"] == 486
    assert data["resultInformation"]["message"].endswith("DiagCode: 486#560486.@")


# --- versions, repetition, tokens, identities -------------------------------------------------------------


def test_an_old_client_gets_what_its_version_knows(room: Room) -> None:
    """Section 5.3: no PlayStarted, no CreateCallFailed, no isOnHold, no failedPlaySourceIndex, no details."""
    connection = room.call(ALICE, api_version="2023-10-15")
    connection.sdk.play_media(room.file("short.wav"), operation_context="old")
    room.webhook.wait("PlayCompleted", operationContext="old")
    connection.sdk.play_media(room.file("text.wav"), operation_context="older")
    failed = room.webhook.wait("PlayFailed", operationContext="older")
    ended(room, connection)
    assert "failedPlaySourceIndex" not in failed
    assert "PlayStarted" not in room.webhook.names(connection.id)
    for event in room.webhook.events(connection.id):
        assert event["data"]["version"] == "2023-10-15"
        for one in event["data"].get("participants", ()):
            assert set(one) == {"identifier", "isMuted"}

    room.phones.pop(ALICE).close()
    refuser = Handset(ALICE, port=room.ports[ALICE], refusal=486)
    try:
        made = room.client(api_version="2024-04-15").create_call(
            PhoneNumberIdentifier(ALICE), room.callback, source_caller_id_number=PhoneNumberIdentifier(NUMBER)
        )
        data = room.webhook.wait("CallDisconnected", callConnectionId=made.call_connection_id)
    finally:
        refuser.close()
    assert room.webhook.names(made.call_connection_id) == ["CallDisconnected"]
    assert set(data["resultInformation"]) == {"code", "subCode", "message"}


def test_a_repeated_request_runs_once(room: Room) -> None:
    user = f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"
    body = {"targets": [{"communicationUser": {"id": user}}], "callbackUri": room.callback}
    repeat = {
        "Repeatability_Request_ID": str(uuid.uuid4()),
        "Repeatability_First_Sent": formatdate(usegmt=True),
    }
    target = f"/calling/callConnections?api-version={NEWEST}"
    first = room.send("POST", target, body, **repeat)
    again = room.send("POST", target, body, **repeat)
    assert first[0] == again[0] == 201
    assert first[2] == again[2]
    room.webhook.incoming.get(timeout=10)
    room.send("DELETE", f"/calling/callConnections/{first[2]['callConnectionId']}?api-version={NEWEST}")
    room.webhook.wait("CallDisconnected", callConnectionId=first[2]["callConnectionId"])
    assert room.webhook.incoming.empty()
    del repeat["Repeatability_First_Sent"]
    status, _, answer = room.send("POST", target, body, **repeat)
    assert (status, answer["error"]["code"]) == (400, "8523")


def test_webhooks_carry_a_token_that_the_served_keys_verify(room: Room, single: Call) -> None:
    """Section 5.8, as an app does it: OpenID configuration, keys by kid, issuer, audience, expiry."""
    with urllib.request.urlopen(f"{room.server.url}/calling/.well-known/acsopenidconfiguration") as answer:
        configuration = json.load(answer)
    keys = jwt.PyJWKClient(configuration["jwks_uri"])
    tokens = set()
    for authorization, event in room.webhook.posts:
        if event["data"]["callConnectionId"] != single.id:
            continue
        scheme, _, token = authorization.partition(" ")
        assert scheme == "Bearer"
        tokens.add(token)
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token).key,
            algorithms=configuration["id_token_signing_alg_values_supported"],
            issuer="https://acscallautomation.communication.azure.com",
            audience=RESOURCE_ID,
        )
        assert claims["exp"] - claims["iat"] == 300
    assert len(tokens) >= 2
    assert configuration["issuer"] == "https://acscallautomation.communication.azure.com"


def test_identities(room: Room) -> None:
    """Section 11 through the official client."""
    client = CommunicationIdentityClient(room.server.url, AzureKeyCredential(ACCESS_KEY))
    user = client.create_user()
    assert re.fullmatch(rf"8:acs:{RESOURCE_ID}_[0-9a-f-]{{36}}", user.raw_id)
    issued = client.get_token(user, [CommunicationTokenScope.VOIP, CommunicationTokenScope.CHAT])
    claims = jwt.decode(issued.token, options={"verify_signature": False})
    assert f"8:{claims['skypeid']}" == user.raw_id
    assert set(claims["scp"].split(",")) == {"voip", "chat"}
    assert abs(claims["exp"] - time.time() - 86400) < 60
    client.revoke_tokens(user)
    both, token = client.create_user_and_token([CommunicationTokenScope.VOIP])
    assert both.raw_id != user.raw_id
    assert token.token.count(".") == 2
    client.delete_user(user)
    with pytest.raises(HttpResponseError) as refused:
        client.get_token(user, [CommunicationTokenScope.VOIP])
    assert refused.value.status_code == 404


def test_an_app_calls_an_app(room: Room) -> None:
    """Both ends have their own connection; the correlation id is one (sections 3.4 and 5.4)."""
    client = room.client()
    user = f"8:acs:{RESOURCE_ID}_{secrets.token_hex(8)}"
    made = client.create_call(CommunicationUserIdentifier(user), room.callback, operation_context="caller")
    incoming = room.webhook.incoming.get(timeout=10)
    answered = client.answer_call(incoming["incomingCallContext"], room.callback, operation_context="callee")
    assert answered.call_connection_id != made.call_connection_id
    assert answered.correlation_id == made.correlation_id == incoming["correlationId"]
    for connection in (made.call_connection_id, answered.call_connection_id):
        room.roster(str(connection), lambda people: len(people) == 2)
    client.get_call_connection(str(answered.call_connection_id)).hang_up(is_for_everyone=False)
    for connection in (made.call_connection_id, answered.call_connection_id):
        assert result(room.webhook.wait("CallDisconnected", callConnectionId=connection)) == (200, 7000)
