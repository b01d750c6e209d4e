"""What the official Python SDK really sends: every call it has, captured, verified, decoded and answered."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from azure.communication.callautomation import (
    AudioFormat,
    AzureBlobContainerRecordingStorage,
    CallAutomationClient,
    CallConnectionClient,
    ChannelAffinity,
    CommunicationUserIdentifier,
    DtmfTone,
    FileSource,
    MediaStreamingAudioChannelType,
    MediaStreamingContentType,
    MediaStreamingOptions,
    MicrosoftTeamsUserIdentifier,
    PhoneNumberIdentifier,
    RecognitionChoice,
    RecognizeInputType,
    RecordingChannel,
    RecordingContent,
    RecordingFormat,
    SsmlSource,
    StreamingTransportType,
    TextSource,
    TranscriptionOptions,
)
from azure.communication.identity import CommunicationIdentityClient, CommunicationTokenScope
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.transport import RequestsTransport
from requests import Response, Session
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from hookflash.wire import identity, requests, responses
from hookflash.wire.decoding import decode
from hookflash.wire.enums import CallConnectionState, RecordingState, Tone
from hookflash.wire.enums import RecognizeInputType as InputType
from hookflash.wire.hmac import AccessKey, Verifier, decode_key
from hookflash.wire.identifiers import Identifier
from hookflash.wire.operations import BY_NAME, OPERATIONS, Operation
from hookflash.wire.repeatability import repeatability
from hookflash.wire.timestamps import parse_imf_fixdate

KEY = base64.b64encode(b"k" * 32).decode()
ENDPOINT = "http://127.0.0.1:8080"
PHONE = PhoneNumberIdentifier("+14255550123")
USER = CommunicationUserIdentifier(
    "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-0a94-7987-ac46-04bd456051a5"
)
TEAMS = MicrosoftTeamsUserIdentifier("0dd0c4a8-6d9d-4c0e-8c4f-7a9f1f3d2c11")
CALLER = PhoneNumberIdentifier("+18005550100")
CALLBACK = "https://app.example.org/cb"
CCID = "2c006980-8ef1-46c2-84fa-357fefac0893"
FILE = FileSource("https://x.example.org/a.wav", play_source_cache_id="a")

PROPERTIES = responses.CallConnectionProperties(
    CCID,
    CallConnectionState.CONNECTING,
    CALLBACK,
    server_call_id="aGk=",
    targets=[Identifier.phone("+14255550123").to_model()],
    source=Identifier.user("8:acs:a_b").to_model(),
    correlation_id="c",
)
PARTICIPANT = responses.CallParticipant(Identifier.phone("+14255550123").to_model(), False, False)
ANSWERS: dict[str, msgspec.Struct] = {
    "createCall": PROPERTIES,
    "answerCall": PROPERTIES,
    "connect": PROPERTIES,
    "getCall": PROPERTIES,
    "getParticipants": responses.GetParticipantsResponse([PARTICIPANT]),
    "getParticipant": PARTICIPANT,
    "addParticipant": responses.AddParticipantResponse(PARTICIPANT, "i", "ctx"),
    "cancelAddParticipant": responses.CancelAddParticipantResponse("i"),
    "moveParticipants": responses.MoveParticipantsResponse([PARTICIPANT], "other"),
    "startRecording": responses.RecordingStateResponse("rec", RecordingState.ACTIVE),
    "getRecordingState": responses.RecordingStateResponse("rec", RecordingState.ACTIVE),
    "createIdentity": identity.CreateIdentityResponse(
        identity.CommunicationIdentity("8:acs:a_b"),
        identity.CommunicationAccessToken("t", "2026-06-14T19:10:07.1802851+00:00"),
    ),
    "issueAccessToken": identity.CommunicationAccessToken("t", "2026-06-14T19:10:07.1802851+00:00"),
}


def matches(operation: Operation, method: str, path: str) -> bool:
    template, given = operation.path.split("/"), path.split("/")
    if operation.method != method or len(template) != len(given):
        return False
    for wanted, got in zip(template, given, strict=True):
        name, brace, verb = wanted.partition("}")
        if not brace:
            if wanted != got:
                return False
        elif name.startswith("{"):
            body, _, tail = got.partition(":")
            if not body or (":" + tail if tail else "") != verb:
                return False
    return True


class Recorder(HTTPAdapter):
    """Verifies, decodes and answers in place of a server; keeps what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, Any]] = []
        self.verifier = Verifier([AccessKey("r", decode_key(KEY))])

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers["host"] = urlsplit(request.url).netloc
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        now = parse_imf_fixdate(headers["x-ms-date"])
        assert now is not None
        self.verifier.verify(request.method, request.path_url, headers, body, now)
        path = urlsplit(request.path_url).path
        (operation,) = [op for op in BY_NAME.values() if matches(op, request.method, path)]
        repeats = repeatability(
            headers.get("repeatability-request-id"), headers.get("repeatability-first-sent")
        )
        assert (repeats is not None) is (operation.repeatable), operation.name
        self.seen.append(
            (operation.name, decode(operation.request, body) if operation.request else unquote(path))
        )
        answer = ANSWERS.get(operation.name)
        if answer is None and operation.response is responses.OperationResponse:
            answer = responses.OperationResponse("ctx")
        raw = HTTPResponse(
            BytesIO(msgspec.json.encode(answer) if answer is not None else b""),
            headers={"Content-Type": "application/json"},
            status=operation.status,
            preload_content=False,
        )
        return self.build_response(request, raw)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def client(recorder: Recorder) -> CallAutomationClient:
    session = Session()
    session.mount("http://", recorder)
    transport = RequestsTransport(session=session, session_owner=False)
    return CallAutomationClient(ENDPOINT, AzureKeyCredential(KEY), transport=transport)


