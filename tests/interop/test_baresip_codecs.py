"""Every codec with baresip, plain and encrypted: what either side says is what the other hears, and keys."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from azure.communication.callautomation import (
    CallConnectionClient,
    DtmfTone,
    FileSource,
    PhoneNumberIdentifier,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
)
from baresip_phone import Baresip
from listening import RATE, Samples, babble, likeness, wav
from system.harness import NUMBER, Server, Webhook
from trunk_ports import Trunks, quiet_port

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("baresip") is None, reason="needs baresip: apt-get install baresip-core"),
]
CALLER = "+14255550177"
ALIKE = 0.9
UNLIKE = 0.3
WIDE = 16_000
TALK = 6800
"""The highest frequency of wideband speech here, in Hz: near the end of what 16 kHz carry."""

# baresip's name of the codec, its sample rate, whether baresip has telephone-event at its clock
CODECS = {
    "pcmu": ("pcmu", RATE, True),
    "pcma": ("pcma", RATE, True),
    "g722": ("g722", WIDE, True),
    "opus": ("opus/48000/2", WIDE, False),
    "l16": ("L16/16000/1", WIDE, False),
}
SPEAKER = 5
Phone = Callable[..., Baresip]


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trunks]:
    """A server that speaks everything with everybody; one of its trunks insists on SRTP."""
    folder = tmp_path_factory.mktemp("media")
    ports = {"optional": quiet_port(), "required": quiet_port()}
    numbers = {"optional": "+1206555", "required": "+1207555"}
    every = '["PCMU", "PCMA", "G722", "opus", "L16/16000", "L16"]'
    lines = []
    for name, port in ports.items():
        lines += ["[[trunk]]", f'name = "{name}"', f'targets = ["127.0.0.1:{port}"]']
        lines += [f"codecs = {every}", f'srtp = "{name}"']
        lines += ["[[route]]", f"pattern = '\\{numbers[name]}\\d{{4}}'", f'trunk = "{name}"']
    webhook = Webhook()
    try:
        with Server(folder, webhook, "\n".join(lines) + "\n") as server:
            yield Trunks(server, webhook, "", Path(), ports)
    finally:
        webhook.close()


@pytest.fixture
def system(media: Trunks) -> Iterator[Trunks]:
    media.webhook.forget()
    yield media
    media.webhook.on_incoming = media.webhook.on_event = None


@pytest.fixture
def baresip(tmp_path: Path) -> Iterator[Phone]:
    """Starts phones for a codec, which say speech of :data:`SPEAKER`."""
    running: list[Baresip] = []

    def start(codec: str, **options: Any) -> Baresip:
        name, rate, _ = CODECS[codec]
        says = tmp_path / "says.wav"
        says.write_bytes(wav(speech(codec, SPEAKER, 30), rate))
        settings = {"number": CALLER, "codecs": name, "rate": rate, **options}
        phone = Baresip(tmp_path / "phone", says=says, **settings)
        running.append(phone)
        return phone

    yield start
    for phone in running:
        phone.close()


def speech(codec: str, seed: int, seconds: float) -> Samples:
    """Speech that fills the band of a codec, at its sample rate."""
    rate = CODECS[codec][1]
    return babble(seed, seconds, rate, TALK if rate == WIDE else 3000)


def prompt(system: Trunks, codec: str, seed: int) -> FileSource:
    """Two seconds of it where the server can fetch them."""
    wide = soxr.resample(speech(codec, seed, 2), CODECS[codec][1], WIDE)
    system.webhook.files[f"/prompt{seed}.wav"] = wav(wide, WIDE)
    return FileSource(url=f"{system.webhook.url}/prompt{seed}.wav")


def recorded(system: Trunks, connection: str, phone: Baresip, seconds: float) -> Samples:
    """What is said in a call for some seconds, as a recording keeps it, at the phone's rate."""
    client = system.client()
    recordings = system.server.folder / "state" / "recordings"
    before = set(recordings.iterdir()) if recordings.exists() else set()
    recording = client.start_recording(
        call_connection_id=connection,
        recording_content_type=RecordingContent.AUDIO,
        recording_channel_type=RecordingChannel.MIXED,
        recording_format_type=RecordingFormat.WAV,
        recording_state_callback_url=f"{system.webhook.url}/recording",
    )
    system.webhook.wait("RecordingStateChanged", state="active")
    phone.listen(seconds)
    client.stop_recording(str(recording.recording_id))
    (folder,) = set(recordings.iterdir()) - before
    deadline = time.monotonic() + 10
    while not (folder / "metadata.json").exists():
        assert time.monotonic() < deadline, "the recording is not ready within 10 s"
        phone.listen(0.05)
    samples, rate = soundfile.read(folder / "audio.wav", dtype="float64")
    return np.asarray(soxr.resample(samples, rate, phone.rate))


