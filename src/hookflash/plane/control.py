"""The media desk: control's side of the plane.

It opens and closes legs on workers, carries out the media effects, and turns what the workers say into
facts. When a worker dies only its calls lose their audio; the desk says which, and their places are free at
once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hookflash.calls import effects, facts
from hookflash.plane.admission import Limits
from hookflash.plane.audio_desk import AudioDesk
from hookflash.plane.feeds import PromptSource, Voice
from hookflash.plane.hosts import Host
from hookflash.plane.leg_desk import LegDesk, LegView
from hookflash.plane.placement import Placement
from hookflash.plane.play_desk import PlayDesk
from hookflash.plane.quality_desk import MediaTotals, QualityDesk
from hookflash.plane.roster import WorkerHealth, health_of
from hookflash.plane.supervisor import Patience, Seat
from hookflash.ports import plane
from hookflash.ports.clock import Clock
from hookflash.ports.edges import FactSink
from hookflash.wire.words import count_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeskSettings:
    """``open_timeout``: seconds a leg may take to open. ``tone_ms`` and ``gap_ms``: of the DTMF we send.
    ``patience``: with workers. ``limits``: what each worker takes, the usual when left out. ``cpus``: where
    each is pinned to."""

    open_timeout: float = 2.0
    tone_ms: int = 120
    gap_ms: int = 80
    patience: Patience = field(default_factory=Patience)
    limits: tuple[Limits, ...] = ()
    cpus: tuple[int | None, ...] = ()


def _nobody(fact: facts.Fact) -> None:
    """Where facts go until :meth:`MediaDesk.report_to` is called."""


class MediaDesk:
    """Implements :class:`~hookflash.ports.edges.Media` and :class:`~hookflash.ports.plane.LegMedia`.

    Args:
        hosts: one factory for each worker to keep alive; called again whenever its worker was lost.
        prompts: fetches audio.
        voice: speaks, if anybody does.
        clock: time for time-outs and supervision.
        report: where facts go; may be given later with :meth:`report_to`.

    Attributes:
        audio: what is heard in calls, for streaming and recording.
    """

    def __init__(
        self,
        hosts: Sequence[Callable[[], Host]],
        prompts: PromptSource,
        clock: Clock,
        report: FactSink = _nobody,
        settings: DeskSettings | None = None,
        voice: Voice | None = None,
    ) -> None:
        self._settings = settings or DeskSettings()
        self._report = report
        self._seats = [
            Seat(number, host, clock, self, self._settings.patience) for number, host in enumerate(hosts)
        ]
        for seat, cpu in zip(self._seats, self._settings.cpus, strict=False):
            seat.cpu = cpu
        self._press: Callable[[facts.Pressure], None] = lambda pressure: None
        self._placement = Placement(
            self._seats, self._settings.limits, lambda pressure: self._press(pressure)
        )
        self._quality = QualityDesk()
        self._legs = LegDesk(self._placement, self._quality, clock, self._settings.open_timeout, self._left)
        self._plays = PlayDesk(
            self._placement,
            self._seats,
            prompts,
            voice,
            self._legs.is_wideband,
            clock,
            lambda fact: self._report(fact),
        )
        self._sendings: dict[int, int] = {}
        self._ready = asyncio.Event()
        self.audio = AudioDesk(
            self._placement.seat_of_call, self._placement.seat_of_leg, self._legs.is_app_leg
        )

    def report_to(self, report: FactSink) -> None:
        """Send facts to ``report`` from now on."""
        self._report = report

    def watch_pressure(self, press: Callable[[facts.Pressure], None]) -> None:
        """Tell ``press`` what calls can be taken, whenever that changes; at first all are."""
        self._press = press

    # --- life ---------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the workers; :attr:`ready` tells when the first can be used."""
        for seat in self._seats:
            seat.start()
        self._placement.look()

    async def wait_ready(self) -> None:
        """Wait until a worker can be used."""
        while not self.ready:
            self._ready.clear()
            await self._ready.wait()

    async def stop(self) -> None:
        """End all plays and workers. No facts are reported from then on."""
        self._report = _nobody
        self._press = lambda pressure: None
        await self._plays.stop()
        self._legs.stop()
        await asyncio.gather(*(seat.stop() for seat in self._seats))

    @property
    def legs(self) -> int:
        """Legs that have media, or are about to."""
        return len(self._placement)

    @property
    def ready(self) -> bool:
        """Whether at least one worker takes calls."""
        return any(seat.ready for seat in self._seats)

    def health(self) -> list[WorkerHealth]:
        """Every worker, in order of its number."""
        return [health_of(seat, self._placement) for seat in self._seats]

    @property
    def totals(self) -> MediaTotals:
        """What has been since the start."""
        return self._quality.totals

    def drain_worker(self, number: int) -> bool:
        """Give a worker no more calls and replace it once its last one has ended; False when there is none.

        Unknown numbers raise IndexError.
        """
        seat = self._seats[number]
        if not seat.ready:
            return False
        seat.drain()
        self._placement.look()
        return True

    def leg_numbers(self) -> list[int]:
        """Every open leg."""
        return self._legs.all()

    def leg(self, leg: int) -> LegView | None:
        """What is known of an open leg."""
        return self._legs.view(leg)

    def quality(self, leg: int) -> plane.LegQuality | None:
        """How well a leg is heard, by the last report of it, which is about a second old."""
        seat = self._placement.seat_of_leg(leg)
        return None if seat is None else self._quality.of(seat.number, leg)

    # --- legs ---------------------------------------------------------------------------------------------

    async def open_leg(self, leg: int, call: int, *, socket: bool = True) -> int:
        """Open a leg on the call's worker; its local RTP port. Raises LegUnavailable."""
        return await self._legs.open_leg(leg, call, socket=socket)

    async def move_leg(self, leg: int, call: int) -> int:
        """Bring a leg into another call; its local RTP port from now on. Raises LegUnavailable.

        Plays of its former call end for it, and what was being pressed towards it has failed.
        """
        return await self._legs.move_leg(leg, call)

    def connect_leg(self, command: plane.ConnectLeg) -> None:
        self._legs.connect_leg(command)

    def close_leg(self, leg: int) -> None:
        """Close a leg; unknown legs are ignored."""
        self._legs.close_leg(leg)

    def open_app_leg(self, leg: int, call: int) -> None:
        self._legs.open_app_leg(leg, call)

    def close_app_leg(self, leg: int) -> None:
        self._legs.close_leg(leg)

    def join_mix(self, leg: int) -> None:
        self._legs.join_mix(leg)

    def leave_mix(self, leg: int) -> None:
        self._legs.leave_mix(leg)

    def mute(self, leg: int, muted: bool) -> None:
        self._legs.mute(leg, muted)

    def set_gain(self, leg: int, db: float) -> None:
        """Make a leg louder or quieter for the others, -60 to +20 dB. Raises ValueError beyond that."""
        self._legs.set_gain(leg, db)

    def set_hearing(self, call: int, rules: Sequence[plane.HearingRule]) -> None:
        """Say who hears whom in a call, instead of what was said before. Raises ValueError for bad gains."""
        self._legs.set_hearing(call, rules)

    def _left(self, leg: int, call: int) -> None:
        """A leg has left a call: closed, or moved into another one."""
        moved = leg in self._placement
        for sending in [sending for sending, to in self._sendings.items() if to == leg]:
            self._post_for_leg(leg, plane.StopTones(sending))
            del self._sendings[sending]
            self._report_soon(facts.TonesFailed(sending, "the participant has left"))
        if self._placement.seat_of_call(call) is None:
            self._plays.calls_over((call,))
        elif moved:
            self._plays.leg_moved(leg, call)

    # --- audio --------------------------------------------------------------------------------------------

    def play(self, effect: effects.PlayAudio) -> None:
        self._plays.play(effect)

    def add_listener(self, effect: effects.AddListener) -> None:
        self._plays.add_listener(effect)

    def remove_listener(self, effect: effects.RemoveListener) -> None:
        self._plays.remove_listener(effect)

    def stop_audio(self, play: int) -> None:
        self._plays.stop_audio(play)

    def send_tones(self, effect: effects.SendTones) -> None:
        if effect.leg not in self._placement:
            self._report_soon(facts.TonesFailed(effect.sending, "the participant has no audio any more"))
            return
        self._sendings[effect.sending] = effect.leg
        self._post_for_leg(
            effect.leg,
            plane.SendTones(
                effect.sending, effect.leg, effect.digits, self._settings.tone_ms, self._settings.gap_ms
            ),
        )

    def stop_tones(self, sending: int) -> None:
        leg = self._sendings.pop(sending, None)
        if leg is not None:
            self._post_for_leg(leg, plane.StopTones(sending))

    # --- from the seats -----------------------------------------------------------------------------------

    def seat_events(self, seat: Seat, events: Sequence[plane.PlaneEvent]) -> None:
        for event in events:
            match event:
                case plane.ToneHeard():
                    if self._placement.seat_of_leg(event.leg) is seat:
                        self._report(facts.ToneHeard(event.leg, event.digit, event.source == "inband"))
                case plane.PlayStarted():
                    self._plays.started(event)
                case plane.PlayFinished():
                    self._plays.finished(event)
                case plane.TonesSent():
                    if self._sendings.pop(event.sending, None) is not None:
                        self._report(facts.TonesDone(event.sending))
                case plane.ClipRefused():
                    self._plays.clip_refused(seat, event)
                case plane.PlayUnheard():
                    self._plays.unheard(event)
                case plane.TonesRefused():
                    if self._sendings.pop(event.sending, None) is not None:
                        self._report(facts.TonesFailed(event.sending, event.reason))
                case plane.LegOpened():
                    self._legs.opened(seat, event)
                case plane.LegRefused():
                    self.totals.legs_refused += 1
                    self._quality.forget(seat.number, event.leg)
                    self._legs.refused(seat, event)
                case plane.LegReport():
                    self._quality.report(seat.number, event)
                    self._legs.reported(seat, event)
                case plane.AudioTapped():
                    self.audio.tapped(seat, event)
                case plane.TapClosed():
                    self.audio.tap_closed(seat, event)
                case plane.VoiceClosed():
                    self.audio.voice_closed(seat, event)
                case plane.LegClosed():
                    self._quality.closed(seat.number, event)
                case plane.LegLatched():
                    self._legs.latched(seat, event)
                    _log.debug("leg %d receives from %s:%d", event.leg, event.host, event.port)
                case plane.LegStarved():
                    _log.warning("leg %d has received nothing for %.1f s", event.leg, event.seconds)
                case plane.WorkerReady():
                    self._placement.look()
                    self._ready.set()
                case plane.Heartbeat():
                    self._placement.beat(seat, event)

    def seat_lost(self, seat: Seat, reason: str) -> None:
        self.totals.workers_lost += 1
        self._plays.empty_shelf(seat)
        lost = self._placement.clear(seat)
        self.totals.calls_lost += len(lost)
        self._quality.lost(seat.number)
        self._legs.seat_lost(seat, set().union(*lost.values()), reason)
        self.audio.seat_lost(seat, reason)
        self._plays.calls_over(lost)
        self._sendings = {sending: leg for sending, leg in self._sendings.items() if leg in self._placement}
        if lost:
            _log.error(
                "media worker %d took the audio of %s ended now",
                seat.number,
                count_of(len(lost), "call with it, which is", "calls with it, which are"),
            )
            self._report(facts.MediaLost(tuple(lost)))

    def seat_idle(self, seat: Seat) -> bool:
        return not self._placement.legs(seat) and not self._legs.opening_on(seat)

    def seat_replaced(self, seat: Seat) -> None:
        self.totals.workers_replaced += 1
        self._plays.empty_shelf(seat)
        self._placement.clear(seat)
        self._quality.lost(seat.number)
        self.audio.seat_lost(seat, "the media worker is replaced")

    # --- inside -------------------------------------------------------------------------------------------

    def _post_for_leg(self, leg: int, command: plane.PlaneCommand) -> None:
        seat = self._placement.seat_of_leg(leg)
        if seat is not None:
            seat.post(command)

    def _report_soon(self, fact: facts.Fact) -> None:
        """Report from the event loop: the caller is in the middle of carrying out effects."""
        asyncio.get_running_loop().call_soon(lambda: self._report(fact))
