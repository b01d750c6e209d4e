from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from aiohttp import web
from events.doubles import Answer, App, MemoryStore, answering, due_at, parked_until, until

from hookflash.calls.effects import RaiseIncomingCall
from hookflash.events import (
    Courier,
    EventGrid,
    Schema,
    Sender,
    State,
    Subscription,
    SubscriptionError,
    TokenMinter,
    Withdrawn,
)
from hookflash.events.eventgrid import PATIENT_TRIES
from hookflash.events.policies import GridPolicy
from hookflash.ports.edges import Publisher
from hookflash.ports.journal import Delivery
from hookflash.testing.clock import VirtualClock
from hookflash.wire.eventgrid import IncomingCallData
from hookflash.wire.grid_filters import FilterError, Filters
from hookflash.wire.identifiers import Identifier

RESOURCE = "6d889502-3d7a-41a8-befa-d21fd80e8767"


async def echo(request: web.BaseRequest) -> web.StreamResponse:
    """What every sample does with a validation event, and a 200 for the rest."""
    if request.method == "OPTIONS":
        return web.Response(headers={"WebHook-Allowed-Origin": request.headers["WebHook-Request-Origin"]})
    if request.headers["aeg-event-type"] == "SubscriptionValidation":
        (event,) = await request.json()
        return web.json_response({"validationResponse": event["data"]["validationCode"]})
    return web.Response()


class Rooms:
    """Event Grid with its courier, as the app wires them."""

    def __init__(self, store: MemoryStore, clock: VirtualClock, sender: Sender, tokens: TokenMinter) -> None:
        self.store, self.clock, self.sender, self.tokens = store, clock, sender, tokens
        self.grid = self.make()

    def make(self, eager: bool = False) -> EventGrid:
        self.grid = EventGrid(
            self.sender,
            self.clock,
            self.store,
            public_url="https://calls.example/",
            resource_name=lambda resource: "myacs",
            eager=eager,
        )
        self.courier = Courier(
            self.store,
            self.clock,
            self.sender,
            self.tokens,
            gate=self.grid.gate,
            grid=GridPolicy(lambda: 0.0),
        )
        return self.grid

    def ring(self, to: str = "+18005550100", resource: str = RESOURCE) -> int:
        """A call comes in; returns the number of deliveries it makes."""
        data = IncomingCallData(
            to=Identifier.phone(to).to_model(),
            from_=Identifier.phone("+14255550123").to_model(),
            server_call_id="c2NpZA==",
            incoming_call_context="ey.ey.",
            correlation_id="5683b58d-bb85-4073-ae9a-c03488d4291d",
        )
        deliveries = self.grid.incoming_call(RaiseIncomingCall(resource, data), self.clock.wall())
        self.courier.accept(self.store.put(*deliveries))
        return len(deliveries)

    def state(self, name: str = "app") -> State:
        status = self.grid.get(name)
        assert status is not None
        return status.state


@pytest.fixture
async def rooms(
    store: MemoryStore, clock: VirtualClock, sender: Sender, tokens: TokenMinter
) -> AsyncIterator[Rooms]:
    made = Rooms(store, clock, sender, tokens)
    await made.courier.start()
    yield made
    await made.courier.close()
    await made.grid.close()


def subscription(app: App, **fields: object) -> Subscription:
    base = Subscription(name="app", resource=RESOURCE, endpoint=f"{app.url}/events?key=s")
    return msgspec.structs.replace(base, **fields)


async def validated(rooms: Rooms, app: App, **fields: object) -> None:
    app.usual = echo
    await rooms.grid.start()
    await rooms.grid.add(subscription(app, **fields))
    name = str(fields.get("name", "app"))
    await rooms.grid.validate(name)
    assert rooms.state(name) is State.VALIDATED
    app.received.clear()


async def test_it_is_a_publisher(rooms: Rooms) -> None:
    publisher: Publisher = rooms.grid
    assert publisher is rooms.grid
    assert rooms.ring() == 0


