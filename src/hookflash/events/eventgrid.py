"""Event Grid: IncomingCall to the subscriptions that want it (contract sections 5.6 and 5.7)."""

from __future__ import annotations

import asyncio
import hmac
import logging
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec

from hookflash.calls.effects import PublishEvent, RaiseIncomingCall
from hookflash.events.dead_letters import DeadLetters, letter_of
from hookflash.events.delivering import End, Outcome, Withdrawn
from hookflash.events.handshake import ORIGIN, Handshake, shake_hands
from hookflash.events.sender import Sender
from hookflash.events.subscriptions import (
    SPACE,
    Kept,
    Schema,
    State,
    Subscription,
    SubscriptionError,
    SubscriptionStatus,
    from_document,
    to_document,
)
from hookflash.ports.clock import Clock
from hookflash.ports.journal import Delivery
from hookflash.ports.outbox import Documents
from hookflash.waiting import pause
from hookflash.wire.eventgrid import (
    INCOMING_CALL,
    NOTIFICATION_HEADERS,
    grid_cloud_event,
    grid_event,
    topic_of,
)
from hookflash.wire.urls import without_secrets

log = logging.getLogger("hookflash.events")

VALIDATION_PATH = "/hookflash/subscriptions/validate"
"""Path of the validation URL; its query parameter ``code`` goes to :meth:`EventGrid.confirm`."""
CLOUD_EVENTS_TYPE = "application/cloudevents+json; charset=utf-8"
LANE = "eventgrid/"
MAX_BACKOFF = 60.0
PATIENT_TRIES = 20
"""Failed handshakes in a row after which nobody asks on his own any more: about a quarter of an hour."""


@dataclass(slots=True)
class _Seat:
    """A subscription at run time. ``asking`` is the handshake under way, ``keeper`` what repeats it."""

    subscription: Subscription
    code: str
    state: State = State.PENDING
    detail: str = "not asked yet"
    allowed_rate: str = ""
    asking: asyncio.Task[Handshake] | None = None
    keeper: asyncio.Task[None] | None = None


