"""Trunks and routes set with the official SDK: what is shown, what holds, what is refused, what outlives."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from api.conftest import Live
from api.edge import DEVELOPMENT, FakeEngine, surface
from azure.communication.phonenumbers.siprouting import SipRoutingClient, SipTrunk, SipTrunkRoute
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError

from hookflash.api.numbers import operations
from hookflash.api.ports import Resource
from hookflash.clock import LoopClock
from hookflash.composition.numbers import ConfiguredNumbers, configured_sip
from hookflash.composition.sip_tables import SPACE, SipTables
from hookflash.composition.telephony import app_trunk, phones_config, shown_trunks
from hookflash.config import DEVELOPMENT_ACCESS_KEY, DEVELOPMENT_RESOURCE_ID, parse
from hookflash.phones.config import TrunkConfig
from hookflash.phones.route_book import AppRoute, RouteBook
from hookflash.phones.routes import Routes
from hookflash.store.journal import SqliteJournal
from hookflash.wire.numbers import SipPatch, SipRouteWish
from hookflash.wire.numbers import SipTrunk as Trunk

OTHER_KEY = "b3RoZXIgcmVzb3VyY2Uga2V5OiB0aGlydHktdHdvIGJ5dGVzIG9yIG1vcmUh"
OTHER = Resource("other", "0e0e0e0e-0000-4000-8000-000000000001", (OTHER_KEY,))
FILE = """
[[trunk]]
name = "carrier"
targets = ["sip.carrier.example:5070"]
[[route]]
pattern = "+49*"
trunk = "carrier"
"""
GERMANY = ("+49* to carrier", "priority 100", r"\+49(.*)", ["sip.carrier.example"])


class Phones:
    """Knows what calls go by."""

    def __init__(self) -> None:
        config = phones_config(parse(FILE))
        self.book = RouteBook(Routes(config.trunks, config.routes))
        self.trunks: tuple[TrunkConfig, ...] = ()

    def route_for_apps(
        self, routes: Mapping[str, tuple[AppRoute, ...]], trunks: tuple[TrunkConfig, ...]
    ) -> None:
        self.book.become(routes)
        self.trunks = trunks

    def targets(self, number: str, resource: str) -> list[tuple[str, int | None]]:
        return [choice.trunk.targets[0] for choice in self.book.choices(number, resource)]


class Documents:
    """What is kept, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def documents(self, space: str) -> dict[str, bytes]:
        return dict(self.kept)

    def put_document(self, space: str, key: str, body: bytes) -> asyncio.Future[None]:
        assert space == SPACE
        self.kept[key] = body
        written = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written

    def delete_document(self, space: str, key: str) -> asyncio.Future[None]:
        raise NotImplementedError


def made(documents: Any, file: str = FILE) -> tuple[SipTables, Phones]:
    settings, phones = parse(file), Phones()
    trunks = shown_trunks(phones_config(settings).trunks)
    return SipTables(lambda: configured_sip(settings), trunks, documents, app_trunk(settings), phones), phones


class World:
    """A server with the tables behind it, and clients of two resources."""

    def __init__(self) -> None:
        tables, self.phones = made(Documents())
        numbers = operations(ConfiguredNumbers(lambda: parse(FILE), tables))
        self.live = Live(
            lambda: surface(FakeEngine(), LoopClock(), resources=(DEVELOPMENT, OTHER), more=numbers)
        )

    def client(self, key: str = DEVELOPMENT_ACCESS_KEY) -> SipRoutingClient:
        return SipRoutingClient(self.live.url, AzureKeyCredential(key))


@pytest.fixture
def world():
    made = World()
    made.live.start()
    yield made
    made.live.stop()


@pytest.fixture
def client(world):
    return world.client()


def listed(client: SipRoutingClient) -> list[tuple[str, str, str, list[str]]]:
    return [(one.name, one.description, one.number_pattern, one.trunks) for one in client.list_routes()]


def trunks(client: SipRoutingClient) -> dict[str, int]:
    return {one.fqdn: one.sip_signaling_port for one in client.list_trunks()}


def refused(act) -> tuple[int, str, str]:
    with pytest.raises(HttpResponseError) as caught:
        act()
    error = caught.value.error
    return caught.value.status_code, error.code, error.innererror["code"]


