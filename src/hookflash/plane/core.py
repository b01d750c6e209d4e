"""The media plane: commands in, a fixed pipeline of systems every 20 ms, events out.

A tick is receive, jitter, detect, play, mix, encode, send, each a function over the columns; decoding happens
on the way into the jitter ring. There is no clock in here: ticks are counted, and the time is an argument.
With the same commands, packets and entropy a plane always does the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, MAX_PLAYS, Rows, RowsExhausted, make_columns
from hookflash.plane.kernels.dtmf import detect_keys
from hookflash.plane.kernels.ingest import ingest
from hookflash.plane.kernels.output import Mixes, mix, output
from hookflash.plane.kernels.playing import advance
from hookflash.plane.kernels.playout import playout
from hookflash.plane.kernels.tones import send_tones
from hookflash.plane.legs import Leg, Legs
from hookflash.plane.net import Network, PortsExhausted
from hookflash.plane.plays import PlayTable, PoolFull
from hookflash.plane.reports import Reports
from hookflash.plane.rings import Rings
from hookflash.plane.sendings import CODES, Sendings
from hookflash.plane.taptable import TapTable
from hookflash.ports.plane import (
    TICK,
    AddPlayLeg,
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
    PlayUnheard,
    RemovePlayLeg,
    SendTones,
    Shutdown,
    StartPlay,
    StopPlay,
    StopTones,
    ToneHeard,
)

MAX_READS = 4
"""Further reads of a row that is behind, in one tick."""
MAX_JITTER_MS = 300
"""What the jitter ring can hold and still take a burst."""
STARVE_CHECK = 25
"""Ticks between looks for starved legs."""


class Plane:
    """All legs of one worker.

    Args:
        net: where port pairs come from.
        rows: legs at most (rounded up to whole blocks).
        host: named in RTCP source descriptions.
        jitter_ms: how long a packet waits before it is played, at most 300.
        starve_after: seconds without a packet after which a receiving leg is reported, and again each time.
        wall_offset: Unix time minus the ``now`` of :meth:`tick`, for RTCP.
        entropy: random octets for SSRC, sequence numbers and times.
        rings: makes the memory through which audio leaves and comes in; memory of its own when not given.
    """

    def __init__(
        self,
        net: Network,
        *,
        rows: int = 4800,
        host: str = "127.0.0.1",
        jitter_ms: int = 60,
        starve_after: float = 10.0,
        wall_offset: float = 0.0,
        entropy: Callable[[int], bytes] = os.urandom,
        rings: Callable[[], Rings] | None = None,
    ) -> None:
        if not 0 <= jitter_ms <= MAX_JITTER_MS:
            raise ValueError(f"a jitter buffer of {jitter_ms} ms: give 0 to {MAX_JITTER_MS} ms")
        self.net = net
        self.ticks = 0
        self._now = 0.0
        self._rows = Rows(rows)
        self.columns = make_columns(self._rows.limit)
        self.legs = Legs(net, self.columns, self._rows, entropy)
        self.plays = PlayTable(self.columns.setup)
        self._sendings = Sendings(self.columns, self.legs)
        self._reports = Reports(net, self.columns, self.legs, f"{entropy(6).hex()}@{host}", wall_offset)
        self._mixes = Mixes(np.zeros((16, FRAME), np.int32), np.zeros(16, np.int32))
        self._mix_rows: dict[int, int] = {}
        self.taps = TapTable(self.columns, self.legs, self._mix_rows, rings)
        self._mix_sizes: dict[int, int] = {}
        self._free_mixes: list[int] = []
        self._used_mixes = 0
        self._delay = jitter_ms * 8
        self._starve_ticks = max(1, round(starve_after / TICK))
        self._events: list[PlaneEvent] = []

    @property
    def rings(self) -> Rings:
        """Where audio leaves and comes in."""
        return self.taps.rings

    # --- commands ---

    def apply(self, command: PlaneCommand) -> None:
        """Carry out one command. Answers come with the next tick; ids nobody knows (any more) are ignored.

        Raises :class:`ValueError` for a codec that does not exist and for a play too long to be joined.
        """
        match command:
            case OpenLeg():
                self._open(command)
            case LoadClip():
                try:
                    self.plays.load(command.clip, command.pcm)
                except PoolFull as error:
                    self._events.append(ClipRefused(command.clip, str(error)))
            case DropClip():
                self.plays.drop(command.clip)
            case StartPlay(play, legs, clips, loop, more):
                self.plays.start(play, self._rows_of(legs), clips, loop=loop, more=more)
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
            case Shutdown():
                self.close()
            case ConnectLeg() | JoinMix() | LeaveMix() | MuteLeg() | MoveLeg() | CloseLeg():
                leg = self.legs.by_number.get(command.leg)
                if leg is not None:
                    self._apply_to(leg, command)

    def _apply_to(
        self, leg: Leg, command: ConnectLeg | JoinMix | LeaveMix | MuteLeg | MoveLeg | CloseLeg
    ) -> None:
        match command:
            case ConnectLeg():
                self.legs.connect(leg, command, self.ticks)
            case JoinMix():
                self._join(leg)
            case LeaveMix():
                self._leave(leg)
            case MuteLeg():
                self.columns.setup.muted[leg.row] = command.muted
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
        self._leave(leg)
        self.plays.remove_leg(leg.row)
        self.taps.leave(leg.leg, f"leg {leg.leg} was brought into another call")
        leg.call = call

    def _close(self, leg: Leg) -> None:
        self._leave(leg)
        self.taps.leave(leg.leg, f"leg {leg.leg} was closed")
        self._reports.send(leg, self._now, bye=True)
        self._sendings.forget(leg.row)
        self.plays.remove_leg(leg.row)
        self._events.append(self.legs.close(leg, self._now))

    def _join(self, leg: Leg) -> None:
        if self.columns.setup.mix[leg.row] >= 0:
            return
        row = self._mix_rows.get(leg.call)
        if row is None:
            row = self._free_mixes.pop() if self._free_mixes else self._used_mixes
            self._used_mixes = max(self._used_mixes, row + 1)
            if row >= len(self._mixes.speakers):
                self._mixes = Mixes(*(np.concatenate([a, np.zeros_like(a)]) for a in self._mixes))
            self._mixes.speakers[row] = 0
            self._mix_rows[leg.call] = row
            self._mix_sizes[leg.call] = 0
            self.taps.set_mix(leg.call, row)
        self._mix_sizes[leg.call] += 1
        self.columns.setup.mix[leg.row] = row

    def _leave(self, leg: Leg) -> None:
        if self.columns.setup.mix[leg.row] < 0:
            return
        self.columns.setup.mix[leg.row] = -1
        self._mix_sizes[leg.call] -= 1
        if not self._mix_sizes[leg.call]:
            del self._mix_sizes[leg.call]
            self._free_mixes.append(self._mix_rows.pop(leg.call))
            self.taps.set_mix(leg.call, -1)

    # --- the tick ---

    def tick(self, now: float) -> list[PlaneEvent]:
        """One step of 20 ms at ``now`` (monotonic seconds); what happened since the last one, in order."""
        self._now = now
        columns, used = self.columns, self._rows.used
        self.taps.look()
        self._receive()
        playout(columns.setup, columns.jitter, used)
        if detect_keys(columns.setup, columns.receive, columns.jitter, columns.detect, used, self.ticks):
            self._tell_keys(columns.detect.key[:used], np.arange(used), "inband")
        plays = self.plays
        told = advance(plays.plays, plays.clips, plays.pool.samples, plays.used)
        self.taps.take_voices()
        mix(columns.setup, columns.jitter, self._mixes, used, self._used_mixes)
        toning = self._sendings.rows
        if len(toning):
            send_tones(columns.setup, columns.transmit, toning, len(toning))
            self._sendings.choose_views()
        output(columns.setup, columns.jitter, columns.transmit, plays.plays, self._mixes, used)
        self.legs.writes.run()
        self.taps.write(plays.plays, self._mixes, used, self._used_mixes, self.ticks)
        if told:
            self._events += plays.take_events(self.ticks)
        self._events += self._sendings.after_tick(self.ticks)
        self._events += self.taps.take_events(self.ticks)
        self._reports.tick(self.ticks, used, now)
        if self.ticks % STARVE_CHECK == 0:
            self._tell_starved(used)
        self.ticks += 1
        events, self._events = self._events, []
        return events

    def _receive(self) -> None:
        for leg in list(self.legs.learning.values()):
            latched = self.legs.learn(leg, self._take)
            if latched is not None:
                self._events.append(latched)
        reads = self.legs.reads
        if not len(reads):
            return
        rows = reads.rows
        self.columns.receive.length[rows] = reads.run()
        behind = self._ingest(rows, first=True)
        for _ in range(MAX_READS):
            if not behind:
                break
            rows = rows[self.columns.receive.again[rows] != 0]
            self.columns.receive.length[rows] = reads.run_some(rows.tolist())
            behind = self._ingest(rows, first=False)

    def _take(self, leg: Leg, length: int) -> None:
        self.columns.receive.length[leg.row] = length
        self._ingest(np.array([leg.row], np.int64), first=False)

    def _ingest(self, rows: NDArray[np.int64], *, first: bool) -> int:
        c = self.columns
        behind, keys = ingest(
            c.setup, c.receive, c.jitter, c.detect, rows, len(rows), self.ticks, self._delay, first
        )
        if keys:
            self._tell_keys(c.receive.key[rows], rows, "rfc4733")
        return behind

    def _tell_keys(self, keys: NDArray[np.int16], rows: NDArray[np.int64], source: str) -> None:
        for place in np.flatnonzero(keys >= 0).tolist():
            leg = self.legs.by_row[int(rows[place])]
            self._events.append(ToneHeard(leg.leg, CODES[int(keys[place])], source, self.ticks))

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
        from hookflash.plane.warmup import warm_up

        warm_up()

    def close(self) -> None:
        """Close every leg, with an RTCP BYE, and the network."""
        for leg in list(self.legs.by_number.values()):
            self._close(leg)
        self.net.close()
