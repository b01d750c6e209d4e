"""Event Grid: the envelope, its handshake and its payloads (contract sections 5.6 and 5.7)."""

from __future__ import annotations

import msgspec

from hookflash.wire.identifiers import CommunicationIdentifierModel, Identifier
from hookflash.wire.parts import Model
from hookflash.wire.timestamps import offset_time, zulu_time

INCOMING_CALL = "Microsoft.Communication.IncomingCall"
SUBSCRIPTION_VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"

NOTIFICATION_HEADERS = {"aeg-event-type": "Notification"}
VALIDATION_HEADERS = {"aeg-event-type": "SubscriptionValidation"}


class CustomContext(msgspec.Struct, rename="camel"):
    """Headers that came with a call; both maps are always there when the object is."""

    sip_headers: dict[str, str] = msgspec.field(default_factory=dict)
    voip_headers: dict[str, str] = msgspec.field(default_factory=dict)

    def sip_header(self, name: str) -> str | None:
        """A SIP header looked up without regard to case, as apps do with User-To-User."""
        folded = name.casefold()
        return next((value for key, value in self.sip_headers.items() if key.casefold() == folded), None)


class IncomingCallData(Model, kw_only=True):
    """Payload of IncomingCall. ``from`` is a Python keyword, hence ``from_``."""

    to: CommunicationIdentifierModel
    from_: CommunicationIdentifierModel = msgspec.field(name="from")
    server_call_id: str
    incoming_call_context: str
    correlation_id: str
    caller_display_name: str = msgspec.field(default_factory=str)
    custom_context: CustomContext | None = None
    on_behalf_of_callee: CommunicationIdentifierModel | None = None

    @property
    def subject(self) -> str:
        """``/caller/<rawId>/recipient/<rawId>``."""
        caller, callee = Identifier.from_model(self.from_, "from"), Identifier.from_model(self.to, "to")
        return f"/caller/{caller}/recipient/{callee}"


class SubscriptionValidationData(Model):
    """What a subscriber must prove it has read; ``validationUrl`` is for doing it by hand."""

    validation_code: str
    validation_url: str | None = None


class SubscriptionValidationResponse(Model):
    """What a subscriber answers the handshake with."""

    validation_response: str | None = None


class GridEvent(msgspec.Struct, rename="camel"):
    """One event in Event Grid schema. ``event_time`` is ISO 8601 with ``Z``."""

    id: str
    topic: str
    subject: str
    data: msgspec.Struct
    event_type: str
    event_time: str
    data_version: str = "1.0"
    metadata_version: str = "1"


class GridCloudEvent(msgspec.Struct):
    """The same event for a subscription in CloudEvents schema; ``source`` is the topic."""

    id: str
    source: str
    subject: str
    data: msgspec.Struct
    type: str
    time: str
    specversion: str = "1.0"
    datacontenttype: str = "application/json"


_ENCODER = msgspec.json.Encoder()
_RESPONSE = msgspec.json.Decoder(SubscriptionValidationResponse)


def topic_of(resource_name: str, *, subscription: str = "00000000-0000-0000-0000-000000000000") -> str:
    """The Azure path of a communication resource, as ``topic``."""
    return (
        f"/subscriptions/{subscription}/resourcegroups/hookflash/providers/microsoft.communication"
        f"/communicationservices/{resource_name}"
    )


def grid_event(
    data: msgspec.Struct, *, id: str, topic: str, subject: str, event_type: str, time: float
) -> bytes:
    """A JSON array with one event in Event Grid schema. ``time`` is Unix time."""
    return _ENCODER.encode([GridEvent(id, topic, subject, data, event_type, zulu_time(time))])


def grid_cloud_event(
    data: msgspec.Struct, *, id: str, topic: str, subject: str, event_type: str, time: float
) -> bytes:
    """One event in CloudEvents schema (not an array, as Event Grid delivers it). ``time`` is Unix time."""
    return _ENCODER.encode(GridCloudEvent(id, topic, subject, data, event_type, offset_time(time)))


def incoming_call(data: IncomingCallData, *, id: str, topic: str, time: float) -> bytes:
    """The POST body of one IncomingCall in Event Grid schema."""
    return grid_event(data, id=id, topic=topic, subject=data.subject, event_type=INCOMING_CALL, time=time)


def subscription_validation(
    code: str, *, id: str, topic: str, time: float, validation_url: str | None = None
) -> bytes:
    """The POST body of the handshake; the subscriber echoes ``code``."""
    data = SubscriptionValidationData(code, validation_url)
    return grid_event(data, id=id, topic=topic, subject="", event_type=SUBSCRIPTION_VALIDATION, time=time)


def validated(body: bytes, code: str) -> bool:
    """Whether a handshake's answer echoes ``code``; anything unreadable is a no."""
    try:
        return _RESPONSE.decode(body).validation_response == code
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
