"""Names by DNS, asked of a name server on loopback; the hosts file; the system."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop
from phones.name_server import NameServer

from hookflash.phones import resolver
from hookflash.phones.resolver import LOCAL_TTL, NOTHING_TTL, DnsNames
from hookflash.ports.names import Answer, Naptr, Question, RecordKind, Srv

NAPTR, SRV, A, AAAA = RecordKind.NAPTR, RecordKind.SRV, RecordKind.A, RecordKind.AAAA
ZONE = {
    ("example.org", "NAPTR"): ['50 60 "s" "SIPS+D2T" "" _sips._tcp.example.org.'],
    ("_sips._tcp.example.org", "SRV"): ["1 2 5061 a.example.org.", "2 0 443 ."],
    ("a.example.org", "A"): ["192.0.2.1", "192.0.2.2"],
    ("a.example.org", "AAAA"): ["2001:db8::1"],
    ("many.example.org", "A"): [f"192.0.{number // 250}.{number % 250 + 1}" for number in range(400)],
}


def run(
    test: Callable[[NameServer, DnsNames], Awaitable[None]], loop: str = "uvloop", hosts: str = ""
) -> None:
    async def main() -> None:
        async with NameServer(ZONE) as server:
            await test(server, DnsNames([server.address], Path(hosts or "/nonexistent")))

    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_records_of_every_kind(loop: str) -> None:
    async def test(server: NameServer, names: DnsNames) -> None:
        naptr = Naptr(50, 60, "s", "SIPS+D2T", "_sips._tcp.example.org")
        assert await names.ask(Question("example.org", NAPTR)) == Answer((naptr,), 60.0)
        srv = await names.ask(Question("_sips._tcp.example.org", SRV))
        assert set(srv.records) == {Srv(1, 2, 5061, "a.example.org"), Srv(2, 0, 443, "")}
        addresses = await names.ask(Question("A.Example.org", A))
        assert set(addresses.records) == {"192.0.2.1", "192.0.2.2"}
        assert (await names.ask(Question("a.example.org", AAAA))).records == ("2001:db8::1",)

    run(test, loop)


def test_what_is_not_there_is_no_error() -> None:
    async def test(server: NameServer, names: DnsNames) -> None:
        for question in (Question("nowhere.example.org", A), Question("example.org", A)):
            assert await names.ask(question) == Answer((), NOTHING_TTL)
        assert server.asked == ["nowhere.example.org A", "example.org A"]

    run(test)


def test_long_answers_come_over_tcp_and_are_bounded() -> None:
    async def test(server: NameServer, names: DnsNames) -> None:
        server.short = True
        found = await names.ask(Question("many.example.org", A))
        assert len(found.records) == resolver.MAX_RECORDS
        assert server.asked[-1] == "many.example.org A tcp"

    run(test)


def test_a_server_that_fails_or_is_silent_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "TIMEOUT", 0.3)

    async def test(server: NameServer, names: DnsNames) -> None:
        server.broken = True
        with pytest.raises(OSError, match=r"A of a\.example\.org: the name servers could not answer"):
            await names.ask(Question("a.example.org", A))
        server.broken, server.silent = False, True
        with pytest.raises(OSError, match="no name server answered"):
            await names.ask(Question("a.example.org", A))

    run(test)


@pytest.mark.parametrize("name", ["a..example", "x" * 80 + ".example", "." * 300])
def test_a_name_that_is_none_is_an_error(name: str) -> None:
    async def test(server: NameServer, names: DnsNames) -> None:
        with pytest.raises(OSError):
            await names.ask(Question(name, SRV))

    run(test)


@pytest.mark.parametrize("name", ["x" * 80, "a..local", "x" * 80 + ".local"])
def test_a_name_of_this_machine_that_is_none_is_an_error(name: str) -> None:
    async def test(server: NameServer, names: DnsNames) -> None:
        with pytest.raises(OSError, match="is no name that can be looked up"):
            await names.ask(Question(name, A))

    run(test)


def test_the_hosts_file_comes_first(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "192.0.2.77 a.example.org sbc # A.example.org\n2001:db8::7 sbc\nnonsense a.example.org\n"
    )

    async def test(server: NameServer, names: DnsNames) -> None:
        assert await names.ask(Question("A.example.org", A)) == Answer(("192.0.2.77",), LOCAL_TTL)
        assert (await names.ask(Question("sbc", AAAA))).records == ("2001:db8::7",)
        assert server.asked == []
        assert (await names.ask(Question("a.example.org", AAAA))).records == ("2001:db8::1",)

    run(test, hosts=str(hosts))


def test_names_of_this_machine_are_not_asked_of_a_server() -> None:
    async def test(server: NameServer, names: DnsNames) -> None:
        assert (await names.ask(Question("localhost", A))).records == ("127.0.0.1",)
        for name in ("_sip._udp.localhost", "printer.local"):
            assert (await names.ask(Question(name, SRV))).records == ()
        assert server.asked == []

    run(test)
