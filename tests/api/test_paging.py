"""Participants page by page: with the official SDK, and every way a continuation can be wrong."""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from api.edge import CONNECTION, Client, FakeEngine, FixedClock, surface
from azure.communication.callautomation import CallAutomationClient
from azure.communication.callautomation.aio import CallAutomationClient as AsyncClient
from azure.core.credentials import AzureKeyCredential

from hookflash.config import DEVELOPMENT_ACCESS_KEY
from hookflash.wire.identifiers import Identifier
from hookflash.wire.responses import CallParticipant

PEOPLE = f"/calling/callConnections/{CONNECTION}/participants"


def somebody(number: int) -> CallParticipant:
    model = Identifier.phone(f"+1425555{number:04d}").to_model()
    return CallParticipant(identifier=model, is_muted=False, is_on_hold=False)


@pytest.fixture
def engine():
    engine = FakeEngine()
    engine.people = [somebody(number) for number in range(250)]
    return engine


@pytest.fixture
def client(engine):
    clock = FixedClock()
    return Client(surface(engine, clock), clock)


async def follow(client: Client, link: str):
    parts = urlsplit(link)
    return await client.send("GET", parts.path, query=parts.query)


# --- the SDKs -------------------------------------------------------------------------------------------


@pytest.fixture
def crowd(live):
    live.engine.people = [somebody(number) for number in range(250)]
    yield live
    live.engine.people = []


def test_the_sdk_lists_everybody_and_signs_each_page(crowd):
    client = CallAutomationClient(crowd.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY))
    listed = client.get_call_connection(CONNECTION).list_participants()
    assert [one.identifier.raw_id for one in listed] == [f"4:+1425555{number:04d}" for number in range(250)]
    assert len(crowd.engine.commands) == 3
    assert {command.version for command in crowd.engine.commands} == {"2026-03-12"}


def test_the_asynchronous_sdk_lists_everybody_too(crowd):
    async def everybody():
        async with AsyncClient(crowd.url, AzureKeyCredential(DEVELOPMENT_ACCESS_KEY)) as client:
            pages = client.get_call_connection(CONNECTION).list_participants()
            return [one.identifier.raw_id async for one in pages]

    assert len(asyncio.run(everybody())) == 250


# --- what a page is -------------------------------------------------------------------------------------


async def test_few_people_are_one_page_without_a_link(client, engine):
    engine.people = [somebody(1)]
    reply = await client.send("GET", PEOPLE)
    assert len(reply.json["value"]) == 1
    assert "nextLink" not in reply.json


async def test_a_page_has_a_hundred_unless_asked_for_otherwise(client, engine):
    engine.people = engine.people[:100]
    assert "nextLink" not in (await client.send("GET", PEOPLE)).json
    engine.people.append(somebody(100))
    assert len((await client.send("GET", PEOPLE)).json["value"]) == 100


async def test_the_usual_size_is_a_setting(engine):
    clock = FixedClock()
    client = Client(surface(engine, clock, participants_page=2), clock)
    engine.people = engine.people[:3]
    reply = await client.send("GET", PEOPLE)
    assert len(reply.json["value"]) == 2
    rest = await follow(client, reply.json["nextLink"])
    assert (len(rest.json["value"]), "nextLink" in rest.json) == (1, False)
    answer = await client.send("GET", PEOPLE, query="api-version=2024-09-15&maxpagesize=3")
    assert len(answer.json["value"]) == 3


@pytest.mark.parametrize("name", ["maxpagesize", "$top", "%24top", "top"])
async def test_the_size_is_kept_from_page_to_page(client, name):
    reply = await client.send("GET", PEOPLE, query=f"api-version=2024-09-15&{name}=90")
    sizes = [len(reply.json["value"])]
    while link := reply.json.get("nextLink"):
        assert parse_qs(urlsplit(link).query)["api-version"] == ["2024-09-15"]
        reply = await follow(client, link)
        sizes.append(len(reply.json["value"]))
    assert sizes == [90, 90, 70]


@pytest.mark.parametrize("size", ["0", "-1", "1001", "many", "", "9" * 30, "\u0663"])
async def test_a_size_out_of_bounds_is_400(client, size):
    quoted = size.encode().hex("%")
    reply = await client.send(
        "GET", PEOPLE, query=f"api-version=2026-03-12&maxpagesize={'%' * bool(size)}{quoted}"
    )
    assert (reply.status, reply.error["code"], reply.error["target"]) == (400, "8523", "maxpagesize")
    assert "1 to 1000" in reply.error["message"]


async def test_those_who_come_later_are_on_a_later_page_and_who_leaves_ahead_is_not_missed(client, engine):
    first = (await client.send("GET", PEOPLE)).json
    engine.people.append(somebody(999))
    del engine.people[10:20]
    seen = [one["identifier"]["rawId"] for one in first["value"]]
    page = first
    while link := page.get("nextLink"):
        page = (await follow(client, link)).json
        seen += [one["identifier"]["rawId"] for one in page["value"]]
    assert len(seen) == len(set(seen)) == 251
    assert seen[-1] == "4:+14255550999"


async def test_a_continuation_behind_somebody_who_left_is_stale(client, engine):
    link = (await client.send("GET", PEOPLE)).json["nextLink"]
    del engine.people[99]
    reply = await follow(client, link)
    assert (reply.status, reply.error["code"]) == (400, "8523")
    assert reply.error["target"] == "continuationToken"
    assert "stale" in reply.error["message"]
    assert "4:+14255550099" in reply.error["message"]


def token(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "given",
    ["", "x", "???", "a" * 5000, token(b"{}"), token(b"[1,2]"), token(b'["a"]'), token(b'["other","4:+1"]')],
)
async def test_a_continuation_that_was_not_given_for_this_call_is_400(client, given):
    reply = await client.send("GET", PEOPLE, query=f"api-version=2026-03-12&continuationToken={given[:1900]}")
    assert (reply.status, reply.error["code"], reply.error["target"]) == (400, "8523", "continuationToken")


# --- where the link leads -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({}, "http://127.0.0.1:8080"),
        # The host the client used, although the server calls itself otherwise.
        ({"host": "calls.internal:9000"}, "http://calls.internal:9000"),
        ({"host": "[::1]:9000"}, "http://[::1]:9000"),
        # Without the port it is ours: Java leaves it out.
        ({"host": "127.0.0.1"}, "http://127.0.0.1:8080"),
        # Behind a proxy only the configuration knows.
        ({"host": "inside", "x-forwarded-host": "outside.example.org"}, "http://127.0.0.1:8080"),
        ({"host": "inside", "x-forwarded-proto": "https"}, "http://127.0.0.1:8080"),
    ],
)
async def test_the_link_is_on_the_host_that_the_client_used(client, headers, base):
    from hookflash.api.links import base_url

    scope = {"scheme": "http"}
    assert base_url(scope, {"host": "127.0.0.1:8080", **headers}, "http://127.0.0.1:8080") == base
    link = (await client.send("GET", PEOPLE)).json["nextLink"]
    assert link.startswith(f"http://127.0.0.1:8080{PEOPLE}?")


def test_nonsense_in_the_host_header_never_gets_into_a_link():
    from hookflash.api.links import base_url

    for host in ("", "a b", "evil/..", "user@evil", "evil:port", "x" * 300, "a\r\nb"):
        assert (
            base_url({"scheme": "https"}, {"host": host}, "https://own.example.org")
            == "https://own.example.org"
        )
