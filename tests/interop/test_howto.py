"""Everything the how-to pages show, by the official SDKs of Python and JavaScript, with four kinds of phones.

``docs/reference/how-to-coverage.md`` says which snippet of which page each step is.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.communication.callautomation import CommunicationUserIdentifier
from howto_apps import APPS, OPERATION, HowtoApp, PythonApp, RefusedError
from howto_lines import LINES, Line
from system.audio import wav
from system.harness import ACCESS_KEY, RESOURCE_ID
from system.spoken import Say, needs_speech
from trunk_ports import Trunks

from hookflash.testing.phones import VirtualPhones

pytestmark = [pytest.mark.interop, needs_speech]

CONFIRM, OTHER, ADDRESS = (
    "Confirm.",
    "My grandmother has a green bicycle.",
    "I would like to change my address.",
)
TEXTS = (CONFIRM, OTHER, ADDRESS)
AFTER_PROMPT = 4.0
"""Seconds after which a short prompt is over that must not be interrupted."""
talking = pytest.mark.parametrize("phone", ["softphone", "baresip", "sipp"], indirect=True)
softphone = pytest.mark.parametrize("phone", ["softphone"], indirect=True)
all_phones = pytest.mark.parametrize("phone", list(LINES), indirect=True)


@pytest.fixture(params=list(APPS))
def app(request: pytest.FixtureRequest, system: Trunks) -> Iterator[HowtoApp]:
    running = APPS[request.param](system.server)
    yield running
    running.close()


@pytest.fixture
def phone(request: pytest.FixtureRequest, system: Trunks, tmp_path: Path, spoken: Say) -> Iterator[Line]:
    if request.param in ("baresip", "sipp") and shutil.which(request.param) is None:
        pytest.skip(f"needs {request.param}")
    line = LINES[request.param](system, tmp_path, spoken, TEXTS)
    yield line
    line.close()


@pytest.fixture
def called(system: Trunks, app: HowtoApp, phone: Line) -> Iterator[HowtoApp]:
    """The app, in a call that the phone has made."""
    phone.dial()
    incoming = system.webhook.incoming.get(timeout=30)
    answered = app.do("answer", incomingCallContext=incoming["incomingCallContext"])
    app.connected()
    app.given |= {"callConnectionId": answered["callConnectionId"], "target": phone.number}
    yield app
    phone.hang_up()
    app.next("CallDisconnected")


def put_file(system: Trunks, name: str, content: bytes) -> str:
    system.webhook.files[f"/{name}"] = content
    return f"{system.webhook.url}/{name}"


def wait_heard(phone: Line, seconds: float) -> None:
    """Wait until a phone has heard so much in all, where it can tell; a virtual one counts plays."""
    deadline = time.monotonic() + 30
    while phone.hears and phone.heard() < seconds:
        assert time.monotonic() < deadline, f"heard {phone.heard():.1f} only"
        threading.Event().wait(0.1)


def completed(app: HowtoApp, path: str = "/callbacks", context: str | None = None) -> None:
    """A play goes from its start to its end."""
    for kind in ("PlayStarted", "PlayCompleted"):
        event = app.next(kind, path)
        assert event.result == (200, 0)
        assert context is None or event.read == {"context": context}


@all_phones
def test_play(system: Trunks, called: HowtoApp, phone: Line) -> None:
    app, url = called, put_file(system, "prompt.wav", wav(0.5))
    app.given["audioUrl"] = url
    heard = 0.0
    for snippet in ("play-file-to-all", "play-file-to-one"):
        app.do(snippet)
        completed(app)
        heard += 0.4
        wait_heard(phone, heard)
    for snippet in ("play-files", "play-texts-by-gender", "play-texts-by-voice"):
        app.do(snippet)
        completed(app, OPERATION, "multiplePlayContext")
        heard += 0.6
        wait_heard(phone, heard)
    for snippet in (
        "play-text-by-gender",
        "play-text-by-voice",
        "play-text-to-one",
        "play-ssml",
        "play-custom-voice",
        "play-custom-voice-ssml",
    ):
        app.do(snippet)
        completed(app)
        heard += 0.4
        wait_heard(phone, heard)


@all_phones
def test_play_interrupted_cached_failed_and_canceled(system: Trunks, called: HowtoApp, phone: Line) -> None:
    app = called
    for snippet in ("barge-in-with-text", "barge-in-with-file"):
        app.do("play-in-a-loop")
        app.next("PlayStarted")
        app.do(snippet, audioUrl=put_file(system, "prompt.wav", wav(0.5)))
        assert app.next("PlayCanceled").result == (400, 8508)
        started, ended = app.next("PlayStarted", OPERATION), app.next("PlayCompleted", OPERATION)
        assert started.read == ended.read
        assert started.read["context"] in ("interruptContext", "interruptOperationContext")

    source = {"audioUrl": put_file(system, "cached.wav", wav(0.5)), "playSourceId": f"id {type(app)} {phone}"}
    app.do("play-cached-file", **source)
    completed(app)
    del system.webhook.files["/cached.wav"]  # what was cached is played without it
    app.do("play-cached-file", **source)
    completed(app)

    for name, sub_code, message in (
        ("nowhere.wav", 8536, "Action failed, file could not be downloaded."),
        ("text.wav", 8535, "Action failed, file format is invalid."),
    ):
        put_file(system, "text.wav", b"this is not a WAV file")
        app.do("play-file-to-all", audioUrl=f"{system.webhook.url}/{name}")
        app.next("PlayStarted")
        failed = app.next("PlayFailed")
        assert failed.result == (400, sub_code)
        assert failed.read is not None
        assert failed.read["message"].startswith(message.rstrip("."))

    app.do("play-in-a-loop")
    app.next("PlayStarted")
    app.do("cancel-all")
    assert app.next("PlayCanceled").result == (400, 8508)


def prompted(app: HowtoApp, phone: Line) -> None:
    """The prompt is on."""
    assert app.next("PlayStarted").result == (200, 0)
    wait_heard(phone, phone.heard() + 0.2 if phone.talks and phone.hears else 0)


@all_phones
def test_recognise_keys(called: HowtoApp, phone: Line) -> None:
    app = called
    for keys, tones, sub_code in (
        ("147", ["one", "four", "seven"], 8531),
        ("12#", ["one", "two"], 8514),
    ):
        app.do("recognise-dtmf")
        prompted(app, phone)
        phone.presses(keys)
        event = app.next("RecognizeCompleted")
        assert event.result == (200, sub_code)
        assert event.read is not None
        assert event.read["tones"] == tones

    app.do("recognise-choices")
    prompted(app, phone)
    phone.presses("2")
    event = app.next("RecognizeCompleted")
    assert event.result == (200, 8533)
    assert event.read == {"label": "Cancel", "phrase": None, "context": "AppointmentReminderMenu"}

    app.do("recognise-choices")
    prompted(app, phone)
    phone.presses("9")
    event = app.next("RecognizeFailed")
    assert event.result == (500, 8534)
    assert event.read == {
        "message": "Action failed, incorrect tone entered.",
        "context": "AppointmentReminderMenu",
    }

    app.do("play-response")
    completed(app, context="ResponseToChoice")

    app.do("recognise-speech-or-dtmf")
    prompted(app, phone)
    phone.presses("0")
    event = app.next("RecognizeCompleted")
    assert event.result == (200, 8531)
    assert event.read == {"tones": ["zero"], "context": "OpenQuestionSpeechOrDtmf"}

    app.do("play-in-a-loop")
    app.next("PlayStarted")
    app.do("recognise-speech-over-ssml")
    app.next("PlayCanceled")
    prompted(app, phone)
    app.do("cancel-all")
    event = app.next("RecognizeCanceled")
    assert event.result == (400, 8508)
    assert event.read == {"context": "OpenQuestionSpeech"}


@talking
def test_recognise_words(called: HowtoApp, phone: Line) -> None:
    app = called
    app.do("recognise-choices")
    prompted(app, phone)
    phone.says(CONFIRM)
    event = app.next("RecognizeCompleted")
    assert event.result == (200, 8545)
    assert event.read is not None
    assert event.read["phrase"].lower() == "confirm"
    assert (event.read["label"], event.read["context"]) == ("Confirm", "AppointmentReminderMenu")

    app.do("recognise-choices")
    prompted(app, phone)
    phone.says(OTHER)
    assert app.next("RecognizeFailed").result == (400, 8547)

    for snippet, context in (
        ("recognise-speech", "OpenQuestionSpeech"),
        ("recognise-speech-or-dtmf", "OpenQuestionSpeechOrDtmf"),
    ):
        app.do(snippet)
        prompted(app, phone)
        if snippet == "recognise-speech":  # its prompt is not to be interrupted
            threading.Event().wait(AFTER_PROMPT)
        phone.says(ADDRESS)
        event = app.next("RecognizeCompleted")
        assert event.result == (200, 8569)
        assert event.read is not None
        assert event.read["text"].lower().rstrip(".") == ADDRESS.lower().rstrip(".")
        assert event.read["context"] == context


@softphone
def test_recognise_what_the_sdks_only_have_in_previews(called: HowtoApp, phone: Line) -> None:
    app = called
    if isinstance(app, PythonApp):
        with pytest.raises(RefusedError, match="400/8523"):  # the list of languages becomes one string
            app.do("recognise-languages")
        with pytest.raises(TypeError, match="IsSentimentAnalysisEnabled"):
            app.do("recognise-sentiment")
        return
    for snippet in ("recognise-languages", "recognise-sentiment"):
        app.do(snippet)
        prompted(app, phone)
        app.do("cancel-all")
        assert app.next("RecognizeCanceled").read == {"context": "speechContext"}


@all_phones
def test_mid_call_media_actions(system: Trunks, called: HowtoApp, phone: Line) -> None:
    app = called
    sent = app.do("send-dtmf")
    assert sent["operationContext"] == "dtmfs-to-ivr"
    event = app.next("SendDtmfTonesCompleted")
    assert event.read == {"context": "dtmfs-to-ivr"}
    assert not phone.counts or phone.digits.endswith("123")

    app.do("start-continuous-dtmf")
    phone.presses("5*#")
    for sequence_id, tone in enumerate(("five", "asterisk", "pound"), 1):
        event = app.next("ContinuousDtmfRecognitionToneReceived")
        assert event.read == {"sequenceId": sequence_id, "tone": tone, "context": "dtmf-reco-on-c2"}
    app.do("stop-continuous-dtmf")
    assert app.next("ContinuousDtmfRecognitionStopped").read == {"context": "dtmf-reco-on-c2"}

    def held(state: bool) -> None:
        app.roster(lambda one: one["isOnHold"] is state and one["id"] == f"4:{phone.number}")
        app.forget_rosters()

    app.forget_rosters()
    app.do("hold")
    held(True)
    app.do("unhold")
    held(False)
    app.do("hold-with-options", audioUrl=put_file(system, "prompt.wav", wav(0.5)))
    held(True)
    assert app.next("PlayStarted", OPERATION).read == {"context": "holdUserContext"}
    wait_heard(phone, 1)
    app.do("unhold-with-options")
    held(False)
    assert app.next("PlayCanceled", OPERATION).read == {"context": "holdUserContext"}


@all_phones
def test_mid_call_media_actions_end_with_the_call(system: Trunks, app: HowtoApp, phone: Line) -> None:
    phone.dial()
    incoming = system.webhook.incoming.get(timeout=30)
    answered = app.do("answer", incomingCallContext=incoming["incomingCallContext"])
    app.connected()
    app.given |= {"callConnectionId": answered["callConnectionId"], "target": phone.number}
    app.do("start-continuous-dtmf")
    app.do("send-dtmf", times=6)
    phone.hang_up()
    ended = [app.take() for _ in range(2)]
    kinds = {event.kind: event for event in ended}
    failed = kinds["SendDtmfTonesFailed"].read
    assert failed is not None
    assert failed["message"]
    assert failed["context"] == "dtmfs-to-ivr"
    assert kinds["ContinuousDtmfRecognitionStopped"].read == {"context": "dtmf-reco-on-c2"}
    app.next("CallDisconnected")


@all_phones
def test_mute(system: Trunks, called: HowtoApp, phone: Line) -> None:
    """A user with a virtual phone is muted; the phone, which has a number, can not be."""
    app, user = called, f"8:acs:{RESOURCE_ID}_howto"
    phones = VirtualPhones(system.server.url, ACCESS_KEY)
    ada = phones.add("ada", user)
    connection = system.client().get_call_connection(app.given["callConnectionId"])
    connection.add_participant(CommunicationUserIdentifier(user))
    app.roster(lambda one: one["id"] == user)
    app.next("AddParticipantSucceeded")
    muted = app.do("mute", user=user)
    assert muted["operationContext"] == "OperationContext"
    assert ada.wait(muted="true")["state"] == "up"
    roster = app.roster(lambda one: one["isMuted"])
    assert [one["id"] for one in roster if one["isMuted"]] == [user]
    assert len(roster) == 3
    with pytest.raises(RefusedError, match="400/8523"):
        app.do("mute-number")
    ada.remove()
