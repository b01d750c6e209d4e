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
SPECTRAL = {"opus": 0.6}
"""As :data:`ALIKE`, of codecs that keep the spectrum of noise rather than its course: through Opus alone, at
28 kbit/s, such noise is like itself by 0.78. Noise of another seed is by 0.12."""
WIDE = 16_000
TALK = 6800
"""The highest frequency of wideband speech here, in Hz: near the end of what 16 kHz carry."""

# baresip's name of the codec (one it does not know means all of them), our sample rate for it, and whether
# baresip has telephone-event at its RTP clock: it has only telephone-event/8000
CODECS = {
    "pcmu": ("PCMU/8000/1", RATE, True),
    "pcma": ("PCMA/8000/1", RATE, True),
    "g722": ("G722/16000/1", WIDE, True),
    "opus": ("opus/48000/1", WIDE, False),
    "l16": ("L16/16000/1", WIDE, False),
}
KEYS = {"1": (697, 1209), "#": (941, 1477), "5": (770, 1336), "9": (852, 1477), "*": (941, 1209)}
"""Their frequencies in Hz (ITU-T Q.23)."""
PRESSED_AT = 14
"""Seconds after the beginning of its call when a phone without telephone-events presses 1, # and 5."""
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
        line = speech(codec, SPEAKER, 30)
        if not CODECS[codec][2]:
            for number, key in enumerate("1#5"):
                press(line, key, rate, PRESSED_AT + number)
        says.write_bytes(wav(line, rate))
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


def press(line: Samples, key: str, rate: int, at: float) -> None:
    """A key of 150 ms in band, and silence about it."""
    t = np.arange(int(0.15 * rate)) / rate
    start = int(at * rate)
    line[start - len(t) : start + 2 * len(t)] = 0
    line[start : start + len(t)] = sum(0.2 * np.sin(2 * np.pi * hertz * t) for hertz in KEYS[key])


def keys_in(heard: Samples, rate: int) -> str:
    """The keys that are heard in band: nearly all of what sounds for 20 ms is two tones of a key."""
    size = rate // 50
    found, before = [], ""
    t = np.arange(size) / rate
    for frame in heard[: len(heard) // size * size].reshape(-1, size):
        energy = float(frame @ frame) * size / 2
        shares = {
            key: sum(abs(np.sum(frame * np.exp(-2j * np.pi * hertz * t))) ** 2 for hertz in pair) / energy
            for key, pair in KEYS.items()
            if energy > 1e-3 * size**2
        }
        key = max(shares, key=lambda key: shares[key], default="")
        key = key if key and shares[key] > 0.8 else ""
        if key and key != before:
            found.append(key)
        before = key
    return "".join(found)


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
    call.start_continuous_dtmf_recognition(other, operation_context="listen")
    if CODECS[codec][2]:
        phone.press("1#5")
    for number, tone in enumerate(["one", "pound", "five"], 1):
        event = system.webhook.wait("ContinuousDtmfRecognitionToneReceived", PRESSED_AT, sequenceId=number)
        assert event["tone"] == tone
    tones = [DtmfTone.NINE, DtmfTone.NINE, DtmfTone.ASTERISK]
    call.send_dtmf_tones(tones, other, operation_context="send")
    system.webhook.wait("SendDtmfTonesCompleted", operationContext="send")
    if CODECS[codec][2]:
        phone.wait("CALL_DTMF_START", param="*")
        assert phone.digits == "99*"
    else:
        phone.listen(0.3)
    phone.command("hangup")
    phone.wait("CALL_CLOSED")
    system.webhook.wait("CallDisconnected")

    name = CODECS[codec][0]
    assert phone.coders == [name.split("/")[0]] * 2
    if not CODECS[codec][2]:
        assert keys_in(phone.heard(), phone.rate) == "99*"
    theirs, ours = speech(codec, SPEAKER, 30), speech(codec, seed, 2)
    alike = SPECTRAL.get(codec, ALIKE)
    middle = heard[phone.rate : 3 * phone.rate]
    assert likeness(middle, theirs, phone.rate) > alike, "we do not hear what the phone says"
    assert likeness(ours, phone.heard(), phone.rate) > alike, "the phone does not hear what we play"
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
    assert phone.suites == ["AES_CM_128_HMAC_SHA1_80"] * bool(encryption)


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
    assert phone.suites == ["AES_CM_128_HMAC_SHA1_80"] * bool(encryption)


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
