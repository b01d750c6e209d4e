"""Keys as telephone-events on the way in (RFC 4733): each press is told once, whatever the network did to it.

A key is told with the first of its packets that arrives, unless a packet of a later key came before: packets
of the past tell nothing. All times and durations are in the clock of the leg (RFC 4733 section 2.4), whose
units a tick are ``setup.clock``.
"""

from __future__ import annotations

from hookflash.plane.columns import Detect, Receive
from hookflash.plane.kernels.compiling import part

SAME_KEY = 25
"""Ticks between an in-band report and an event of the same key that make them the same press."""
LONGEST = 0xFFFF
"""What the duration field holds; a longer press goes on in a new segment (section 2.5.1.3)."""
SEGMENT_HOLE = 25
"""Ticks at the end of a segment that may be lost without its successor being taken for a new press."""
SHORTEST = 2
"""Ticks: no press follows another sooner."""
OUT_OF_DATE = 100
"""Ticks: a packet that is in sequence but tells of a time further back follows a jump of the clock."""


@part
def difference(later: int, earlier: int) -> int:
    """Signed difference of two 32-bit RTP times."""
    d = (later - earlier) & 0xFFFFFFFF
    return d - 0x100000000 if d >= 0x80000000 else d


@part
def choose_event_source(rx: Receive, row: int, ssrc: int) -> None:
    """Events of ``ssrc`` follow. What the source before has sent is kept: packets of it may still come."""
    if rx.event_ssrc[row] == ssrc:
        return
    former = rx.former_ssrc[row] == ssrc
    time, sequence, code = rx.former_time[row], rx.former_sequence[row], rx.former_code[row]
    span, ended = rx.former_span[row], rx.former_ended[row]
    rx.former_ssrc[row] = rx.event_ssrc[row]
    rx.former_time[row] = rx.event_time[row]
    rx.former_sequence[row] = rx.event_sequence[row]
    rx.former_code[row] = rx.event_code[row]
    rx.former_span[row] = rx.event_span[row]
    rx.former_ended[row] = rx.event_ended[row]
    rx.event_ssrc[row] = ssrc
    rx.event_time[row] = time if former else -1
    rx.event_sequence[row] = sequence
    rx.event_code[row] = code
    rx.event_span[row] = span
    rx.event_ended[row] = ended


@part
def same_press(
    rx: Receive, row: int, clock: int, step: int, sequence: int, marker: int, code: int, duration: int
) -> bool:
    """Whether a packet ``step`` units after the start of the last key is of that press, or of one before."""
    if step <= 0:
        newer = (sequence - rx.event_sequence[row]) & 0xFFFF
        jumped = 0 < newer < 0x8000 and step + duration < -OUT_OF_DATE * clock
        return not jumped
    if code != rx.event_code[row] or marker != 0:
        return False
    # Two presses can not overlap: this sender moves the time along with the duration.
    if step < max(rx.event_span[row], SHORTEST * clock):
        return True
    return bool(
        rx.event_ended[row] == 0
        and LONGEST - 2 * clock <= step <= LONGEST + 1
        and rx.event_span[row] >= LONGEST - SEGMENT_HOLE * clock
    )


@part
def take_event(
    rx: Receive,
    detect: Detect,
    row: int,
    tick: int,
    clock: int,
    ssrc: int,
    sequence: int,
    time: int,
    marker: int,
    code: int,
    ended: int,
    duration: int,
) -> None:
    """One telephone-event packet (section 2.5.2); a key that begins with it is left in ``rx.key``."""
    rx.events_seen[row] = 1
    if code > 15:
        return
    choose_event_source(rx, row, ssrc)
    known = rx.event_time[row] >= 0
    step = difference(time, rx.event_time[row]) if known else 0
    if known and same_press(rx, row, clock, step, sequence, marker, code, duration):
        if step < 0:
            return
        rx.event_span[row] = max(rx.event_span[row], duration) if step == 0 else duration
        rx.event_ended[row] = rx.event_ended[row] | ended if step == 0 else ended
        if step > 0 or (sequence - rx.event_sequence[row]) & 0xFFFF < 0x8000:
            rx.event_sequence[row] = sequence
        rx.event_time[row] = time
        rx.event_tick[row] = tick
        return
    rx.event_time[row] = time
    rx.event_sequence[row] = sequence
    rx.event_code[row] = code
    rx.event_span[row] = duration
    rx.event_ended[row] = ended
    rx.event_tick[row] = tick
    if detect.last_key[row] == code and tick - detect.last_tick[row] <= SAME_KEY:
        # The same press, heard in band before; the next one is another.
        detect.last_key[row] = -1
        return
    rx.key[row] = code
