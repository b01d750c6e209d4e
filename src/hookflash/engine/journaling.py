"""How commands, facts and events become lines of the journal."""

from __future__ import annotations

import msgspec

from hookflash.calls.commands import Command
from hookflash.calls.effects import ConnectionClosed, ConnectionOpened, Effect, Notify
from hookflash.calls.facts import Fact
from hookflash.ports.journal import Entry
from hookflash.wire.urls import without_secrets

_encoder = msgspec.json.Encoder(enc_hook=str)
_SECRET_FIELDS = ("incomingCallContext",)
_CONTAINER = "recordingDestinationContainerUrl"


def _json(value: object) -> bytes:
    """JSON of a struct or dataclass; what is nobody's business later is taken out."""
    data = msgspec.to_builtins(value, enc_hook=str)
    if isinstance(data, dict):
        for name in _SECRET_FIELDS:
            if name in data:
                data[name] = "(taken out)"
        storage = data.get("externalStorage")
        if isinstance(storage, dict) and isinstance(storage.get(_CONTAINER), str):
            # Its query is a signature that lets whoever has it write there.
            storage[_CONTAINER] = without_secrets(storage[_CONTAINER])
    return _encoder.encode(data)


def command_entry(command: Command, response: object, at: float) -> Entry:
    """The line of an accepted command."""
    connection = getattr(command, "connection_id", "") or getattr(response, "call_connection_id", "")
    request = getattr(command, "request", None)
    return Entry(
        kind="command",
        name=type(command).__name__,
        at=at,
        connection=connection,
        data=_json(request) if request is not None else b"{}",
    )


def fact_entry(fact: Fact, effects: list[Effect], at: float) -> Entry:
    """The line of a fact an edge reported, under the connection it led to an event for."""
    told = next((effect for effect in effects if isinstance(effect, Notify)), None)
    return Entry(
        kind="fact",
        name=type(fact).__name__,
        at=at,
        call=told.data.correlation_id if told else "",
        connection=told.connection_id if told else "",
        data=_json(fact),
    )


def event_entry(effect: Notify, event_id: str, at: float) -> Entry:
    """The line of a CloudEvent on its way to an app."""
    return Entry(
        kind="event",
        name=type(effect.data).__name__,
        at=at,
        call=effect.data.correlation_id,
        connection=effect.connection_id,
        data=_encoder.encode({"id": event_id, "operationContext": effect.data.operation_context}),
    )


def connection_entry(name: str, effect: ConnectionOpened | ConnectionClosed, at: float) -> Entry:
    """The line that says a connection lives, or lives no more."""
    call = effect.correlation_id if isinstance(effect, ConnectionOpened) else ""
    return Entry(
        kind="connection", name=name, at=at, call=call, connection=effect.connection_id, data=_json(effect)
    )