async def test_the_handshake_is_event_grids(rooms: Rooms, app: App) -> None:
    app.usual = echo
    await rooms.grid.start([subscription(app)])
    await until(lambda: rooms.state() is State.VALIDATED)
    (request,) = app.received
    assert (request.method, request.target) == ("POST", "/events?key=s")
    assert request.headers["aeg-event-type"] == "SubscriptionValidation"
    assert request.headers["aeg-subscription-name"] == "app"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    (event,) = request.json
    assert event["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"
    assert event["topic"].endswith("/communicationservices/myacs")
    url = urlsplit(event["data"]["validationUrl"])
    assert (
        f"{url.scheme}://{url.netloc}{url.path}" == "https://calls.example/hookflash/subscriptions/validate"
    )
    assert parse_qs(url.query) == {"code": [event["data"]["validationCode"]]}


async def test_an_incoming_call_arrives_as_event_grid_sends_it(rooms: Rooms, app: App) -> None:
    await validated(rooms, app)
    assert rooms.ring() == 1
    await rooms.courier.idle()
    (request,) = app.received
    assert request.headers["aeg-event-type"] == "Notification"
    assert request.headers["aeg-subscription-name"] == "app"
    assert request.headers["aeg-delivery-count"] == "0"
    assert "authorization" not in request.headers
    (event,) = request.json
    assert event["eventType"] == "Microsoft.Communication.IncomingCall"
    assert event["subject"] == "/caller/4:+14255550123/recipient/4:+18005550100"
    assert event["data"]["to"]["phoneNumber"]["value"] == "+18005550100"
    assert event["data"]["from"]["rawId"] == "4:+14255550123"
    assert event["eventTime"] == "2026-01-01T00:00:00.0000000Z"


async def test_cloud_events_subscriptions(rooms: Rooms, app: App) -> None:
    app.usual = echo
    await rooms.grid.start([subscription(app, schema=Schema.CLOUD_EVENTS)])
    await until(lambda: rooms.state() is State.VALIDATED)
    assert app.received[0].method == "OPTIONS"
    assert app.received[0].headers["webhook-request-origin"] == "eventgrid.azure.net"
    app.usual = answering(200)
    rooms.ring()
    await rooms.courier.idle()
    request = app.received[1]
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request.json["specversion"] == "1.0"
    assert request.json["type"] == "Microsoft.Communication.IncomingCall"
    assert request.json["data"]["serverCallId"] == "c2NpZA=="


async def test_an_endpoint_that_does_not_allow_our_origin_is_not_validated(rooms: Rooms, app: App) -> None:
    app.usual = answering(200, "", {"WebHook-Allowed-Origin": "other.example"})
    await rooms.grid.add(subscription(app, schema=Schema.CLOUD_EVENTS))
    status = await rooms.grid.validate("app")
    assert status.state is State.PENDING
    assert "without WebHook-Allowed-Origin" in status.detail
    app.usual = answering(404)
    assert "answered 404" in (await rooms.grid.validate("app")).detail
    app.usual = answering(204, "", {"WebHook-Allowed-Origin": "*"})
    assert (await rooms.grid.validate("app")).state is State.VALIDATED


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (answering(200), "without the validation code"),
        (answering(200, "no json"), "without the validation code"),
        (answering(200, '{"validationResponse":"wrong"}'), "without the validation code"),
        (answering(404, "where?"), "the endpoint answered 404 Not Found: where?"),
    ],
)
async def test_other_answers_do_not_validate(rooms: Rooms, app: App, answer: Answer, detail: str) -> None:
    app.usual = answer
    await rooms.grid.add(subscription(app))
    status = await rooms.grid.validate("app")
    assert status.state is State.PENDING
    assert detail in status.detail
    assert rooms.ring() == 0


async def test_the_handshake_is_repeated_until_the_app_is_there(
    rooms: Rooms, app: App, clock: VirtualClock
) -> None:
    app.usual = answering(503)
    await rooms.grid.start([subscription(app)])
    for n, due in enumerate((1.0, 3.0, 7.0, 15.0)):
        await due_at(clock, due)
        assert len(app.received) == n + 1
        clock.advance_to(due - 0.001)
        if due == 15.0:
            app.usual = echo
        clock.advance_to(due)
    await until(lambda: rooms.state() is State.VALIDATED)
    assert len({json.loads(r.body)[0]["data"]["validationCode"] for r in app.received}) == 1
    await clock.elapse(1000.0)
    assert len(app.received) == 5


