"""One attempt to deliver, and what its outcome means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import inf

from hookflash.events.policies import EVENT_GRID_TYPE, Policy, Verdict, outcome_of
from hookflash.events.sender import Reply, Sender, Unreachable
from hookflash.events.targets import TargetRefused
from hookflash.events.tokens import TokenMinter
from hookflash.ports.clock import Clock
from hookflash.ports.journal import Delivery

CONTENT_TYPE = "application/json; charset=utf-8"
EVENT_GRID_COUNT = "aeg-delivery-count"

_EXCERPT = 200


class Overdue(Exception):
    """The delivery waited too long for its turn; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The outcome of one request.

    ``status`` is 0 when no answer came, ``said`` tells people what happened and ``outcome`` says it in one
    word. ``retry_after`` is what the endpoint asked for (seconds, 0 if it did not). ``milliseconds`` leaves
    out the wait for a free slot.
    """

    verdict: Verdict
    status: int
    said: str
    milliseconds: float
    outcome: str
    retry_after: float = 0.0


async def attempt_delivery(
    delivery: Delivery,
    earlier: int,
    policy: Policy,
    sender: Sender,
    tokens: TokenMinter,
    clock: Clock,
    timeout: float,
    latest: float = inf,
) -> Attempt:
    """POST once.

    Args:
        delivery: what to send; each attempt gets a token of its own.
        earlier: how many attempts were made before this one.
        policy: says what an answer means.
        sender, tokens, clock: make the request.
        timeout: seconds.
        latest: clock time after which nothing is sent any more.

    Raises:
        Overdue: it was later than ``latest`` when there was a free slot.
    """

    def headers() -> dict[str, str]:
        if clock.now() > latest:
            raise Overdue
        made = {"Content-Type": CONTENT_TYPE, **delivery.headers}
        if delivery.audience:
            made["Authorization"] = f"Bearer {tokens.mint(delivery.audience)}"
        if EVENT_GRID_TYPE in made:
            made[EVENT_GRID_COUNT] = str(earlier)
        return made

    # Event Grid's patience with a slow app must not cost the callbacks of calls to the same app.
    share = "eventgrid" if EVENT_GRID_TYPE in delivery.headers else ""
    try:
        reply = await sender.send("POST", delivery.url, headers, delivery.body, timeout=timeout, share=share)
    except TargetRefused as error:
        return Attempt(Verdict.REFUSED, 0, str(error), 0.0, "Aborted")
    except Unreachable as error:
        return Attempt(Verdict.RETRY, 0, str(error), error.seconds * 1000, error.outcome)
    return Attempt(
        policy.judge(reply.status),
        reply.status,
        describe(reply),
        reply.seconds * 1000,
        outcome_of(reply.status),
        retry_after(reply, clock.wall()),
    )


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
