"""One attempt to deliver, and what its outcome means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum

from hookflash.events.sender import Reply, Sender, Unreachable
from hookflash.events.targets import TargetRefused
from hookflash.events.tokens import TokenMinter
from hookflash.ports.clock import Clock
from hookflash.ports.journal import Delivery

CONTENT_TYPE = "application/json; charset=utf-8"
EVENT_GRID_TYPE = "aeg-event-type"
EVENT_GRID_COUNT = "aeg-delivery-count"

_EXCERPT = 200


@dataclass(frozen=True, slots=True)
class CourierSettings:
    """Times in seconds.

    ``timeout`` bounds one attempt, ``patience`` all attempts for one event: that long a dead endpoint may
    hold up its lane. Waits between attempts double from ``first_backoff`` to ``max_backoff``; a Retry-After
    of the endpoint lengthens them up to ``max_retry_after``. ``max_waiting`` deliveries are kept in memory,
    more wait in the outbox. An outbox that fails is tried again every ``store_retry`` seconds.
    """

    timeout: float = 10.0
    patience: float = 30.0
    first_backoff: float = 1.0
    max_backoff: float = 16.0
    max_retry_after: float = 20.0
    max_waiting: int = 100_000
    store_retry: float = 5.0


class Verdict(Enum):
    """What an attempt means for the delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of one request.

    ``status`` is 0 when no answer came, ``said`` tells people what happened, ``retry_after`` is what the
    endpoint asked for (seconds, 0 if it did not). ``milliseconds`` leaves out the wait for a free slot.
    """

    verdict: Verdict
    status: int
    said: str
    milliseconds: float
    retry_after: float = 0.0


async def attempt_delivery(
    delivery: Delivery, earlier: int, sender: Sender, tokens: TokenMinter, clock: Clock, timeout: float
) -> Attempt:
    """POST once. ``earlier`` counts the attempts before this one; each gets a token of its own."""

    def headers() -> dict[str, str]:
        made = {"Content-Type": CONTENT_TYPE, **delivery.headers}
        if delivery.audience:
            made["Authorization"] = f"Bearer {tokens.mint(delivery.audience)}"
        if EVENT_GRID_TYPE in made:
            made[EVENT_GRID_COUNT] = str(earlier)
        return made

    try:
        reply = await sender.send("POST", delivery.url, headers, delivery.body, timeout=timeout)
    except TargetRefused as error:
        return Attempt(Verdict.REFUSED, 0, str(error), 0.0)
    except Unreachable as error:
        return Attempt(Verdict.RETRY, 0, str(error), error.seconds * 1000)
    wanted = retry_after(reply, clock.wall())
    return Attempt(judge(reply.status), reply.status, describe(reply), reply.seconds * 1000, wanted)


def judge(status: int) -> Verdict:
    """2xx is delivered; 408, 429 and 5xx are tried again; everything else, redirects too, is final."""
    if 200 <= status < 300:
        return Verdict.DELIVERED
    if status in (408, 429) or 500 <= status < 600:
        return Verdict.RETRY
    return Verdict.REFUSED


def describe(reply: Reply) -> str:
    """What the endpoint answered, in one line for people."""
    line = f"the endpoint answered {reply.status} {reply.reason}".rstrip()
    if 300 <= reply.status < 400:
        return f"{line}; redirects are not followed, use the final URL"
    text = reply.body[: 4 * _EXCERPT].decode("utf-8", "replace")
    text = re.sub(r"[\x00-\x1f\x7f\s]+", " ", text).strip()[:_EXCERPT]
    return f"{line}: {text}" if text and reply.status >= 300 else line


def retry_after(reply: Reply, wall: float) -> float:
    """Seconds the Retry-After header asks for (RFC 9110 section 10.2.3); 0 if there is no valid one."""
    value = reply.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - wall)


def backoff(settings: CourierSettings, failures: int) -> float:
    """Seconds to wait after ``failures`` + 1 failed attempts in a row: 1, 2, 4 ... up to the maximum."""
    return min(settings.max_backoff, settings.first_backoff * 2.0 ** min(failures, 30))