def test_trunks_and_routes_that_are_set_are_shown_and_hold_for_the_next_call(world, client):
    client.set_trunk(SipTrunk(fqdn="one.sbc.example", sip_signaling_port=5061))
    client.set_trunk(SipTrunk(fqdn="TWO.sbc.example", sip_signaling_port=5062))
    first = SipTrunkRoute(
        name="US", number_pattern=r"^\+1(\d{10})$", trunks=["two.sbc.example", "one.sbc.example"]
    )
    second = SipTrunkRoute(
        name="rest",
        description="what is left",
        number_pattern="^+[1-9][0-9]{3,23}$",
        trunks=["one.sbc.example"],
    )
    client.set_routes([first, second])
    assert trunks(client) == {
        "one.sbc.example": 5061,
        "two.sbc.example": 5062,
        "sip.carrier.example": 5070,
    }
    assert client.get_trunk("one.sbc.example").sip_signaling_port == 5061
    assert listed(client) == [
        ("US", "", r"^\+1(\d{10})$", ["two.sbc.example", "one.sbc.example"]),
        ("rest", "what is left", "^+[1-9][0-9]{3,23}$", ["one.sbc.example"]),
        GERMANY,
    ]
    resource = DEVELOPMENT_RESOURCE_ID
    both = [("two.sbc.example", 5062), ("one.sbc.example", 5061)]
    assert world.phones.targets("+14255550100", resource) == both
    assert world.phones.targets("+4930123456", resource) == both[1:]
    client.set_trunk(SipTrunk(fqdn="two.sbc.example", sip_signaling_port=5099))
    assert world.phones.targets("+14255550100", resource)[0] == ("two.sbc.example", 5099)
    client.set_routes([])
    assert listed(client) == [GERMANY]
    assert world.phones.targets("+4930123456", resource) == [("sip.carrier.example", 5070)]
    assert world.phones.targets("+14255550100", resource) == []


def test_another_resource_has_tables_of_its_own(world, client):
    other = world.client(OTHER_KEY)
    client.set_trunk(SipTrunk(fqdn="one.sbc.example", sip_signaling_port=5061))
    client.set_routes([SipTrunkRoute(name="all", number_pattern=".", trunks=["one.sbc.example"])])
    assert (trunks(other), listed(other)) == ({"sip.carrier.example": 5070}, [GERMANY])
    other.set_trunk(SipTrunk(fqdn="one.sbc.example", sip_signaling_port=7))
    assert trunks(client)["one.sbc.example"] == 5061
    assert world.phones.targets("+4930", OTHER.id) == [("sip.carrier.example", 5070)]
    assert {trunk.resource for trunk in world.phones.trunks} == {DEVELOPMENT_RESOURCE_ID, OTHER.id}


def test_a_route_may_lead_to_trunks_of_the_configuration(world, client):
    client.set_routes([SipTrunkRoute(name="x", number_pattern="^.1", trunks=["sip.carrier.example"])])
    choice = world.phones.book.choices("+14255550100", DEVELOPMENT_RESOURCE_ID)[0]
    assert choice.trunk.name == "carrier"


def test_what_the_configuration_names_is_read_only_and_may_be_sent_as_it_is(client):
    fixed = next(iter(client.list_routes()))
    mine = SipTrunkRoute(name="mine", number_pattern="1", trunks=[])
    client.set_routes([mine, fixed])
    assert [route[0] for route in listed(client)] == ["mine", GERMANY[0]]
    client.set_trunk(SipTrunk(fqdn="sip.carrier.example", sip_signaling_port=5070))
    for act in (
        lambda: client.delete_trunk("sip.carrier.example"),
        lambda: client.set_trunk(SipTrunk(fqdn="sip.carrier.example", sip_signaling_port=1)),
        lambda: client.set_trunks([SipTrunk(fqdn="one.sbc.example", sip_signaling_port=5061)]),
    ):
        assert refused(act) == (422, "UnprocessableConfiguration", "ReadOnlyTrunk")
    changed = SipTrunkRoute(name=fixed.name, number_pattern=".", trunks=[])
    assert refused(lambda: client.set_routes([changed]))[2] == "ReadOnlyRoute"
    assert trunks(client) == {"sip.carrier.example": 5070}
    kept = [SipTrunk(fqdn="sip.carrier.example", sip_signaling_port=5070)]
    client.set_trunks([*kept, SipTrunk(fqdn="one.sbc.example", sip_signaling_port=5061)])
    client.set_trunks(kept)
    assert trunks(client) == {"sip.carrier.example": 5070}