def check_call(system: Trunks, phone: Baresip, call: CallConnectionClient, codec: str, seed: int) -> None:
    """Listen to the phone, play to it, exchange keys, and hang up."""
    connection = call.get_call_properties().call_connection_id
    assert connection is not None
    heard = recorded(system, connection, phone, 4)
    call.play_media(prompt(system, codec, seed), operation_context="prompt")
    system.webhook.wait("PlayCompleted", operationContext="prompt")
    other = PhoneNumberIdentifier(phone.number)
    if CODECS[codec][2]:
        call.start_continuous_dtmf_recognition(other, operation_context="listen")
        phone.press("1#5")
        for number, tone in enumerate(["one", "pound", "five"], 1):
            event = system.webhook.wait("ContinuousDtmfRecognitionToneReceived", sequenceId=number)
            assert event["tone"] == tone
        tones = [DtmfTone.NINE, DtmfTone.NINE, DtmfTone.ASTERISK]
        call.send_dtmf_tones(tones, other, operation_context="send")
        system.webhook.wait("SendDtmfTonesCompleted", operationContext="send")
        phone.wait("CALL_DTMF_START", param="*")
        assert phone.digits == "99*"
    phone.command("hangup")
    phone.wait("CALL_CLOSED")
    system.webhook.wait("CallDisconnected")

    theirs, ours = speech(codec, SPEAKER, 30), speech(codec, seed, 2)
    middle = heard[phone.rate : 3 * phone.rate]
    assert likeness(middle, theirs, phone.rate) > ALIKE, "we do not hear what the phone says"
    assert likeness(ours, phone.heard(), phone.rate) > ALIKE, "the phone does not hear what we play"
    assert likeness(ours, heard, phone.rate) < UNLIKE
    assert likeness(speech(codec, seed + 1, 2), phone.heard(), phone.rate) < UNLIKE


@pytest.mark.parametrize("encryption", ["", "srtp", "srtp-mand"])
@pytest.mark.parametrize("codec", CODECS)
def test_a_phone_calls(system: Trunks, baresip: Phone, codec: str, encryption: str) -> None:
    phone = baresip(codec, encryption=encryption)
    client = system.client()
    phone.command("dial", system.dial)
    incoming = system.webhook.incoming.get(timeout=10)
    answered = client.answer_call(incoming["incomingCallContext"], f"{system.webhook.url}/callbacks")
    phone.wait("CALL_ESTABLISHED")
    system.webhook.wait("CallConnected")
    call = client.get_call_connection(answered.call_connection_id)
    check_call(system, phone, call, codec, 11)
    assert ("SRTP" in phone.log() or "srtp" in phone.log()) is bool(encryption)


@pytest.mark.parametrize(
    ("trunk", "encryption"),
    [("optional", ""), ("optional", "srtp"), ("required", "srtp-mand")],
)
@pytest.mark.parametrize("codec", ["pcmu", "g722", "opus"])
def test_a_phone_is_called(system: Trunks, baresip: Phone, codec: str, trunk: str, encryption: str) -> None:
    number = {"optional": "+12065550199", "required": "+12075550199"}[trunk]
    phone = baresip(codec, encryption=encryption, answers=True, port=system.ports[trunk], number=number)
    client = system.client()
    created = client.create_call(
        PhoneNumberIdentifier(number),
        f"{system.webhook.url}/callbacks",
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
    )
    phone.wait("CALL_ESTABLISHED")
    system.webhook.wait("CallConnected")
    check_call(system, phone, client.get_call_connection(str(created.call_connection_id)), codec, 13)


def test_a_plain_phone_is_refused_where_srtp_is_required(system: Trunks, baresip: Phone) -> None:
    number = "+12075550199"
    baresip("pcmu", answers=True, port=system.ports["required"], number=number)
    system.client().create_call(
        PhoneNumberIdentifier(number),
        f"{system.webhook.url}/callbacks",
        source_caller_id_number=PhoneNumberIdentifier(NUMBER),
    )
    failed = system.webhook.wait("CreateCallFailed")
    assert failed["resultInformation"]["code"] == 488
