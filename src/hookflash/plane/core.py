"""The media plane: commands in, a fixed pipeline of systems every 20 ms, events out.

A tick is receive, jitter, detect, play, mix, encode, send, each a function over the columns; decoding happens
on the way into the jitter ring. There is no clock in here: ticks are counted, and the time is an argument.
With the same commands, packets and entropy a plane always does the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
from msgspec import structs

from hookflash.plane.bridge import MixTable
from hookflash.plane.columns import MAX_PLAYS, Rows, RowsExhausted, make_columns
from hookflash.plane.hearing import Hearing
from hookflash.plane.kernels.playing import advance
from hookflash.plane.legs import Leg, Legs
from hookflash.plane.net import Network, PortsExhausted
from hookflash.plane.plays import PlayTable, PoolFull
from hookflash.plane.quality import Assessor
from hookflash.plane.receiving import Receiver
from hookflash.plane.reports import Reports
from hookflash.plane.rings import Rings
from hookflash.plane.sending import Sender
from hookflash.plane.sendings import Sendings
from hookflash.plane.taptable import TapTable
from hookflash.ports.plane import (
    TICK,
    AddPlayLeg,
    AskPlay,
    AudioTapped,
    ClipRefused,
    CloseLeg,
    CloseTap,
    CloseVoice,
    ConnectLeg,
    DropClip,
    ExtendPlay,
    JoinMix,
    LeaveMix,
    LegOpened,
    LegRefused,
    LegStarved,
    LoadClip,
    MoveLeg,
    MuteLeg,
    OpenLeg,
    OpenTap,
    OpenVoice,
    PlaneCommand,
    PlaneEvent,
    PlayProgress,
    PlayUnheard,
    RemovePlayLeg,
    SendTones,
    SetGain,
    SetHearing,
    Shutdown,
    StartPlay,
    StopPlay,
    StopTones,
    ToneHeard,
)

MIN_JITTER_MS, MAX_JITTER_MS = 20, 300
"""How long packets are known to wait at least, and what the jitter ring can hold and still take a burst."""
STARVE_CHECK = 25
"""Ticks between looks for starved legs."""


class Plane:
    """All legs of one worker.

    Args:
        net: where port pairs come from.
        rows: legs at most (rounded up to whole blocks).
        host: named in RTCP source descriptions.
        jitter_ms: how long a packet waits before it is played at first, at most 300.
        jitter_least_ms, jitter_most_ms: how long it waits at least and at most once the network is known, 20
            to 300.
        starve_after: seconds without a packet after which a receiving leg is reported, and again each time.
        wall_offset: Unix time minus the ``now`` of :meth:`tick`, for RTCP.
        entropy: random octets for SSRC, sequence numbers and times.
        rings: makes the memory through which audio leaves and comes in; memory of its own when not given.

    Attributes:
        announce: told of a tick in the rings while its packets are still to be made; without it, that is
            among what :meth:`tick` returns.
    """

    def __init__(
        self,
        net: Network,
        *,
        rows: int = 4800,
        host: str = "127.0.0.1",
        jitter_ms: int = 60,
        jitter_least_ms: int = 20,
        jitter_most_ms: int = 200,
        starve_after: float = 10.0,
        wall_offset: float = 0.0,
        entropy: Callable[[int], bytes] = os.urandom,
        rings: Callable[[], Rings] | None = None,
    ) -> None:
        if not 0 <= jitter_ms <= MAX_JITTER_MS:
            raise ValueError(f"a jitter buffer of {jitter_ms} ms: give 0 to {MAX_JITTER_MS} ms")
        if not MIN_JITTER_MS <= jitter_least_ms <= jitter_most_ms <= MAX_JITTER_MS:
            raise ValueError(
                f"a jitter buffer of {jitter_least_ms} to {jitter_most_ms} ms: give {MIN_JITTER_MS} to "
                f"{MAX_JITTER_MS} ms, the lesser first"
            )
        self.net = net
        self.ticks = 0
        self.announce: Callable[[AudioTapped], None] | None = None
        self._now = 0.0
        self._rows = Rows(rows)
        self.columns = make_columns(self._rows.limit)
        self.legs = Legs(net, self.columns, self._rows, entropy, (jitter_least_ms * 8, jitter_most_ms * 8))
        self.plays = PlayTable(self.columns.setup)
        self._sendings = Sendings(self.columns, self.legs)
        self._reports = Reports(
            net, self.columns, self.legs, f"{entropy(6).hex()}@{host}", wall_offset, entropy(8)
        )
        self._assessor = Assessor(self.columns, self.legs)
        self.mixes = MixTable(self.columns)
        self.taps = TapTable(self.columns, self.legs, self.legs.slots, self.mixes.rows, rings)
        self._events: list[PlaneEvent] = []
        self._asked: list[int] = []
        self._receiver = Receiver(self.columns, self.legs, self._tell, delay=jitter_ms * 8)
        self._hearing = Hearing(self.columns, self.legs, self._tell)
        self._sender = Sender(self.columns, self.legs, self._sendings)
        self._starve_ticks = max(1, round(starve_after / TICK))

    @property
    def rings(self) -> Rings:
        """Where audio leaves and comes in."""
        return self.taps.rings

    # --- commands ---

    def apply(self, command: PlaneCommand) -> None:
        """Carry out one command. Answers come with the next tick; ids nobody knows (any more) are ignored.

        Raises :class:`ValueError` for a codec that does not exist, a play too long to be joined, and gains
        that are none.
        """
        match command:
            case OpenLeg():
                self._open(command)
            case LoadClip():
                try:
                    self.plays.load(command.clip, command.pcm, command.rate)
                except PoolFull as error:
                    self._events.append(ClipRefused(command.clip, str(error)))
            case DropClip():
                self.plays.drop(command.clip)
            case StartPlay(play, legs, clips, loop, more, until_key):
                rows = self._rows_of(legs)
                self.plays.start(play, rows, clips, loop=loop, more=more, until_key=until_key)
                self._tell_unheard()
            case ExtendPlay():
                self.plays.extend(command.play, command.clips, more=command.more)
            case AddPlayLeg():
                for row in self._rows_of((command.leg,)):
                    self.plays.add_leg(command.play, row)
                self._tell_unheard()
            case RemovePlayLeg():
                for row in self._rows_of((command.leg,)):
                    self.plays.drop_leg(command.play, row)
            case AskPlay():
                self._asked.append(command.play)
            case StopPlay():
                self.plays.stop(command.play)
            case SendTones():
                self._sendings.start(command)
            case StopTones():
                self._sendings.stop(command.sending)
            case OpenTap():
                self.taps.open(command)
            case CloseTap():
                self.taps.close(command.tap)
            case OpenVoice():
                self.taps.open_voice(command)
            case CloseVoice():
                self.taps.close_voice(command.voice)
            case SetHearing(call, rules):
                if any(leg.call == call for leg in self.legs.by_number.values()):
                    self.mixes.set_hearing(call, ((rule.listener, rule.speaker, rule.gain) for rule in rules))
            case Shutdown():
                self.close()
            case ConnectLeg() | JoinMix() | LeaveMix() | MuteLeg() | SetGain() | MoveLeg() | CloseLeg():
                leg = self.legs.by_number.get(command.leg)
                if leg is not None:
                    self._apply_to(leg, command)

    def _apply_to(
        self, leg: Leg, command: ConnectLeg | JoinMix | LeaveMix | MuteLeg | SetGain | MoveLeg | CloseLeg
    ) -> None:
        match command:
            case ConnectLeg():
                self.legs.connect(leg, command, self.ticks)
                if leg.endpoint is None:
                    self.taps.give_way(leg.leg)
                self._reports.start(leg, self.ticks)
            case JoinMix():
                self._join(leg)
            case LeaveMix():
                self.mixes.leave(leg)
            case MuteLeg():
                self.mixes.mute(leg, command.muted)
            case SetGain():
                self.mixes.set_gain(leg, command.gain_db)
            case MoveLeg():
                self._move(leg, command.call)
            case CloseLeg():
                self._close(leg)

    def _rows_of(self, legs: Sequence[int]) -> list[int]:
        return [self.legs.by_number[leg].row for leg in legs if leg in self.legs.by_number]

    def _open(self, command: OpenLeg) -> None:
        if command.leg in self.legs.by_number:
            self._events.append(LegRefused(command.leg, f"leg {command.leg} is open already"))
            return
        try:
            leg = self.legs.open(
                command.leg, command.call, socket=command.socket, tick=self.ticks, now=self._now
            )
        except (RowsExhausted, PortsExhausted) as error:
            self._events.append(LegRefused(command.leg, str(error)))
            return
        self._events.append(LegOpened(command.leg, leg.endpoint.port if leg.endpoint else 0))

    def _move(self, leg: Leg, call: int) -> None:
        if leg.call == call:
            return
        self._part(leg)
        self.plays.remove_leg(leg.row)
        self.taps.leave(leg.leg, f"leg {leg.leg} was brought into another call")
        before, leg.call = leg.call, call
        self._forget_rules(before)

    def _close(self, leg: Leg) -> None:
        self._part(leg)
        self.taps.leave(leg.leg, f"leg {leg.leg} was closed")
        self._reports.send(leg, self._now, bye=True)
        self._sendings.forget(leg.row)
        self.plays.remove_leg(leg.row)
        quality = self._assessor.of(leg.row)
        self._events.append(structs.replace(self.legs.close(leg, self._now), quality=quality))
        self._forget_rules(leg.call)

    def _forget_rules(self, call: int) -> None:
        """The hearing rules of a call go with its last leg."""
        if self.mixes.has_rules(call) and all(leg.call != call for leg in self.legs.by_number.values()):
            self.mixes.forget(call)

    def _join(self, leg: Leg) -> None:
        if self.mixes.join(leg):
            self.taps.set_mix(leg.call, self.mixes.rows[leg.call])

    def _part(self, leg: Leg) -> None:
        """A leg leaves its call."""
        if self.mixes.part(leg):
            self.taps.set_mix(leg.call, -1)

    def _tell(self, event: PlaneEvent) -> None:
        if isinstance(event, ToneHeard):
            # The plays of this tick are still to come: who presses a key hears no more of a prompt.
            self.plays.key(event.leg)
        self._events.append(event)

    # --- the tick ---

    def skip(self, ticks: int) -> None:
        """Leave out ``ticks`` ticks, between two others: what was to be heard in them is not heard."""
        self._receiver.leap(ticks, self._rows.used)

    def tick(self, now: float, behind: int = 0) -> list[PlaneEvent]:
        """One step of 20 ms at ``now`` (monotonic seconds); what happened since the last one, in order.

        ``behind`` is by how many ticks, begun ones included, this one comes too late: so much later than it
        seems may what is read now have come.
        """
        self._now = now
        used = self._rows.used
        self._receiver.run(self.ticks, behind)
        self._hearing.run(self.ticks, used)
        plays = self.plays
        told = advance(plays.plays, plays.clips, plays.pool.samples, plays.used)
        self.taps.look(self.mixes.mixes)
        self.taps.take_voices()
        self.mixes.run(plays.plays, used, plays.used)
        # Before the packets: those who hear every tick have work to do with it meanwhile, and what was just
        # mixed and played is still in the cache, out of which hundreds of system calls push it.
        self._tap(used)
        self._sender.run(plays.plays, self.mixes.mixes, used)
        self.mixes.settle(used)
        if self._asked:
            self._events += [PlayProgress(play, self.ticks, plays.played(play)) for play in self._asked]
            self._asked.clear()
        if told:
            self._events += plays.take_events(self.ticks)
        self._events += self._sendings.after_tick(self.ticks)
        self._events += self.taps.take_events()
        self._reports.tick(self.ticks, now)
        self._events += self._assessor.reports(self.ticks, used)
        if self.ticks % STARVE_CHECK == 0:
            self._tell_starved(used)
        self.ticks += 1
        events, self._events = self._events, []
        return events

    def _tap(self, used: int) -> None:
        told = self.taps.write(self.plays.plays, self.mixes.mixes, used, self.mixes.used, self.ticks)
        if told is None:
            return
        if self.announce is None:
            self._events.append(told)
        else:
            self.announce(told)

    def _tell_unheard(self) -> None:
        for play, row in self.plays.take_unheard():
            reason = f"it hears {MAX_PLAYS} plays already"
            self._events.append(PlayUnheard(play, self.legs.by_row[row].leg, reason))

    def _tell_starved(self, used: int) -> None:
        setup = self.columns.setup
        waits = self.ticks - self.columns.receive.heard_at[:used]
        due = (setup.connected[:used] != 0) & (setup.receiving[:used] != 0) & (waits >= self._starve_ticks)
        # Once each time another whole period has passed.
        due &= waits % self._starve_ticks < STARVE_CHECK
        for row in np.flatnonzero(due).tolist():
            leg = self.legs.by_row[row]
            if leg.endpoint is not None:
                self._events.append(LegStarved(leg.leg, float(waits[row]) * TICK))

    # --- the rest ---

    def warm_up(self) -> None:
        """Compile every kernel (or load it from the disk cache), so that no tick has to."""
        from hookflash.plane.kernel_cache import tidy_up
        from hookflash.plane.warmup import warm_up

        warm_up()
        tidy_up()

    def close(self) -> None:
        """Close every leg, with an RTCP BYE, and the network."""
        for leg in list(self.legs.by_number.values()):
            self._close(leg)
        self.net.close()
