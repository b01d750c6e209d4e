"""Calls between an app on the official SDK and virtual phones, on a real server inside the test."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    CallConnectionClient,
    CommunicationUserIdentifier,
    FileSource,
    PhoneNumberIdentifier,
    RecognizeInputType,
)
from azure.core.credentials import AzureKeyCredential
from system.audio import wav

from hookflash.testing.phones import Phone, PhoneError
from hookflash.testing.server import Server

ALICE = "+14255550100"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "virtual-phones.md"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with Server() as server:
        server.webhook.files |= {"/short.wav": wav(0.3), "/long.wav": wav(30)}
        yield server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The server with no phones and no events."""
    running.phones.clear()
    running.webhook.forget()
    yield running
    running.webhook.on_event = None


class App:
    """An app on the SDK."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = CallAutomationClient(server.url, AzureKeyCredential(server.access_key))
        self.callback = f"{server.webhook.url}/callbacks"

    def call(self, number: str = ALICE, **options: Any) -> tuple[CallConnectionClient, str]:
        """Call a number; the connection and its id."""
        made = self.client.create_call(
            PhoneNumberIdentifier(number),
            self.callback,
            source_caller_id_number=PhoneNumberIdentifier(self.server.number),
            **options,
        )
        id = str(made.call_connection_id)
        return self.client.get_call_connection(id), id

    def connect(self, number: str = ALICE) -> tuple[CallConnectionClient, str]:
        """A call to a phone that answers, once it is up."""
        connection, id = self.call(number)
        self.wait("CallConnected", id)
        return connection, id

    def answer(self, **options: Any) -> tuple[CallConnectionClient, str]:
        """Answer the call that comes in."""
        incoming = self.server.webhook.wait("IncomingCall")
        answered = self.client.answer_call(incoming["incomingCallContext"], self.callback, **options)
        id = str(answered.call_connection_id)
        self.wait("CallConnected", id)
        return self.client.get_call_connection(id), id

    def wait(self, name: str, id: str, **match: object) -> dict[str, Any]:
        return self.server.webhook.wait(name, callConnectionId=id, **match)

    def file(self, name: str) -> FileSource:
        return FileSource(url=f"{self.server.webhook.url}/{name}")


@pytest.fixture
def app(server: Server) -> App:
    return App(server)


@pytest.fixture
def alice(server: Server) -> Phone:
    return server.phones.add("alice", ALICE, "Alice")


def result(event: dict[str, Any]) -> tuple[int, int]:
    return event["resultInformation"]["code"], event["resultInformation"]["subCode"]


# --- create and answer ----------------------------------------------------------------------------------


def test_an_app_calls_a_phone_and_hangs_up(app: App, alice: Phone, server: Server) -> None:
    connection, id = app.connect()
    shown = alice.wait(1, state="up")
    assert (shown["direction"], shown["from"], shown["to"]) == ("in", server.number, ALICE)
    connection.hang_up(is_for_everyone=True)
    ended = alice.wait(1, state="ended")
    assert (ended["state"], ended["cause"]["status"]) == ("ended", 200)
    app.wait("CallDisconnected", id)


def test_a_phone_calls_the_app_and_hangs_up(app: App, alice: Phone, server: Server) -> None:
    made = alice.call(server.number, sipHeaders={"X-Ticket": "4711"}, voipHeaders={"room": "7"})
    assert (made["direction"], made["state"]) == ("out", "ringing")
    incoming = server.webhook.wait("IncomingCall")
    assert incoming["from"]["phoneNumber"]["value"] == ALICE
    assert incoming["callerDisplayName"] == "Alice"
    assert incoming["customContext"]["sipHeaders"] == {"X-Ticket": "4711"}
    assert incoming["customContext"]["voipHeaders"] == {"room": "7"}
    _, id = app.answer()
    alice.wait(1, state="up")
    alice.hang_up()
    ended = app.wait("CallDisconnected", id)
    assert result(ended)[0] == 200


def test_a_user_calls_the_app(app: App, server: Server) -> None:
    user = f"8:acs:{server.resource_id}_ada"
    ada = server.phones.add("ada", user)
    ada.call(server.number)
    assert server.webhook.wait("IncomingCall")["from"]["rawId"] == user
    app.answer()
    assert ada.wait(1, state="up")["state"] == "up"


def test_the_app_rejects_a_phone(app: App, alice: Phone, server: Server) -> None:
    alice.call(server.number)
    incoming = server.webhook.wait("IncomingCall")
    app.client.reject_call(incoming["incomingCallContext"], call_reject_reason="busy")
    assert alice.wait(1, state="ended")["cause"]["status"] == 486


@pytest.mark.parametrize(
    ("script", "expected", "sip", "q850"),
    [
        ({"status": 486, "q850": 17}, (486, 560486), 486, 17),
        ({"status": 404}, (404, 560404), 404, None),
        ({"status": 480, "q850": 19, "afterMs": 100}, (480, 560480), 480, 19),
        ({"status": 603, "q850": 21}, (603, 560603), 603, 21),
        ({"status": 503}, (503, 560503), 503, None),
    ],
)
def test_a_phone_that_refuses_says_why(
    app: App,
    server: Server,
    script: dict[str, Any],
    expected: tuple[int, int],
    sip: int,
    q850: int | None,
) -> None:
    phone = server.phones.add("alice", ALICE, onCall="reject", **script)
    _, id = app.call()
    failed = app.wait("CreateCallFailed", id)
    assert result(failed) == expected
    information = failed["resultInformation"]
    assert information["sipDetails"]["code"] == sip
    assert information.get("q850Details", {}).get("code") == q850
    assert phone.wait(1, state="ended")["cause"]["status"] == sip


# --- others -----------------------------------------------------------------------------------------------


def test_a_muted_user_shows_it(app: App, server: Server) -> None:
    user = f"8:acs:{server.resource_id}_ada"
    ada = server.phones.add("ada", user)
    ada.call(server.number)
    connection, _ = app.answer()
    connection.mute_participant(CommunicationUserIdentifier(user))
    assert ada.wait(1, muted="true")["state"] == "up"


HEADERS = {"User-To-User": "616263;encoding=hex", "X-MS-Custom-Dept": "billing"}


def test_an_added_phone_gets_the_custom_headers(app: App, alice: Phone, server: Server) -> None:
    bob = server.phones.add("bob", "+14255550101")
    connection, id = app.connect()
    connection.add_participant(
        PhoneNumberIdentifier("+14255550101"),
        sip_headers=HEADERS,
        source_caller_id_number=PhoneNumberIdentifier(server.number),
    )
    app.wait("AddParticipantSucceeded", id)
    assert bob.wait(1, state="up")["sipHeaders"] == HEADERS


def test_an_added_user_gets_voip_headers_too(app: App, alice: Phone, server: Server) -> None:
    user = f"8:acs:{server.resource_id}_ada"
    ada = server.phones.add("ada", user)
    connection, id = app.connect()
    connection.add_participant(CommunicationUserIdentifier(user), voip_headers={"room": "7"})
    app.wait("AddParticipantSucceeded", id)
    assert ada.wait(1, state="up")["voipHeaders"] == {"room": "7"}


def test_a_call_is_transferred_to_a_phone_with_headers(app: App, alice: Phone, server: Server) -> None:
    bob = server.phones.add("bob", "+14255550101")
    connection, id = app.connect()
    connection.transfer_call_to_participant(PhoneNumberIdentifier("+14255550101"), sip_headers=HEADERS)
    app.wait("CallTransferAccepted", id)
    assert bob.wait(1, state="up")["sipHeaders"] == HEADERS
    alice.hang_up()
    assert bob.wait(1, state="ended")["cause"]["status"] == 200


def test_an_invitation_that_is_canceled_stops_the_ringing(app: App, alice: Phone, server: Server) -> None:
    bob = server.phones.add("bob", "+14255550101", onCall="ring")
    connection, id = app.connect()
    added = connection.add_participant(
        PhoneNumberIdentifier("+14255550101"),
        source_caller_id_number=PhoneNumberIdentifier(server.number),
    )
    bob.wait(1, state="ringing")
    connection.cancel_add_participant_operation(str(added.invitation_id))
    app.wait("CancelAddParticipantSucceeded", id)
    assert bob.wait(1, state="ended")["cause"]["status"] == 487


# --- media ----------------------------------------------------------------------------------------------


def test_a_phone_hears_a_prompt_to_its_end(app: App, alice: Phone, server: Server) -> None:
    connection, id = app.connect()
    connection.play_media(app.file("short.wav"))
    app.wait("PlayCompleted", id)
    (heard,) = alice.wait(1, heard="finished")["heard"]
    assert (heard["sources"], heard["state"]) == ([f"{server.webhook.url}/short.wav"], "finished")


def test_a_canceled_prompt_is_heard_in_part(app: App, alice: Phone) -> None:
    connection, id = app.connect()
    connection.play_media(app.file("long.wav"), [PhoneNumberIdentifier(ALICE)])
    alice.wait(1, heard="started")
    connection.cancel_all_media_operations()
    app.wait("PlayCanceled", id)
    assert alice.wait(1, heard="stopped")["heard"][0]["state"] == "stopped"


def test_keys_of_the_script_are_recognized(app: App, server: Server) -> None:
    phone = server.phones.add("alice", ALICE, onCall="ring")
    connection, id = app.call()
    phone.wait(1, state="ringing")
    phone.answer()
    app.wait("CallConnected", id)
    connection.start_recognizing_media(
        RecognizeInputType.DTMF,
        PhoneNumberIdentifier(ALICE),
        play_prompt=app.file("short.wav"),
        interrupt_prompt=True,
        dtmf_max_tones_to_collect=3,
        initial_silence_timeout=10,
    )
    phone.wait(1, heard="started")
    phone.press("1*7")
    recognized = app.wait("RecognizeCompleted", id)
    assert recognized["dtmfResult"]["tones"] == ["one", "asterisk", "seven"]


def test_scripted_keys_are_reported_one_by_one(app: App, server: Server) -> None:
    server.phones.add("alice", ALICE, onCall="ring")
    phone = Phone(server.phones, "alice")
    connection, id = app.call()
    phone.wait(1, state="ringing")
    phone.answer()
    app.wait("CallConnected", id)
    connection.start_continuous_dtmf_recognition(PhoneNumberIdentifier(ALICE))
    phone.press("9D")
    app.wait("ContinuousDtmfRecognitionToneReceived", id, sequenceId=2)
    tones = server.webhook.events("ContinuousDtmfRecognitionToneReceived", callConnectionId=id)
    assert [event["tone"] for event in tones] == ["nine", "d"]


def test_keys_reach_the_phone(app: App, alice: Phone) -> None:
    connection, id = app.connect()
    connection.send_dtmf_tones(["one", "two", "pound"], PhoneNumberIdentifier(ALICE))
    assert alice.wait(1, digits="12#")["digits"] == "12#"
    app.wait("SendDtmfTonesCompleted", id)


def test_hold_with_music_and_back(app: App, alice: Phone, server: Server) -> None:
    connection, id = app.connect()
    connection.hold(PhoneNumberIdentifier(ALICE), play_source=app.file("long.wav"))
    held = alice.wait(1, held="true", heard="started")
    assert held["heard"][0]["sources"] == [f"{server.webhook.url}/long.wav"]
    connection.unhold(PhoneNumberIdentifier(ALICE))
    alice.wait(1, held="false", heard="stopped")
    connection.play_media(app.file("short.wav"))
    app.wait("PlayCompleted", id)


def test_nothing_is_left_of_calls_that_end_in_the_middle_of_things(app: App, server: Server) -> None:
    for number in range(3):
        phone = server.phones.add(f"p{number}", f"+1425555010{number}", press=[{"digits": "1" * 50}])
        connection, id = app.connect(f"+1425555010{number}")
        target = PhoneNumberIdentifier(f"+1425555010{number}")
        connection.play_media(app.file("long.wav"))
        phone.wait(1, heard="started")
        if number == 0:
            phone.hang_up()
        elif number == 1:
            connection.hold(target, play_source=app.file("long.wav"))
            phone.wait(1, held="true")
            phone.remove()
        else:
            connection.hang_up(is_for_everyone=True)
        app.wait("CallDisconnected", id)
    deadline = time.monotonic() + 20
    while True:
        with urllib.request.urlopen(f"{server.url}/hookflash/counts", timeout=10) as answer:
            left = {name: count for name, count in json.load(answer).items() if count}
        if not left:
            break
        assert time.monotonic() < deadline, left
        threading.Event().wait(0.05)


# --- the surface and its page ---------------------------------------------------------------------------


def test_requests_that_wait_do_not_hold_up_the_end_of_the_server() -> None:
    with Server() as server:
        phone = server.phones.add("alice", ALICE)
        answers: list[PhoneError] = []

        def wait() -> None:
            with pytest.raises(PhoneError) as caught:
                phone.wait(1, timeout=60, state="up")
            answers.append(caught.value)

        waiter = threading.Thread(target=wait)
        waiter.start()
        # Another request that waits shortly says that the first has had its time to begin.
        with pytest.raises(PhoneError, match="408"):
            phone.wait(1, timeout=0.3, state="up")
    waiter.join(10)
    assert not waiter.is_alive()
    assert answers[0].status == 503


def test_the_shell_examples_of_the_page_work(app: App, server: Server) -> None:
    """The app answers the call of the page's phone and plays to it, as the page takes for granted."""

    def on_event(name: str, data: dict[str, Any]) -> None:
        if name == "IncomingCall":
            app.client.answer_call(data["incomingCallContext"], app.callback)
        elif name == "CallConnected":
            connection = app.client.get_call_connection(data["callConnectionId"])
            connection.play_media(app.file("short.wav"))

    server.webhook.on_event = on_event
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = "\n".join(["set -eu", *blocks]).replace("http://127.0.0.1:8080", server.url)
    script = script.replace("curl -sS", "curl -sS --fail-with-body -w '\\n'")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert script.count("curl") == 7
    assert '"X-Ticket":"4711"' in done.stdout
    assert '"state":"finished"' in done.stdout


def test_the_python_example_of_the_page_works() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(compile(example, str(PAGE), "exec"), {})


def test_users_have_devices(app: App, server: Server) -> None:
    """A call to a user rings every device; the first to answer has it."""
    user = f"8:acs:{server.resource_id}_ada"
    server.phones.add("desk", user, onCall="ring")
    mobile = server.phones.add("mobile", user, afterMs=100)
    made = app.client.create_call(CommunicationUserIdentifier(user), app.callback)
    app.wait("CallConnected", str(made.call_connection_id))
    assert mobile.wait(1, state="up")["to"] == user
    desk = Phone(server.phones, "desk").wait(1, state="ended")
    assert desk["cause"] == {"status": 487, "reason": "Answered elsewhere"}
