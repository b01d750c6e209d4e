"""A call with an app that may speak and recognise, and what its phone hears of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from azure.communication.callautomation import CallAutomationClient, CallConnectionClient
from azure.core.credentials import AzureKeyCredential
from system.handset import Handset
from system.harness import ACCESS_KEY, NUMBER, Server, Webhook

LOUD = 300
"""Samples from here on are heard."""


@dataclass
class Talk:
    """A phone's call that an app with cognitive services answered.

    Attributes:
        id: of its connection.
        sdk: the official client of it.
    """

    id: str
    sdk: CallConnectionClient
    handset: Handset
    webhook: Webhook

    @property
    def heard_samples(self) -> int:
        """How much the phone has received so far."""
        return len(self.handset.heard())

    def hears(self, since: int = 0, timeout: float = 10.0) -> None:
        """Wait until something can be heard behind sample ``since``."""
        deadline = time.monotonic() + timeout
        while not np.count_nonzero(np.abs(self.handset.heard()[since:].astype(int)) > LOUD) > 400:
            assert time.monotonic() < deadline, f"nothing was heard within {timeout} s"
            threading.Event().wait(0.02)

    def plays(self, source: Any, context: str, timeout: float = 60.0) -> None:
        """Play to all, which completes and is heard."""
        since = self.heard_samples
        self.sdk.play_media_to_all(source, operation_context=context)
        assert self.ended("Play", context, timeout) == (200, 0)
        self.hears(since)

    def ended(self, operation: str, context: str, timeout: float = 60.0) -> tuple[int, int]:
        """Code and sub-code of the last event of an operation: "Play", "Recognize"."""
        last = {f"{operation}{end}" for end in ("Completed", "Failed", "Canceled")}
        data = self.webhook.wait_for(
            lambda name, data: name in last and data.get("operationContext") == context,
            timeout,
            f"end of {context}",
        )
        information = data["resultInformation"]
        return information["code"], information["subCode"]

    def message(self, context: str) -> str:
        """The message of the last event of an operation that failed."""
        data = self.webhook.wait_for(
            lambda name, data: name.endswith("Failed") and data.get("operationContext") == context, 1
        )
        return str(data["resultInformation"]["message"])


@contextmanager
def talking(server: Server, webhook: Webhook, number: str = "+14255550123") -> Iterator[Talk]:
    """A phone calls, the app answers; the phone hangs up at the end, and the app is told."""
    client = CallAutomationClient(server.url, AzureKeyCredential(ACCESS_KEY))
    handset = Handset(number)
    try:
        ringing = handset.start(f"dial sip:{NUMBER}@127.0.0.1:{server.sip_port}")
        incoming = webhook.incoming.get(timeout=10)
        answered = client.answer_call(
            incoming["incomingCallContext"],
            f"{webhook.url}/callbacks",
            cognitive_services_endpoint="https://speech.example.org/",
        )
        ringing.result(10)
        connection = answered.call_connection_id
        assert connection is not None
        webhook.wait("CallConnected", callConnectionId=connection)
        yield Talk(connection, client.get_call_connection(connection), handset, webhook)
        handset.play("hangup")
        webhook.wait("CallDisconnected", callConnectionId=connection)
    finally:
        handset.close()
