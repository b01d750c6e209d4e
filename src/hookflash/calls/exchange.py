"""The exchange: all calls of one process, as one pure object.

Apps' commands and the edges' facts go in, effects come out; time is an argument. A command either happens
wholly or is refused with nothing changed: each handler checks everything first. A fact about something that
is over already is normal, since edges and exchange act at the same time, and leads to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from hookflash.calls import commands, facts
from hookflash.calls.call_control import CallControl
from hookflash.calls.connecting import ConnectControl
from hookflash.calls.connection import Connection
from hookflash.calls.directory import Directory
from hookflash.calls.effects import Effect, RefuseLeg, RingLeg
from hookflash.calls.ending import MEDIA_LOST, STOPPING, Ending, failed
from hookflash.calls.media_control import MediaControl
from hookflash.calls.move_control import MoveControl
from hookflash.calls.participant_control import ParticipantControl
from hookflash.calls.participants import Participant
from hookflash.calls.reaching import Manner, Reaching, Ways
from hookflash.calls.recording_control import RecordingControl
from hookflash.calls.recordings import Kept, keeps_nothing
from hookflash.calls.registry import MEMORY, Registry, Timings
from hookflash.calls.server_call import ServerCall
from hookflash.calls.speech_effects import AudioReady, ListeningFailed, VoiceBegan, VoiceEnded, WordsHeard
from hookflash.calls.streaming_control import StreamingControl
from hookflash.calls.tables import Leg, LegEvent
from hookflash.calls.takeover import TakeoverControl
from hookflash.calls.transferring import TransferControl
from hookflash.calls.turn import Turn
from hookflash.calls.views import CallPage, TracedCall, page_of, view_of
from hookflash.media.line import AudioFailure
from hookflash.media.speech import WORDLESS, Abilities, Heard
from hookflash.wire.constraints import CallbackRules
from hookflash.wire.containers import NO_CONTAINERS, ContainerRules
from hookflash.wire.gates import gated_response
from hookflash.wire.ids import Minter


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command leads to: the body of the response, None for none, and effects to carry out in order."""

    response: msgspec.Struct | None
    effects: list[Effect]


_STRICT = CallbackRules()
SHORTEST = 4
"""Characters of an id that may be enough to find its call."""
FILES = "https://recordings.invalid"
"""Where recordings are said to be when nobody serves them."""


