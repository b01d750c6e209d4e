from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest
from events.doubles import Answer, App, MemoryStore, answering, arrived, due_at, hang_up, until

from hookflash.events import Courier, CourierSettings, Sender, TokenMinter, Withdrawn
from hookflash.events.courier import Gate, OnDelivered, OnDropped
from hookflash.ports.journal import Delivery
from hookflash.testing.clock import VirtualClock

Make = Callable[..., Courier]


@pytest.fixture
def make(store: MemoryStore, clock: VirtualClock, sender: Sender, tokens: TokenMinter) -> Make:
    def made(
        settings: CourierSettings | None = None,
        *,
        gate: Gate | None = None,
        on_delivered: OnDelivered | None = None,
        on_dropped: OnDropped | None = None,
    ) -> Courier:
        return Courier(
            store,
            clock,
            sender,
            tokens,
            settings,
            gate=gate,
            on_delivered=on_delivered,
            on_dropped=on_dropped,
        )

    return made


def delivery(
    url: str,
    id: str,
    lane: str = "lane",
    *,
    audience: str = "",
    attempts: int = 5,
    expires_at: float | None = None,
) -> Delivery:
    return Delivery(
        id=id,
        lane=lane,
        url=f"{url}/{id}",
        body=b'[{"data":{"correlationId":"5683b58d"}}]',
        audience=audience,
        attempts=attempts,
        expires_at=expires_at,
        name="CallConnected",
    )


def paths(app: App) -> list[str]:
    return [r.target.lstrip("/") for r in app.received]


async def test_deliveries_of_a_lane_go_out_in_order_one_at_a_time(
    make: Make, store: MemoryStore, app: App
) -> None:
    courier = make()
    await courier.start()
    app.usual = app.hold
    courier.accept(store.put(*(delivery(app.url, str(n)) for n in range(5))))
    await until(lambda: len(app.received) == 1)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(app.received) == 1
    assert courier.waiting == 5
    app.release.set()
    await courier.idle()
    assert paths(app) == ["0", "1", "2", "3", "4"]
    assert [(s.id, s.delivered, s.status, s.attempts) for s in store.settled] == [
        (str(n), True, 200, 1) for n in range(5)
    ]
    assert courier.waiting == 0
    assert courier._lanes == {}


async def test_lanes_do_not_wait_for_each_other(make: Make, store: MemoryStore, app: App) -> None:
    courier = make()
    await courier.start()
    app.answers.append(app.hold)
    courier.accept(store.put(delivery(app.url, "slow", "a")))
    await until(lambda: len(app.received) == 1)
    courier.accept(store.put(delivery(app.url, "behind", "a"), delivery(app.url, "quick", "b")))
    await until(lambda: len(store.settled) == 1)
    assert store.settled[0].id == "quick"
    app.release.set()
    await courier.idle()
    assert paths(app) == ["slow", "quick", "behind"]


@pytest.mark.parametrize("failure", [answering(503), answering(500), answering(429), answering(408), hang_up])
async def test_failures_that_may_pass_are_tried_again_with_the_same_id(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock, failure: Answer
) -> None:
    courier = make()
    await courier.start()
    app.answers.extend([failure] * 4)
    courier.accept(store.put(delivery(app.url, "1", audience="guid"), delivery(app.url, "2")))
    for n, due in enumerate((1.0, 3.0, 7.0, 15.0)):
        await due_at(clock, due)
        assert paths(app) == ["1"] * (n + 1)
        clock.advance_to(due)
    await courier.idle()
    assert paths(app) == ["1"] * 5 + ["2"]
    assert (store.settled[0].delivered, store.settled[0].attempts) == (True, 5)
    assert len({r.headers["authorization"] for r in app.received[:5]}) == 5


