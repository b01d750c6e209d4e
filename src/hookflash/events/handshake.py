"""The proof that an endpoint wants events: Event Grid's validation handshake (contract section 5.6)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

from hookflash.events.attempts import CONTENT_TYPE, describe
from hookflash.events.sender import Reply, Sender, Unreachable
from hookflash.events.subscriptions import Schema, Subscription
from hookflash.events.targets import TargetRefused
from hookflash.ports.clock import Clock
from hookflash.wire.eventgrid import VALIDATION_HEADERS, subscription_validation, validated

ORIGIN = "eventgrid.azure.net"
"""What a CloudEvents endpoint is asked to allow: the name Event Grid itself gives."""
RATE = "120"
"""Requests a minute a CloudEvents endpoint is asked to allow, as Event Grid asks; nobody keeps to it."""
TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Handshake:
    """The outcome: ``ok``, or why not, in words for people.

    ``allowed_rate`` is the WebHook-Allowed-Rate that was answered: requests a minute, or "*".
    """

    ok: bool
    detail: str = ""
    allowed_rate: str = ""


async def shake_hands(
    subscription: Subscription, code: str, validation_url: str, topic: str, sender: Sender, clock: Clock
) -> Handshake:
    """Ask once.

    Args:
        subscription: whom to ask, and in which schema.
        code: what the endpoint must echo.
        validation_url: opening it confirms the subscription by hand.
        topic: the Azure path of the resource.
        sender: makes the request.
        clock: gives the event its time.
    """
    try:
        if subscription.schema is Schema.CLOUD_EVENTS:
            return await _by_options(subscription, validation_url, sender)
        return await _by_event(subscription, code, validation_url, topic, sender, clock)
    except (Unreachable, TargetRefused) as error:
        return Handshake(False, str(error))


async def _by_event(
    subscription: Subscription, code: str, validation_url: str, topic: str, sender: Sender, clock: Clock
) -> Handshake:
    body = subscription_validation(
        code, id=str(uuid.uuid4()), topic=topic, time=clock.wall(), validation_url=validation_url
    )
    headers = {
        "Content-Type": CONTENT_TYPE,
        **VALIDATION_HEADERS,
        "aeg-subscription-name": subscription.name,
        "aeg-delivery-count": "0",
    }
    reply = await sender.send("POST", subscription.endpoint, lambda: headers, body, timeout=TIMEOUT)
    if not 200 <= reply.status < 300:
        return Handshake(False, describe(reply))
    if validated(reply.body, code):
        return Handshake(True)
    return Handshake(
        False,
        f"the endpoint answered {reply.status} without the validation code; "
        'answer a SubscriptionValidationEvent with {"validationResponse": <its data.validationCode>}',
    )


async def _by_options(subscription: Subscription, validation_url: str, sender: Sender) -> Handshake:
    headers = {
        "WebHook-Request-Origin": ORIGIN,
        "WebHook-Request-Rate": RATE,
        "WebHook-Request-Callback": validation_url,
        "aeg-subscription-name": subscription.name,
    }
    reply = await sender.send("OPTIONS", subscription.endpoint, lambda: headers, timeout=TIMEOUT)
    if not 200 <= reply.status < 300:
        return Handshake(False, describe(reply))
    if _allows(reply):
        return Handshake(True, allowed_rate=reply.headers.get("WebHook-Allowed-Rate", "").strip()[:20])
    host = urlsplit(subscription.endpoint).hostname
    return Handshake(
        False,
        f"{host} answered OPTIONS with {reply.status} but without WebHook-Allowed-Origin: {ORIGIN} (or *)",
    )


def _allows(reply: Reply) -> bool:
    allowed = reply.headers.get("WebHook-Allowed-Origin", "")
    return any(origin.strip().casefold() in ("*", ORIGIN) for origin in allowed.split(","))
