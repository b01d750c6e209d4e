"""After a crash: calls that were up when the process died are ended properly.

Their media died with the process, so each connection that was opened and never closed gets its
CallDisconnected; apps never wait for an event that cannot come.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hookflash.calls.effects import ConnectionClosed, ConnectionOpened
from hookflash.engine.journaling import connection_entry
from hookflash.ports.journal import Delivery, Entry
from hookflash.wire.events import CallDisconnected, cloud_event
from hookflash.wire.ids import Minter
from hookflash.wire.results import ResultInformation


def opened(entry: Entry) -> ConnectionOpened:
    """The effect an "opened" line was written from.

    Raises:
        msgspec.ValidationError: the line is not one of ours.
    """
    return msgspec.json.decode(entry.data, type=ConnectionOpened)


def recover(unclosed: Iterable[Entry], minter: Minter, at: float) -> tuple[list[Entry], list[Delivery]]:
    """What to journal and deliver for connections that a crash left open."""
    entries: list[Entry] = []
    deliveries: list[Delivery] = []
    for entry in unclosed:
        lost = opened(entry)
        event = CallDisconnected(
            version=lost.version,
            operation_context=lost.operation_context,
            result_information=ResultInformation(
                code=500, sub_code=9999, message="The call ended because the server was restarted."
            ),
            call_connection_id=lost.connection_id,
            server_call_id=lost.server_call_id,
            correlation_id=lost.correlation_id,
        )
        event_id = minter.event_id()
        deliveries.append(
            Delivery(
                id=event_id,
                lane=lost.connection_id,
                url=lost.callback_uri,
                body=cloud_event(event, id=event_id, time=at),
                audience=lost.resource,
                name="CallDisconnected",
            )
        )
        entries.append(connection_entry("closed", ConnectionClosed(lost.connection_id), at))
    return entries, deliveries