async def test_attempts_have_a_bound(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    dropped: list[str] = []
    courier = make(on_dropped=lambda delivery, reason: dropped.append(reason))
    await courier.start()
    app.answers.extend([answering(503, "nope")] * 2)
    with caplog.at_level(logging.INFO, "hookflash.events"):
        courier.accept(store.put(delivery(app.url, "1", attempts=2), delivery(app.url, "2")))
        await until(lambda: clock.pending == [1.0])
        clock.advance(1.0)
        await courier.idle()
    reason = "gave up after 2 attempts; last: the endpoint answered 503 Service Unavailable: nope"
    assert dropped == [reason]
    assert store.settled[0].note == reason
    assert [s.delivered for s in store.settled] == [False, True]
    first, second = caplog.records
    assert first.levelno == logging.WARNING
    assert reason in first.getMessage()
    assert first.__dict__["callConnectionId"] == "lane"
    assert first.__dict__["correlationId"] == "5683b58d"
    assert "CallConnected delivered to http://127.0.0.1" in second.getMessage()
    assert second.__dict__["status"] == 200


async def test_an_endpoint_that_never_answers_holds_its_lane_for_thirty_seconds(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make()
    await courier.start()
    app.answers.extend([app.hold] * 3)
    courier.accept(store.put(delivery(app.url, "dead"), delivery(app.url, "next")))
    for n, (deadline, retry) in enumerate(((10.0, 11.0), (21.0, 23.0), (30.0, None))):
        await arrived(app, n + 1)
        assert clock.pending == [deadline]
        clock.advance_to(deadline)
        if retry is not None:
            await due_at(clock, retry)
            clock.advance_to(retry)
    await courier.idle()
    assert paths(app) == ["dead", "dead", "dead", "next"]
    assert clock.now() == 30.0
    assert store.settled[0].note == "gave up, its time is over; last: no answer within 7 s"
    assert store.settled[0].status == 0


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302])
async def test_other_answers_drop_at_once(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock, status: int
) -> None:
    courier = make()
    await courier.start()
    app.answers.append(answering(status, "no"))
    courier.accept(store.put(delivery(app.url, "1"), delivery(app.url, "2")))
    await courier.idle()
    assert paths(app) == ["1", "2"]
    assert (store.settled[0].delivered, store.settled[0].status) == (False, status)
    assert str(status) in store.settled[0].note


@pytest.mark.parametrize(("asked", "due"), [("7", 7.0), ("0", 1.0), ("600", 20.0)])
async def test_retry_after_is_honoured_within_bounds(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock, asked: str, due: float
) -> None:
    courier = make()
    await courier.start()
    app.answers.append(answering(429, "", {"Retry-After": asked}))
    courier.accept(store.put(delivery(app.url, "1")))
    await until(lambda: clock.pending == [due])
    clock.advance_to(due)
    await courier.idle()
    assert store.settled[0].delivered


