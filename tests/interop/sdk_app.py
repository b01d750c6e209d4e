"""The app of the interop tests: the official SDK, driven by the webhook."""

from __future__ import annotations

from typing import Any

from azure.communication.callautomation import (
    CallAutomationClient,
    DtmfTone,
    PhoneNumberIdentifier,
    RecognitionChoice,
    RecognizeInputType,
    TextSource,
)
from system.conftest import System

KEYS = dict(
    zip(
        "0123456789*#",
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "asterisk",
            "pound",
        ],
        strict=True,
    )
)
"""The contract's names of the keys (section 6)."""


class CollectingApp:
    """Answers every call and listens to the keys of its caller, by recognize and continuously.

    Args:
        tones: how many keys recognize asks for; "#" ends it early.
    """

    def __init__(self, system: System, tones: int) -> None:
        self._client: CallAutomationClient = system.client()
        self._callback = f"{system.webhook.url}/callbacks"
        self._webhook = system.webhook
        self._tones = tones
        self.failures: list[str] = []
        system.webhook.on_incoming = self._incoming
        system.webhook.on_event = self._event

    def _incoming(self, incoming: dict[str, Any]) -> None:
        caller = incoming["from"]["phoneNumber"]["value"]
        self._client.answer_call(incoming["incomingCallContext"], self._callback, operation_context=caller)

    def _event(self, name: str, event: dict[str, Any]) -> None:
        if name != "CallConnected":
            return
        data = event["data"]
        call = self._client.get_call_connection(data["callConnectionId"])
        caller = PhoneNumberIdentifier(data["operationContext"])
        call.start_continuous_dtmf_recognition(caller)
        call.start_recognizing_media(
            RecognizeInputType.DTMF,
            caller,
            dtmf_max_tones_to_collect=self._tones,
            dtmf_stop_tones=[DtmfTone.POUND],
            dtmf_inter_tone_timeout=10,
            initial_silence_timeout=20,
            operation_context="keys",
        )

    def heard(self, connection: str) -> str:
        """The keys of a call in the words of the contract, as they came one by one."""
        tones = [
            (event["data"]["sequenceId"], event["data"]["tone"])
            for event in self._webhook.events(connection)
            if event["type"].endswith("ContinuousDtmfRecognitionToneReceived")
        ]
        return spelled([tone for _, tone in sorted(tones)])

    def recognised(self, connection: str) -> str:
        """The keys that recognize collected in a call; empty when it did not complete."""
        for event in self._webhook.events(connection):
            if event["type"].endswith("RecognizeCompleted"):
                return spelled(event["data"]["dtmfResult"]["tones"])
        return ""


def spelled(tones: list[str]) -> str:
    """Keys for their names."""
    keys = {name: key for key, name in KEYS.items()}
    return "".join(keys[tone] for tone in tones)


class ConfirmingApp:
    """Answers every call, greets its caller, and asks for one of two words until it is said; then hangs up.

    A caller who says it over and over may be in the middle of it when the question begins.
    """

    GREETING = "Welcome to Contoso. Say confirm or cancel."
    ATTEMPTS = 6

    def __init__(self, system: System) -> None:
        self._client: CallAutomationClient = system.client()
        self._callback = f"{system.webhook.url}/callbacks"
        self._attempts: dict[str, int] = {}
        system.webhook.on_incoming = self._incoming
        system.webhook.on_event = self._event

    def _incoming(self, incoming: dict[str, Any]) -> None:
        caller = incoming["from"]["phoneNumber"]["value"]
        self._client.answer_call(
            incoming["incomingCallContext"],
            self._callback,
            operation_context=caller,
            cognitive_services_endpoint="https://speech.example.net/",
        )

    def _event(self, name: str, event: dict[str, Any]) -> None:
        data = event["data"]
        call = self._client.get_call_connection(data["callConnectionId"])
        caller = data.get("operationContext", "")
        if name == "CallConnected":
            greeting = TextSource(text=self.GREETING, voice_name="en-US-JennyNeural")
            call.play_media(greeting, operation_context=caller)
        elif name in ("PlayCompleted", "RecognizeFailed") and self._may_ask(data["callConnectionId"]):
            call.start_recognizing_media(
                RecognizeInputType.CHOICES,
                PhoneNumberIdentifier(caller),
                choices=[
                    RecognitionChoice(label="Confirm", phrases=["Confirm", "First"], tone=DtmfTone.ONE),
                    RecognitionChoice(label="Cancel", phrases=["Cancel", "Second"], tone=DtmfTone.TWO),
                ],
                initial_silence_timeout=20,
                operation_context=caller,
            )
        elif name in ("PlayFailed", "RecognizeCompleted", "RecognizeFailed"):
            call.hang_up(is_for_everyone=True)

    def _may_ask(self, connection: str) -> bool:
        self._attempts[connection] = self._attempts.get(connection, 0) + 1
        return self._attempts[connection] <= self.ATTEMPTS
