"""What whoever runs a server sees of its trunks."""

from __future__ import annotations

from hookflash.phones.config import PhonesConfig, TrunkConfig
from hookflash.phones.trunks.config import Share, TrunkCare
from hookflash.phones.trunks.view import view
from tests.phones.asked import Asked, granting
from tests.phones.exchange import THEM, Bench, incoming, sdp


async def test_targets_registration_calls_and_limits_are_shown() -> None:
    care = TrunkCare(
        calls=1,
        calls_per_second=9.0,
        shares=(Share(10, 60), Share(20, 1)),
        health_interval=30.0,
        health_failures=1,
        register=True,
    )
    other = TrunkConfig("other", (("192.0.2.9", None),), transport="")
    trunk = TrunkConfig("carrier", (THEM, ("192.0.2.4", None)), username="alice", password="pw", care=care)
    bench = Bench(PhonesConfig(trunks=(trunk, other)))
    Asked(bench, THEM, granting)
    await bench.phones.resolve_trunks()
    await bench.settle(12.0)
    await incoming(bench, sdp())
    bench.far.call(body=sdp())
    await bench.settle(0.5)
    one, two = view(bench.phones.desk, bench.clock).value
    assert (one.name, one.transport, one.up, one.calls) == ("carrier", "udp", True, 1)
    first, second = one.targets
    assert (first.target, first.up, first.priority, first.weight) == ("192.0.2.1:5060", True, 10, 60)
    assert first.since is not None
    assert first.since.endswith("Z")
    assert (second.target, second.up, second.priority) == ("192.0.2.4", False, 20)
    assert "408" in second.problem
    assert one.limits == {"calls": 1.0, "callsPerSecond": 9.0}
    assert one.refused == {"calls": 1}
    assert one.registration is not None
    assert (one.registration.state, one.registration.registrar) == ("registered", "192.0.2.1:5060")
    assert 500 < one.registration.seconds_left < 600
    assert (two.transport, two.limits, two.registration, two.targets[0].watched) == ("auto", {}, None, False)
    Asked(bench, THEM, lambda request: None)
    await bench.settle(700.0)
    registration = view(bench.phones.desk, bench.clock).value[0].registration
    assert registration is not None
    assert (registration.state, registration.registrar) in (("waiting", ""), ("registering", ""))
    await bench.phones.close()