def route(**changes: Any) -> SipTrunkRoute:
    return SipTrunkRoute(**({"name": "r", "number_pattern": "1", "trunks": []} | changes))


def test_refusals_are_those_of_the_service(client):
    def setting(*routes: SipTrunkRoute):
        return lambda: client.set_routes(list(routes))

    def trunk(fqdn: str, port: int):
        return lambda: client.set_trunk(SipTrunk(fqdn=fqdn, sip_signaling_port=port))

    twice = ["sip.carrier.example"] * 2
    assert refused(trunk("-1", 8239)) == (422, "UnprocessableConfiguration", "InvalidTrunkFqdn")
    assert refused(trunk("a.example", 0))[::2] == (422, "InvalidTrunkSipSignalingPort")
    assert refused(setting(route(name="")))[::2] == (422, "InvalidRouteName")
    assert refused(setting(route(number_pattern="")))[::2] == (422, "InvalidRouteNumberPattern")
    assert refused(setting(route(number_pattern="(")))[::2] == (422, "InvalidRouteNumberPattern")
    assert refused(setting(route(description="x" * 2000)))[::2] == (422, "InvalidRouteDescription")
    assert refused(setting(route(trunks=["no.example"])))[::2] == (422, "MissingTrunk")
    assert refused(setting(route(), route()))[::2] == (400, "DuplicatedRoute")
    assert refused(setting(route(trunks=twice)))[::2] == (400, "RouteWithDuplicatedTrunk")
    many = [route(name=str(number)) for number in range(251)]
    assert refused(setting(*many))[::2] == (422, "TooManyRoutes")
    assert refused(lambda: client._rest_service.sip_routing.update(body={"trunks": {}}))[2] == "EmptyPatch"
    client.set_trunk(SipTrunk(fqdn="a.example", sip_signaling_port=5060))
    client.set_routes([route(trunks=["a.example"])])
    assert refused(lambda: client.delete_trunk("a.example"))[::2] == (422, "TrunkUsedInRoute")
    client.delete_trunk("was.never.there.example")
    client.set_routes([])
    client.delete_trunk("a.example")


async def test_a_resource_has_so_many_trunks_and_no_more() -> None:
    tables, _ = made(Documents())
    with pytest.raises(Exception, match="250 trunks"):
        await tables.update("aaaa", SipPatch({f"t{number}.example": Trunk(5060) for number in range(251)}))


async def test_the_tables_outlive_the_process(tmp_path: Path) -> None:
    journal = SqliteJournal.open(tmp_path)
    tables, _ = made(journal)
    await tables.load()
    routes = [SipRouteWish("all", ".", ["one.example", "sip.carrier.example"])]
    await tables.update("AAAA", SipPatch({"one.example": Trunk(5061)}, routes))
    await journal.put_document(SPACE, "bbbb", b"rubbish")
    await journal.close()

    journal = SqliteJournal.open(tmp_path)
    tables, phones = made(journal)
    await tables.load()
    assert tables.shown("aaaa").trunks["one.example"] == Trunk(5061)
    assert phones.targets("+1", "aaaa") == [("one.example", 5061), ("sip.carrier.example", 5070)]
    # The configuration now names that host itself, and another one not any more.
    tables, phones = made(journal, FILE.replace("sip.carrier.example:5070", "one.example:6000"))
    await tables.load()
    assert phones.targets("+1", "aaaa") == [("one.example", 6000)]
    assert tables.shown("aaaa").trunks == {"one.example": Trunk(6000)}
    await journal.close()


def test_trunks_of_apps_are_as_the_settings_say() -> None:
    assert app_trunk(parse("")).transport == ""
    assert not app_trunk(parse("")).public_only
    text = '[sip]\napp_transport = "tls"\n[server]\nprivate_targets = false\n'
    trunk = app_trunk(parse(text))
    assert (trunk.transport, trunk.srtp, trunk.public_only) == ("TLS", "optional", True)


async def test_apps_can_be_kept_from_setting_any() -> None:
    tables, _ = made(Documents())
    numbers = ConfiguredNumbers(lambda: parse(FILE + "[sip]\napp_routing = false\n"), tables)
    with pytest.raises(Exception, match="app_routing is off"):
        await numbers.set_sip("aaaa", SipPatch({"one.example": Trunk(5061)}))
