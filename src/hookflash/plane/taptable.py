"""The worker's side of the rings: which taps and voices are open, and what each is about."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from hookflash.plane.columns import FRAME, PAST, WIDE_FRAME, Columns, RowsExhausted
from hookflash.plane.columns.wide import VOICE
from hookflash.plane.kernels.mixing import Mixes
from hookflash.plane.kernels.playing import Plays
from hookflash.plane.kernels.tapping import (
    FRESH,
    HEARD,
    LEAD,
    PROMPTS,
    SAID,
    WHOLE,
    Prompts,
    Taps,
    list_prompts,
    write_taps,
)
from hookflash.plane.kernels.voicing import begin, make_voices, take_voices
from hookflash.plane.legs import Legs
from hookflash.plane.rings import LOOK, TAPS, VOICES, Rings, private_rings
from hookflash.plane.slots import Slots
from hookflash.ports.plane import AudioTapped, OpenTap, OpenVoice, PlaneEvent, TapClosed, VoiceClosed

KINDS = {"heard": HEARD, "said": SAID, "whole": WHOLE, "prompts": PROMPTS}
WIDE_RATE = 16_000
RATES = (8_000, WIDE_RATE)
"""Of rings, Hz."""


class TapTable:
    """The control side of ``kernels.tapping`` and ``kernels.voicing``.

    ``rings`` makes the memory when it is first needed.
    """

    def __init__(
        self,
        columns: Columns,
        legs: Legs,
        slots: Slots,
        mix_rows: dict[int, int],
        rings: Callable[[], Rings] | None = None,
    ) -> None:
        self._columns = columns
        self._legs = legs
        self._slots = slots
        self._mix_rows = mix_rows
        self._make = rings or private_rings
        self._rings: Rings | None = None
        self._taps = Taps(
            kind=np.zeros(TAPS, np.uint8),
            row=np.full(TAPS, -1, np.int32),
            itself=np.zeros(TAPS, np.uint8),
            high=np.zeros(TAPS, np.uint8),
            limit=np.ones(TAPS, np.float32),
            wide_limit=np.ones(TAPS, np.float32),
            wide=np.zeros(TAPS, np.uint8),
            still=np.zeros(TAPS, np.int16),
            lead=np.zeros((TAPS, LEAD), np.int16),
            line=np.zeros(PAST + FRAME, np.int16),
        )
        self._voices = make_voices(VOICES)
        self._prompts = _make_prompts(0, 0)
        self._total = np.zeros(WIDE_FRAME, np.int32)
        self._seen = np.zeros(VOICES, np.int64)
        self._open: dict[int, OpenTap] = {}
        self._speak: dict[int, int] = {}
        self._by_leg: dict[int, list[int]] = {}
        self._active = np.zeros(0, np.int64)
        self._speaking = np.zeros(0, np.int64)
        self._calls: dict[int, list[int]] = {}
        self._urgent = False
        self._stale = False
        self._order = threading.Lock()
        self._events: list[PlaneEvent] = []

    @property
    def rings(self) -> Rings:
        """The memory; made now if nobody has needed it before."""
        if self._rings is None:
            self._rings = self._make()
        return self._rings

    # --- commands ---

    def open(self, command: OpenTap) -> None:
        """Open a tap; what can not be opened is answered with its closing."""
        sense = 0 <= command.tap < TAPS and command.kind in KINDS and command.rate in RATES
        if command.tap in self._open or not sense:
            self._events.append(TapClosed(command.tap, f"{command} makes no sense"))
            return
        if command.kind in ("heard", "said"):
            leg = self._legs.by_number.get(command.subject)
            if leg is None:
                self._events.append(TapClosed(command.tap, f"leg {command.subject} is not open"))
                return
            row = leg.row
            self._by_leg.setdefault(command.subject, []).append(command.tap)
        else:
            row = self._mix_rows.get(command.subject, -1)
            self._calls.setdefault(command.subject, []).append(command.tap)
        self._taps.kind[command.tap] = KINDS[command.kind]
        self._taps.row[command.tap] = row
        self._taps.itself[command.tap] = command.itself
        self._taps.high[command.tap] = command.rate == WIDE_RATE
        self._taps.limit[command.tap] = self._taps.wide_limit[command.tap] = 1.0
        self._taps.wide[command.tap] = FRESH
        self._taps.still[command.tap] = 0
        self._taps.lead[command.tap] = 0
        self._open[command.tap] = command
        self._stale = True

    def close(self, tap: int, reason: str = "") -> None:
        """Close a tap; one that has ended already was answered then."""
        command = self._open.pop(tap, None)
        if command is None:
            return
        of = self._by_leg if command.kind in ("heard", "said") else self._calls
        of[command.subject].remove(tap)
        if not of[command.subject]:
            del of[command.subject]
        self._stale = True
        self._events.append(TapClosed(tap, reason))

    def open_voice(self, command: OpenVoice) -> None:
        """Let a ring speak for a leg; a leg has one voice."""
        leg = self._legs.by_number.get(command.leg)
        if leg is None or not 0 <= command.voice < VOICES:
            self._events.append(VoiceClosed(command.voice, f"leg {command.leg} is not open"))
        elif command.voice in self._speak or command.leg in self._speak.values():
            self._events.append(VoiceClosed(command.voice, f"leg {command.leg} has a voice already"))
        elif leg.endpoint is not None:
            # Nor may its wideband slot go to a voice.
            self._events.append(
                VoiceClosed(command.voice, f"leg {command.leg} is a phone, which speaks itself")
            )
        elif command.rate not in RATES:
            self._events.append(
                VoiceClosed(command.voice, f"a voice at {command.rate} Hz: give 8000 or 16000")
            )
        else:
            slot = -1
            if command.rate == WIDE_RATE:
                try:
                    slot = self._slots.take(leg.row, VOICE)
                except RowsExhausted as error:
                    self._events.append(VoiceClosed(command.voice, str(error)))
                    return
            begin(self._voices, command.voice, leg.row, slot)
            self._seen[command.voice] = 0
            self._speak[command.voice] = command.leg
            self._stale = True

    def close_voice(self, voice: int, reason: str = "") -> None:
        """Close a voice; one that has ended already was answered then."""
        if self._speak.pop(voice, None) is not None:
            if self._voices.slot[voice] >= 0:
                self._slots.give(int(self._voices.row[voice]), (VOICE,))
            self._stale = True
            self._events.append(VoiceClosed(voice, reason))

    # --- what happens to legs and calls ---

    def leave(self, leg: int, reason: str) -> None:
        """A leg goes, or goes elsewhere: what is about it ends."""
        for tap in list(self._by_leg.get(leg, ())):
            self.close(tap, reason)
        for voice in [voice for voice, speaker in self._speak.items() if speaker == leg]:
            self.close_voice(voice, reason)

    def give_way(self, leg: int) -> None:
        """A leg may have got a codec that needs the wideband slot of its voice: that voice ends."""
        for voice in [voice for voice, speaker in self._speak.items() if speaker == leg]:
            if self._voices.slot[voice] >= 0 and not self._holds_slot(voice):
                self.close_voice(voice, f"leg {leg} speaks itself now, with a wideband codec")

    def _holds_slot(self, voice: int) -> bool:
        c = self._columns
        slot = int(c.setup.wide[self._voices.row[voice]])
        return slot >= 0 and int(c.wide.kind[slot]) == VOICE

    def set_mix(self, call: int, row: int) -> None:
        """The mix of a call is at ``row`` from now on; -1: it has none."""
        for tap in self._calls.get(call, ()):
            self._taps.row[tap] = row
        if self._calls:
            self._stale = True

    # --- the tick ---

    def look(self, mixes: Mixes) -> None:
        """Note how much the voices have to say, before any of it is taken, and which calls are tapped."""
        self._settle(mixes)
        if len(self._speaking):
            np.copyto(self._seen, self.rings.said)
            # As in write: nobody may see the samples behind a count from before it was read.
            with self._order:
                pass
            with self._order:
                pass

    def take_voices(self) -> None:
        """Let legs say what is in the rings."""
        if len(self._speaking):
            c = self._columns
            take_voices(c.jitter, c.wide, self._voices, self.rings, self._speaking, self._seen)

    def write(self, plays: Plays, mixes: Mixes, used: int, used_mixes: int, tick: int) -> AudioTapped | None:
        """Fill the rings with this tick; what there is to tell of it, if anybody waits to be told."""
        if len(self._active):
            self._write(plays, mixes, used, used_mixes, tick)
        elif not len(self._speaking):
            return None
        # Nobody may see the tick who does not see its frames: what is written before a lock is given back is
        # there for all before what is written after it is taken again.
        with self._order:
            pass
        with self._order:
            self.rings.tick[0] = tick
        return AudioTapped(tick) if self._urgent or tick % LOOK == 0 else None

    def _write(self, plays: Plays, mixes: Mixes, used: int, used_mixes: int, tick: int) -> None:
        c = self._columns
        if self._calls:
            self._fit(len(mixes.speakers), len(plays.active))
            list_prompts(c.setup, plays, mixes, self._prompts, used, used_mixes, tick)
        write_taps(
            c.setup,
            c.jitter,
            c.wide,
            c.bridge,
            plays,
            mixes,
            self._prompts,
            self._taps,
            self.rings,
            self._active,
            self._total,
            tick,
        )

    def take_events(self) -> list[PlaneEvent]:
        """What has ended."""
        events, self._events = self._events, []
        return events

    def _fit(self, mixes: int, plays: int) -> None:
        """Room for as many mixes and plays as there are."""
        if len(self._prompts.first) < mixes or len(self._prompts.then) < plays:
            self._prompts = _make_prompts(mixes, plays)

    def _settle(self, mixes: Mixes) -> None:
        """List anew who is open, once for all that has come and gone: a thousand may in one tick."""
        if not self._stale:
            return
        self._stale = False
        self._active = _rows(self._open)
        self._speaking = _rows(self._speak)
        self._urgent = bool(self._speak) or not all(tap.patient for tap in self._open.values())
        mixes.wanted[:] = 0
        mixes.wanted[[self._mix_rows[call] for call in self._calls if call in self._mix_rows]] = 1


def _rows(places: dict[int, Any]) -> Any:
    return np.array(sorted(places), np.int64)


def _make_prompts(mixes: int, plays: int) -> Prompts:
    return Prompts(
        first=np.full(mixes, -1, np.int32),
        then=np.full(plays, -1, np.int32),
        taken=np.full(plays, -1, np.int64),
    )