async def test_expired_deliveries_are_dropped_unsent(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make()
    await courier.start()
    courier.accept(store.put(delivery(app.url, "old", expires_at=clock.wall())))
    await courier.idle()
    assert app.received == []
    assert store.settled[0].note == "expired"
    app.answers.append(answering(503))
    courier.accept(store.put(delivery(app.url, "soon", expires_at=clock.wall() + 0.5)))
    await courier.idle()
    assert store.settled[1].note.startswith("gave up, its time is over; last: the endpoint answered 503")


async def test_what_was_owed_before_the_start_goes_first(make: Make, store: MemoryStore, app: App) -> None:
    courier = make()
    store.put(*(delivery(app.url, f"old{n}") for n in range(3)))
    both = store.put(delivery(app.url, "new0"))
    courier.accept(both)
    start = asyncio.create_task(courier.start())
    await asyncio.sleep(0)
    courier.accept(store.put(delivery(app.url, "new1")))
    await start
    courier.accept(store.put(delivery(app.url, "new2")))
    await courier.idle()
    assert paths(app) == ["old0", "old1", "old2", "new0", "new1", "new2"]


async def test_a_start_that_cannot_read_the_outbox_says_so(make: Make, store: MemoryStore) -> None:
    store.failing = OSError("disk on fire")
    with pytest.raises(OSError, match="disk on fire"):
        await make().start()


async def test_more_than_fits_in_memory_waits_in_the_outbox(make: Make, store: MemoryStore, app: App) -> None:
    courier = make(CourierSettings(max_waiting=10))
    await courier.start()
    app.answers.append(app.hold)
    ids = [f"{n:03d}" for n in range(100)]
    most = 0
    for id in ids:
        courier.accept(store.put(delivery(app.url, id, f"lane{int(id) % 3}")))
        most = max(most, courier.waiting)
    app.release.set()
    await courier.idle()
    assert most == 10
    for lane in range(3):
        mine = [id for id in ids if int(id) % 3 == lane]
        assert [path for path in paths(app) if int(path) % 3 == lane] == mine
    assert sorted(paths(app)) == ids
    assert courier._known == set()


async def test_the_courier_survives_an_outbox_that_fails_for_a_while(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    courier = make(CourierSettings(max_waiting=2))
    await courier.start()
    app.answers.append(app.hold)
    courier.accept(store.put(*(delivery(app.url, str(n)) for n in range(4))))
    await until(lambda: len(app.received) == 1)
    store.failing = OSError("disk on fire")
    app.release.set()
    await until(lambda: clock.pending == [5.0, 5.0, 5.0])
    assert "0 may be repeated after a restart: disk on fire" in caplog.text
    assert "could not be read, next try in 5 s" in caplog.text
    store.failing = None
    clock.advance(5.0)
    await clock.elapse(5.0)
    await courier.idle()
    assert paths(app) == ["0", "1", "2", "3"]
    assert store.owed == {}
    assert courier._known == set()


async def test_the_gate_holds_back_lets_pass_and_withdraws(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    reasons = ["not yet", "not yet", ""]

    async def gate(delivery: Delivery) -> str:
        if delivery.id == "unwanted":
            raise Withdrawn("nobody wants it")
        if delivery.id == "never":
            return "never ready"
        return reasons.pop(0)

    courier = make(gate=gate)
    await courier.start()
    courier.accept(store.put(delivery(app.url, "1", attempts=1), delivery(app.url, "unwanted")))
    for due in (1.0, 3.0):
        await due_at(clock, due)
        assert app.received == []
        clock.advance_to(due)
    await courier.idle()
    assert paths(app) == ["1"]
    assert [(s.delivered, s.note) for s in store.settled] == [(True, ""), (False, "nobody wants it")]
    courier.accept(store.put(delivery(app.url, "never")))
    while courier.waiting:
        await clock.elapse(1.0)
    assert store.settled[2].note == "gave up, its time is over; last: never ready"
    assert store.settled[2].attempts == 0


async def test_a_fault_with_one_delivery_does_not_stop_its_lane(
    make: Make, store: MemoryStore, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    async def gate(delivery: Delivery) -> str:
        if delivery.id == "1":
            raise RuntimeError("a bug")
        return ""

    courier = make(gate=gate)
    await courier.start()
    courier.accept(store.put(delivery(app.url, "1"), delivery(app.url, "2")))
    await courier.idle()
    assert paths(app) == ["2"]
    assert "internal error: RuntimeError('a bug')" in store.settled[0].note
    assert "could not be delivered" in caplog.text


async def test_observers_hear_of_deliveries(make: Make, store: MemoryStore, app: App) -> None:
    heard: list[tuple[str, int, float]] = []
    courier = make(on_delivered=lambda delivery, status, ms: heard.append((delivery.id, status, ms)))
    await courier.start()
    app.usual = answering(202)
    courier.accept(store.put(delivery(app.url, "1")))
    await courier.idle()
    assert heard == [("1", 202, 0.0)]


async def test_what_is_not_delivered_at_the_end_stays_owed(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make()
    await courier.start()
    app.usual = app.hold
    courier.accept(store.put(delivery(app.url, "1"), delivery(app.url, "2")))
    await until(lambda: len(app.received) == 1)
    closing = asyncio.create_task(courier.close(grace=5.0))
    await clock.elapse(5.0)
    await closing
    courier.accept(store.put(delivery(app.url, "3")))
    assert store.settled == []
    app.release.set()
    app.usual = answering(200)
    again = make()
    await again.start()
    await again.idle()
    assert paths(app) == ["1", "1", "2", "3"]


async def test_the_grace_ends_early_when_all_is_delivered(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make()
    await courier.start()
    courier.accept(store.put(delivery(app.url, "1")))
    await courier.close(grace=5.0)
    assert store.settled[0].delivered
    assert clock.now() == 0.0
    await make().close()


async def test_what_comes_within_the_grace_still_goes_out(
    make: Make, store: MemoryStore, app: App, clock: VirtualClock
) -> None:
    courier = make()
    await courier.start()
    app.answers.append(app.hold)
    courier.accept(store.put(delivery(app.url, "1")))
    await arrived(app, 1)
    closing = asyncio.create_task(courier.close(grace=5.0))
    await clock.settle()
    courier.accept(store.put(delivery(app.url, "2")))
    app.release.set()
    await closing
    assert [(s.id, s.delivered) for s in store.settled] == [("1", True), ("2", True)]
