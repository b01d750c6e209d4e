"""From every refusal a link leads to the page about its code; the log names the page of the documentation."""

from __future__ import annotations

import logging
import uuid
from pathlib import Path

import pytest
from api.edge import NOON, Client, FakeEngine, FixedClock, surface

from hookflash.wire.catalogue import rows
from hookflash.wire.results import invalid_argument, throttled
from hookflash.wire.timestamps import imf_fixdate

PAGES = Path(__file__).parents[2] / "docs" / "reference" / "errors"
LINK = '</hookflash/docs#8523>; rel="help"'


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def client(engine: FakeEngine) -> Client:
    clock = FixedClock()
    return Client(surface(engine, clock), clock)


async def test_the_answer_leads_to_the_page(client: Client, engine: FakeEngine) -> None:
    engine.trouble = invalid_argument("callbackUri", "no.")
    body = {"targets": [{"rawId": "4:+14255550123"}], "callbackUri": "https://app.example"}
    body["sourceCallerIdNumber"] = {"value": "+18005550100"}  # type: ignore[assignment]
    reply = await client.send("POST", "/calling/callConnections", body)
    assert (reply.status, reply.headers["link"]) == (400, LINK)


async def test_so_does_a_repeated_answer(client: Client) -> None:
    headers = {
        "Repeatability-Request-ID": str(uuid.UUID(int=7, version=4)),
        "Repeatability-First-Sent": imf_fixdate(NOON),
    }
    replies = [await client.send("POST", "/calling/callConnections", {}, headers=headers) for _ in range(2)]
    assert [reply.headers["link"] for reply in replies] == [LINK, LINK]
    assert replies[0].json == replies[1].json


async def test_words_have_pages_too(client: Client) -> None:
    reply = await client.send("GET", "/nothing")
    assert reply.headers["link"] == '</hookflash/docs#NotFound>; rel="help"'
    assert (await client.send("GET", "/nothing", query="")).status == 404


async def test_other_headers_stay(client: Client, engine: FakeEngine) -> None:
    engine.trouble = throttled("wait.", retry_after=7)
    reply = await client.send("GET", "/calling/callConnections/2c006980-8ef1-46c2-84fa-357fefac0893")
    assert (reply.status, reply.headers["retry-after"]) == (429, "7")


async def test_success_has_no_link(client: Client) -> None:
    reply = await client.send("GET", "/calling/callConnections/2c006980-8ef1-46c2-84fa-357fefac0893")
    assert reply.status == 200
    assert "link" not in reply.headers


async def test_the_log_names_the_page(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "hookflash.api"):
        await client.send("POST", "/calling/callConnections", {})
    [record] = [one for one in caplog.records if "refused" in one.message]
    assert record.__dict__["page"] == "errors/8523"


def test_every_code_that_is_sent_has_its_page() -> None:
    wanted = {f"{row.code}.md" for row in rows() if row.emitted} | {"index.md"}
    assert {path.name for path in PAGES.iterdir()} == wanted
