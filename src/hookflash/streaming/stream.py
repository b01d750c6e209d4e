"""One audio stream: what an app hears of a call as frames, and what it says (contract section 7)."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from numpy.typing import NDArray

from hookflash.calls.audio_effects import OpenStream, Roster
from hookflash.calls.facts import StreamFailed, StreamOpened
from hookflash.ports.audio import (
    AudioUnavailable,
    CallAudio,
    Frames,
    Heard,
    Listener,
    Said,
    Together,
    Voice,
)
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.streaming.app_socket import AppSocket, Ended
from hookflash.streaming.dialling import Dialler, Ticket
from hookflash.streaming.timeline import Anchor, Timeline
from hookflash.streaming.volley import SILENCE, volley
from hookflash.tallying import Tally
from hookflash.wire.streaming_frames import (
    AppAudio,
    FrameError,
    Mark,
    StopAudio,
    audio_data,
    audio_metadata,
    dtmf_data,
    mark_data,
    playback_state,
    read_frame,
)
from hookflash.wire.urls import without_secrets

STREAMING_FAILED = 8603
TOO_FAST = (
    "The app sent audio faster than it can be said: more than 60 s of it waited. Send no more than that "
    "ahead, or drop what waits with StopAudio."
)
DOMINANT = 4
"""Participants whose audio is sent in an unmixed stream (contract section 7.3)."""
MAX_MARKS = 1_000
"""Marks that may wait to be reached."""

_log = logging.getLogger(__name__)

Samples = NDArray[np.int16]


class AudioStream:
    """Implements one OpenStream, from its construction until it is closed or has failed.

    ``marking``: whether the resource has marks unless the URL says no. ``done`` is called once, when nothing
    more will come of it.
    """

    def __init__(
        self,
        effect: OpenStream,
        audio: CallAudio,
        dialler: Dialler,
        clock: Clock,
        timeline: Timeline,
        report: FactSink,
        marking: bool,
        done: Callable[[], object],
    ) -> None:
        self.effect = effect
        self._audio = audio
        self._clock = clock
        self._timeline = timeline
        self._report = report
        self._done = done
        self._names: dict[int, str] = dict(effect.roster)
        self._heard: set[int] = set()
        self._dominant: list[int] = []
        self._listener: Listener | None = None
        self._voice: Voice | None = None
        self._anchor: Anchor | None = None
        self._misread = False
        self._marking = wants_marks(effect.url, marking)
        self._marks = 0
        self._refused = Tally(
            clock,
            _log,
            f"%d marks of the app were answered as cancelled at once: {MAX_MARKS} others waited",
            {"callConnectionId": effect.connection_id},
        )
        ticket = Ticket(
            effect.url,
            effect.resource,
            effect.connection_id,
            effect.correlation_id,
            "initialWebSocketConnectionFailed",
            STREAMING_FAILED,
        )
        self.socket = AppSocket(
            dialler,
            ticket,
            clock,
            hello=lambda: audio_metadata(effect.subscription_id, effect.sample_rate),
            on_open=self._opened,
            on_text=self._take,
            on_ended=self._ended,
        )

    def close(self) -> None:
        """Close properly (1000)."""
        self._quiet()
        self.socket.close()

    def tone(self, digit: str) -> None:
        """A participant pressed a key."""
        if self.effect.dtmf_tones:
            self.socket.send(dtmf_data(digit))

    def roster(self, roster: Roster) -> None:
        """Who is in the call now."""
        self._names = dict(roster)
        self._listen()

    # --- from the socket ----------------------------------------------------------------------------------

    def _opened(self, again: bool) -> None:
        _log.info(
            "audio stream to %s is open%s",
            without_secrets(self.effect.url),
            " again" if again else "",
            extra={"callConnectionId": self.effect.connection_id},
        )
        try:
            if self._listener is None:
                together = Together(volley, self) if self.effect.mixed else None
                self._listener = self._audio.listen(
                    self.effect.call, self.effect.sample_rate, self._send, self._lost, together
                )
                self._listen()
            if self.effect.bidirectional and self._voice is None:
                self._voice = self._audio.speak(self.effect.leg, self.effect.sample_rate)
                if self._marking:
                    self._voice.watch(self._spoke)
        except AudioUnavailable as error:
            raise Ended(f"There is no audio to stream: {error}.", "unspecifiedError", 500, 8603) from error
        self._report(StreamOpened(self.effect.stream, again))

    def _take(self, text: str) -> None:
        if self._voice is None:
            return
        try:
            match read_frame(text):
                case AppAudio(pcm, mark):
                    if self._voice.say(pcm):
                        self.socket.fail(
                            Ended(TOO_FAST, "streamConnectionInterrupted", 500, STREAMING_FAILED)
                        )
                        return
                    if mark is not None:
                        self._mark(mark)
                case Mark(mark):
                    self._mark(mark)
                case StopAudio():
                    self._voice.hush()
        except FrameError as error:
            if not self._misread:
                self._misread = True
                self._warn(f"the app sent a frame that can not be read (and maybe more): {error}")

    def _mark(self, mark: str) -> None:
        """Tell the app when what it has sent until now is over."""
        if not self._marking or self._voice is None:
            return
        if self._marks >= MAX_MARKS:
            # Not in silence: who sent it waits for an answer.
            self._refused.add()
            self.socket.send(mark_data(mark, heard=False))
            return

        def played(heard: bool) -> None:
            self._marks -= 1
            self.socket.send(mark_data(mark, heard=heard))

        self._marks += 1
        self._voice.mark(played)

    def _spoke(self, speaking: bool) -> None:
        self.socket.send(playback_state(self._clock.wall(), playing=speaking))

    def _ended(self, ended: Ended) -> None:
        self._quiet()
        self._warn(f"the audio stream has ended: {ended}")
        fact = StreamFailed(self.effect.stream, ended.details, ended.code, ended.sub_code, str(ended))
        self._report(fact)
        self._done()

    # --- audio --------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Hear those there are; ends that have come back count as new."""
        listener = self._listener
        if listener is None:
            return
        if self.effect.mixed:
            listener.add(Heard(self.effect.leg, itself=self.effect.loopback))
            return
        wanted = {leg for leg in self._names if leg != self.effect.leg or self.effect.loopback}
        for leg in self._heard - wanted:
            listener.remove(Said(leg))
        for leg in wanted:
            listener.add(Said(leg))
        self._heard = wanted

    def send(self, tick: int, frame: Samples, peak: int) -> None:
        """Send the 20 ms of a mixed stream in which ``peak`` is the largest amplitude."""
        self.socket.send(audio_data(self.time(tick), _octets(frame), silent=peak <= SILENCE))

    def time(self, tick: int) -> float:
        """When the first sample of a tick was heard: 20 ms steps from the first one."""
        time = None if self._anchor is None else self._anchor.time(tick)
        if time is None:
            self._anchor = self._timeline.anchor(tick)
            time = self._anchor.time(tick)
            assert time is not None
        return time

    def _send(self, tick: int, frames: Frames) -> None:
        if self.effect.mixed:
            for source, frame in frames.items():
                self.send(tick, frame, frames.peaks[source])
            return
        time = self.time(tick)
        for leg, frame in self._choose(frames):
            silent = frames.peaks[Said(leg)] <= SILENCE
            name = self._names[leg]
            self.socket.send(audio_data(time, _octets(frame), silent=silent, participant=name))

    def _choose(self, frames: Frames) -> list[tuple[int, Samples]]:
        """The loudest as the plane ranks them, in order of their legs.

        Who has fallen silent keeps the place until another one speaks: the last to have spoken, the longest.
        """
        found = {
            source.leg: frame
            for source, frame in frames.items()
            if isinstance(source, Said) and source.leg in self._names
        }
        if len(found) <= DOMINANT:
            return sorted(found.items(), key=lambda one: one[0])
        ranked = sorted(frames.ranks.items(), key=lambda one: one[1])
        speaking = [source.leg for source, _ in ranked if isinstance(source, Said)]
        order = dict.fromkeys((*speaking, *self._dominant, *sorted(found)))
        self._dominant = [leg for leg in order if leg in found][:DOMINANT]
        return [(leg, found[leg]) for leg in sorted(self._dominant)]

    def _lost(self, reason: str) -> None:
        self.socket.fail(Ended(f"The audio of the call is gone: {reason}.", "serviceShutdown", 500, 8603))

    def _quiet(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._voice is not None:
            self._voice.close()

    def _warn(self, text: str) -> None:
        _log.warning("%s", text, extra={"callConnectionId": self.effect.connection_id})


def wants_marks(url: str, default: bool) -> bool:
    """Whether an app asks for marks, which the real service does not have: by the query of its URL
    (``hookflash-marks``, 1 or 0), or else by ``default``.
    """
    said = [value for name, value in parse_qsl(urlsplit(url).query) if name == "hookflash-marks"]
    return "1" in said or (default and "0" not in said)


def _octets(frame: Samples) -> bytes:
    return (frame if sys.byteorder == "little" else frame.byteswap()).tobytes()
