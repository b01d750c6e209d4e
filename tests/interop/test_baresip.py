"""baresip on the line: heard and hearing, keys both ways, hold by either side."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from azure.communication.callautomation import (
    CallConnectionClient,
    CommunicationUserIdentifier,
    DtmfTone,
    FileSource,
    PhoneNumberIdentifier,
)
from baresip_phone import Baresip
from listening import babble, likeness, narrow, wav
from system.harness import RESOURCE_ID
from trunk_ports import Trunks

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="needs baresip: apt-get install baresip-core"),
]
NUMBER = "+14255550177"
CALLER = PhoneNumberIdentifier(NUMBER)
ALIKE = 0.9
UNLIKE = 0.3
PROMPT_RATE = 16000
Phone = Callable[..., Baresip]


@pytest.fixture
def baresip(tmp_path: Path) -> Iterator[Phone]:
    """Starts phones, each saying babble of its own ``seed``."""
    running: list[Baresip] = []

    def start(seed: int = 1, **options: Any) -> Baresip:
        says = tmp_path / f"says{seed}.wav"
        says.write_bytes(wav(babble(seed, 30)))
        phone = Baresip(tmp_path / f"phone{seed}", says=says, **{"number": NUMBER, **options})
        running.append(phone)
        return phone

    yield start
    for phone in running:
        phone.close()


def put_file(system: Trunks, name: str, seed: int, seconds: float) -> FileSource:
    """A prompt the server can fetch."""
    system.webhook.files[f"/{name}"] = wav(babble(seed, seconds, PROMPT_RATE), PROMPT_RATE)
    return FileSource(url=f"{system.webhook.url}/{name}")


def prompt(seed: int, seconds: float) -> Any:
    """The same as a phone should hear it."""
    return narrow(babble(seed, seconds, PROMPT_RATE), PROMPT_RATE)


def call_app(system: Trunks, phone: Baresip, uri_end: str = "") -> CallConnectionClient:
    """Let the phone call the app, which answers."""
    client = system.client()
    phone.command("dial", system.dial + uri_end)
    incoming = system.webhook.incoming.get(timeout=10)
    answered = client.answer_call(incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")
    phone.wait("CALL_ESTABLISHED")
    system.webhook.wait("CallConnected")
    return client.get_call_connection(answered.call_connection_id)


def hang_up(system: Trunks, phone: Baresip) -> None:
    phone.command("hangup")
    phone.wait("CALL_CLOSED")
    system.webhook.wait("CallDisconnected")


def play(system: Trunks, call: CallConnectionClient, source: FileSource, context: str) -> None:
    """Play to the end."""
    call.play_media(source, operation_context=context)
    system.webhook.wait("PlayCompleted", operationContext=context)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
def test_a_prompt_is_heard(system: Trunks, baresip: Phone, codec: str, transport: str) -> None:
    phone = baresip(codecs=codec)
    call = call_app(system, phone, f";transport={transport}")
    play(system, call, put_file(system, "prompt.wav", 11, 2), "prompt")
    hang_up(system, phone)
    assert likeness(prompt(11, 2), phone.heard()) > ALIKE
    assert likeness(prompt(12, 2), phone.heard()) < UNLIKE


def test_two_phones_hear_each_other(system: Trunks, baresip: Phone) -> None:
    """One calls the app, which redirects it to the other; they speak different codecs."""
    callee = baresip(
        2, codecs="pcma", answers=True, port=system.ports["baresip"], number=system.number("baresip")
    )
    caller = baresip(1, codecs="pcmu")
    caller.command("dial", system.dial)
    incoming = system.webhook.incoming.get(timeout=10)
    system.client().redirect_call(
        incoming["incomingCallContext"], PhoneNumberIdentifier(system.number("baresip"))
    )
    callee.wait("CALL_ESTABLISHED")
    caller.wait("CALL_ESTABLISHED")
    caller.listen(5)
    caller.command("hangup")
    caller.wait("CALL_CLOSED")
    callee.wait("CALL_CLOSED")
    assert likeness(said(2), caller.heard()) > ALIKE
    assert likeness(said(1), callee.heard()) > ALIKE
    assert likeness(said(1), caller.heard()) < UNLIKE, "the caller hears itself"
    assert likeness(said(2), callee.heard()) < UNLIKE, "the callee hears itself"


def said(seed: int) -> Any:
    """Two seconds out of what a phone says, after it has surely been connected."""
    return babble(seed, 30)[2 * 8000 : 4 * 8000]


def test_three_in_a_group_call_hear_each_other(system: Trunks, baresip: Phone) -> None:
    """The app calls two phones at once and plays to both; each hears the other and the prompt."""
    numbers = [system.number("baresip"), system.number("second")]
    phones = [
        baresip(seed, answers=True, port=system.ports[trunk], number=number)
        for seed, trunk, number in zip((3, 4), ("baresip", "second"), numbers, strict=True)
    ]
    created = system.client().create_call(
        [PhoneNumberIdentifier(number) for number in numbers],
        f"{system.webhook.url}/callbacks",
        source_caller_id_number=PhoneNumberIdentifier(system.dial[4:].partition("@")[0]),
    )
    for phone in phones:
        phone.wait("CALL_ESTABLISHED")
    call = system.client().get_call_connection(created.call_connection_id)
    wanted = {f"4:{number}" for number in numbers}
    system.webhook.wait_for(
        lambda name, data: (
            name == "ParticipantsUpdated"
            and {one["identifier"]["rawId"] for one in data["participants"]} >= wanted
        )
    )
    phones[0].listen(5)
    play(system, call, put_file(system, "all.wav", 13, 2), "all")
    call.hang_up(is_for_everyone=True)
    for phone in phones:
        phone.wait("CALL_CLOSED")
    first, second = (phone.heard() for phone in phones)
    assert likeness(said(4), first) > ALIKE
    assert likeness(said(3), second) > ALIKE
    # The prompt is mixed with what the other says, at the same level.
    assert likeness(prompt(13, 2), first) > 0.6
    assert likeness(prompt(13, 2), second) > 0.6


def test_a_call_to_a_user_is_redirected_to_a_phone(system: Trunks, baresip: Phone) -> None:
    """An app calls a user; the user's app redirects to a number; the phone there hears the first app."""
    number = system.number("baresip")
    phone = baresip(5, answers=True, port=system.ports["baresip"], number=number)
    client = system.client()
    created = client.create_call(
        CommunicationUserIdentifier(f"8:acs:{RESOURCE_ID}_{uuid.uuid4()}"), f"{system.webhook.url}/callbacks"
    )
    incoming = system.webhook.incoming.get(timeout=10)
    client.redirect_call(incoming["incomingCallContext"], PhoneNumberIdentifier(number))
    phone.wait("CALL_ESTABLISHED")
    system.webhook.wait("CallConnected")
    call = client.get_call_connection(created.call_connection_id)
    assert f"4:{number}" in {one.identifier.raw_id for one in call.list_participants()}
    play(system, call, put_file(system, "redirected.wav", 19, 2), "redirected")
    hang_up(system, phone)
    assert system.webhook.wait("CallDisconnected")["resultInformation"]["subCode"] == 560000
    assert likeness(prompt(19, 2), phone.heard()) > ALIKE


