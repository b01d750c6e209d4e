"""Media commands: from a request to its connection's desk; and hold (contract sections 6.1 to 6.8)."""

from __future__ import annotations

from typing import Any

import msgspec

from hookflash.calls.commands import (
    CancelAllMedia,
    Hold,
    InterruptAudioAndAnnounce,
    Play,
    Recognize,
    SendDtmf,
    StartContinuousDtmf,
    StartHoldMusic,
    StopContinuousDtmf,
    StopHoldMusic,
    Unhold,
)
from hookflash.calls.connection import Connection
from hookflash.calls.participants import Participant
from hookflash.calls.registry import Registry
from hookflash.calls.turn import Turn
from hookflash.media.line import Audio, Request
from hookflash.wire.constraints import CallbackRules, require_callback
from hookflash.wire.responses import OperationResponse


def usable_connection(registry: Registry, callbacks: CallbackRules, command: Any) -> Connection:
    """The connection of a media command, which has to be up; its operationCallbackUri is checked, too.

    Raises Refusal as the registry does, 400/8501 before the call is up, 400/8585 while it is transferred or
    ended.
    """
    connection = registry.connection(command.resource, command.connection_id)
    connection.require_connected("media operations can start")
    own = getattr(getattr(command, "request", None), "operation_callback_uri", None)
    if own is not None:
        require_callback(own, "operationCallbackUri", callbacks)
    return connection


class MediaControl:
    """Handlers of the commands about media; each checks everything, then acts."""

    def __init__(self, registry: Registry, callbacks: CallbackRules) -> None:
        self._registry = registry
        self._callbacks = callbacks

    def _connection(self, command: Any) -> Connection:
        return usable_connection(self._registry, self._callbacks, command)

    def play(self, turn: Turn, command: Play) -> None:
        self._connection(command).desk.play(turn, command.version, command.request)

    def cancel_all(self, turn: Turn, command: CancelAllMedia) -> None:
        self._connection(command).desk.cancel_all(turn)

    def recognize(self, turn: Turn, command: Recognize) -> None:
        self._connection(command).desk.recognize(turn, command.version, command.request)

    def start_continuous(self, turn: Turn, command: StartContinuousDtmf) -> None:
        self._connection(command).desk.start_continuous(turn, command.version, command.request)

    def stop_continuous(self, turn: Turn, command: StopContinuousDtmf) -> None:
        self._connection(command).desk.stop_continuous(turn, command.version, command.request)

    def send_tones(self, turn: Turn, command: SendDtmf) -> msgspec.Struct:
        self._connection(command).desk.send_tones(turn, command.version, command.request)
        return OperationResponse(operation_context=command.request.operation_context)

    def hold(self, turn: Turn, command: Hold) -> None:
        """Hold, with or without music.

        The request carries no repeatability headers, so it may come twice: holding again changes nothing,
        save that other music replaces the music that plays.
        """
        connection, body = self._connection(command), command.request
        person = connection.find(body.target_participant, "targetParticipant")
        music = connection.desk.hold_music(body.play_source_info)
        request = Request(command.version, body.operation_context, body.operation_callback_uri)
        _put_on_hold(turn, connection, person, request, music)

    def unhold(self, turn: Turn, command: Unhold) -> None:
        """Bring somebody back; whoever is not on hold stays as they are."""
        connection = self._connection(command)
        person = connection.find(command.request.target_participant, "targetParticipant")
        if person.on_hold:
            connection.server_call.unhold(turn, person)

    # --- previews (contract section 1.3) ----------------------------------------------------------------

    def announce(self, turn: Turn, command: InterruptAudioAndAnnounce) -> None:
        self._connection(command).desk.announce(turn, command.version, command.request)

    def start_hold_music(self, turn: Turn, command: StartHoldMusic) -> None:
        """What hold was called in previews, always with music; it repeats unless ``loop`` is false."""
        connection, body = self._connection(command), command.request
        person = connection.find(body.target_participant, "targetParticipant")
        music = connection.desk.hold_music(body.play_source_info)
        request = Request(command.version, body.operation_context)
        _put_on_hold(turn, connection, person, request, music, loop=body.loop is not False)

    def stop_hold_music(self, turn: Turn, command: StopHoldMusic) -> None:
        """What unhold was called in previews."""
        connection = self._connection(command)
        person = connection.find(command.request.target_participant, "targetParticipant")
        if person.on_hold:
            connection.server_call.unhold(turn, person)


def _put_on_hold(
    turn: Turn,
    connection: Connection,
    person: Participant,
    request: Request,
    music: Audio | None,
    *,
    loop: bool = True,
) -> None:
    """Everything is checked: hold, and music in place of any other app's."""
    call = connection.server_call
    if not person.on_hold:
        call.hold(turn, person)
    if music is not None:
        for other in call.connections.values():
            if other is not connection:
                other.desk.stop_music(turn, person.leg, "another app plays music")
        connection.desk.start_music(turn, request, person, music, loop=loop)