STREAMING = MediaStreamingOptions(
    transport_url="wss://x.example.org/audio",
    transport_type=StreamingTransportType.WEBSOCKET,
    content_type=MediaStreamingContentType.AUDIO,
    audio_channel_type=MediaStreamingAudioChannelType.UNMIXED,
    start_media_streaming=True,
    enable_bidirectional=True,
    audio_format=AudioFormat.PCM24_K_MONO,
    enable_dtmf_tones=True,
)
TRANSCRIPTION = TranscriptionOptions(
    transport_url="wss://x.example.org/text",
    transport_type=StreamingTransportType.WEBSOCKET,
    locale="en-US",
    start_transcription=False,
)

CLIENT_CALLS: dict[str, Callable[[CallAutomationClient], Any]] = {
    "createCall": lambda c: c.create_call(
        [PHONE, USER, TEAMS],
        CALLBACK,
        source_caller_id_number=CALLER,
        source_display_name="Shop",
        operation_context="ctx",
        cognitive_services_endpoint="https://speech.example.org",
        media_streaming=STREAMING,
        transcription=TRANSCRIPTION,
    ),
    "answerCall": lambda c: c.answer_call(
        "a.b.", CALLBACK, operation_context="ctx", media_streaming=STREAMING
    ),
    "redirectCall": lambda c: c.redirect_call("a.b.", USER),
    "rejectCall": lambda c: c.reject_call("a.b.", call_reject_reason="busy"),
    "connect": lambda c: c.connect_call(CALLBACK, server_call_id="aGk="),
    "startRecording": lambda c: c.start_recording(
        server_call_id="aGk=",
        recording_state_callback_url=CALLBACK,
        recording_content_type=RecordingContent.AUDIO,
        recording_channel_type=RecordingChannel.UNMIXED,
        recording_format_type=RecordingFormat.WAV,
        audio_channel_participant_ordering=[PHONE, USER],
        channel_affinity=[ChannelAffinity(target_participant=PHONE, channel=0)],
        recording_storage=AzureBlobContainerRecordingStorage("https://b.example.org/c"),
        pause_on_start=True,
    ),
    "getRecordingState": lambda c: c.get_recording_properties("rec"),
    "pauseRecording": lambda c: c.pause_recording("rec"),
    "resumeRecording": lambda c: c.resume_recording("rec"),
    "stopRecording": lambda c: c.stop_recording("rec"),
}
SIP = {"User-To-User": "u", "X-MS-Custom-dept": "billing"}
CALL_CALLS: dict[str, Callable[[CallConnectionClient], Any]] = {
    "getCall": lambda c: c.get_call_properties(),
    "hangupCall": lambda c: c.hang_up(False),
    "terminateCall": lambda c: c.hang_up(True),
    "transferToParticipant": lambda c: c.transfer_call_to_participant(
        PHONE,
        transferee=USER,
        sip_headers=SIP,
        source_caller_id_number=CALLER,
        operation_callback_url=CALLBACK,
    ),
    "getParticipants": lambda c: list(c.list_participants()),
    "getParticipant": lambda c: c.get_participant(PHONE),
    "addParticipant": lambda c: c.add_participant(
        PHONE, source_caller_id_number=CALLER, invitation_timeout=30, sip_headers=SIP, voip_headers={"a": "b"}
    ),
    "removeParticipant": lambda c: c.remove_participant(USER),
    "muteParticipants": lambda c: c.mute_participant(USER),
    "cancelAddParticipant": lambda c: c.cancel_add_participant_operation("i"),
    "moveParticipants": lambda c: c.move_participants([PHONE], "other"),
    "play": lambda c: c.play_media(
        [FILE, TextSource(text="hi", voice_name="en-US-JennyNeural"), SsmlSource(ssml_text="<speak/>")],
        [PHONE],
        loop=True,
    ),
    "recognize": lambda c: c.start_recognizing_media(
        RecognizeInputType.DTMF,
        PHONE,
        play_prompt=[FILE, FILE],
        interrupt_prompt=True,
        initial_silence_timeout=10,
        dtmf_inter_tone_timeout=5,
        dtmf_max_tones_to_collect=3,
        dtmf_stop_tones=[DtmfTone.POUND],
        operation_context="ctx",
    ),
    "cancelAllMediaOperations": lambda c: c.cancel_all_media_operations(),
    "startContinuousDtmfRecognition": lambda c: c.start_continuous_dtmf_recognition(
        PHONE, operation_context="x"
    ),
    "stopContinuousDtmfRecognition": lambda c: c.stop_continuous_dtmf_recognition(
        PHONE, operation_callback_url=CALLBACK
    ),
    "sendDtmfTones": lambda c: c.send_dtmf_tones([DtmfTone.ONE, "two", DtmfTone.ASTERISK], PHONE),
    "hold": lambda c: c.hold(PHONE, play_source=FILE, operation_context="ctx"),
    "unhold": lambda c: c.unhold(PHONE),
    "startMediaStreaming": lambda c: c.start_media_streaming(operation_context="ctx"),
    "stopMediaStreaming": lambda c: c.stop_media_streaming(),
    "startTranscription": lambda c: c.start_transcription(locale="en-US"),
    "stopTranscription": lambda c: c.stop_transcription(),
    "updateTranscription": lambda c: c.update_transcription(locale="de-DE"),
}


