"""Sending keys: which sending is on which leg, one after the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hookflash.plane.columns import FRAME, MAX_DIGITS, WIDE_FRAME, Columns
from hookflash.plane.kernels.tones import IN_BAND, RFC4733
from hookflash.plane.legs import Legs
from hookflash.ports.plane import TICK, PlaneEvent, SendTones, TonesRefused, TonesSent

CODES = "0123456789*#ABCD"
"""A key's place is its RFC 4733 event code."""
PAUSES = {"w": 500, "W": 1000}
"""Pauses among the keys, ms."""
SENDABLE = CODES + "".join(PAUSES)
MIN_GAP_MS = 60
"""Room for the three end packets of a telephone-event."""
MAX_WAITING = 64
"""Sendings that wait on one leg."""
TICK_MS = round(TICK * 1000)
MAX_MS = 8000
"""Of a tone, and of a gap."""


@dataclass(slots=True)
class _Unheard:
    """Keys for a leg that sends nothing anywhere (a virtual phone): they take the time they would take."""

    sending: int
    ticks: int


class Sendings:
    """The control side of ``kernels.tones``."""

    def __init__(self, columns: Columns, legs: Legs) -> None:
        self._columns = columns
        self._legs = legs
        self._active: dict[int, SendTones] = {}
        self._empty: list[int] = []
        self._unheard: dict[int, deque[_Unheard]] = {}
        self._refused: list[TonesRefused] = []
        self._rows = np.zeros(0, np.int64)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Rows that send keys now."""
        return self._rows

    def start(self, command: SendTones) -> None:
        """Send now, or after what the leg is sending already; what can not be sent is refused."""
        leg = self._legs.by_number.get(command.leg)
        if set(command.digits) - set(SENDABLE) or len(command.digits) > MAX_DIGITS:
            shown = command.digits[: MAX_DIGITS + 1]
            self._refuse(command, f"{shown!r} must be at most {MAX_DIGITS} keys of {CODES}, w and W")
            return
        if leg is None:
            self._refuse(command, f"leg {command.leg} is not open")
            return
        if len(leg.sendings) >= MAX_WAITING:
            self._refuse(command, f"{MAX_WAITING} sendings are waiting on leg {command.leg} already")
            return
        if not command.digits:
            self._empty.append(command.sending)
            return
        if leg.endpoint is None:
            waiting = self._unheard.setdefault(leg.row, deque())
            if len(waiting) >= MAX_WAITING:
                self._refuse(command, f"{MAX_WAITING} sendings are waiting on leg {command.leg} already")
                return
            each = min(max(command.tone_ms, 20), MAX_MS) + min(max(command.gap_ms, MIN_GAP_MS), MAX_MS)
            lasting = sum(PAUSES.get(digit, each) for digit in command.digits)
            waiting.append(_Unheard(command.sending, lasting // TICK_MS))
            return
        leg.sendings.append(command)
        if leg.row not in self._active:
            self._next(leg.row)

    def _refuse(self, command: SendTones, reason: str) -> None:
        self._refused.append(TonesRefused(command.sending, reason))

    def stop(self, sending: int) -> None:
        """Abort: the key that is being sent ends in the next packet; what waits is forgotten."""
        for leg in self._legs.by_row.values():
            for waiting in leg.sendings:
                if waiting.sending == sending:
                    leg.sendings.remove(waiting)
                    return
        for queue in self._unheard.values():
            for unheard in queue:
                if unheard.sending == sending:
                    unheard.ticks = 0
                    return
        for row, active in self._active.items():
            if active.sending == sending:
                tx = self._columns.transmit
                if tx.position[row] == 0 or tx.digits[row, tx.digit_index[row]] >= len(CODES):
                    # No key has begun, or this is a pause.
                    self._next(row)
                    return
                tx.digit_count[row] = tx.digit_index[row] + 1
                tx.span[row] = min(int(tx.span[row]), int(tx.position[row]))
                self._legs.by_row[row].told = True
                return

    def forget(self, row: int) -> None:
        """The leg of this row is about to go."""
        self._unheard.pop(row, None)
        if self._active.pop(row, None) is not None:
            self._index()

    def after_tick(self, tick: int) -> list[PlaneEvent]:
        """Tell what is done, begin what waits."""
        events: list[PlaneEvent] = [*self._refused, *(TonesSent(sending, tick) for sending in self._empty)]
        self._refused.clear()
        self._empty.clear()
        for row in list(self._unheard):
            queue = self._unheard[row]
            queue[0].ticks -= 1
            if queue[0].ticks <= 0:
                events.append(TonesSent(queue.popleft().sending, tick))
            if not queue:
                del self._unheard[row]
        tx = self._columns.transmit
        for row in self._rows.tolist():
            leg = self._legs.by_row[row]
            done = int(tx.done[row])
            if done and not leg.told:
                leg.told = True
                events.append(TonesSent(self._active[row].sending, tick))
            if done == 2:
                self._next(row)
        return events

    def _next(self, row: int) -> None:
        tx, leg = self._columns.transmit, self._legs.by_row[row]
        self._active.pop(row, None)
        leg.told = False
        tx.done[row] = tx.tone[row] = tx.made[row] = 0
        if leg.sendings:
            command = leg.sendings.popleft()
            self._active[row] = command
            setup = self._columns.setup
            event = setup.event_type[row] >= 0
            wide = setup.wide[row] >= 0
            unit = int(setup.clock[row]) if event else (WIDE_FRAME if wide else FRAME)
            tx.tone[row] = RFC4733 if event else IN_BAND
            tx.unit[row] = unit
            tx.digits[row, : len(command.digits)] = [SENDABLE.index(digit) for digit in command.digits]
            tx.digit_count[row] = len(command.digits)
            tx.digit_index[row] = tx.position[row] = tx.ends[row] = 0
            tx.span[row] = min(max(command.tone_ms, 20), MAX_MS) * unit // TICK_MS
            tx.gap[row] = min(max(command.gap_ms, MIN_GAP_MS if event else 20), MAX_MS) * unit // TICK_MS
        self._index()

    def _index(self) -> None:
        self._rows = np.array(sorted(self._active), np.int64)