class Exchange:
    """Every call of a process.

    ``first_leg`` is where leg numbers begin (they are never reused). ``callbacks`` says which callback
    URIs are taken: https only, unless told otherwise. ``memory`` bounds what is remembered of ended
    connections and used contexts, each. ``files`` is the base URL under which recordings can be fetched.
    ``kept`` tells of recordings that are over. ``abilities`` says what the server can do with words; without
    any, what needs them is refused.
    """

    def __init__(
        self,
        directory: Directory,
        minter: Minter,
        first_leg: int = 1,
        *,
        callbacks: CallbackRules = _STRICT,
        timings: Timings | None = None,
        memory: int = MEMORY,
        files: str = FILES,
        abilities: Abilities = WORDLESS,
        containers: ContainerRules = NO_CONTAINERS,
        kept: Kept = keeps_nothing,
    ) -> None:
        self._registry = Registry(directory, minter, first_leg, timings or Timings(), memory, abilities)
        control = CallControl(self._registry, callbacks)
        media = MediaControl(self._registry, callbacks)
        streaming = StreamingControl(self._registry, callbacks)
        recording = RecordingControl(self._registry, callbacks, memory, files, containers, kept)
        self._commands: dict[type, Callable[[Turn, Any], msgspec.Struct | None]] = {
            **control.commands,
            **ConnectControl(self._registry, callbacks).commands,
            **ParticipantControl(self._registry, callbacks).commands,
            **TransferControl(self._registry, callbacks).commands,
            **MoveControl(self._registry, callbacks).commands,
            commands.Play: media.play,
            commands.CancelAllMedia: media.cancel_all,
            commands.Recognize: media.recognize,
            commands.StartContinuousDtmf: media.start_continuous,
            commands.StopContinuousDtmf: media.stop_continuous,
            commands.SendDtmf: media.send_tones,
            commands.Hold: media.hold,
            commands.Unhold: media.unhold,
            commands.InterruptAudioAndAnnounce: media.announce,
            commands.StartHoldMusic: media.start_hold_music,
            commands.StopHoldMusic: media.stop_hold_music,
            commands.StartMediaStreaming: streaming.start_streaming,
            commands.StopMediaStreaming: streaming.stop_streaming,
            commands.StartTranscription: streaming.start_transcription,
            commands.StopTranscription: streaming.stop_transcription,
            commands.UpdateTranscription: streaming.update_transcription,
            commands.StartRecording: recording.start,
            commands.GetRecording: recording.get,
            commands.GetRecordingResult: recording.result,
            commands.StopRecording: recording.stop,
            commands.PauseRecording: recording.pause,
            commands.ResumeRecording: recording.resume,
        }
        self._facts: dict[type, Callable[[Turn, Any], None]] = {
            facts.IncomingLeg: self._incoming,
            facts.LegRinging: self._ringing,
            facts.LegUp: self._up,
            facts.LegFailed: self._over,
            facts.LegDown: self._over,
            facts.LegMoved: self._moved,
            facts.LegNotMoved: self._not_moved,
            facts.LegReferred: self._referred,
            facts.LegNotReferred: self._not_referred,
            facts.LegRefers: TakeoverControl(self._registry).refers,
            facts.DevicesChanged: self._devices_changed,
            facts.NobodyListens: self._nobody_listens,
            AudioReady: self._audio_ready,
            facts.AudioStarted: self._audio_started,
            facts.AudioFinished: self._audio_finished,
            facts.AudioFailed: self._audio_failed,
            facts.ToneHeard: self._tone_heard,
            facts.TonesDone: self._tones_done,
            facts.TonesFailed: self._tones_failed,
            VoiceBegan: self._voice_began,
            VoiceEnded: self._voice_ended,
            WordsHeard: self._words_heard,
            ListeningFailed: self._listening_failed,
            facts.StreamOpened: streaming.opened,
            facts.StreamFailed: streaming.failed,
            facts.RecordingStarted: recording.started,
            facts.RecordingFailed: recording.failed,
            facts.RecordingStored: recording.stored,
            facts.MediaLost: self._media_lost,
            facts.Pressure: self._pressed,
            facts.Stopping: self._stopping,
            facts.TimerFired: self._timer_fired,
        }

    @property
    def live_calls(self) -> int:
        """How many calls exist now."""
        return len(self._registry.calls)

    @property
    def refused_calls(self) -> int:
        """How many calls were turned away since the start, because there was no room for them."""
        return self._registry.admission.refused

    def call_of(self, leg: int) -> tuple[str, list[tuple[str, str]]] | None:
        """The correlationId of a leg's call, and each of its connections with its resource; None for a leg
        that is in no call (any more).
        """
        call, _ = self._registry.legs.get(leg, (None, None))
        if call is None:
            return None
        return call.correlation_id, [(one.id, one.resource) for one in call.connections.values()]

    def view(
        self, clock: float, wall: float, connection_id: str, resource: str | None = None
    ) -> TracedCall | None:
        """A call with its operations and what happened to them, up or lately ended; None when not known.

        ``clock`` is the time as in :meth:`execute`, ``wall`` the same as Unix time. What belongs to another
        than ``resource`` is not known either; None sees all.
        """
        found = self._registry.traced(connection_id)
        if found is None or not _is_of(found[0], resource):
            return None
        return view_of(found[0], clock, wall, found[1])

    def views(
        self, clock: float, wall: float, after: int | None, top: int, resource: str | None = None
    ) -> CallPage:
        """At most ``top`` calls that are up or lately ended, the newest first, behind ``after`` (the ``next``
        of the page before); as :meth:`view` otherwise.
        """
        known = self._registry.recent(after)
        return page_of((one for one in known if _is_of(one[0], resource)), clock, wall, top)

    def named(self, text: str, resource: str | None = None, most: int = 10) -> tuple[list[str], bool]:
        """The callConnectionIds that ``text`` may mean, the newest first, at most ``most`` of them; and
        whether all are of one call.

        It is a callConnectionId, serverCallId or correlationId, or else the beginning (:data:`SHORTEST`
        characters) of the first or the last of these.
        """
        exact = self._registry.traced(text)
        if exact is not None and _is_of(exact[0], resource):
            return [exact[0].id], True
        key, server = text.casefold(), text.rstrip("=")
        known = [one for one, _ in self._registry.recent() if _is_of(one, resource)]
        found = [
            one
            for one in known
            if one.server_call.correlation_id.casefold() == key or one.server_call.id.rstrip("=") == server
        ]
        if not found and len(key) >= SHORTEST:
            found = [
                one
                for one in known
                if one.id.casefold().startswith(key)
                or one.server_call.correlation_id.casefold().startswith(key)
            ]
        return [one.id for one in found[:most]], len({one.server_call.number for one in found}) < 2

    def new_leg(self) -> int:
        """A leg number for a phone that calls us; never given twice."""
        return self._registry.new_leg()

    def execute(self, now: float, command: commands.Command) -> Outcome:
        """Do what an app asks. Raises Refusal (``wire.results``), and then nothing has changed."""
        turn = Turn(now, self._registry.pending)
        response = self._commands[type(command)](turn, command)
        if response is not None:
            response = gated_response(response, command.version)
        return Outcome(response, turn.effects)

    def observe(self, now: float, fact: facts.Fact) -> list[Effect]:
        """Take note of what happened outside. Never raises for a fact that comes too late."""
        turn = Turn(now, self._registry.pending)
        self._facts[type(fact)](turn, fact)
        return turn.effects

    # --- legs -------------------------------------------------------------------------------------------

    def _incoming(self, turn: Turn, fact: facts.IncomingLeg) -> None:
        ways = Ways.from_phone(self._registry, fact.callee, outward=fact.outward is not None)
        if ways.none:
            turn.emit(RefuseLeg(fact.leg, 404, "Not Found"))
            return
        refused = self._registry.admission.turned_away()
        if refused is not None:
            turn.emit(RefuseLeg(fact.leg, 503, "Service Unavailable", refused[1]))
            return
        call = ServerCall(self._registry, fact.caller, display_name=fact.display_name)
        call.add(Participant(fact.leg, fact.caller, Leg.WAITING, is_phone=True))
        call.targets.append(fact.callee)
        turn.emit(RingLeg(fact.leg))
        shown = None if fact.caller.is_anonymous else fact.caller.phone_number
        manner = Manner(shown, fact.caller, fact.display_name, fact.headers, fact.voip_headers)
        if ways.outward:
            # At the expense of the resource whose user has the phone.
            payer = self._registry.directory.resource_of(fact.caller) or ""
            manner = replace(manner, caller=fact.outward or None, resource=payer)
        Reaching(call, fact.callee, manner).begin(turn, ways)

    def _ringing(self, turn: Turn, fact: facts.LegRinging) -> None:
        call, person = self._registry.legs.get(fact.leg, (None, None))
        if call is not None and person is not None and person.machine.allows(LegEvent.RING):
            person.machine.fire(LegEvent.RING)
            for connection in call.connections.values():
                connection.story.rings(turn.now, person)
            if person.reaching is not None and person.reaching.watcher is not None:
                person.reaching.watcher.rings(turn)

    def _up(self, turn: Turn, fact: facts.LegUp) -> None:
        call, person = self._registry.legs.get(fact.leg, (None, None))
        if call is not None and person is not None and person.machine.allows(LegEvent.ESTABLISH):
            person.refers = fact.refers
            call.established(turn, person)

    def _over(self, turn: Turn, fact: facts.LegFailed | facts.LegDown) -> None:
        call, person = self._registry.legs.get(fact.leg, (None, None))
        if call is None or person is None:
            return
        if person.present:
            call.gone(turn, person, Ending(fact.cause, person.outbound))
        elif person.moving:
            call.unreached(turn, person, Ending(fact.cause, person.outbound))
        else:
            call.unreached(turn, person, failed(fact.cause, person.outbound))

    def _moved(self, turn: Turn, fact: facts.LegMoved) -> None:
        _, person = self._registry.legs.get(fact.leg, (None, None))
        if person is not None and person.moving and person.move is not None:
            person.move.arrived(turn)

    def _not_moved(self, turn: Turn, fact: facts.LegNotMoved) -> None:
        _, person = self._registry.legs.get(fact.leg, (None, None))
        if person is not None and person.moving and person.move is not None:
            person.move.returned(turn, fact.message)

    def _referred(self, turn: Turn, fact: facts.LegReferred) -> None:
        _, person = self._registry.legs.get(fact.leg, (None, None))
        if person is not None and person.referral is not None:
            person.referral.carried_out(turn)

    def _not_referred(self, turn: Turn, fact: facts.LegNotReferred) -> None:
        _, person = self._registry.legs.get(fact.leg, (None, None))
        if person is not None and person.referral is not None:
            person.referral.not_carried_out(turn, fact)

    def _devices_changed(self, turn: Turn, fact: facts.DevicesChanged) -> None:
        kinds = self._registry.devices.setdefault(fact.user, {})
        kinds[fact.kind] = fact.devices
        if not any(kinds.values()):
            del self._registry.devices[fact.user]

    def _nobody_listens(self, turn: Turn, fact: facts.NobodyListens) -> None:
        invitation = self._registry.book.open.get(fact.context)
        if invitation is not None:
            invitation.reaching.nobody_listens(turn)

    def _media_lost(self, turn: Turn, fact: facts.MediaLost) -> None:
        for number in fact.calls:
            call = self._registry.calls.get(number)
            if call is not None:
                call.end(turn, MEDIA_LOST)

    def _pressed(self, turn: Turn, fact: facts.Pressure) -> None:
        self._registry.admission.press(fact)

    def _stopping(self, turn: Turn, fact: facts.Stopping) -> None:
        for call in list(self._registry.calls.values()):
            if not call.over:
                call.end(turn, STOPPING)

    # --- audio, tones, time -----------------------------------------------------------------------------

    def _audio_ready(self, turn: Turn, fact: AudioReady) -> None:
        owner = turn.pending.plays.get(fact.play)
        if owner is not None:
            owner.audio_ready(turn, fact.notes)

    def _audio_started(self, turn: Turn, fact: facts.AudioStarted) -> None:
        owner = turn.pending.plays.get(fact.play)
        if owner is not None:
            owner.audio_started(turn)

    def _audio_finished(self, turn: Turn, fact: facts.AudioFinished) -> None:
        owner = turn.pending.plays.pop(fact.play, None)
        if owner is not None:
            owner.audio_finished(turn)

    def _audio_failed(self, turn: Turn, fact: facts.AudioFailed) -> None:
        owner = turn.pending.plays.pop(fact.play, None)
        if owner is not None:
            owner.audio_failed(turn, AudioFailure(fact.source, fact.sub_code, fact.message, fact.code))

    def _tone_heard(self, turn: Turn, fact: facts.ToneHeard) -> None:
        call, person = self._registry.legs.get(fact.leg, (None, None))
        if call is not None and person is not None and person.present:
            call.heard(turn, fact.leg, fact.digit, fact.audible)

    def _tones_done(self, turn: Turn, fact: facts.TonesDone) -> None:
        owner = turn.pending.sendings.pop(fact.sending, None)
        if owner is not None:
            owner.tones_done(turn)

    def _tones_failed(self, turn: Turn, fact: facts.TonesFailed) -> None:
        owner = turn.pending.sendings.pop(fact.sending, None)
        if owner is not None:
            owner.tones_failed(turn, fact.message)

    def _voice_began(self, turn: Turn, fact: VoiceBegan) -> None:
        owner = turn.pending.listenings.get(fact.listening)
        if owner is not None:
            owner.voice_began(turn, fact.at)

    def _voice_ended(self, turn: Turn, fact: VoiceEnded) -> None:
        owner = turn.pending.listenings.get(fact.listening)
        if owner is not None:
            owner.voice_ended(turn, fact.at)

    def _words_heard(self, turn: Turn, fact: WordsHeard) -> None:
        listenings = turn.pending.listenings
        owner = listenings.get(fact.listening)
        if owner is None:
            return
        if fact.final:
            del listenings[fact.listening]
        owner.words_heard(turn, Heard(fact.text, fact.final, fact.confidence, fact.locale, fact.choice))

    def _listening_failed(self, turn: Turn, fact: ListeningFailed) -> None:
        owner = turn.pending.listenings.pop(fact.listening, None)
        if owner is not None:
            owner.listening_failed(turn, fact.code, fact.sub_code, fact.message)

    def _timer_fired(self, turn: Turn, fact: facts.TimerFired) -> None:
        fire = turn.pending.timers.pop(fact.timer, None)
        if fire is not None:
            fire(turn)


def _is_of(connection: Connection, resource: str | None) -> bool:
    return resource is None or connection.resource.casefold() == resource.casefold()
