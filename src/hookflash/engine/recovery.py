"""After a crash: calls that were up when the process died are ended properly.

Their media died with the process, so each connection that was opened and never closed gets its
CallDisconnected, and before it each recording its last RecordingStateChanged; apps never wait for an event
that cannot come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from hookflash.calls.effects import ConnectionClosed, ConnectionOpened
from hookflash.engine.journaling import connection_entry
from hookflash.ports.journal import Delivery, Entry
from hookflash.wire.enums import RecordingKind, RecordingState
from hookflash.wire.events import (
    CallDisconnected,
    EventData,
    RecordingStateChanged,
    cloud_event,
    recording_source,
)
from hookflash.wire.gates import gated
from hookflash.wire.ids import Minter
from hookflash.wire.results import restarted
from hookflash.wire.timestamps import offset_time


@dataclass(frozen=True, slots=True)
class LostRecording:
    """A recording that ran when the process died, since ``began`` (Unix time); ``callback_uri`` is told, in
    ``version``.
    """

    recording_id: str
    resource: str
    connection_id: str
    server_call_id: str
    correlation_id: str
    version: str
    began: float
    callback_uri: str = field(repr=False)


def opened(entry: Entry) -> ConnectionOpened:
    """The effect an "opened" line was written from.

    Raises:
        msgspec.ValidationError: the line is not one of ours.
    """
    return msgspec.json.decode(entry.data, type=ConnectionOpened)


def recover(
    unclosed: Iterable[Entry], minter: Minter, at: float, recordings: Iterable[LostRecording] = ()
) -> tuple[list[Entry], list[Delivery]]:
    """What to journal and deliver for recordings and connections that a crash left open."""
    entries: list[Entry] = []
    deliveries: list[Delivery] = []

    def deliver(event: EventData | None, connection_id: str, resource: str, url: str) -> None:
        if event is None:  # of a type that its version does not know
            return
        event_id = minter.event_id()
        body = cloud_event(event, id=event_id, time=at)
        name = type(event).__name__
        deliveries.append(Delivery(event_id, connection_id, url, body, audience=resource, name=name))

    for recording in recordings:
        ended = RecordingStateChanged(
            version=recording.version,
            event_source=recording_source(recording.server_call_id, recording.recording_id),
            recording_id=recording.recording_id,
            state=RecordingState.INACTIVE,
            start_date_time=offset_time(recording.began),
            recording_kind=RecordingKind.AZURE_COMMUNICATION_SERVICES,
            result_information=restarted("recording"),
            call_connection_id=recording.connection_id,
            server_call_id=recording.server_call_id,
            correlation_id=recording.correlation_id,
        )
        deliver(gated(ended), recording.connection_id, recording.resource, recording.callback_uri)
    for entry in unclosed:
        lost = opened(entry)
        event = CallDisconnected(
            version=lost.version,
            operation_context=lost.operation_context,
            result_information=restarted("call"),
            call_connection_id=lost.connection_id,
            server_call_id=lost.server_call_id,
            correlation_id=lost.correlation_id,
        )
        deliver(event, lost.connection_id, lost.resource, lost.callback_uri)
        entries.append(connection_entry("closed", ConnectionClosed(lost.connection_id), at))
    return entries, deliveries
