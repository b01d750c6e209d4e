"""What virtual phones hear: looks on between the engine and the media, and passes everything on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hookflash.calls.effects import AddListener, PlayAudio, RemoveListener, SendTones
from hookflash.calls.facts import (
    AudioFailed,
    AudioFinished,
    AudioStarted,
    Fact,
    MediaLost,
    TonesDone,
    TonesFailed,
)
from hookflash.media.speech import Speech
from hookflash.phones.virtual.call import Call
from hookflash.ports.edges import FactSink, Media
from hookflash.ports.virtual_phones import HeardState


def _named(source: object) -> str:
    """What a phone says of a source: the URL of a file, the words of a speech."""
    if isinstance(source, Speech):
        return source.text or source.ssml
    return str(getattr(source, "url", source))


CallOf = Callable[[int], Call | None]
"""The virtual phone's call at the end of a leg."""


@dataclass(slots=True)
class _Play:
    """A play under way: who listens, and whether its first sample has left."""

    call: int
    sources: list[str]
    legs: set[int] = field(default_factory=set)
    started: bool = False


class Ears:
    """Implements :class:`~hookflash.ports.edges.Media` before ``media``; facts go through :meth:`through`.

    ``call_of`` says which legs are virtual phones.
    """

    def __init__(self, media: Media, call_of: CallOf) -> None:
        self._media = media
        self._call_of = call_of
        self._plays: dict[int, _Play] = {}
        self._sendings: dict[int, tuple[int, str]] = {}
        # What concerns no phone's hearing goes straight on.
        self.open_app_leg = media.open_app_leg
        self.close_app_leg = media.close_app_leg

    @property
    def plays(self) -> int:
        """Plays under way."""
        return len(self._plays)

    # --- from the engine --------------------------------------------------------------------------------

    def join_mix(self, leg: int) -> None:
        self._held(leg, False)
        self._media.join_mix(leg)

    def leave_mix(self, leg: int) -> None:
        self._held(leg, True)
        self._media.leave_mix(leg)

    def mute(self, leg: int, muted: bool) -> None:
        call = self._call_of(leg)
        if call is not None and call.muted != muted:
            call.muted = muted
            call.phone.changed()
        self._media.mute(leg, muted)

    def play(self, effect: PlayAudio) -> None:
        sources = [_named(source) for source in effect.sources]
        self._plays[effect.play] = _Play(effect.call, sources, set(effect.legs))
        self._media.play(effect)

    def add_listener(self, effect: AddListener) -> None:
        play = self._plays.get(effect.play)
        if play is not None:
            play.legs.add(effect.leg)
            if play.started:
                self._begin(effect.play, play, effect.leg)
        self._media.add_listener(effect)

    def remove_listener(self, effect: RemoveListener) -> None:
        play = self._plays.get(effect.play)
        if play is not None:
            play.legs.discard(effect.leg)
            self._end(effect.play, effect.leg, HeardState.STOPPED)
        self._media.remove_listener(effect)

    def stop_audio(self, play: int) -> None:
        self._over(play, HeardState.STOPPED)
        self._media.stop_audio(play)

    def send_tones(self, effect: SendTones) -> None:
        if self._call_of(effect.leg) is not None:
            self._sendings[effect.sending] = (effect.leg, effect.digits)
        self._media.send_tones(effect)

    def stop_tones(self, sending: int) -> None:
        self._sendings.pop(sending, None)
        self._media.stop_tones(sending)

    # --- from the media ---------------------------------------------------------------------------------

    def through(self, sink: FactSink) -> FactSink:
        """A sink that takes note of a fact and gives it to ``sink``."""

        def take(fact: Fact) -> None:
            self._note(fact)
            sink(fact)

        return take

    def _note(self, fact: Fact) -> None:
        match fact:
            case AudioStarted(play=number):
                play = self._plays.get(number)
                if play is not None and not play.started:
                    play.started = True
                    for leg in play.legs:
                        self._begin(number, play, leg)
            case AudioFinished(play=number):
                self._over(number, HeardState.FINISHED)
            case AudioFailed(play=number):
                self._over(number, HeardState.STOPPED)
            case TonesDone(sending=number):
                leg, digits = self._sendings.pop(number, (0, ""))
                call = self._call_of(leg)
                if call is not None:
                    call.gets_keys(digits)
            case TonesFailed(sending=number):
                self._sendings.pop(number, None)
            case MediaLost(calls=calls):
                for number in [number for number, play in self._plays.items() if play.call in calls]:
                    self._over(number, HeardState.STOPPED)

    # --- inside -----------------------------------------------------------------------------------------

    def _held(self, leg: int, held: bool) -> None:
        call = self._call_of(leg)
        if call is not None and call.held != held:
            call.held = held
            call.phone.changed()

    def _begin(self, number: int, play: _Play, leg: int) -> None:
        call = self._call_of(leg)
        if call is not None:
            call.hears(number, play.sources)

    def _end(self, number: int, leg: int, state: HeardState) -> None:
        call = self._call_of(leg)
        if call is not None:
            call.heard_out(number, state)

    def _over(self, number: int, state: HeardState) -> None:
        play = self._plays.pop(number, None)
        if play is not None:
            for leg in play.legs:
                self._end(number, leg, state)
