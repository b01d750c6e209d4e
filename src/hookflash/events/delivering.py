"""One delivery from its first attempt to its end, or to where it is put off for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from math import inf

from hookflash.events.attempts import Attempt, Overdue, attempt_delivery
from hookflash.events.policies import (
    EVENT_GRID_TYPE,
    CallbackPolicy,
    CourierSettings,
    GridPolicy,
    Policy,
    Verdict,
    backoff,
)
from hookflash.events.sender import Sender
from hookflash.events.tokens import TokenMinter
from hookflash.ports.clock import Clock
from hookflash.ports.journal import Delivery, Progress
from hookflash.ports.outbox import Outbox
from hookflash.waiting import pause

log = logging.getLogger("hookflash.events")

PARK_AFTER = 10.0
"""Seconds from which on a wait is spent outside memory, where the policy allows it."""


class Withdrawn(Exception):
    """Nobody wants the delivery any more: drop it."""


Gate = Callable[[Delivery], Awaitable[str]]
"""Asked before each attempt: "" lets it pass, a reason puts it off; raises :class:`Withdrawn` to drop it."""


class End(Enum):
    """How the work on a delivery ended. A parked one is still owed."""

    DELIVERED = "delivered"
    PARKED = "parked"
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``reason`` says why it was dropped; ``milliseconds`` is the time of the last attempt."""

    end: End
    progress: Progress
    reason: str = ""
    milliseconds: float = 0.0


def is_grid(delivery: Delivery) -> bool:
    """Whether it is Event Grid's."""
    return EVENT_GRID_TYPE in delivery.headers


class Deliverer:
    """Works on single deliveries.

    Args:
        outbox: where attempts are recorded.
        clock: all waiting is by it.
        sender: makes the requests.
        tokens: signs for deliveries with an audience.
        settings: times and bounds.
        gate: may hold deliveries back (Event Grid endpoints that are not validated yet).
        grid: the policy of Event Grid's deliveries.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        sender: Sender,
        tokens: TokenMinter,
        settings: CourierSettings,
        gate: Gate | None = None,
        grid: GridPolicy | None = None,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._sender = sender
        self._tokens = tokens
        self._settings = settings
        self._gate = gate
        self._callback: Policy = CallbackPolicy(settings)
        self._grid: Policy = grid or GridPolicy()

    def policy(self, delivery: Delivery) -> Policy:
        """How it is tried."""
        return self._grid if is_grid(delivery) else self._callback

    async def run(self, delivery: Delivery, since: float, *, durable: bool = True) -> Outcome:
        """Try until it is delivered, dropped or parked.

        Args:
            delivery: its progress is gone on from.
            since: clock time at which it was accepted.
            durable: it is in the outbox, so that it may be parked.
        """
        policy, progress, clock = self.policy(delivery), delivery.progress, self._clock
        if early := self._early(policy, progress):
            await pause(clock, early)
        latest = since + policy.max_age
        give_up = clock.now() + policy.patience
        fresh = True
        deferrals = 0
        while True:
            if delivery.expires_at is not None and clock.wall() >= delivery.expires_at:
                return Outcome(End.EXPIRED, progress, _because("expired", progress))
            try:
                hold = await self._gate(delivery) if self._gate is not None else ""
            except Withdrawn as reason:
                return Outcome(End.WITHDRAWN, progress, str(reason))
            if hold:
                # Nothing was sent, so nothing is counted: only time bounds how long it may be put off.
                progress = replace(progress, note=hold)
                wait = backoff(self._settings, deferrals)
                deferrals += 1
            else:
                timeout = policy.timeout
                if not fresh:
                    timeout = min(timeout, max(1.0, self._time_left(delivery, give_up)))
                try:
                    attempt = await attempt_delivery(
                        delivery,
                        progress.tries,
                        policy,
                        self._sender,
                        self._tokens,
                        clock,
                        timeout,
                        latest if fresh else inf,
                    )
                except Overdue:
                    why = f"waited {policy.max_age:g} s for its turn, its endpoint is too slow"
                    return Outcome(End.EXPIRED, progress, why)
                if fresh:
                    # Time spent waiting for a free slot is not the endpoint's.
                    give_up = clock.now() - attempt.milliseconds / 1000 + policy.patience
                    fresh = False
                progress = self._counted(progress, attempt)
                if attempt.verdict is Verdict.DELIVERED:
                    return Outcome(End.DELIVERED, progress, milliseconds=attempt.milliseconds)
                if attempt.verdict is Verdict.REFUSED:
                    return Outcome(End.REFUSED, progress, attempt.said)
                if progress.tries >= delivery.attempts:
                    why = _because(f"gave up after {progress.tries} attempts", progress)
                    return Outcome(End.EXHAUSTED, progress, why)
                wait = policy.wait(progress.tries, attempt.status, attempt.retry_after)
            if wait >= self._time_left(delivery, give_up):
                return Outcome(End.EXPIRED, progress, _because("gave up, its time is over", progress))
            progress = replace(progress, next_at=clock.wall() + wait)
            log.debug("%s: %s; next try in %g s", delivery.name, progress.note, wait)
            if durable and policy.parks and wait >= PARK_AFTER:
                return Outcome(End.PARKED, progress)
            if not hold and durable:
                # Not waited for: when it cannot be recorded, a restart tries a little too early.
                self._outbox.postpone(delivery.id, progress, parked=False).add_done_callback(_noted)
            await pause(clock, wait)

    def _early(self, policy: Policy, progress: Progress) -> float:
        """Seconds until the next attempt may be made, of a delivery tried before a restart."""
        # A clock that was set back must not put it off for longer than its policy would.
        longest = policy.wait(max(1, progress.tries), progress.status, 0.0)
        return min(longest, max(0.0, progress.next_at - self._clock.wall()))

    def _counted(self, progress: Progress, attempt: Attempt) -> Progress:
        return Progress(progress.tries + 1, attempt.status, attempt.outcome, attempt.said, self._clock.wall())

    def _time_left(self, delivery: Delivery, give_up: float) -> float:
        left = give_up - self._clock.now()
        if delivery.expires_at is not None:
            left = min(left, delivery.expires_at - self._clock.wall())
        return left


def _because(what: str, progress: Progress) -> str:
    return f"{what}; last: {progress.note}" if progress.note else what


def _noted(recorded: asyncio.Future[None]) -> None:
    """Takes the outcome of a write nobody waits for, so that a failure is not reported as forgotten."""
    if not recorded.cancelled() and (error := recorded.exception()) is not None:
        log.debug("an attempt was not recorded: %s", error)
