"""Whatever fails and whenever the process ends: Event Grid deliveries are neither lost nor done over."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping

from events.doubles import MemoryStore
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash.events import Courier, CourierSettings, Reply, Sender, TargetPolicy, TokenMinter, Unreachable
from hookflash.events.policies import GRID_FINAL, GridPolicy
from hookflash.ports.journal import Delivery
from hookflash.testing.clock import VirtualClock
from hookflash.waiting import pause

TTL = 7200.0
ATTEMPTS = 8


class ScriptedSender(Sender):
    """Answers from a script, status 0 is no answer, and keeps the delivery count of each request."""

    def __init__(self, clock: VirtualClock, script: Mapping[str, list[int]]) -> None:
        super().__init__(clock, TargetPolicy(allow_private=True, allow_http=True))
        self.virtual = clock
        self.script = {id: list(steps) for id, steps in script.items()}
        self.sent: dict[str, list[tuple[int, int]]] = defaultdict(list)

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
        id = url.rpartition("/")[2]
        steps = self.script[id]
        status = steps.pop(0) if steps else 200
        self.sent[id].append((int(headers()["aeg-delivery-count"]), status))
        await pause(self.virtual, 0.2)
        if not status:
            raise Unreachable("scripted", 0.2)
        return Reply(status, seconds=0.2)


class NoTokens(TokenMinter):
    def __init__(self) -> None:
        pass


@settings(max_examples=100, deadline=None)
@given(
    plan=st.lists(
        st.lists(st.sampled_from([200, 500, 503, 404, 0, 400]), max_size=9), min_size=1, max_size=12
    ),
    lives=st.lists(st.sampled_from([0.1, 5.0, 10.2, 31.0, 400.0]), max_size=6),
    max_grid=st.sampled_from([1, 3, 100]),
)
def test_nothing_is_lost_or_done_over(plan: list[list[int]], lives: list[float], max_grid: int) -> None:
    asyncio.run(check(plan, lives, max_grid))


async def check(plan: list[list[int]], lives: list[float], max_grid: int) -> None:
    clock = VirtualClock()
    store = MemoryStore()
    sender = ScriptedSender(clock, {str(n): steps for n, steps in enumerate(plan)})
    deliveries = [
        Delivery(
            id=str(n),
            lane=f"eventgrid/app/{n}",
            url=f"http://app/{n}",
            body=b"[{}]",
            headers={"aeg-event-type": "Notification"},
            attempts=ATTEMPTS,
            expires_at=clock.wall() + TTL,
        )
        for n in range(len(plan))
    ]

    def courier() -> Courier:
        bounds = CourierSettings(max_grid=max_grid)
        return Courier(store, clock, sender, NoTokens(), bounds, grid=GridPolicy(lambda: 0.0))

    first = courier()
    await first.start()
    first.accept(store.put(*deliveries))
    running = first
    for life in lives:
        await clock.elapse(life)
        # As a crash: nothing is waited for.
        await running.close()
        running = courier()
        await running.start()
    while store.owed:
        assert clock.now() < 4 * TTL, "somebody waits for ever"
        await clock.elapse(30.0)
        assert running.waiting <= max_grid
    await running.close()

    settled = {one.id: one for one in store.settled}
    assert len(settled) == len(store.settled) == len(plan)
    for id, one in settled.items():
        counts = [count for count, _ in sender.sent[id]]
        if not counts:
            # It never had its turn: with little room in memory, time ran out before.
            assert (one.attempts, one.delivered) == (0, False)
            continue
        statuses = [status for _, status in sender.sent[id]]
        # An attempt cut off by the end of the process is made again under the same count.
        assert all(after - before in (0, 1) for before, after in itertools.pairwise(counts))
        assert len(counts) <= one.attempts + len(lives)
        assert counts[0] == 0
        assert max(counts) == one.attempts - 1
        assert one.attempts <= ATTEMPTS
        if one.delivered:
            assert statuses[-1] == 200
        else:
            ended = statuses[-1] in GRID_FINAL or one.attempts == ATTEMPTS
            assert ended or "its time is over" in one.note or one.note.startswith("expired")
