"""connect: join a call that is there, a group call or a room (contract sections 1.2, 1.4 and 5.4)."""

from __future__ import annotations

import msgspec

from hookflash.calls.commands import Connect
from hookflash.calls.connection import Connection, Origin
from hookflash.calls.participants import Participant
from hookflash.calls.registry import NamedCall, Registry
from hookflash.calls.server_call import ServerCall
from hookflash.calls.streaming_control import setup_of
from hookflash.calls.tables import Leg
from hookflash.calls.turn import Handlers, Turn
from hookflash.media.line import Request
from hookflash.wire.constraints import CallbackRules, check_length, check_locator, require_callback
from hookflash.wire.parts import CallLocator
from hookflash.wire.results import not_found, wrong_resource

MAX_NAME = 256
"""Characters of a group call's or room's id."""


class ConnectControl:
    """The handler of connect.

    A call is found by its serverCallId; the app's resource must have part in it. A group call or room is a
    name within the resource: the first to connect opens it, and it lives while anybody is in it.
    """

    def __init__(self, registry: Registry, callbacks: CallbackRules) -> None:
        self._registry = registry
        self._callbacks = callbacks
        self.commands: Handlers = {Connect: self.connect}

    def connect(self, turn: Turn, command: Connect) -> msgspec.Struct:
        """Join. An app that joins a call which still rings waits until it is up."""
        request = command.request
        require_callback(request.callback_uri, "callbackUri", self._callbacks)
        setup = setup_of(request, self._callbacks)
        identity = self._registry.new_user(command.resource)
        name = _name(command.resource, request.call_locator)
        call = self._existing(command, name)
        if call is None:
            self._registry.admission.require_call()
            call = ServerCall(self._registry, identity, name=name)
        else:
            call.require_room()
            self._registry.admission.require_place(call.placed)
        own = Participant(self._registry.new_leg(), identity, Leg.JOINING, is_phone=False)
        connection = Connection(
            self._registry.minter.call_connection_id(),
            call,
            own,
            resource=command.resource,
            request=Request(command.version, request.operation_context),
            callback_uri=request.callback_uri,
            origin=Origin.CONNECTED,
            setup=setup,
        )
        call.add_app(turn, connection)
        response = connection.properties()
        call.settle(turn, [])
        return response

    def _existing(self, command: Connect, name: NamedCall | None) -> ServerCall | None:
        """The call to join; None for a group call or room nobody is in yet. Raises Refusal."""
        if name is not None:
            return self._registry.named.get(name)
        server_call_id = command.request.call_locator.server_call_id or ""
        call = self._registry.call_of_id(server_call_id)
        if call is None:
            raise not_found(
                "Call not found: there is no call with the serverCallId of callLocator, or it has ended; "
                "take it from an event of a call that lasts.",
                target="callLocator.serverCallId",
            )
        if command.resource.casefold() not in {resource.casefold() for resource in call.resources}:
            raise wrong_resource(
                "The call of callLocator belongs to another resource; use the access key of a resource whose "
                "app is, or was asked to be, in the call.",
                target="callLocator.serverCallId",
            )
        return call


def _name(resource: str, locator: CallLocator) -> NamedCall | None:
    """The name of a group call or room; None for a call that is found by its serverCallId."""
    check_locator(locator)
    if locator.server_call_id:
        return None
    if locator.group_call_id:
        check_length(locator.group_call_id, "callLocator.groupCallId", MAX_NAME)
        return NamedCall(resource.casefold(), "group", locator.group_call_id.casefold())
    check_length(locator.room_id, "callLocator.roomId", MAX_NAME)
    return NamedCall(resource.casefold(), "room", locator.room_id or "")