async def test_a_handshake_that_never_succeeds_fails_but_can_be_asked_again(
    rooms: Rooms, app: App, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    app.usual = answering(404)
    with caplog.at_level(logging.WARNING, "hookflash.events"):
        await rooms.grid.start([subscription(app)])
        for n in range(PATIENT_TRIES - 1):
            due = clock.now() + min(60.0, 2.0**n)
            await due_at(clock, due)
            clock.advance_to(due)
        await until(lambda: rooms.state() is State.FAILED)
    assert len(app.received) == PATIENT_TRIES
    assert "key=s" not in caplog.text
    assert [r.levelno for r in caplog.records] == [logging.WARNING, logging.ERROR]
    app.usual = echo
    assert (await rooms.grid.validate("app")).state is State.VALIDATED


async def test_opening_the_validation_url_confirms(rooms: Rooms, app: App, clock: VirtualClock) -> None:
    app.usual = answering(200)
    await rooms.grid.start([subscription(app)])
    await until(lambda: clock.pending == [1.0])
    code = app.received[0].json[0]["data"]["validationCode"]
    assert rooms.grid.confirm("wrong") is None
    assert rooms.grid.confirm("") is None
    assert rooms.grid.confirm("\u00fc") is None
    assert rooms.state() is State.PENDING
    assert rooms.grid.confirm(code) == "app"
    assert rooms.state() is State.VALIDATED
    await clock.elapse(100.0)
    assert len(app.received) == 1
    assert rooms.ring() == 1


async def test_an_event_wakes_the_handshake_in_dev_mode(rooms: Rooms, app: App, clock: VirtualClock) -> None:
    grid = rooms.make(eager=True)
    await rooms.courier.start()
    app.usual = answering(503)
    await grid.start([subscription(app)])
    await until(lambda: clock.pending == [1.0])
    app.usual = echo
    assert rooms.ring() == 1
    await rooms.courier.idle()
    assert rooms.state() is State.VALIDATED
    assert [r.headers["aeg-event-type"] for r in app.received] == [
        "SubscriptionValidation",
        "SubscriptionValidation",
        "Notification",
    ]
    assert rooms.store.settled[0].delivered


async def test_an_event_waits_for_an_app_that_is_still_starting(
    rooms: Rooms, app: App, clock: VirtualClock
) -> None:
    grid = rooms.make(eager=True)
    await rooms.courier.start()
    await grid.start()
    await grid.add(subscription(app))
    app.answers.extend([answering(503)] * 3)
    app.usual = echo
    rooms.ring()
    for due in (1.0, 3.0, 7.0):
        # The event's lane and the subscription itself wait for the same next asking.
        await due_at(clock, due, due)
        clock.advance_to(due)
    await rooms.courier.idle()
    assert (rooms.store.settled[0].delivered, rooms.store.settled[0].attempts) == (True, 1)


async def test_askers_share_one_handshake(rooms: Rooms, app: App) -> None:
    grid = rooms.make(eager=True)
    await rooms.courier.start()
    await grid.start()
    await grid.add(subscription(app))

    async def slowly(request: web.BaseRequest) -> web.StreamResponse:
        await app.release.wait()
        return await echo(request)

    app.usual = slowly
    for _ in range(5):
        rooms.ring()
    await until(lambda: len(app.received) == 1)
    await rooms.clock.settle(50)
    assert len(app.received) == 1
    app.release.set()
    await rooms.courier.idle()
    assert len(app.received) == 6


async def test_incoming_calls_are_tried_twice_within_a_minute(
    rooms: Rooms, app: App, clock: VirtualClock
) -> None:
    await validated(rooms, app)
    app.usual = answering(500)
    rooms.ring()
    await parked_until(rooms.store, clock, 10.0)
    clock.advance(10.0)
    await until(lambda: bool(rooms.store.settled))
    assert [r.headers["aeg-delivery-count"] for r in app.received] == ["0", "1"]
    assert not rooms.store.settled[0].delivered
    (delivery,) = rooms.grid.publish(
        RESOURCE, "Microsoft.Communication.IncomingCall", "s", msgspec.defstruct("Data", [])(), clock.wall()
    )
    assert (delivery.attempts, delivery.expires_at) == (2, clock.wall() + 60)


async def test_only_those_who_want_an_event_get_it(rooms: Rooms, app: App) -> None:
    number = "data.to.PhoneNumber.Value"
    await validated(rooms, app, name="all")
    await validated(rooms, app, name="mine", filters=Filters.equal_to({number: "+18005550100"}))
    await validated(rooms, app, name="other", filters=Filters.equal_to({number: "+18005550199"}))
    await validated(rooms, app, name="ended", event_types=("Microsoft.Communication.CallEnded",))
    await validated(rooms, app, name="elsewhere", resource="another")
    await validated(rooms, app, name="cloud", schema=Schema.CLOUD_EVENTS)
    assert rooms.ring() == 3
    await rooms.courier.idle()
    got = {r.headers["aeg-subscription-name"]: r for r in app.received}
    assert set(got) == {"all", "mine", "cloud"}
    ids = {got["all"].json[0]["id"], got["mine"].json[0]["id"], got["cloud"].json["id"]}
    assert len(ids) == 1
    assert rooms.ring(resource=RESOURCE.upper()) == 3


async def test_subscriptions_outlive_the_process(rooms: Rooms, app: App) -> None:
    await validated(rooms, app, name="b")
    await validated(rooms, app, name="a")
    await rooms.grid.add(subscription(app, name="c", endpoint=f"{app.url}/other"))
    await rooms.grid.close()
    again = rooms.make()
    app.usual = answering(503)
    await again.start()
    assert [(s.subscription.name, s.state) for s in again.subscriptions()] == [
        ("a", State.VALIDATED),
        ("b", State.VALIDATED),
        ("c", State.PENDING),
    ]
    await until(lambda: len(app.received) >= 1)
    assert all(r.headers["aeg-subscription-name"] == "c" for r in app.received)


async def test_configuration_wins_but_keeps_a_validated_endpoint(rooms: Rooms, app: App) -> None:
    await validated(rooms, app, name="same")
    await validated(rooms, app, name="moved")
    await rooms.grid.close()
    again = rooms.make()
    filters = Filters(subject_begins_with="/nobody")
    await again.start(
        [
            subscription(app, name="same", filters=filters),
            subscription(app, name="moved", endpoint=f"{app.url}/new"),
        ]
    )
    same, moved = again.get("same"), again.get("moved")
    assert same is not None
    assert moved is not None
    assert (same.state, same.subscription.filters) == (State.VALIDATED, filters)
    assert moved.state is State.PENDING
    await until(lambda: rooms.state("moved") is State.VALIDATED)
    assert [r.target for r in app.received] == ["/new"]


async def test_what_was_owed_before_a_restart_waits_for_the_subscriptions(rooms: Rooms, app: App) -> None:
    await validated(rooms, app)
    await rooms.courier.close()
    rooms.ring()
    await rooms.grid.close()
    again = rooms.make()
    await rooms.courier.start()
    await rooms.clock.settle(50)
    assert app.received == []
    await again.start()
    await rooms.courier.idle()
    assert [r.headers["aeg-event-type"] for r in app.received] == ["Notification"]
    assert rooms.store.settled[0].delivered


async def test_removed_subscriptions_get_nothing_more(rooms: Rooms, app: App) -> None:
    await validated(rooms, app)
    app.usual = answering(503)
    rooms.ring()
    await parked_until(rooms.store, rooms.clock, 30.0)
    assert len(app.received) == 1
    assert await rooms.grid.remove("app")
    assert not await rooms.grid.remove("app")
    assert rooms.grid.get("app") is None
    assert rooms.store.kept == {}
    rooms.clock.advance(30.0)
    await until(lambda: bool(rooms.store.settled))
    assert len(app.received) == 1
    assert rooms.store.settled[0].note == "subscription app was removed or has another endpoint now"
    assert rooms.ring() == 0


async def test_removing_during_a_handshake_lets_the_askers_go(rooms: Rooms, app: App) -> None:
    grid = rooms.make(eager=True)
    await rooms.courier.start()
    app.usual = app.hold
    await grid.start([subscription(app)])
    rooms.ring()
    await until(lambda: len(app.received) == 1)
    asked = asyncio.create_task(grid.validate("app"))
    await rooms.clock.settle()
    await grid.remove("app")
    assert (await asked).state is State.PENDING
    await until(lambda: rooms.clock.pending == [1.0])
    rooms.clock.advance(1.0)
    await rooms.courier.idle()
    assert not rooms.store.settled[0].delivered


async def test_the_gate_knows_its_own_lanes_only(rooms: Rooms, app: App) -> None:
    await validated(rooms, app)
    (delivery,) = rooms.grid.publish(
        RESOURCE, "Microsoft.Communication.IncomingCall", "s", msgspec.defstruct("Data", [])(), 0.0
    )
    assert await rooms.grid.gate(delivery) == ""
    webhook = Delivery(
        id="1", lane="2c006980-8ef1-46c2-84fa-357fefac0893", url="https://app.example", body=b""
    )
    assert await rooms.grid.gate(webhook) == ""
    await rooms.grid.remove("app")
    with pytest.raises(Withdrawn):
        await rooms.grid.gate(delivery)


async def test_unusable_subscriptions_are_refused(rooms: Rooms, app: App) -> None:
    with pytest.raises(SubscriptionError):
        await rooms.grid.add(subscription(app, name="no/good"))
    with pytest.raises(FilterError):
        await rooms.grid.add(subscription(app, filters=Filters.equal_to({"": "x"})))
    assert rooms.grid.subscriptions() == []
    with pytest.raises(KeyError):
        await rooms.grid.validate("nobody")


async def test_a_broken_document_is_left_out(
    rooms: Rooms, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    rooms.store.kept["subscription", "broken"] = b"{"
    await rooms.grid.start([subscription(app)])
    assert [s.subscription.name for s in rooms.grid.subscriptions()] == ["app"]
    assert "subscription broken is left out" in caplog.text


async def test_a_state_that_cannot_be_kept_is_said_and_used_all_the_same(
    rooms: Rooms, app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.usual = echo
    await rooms.grid.add(subscription(app))
    rooms.store.failing = OSError("disk on fire")
    assert (await rooms.grid.validate("app")).state is State.VALIDATED
    await rooms.clock.settle()
    assert "was not kept: disk on fire" in caplog.text
    with pytest.raises(OSError, match="disk on fire"):
        await rooms.grid.add(subscription(app, name="new"))
