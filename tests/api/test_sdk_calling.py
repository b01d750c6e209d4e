"""The official Call Automation SDK for Python, unmodified, over a real socket."""

from __future__ import annotations

import uuid

import pytest
import requests
from api.edge import CONNECTION, CORRELATION
from azure.communication.callautomation import (
    CallAutomationClient,
    CallConnectionState,
    CommunicationUserIdentifier,
    DtmfTone,
    FileSource,
    PhoneNumberIdentifier,
    RecognizeInputType,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
)

from hookflash.calls import commands
from hookflash.config import DEVELOPMENT_ACCESS_KEY, DEVELOPMENT_RESOURCE_ID
from hookflash.wire.results import Refusal

PHONE = PhoneNumberIdentifier("+14255550123")
CALLBACK = "https://app.example.org/cb"
PROMPT = FileSource("https://example.org/prompt.wav")


@pytest.fixture
def client(live):
    return CallAutomationClient(live.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))


@pytest.fixture
def call(client):
    return client.get_call_connection(CONNECTION)


def last(live):
    command = live.engine.commands[-1]
    assert command.resource == DEVELOPMENT_RESOURCE_ID
    assert command.version == "2026-03-12"
    return command


def test_create_call(client, live):
    made = client.create_call(
        PHONE,
        CALLBACK,
        source_caller_id_number=PhoneNumberIdentifier("+18005550100"),
        operation_context="ctx",
    )
    assert made.call_connection_id == CONNECTION
    assert made.call_connection_state == CallConnectionState.CONNECTED
    assert made.correlation_id == CORRELATION
    request = last(live).request
    assert request.callback_uri == CALLBACK
    assert request.targets[0].phone_number.value == "+14255550123"
    assert request.source_caller_id_number.value == "+18005550100"
    assert request.operation_context == "ctx"


def test_create_group_call(client, live):
    users = [CommunicationUserIdentifier("8:acs:a_b"), CommunicationUserIdentifier("8:acs:a_c")]
    client.create_call(users, CALLBACK)
    assert len(last(live).request.targets) == 2


def test_answer_call(client, live):
    answered = client.answer_call("context", CALLBACK)
    assert answered.call_connection_id == CONNECTION
    assert last(live).request.incoming_call_context == "context"


def test_redirect_call(client, live):
    client.redirect_call("context", PHONE)
    assert isinstance(last(live), commands.RedirectCall)


def test_reject_call(client, live):
    client.reject_call("context", call_reject_reason="busy")
    assert last(live).request.reason.value == "busy"


def test_get_call(call, live):
    assert call.get_call_properties().call_connection_id == CONNECTION
    assert last(live) == commands.GetCall(DEVELOPMENT_RESOURCE_ID, "2026-03-12", CONNECTION)


def test_hang_up_own_leg(call, live):
    call.hang_up(is_for_everyone=False)
    assert isinstance(last(live), commands.HangUp)


def test_terminate(call, live):
    call.hang_up(is_for_everyone=True)
    assert isinstance(last(live), commands.Terminate)


def test_list_participants(call, live):
    [participant] = call.list_participants()
    assert participant.identifier.raw_id == "4:+14255550123"
    assert isinstance(last(live), commands.ListParticipants)


def test_get_participant(call, live):
    assert call.get_participant(PHONE).identifier.raw_id == "4:+14255550123"
    assert last(live).participant == "4:+14255550123"


def test_play_to_one_and_to_all(call, live):
    call.play_media([PROMPT], [PHONE], loop=True, operation_context="ctx")
    request = last(live).request
    assert request.loop
    assert request.play_sources[0].file.uri == "https://example.org/prompt.wav"
    assert request.play_to[0].phone_number.value == "+14255550123"
    call.play_media([PROMPT])
    assert not last(live).request.play_to


