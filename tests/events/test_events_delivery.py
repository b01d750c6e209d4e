"""What an Event Grid endpoint gets, and what becomes of what it does not take."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from events.doubles import App, MemoryStore, answering, parked_until, until

from hookflash.calls.effects import PublishEvent
from hookflash.events import (
    Courier,
    DeadLetters,
    EventGrid,
    Schema,
    Sender,
    State,
    Subscription,
    TokenMinter,
)
from hookflash.events.policies import GridPolicy
from hookflash.testing.clock import VirtualClock
from hookflash.wire.eventgrid import CALL_ENDED, EVENT_TYPES, CallEndedData, GridParticipant
from hookflash.wire.identifiers import Identifier

RESOURCE = "6d889502-3d7a-41a8-befa-d21fd80e8767"
USER = "8:acs:6d889502-3d7a-41a8-befa-d21fd80e8767_00000028-0a94-794e-ac46-04bd456051a4"


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    if request.method == "OPTIONS":
        headers = {"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": "240"}
        return web.Response(headers=headers)
    if request.headers["aeg-event-type"] == "SubscriptionValidation":
        (event,) = await request.json()
        return web.json_response({"validationResponse": event["data"]["validationCode"]})
    return web.Response()


class Rooms:
    """Event Grid with its courier and its dead letters, as the app wires them."""

    def __init__(
        self,
        store: MemoryStore,
        clock: VirtualClock,
        sender: Sender,
        tokens: TokenMinter,
        folder: Path,
        always: bool = True,
    ) -> None:
        self.store, self.clock = store, clock
        self.letters = DeadLetters(folder, always=always)
        self.grid = EventGrid(sender, clock, store, public_url="https://calls.example", letters=self.letters)
        self.courier = Courier(
            store,
            clock,
            sender,
            tokens,
            gate=self.grid.gate,
            bury=self.grid.bury,
            grid=GridPolicy(lambda: 0.0),
        )

    def publish(self, event_type: str = CALL_ENDED) -> int:
        user = GridParticipant(Identifier.parse(USER).to_model())
        data = CallEndedData(
            started_by=user,
            server_call_id="aGk=",
            correlation_id="5683b58d-bb85-4073-ae9a-c03488d4291d",
            is_two_party=True,
            call_duration_in_seconds=12.5,
        )
        effect = PublishEvent(RESOURCE, event_type, data.subject, data)
        deliveries = self.grid.event(effect, self.clock.wall())
        self.courier.accept(self.store.put(*deliveries))
        return len(deliveries)

    async def close(self) -> None:
        await self.courier.close()
        await self.grid.close()
        self.letters.close()


@pytest.fixture
async def rooms(
    store: MemoryStore, clock: VirtualClock, sender: Sender, tokens: TokenMinter, tmp_path: Path
) -> AsyncIterator[Rooms]:
    made = Rooms(store, clock, sender, tokens, tmp_path / "lost")
    await made.courier.start()
    await made.grid.start()
    yield made
    await made.close()


async def subscribe(rooms: Rooms, app: App, **fields: Any) -> None:
    app.usual = echo
    base = Subscription(
        name="app", resource=RESOURCE, endpoint=f"{app.url}/events", event_types=("CallEnded",)
    )
    wanted = msgspec.structs.replace(base, **fields)
    await rooms.grid.add(wanted)
    assert (await rooms.grid.validate(wanted.name)).state is State.VALIDATED
    app.received.clear()


def letters(folder: Path) -> list[Any]:
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("*.json"))]


async def test_headers_of_a_delivery_in_event_grid_schema(rooms: Rooms, app: App) -> None:
    await subscribe(rooms, app)
    assert rooms.publish() == 1
    await rooms.courier.idle()
    (request,) = app.received
    (event,) = request.json
    aeg = {name: value for name, value in request.headers.items() if name.startswith("aeg-")}
    assert aeg == {
        "aeg-event-type": "Notification",
        "aeg-subscription-name": "app",
        "aeg-delivery-count": "0",
        "aeg-data-version": "1.0",
        "aeg-metadata-version": "1",
        "aeg-output-event-id": event["id"],
    }
    assert "authorization" not in request.headers
    assert "origin" not in request.headers
    assert event["eventType"] == CALL_ENDED
    assert event["subject"] == "call/aGk="
    assert event["data"]["durationOfCall"] == 12.5


async def test_a_delivery_in_cloud_events_schema_names_the_origin_it_asked_for(
    rooms: Rooms, app: App
) -> None:
    app.usual = echo
    wanted = Subscription(
        name="app",
        resource=RESOURCE,
        endpoint=f"{app.url}/events",
        event_types=("CallEnded",),
        schema=Schema.CLOUD_EVENTS,
    )
    await rooms.grid.add(wanted)
    status = await rooms.grid.validate("app")
    assert (status.state, status.allowed_rate) == (State.VALIDATED, "240")
    (asked, *_) = app.received
    assert asked.method == "OPTIONS"
    assert asked.headers["webhook-request-origin"] == "eventgrid.azure.net"
    assert asked.headers["webhook-request-rate"] == "120"
    assert "/hookflash/subscriptions/validate?code=" in asked.headers["webhook-request-callback"]
    app.received.clear()
    rooms.publish()
    await rooms.courier.idle()
    (request,) = app.received
    assert request.headers["origin"] == "eventgrid.azure.net"
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request.json["type"] == CALL_ENDED
    assert request.json["id"] == request.headers["aeg-output-event-id"]


async def test_every_subscription_gets_the_types_it_named(rooms: Rooms, app: App) -> None:
    await subscribe(rooms, app, name="all", event_types=("All",))
    await subscribe(rooms, app, name="some", event_types=("callstarted", "CallEnded"))
    for name in EVENT_TYPES:
        rooms.publish(name)
    await rooms.courier.idle()
    got: dict[str, list[str]] = {"all": [], "some": []}
    for request in app.received:
        got[request.headers["aeg-subscription-name"]].append(request.json[0]["eventType"])
    assert sorted(got["all"]) == sorted(EVENT_TYPES)
    assert sorted(got["some"]) == [CALL_ENDED, "Microsoft.Communication.CallStarted"]


async def test_what_is_tried_too_often_becomes_a_dead_letter(
    rooms: Rooms, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    await subscribe(rooms, app, max_delivery_attempts=2)
    app.usual = answering(404)
    began = rooms.clock.wall()
    rooms.publish()
    await parked_until(rooms.store, rooms.clock, 10.0)
    rooms.clock.advance(10.0)
    await until(lambda: bool(rooms.store.settled))
    sent = app.received[0].json[0]
    folder = rooms.letters.folder / "app"
    (path,) = folder.iterdir()
    assert path.name == f"{sent['id']}.json"
    assert letters(folder) == [
        {
            **sent,
            "deadLetterReason": "MaxDeliveryAttemptsExceeded",
            "deliveryAttempts": 2,
            "lastDeliveryOutcome": "NotFound",
            "lastHttpStatusCode": 404,
            "publishTime": sent["eventTime"],
            "lastDeliveryAttemptTime": "2026-01-01T00:00:10.0000000Z",
        }
    ]
    assert began == rooms.clock.wall() - 10.0
    assert f"CallEnded is kept as a dead letter: {path}" in caplog.text


@pytest.mark.parametrize(
    ("status", "reason", "outcome"),
    [
        (400, "UndeliverableDueToHttpBadRequest", "BadRequest"),
        (401, "UndeliverableDueToHttpUnauthorized", "Unauthorized"),
        (403, "UndeliverableDueToHttpForbidden", "Forbidden"),
        (413, "UndeliverableDueToHttpRequestEntityTooLarge", "PayloadTooLarge"),
    ],
)
async def test_what_is_refused_becomes_a_dead_letter_at_once(
    rooms: Rooms, app: App, status: int, reason: str, outcome: str
) -> None:
    await subscribe(rooms, app, schema=Schema.CLOUD_EVENTS, dead_letter="refused")
    app.usual = answering(status)
    rooms.publish()
    await rooms.courier.idle()
    (letter,) = letters(rooms.letters.folder / "refused")
    assert letter["deadletterreason"] == reason
    assert letter["lastdeliveryoutcome"] == outcome
    assert letter["lasthttpstatuscode"] == status
    assert letter["deliveryattempts"] == 1
    assert len(app.received) == 1


async def test_what_runs_out_of_time_becomes_a_dead_letter(rooms: Rooms, app: App) -> None:
    await subscribe(rooms, app, event_time_to_live_in_minutes=1)
    app.usual = answering(500)
    rooms.publish()
    for due in (10.0, 40.0):
        await parked_until(rooms.store, rooms.clock, due)
        rooms.clock.advance_to(due)
    await until(lambda: bool(rooms.store.settled))
    (letter,) = letters(rooms.letters.folder)
    assert letter["deadLetterReason"] == "TimeToLiveExceeded"
    assert letter["deliveryAttempts"] == 3
    assert letter["lastDeliveryOutcome"] == "GenericError"
    assert [r.headers["aeg-delivery-count"] for r in app.received] == ["0", "1", "2"]


async def test_a_subscription_taken_away_leaves_no_letter(rooms: Rooms, app: App) -> None:
    await subscribe(rooms, app)
    app.usual = answering(500)
    rooms.publish()
    await parked_until(rooms.store, rooms.clock, 10.0)
    await rooms.grid.remove("app")
    rooms.clock.advance(10.0)
    await until(lambda: bool(rooms.store.settled))
    assert not rooms.letters.folder.exists()


async def test_a_disk_that_takes_no_letter_is_told_of(
    rooms: Rooms, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    rooms.letters.folder.write_text("in the way")
    await subscribe(rooms, app)
    app.usual = answering(400)
    rooms.publish()
    await rooms.courier.idle()
    assert "CallEnded is lost, its dead letter could not be written" in caplog.text
    assert not rooms.store.settled[0].delivered


async def test_nothing_is_kept_unless_it_is_wanted(
    store: MemoryStore, clock: VirtualClock, sender: Sender, tokens: TokenMinter, tmp_path: Path, app: App
) -> None:
    made = Rooms(store, clock, sender, tokens, tmp_path / "lost", always=False)
    await made.courier.start()
    await made.grid.start()
    await subscribe(made, app)
    app.usual = answering(400)
    made.publish()
    await made.courier.idle()
    assert not (tmp_path / "lost").exists()
    await made.close()
