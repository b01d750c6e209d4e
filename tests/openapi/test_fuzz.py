"""Whatever is sent, the server refuses with a reason or does it; it never fails."""

from __future__ import annotations

import pytest
from openapi.fuzzing import World


def report(world: World) -> str:
    return f"{world.requests} requests: {dict(sorted(world.statuses.items()))}"


def reaches_in(world: World) -> None:
    """The requests were not all refused at the door."""
    done = {name for name, status in world.reached if status < 300}
    assert sum(count for status, count in world.statuses.items() if status < 300) > world.requests // 20, (
        report(world)
    )
    assert any(name.startswith("POST") and "{callConnectionId}:" in name for name in done), sorted(done)
    assert any("/participants" in name for name in done), sorted(done)


def test_no_request_makes_it_fail(world: World) -> None:
    world.fuzz(300)
    print(report(world))
    reaches_in(world)


@pytest.mark.slow
def test_no_request_of_twenty_thousand_makes_it_fail(world: World) -> None:
    world.fuzz(world.requests + 20_000)
    print(report(world))
    reaches_in(world)
