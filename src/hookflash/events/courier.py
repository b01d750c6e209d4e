"""Delivery of the outbox: each lane in order and one at a time, all lanes at once (contract section 5.1)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from hookflash.events.attempts import (
    EVENT_GRID_TYPE,
    Attempt,
    CourierSettings,
    Verdict,
    attempt_delivery,
    backoff,
)
from hookflash.events.sender import Sender
from hookflash.events.timing import Deadline, pause
from hookflash.events.tokens import TokenMinter
from hookflash.ports.clock import Clock
from hookflash.ports.journal import Delivery
from hookflash.ports.outbox import Outbox, Settlement
from hookflash.wire.urls import without_secrets

log = logging.getLogger("hookflash.events")

_CORRELATION_ID = re.compile(rb'"correlationId":"([0-9A-Za-z-]{1,64})"')

OnDelivered = Callable[[Delivery, int, float], None]
"""Called with the delivery, the status and the milliseconds of the attempt that succeeded."""
OnDropped = Callable[[Delivery, str], None]
"""Called with the delivery and why it was given up."""


class Withdrawn(Exception):
    """Nobody wants the delivery any more: drop it."""


Gate = Callable[[Delivery], Awaitable[str]]
"""Asked before each attempt: "" lets it pass, a reason puts it off; raises :class:`Withdrawn` to drop it."""


@dataclass(slots=True)
class _Effort:
    """What has been tried for one delivery."""

    tries: int = 0
    status: int = 0
    said: str = ""


class Courier:
    """Works off the outbox. At least once: what was not settled when the process ended goes out again.

    Args:
        outbox: what is owed, and where outcomes are recorded.
        clock: all waiting is by it.
        sender: makes the requests.
        tokens: signs for deliveries with an audience.
        settings: times and bounds.
        gate: may hold deliveries back (Event Grid endpoints that are not validated yet).
        on_delivered, on_dropped: observers; they must not raise.
    """

    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        sender: Sender,
        tokens: TokenMinter,
        settings: CourierSettings | None = None,
        *,
        gate: Gate | None = None,
        on_delivered: OnDelivered | None = None,
        on_dropped: OnDropped | None = None,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._sender = sender
        self._tokens = tokens
        self._settings = settings or CourierSettings()
        self._gate = gate
        self._on_delivered = on_delivered
        self._on_dropped = on_dropped
        self._lanes: dict[str, deque[Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        # Ids in memory, or settled but not yet recorded: what a read of the outbox must not bring in again.
        self._known: set[str] = set()
        # While the outbox is read, new deliveries are held; once it did not fit, they stay in the outbox.
        self._reading = True
        self._held: list[Delivery] = []
        self._spilled = False
        self._closed = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def waiting(self) -> int:
        """Deliveries in memory, including those under way."""
        return self._waiting

    async def start(self) -> None:
        """Take up what is owed from before, then everything accepted since.

        Raises whatever the outbox raises when it cannot be read.
        """
        await self._refill()

    def accept(self, deliveries: list[Delivery]) -> None:
        """Send these, which are in the outbox by now if they ever will be; never blocks."""
        if self._closed:
            return
        if self._reading:
            self._held.extend(deliveries)
        elif not self._spilled:
            self._enqueue(deliveries)

    async def idle(self) -> None:
        """Wait until nothing is owed any more."""
        await self._quiet.wait()

    async def close(self, grace: float = 0.0) -> None:
        """Stop; what is not delivered within ``grace`` seconds stays in the outbox for the next start.

        Deliveries accepted within the grace still go out: those of the calls that end with the server.
        """
        if grace > 0 and not self._quiet.is_set():
            try:
                async with Deadline(self._clock, grace):
                    await self._quiet.wait()
            except TimeoutError:
                log.info("%d deliveries are left for the next start", self._waiting)
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- lanes ----------------------------------------------------------------------------------------------

    def _enqueue(self, deliveries: Iterable[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.id in self._known:
                continue
            if self._waiting >= self._settings.max_waiting:
                self._spilled = True
                return
            self._known.add(delivery.id)
            self._waiting += 1
            self._quiet.clear()
            lane = self._lanes.get(delivery.lane)
            if lane is None:
                lane = self._lanes[delivery.lane] = deque((delivery,))
                self._spawn(self._work_off(delivery.lane, lane))
            else:
                lane.append(delivery)

    def _spawn(self, work: Awaitable[None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work_off(self, name: str, lane: deque[Delivery]) -> None:
        while lane:
            delivery = lane[0]
            effort = _Effort()
            try:
                settlement = await self._deliver(delivery, effort)
            except Exception as error:
                # A fault of ours with one delivery must not hold up the rest of the lane.
                log.exception("%s could not be delivered", delivery.name or delivery.id)
                settlement = self._drop(delivery, effort, f"internal error: {error!r}")
            lane.popleft()
            self._settle(settlement)
        del self._lanes[name]

    def _settle(self, settlement: Settlement) -> None:
        self._waiting -= 1
        self._record(settlement)
        if self._spilled and not self._reading and self._waiting * 2 <= self._settings.max_waiting:
            self._reading = True
            self._spawn(self._refill_or_retry())
        elif not self._waiting and not self._spilled:
            self._quiet.set()

    def _record(self, settlement: Settlement, level: int = logging.ERROR) -> None:
        def recorded(future: asyncio.Future[None]) -> None:
            error = None if future.cancelled() else future.exception()
            if error is None:
                self._known.discard(settlement.id)
                return
            # Still known, so that this process does not repeat it; a disk that recovers gets it again.
            log.log(level, "delivery %s may be repeated after a restart: %s", settlement.id, error)
            if not self._closed:
                again = self._clock.now() + self._settings.store_retry
                self._clock.call_at(again, lambda: self._record(settlement, logging.DEBUG))

        self._outbox.settle(settlement).add_done_callback(recorded)

    async def _refill(self) -> None:
        limit = self._settings.max_waiting
        self._reading = True
        try:
            owed = await self._outbox.pending_deliveries(limit)
        finally:
            self._reading = False
            held, self._held = self._held, []
        self._spilled = False
        self._enqueue(owed)
        if len(owed) >= limit:
            self._spilled = True
        if not self._spilled:
            self._enqueue(held)
        if not self._waiting and not self._spilled:
            self._quiet.set()

    async def _refill_or_retry(self) -> None:
        while True:
            try:
                await self._refill()
            except Exception as error:
                # A disk that recovers must find the courier still asking.
                log.error(
                    "the outbox could not be read, next try in %g s: %s", self._settings.store_retry, error
                )
            if self._waiting or not self._spilled:
                return
            # Everything read was known already: its settlements are on their way to the disk.
            await pause(self._clock, self._settings.store_retry)

    # --- one delivery ---------------------------------------------------------------------------------------

    async def _deliver(self, delivery: Delivery, effort: _Effort) -> Settlement:
        settings = self._settings
        give_up = self._clock.now() + settings.patience
        deferrals = 0
        while True:
            if delivery.expires_at is not None and self._clock.wall() >= delivery.expires_at:
                return self._drop(delivery, effort, _because("expired", effort))
            try:
                hold = await self._gate(delivery) if self._gate is not None else ""
            except Withdrawn as reason:
                return self._drop(delivery, effort, str(reason))
            if hold:
                # Nothing was sent, so nothing is counted: only time bounds how long it may be put off.
                effort.said = hold
                wait = backoff(settings, deferrals)
                deferrals += 1
            else:
                timeout = settings.timeout
                if effort.tries:
                    timeout = min(timeout, max(1.0, self._time_left(delivery, give_up)))
                attempt = await attempt_delivery(
                    delivery, effort.tries, self._sender, self._tokens, self._clock, timeout
                )
                if not effort.tries:
                    # Time spent waiting for a free slot is not the endpoint's.
                    give_up = self._clock.now() - attempt.milliseconds / 1000 + settings.patience
                effort.tries += 1
                effort.status, effort.said = attempt.status, attempt.said
                if attempt.verdict is Verdict.DELIVERED:
                    return self._delivered(delivery, effort, attempt)
                if attempt.verdict is Verdict.REFUSED:
                    return self._drop(delivery, effort, attempt.said)
                if effort.tries >= delivery.attempts:
                    return self._drop(
                        delivery, effort, _because(f"gave up after {effort.tries} attempts", effort)
                    )
                wait = max(
                    backoff(settings, effort.tries - 1), min(attempt.retry_after, settings.max_retry_after)
                )
            if wait >= self._time_left(delivery, give_up):
                return self._drop(delivery, effort, _because("gave up, its time is over", effort))
            log.debug("%s: %s; next try in %g s", delivery.name, effort.said, wait)
            await pause(self._clock, wait)

    def _time_left(self, delivery: Delivery, give_up: float) -> float:
        left = give_up - self._clock.now()
        if delivery.expires_at is not None:
            left = min(left, delivery.expires_at - self._clock.wall())
        return left

    def _delivered(self, delivery: Delivery, effort: _Effort, attempt: Attempt) -> Settlement:
        log.info(
            "%s delivered to %s: %d in %.1f ms",
            delivery.name or "event",
            without_secrets(delivery.url),
            attempt.status,
            attempt.milliseconds,
            extra=_fields(delivery, effort) | {"ms": round(attempt.milliseconds, 1)},
        )
        if self._on_delivered is not None:
            self._on_delivered(delivery, attempt.status, attempt.milliseconds)
        return Settlement(delivery.id, True, attempt.status, effort.tries, self._clock.wall())

    def _drop(self, delivery: Delivery, effort: _Effort, reason: str) -> Settlement:
        log.warning(
            "%s dropped, not delivered to %s: %s",
            delivery.name or "event",
            without_secrets(delivery.url),
            reason,
            extra=_fields(delivery, effort) | {"reason": reason},
        )
        if self._on_dropped is not None:
            self._on_dropped(delivery, reason)
        return Settlement(delivery.id, False, effort.status, effort.tries, self._clock.wall(), reason)


def _because(what: str, effort: _Effort) -> str:
    return f"{what}; last: {effort.said}" if effort.said else what


def _fields(delivery: Delivery, effort: _Effort) -> dict[str, object]:
    about: dict[str, object] = {}
    if EVENT_GRID_TYPE not in delivery.headers:
        about["callConnectionId"] = delivery.lane
    if correlation := _CORRELATION_ID.search(delivery.body):
        about["correlationId"] = correlation[1].decode()
    return about | {
        "eventId": delivery.id,
        "event": delivery.name,
        "status": effort.status,
        "attempts": effort.tries,
    }
