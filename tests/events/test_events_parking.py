"""Event Grid deliveries: their schedule, and what waits outside memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from events.doubles import App, MemoryStore, answering, arrived, due_at, parked_until, until
from settled import deliveries_of_lane

from hookflash.events import Courier, CourierSettings, Sender, TargetPolicy, TokenMinter
from hookflash.events.courier import Bury
from hookflash.events.delivering import Outcome
from hookflash.events.policies import GRID_SCHEDULE, GridPolicy
from hookflash.ports.journal import Delivery, Progress
from hookflash.ports.outbox import Outbox
from hookflash.store import JournalError, SqliteJournal
from hookflash.testing.clock import VirtualClock

Make = Callable[..., Courier]
DAY = 86_400.0
GUARD = TargetPolicy(allow_private=True, allow_http=True)


@pytest.fixture
def make(store: MemoryStore, clock: VirtualClock, sender: Sender, tokens: TokenMinter) -> Make:
    def made(
        settings: CourierSettings | None = None, *, outbox: Outbox | None = None, bury: Bury | None = None
    ) -> Courier:
        grid = GridPolicy(lambda: 0.0)
        return Courier(outbox or store, clock, sender, tokens, settings, grid=grid, bury=bury)

    return made


def event(url: str, id: str, clock: VirtualClock, *, attempts: int = 30, ttl: float = DAY) -> Delivery:
    return Delivery(
        id=id,
        lane=f"eventgrid/app/{id}",
        url=f"{url}/{id}",
        body=b"[{}]",
        headers={"aeg-event-type": "Notification"},
        attempts=attempts,
        expires_at=clock.wall() + ttl,
        name="CallEnded",
    )


def callback(url: str, id: str, lane: str = "call") -> Delivery:
    return Delivery(id=id, lane=lane, url=f"{url}/{id}", body=b"[{}]")


def counts(app: App) -> list[str]:
    return [r.headers["aeg-delivery-count"] for r in app.received]


async def test_event_grids_schedule_for_a_day(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make()
    await courier.start()
    app.usual = answering(500)
    courier.accept(store.put(event(app.url, "1", clock)))
    # After twelve hours twice the day would be over.
    for n, wait in enumerate(GRID_SCHEDULE):
        await parked_until(store, clock, clock.now() + wait)
        assert counts(app) == [str(k) for k in range(n + 1)]
        assert courier.waiting == 0
        clock.advance(wait)
        await arrived(app, n + 2)
    await until(lambda: bool(store.settled))
    (settled,) = store.settled
    assert (settled.delivered, settled.status, settled.attempts) == (False, 500, 11)
    assert settled.note.startswith("gave up, its time is over; last: the endpoint answered 500")
    assert clock.pending == []


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_some_answers_end_it_at_once(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock, status: int
) -> None:
    buried: list[tuple[str, Outcome]] = []

    async def bury(delivery: Delivery, outcome: Outcome) -> None:
        assert store.settled == []
        buried.append((delivery.id, outcome))

    courier = make(bury=bury)
    await courier.start()
    app.answers.append(answering(status))
    courier.accept(store.put(event(app.url, "1", clock)))
    await courier.idle()
    assert counts(app) == ["0"]
    assert (store.settled[0].delivered, store.settled[0].status) == (False, status)
    ((id, outcome),) = buried
    assert (id, outcome.progress.status, outcome.progress.tries) == ("1", status, 1)


async def test_a_grave_that_fails_does_not_stop_the_lane(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    async def bury(delivery: Delivery, outcome: Outcome) -> None:
        raise RuntimeError("no spade")

    courier = make(bury=bury)
    await courier.start()
    app.answers.append(answering(400))
    courier.accept(store.put(event(app.url, "1", clock), event(app.url, "2", clock)))
    await courier.idle()
    assert sorted((s.id, s.delivered) for s in store.settled) == [("1", False), ("2", True)]


async def test_callbacks_are_never_buried(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    async def bury(delivery: Delivery, outcome: Outcome) -> None:
        raise AssertionError("a callback has no dead letter")

    courier = make(bury=bury)
    await courier.start()
    app.answers.append(answering(400))
    courier.accept(store.put(callback(app.url, "1")))
    await courier.idle()
    assert not store.settled[0].delivered


async def test_an_endpoint_has_thirty_seconds(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make()
    await courier.start()
    app.answers.append(app.hold)
    courier.accept(store.put(event(app.url, "1", clock)))
    await arrived(app, 1)
    assert clock.pending == [30.0]
    clock.advance(30.0)
    await parked_until(store, clock, 40.0)
    assert store.owed["1"].progress == Progress(
        1, 0, "TimedOut", "no answer within 30 s", clock.wall(), clock.wall() + 10.0
    )
    clock.advance(10.0)
    await until(lambda: bool(store.settled))
    assert (store.settled[0].delivered, store.settled[0].attempts) == (True, 2)


async def test_attempts_and_times_survive_a_restart(
    make: Make, app: App, clock: VirtualClock, tmp_path: Path
) -> None:
    app.usual = answering(500)
    journal = SqliteJournal.open(tmp_path)
    courier = make(outbox=journal)
    await courier.start()
    both = [event(app.url, "1", clock, attempts=3), callback(app.url, "call-1"), callback(app.url, "call-2")]
    await journal.write([], both)
    courier.accept(both)
    await until(lambda: clock.pending == [1.0, 10.0])
    # Nothing is tidied up: the process is gone.
    await courier.close()
    await journal.close()
    clock.advance(0.4)
    journal = SqliteJournal.open(tmp_path)
    courier = make(outbox=journal)
    await courier.start()
    await until(lambda: len(clock.pending) == 2)
    assert clock.pending == pytest.approx([1.0, 10.0])
    app.usual = answering(200)
    clock.advance(0.6 + 1e-6)
    await arrived(app, 4)
    app.usual = answering(404)
    clock.advance(9.0)
    await arrived(app, 5)
    # The time limit of a request under way would be at that moment too.
    await until(lambda: courier.waiting == 0 and clock.pending == pytest.approx([40.0]))
    await courier.close()
    courier = make(outbox=journal)
    clock.advance(60.0)
    await courier.start()
    await arrived(app, 6)
    await courier.idle()
    # What is written last is on disk last: now everything is settled.
    await journal.write([], [])
    tries = [(r.target, r.headers.get("aeg-delivery-count")) for r in app.received]
    assert sorted(tries[:2]) == [("/1", "0"), ("/call-1", None)]
    assert tries[2:] == [("/call-1", None), ("/call-2", None), ("/1", "1"), ("/1", "2")]
    (stored,) = await deliveries_of_lane(journal, "eventgrid/app/1")
    assert stored.settlement is not None
    assert (stored.settlement.delivered, stored.settlement.status, stored.settlement.attempts) == (
        False,
        404,
        3,
    )
    (first, second) = await deliveries_of_lane(journal, "call")
    assert first.settlement is not None
    assert second.settlement is not None
    assert (first.settlement.attempts, second.settlement.attempts) == (2, 1)
    await courier.close()
    await journal.close()


async def test_a_clock_set_back_does_not_put_off_for_longer_than_the_schedule(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    late = Progress(1, 503, "Busy", "", clock.wall() + 5000.0, clock.wall() + 5001.0)
    store.put(callback(app.url, "1"))
    await store.postpone("1", late, parked=False)
    courier = make()
    await courier.start()
    await due_at(clock, 1.0)
    clock.advance(1.0)
    await courier.idle()
    assert store.settled[0].attempts == 2


async def test_a_dead_endpoint_leaves_room_for_callbacks(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make(CourierSettings(max_grid=4, max_waiting=50))
    await courier.start()
    app.usual = app.hold
    courier.accept(store.put(*(event(app.url, str(n), clock) for n in range(200))))
    await arrived(app, 4)
    assert courier.waiting == 4
    await until(lambda: len(store.parked) == 196)
    # The callback goes out although two hundred others wait.
    app.usual = answering(200)
    courier.accept(store.put(callback(app.url, "call")))
    await until(lambda: bool(store.settled))
    assert store.settled[0].id == "call"
    app.release.set()
    await courier.idle()
    await until(lambda: len(clock.pending) == 1)
    rounds = 0
    while len(store.settled) < 201:
        rounds += 1
        assert rounds < 200
        assert courier.waiting <= 4
        clock.advance_to(clock.pending[0])
        # Until the only timer is the one for the next of them, and no time limit of a request.
        await until(
            lambda: (
                len(store.settled) == 201
                or (courier.waiting == 0 and bool(store.parked) and len(clock.pending) == 1)
            )
        )
    assert {s.id for s in store.settled} == {*(str(n) for n in range(200)), "call"}
    assert len(app.received) == 201


async def test_event_grids_patience_costs_callbacks_to_the_same_app_nothing(
    store: MemoryStore, app: App, clock: VirtualClock, tokens: TokenMinter
) -> None:
    narrow = Sender(clock, GUARD, per_origin=1)
    courier = Courier(store, clock, narrow, tokens, grid=GridPolicy(lambda: 0.0))
    await courier.start()
    app.answers.append(app.hold)
    courier.accept(store.put(event(app.url, "1", clock)))
    await arrived(app, 1)
    courier.accept(store.put(callback(app.url, "call")))
    await until(lambda: bool(store.settled))
    assert (store.settled[0].id, store.settled[0].delivered) == ("call", True)
    await courier.close()
    await narrow.close()


async def test_what_is_not_in_the_outbox_stays_in_memory(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make(CourierSettings(max_grid=1))
    await courier.start()
    app.answers.extend([answering(500), answering(500)])
    courier.accept_undurable([event(app.url, "1", clock), event(app.url, "2", clock)])
    await due_at(clock, 10.0, 10.0)
    assert courier.waiting == 2
    clock.advance(10.0)
    await courier.idle()
    assert sorted((s.id, s.delivered) for s in store.settled) == [("1", True), ("2", True)]


async def test_parking_waits_for_a_disk_that_fails(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    courier = make()
    await courier.start()
    app.answers.append(answering(500))
    deliveries = store.put(event(app.url, "1", clock))
    store.failing = JournalError("disk full")
    courier.accept(deliveries)
    await due_at(clock, 5.0)
    assert "delivery 1 waits, which could not be recorded: disk full" in caplog.text
    store.failing = None
    clock.advance(5.0)
    await due_at(clock, 10.0)
    store.failing = JournalError("disk full")
    clock.advance(5.0)
    await due_at(clock, 15.0)
    assert "the outbox could not be read, next try in 5 s" in caplog.text
    store.failing = None
    clock.advance(5.0)
    await until(lambda: bool(store.settled))
    assert (store.settled[0].delivered, store.settled[0].attempts) == (True, 2)


async def test_a_gate_that_stays_shut_parks_too(
    store: MemoryStore, app: App, clock: VirtualClock, sender: Sender, tokens: TokenMinter
) -> None:
    shut = True

    async def gate(delivery: Delivery) -> str:
        return "not validated" if shut else ""

    courier = Courier(store, clock, sender, tokens, gate=gate, grid=GridPolicy(lambda: 0.0))
    await courier.start()
    courier.accept(store.put(event(app.url, "1", clock, attempts=1)))
    for due in (1.0, 3.0, 7.0, 15.0):
        await due_at(clock, due)
        assert courier.waiting == 1
        clock.advance_to(due)
    await parked_until(store, clock, 31.0)
    assert courier.waiting == 0
    assert store.owed["1"].progress == Progress(note="not validated", next_at=clock.wall() + 16.0)
    shut = False
    clock.advance_to(31.0)
    await until(lambda: bool(store.settled))
    assert counts(app) == ["0"]
    assert store.settled[0].delivered


async def test_a_read_that_was_under_way_does_not_bring_back_what_was_settled(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    """A row can be settled after it was read and before the reader gets it."""
    courier = make(CourierSettings(max_waiting=2))
    await courier.start()
    gate = asyncio.Event()
    read = store.pending_deliveries

    async def slow(limit: int | None = None) -> list[Delivery]:
        found = await read(limit)
        await gate.wait()
        return found

    app.answers.append(app.hold)
    courier.accept(store.put(*(callback(app.url, str(n), f"lane{n}") for n in range(3))))
    store.pending_deliveries = slow  # type: ignore[method-assign]
    # One of two is delivered, so the outbox is read: the other one is in what it brings.
    await until(lambda: len(store.settled) == 1)
    await clock.settle(20)
    app.release.set()
    await until(lambda: len(store.settled) == 2)
    gate.set()
    await courier.idle()
    assert sorted(s.id for s in store.settled) == ["0", "1", "2"]
    assert sorted(r.target for r in app.received) == ["/0", "/1", "/2"]


async def test_callbacks_to_a_slow_endpoint_do_not_wait_for_ever(
    store: MemoryStore, app: App, clock: VirtualClock, tokens: TokenMinter
) -> None:
    narrow = Sender(clock, GUARD, per_origin=1)
    courier = Courier(store, clock, narrow, tokens, CourierSettings(max_age=20.0, timeout=15.0))
    await courier.start()
    app.usual = app.hold
    courier.accept(store.put(*(callback(app.url, str(n), f"lane{n}") for n in range(4))))
    await arrived(app, 1)
    clock.advance(15.0)
    await arrived(app, 2)
    clock.advance(15.0)
    await until(lambda: len(store.settled) == 2)
    assert {s.note for s in store.settled} == {"waited 20 s for its turn, its endpoint is too slow"}
    assert all(s.attempts == 0 for s in store.settled)
    await courier.close()
    await narrow.close()