class EventGrid:
    """Implements ``ports.edges.Publisher``.

    Args:
        sender: makes the handshake requests.
        clock: all waiting is by it.
        documents: where subscriptions are kept.
        public_url: where apps reach this server, for validation URLs.
        resource_name: the name of a resource by its GUID, for topics.
        eager: dev mode: an event for a subscription that is not validated yet is accepted, and asks for the
            handshake at once, because an app on a laptop has often just started. Otherwise such a
            subscription gets no events.
        letters: keeps what cannot be delivered; None keeps nothing.
    """

    def __init__(
        self,
        sender: Sender,
        clock: Clock,
        documents: Documents,
        *,
        public_url: str,
        resource_name: Callable[[str], str] = lambda resource: resource,
        eager: bool = False,
        letters: DeadLetters | None = None,
    ) -> None:
        self._sender = sender
        self._clock = clock
        self._documents = documents
        self._public_url = public_url.rstrip("/")
        self._resource_name = resource_name
        self._eager = eager
        self._letters = letters
        self._seats: dict[str, _Seat] = {}
        self._running = False
        self._loaded = asyncio.Event()

    # --- life -----------------------------------------------------------------------------------------------

    async def start(self, configured: Iterable[Subscription] = ()) -> None:
        """Load what is kept, put the configured subscriptions over it, and begin the handshakes.

        A configured subscription whose endpoint, schema and resource are as kept stays validated.

        Raises:
            SubscriptionError, FilterError: a configured subscription cannot be used.
        """
        for name, body in (await self._documents.documents(SPACE)).items():
            try:
                kept = from_document(body)
            except SubscriptionError as error:
                log.error("subscription %s is left out: %s", name, error)
                continue
            detail = "" if kept.state is State.VALIDATED else "not asked since the start"
            self._seats[name] = _Seat(kept.subscription, kept.code, kept.state, detail)
        self._running = True
        for subscription in configured:
            await self.add(subscription)
        self._loaded.set()
        for seat in list(self._seats.values()):
            self._keep_asking(seat)

    async def close(self) -> None:
        """Stop asking; idempotent."""
        self._running = False
        tasks = [t for seat in self._seats.values() for t in (seat.keeper, seat.asking) if t is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- subscriptions --------------------------------------------------------------------------------------

    def subscriptions(self) -> list[SubscriptionStatus]:
        """All subscriptions by name, and where their handshakes stand."""
        return [_status(seat) for _, seat in sorted(self._seats.items())]

    def get(self, name: str) -> SubscriptionStatus | None:
        seat = self._seats.get(name)
        return _status(seat) if seat is not None else None

    async def add(self, subscription: Subscription) -> SubscriptionStatus:
        """Add or replace by name, durably, and begin the handshake; does not wait for it.

        Raises:
            SubscriptionError, FilterError: it cannot be used.
        """
        subscription.check()
        former = self._seats.get(subscription.name)
        if former is not None and _same_listener(former.subscription, subscription):
            former.subscription = subscription
            seat = former
        else:
            if former is not None:
                _stop(former)
            seat = self._seats[subscription.name] = _Seat(subscription, str(uuid.uuid4()))
        await self._save(seat)
        self._keep_asking(seat)
        return _status(seat)

    async def remove(self, name: str) -> bool:
        """Forget a subscription, durably; its undelivered events are dropped. False if there is none."""
        seat = self._seats.pop(name, None)
        if seat is None:
            return False
        _stop(seat)
        await self._documents.delete_document(SPACE, name)
        return True

    async def validate(self, name: str) -> SubscriptionStatus:
        """Ask now, or join the asking under way, and wait for the outcome; KeyError if there is none."""
        seat = self._seats[name]
        await self._ask(seat)
        return _status(seat)

    def confirm(self, code: str) -> str | None:
        """The validation URL was opened: the name of the subscription it confirms, None for a wrong code."""
        for seat in self._seats.values():
            if hmac.compare_digest(seat.code.encode(), code.encode()):
                self._admit_for_good(seat)
                return seat.subscription.name
        return None

    # --- events ---------------------------------------------------------------------------------------------

    def incoming_call(self, effect: RaiseIncomingCall, at: float) -> list[Delivery]:
        """See ``ports.edges.Publisher``."""
        return self.publish(effect.resource, INCOMING_CALL, effect.data.subject, effect.data, at)

    def event(self, effect: PublishEvent, at: float) -> list[Delivery]:
        """See ``ports.edges.Publisher``."""
        return self.publish(effect.resource, effect.type, effect.subject, effect.data, at)

    def publish(
        self, resource: str, event_type: str, subject: str, data: msgspec.Struct, at: float
    ) -> list[Delivery]:
        """The deliveries of one event of ``resource`` (its GUID) to all who want it; ``at`` is Unix time.

        Each has a lane of its own: Event Grid promises no order, and one dead endpoint holds up nobody.
        """
        takers = [seat for seat in self._seats.values() if self._takes(seat, resource, event_type)]
        if not takers:
            return []
        event_id = str(uuid.uuid4())
        topic = topic_of(self._resource_name(resource))
        body = grid_event(data, id=event_id, topic=topic, subject=subject, event_type=event_type, time=at)
        event: dict[str, Any] = msgspec.json.decode(body)[0]
        deliveries = []
        for seat in takers:
            wanted = seat.subscription
            if not wanted.filters.matches(event):
                continue
            headers = {
                **NOTIFICATION_HEADERS,
                "aeg-subscription-name": wanted.name,
                "aeg-output-event-id": event_id,
            }
            content = body
            if wanted.schema is Schema.CLOUD_EVENTS:
                headers["Content-Type"] = CLOUD_EVENTS_TYPE
                # The handshake asked for this origin, so every delivery names it (CloudEvents' web hooks).
                headers["Origin"] = ORIGIN
                content = grid_cloud_event(
                    data, id=event_id, topic=topic, subject=subject, event_type=event_type, time=at
                )
            deliveries.append(
                Delivery(
                    id=f"{event_id}/{wanted.name}",
                    lane=f"{LANE}{wanted.name}/{event_id}",
                    url=wanted.endpoint,
                    body=content,
                    headers=headers,
                    attempts=wanted.attempts(event_type),
                    expires_at=at + wanted.lifetime(event_type),
                    name=event_type.rpartition(".")[2],
                )
            )
        return deliveries

    async def gate(self, delivery: Delivery) -> str:
        """The courier's gate: "" to send, or why not yet.

        Waits for :meth:`start`: what was owed before a restart must find its subscription.

        Raises:
            Withdrawn: the subscription is gone.
        """
        if not delivery.lane.startswith(LANE):
            return ""
        name = delivery.lane[len(LANE) :].partition("/")[0]
        await self._loaded.wait()
        seat = self._seats.get(name)
        if seat is None or seat.subscription.endpoint != delivery.url:
            raise Withdrawn(f"subscription {name} was removed or has another endpoint now")
        if seat.state is not State.VALIDATED:
            await self._ask(seat)
        # The handshake took its time; the seat may be validated by hand, or gone, by now.
        if seat.state is State.VALIDATED:
            return ""
        return f"subscription {name} is not validated: {seat.detail}"

    async def bury(self, delivery: Delivery, outcome: Outcome) -> None:
        """Keep what the courier gave up as a dead letter, where its subscription wants that."""
        name = delivery.lane[len(LANE) :].partition("/")[0]
        seat = self._seats.get(name)
        if self._letters is None or seat is None or outcome.end is End.WITHDRAWN:
            return
        place = self._letters.place(name, seat.subscription.dead_letter)
        if place is None:
            return
        letter = letter_of(delivery, outcome)
        about = {"eventId": delivery.id, "event": delivery.name, "subscription": name}
        try:
            path = await self._letters.keep(place, delivery.id.partition("/")[0], letter)
        except OSError as error:
            log.error(
                "%s is lost, its dead letter could not be written to %s: %s",
                delivery.name,
                place,
                error.strerror or error,
                extra=about,
            )
            return
        log.warning("%s is kept as a dead letter: %s", delivery.name, path, extra=about)

    def _takes(self, seat: _Seat, resource: str, event_type: str) -> bool:
        subscription = seat.subscription
        return (
            subscription.resource.casefold() == resource.casefold()
            and subscription.wants(event_type)
            and (seat.state is State.VALIDATED or self._eager)
        )

    # --- handshakes -----------------------------------------------------------------------------------------

    def _keep_asking(self, seat: _Seat) -> None:
        idle = seat.keeper is None or seat.keeper.done()
        if self._running and idle and seat.state is not State.VALIDATED:
            seat.keeper = asyncio.create_task(self._ask_until_validated(seat))

    async def _ask_until_validated(self, seat: _Seat) -> None:
        for tries in range(PATIENT_TRIES):
            if seat.state is State.VALIDATED:
                return
            if (await self._ask(seat)).ok:
                return
            if tries < PATIENT_TRIES - 1:
                await pause(self._clock, min(MAX_BACKOFF, 2.0**tries))
        if seat.state is not State.VALIDATED:
            seat.state = State.FAILED
            log.error(
                "subscription %s is given up, %s did not pass the validation handshake: %s",
                seat.subscription.name,
                without_secrets(seat.subscription.endpoint),
                seat.detail,
            )
            self._save_state(seat)

    async def _ask(self, seat: _Seat) -> Handshake:
        if seat.asking is None or seat.asking.done():
            seat.asking = asyncio.create_task(self._handshake(seat))
        asking = seat.asking
        # Not awaited itself: whoever asks must neither cancel it for the others nor be cancelled with it.
        await asyncio.wait((asking,))
        if asking.cancelled():
            return Handshake(False, "the subscription was removed or replaced meanwhile")
        return asking.result()

    async def _handshake(self, seat: _Seat) -> Handshake:
        subscription = seat.subscription
        url = f"{self._public_url}{VALIDATION_PATH}?code={quote(seat.code)}"
        topic = topic_of(self._resource_name(subscription.resource))
        outcome = await shake_hands(subscription, seat.code, url, topic, self._sender, self._clock)
        seat.allowed_rate = outcome.allowed_rate
        if outcome.ok:
            self._admit_for_good(seat)
        elif seat.state is not State.VALIDATED and seat.detail != outcome.detail:
            seat.detail = outcome.detail
            log.warning(
                "subscription %s is not validated yet, asked %s: %s",
                subscription.name,
                without_secrets(subscription.endpoint),
                outcome.detail,
            )
        return outcome

    def _admit_for_good(self, seat: _Seat) -> None:
        if seat.state is not State.VALIDATED:
            seat.state, seat.detail = State.VALIDATED, ""
            log.info("subscription %s is validated", seat.subscription.name)
            if seat.keeper is not None:
                seat.keeper.cancel()
            self._save_state(seat)

    def _save_state(self, seat: _Seat) -> None:
        if self._seats.get(seat.subscription.name) is seat:
            self._save(seat).add_done_callback(_say_if_lost)

    def _save(self, seat: _Seat) -> asyncio.Future[None]:
        kept = Kept(subscription=seat.subscription, state=seat.state, code=seat.code)
        return self._documents.put_document(SPACE, seat.subscription.name, to_document(kept))


def _same_listener(one: Subscription, other: Subscription) -> bool:
    return (one.endpoint, one.schema, one.resource) == (other.endpoint, other.schema, other.resource)


def _say_if_lost(saved: asyncio.Future[None]) -> None:
    if not saved.cancelled() and (error := saved.exception()) is not None:
        log.error("the state of a subscription was not kept: %s", error)


def _stop(seat: _Seat) -> None:
    for task in (seat.keeper, seat.asking):
        if task is not None:
            task.cancel()


def _status(seat: _Seat) -> SubscriptionStatus:
    return SubscriptionStatus(
        subscription=seat.subscription,
        state=seat.state,
        detail=seat.detail,
        allowed_rate=seat.allowed_rate,
    )
