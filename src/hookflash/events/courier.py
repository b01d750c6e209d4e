"""Delivery of the outbox: each lane in order and one at a time, all lanes at once (contract section 5.1).

What waits long for its next attempt and holds up nothing (Event Grid) is *parked*: it leaves memory and is
read from the outbox again when it is due. So an endpoint that is dead for a day costs rows on the disk, not
memory, and does not hold up the callbacks of calls.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from hookflash.events.delivering import Deliverer, End, Gate, Outcome, Withdrawn, is_grid
from hookflash.events.policies import PARK_UNSENT, CourierSettings, GridPolicy
from hookflash.events.sender import Sender
from hookflash.events.tokens import TokenMinter
from hookflash.ports.clock import Clock, Timer
from hookflash.ports.journal import Delivery, Progress
from hookflash.ports.outbox import Outbox, Settlement
from hookflash.waiting import Deadline, pause
from hookflash.wire.urls import without_secrets

__all__ = ["Bury", "Courier", "Gate", "OnDelivered", "OnDropped", "Withdrawn"]

log = logging.getLogger("hookflash.events")

_CORRELATION_ID = re.compile(rb'"correlationId":"([0-9A-Za-z-]{1,64})"')

OnDelivered = Callable[[Delivery, int, float], None]
"""Called with the delivery, the status and the milliseconds of the attempt that succeeded."""
OnDropped = Callable[[Delivery, str], None]
"""Called with the delivery and why it was given up."""
Bury = Callable[[Delivery, Outcome], Awaitable[None]]
"""Keeps what is given up as a dead letter; awaited before the delivery is settled."""


class _Owed:
    """A delivery in memory. ``since`` is when it was accepted, ``durable`` whether it is in the outbox."""

    __slots__ = ("delivery", "durable", "since")

    def __init__(self, delivery: Delivery, since: float, durable: bool) -> None:
        self.delivery = delivery
        self.since = since
        self.durable = durable


class Courier:
    """Works off the outbox. At least once: what was not settled when the process ended goes out again.

    Args:
        outbox: what is owed, and where attempts and outcomes are recorded.
        clock: all waiting is by it.
        sender: makes the requests.
        tokens: signs for deliveries with an audience.
        settings: times and bounds.
        gate: may hold deliveries back (Event Grid endpoints that are not validated yet).
        bury: keeps Event Grid deliveries that are given up.
        grid: the policy of Event Grid's deliveries.
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
        bury: Bury | None = None,
        grid: GridPolicy | None = None,
        on_delivered: OnDelivered | None = None,
        on_dropped: OnDropped | None = None,
    ) -> None:
        self._outbox = outbox
        self._clock = clock
        self._settings = settings = settings or CourierSettings()
        self._deliverer = Deliverer(outbox, clock, sender, tokens, settings, gate, grid)
        self._bury = bury
        self._on_delivered = on_delivered
        self._on_dropped = on_dropped
        self._lanes: dict[str, deque[_Owed]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._waiting_grid = 0
        # Ids in memory, or with an outcome not recorded yet: what a read of the outbox must not bring in
        # again. Those recorded while a read is under way may still be in what it brings.
        self._known: set[str] = set()
        self._reads = 0
        self._recorded_meanwhile: set[str] = set()
        # While the outbox is read, new deliveries are held; once it did not fit, they stay in the outbox.
        self._reading = True
        self._held: list[_Owed] = []
        self._spilled = False
        self._alarm: Timer | None = None
        self._alarm_at = 0.0
        self._closed = False
        self._quiet = asyncio.Event()
        self._quiet.set()

    @property
    def waiting(self) -> int:
        """Deliveries in memory, including those under way; parked ones are not counted."""
        return self._waiting

    async def start(self) -> None:
        """Take up what is owed from before, then everything accepted since.

        Raises whatever the outbox raises when it cannot be read.
        """
        await self._refill()
        await self._take_due()

    def accept(self, deliveries: list[Delivery], *, durable: bool = True) -> None:
        """Send these; never blocks. ``durable``: they are in the outbox."""
        if self._closed:
            return
        now = self._clock.now()
        owed = [_Owed(delivery, now, durable) for delivery in deliveries]
        if self._reading:
            self._held.extend(owed)
        elif not self._spilled:
            self._enqueue(owed)

    def accept_undurable(self, deliveries: list[Delivery]) -> None:
        """Send these, which could not be written to the outbox: they live in memory only."""
        self.accept(deliveries, durable=False)

    async def idle(self) -> None:
        """Wait until nothing is to be sent now; parked deliveries may be owed."""
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
        if self._alarm is not None:
            self._alarm.cancel()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- lanes ----------------------------------------------------------------------------------------------

    def _enqueue(self, owed: Iterable[_Owed]) -> None:
        for one in owed:
            delivery = one.delivery
            if delivery.id in self._known:
                continue
            if self._waiting >= self._settings.max_waiting:
                self._spilled = True
                return
            self._known.add(delivery.id)
            if is_grid(delivery):
                if self._waiting_grid >= self._settings.max_grid and one.durable:
                    later = replace(delivery.progress, next_at=self._clock.wall() + PARK_UNSENT)
                    self._park(delivery.id, later)
                    continue
                self._waiting_grid += 1
            self._waiting += 1
            self._quiet.clear()
            lane = self._lanes.get(delivery.lane)
            if lane is None:
                lane = self._lanes[delivery.lane] = deque((one,))
                self._spawn(self._work_off(delivery.lane, lane))
            else:
                lane.append(one)

    def _spawn(self, work: Awaitable[None]) -> None:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work_off(self, name: str, lane: deque[_Owed]) -> None:
        while lane:
            owed = lane[0]
            delivery = owed.delivery
            try:
                outcome = await self._deliverer.run(delivery, owed.since, durable=owed.durable)
            except Exception as error:
                # A fault of ours with one delivery must not hold up the rest of the lane.
                log.exception("%s could not be delivered", delivery.name or delivery.id)
                outcome = Outcome(End.FAULT, delivery.progress, f"internal error: {error!r}")
            if (
                outcome.end not in (End.DELIVERED, End.PARKED)
                and self._bury is not None
                and is_grid(delivery)
            ):
                try:
                    await self._bury(delivery, outcome)
                except Exception:
                    log.exception("no dead letter was kept of %s", delivery.name or delivery.id)
            lane.popleft()
            self._ended(delivery, outcome)
        del self._lanes[name]

    def _ended(self, delivery: Delivery, outcome: Outcome) -> None:
        self._waiting -= 1
        self._waiting_grid -= is_grid(delivery)
        if outcome.end is End.PARKED:
            self._park(delivery.id, outcome.progress)
        else:
            tell = self._delivered if outcome.end is End.DELIVERED else self._dropped
            tell(delivery, outcome)
            self._record(_settlement(delivery, outcome, self._clock.wall()))
        if self._spilled and not self._reading and self._waiting * 2 <= self._settings.max_waiting:
            self._reading = True
            self._spawn(self._refill_or_retry())
        elif not self._waiting and not self._spilled:
            self._quiet.set()

    def _record(self, settlement: Settlement, level: int = logging.ERROR) -> None:
        def recorded(future: asyncio.Future[None]) -> None:
            error = None if future.cancelled() else future.exception()
            if error is None:
                self._forget(settlement.id)
                return
            # Still known, so that this process does not repeat it; a disk that recovers gets it again.
            log.log(level, "delivery %s may be repeated after a restart: %s", settlement.id, error)
            self._again_later(lambda: self._record(settlement, logging.DEBUG))

        self._outbox.settle(settlement).add_done_callback(recorded)

    def _again_later(self, do: Callable[[], None]) -> None:
        if not self._closed:
            self._clock.call_at(self._clock.now() + self._settings.store_retry, do)

    def _forget(self, id: str) -> None:
        self._known.discard(id)
        if self._reads:
            self._recorded_meanwhile.add(id)

    # --- what is parked -------------------------------------------------------------------------------------

    def _park(self, id: str, progress: Progress, level: int = logging.ERROR) -> None:
        def recorded(future: asyncio.Future[None]) -> None:
            error = None if future.cancelled() else future.exception()
            if error is None:
                self._forget(id)
                self._wake_at(progress.next_at)
                return
            log.log(level, "delivery %s waits, which could not be recorded: %s", id, error)
            self._again_later(lambda: self._park(id, progress, logging.DEBUG))

        self._outbox.postpone(id, progress, parked=True).add_done_callback(recorded)

    def _wake_at(self, wall: float) -> None:
        """Read what is due at ``wall`` (Unix time), unless that is done earlier anyway."""
        at = self._clock.now() + max(0.0, wall - self._clock.wall())
        if self._closed or (self._alarm is not None and self._alarm_at <= at):
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = self._clock.call_at(at, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._spawn(self._take_due_or_retry())

    async def _take_due_or_retry(self) -> None:
        try:
            await self._take_due()
        except Exception as error:
            log.error("the outbox could not be read, next try in %g s: %s", self._settings.store_retry, error)
            self._wake_at(self._clock.wall() + self._settings.store_retry)

    async def _take_due(self) -> None:
        now = self._clock.wall()
        if room := max(0, self._settings.max_grid - self._waiting_grid):
            since = self._clock.now()
            due = await self._read(self._outbox.due_deliveries(now, room))
            taken = [one for one in due if one.id not in self._known]
            # What is in memory is not parked any more: the next read looks for others.
            unparked = [self._outbox.postpone(one.id, one.progress, parked=False) for one in taken]
            self._enqueue(_Owed(one, since, True) for one in taken)
            await asyncio.gather(*unparked)
        following = await self._outbox.next_due()
        if following is not None:
            self._wake_at(max(following, now + 1.0))

    # --- reading the outbox ---------------------------------------------------------------------------------

    async def _read(self, reading: Awaitable[list[Delivery]]) -> list[Delivery]:
        self._reads += 1
        try:
            found = [one for one in await reading if one.id not in self._recorded_meanwhile]
        finally:
            self._reads -= 1
            if not self._reads:
                self._recorded_meanwhile.clear()
        return found

    async def _refill(self) -> None:
        limit = self._settings.max_waiting
        self._reading = True
        full = False
        try:
            owed = await self._read(self._outbox.pending_deliveries(limit))
            full = len(owed) >= limit
        finally:
            self._reading = False
            held, self._held = self._held, []
        self._spilled = False
        now = self._clock.now()
        self._enqueue(_Owed(one, now, True) for one in owed)
        if full:
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

    # --- telling --------------------------------------------------------------------------------------------

    def _delivered(self, delivery: Delivery, outcome: Outcome) -> None:
        status, milliseconds = outcome.progress.status, outcome.milliseconds
        log.info(
            "%s delivered to %s: %d in %.1f ms",
            delivery.name or "event",
            without_secrets(delivery.url),
            status,
            milliseconds,
            extra=_fields(delivery, outcome.progress) | {"ms": round(milliseconds, 1)},
        )
        if self._on_delivered is not None:
            self._on_delivered(delivery, status, milliseconds)

    def _dropped(self, delivery: Delivery, outcome: Outcome) -> None:
        log.warning(
            "%s dropped, not delivered to %s: %s",
            delivery.name or "event",
            without_secrets(delivery.url),
            outcome.reason,
            extra=_fields(delivery, outcome.progress) | {"reason": outcome.reason},
        )
        if self._on_dropped is not None:
            self._on_dropped(delivery, outcome.reason)


def _settlement(delivery: Delivery, outcome: Outcome, at: float) -> Settlement:
    progress, delivered = outcome.progress, outcome.end is End.DELIVERED
    return Settlement(delivery.id, delivered, progress.status, progress.tries, at, outcome.reason)


def _fields(delivery: Delivery, progress: Progress) -> dict[str, object]:
    about: dict[str, object] = {}
    if not is_grid(delivery):
        about["callConnectionId"] = delivery.lane
    if correlation := _CORRELATION_ID.search(delivery.body):
        about["correlationId"] = correlation[1].decode()
    return about | {
        "eventId": delivery.id,
        "event": delivery.name,
        "status": progress.status,
        "attempts": progress.tries,
    }
