"""A call as people ask for it: who is in it, what runs, and why every event was sent. Plain data, to encode.

Times are UTC in ISO 8601 with milliseconds; ``after`` is in seconds from when the operation was accepted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from hookflash.media.continuous import Subscription
from hookflash.media.operation import Operation
from hookflash.media.trace import Entry
from hookflash.wire.timestamps import millisecond_time
from hookflash.wire.urls import without_secrets

if TYPE_CHECKING:
    from hookflash.calls.connection import Connection

MAX_PEOPLE = 50
"""Most participants that are shown, and remembered of a call that has ended."""
MAX_LISTED = 10
"""Most participants of a call in a list."""


class ParticipantView(msgspec.Struct, rename="camel", omit_defaults=True):
    """Somebody in the call. ``kind`` is "phone" or "app"; ``leg`` is its number in media and logs.

    ``aliases`` are the numbers an app is known by.
    """

    raw_id: str
    kind: str
    leg: int
    state: str
    muted: bool = False
    on_hold: bool = False
    aliases: list[str] = []


class TraceView(msgspec.Struct, rename="camel", omit_defaults=True):
    """One thing that happened to an operation."""

    at: str
    after: float
    what: str
    detail: str = ""


class OperationView(msgspec.Struct, rename="camel", omit_defaults=True):
    """A media operation, running, queued or ended.

    ``offset`` is when it was accepted, in seconds from the call's start.
    ``operation`` is named as in the compatibility table, ``leg`` is "main" or "sub", ``number`` counts
    operations in the order they were accepted. ``asked`` says what was asked for. ``leftOut`` entries of the
    trace were dropped in front of entry number ``leftOutAt``.
    """

    number: int
    operation: str
    leg: str
    state: str
    targets: list[str]
    accepted: str
    offset: float
    trace: list[TraceView]
    asked: str = ""
    operation_context: str | None = None
    left_out: int = 0
    left_out_at: int = 0


class TracedCall(msgspec.Struct, rename="camel", omit_defaults=True):
    """One app's view of a call, up or lately ended.

    ``participants`` of an ended one are those who were in it at its end; ``more_participants`` are not
    listed. ``operations`` are in the order they were accepted; of ended ones the newest are kept. ``trace``
    is what happened beside them, ``after`` in seconds from ``since``, the call's start. ``ended`` is when it
    did; ``other_connections`` are those of other apps in the same call.
    """

    call_connection_id: str
    server_call_id: str
    correlation_id: str
    state: str
    origin: str
    caller: str
    targets: list[str]
    callback_uri: str
    api_version: str
    since: str
    participants: list[ParticipantView]
    operations: list[OperationView]
    trace: list[TraceView]
    ended: str | None = None
    lasted: float = 0.0
    left_out: int = 0
    left_out_at: int = 0
    other_connections: list[str] = []
    operation_context: str | None = None
    more_participants: int = 0


class CallRow(msgspec.Struct, rename="camel", omit_defaults=True):
    """A call in a list. ``since`` is when it began, ``ended`` when it did, ``lasted`` the seconds between, or
    until now. ``participants`` are rawIds as in :class:`TracedCall`."""

    call_connection_id: str
    server_call_id: str
    correlation_id: str
    state: str
    origin: str
    since: str
    participants: list[str]
    ended: str | None = None
    lasted: float = 0.0
    more_participants: int = 0


class CallPage(msgspec.Struct, rename="camel", omit_defaults=True):
    """Calls, the newest first; ``next`` is the ``after`` of the next page, absent on the last."""

    value: list[CallRow]
    next: int | None = None


def people_of(connection: Connection) -> list[ParticipantView]:
    """Those in the call now, or on their way into it."""
    return [
        ParticipantView(
            raw_id=person.identity.raw_id,
            kind="phone" if person.is_phone else "app",
            leg=person.leg,
            state=person.state.value,
            muted=person.muted,
            on_hold=person.on_hold,
            aliases=[alias.raw_id for alias in person.aliases],
        )
        for person in list(connection.server_call.participants.values())[:MAX_PEOPLE]
    ]


def view_of(
    connection: Connection, clock: float, wall: float, last: list[ParticipantView] | None = None
) -> TracedCall:
    """What is known of ``connection``.

    ``clock`` and ``wall`` are the time now, of the turns' clock and as Unix time; ``last`` are those who were
    in a call that has ended.
    """
    call, ahead = connection.server_call, wall - clock
    people = people_of(connection) if last is None else last
    desk = connection.desk
    operations: Iterable[Operation | Subscription] = (
        *desk.ended,
        *desk.main,
        *desk.subs,
        *desk.music.values(),
        *desk.subscriptions.values(),
    )
    story, trace = connection.story, connection.story.trace
    return TracedCall(
        call_connection_id=connection.id,
        server_call_id=call.id,
        correlation_id=call.correlation_id,
        state=connection.state.value,
        origin=connection.origin.value,
        caller=call.caller.raw_id,
        targets=[target.raw_id for target in call.targets[:MAX_PEOPLE]],
        callback_uri=without_secrets(connection.callback_uri),
        api_version=connection.request.version,
        since=millisecond_time(story.since + ahead),
        ended=None if story.ended is None else millisecond_time(story.ended + ahead),
        lasted=_span(story.since, clock if story.ended is None else story.ended),
        participants=people,
        operations=[
            _operation(one, story.since, ahead) for one in sorted(operations, key=lambda one: one.serial)
        ],
        trace=[_entry(entry, story.since, ahead) for entry in trace.entries],
        left_out=trace.left_out,
        left_out_at=len(trace.first) if trace.left_out else 0,
        operation_context=connection.request.context,
        more_participants=max(0, len(call.participants) - len(people)) if last is None else 0,
    )


def page_of(
    known: Iterable[tuple[Connection, list[ParticipantView] | None]], clock: float, wall: float, top: int
) -> CallPage:
    """The first ``top`` of what is known; times and the second of each pair as in :func:`view_of`."""
    rows: list[CallRow] = []
    last = 0
    for connection, people in known:
        if len(rows) == top:
            return CallPage(rows, last)
        rows.append(_row(connection, people, clock, wall - clock))
        last = connection.story.number
    return CallPage(rows)


def _row(connection: Connection, last: list[ParticipantView] | None, clock: float, ahead: float) -> CallRow:
    call, story = connection.server_call, connection.story
    names = (
        [one.raw_id for one in last]
        if last is not None
        else [person.identity.raw_id for person in call.participants.values()]
    )
    return CallRow(
        call_connection_id=connection.id,
        server_call_id=call.id,
        correlation_id=call.correlation_id,
        state=connection.state.value,
        origin=connection.origin.value,
        since=millisecond_time(story.since + ahead),
        participants=names[:MAX_LISTED],
        ended=None if story.ended is None else millisecond_time(story.ended + ahead),
        lasted=_span(story.since, clock if story.ended is None else story.ended),
        more_participants=max(0, len(names) - MAX_LISTED),
    )


def _operation(operation: Operation | Subscription, start: float, ahead: float) -> OperationView:
    trace, since = operation.trace, operation.since
    return OperationView(
        number=operation.serial,
        operation=operation.kind.value,
        leg="main" if operation.kind.on_main_leg else "sub",
        state=operation.state.value,
        targets=list(operation.named),
        accepted=millisecond_time(since + ahead),
        offset=_span(start, since),
        trace=[_entry(entry, since, ahead) for entry in trace.entries],
        asked=operation.asked(),
        operation_context=operation.request.context,
        left_out=trace.left_out,
        left_out_at=len(trace.first) if trace.left_out else 0,
    )


def _entry(entry: Entry, since: float, ahead: float) -> TraceView:
    return TraceView(
        at=millisecond_time(entry.at + ahead),
        after=_span(since, entry.at),
        what=entry.what,
        detail=entry.detail,
    )


def _span(since: float, at: float) -> float:
    """Seconds, to the millisecond."""
    return round(max(0.0, at - since), 3)