def test_recognize(call, live):
    call.start_recognizing_media(
        RecognizeInputType.DTMF,
        PHONE,
        play_prompt=PROMPT,
        dtmf_max_tones_to_collect=3,
        dtmf_stop_tones=[DtmfTone.POUND],
        interrupt_prompt=True,
    )
    options = last(live).request.recognize_options
    assert options.dtmf_options.max_tones_to_collect == 3
    assert [tone.value for tone in options.dtmf_options.stop_tones] == ["pound"]


def test_cancel_all_media_operations(call, live):
    call.cancel_all_media_operations()
    assert isinstance(last(live), commands.CancelAllMedia)


def test_continuous_dtmf(call, live):
    call.start_continuous_dtmf_recognition(PHONE, operation_context="ctx")
    assert isinstance(last(live), commands.StartContinuousDtmf)
    call.stop_continuous_dtmf_recognition(PHONE, operation_context="ctx")
    assert isinstance(last(live), commands.StopContinuousDtmf)


def test_send_dtmf_tones(call, live):
    sent = call.send_dtmf_tones([DtmfTone.ONE, DtmfTone.POUND], PHONE, operation_context="ctx")
    assert sent.operation_context == "ctx"
    assert last(live).request.digits == "1#"


def test_hold_and_unhold(call, live):
    call.hold(PHONE, play_source=PROMPT, operation_context="ctx")
    assert last(live).request.play_source_info.file.uri == "https://example.org/prompt.wav"
    call.hold(PHONE)
    assert last(live).request.play_source_info is None
    call.unhold(PHONE)
    assert isinstance(last(live), commands.Unhold)


def test_an_unknown_call_is_resource_not_found(client):
    with pytest.raises(ResourceNotFoundError, match="8522"):
        client.get_call_connection(str(uuid.uuid4())).get_call_properties()


def test_a_wrong_key_is_an_authentication_error(live):
    wrong = AzureKeyCredential("d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3Jvbmcga2V5")
    client = CallAutomationClient(live.url, wrong)
    with pytest.raises(ClientAuthenticationError, match="7509"):
        client.get_call_connection(CONNECTION).get_call_properties()


def test_a_refusal_reaches_the_app_with_code_and_message(call, live):
    live.engine.trouble = Refusal(412, 8583, "Recognize is running.")
    with pytest.raises(HttpResponseError) as caught:
        call.play_media([PROMPT])
    assert caught.value.status_code == 412
    assert caught.value.error.code == "8583"
    assert "Recognize is running." in caught.value.message


def test_a_retry_after_a_fault_runs_the_operation_again(live):
    client = CallAutomationClient(
        live.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY), retry_backoff_factor=0
    )
    live.engine.trouble = RuntimeError("once")
    assert (
        client.create_call(CommunicationUserIdentifier("8:acs:a_b"), CALLBACK).call_connection_id
        == CONNECTION
    )
    assert len(live.engine.commands) == 2


def test_a_body_of_ten_megabytes_is_refused_and_the_next_request_works(live, call):
    refused = requests.post(
        f"{live.url}/calling/callConnections?api-version=2026-03-12",
        data=b"x" * (10 << 20),
        headers={"content-type": "application/json"},
        timeout=10,
    )
    assert refused.status_code == 413
    assert refused.json()["error"]["code"] == "RequestBodyTooLarge"
    call.get_call_properties()


def test_a_body_of_ten_megabytes_in_chunks_is_refused(live):
    refused = requests.post(
        f"{live.url}/calling/callConnections?api-version=2026-03-12",
        data=iter([b"x" * (1 << 20)] * 10),
        timeout=10,
    )
    assert refused.status_code == 413


def test_what_every_answer_carries(live):
    answer = requests.get(f"{live.url}/calling/keys", headers={"x-ms-client-request-id": "me"}, timeout=10)
    assert answer.headers["x-ms-client-request-id"] == "me"
    assert answer.headers["date"].endswith("GMT")
    assert "server" not in answer.headers
    head = requests.head(f"{live.url}/calling/keys", timeout=10)
    assert (head.status_code, head.content) == (405, b"")
