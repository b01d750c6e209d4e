"""A server whose only provider of speech beeps: texts can be heard, and nobody understands words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from azure.communication.callautomation import (
    CallAutomationClient,
    PhoneNumberIdentifier,
    RecognitionChoice,
    RecognizeInputType,
    TextSource,
)
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook, running

CALLER = PhoneNumberIdentifier("+14255550123")


@pytest.fixture(scope="module")
def beeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Webhook]]:
    yield from running(tmp_path_factory.mktemp("beeping"), '[[speech_provider]]\nkind = "beep"\n')


def test_texts_are_played_and_words_are_refused(beeping: tuple[Server, Webhook]) -> None:
    server, webhook = beeping
    handset = Handset()
    client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
    try:
        ringing = handset.start(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
        answered = client.answer_call(
            webhook.incoming.get(timeout=10)["incomingCallContext"],
            f"{webhook.url}/callbacks",
            cognitive_services_endpoint="https://speech.example.org/",
        )
        ringing.result(10)
        webhook.wait("CallConnected")
        assert answered.call_connection_id
        call = client.get_call_connection(answered.call_connection_id)
        call.play_media_to_all(TextSource(text="Hello there"), operation_context="beeps")
        assert webhook.wait("PlayCompleted", operationContext="beeps")["resultInformation"]["code"] == 200
        assert abs(handset.phone.audio.heard.astype(int)).max() > 1000
        call.start_recognizing_media(
            RecognizeInputType.SPEECH_OR_DTMF, CALLER, dtmf_max_tones_to_collect=2, operation_context="keys"
        )
        handset.play("press 42")
        pressed = webhook.wait("RecognizeCompleted", operationContext="keys")
        assert (pressed["recognitionType"], pressed["dtmfResult"]["tones"]) == ("dtmf", ["four", "two"])
        choices = [RecognitionChoice(label="Yes", phrases=["yes"])]
        with pytest.raises(HttpResponseError, match="provider") as refused:
            call.start_recognizing_media(RecognizeInputType.CHOICES, CALLER, choices=choices)
        assert refused.value.status_code == 400
        assert refused.value.error is not None
        assert refused.value.error.code == "8567"
        call.hang_up(is_for_everyone=True)
        webhook.wait("CallDisconnected")
    finally:
        handset.close()
