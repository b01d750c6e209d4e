"""The webhook for tests catches events, answers handshakes and serves files."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import requests

from hookflash.testing.webhook import Webhook

CONNECTED = {"type": "Microsoft.Communication.CallConnected", "data": {"callConnectionId": "a", "n": 1}}
INCOMING = {"eventType": "Microsoft.Communication.IncomingCall", "data": {"to": "x"}}


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    webhook = Webhook()
    yield webhook
    webhook.close()


def post(webhook: Webhook, *events: object, path: str = "/callbacks") -> requests.Response:
    return requests.post(webhook.url + path, json=list(events), timeout=10)


def test_events_are_caught_by_name_and_values(webhook: Webhook) -> None:
    assert post(webhook, CONNECTED).status_code == 200
    post(webhook, INCOMING, path="/events")
    assert webhook.names() == ["CallConnected", "IncomingCall"]
    assert webhook.names(callConnectionId="a") == ["CallConnected"]
    assert webhook.wait("CallConnected", callConnectionId="a") == {"callConnectionId": "a", "n": 1}
    assert webhook.events("IncomingCall") == [{"to": "x"}]
    assert webhook.events(n=2) == []
    webhook.forget()
    assert webhook.names() == []


def test_a_wait_ends_when_the_event_comes(webhook: Webhook) -> None:
    sender = threading.Thread(target=lambda: post(webhook, {**CONNECTED, "data": {"n": 2}}))
    post(webhook, CONNECTED)
    sender.start()
    assert webhook.wait("CallConnected", n=2) == {"n": 2}
    sender.join()


def test_a_wait_in_vain_says_what_came(webhook: Webhook) -> None:
    post(webhook, CONNECTED)
    with pytest.raises(AssertionError, match=r"no CallDisconnected .*n.*: 5.* within 0.05 s.*CallConnected"):
        webhook.wait("CallDisconnected", timeout=0.05, n=5)
    webhook.forget()
    with pytest.raises(AssertionError, match="there came: nothing"):
        webhook.wait("CallConnected", timeout=0.05)


def test_the_handshake_of_event_grid_is_answered(webhook: Webhook) -> None:
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    answer = post(webhook, {"eventType": kind, "data": {"validationCode": "c"}}, path="/events")
    assert answer.json() == {"validationResponse": "c"}
    assert webhook.names() == []


def test_somebody_may_be_told_at_once(webhook: Webhook) -> None:
    told: list[tuple[str, object]] = []
    done = threading.Event()

    def on_event(name: str, data: object) -> None:
        told.append((name, data))
        done.set()

    webhook.on_event = on_event
    post(webhook, INCOMING)
    assert done.wait(10)
    assert told == [("IncomingCall", {"to": "x"})]


def test_files_are_served(webhook: Webhook) -> None:
    webhook.files["/a.wav"] = b"RIFF"
    found = requests.get(f"{webhook.url}/a.wav", timeout=10)
    assert (found.status_code, found.content) == (200, b"RIFF")
    assert requests.get(f"{webhook.url}/b.wav", timeout=10).status_code == 404
