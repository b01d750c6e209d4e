"""What the operations under /hookflash are about: words and shapes for the OpenAPI document.

The routes themselves say what there is; a route that has no entry here is in the document with its path and
method alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from hookflash.api.operating import DrainDocument
from hookflash.calls.views import CallPage, TracedCall
from hookflash.ports.calls import MAX_CALLS
from hookflash.ports.operating import (
    MAX_LEGS,
    BansView,
    DrainView,
    LegPage,
    LiftedView,
    MediaView,
    SpeechView,
    TrunksView,
    WorkerView,
)
from hookflash.ports.registrations import MAX_REGISTRATIONS, RegistrationPage
from hookflash.ports.spending import SpendingView
from hookflash.ports.virtual_phones import (
    MAX_DIGITS,
    MAX_POLL_MS,
    CallDocument,
    CallState,
    CallView,
    HeardState,
    PhoneDocument,
    PhoneView,
    PressDocument,
    RejectDocument,
)
from hookflash.wire import numbers

Schema = dict[str, Any]


class Own(NamedTuple):
    """One operation: ``query`` are schemas by parameter, ``body`` and ``answer`` a model or a schema,
    ``refusals`` the statuses beyond those every operation has, ``open`` that no key is asked for.
    """

    summary: str
    status: int = 200
    query: Mapping[str, Schema] = MappingProxyType({})
    body: type[msgspec.Struct] | Schema | None = None
    answer: type[msgspec.Struct] | Schema | None = None
    refusals: tuple[int, ...] = ()
    open: bool = False
    also: int | None = None
    about: str = ""


_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_READY: Schema = {
    "type": "object",
    "properties": {"status": {"type": "string"}, "problems": {"type": "array", "items": _TEXT}},
    "required": ["status"],
}
_FILTER: Schema = {
    "type": "object",
    "properties": {"operatorType": _TEXT, "key": _TEXT, "values": {"type": "array"}, "value": {}},
    "required": ["operatorType", "key"],
    "additionalProperties": False,
}
_SUBSCRIPTION: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"},
        "resource": {"type": "string", "description": "Name or GUID of a resource; the first if left out."},
        "endpoint": {"type": "string", "format": "uri"},
        "eventTypes": {"type": "array", "items": _TEXT, "minItems": 1},
        "schema": {"type": "string", "enum": ["EventGridSchema", "CloudEventSchemaV1_0"]},
        "filters": {
            "type": "object",
            "properties": {
                "subjectBeginsWith": _TEXT,
                "subjectEndsWith": _TEXT,
                "isSubjectCaseSensitive": {"type": "boolean"},
                "enableAdvancedFilteringOnArrays": {"type": "boolean"},
                "advancedFilters": {"type": "array", "items": _FILTER, "maxItems": 25},
            },
            "additionalProperties": False,
        },
        "maxDeliveryAttempts": {"type": "integer", "minimum": 1, "maximum": 30},
        "eventTimeToLiveInMinutes": {"type": "integer", "minimum": 1, "maximum": 1440},
        "deadLetter": {"type": "string", "description": "Folder for events that cannot be delivered."},
    },
    "required": ["name", "endpoint"],
    "additionalProperties": False,
}
_WHICH: dict[str, Schema] = {
    "call": {
        "type": "string",
        "pattern": "^(last|[0-9]{1,9})$",
        "description": "The number of a call, or last: the newest that is not over.",
    }
}
_PATIENCE: Schema = {
    "type": "integer",
    "minimum": 0,
    "maximum": MAX_POLL_MS,
    "description": "How long to wait, in milliseconds.",
}

ANSWERS: dict[str, type[msgspec.Struct]] = {
    "listPhoneNumbers": numbers.PurchasedPhoneNumbers,
    "getPhoneNumber": numbers.PurchasedPhoneNumber,
    "listAvailableCountries": numbers.PhoneNumberCountries,
    "listAreaCodes": numbers.PhoneNumberAreaCodes,
    "listAvailableLocalities": numbers.PhoneNumberLocalities,
    "listOfferings": numbers.PhoneNumberOfferings,
    "listReservations": numbers.PhoneNumbersReservations,
    "getSipConfiguration": numbers.SipConfiguration,
    "updateSipConfiguration": numbers.SipConfiguration,
}
"""What the operations answer that no table of the contract has."""

REQUESTS: dict[str, type[msgspec.Struct]] = {"updateSipConfiguration": numbers.SipPatch}
"""What they take."""

_PHONE = "/hookflash/phones/{id}"

OWN: dict[tuple[str, str], Own] = {
    ("GET", "/hookflash/health"): Own(
        "Whether the process is alive, and its version.",
        answer={
            "type": "object",
            "properties": {"status": {"const": "alive"}, "version": _TEXT},
            "required": ["status", "version"],
        },
        open=True,
    ),
    ("GET", "/hookflash/ready"): Own(
        "Whether calls can be taken.",
        answer=_READY,
        open=True,
        also=503,
        about="503 names what stands in the way.",
    ),
    ("GET", "/hookflash/counts"): Own(
        "How much of what is alive, by name.",
        answer={"type": "object", "additionalProperties": _COUNT},
    ),
    ("GET", "/hookflash/media"): Own(
        "The media workers: where they run, how loaded and how late they are; and sums over all legs.",
        answer=MediaView,
    ),
    ("GET", "/hookflash/speech"): Own(
        "Who speaks and recognises, whether they work, and if not, why.",
        answer=SpeechView,
    ),
    ("GET", "/hookflash/media/legs"): Own(
        "The open legs and how well each is heard.",
        query={
            "after": {**_COUNT, "description": "The leg after which to go on; `next` of the page before."},
            "top": {"type": "integer", "minimum": 1, "maximum": MAX_LEGS},
            "order": {
                "type": "string",
                "enum": ["leg", "mos"],
                "description": "`mos`: those heard the worst first, on one page.",
            },
        },
        answer=LegPage,
        about="With a key: the legs of the calls of its resource.",
    ),
    ("POST", "/hookflash/media/workers/{worker}:drain"): Own(
        "Replace a media worker without losing a call.",
        202,
        answer=WorkerView,
        refusals=(403, 404),
        about="It gets no new calls, and another process takes its place once its last call has ended.",
    ),
    ("GET", "/hookflash/metrics"): Own("Figures for monitoring, as text in Prometheus' format."),
    ("POST", "/hookflash/drain"): Own(
        "Take no new calls, and end the server once the calls it has are over.",
        202,
        body=DrainDocument,
        answer=DrainView,
        refusals=(403, 413),
        about="As SIGTERM does. New calls are refused with 503 and Retry-After; after `seconds` (left out: "
        "server.drain_seconds) the calls that are left are ended.",
    ),
    ("DELETE", "/hookflash/drain"): Own(
        "Take calls again after all.", 204, refusals=(403, 409), about="409 when it is not being drained."
    ),
    ("GET", "/hookflash/bans"): Own("The sources of SIP that are not listened to, and why.", answer=BansView),
    ("GET", "/hookflash/trunks"): Own(
        "The trunks of the configuration: which targets are up, registrations, calls and limits.",
        answer=TrunksView,
    ),
    ("DELETE", "/hookflash/bans"): Own(
        "Lift the ban of a source, or all bans.",
        query={"source": {**_TEXT, "description": "An address, or a /64 of IPv6 as the list has it."}},
        answer=LiftedView,
        refusals=(403, 404),
        about="What is known of the source is forgotten as well. 404 when it is not banned.",
    ),
    ("GET", "/hookflash/spending"): Own(
        "What calls out have cost within a day, and how many there were within a minute, by account.",
        answer=SpendingView,
        about="With a key: the accounts of its resource. `spent` is in the units of tolls.price.",
    ),
    ("GET", "/hookflash/registrations"): Own(
        "The SIP phones that have registered, from where and for how long, by user name.",
        query={
            "after": {**_TEXT, "description": "Where to go on: `next` of the page before."},
            "top": {"type": "integer", "minimum": 1, "maximum": MAX_REGISTRATIONS},
        },
        answer=RegistrationPage,
        about="With a key: the phones of its resource's users. `top` counts user names; one may have several "
        "contacts.",
    ),
    ("GET", "/hookflash/calls"): Own(
        "The calls that are up and those lately ended, the newest first.",
        query={
            "after": {**_COUNT, "description": "Where to go on: `next` of the page before."},
            "top": {"type": "integer", "minimum": 1, "maximum": MAX_CALLS},
        },
        answer=CallPage,
        about="With a key: the calls of its resource.",
    ),
    ("GET", "/hookflash/calls/{id}"): Own(
        "A call, who is in it, its media operations, and what happened to each of them and when.",
        answer=TracedCall,
        refusals=(404, 409),
        about="`id` is a callConnectionId, serverCallId or correlationId, or the beginning of the first or "
        "the last; 409 when several calls begin like that. Of calls that have ended the newest 64 are kept.",
    ),
    ("GET", "/hookflash/credentials"): Own(
        "The access keys and tokens, and when each was used; without their secrets.",
        answer={
            "type": "object",
            "properties": {"value": {"type": "array", "items": {"type": "object"}}},
            "required": ["value"],
        },
    ),
    ("GET", "/hookflash/subscriptions"): Own(
        "The Event Grid subscriptions.",
        answer={
            "type": "object",
            "properties": {"value": {"type": "array", "items": {"type": "object"}}},
            "required": ["value"],
        },
    ),
    ("POST", "/hookflash/subscriptions"): Own(
        "Add a subscription, or replace the one of that name.",
        201,
        body=_SUBSCRIPTION,
        answer={"type": "object"},
        refusals=(413,),
        about="Its endpoint is asked to validate the subscription before events are sent there.",
    ),
    ("DELETE", "/hookflash/subscriptions/{name}"): Own("Remove a subscription.", 204, refusals=(404,)),
    ("GET", "/hookflash/subscriptions/validate"): Own(
        "Validate a subscription by the URL that its endpoint was sent.",
        query={"code": _TEXT},
        refusals=(404,),
        open=True,
    ),
    ("POST", "/hookflash/subscriptions/validate"): Own(
        "The same, as CloudEvents endpoints grant permission by callback.",
        query={"code": _TEXT},
        refusals=(404,),
        open=True,
    ),
    ("GET", "/hookflash/journal/{connection}"): Own(
        "Every command, fact and event of a call connection, in order.",
        query={
            "after": {**_COUNT, "description": "The seq after which to go on; `next` of the page before."}
        },
        answer={
            "type": "object",
            "properties": {
                "connection": _TEXT,
                "entries": {"type": "array", "items": {"type": "object"}},
                "next": _COUNT,
            },
            "required": ["connection", "entries"],
        },
        refusals=(404,),
    ),
    ("GET", "/hookflash/phones"): Own(
        "The virtual phones.",
        query={"after": _TEXT, "top": _COUNT},
        answer={
            "type": "object",
            "properties": {
                "value": {"type": "array", "items": {"$ref": "#/components/schemas/PhoneView"}},
                "next": _TEXT,
            },
            "required": ["value"],
        },
    ),
    ("DELETE", "/hookflash/phones"): Own("Take all virtual phones away; their calls end.", 204),
    ("PUT", _PHONE): Own(
        "Have a virtual phone, with a script of what it does by itself.",
        201,
        body=PhoneDocument,
        answer=PhoneView,
        refusals=(413, 429),
        also=200,
        about="200 when it was there already; it keeps its calls.",
    ),
    ("GET", _PHONE): Own("A virtual phone and its calls.", answer=PhoneView, refusals=(404,)),
    ("DELETE", _PHONE): Own("Take a virtual phone away; its calls end.", 204, refusals=(404,)),
    ("GET", f"{_PHONE}/calls/{{call}}"): Own(
        "A call of a virtual phone, once it is as wanted.",
        query={
            "state": {"type": "string", "enum": [one.value for one in CallState]},
            "muted": {"type": "boolean"},
            "held": {"type": "boolean"},
            "heard": {"type": "string", "enum": [one.value for one in HeardState]},
            "digits": {"type": "string", "maxLength": MAX_DIGITS},
            "timeoutMs": _PATIENCE,
        },
        answer=CallView,
        refusals=(404, 408, 429),
        about="408 tells how the call is instead.",
    ),
    ("POST", f"{_PHONE}/call"): Own(
        "Call from a virtual phone.",
        202,
        body=CallDocument,
        answer=CallView,
        refusals=(404, 409, 413, 429),
    ),
    ("POST", f"{_PHONE}/answer"): Own(
        "Answer a call that rings.", 202, query=_WHICH, answer=CallView, refusals=(404, 409)
    ),
    ("POST", f"{_PHONE}/reject"): Own(
        "Reject a call that rings.",
        202,
        query=_WHICH,
        body=RejectDocument,
        answer=CallView,
        refusals=(404, 409, 413),
    ),
    ("POST", f"{_PHONE}/hangup"): Own("Hang up.", 202, query=_WHICH, answer=CallView, refusals=(404, 409)),
    ("POST", f"{_PHONE}/press"): Own(
        "Press keys.",
        202,
        query=_WHICH,
        body=PressDocument,
        answer=CallView,
        refusals=(404, 409, 413, 429),
    ),
    ("GET", "/hookflash/openapi.json"): Own("This document.", answer={"type": "object"}, open=True),
    ("GET", "/hookflash/docs"): Own("This document as a page to read.", open=True),
}
"""By method and path."""
