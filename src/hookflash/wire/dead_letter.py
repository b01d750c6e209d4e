"""What is kept of an event that could not be delivered, in the shape of Event Grid's dead letters."""

from __future__ import annotations

from typing import Any

import msgspec

from hookflash.wire.timestamps import zulu_time

TIME_TO_LIVE_EXCEEDED = "TimeToLiveExceeded"
MAX_ATTEMPTS_EXCEEDED = "MaxDeliveryAttemptsExceeded"


def dead_letter(
    body: bytes, *, reason: str, attempts: int, outcome: str, status: int, last_attempt: float
) -> bytes:
    """The event as a JSON object, with why and how it failed beside its own members.

    An event in CloudEvents schema has the names in lower case, as CloudEvents demands of extensions.

    Args:
        body: the POST body, in either schema.
        reason: ``deadLetterReason``.
        attempts: how many requests were made.
        outcome: ``lastDeliveryOutcome``, one word.
        status: of the last answer; 0, and left out, if none came.
        last_attempt: Unix time; 0, and left out, if nothing was sent.

    Raises:
        msgspec.DecodeError: the body is not JSON.
    """
    given = msgspec.json.decode(body)
    event: dict[str, Any] = given[0] if isinstance(given, list) else given
    published = event.get("eventTime") or str(event.get("time", "")).replace("+00:00", "Z")
    about: dict[str, Any] = {
        "deadLetterReason": reason,
        "deliveryAttempts": attempts,
        "lastDeliveryOutcome": outcome,
        "lastHttpStatusCode": status or None,
        "publishTime": published,
        "lastDeliveryAttemptTime": zulu_time(last_attempt) if last_attempt else None,
    }
    cloud = "specversion" in event
    for name, value in about.items():
        if value is not None:
            event[name.lower() if cloud else name] = value
    return msgspec.json.format(msgspec.json.encode(event), indent=2)
