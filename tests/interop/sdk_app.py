"""The app of the interop tests: the official SDK, driven by the webhook."""

from __future__ import annotations

from typing import Any

from azure.communication.callautomation import (
    CallAutomationClient,
    DtmfTone,
    PhoneNumberIdentifier,
    RecognizeInputType,
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
