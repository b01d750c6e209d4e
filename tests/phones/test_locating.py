"""Paths to the targets of trunks, by DNS on loopback and by what has failed of late."""

from __future__ import annotations

import pytest
from phones.name_server import NameServer

from hookflash.phones import locating
from hookflash.phones.locating import LocatingNetwork
from hookflash.phones.name_cache import CachedNames
from hookflash.phones.resolver import DnsNames
from hookflash.ports.names import Answer, Question, RecordKind, Srv
from hookflash.sip.flow import Address, Flow
from hookflash.testing.clock import VirtualClock

US = ("192.0.2.100", 5060)
ZONE = {
    ("_sip._udp.carrier.example", "SRV"): ["1 0 5060 a.carrier.example.", "2 0 5070 b.carrier.example."],
    ("_sips._tcp.carrier.example", "SRV"): ["1 0 5061 a.carrier.example."],
    ("carrier.example", "NAPTR"): ['1 1 "s" "SIPS+D2T" "" _sips._tcp.carrier.example.'],
    ("a.carrier.example", "A"): ["192.0.2.1"],
    ("b.carrier.example", "A"): ["192.0.2.2"],
}


class Wires:
    """Transports that only know paths."""

    reachable: tuple[str, ...] = ("UDP", "TCP", "TLS")

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Flow]] = []

    def families(self, transport: str) -> tuple[RecordKind, ...]:
        return (RecordKind.A,)

    def path(self, transport: str, address: Address, name: str = "") -> Flow:
        return Flow(transport, US, address, 0, name)

    def send(self, data: bytes, flow: Flow) -> None:
        self.sent.append((data, flow))


class Bench:
    def __init__(self, server: NameServer) -> None:
        self.clock = VirtualClock()
        self.wires = Wires()
        names = CachedNames(DnsNames([server.address]), self.clock)
        self.network = LocatingNetwork(self.wires, names, self.clock, draw=lambda: 0.0)

    async def hosts(self, transport: str, host: str, port: int | None = None) -> list[str]:
        return [flow.remote[0] for flow in await self.network.flows_to(transport, host, port)]


async def test_servers_come_in_their_order_with_the_name_they_have_to_prove() -> None:
    async with NameServer(ZONE) as server:
        bench = Bench(server)
        flows = await bench.network.flows_to("UDP", "carrier.example", None)
        assert [flow.remote for flow in flows] == [("192.0.2.1", 5060), ("192.0.2.2", 5070)]
        (secure,) = await bench.network.flows_to("", "carrier.example", None, secure=True)
        assert secure == Flow("TLS", US, ("192.0.2.1", 5061), 0, "carrier.example")
        asked = list(server.asked)
        await bench.network.flows_to("UDP", "carrier.example", None)
        assert server.asked == asked
        bench.clock.advance(61.0)
        await bench.network.flows_to("UDP", "carrier.example", None)
        assert len(server.asked) > len(asked)
        bench.network.send(b"x", secure)
        assert bench.wires.sent == [(b"x", secure)]


async def test_who_has_failed_comes_last_for_a_while() -> None:
    async with NameServer(ZONE) as server:
        bench = Bench(server)
        (first, second) = await bench.network.flows_to("UDP", "carrier.example", None)
        bench.network.avoid(first, 60.0)
        assert await bench.hosts("UDP", "carrier.example") == ["192.0.2.2", "192.0.2.1"]
        bench.network.avoid(second, 60.0)
        assert await bench.hosts("UDP", "carrier.example") == ["192.0.2.1", "192.0.2.2"]
        bench.clock.advance(60.0)
        assert await bench.hosts("UDP", "carrier.example") == ["192.0.2.1", "192.0.2.2"]


async def test_what_is_avoided_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locating, "MAX_AVOIDED", 3)
    async with NameServer(ZONE) as server:
        bench = Bench(server)
        for number in range(10):
            bench.network.avoid(Flow("UDP", US, ("192.0.2.1", number)), 60.0)
        assert len(bench.network._avoided) == 3


async def test_addresses_are_found_where_services_are_not_answered_for() -> None:
    zone = {("sbc.example", "A"): ["192.0.2.5"]}
    async with NameServer(zone) as server:
        bench = Bench(server)
        assert await bench.hosts("UDP", "sbc.example") == ["192.0.2.5"]


async def test_nobody_there_is_an_error_that_says_so() -> None:
    async with NameServer(ZONE) as server:
        bench = Bench(server)
        with pytest.raises(OSError, match=r"nowhere\.example has no server"):
            await bench.hosts("UDP", "nowhere.example")
        server.broken = True
        with pytest.raises(OSError, match="could not answer"):
            await bench.hosts("UDP", "other.example")
        assert await bench.hosts("UDP", "192.0.2.9") == ["192.0.2.9"]
        bench.wires.reachable = ("UDP",)
        with pytest.raises(OSError, match="no such transport; there are UDP"):
            await bench.hosts("TLS", "carrier.example")


async def test_a_domain_whose_servers_nobody_answers_for_does_not_hold_up_a_call() -> None:
    clock, wires = VirtualClock(), Wires()

    class Slow:
        """Names thirty servers; nobody answers for any but the first."""

        asked = 0

        async def ask(self, question: Question) -> Answer:
            self.asked += 1
            if question.kind is RecordKind.SRV:
                found = [Srv(number, 0, 5060, f"s{number}.carrier.example") for number in range(30)]
                return Answer(tuple(found), 60.0)
            if question.name == "s0.carrier.example" and self.asked < 20:
                return Answer(("192.0.2.1",), 60.0)
            clock.advance(4.0)
            raise OSError("no name server answered")

    names = Slow()
    network = LocatingNetwork(wires, names, clock)
    (flow,) = await network.flows_to("UDP", "carrier.example", None)
    assert flow.remote == ("192.0.2.1", 5060)
    assert clock.now() <= locating.PATIENCE + 4.0
    names.asked = 20
    with pytest.raises(OSError, match=r"carrier\.example could not be looked up within 10 s"):
        await network.flows_to("UDP", "carrier.example", None)
    assert clock.now() <= 2 * (locating.PATIENCE + 4.0)
