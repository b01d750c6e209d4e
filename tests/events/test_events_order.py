"""Whatever fails: each lane in order and one at a time, every delivery settled once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from aiohttp import web
from events.doubles import Answer, App, MemoryStore, answering, hang_up
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash.events import Courier, CourierSettings, Reply, Sender, TargetPolicy, TokenMinter, Unreachable
from hookflash.ports.journal import Delivery, Entry
from hookflash.store import KeyStore, SqliteJournal
from hookflash.testing.clock import VirtualClock
from hookflash.waiting import pause


class ScriptedSender(Sender):
    """Answers from a script: (status, latency), status 0 is no answer. Checks that no lane overlaps."""

    def __init__(self, clock: VirtualClock, script: dict[str, list[tuple[int, float]]]) -> None:
        super().__init__(clock, TargetPolicy(allow_private=True, allow_http=True))
        self.virtual = clock
        self.script = {id: list(steps) for id, steps in script.items()}
        self.sent: list[tuple[str, str, int]] = []
        self.busy: Counter[str] = Counter()

    async def send(
        self,
        method: str,
        url: str,
        headers: Callable[[], Mapping[str, str]],
        body: bytes = b"",
        *,
        timeout: float,
        share: str = "",
    ) -> Reply:
        lane, id = url.split("/")[-2:]
        self.busy[lane] += 1
        assert self.busy[lane] == 1, f"two at a time in lane {lane}"
        steps = self.script[id]
        status, latency = steps.pop(0) if steps else (200, 0.0)
        self.sent.append((lane, id, status))
        try:
            await pause(self.virtual, min(latency, timeout))
        finally:
            self.busy[lane] -= 1
        if not status or latency >= timeout:
            raise Unreachable("scripted", min(latency, timeout))
        return Reply(status, seconds=latency)


steps = st.lists(
    st.tuples(
        st.sampled_from([200, 204, 503, 500, 429, 408, 404, 0]), st.sampled_from([0.0, 0.3, 4.0, 12.0])
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(
    plan=st.lists(st.tuples(st.integers(0, 3), steps), min_size=1, max_size=25),
    max_waiting=st.sampled_from([3, 1000]),
    chunk=st.integers(1, 25),
)
def test_order_per_lane_under_scripted_failures(
    plan: list[tuple[int, list[tuple[int, float]]]], max_waiting: int, chunk: int
) -> None:
    asyncio.run(check_order(plan, max_waiting, chunk))


async def check_order(plan: list[tuple[int, list[tuple[int, float]]]], max_waiting: int, chunk: int) -> None:
    clock = VirtualClock()
    store = MemoryStore()
    script = {str(n): steps for n, (_, steps) in enumerate(plan)}
    sender = ScriptedSender(clock, script)
    courier = Courier(store, clock, sender, NO_TOKENS, CourierSettings(max_waiting=max_waiting))
    await courier.start()
    deliveries = [
        Delivery(id=str(n), lane=str(lane), url=f"http://app/{lane}/{n}", body=b"[]")
        for n, (lane, _) in enumerate(plan)
    ]
    for start in range(0, len(deliveries), chunk):
        courier.accept(store.put(*deliveries[start : start + chunk]))
        await clock.elapse(0.1)
    idle = asyncio.create_task(courier.idle())
    for _ in range(20_000):
        if idle.done():
            break
        await clock.settle(3)
        if clock.next_at is not None:
            clock.advance_to(clock.next_at)
    assert idle.done()

    outcomes = {s.id: s for s in store.settled}
    assert len(store.settled) == len(outcomes) == len(plan)
    for lane in {d.lane for d in deliveries}:
        mine = [d.id for d in deliveries if d.lane == lane]
        attempts = [id for there, id, _ in sender.sent if there == lane]
        # Every attempt of one delivery comes before the first of the next.
        assert list(dict.fromkeys(attempts)) == mine
        assert attempts == sorted(attempts, key=mine.index)
    for id, settlement in outcomes.items():
        last = [status for _, sent, status in sender.sent if sent == id][-1]
        if settlement.delivered:
            assert 200 <= last < 300
        assert 1 <= settlement.attempts <= 5
    assert store.owed == {}


class _NoTokens(TokenMinter):
    def __init__(self) -> None:
        pass


NO_TOKENS = _NoTokens()


async def test_a_crash_loses_nothing_and_keeps_the_order(tmp_path: Path, app: App, sender: Sender) -> None:
    """Journal, courier and a misbehaving web server; stopped in full flight and started again, thrice."""
    rng = random.Random(20260)
    clock = VirtualClock()
    tokens = TokenMinter(KeyStore.open(tmp_path, 0.0), clock)
    moods: list[Answer] = [answering(200)] * 6 + [answering(503), answering(429), answering(408), hang_up]

    async def moody(request: web.BaseRequest) -> web.StreamResponse:
        return await rng.choice(moods)(request)

    app.usual = moody
    lanes = 12
    count = 0
    acknowledged: list[str] = []
    # Virtual time runs on freely here, so neither time nor tries may make the courier give up.
    patient = CourierSettings(timeout=1e9, patience=1e9)
    for life in range(4):
        journal = SqliteJournal.open(tmp_path)
        courier = Courier(journal, clock, sender, tokens, patient)
        journal.on_outbox = courier.accept
        await courier.start()
        for _ in range(60):
            lane = f"lane{rng.randrange(lanes)}"
            id = f"{lane}.{count}"
            count += 1
            url = f"{app.url}/{lane}/{id}"
            await journal.write(
                [Entry("event", "e", 0.0, connection=lane)],
                [Delivery(id=id, lane=lane, url=url, body=b"[]", audience="guid", attempts=10_000)],
            )
            acknowledged.append(id)
            clock.advance(0.5)
        if life == 3:
            while courier.waiting:
                await asyncio.sleep(0.001)
                clock.advance(1.0)
        await courier.close()
        await journal.close()

    journal = SqliteJournal.open(tmp_path)
    assert await journal.pending_deliveries() == []
    await journal.close()
    for lane in (f"lane{n}" for n in range(lanes)):
        mine = [id for id in acknowledged if id.startswith(f"{lane}.")]
        arrived = [r.target.split("/")[2] for r in app.received if r.target.startswith(f"/{lane}/")]
        # Repeats are allowed (the app drops them by id); first arrivals are in order and complete.
        assert list(dict.fromkeys(arrived)) == mine