def test_the_calls_cover_the_whole_surface() -> None:
    assert set(CLIENT_CALLS) | set(CALL_CALLS) == {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize("name", sorted(CLIENT_CALLS))
def test_client(name: str, client: CallAutomationClient, recorder: Recorder) -> None:
    CLIENT_CALLS[name](client)
    assert [seen for seen, _ in recorder.seen] == [name]


@pytest.mark.parametrize("name", sorted(CALL_CALLS))
def test_call_connection(name: str, client: CallAutomationClient, recorder: Recorder) -> None:
    CALL_CALLS[name](client.get_call_connection(CCID))
    assert [seen for seen, _ in recorder.seen] == [name]


def test_what_arrives_is_what_was_meant(client: CallAutomationClient, recorder: Recorder) -> None:
    call = client.get_call_connection(CCID)
    for name in ("recognize", "sendDtmfTones", "addParticipant", "play", "getParticipant"):
        CALL_CALLS[name](call)
    recognize, tones, added, play, path = [model for _, model in recorder.seen]
    assert recognize.recognize_input_type is InputType.DTMF
    assert recognize.recognize_options.dtmf_options == requests.DtmfOptions(5, 3, [Tone.POUND])
    assert recognize.recognize_options.initial_silence_timeout_in_seconds == 10
    assert len(recognize.prompts) == 2
    assert tones.digits == "12*"
    assert added.custom_calling_context.sip_headers == SIP
    assert added.invitation_timeout_in_seconds == 30
    assert play.loop
    assert [Identifier.from_model(model) for model in play.play_to] == [Identifier.phone("+14255550123")]
    assert Identifier.phone("+14255550123").matches_raw(path.rpartition("/")[2])


def test_answers_are_read_by_the_sdk(client: CallAutomationClient) -> None:
    created = client.create_call(PHONE, CALLBACK, source_caller_id_number=CALLER)
    assert created.call_connection_id == CCID
    assert created.call_connection_state == "connecting"
    assert created.targets == [PHONE]
    call = client.get_call_connection(CCID)
    participant = call.get_participant(PHONE)
    assert participant.identifier == PHONE
    assert participant.is_on_hold is False
    assert call.send_dtmf_tones(["one"], PHONE).operation_context == "ctx"
    assert call.add_participant(USER).invitation_id == "i"


def test_speech_and_choices(client: CallAutomationClient, recorder: Recorder) -> None:
    call = client.get_call_connection(CCID)
    choices = [RecognitionChoice(label="yes", phrases=["yes", "sure"], tone=DtmfTone.ONE)]
    call.start_recognizing_media(RecognizeInputType.CHOICES, PHONE, choices=choices, play_prompt=FILE)
    call.start_recognizing_media(RecognizeInputType.SPEECH, PHONE, end_silence_timeout=1)
    call.start_recognizing_media(
        RecognizeInputType.SPEECH_OR_DTMF, PHONE, end_silence_timeout=1, dtmf_max_tones_to_collect=2
    )
    chosen, spoken, either = [model.recognize_options for _, model in recorder.seen]
    assert chosen.choices == [requests.RecognitionChoice("yes", ["yes", "sure"], Tone.ONE)]
    assert spoken.speech_options.end_silence_timeout_in_ms == 1000
    assert either.dtmf_options.max_tones_to_collect == 2


def test_identity_client(recorder: Recorder) -> None:
    session = Session()
    session.mount("http://", recorder)
    transport = RequestsTransport(session=session, session_owner=False)
    client = CommunicationIdentityClient(ENDPOINT, AzureKeyCredential(KEY), transport=transport)
    user, token = client.create_user_and_token([CommunicationTokenScope.VOIP])
    assert user.properties["id"] == "8:acs:a_b"
    assert token.token == "t"
    client.create_user()
    client.get_token(user, [CommunicationTokenScope.CHAT])
    client.revoke_tokens(user)
    client.delete_user(user)
    names = ["createIdentity", "createIdentity", "issueAccessToken", "revokeAccessTokens", "deleteIdentity"]
    assert [name for name, _ in recorder.seen] == names