def test_keys_both_ways(system: Trunks, baresip: Phone) -> None:
    phone = baresip()
    call = call_app(system, phone)
    call.start_continuous_dtmf_recognition(CALLER, operation_context="listen")
    phone.press("1#*05A")
    for sequence_id, tone in enumerate(["one", "pound", "asterisk", "zero", "five", "a"], 1):
        event = system.webhook.wait("ContinuousDtmfRecognitionToneReceived", sequenceId=sequence_id)
        assert event["tone"] == tone
    tones = [DtmfTone.NINE, DtmfTone.NINE, DtmfTone.POUND, DtmfTone.ASTERISK, DtmfTone.D]
    call.send_dtmf_tones(tones, CALLER, operation_context="send")
    system.webhook.wait("SendDtmfTonesCompleted", operationContext="send")
    phone.wait("CALL_DTMF_START", param="D")
    hang_up(system, phone)
    assert phone.digits == "99#*D"
    assert system.webhook.names().count("ContinuousDtmfRecognitionToneReceived") == 6


def test_the_app_holds_with_music(system: Trunks, baresip: Phone) -> None:
    phone = baresip()
    call = call_app(system, phone)
    call.hold(CALLER, play_source=put_file(system, "music.wav", 14, 1), operation_context="hold")
    system.webhook.wait("PlayStarted", operationContext="hold")
    phone.listen(3.5)
    call.unhold(CALLER)
    system.webhook.wait("PlayCanceled", operationContext="hold")
    play(system, call, put_file(system, "after.wav", 15, 2), "after")
    hang_up(system, phone)
    heard = phone.heard()
    twice = np.tile(babble(14, 1, PROMPT_RATE), 2)
    assert likeness(narrow(twice, PROMPT_RATE), heard) > ALIKE, "the music is not looped"
    assert likeness(prompt(15, 2), heard) > ALIKE
    # Nothing of the music is under the prompt.
    assert likeness(prompt(14, 1)[:4000], heard[-2 * 8000 :]) < UNLIKE


def test_the_phone_holds_and_resumes(system: Trunks, baresip: Phone) -> None:
    """baresip sends re-INVITEs with sendonly and with sendrecv; the call and its operations go on.

    baresip's recording ends with its first hold for good, so that keys show that it hears us again.
    """
    phone = baresip()
    call = call_app(system, phone)
    call.start_continuous_dtmf_recognition(CALLER)
    play(system, call, put_file(system, "before.wav", 16, 1), "before")
    phone.command("hold")
    phone.listen(0.5)
    play(system, call, put_file(system, "during.wav", 17, 1), "during")
    phone.command("resume")
    phone.listen(0.5)
    assert call.get_call_properties().call_connection_state == "connected"
    call.send_dtmf_tones([DtmfTone.FOUR, DtmfTone.TWO], CALLER, operation_context="again")
    system.webhook.wait("SendDtmfTonesCompleted", operationContext="again")
    phone.wait("CALL_DTMF_START", param="2")
    phone.press("7")
    assert system.webhook.wait("ContinuousDtmfRecognitionToneReceived")["tone"] == "seven"
    hang_up(system, phone)
    assert phone.digits == "42"
    heard = phone.heard()
    assert likeness(prompt(16, 1), heard) > ALIKE
    assert likeness(prompt(17, 1), heard) < UNLIKE
