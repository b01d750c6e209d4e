"""Phones that press keys: what each sends, packet by packet, and how what was heard compares with it.

Half of the phones send telephone-events (RFC 4733) through a network that loses, doubles and delays packets;
of those every fourth plays the tones into its audio as well, as some gateways do. The other half press in
band: tones of 60 to 100 ms, 60 to 100 ms apart, among silence, line noise or the talk of their owner, who is
cut off while a key is down, through either law of G.711 or G.722. All 16 keys, in an order of chance.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.dtmf_signals import KEYS, RATE, Rng, Signal, digit, line_noise, speech
from hookflash.plane.columns import make_columns
from hookflash.plane.kernels.codec import encode_alaw, encode_ulaw
from hookflash.plane.kernels.wide import encode_g722
from hookflash.plane.sendings import CODES

FRAME = 160
HEADER = 12
TICK = FRAME / RATE
TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9}
WIDE = 0.2
"""Share of those who press in band who do it by G.722."""
EVENTS = 101
"""Payload type of telephone-events."""
LENGTHS = (60.0, 100.0)
"""Milliseconds a key is down, and those between two."""
BURST = (4, 12)
PAUSES = (1.0, 5.0)
"""Keys that are pressed one after the other, and seconds between such bursts."""
SETTLE = 2.0
"""Seconds of audio before the first key, while the address is learned."""
TAIL = 1.0
LOST, DELAYED, DOUBLED = 0.10, 0.05, 0.05
"""Shares of the packets of a phone with events."""
LATE = (0.02, 0.06)
"""Seconds a delayed packet comes late."""
COPY = (0.0, 0.2)
"""Seconds the copy of a doubled packet comes after it."""


@dataclass(frozen=True)
class Press:
    """A key that is down from sample ``begin`` for ``length`` samples."""

    key: str
    begin: int
    length: int


@dataclass(frozen=True)
class Phone:
    """What a phone sends: datagrams with their times in seconds, in the order they arrive.

    ``events``: it negotiated telephone-events. ``pressed``: with what it presses, "events", "events and
    tones" or "tones".
    """

    keys: str
    codec: str
    events: bool
    pressed: str
    packets: Sequence[tuple[float, bytes]]

    @property
    def payload_type(self) -> int:
        """Of its audio."""
        return TYPES[self.codec]


def plan(rng: Rng, count: int, grid: int) -> list[Press]:
    """When ``count`` keys are pressed; each begins at a multiple of ``grid`` samples."""
    presses: list[Press] = []
    at = SETTLE * RATE
    left = 0
    for _ in range(count):
        if left == 0:
            left = int(rng.integers(*BURST, endpoint=True))
            at += rng.uniform(*PAUSES) * RATE
        left -= 1
        begin = -int(-at // grid) * grid
        length = round(rng.uniform(*LENGTHS) * RATE / 1000)
        presses.append(Press(KEYS[int(rng.integers(len(KEYS)))], begin, length))
        at = begin + length + rng.uniform(*LENGTHS) * RATE / 1000
    return presses


def surroundings(rng: Rng, samples: int, talk: Signal) -> Signal:
    """What is heard where no key is: nothing, the noise of a line, or somebody who talks."""
    kind = int(rng.integers(3))
    if kind == 0:
        return np.zeros(samples)
    if kind == 1:
        return line_noise(rng, samples, rng.uniform(-60, -45))
    return np.roll(np.resize(talk, samples), int(rng.integers(samples))) * 10 ** (rng.uniform(-12, 0) / 20)


def with_tones(rng: Rng, line: Signal, presses: Sequence[Press]) -> None:
    """Put the tones of keys into ``line``, in place of what was said there."""
    dbm0, twist = rng.uniform(-20, -4), rng.uniform(-3, 3)
    off = rng.uniform(-0.01, 0.01, 2)
    for press in presses:
        tone = digit(
            rng,
            press.key,
            press.length / 8,
            low=dbm0,
            high=dbm0 + twist,
            off_low=float(off[0]),
            off_high=float(off[1]),
        )
        line[press.begin : press.begin + press.length] = tone[: press.length]


def wideband(line: Signal) -> bytes:
    """Octets of G.722, of a line at 8,000 Hz."""
    spectrum = np.fft.rfft(line)
    wide = np.fft.irfft(spectrum, 2 * len(line)) * 2
    pcm = np.round(np.clip(wide, -32768, 32767)).astype(np.int16)
    columns, slots, octets = make_columns(1), np.zeros(1, np.int64), []
    columns.wide.row[0] = 0
    for frame in pcm.reshape(-1, 2 * FRAME):
        columns.wide.out[0] = frame
        encode_g722(columns.transmit, columns.wide, slots)
        octets.append(columns.transmit.octets[0, HEADER : HEADER + FRAME].tobytes())
    return b"".join(octets)


def compressed(line: Signal, codec: str) -> bytes:
    """Octets of a line of whole frames, one for each of its samples whatever the codec."""
    if codec == "G722":
        return wideband(line)
    pcm = np.round(np.clip(line, -32768, 32767)).astype(np.int16)
    octets: NDArray[np.uint8] = np.zeros(len(pcm), np.uint8)
    (encode_ulaw if codec == "PCMU" else encode_alaw)(pcm, octets)
    return octets.tobytes()


@dataclass(frozen=True)
class _Packet:
    at: float
    kind: int
    marker: bool
    time: int
    payload: bytes
    press: int = -1


def _event_packets(rng: Rng, presses: Sequence[Press]) -> list[_Packet]:
    """Telephone-events as phones send them: one each 20 ms, the end three times, at once or 20 ms apart."""
    apart = TICK if rng.random() < 0.5 else 0.0
    packets = []
    for number, press in enumerate(presses):
        code, first = CODES.index(press.key), press.begin // FRAME
        last = -(-press.length // FRAME) - 1
        for step in range(last + 3):
            ended = step >= last
            duration = press.length if ended else (step + 1) * FRAME
            again = max(step - last, 0)
            at = (first + min(step, last)) * TICK + again * apart + again * 1e-6
            payload = struct.pack("!BBH", code, 0x80 * ended | 10, duration)
            packets.append(_Packet(at, EVENTS, step == 0, press.begin, payload, number))
    return packets


def _arrivals(rng: Rng, sent: Sequence[_Packet], raw: Sequence[bytes]) -> list[tuple[float, bytes]]:
    """What a poor network makes of packets. One of each press comes through in time, or nobody could know."""
    fates = rng.random(len(sent))
    whole = {packet.press for packet, fate in zip(sent, fates, strict=True) if fate >= LOST + DELAYED}
    saved = set(range(-1, 1 + max(packet.press for packet in sent))) - whole
    found = []
    for packet, fate, octets in zip(sent, fates, raw, strict=True):
        if packet.press in saved:
            saved.discard(packet.press)
            found.append((packet.at, octets))
        elif fate >= LOST:
            late = float(rng.uniform(*LATE)) if fate < LOST + DELAYED else 0.0
            found.append((packet.at + late, octets))
        if LOST + DELAYED <= fate < LOST + DELAYED + DOUBLED:
            found.append((packet.at + float(rng.uniform(*COPY)), octets))
    return sorted(found, key=lambda one: one[0])


def make_phone(rng: Rng, number: int, count: int, talk: Signal) -> Phone:
    """Phone ``number``, which presses ``count`` keys: even ones with events, odd ones with tones."""
    by_event = number % 2 == 0
    both = number % 8 == 0
    presses = plan(rng, count, FRAME if by_event else 1)
    end = presses[-1].begin + presses[-1].length + int(TAIL * RATE)
    ticks = -(-end // FRAME)
    line = surroundings(rng, ticks * FRAME, talk)
    if both or not by_event:
        with_tones(rng, line, presses)
    codec = "PCMU" if rng.random() < 0.5 else "PCMA"
    codec = "G722" if not by_event and rng.random() < WIDE else codec
    octets, kind = compressed(line, codec), TYPES[codec]
    down = set()
    if by_event and not both:
        for press in presses:
            first = press.begin // FRAME
            down.update(range(first, first + -(-press.length // FRAME)))
    packets = [
        _Packet(tick * TICK, kind, tick - 1 in down, tick * FRAME, octets[tick * FRAME : (tick + 1) * FRAME])
        for tick in range(ticks)
        if tick not in down
    ]
    if by_event:
        packets = sorted(packets + _event_packets(rng, presses), key=lambda packet: packet.at)
    ssrc, sequence, time = int(rng.integers(1 << 32)), int(rng.integers(1 << 16)), int(rng.integers(1 << 32))
    raw = [
        struct.pack(
            "!BBHII",
            0x80,
            0x80 * packet.marker | packet.kind,
            (sequence + place) & 0xFFFF,
            (time + packet.time) & 0xFFFFFFFF,
            ssrc,
        )
        + packet.payload
        for place, packet in enumerate(packets)
    ]
    keys = "".join(press.key for press in presses)
    pressed = "events and tones" if both else "events" if by_event else "tones"
    if by_event:
        return Phone(keys, codec, True, pressed, _arrivals(rng, packets, raw))
    straight = [(packet.at, octets) for packet, octets in zip(packets, raw, strict=True)]
    return Phone(keys, codec, bool(rng.random() < 0.5), pressed, straight)


def make_phones(seed: int, phones: int, digits: int) -> list[Phone]:
    """``phones`` phones that press ``digits`` keys between them."""
    talk = speech(np.random.default_rng((seed, 1)), 60.0, -15)
    counts = [digits // phones + (number < digits % phones) for number in range(phones)]
    return [
        make_phone(np.random.default_rng((seed, 2, number)), number, count, talk)
        for number, count in enumerate(counts)
        if count
    ]


def faults(sent: str, heard: str) -> Counter[str]:
    """What is wrong with what was heard, by the fewest faults that explain it.

    Faults are "lost", "doubled", "made up", "wrong" and "out of order".
    """
    if sent == heard:
        return Counter()
    rows, columns = len(sent), len(heard)
    cost = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows + 1):
        for j in range(columns + 1):
            cost[i][j] = min(_ways(cost, sent, heard, i, j).values(), default=0)
    found: Counter[str] = Counter()
    i, j = rows, columns
    while i or j:
        ways = _ways(cost, sent, heard, i, j)
        way = min(ways, key=lambda name: ways[name])
        if way != "right":
            found[way] += 1
        if way == "out of order":
            i, j = i - 2, j - 2
        else:
            i -= way not in ("doubled", "made up")
            j -= way != "lost"
    return found


def _ways(cost: Sequence[Sequence[int]], sent: str, heard: str, i: int, j: int) -> dict[str, int]:
    """How the first ``i`` keys sent can have become the first ``j`` heard, by the last step, and its cost."""
    ways: dict[str, int] = {}
    if i and j:
        right = sent[i - 1] == heard[j - 1]
        ways["right" if right else "wrong"] = cost[i - 1][j - 1] + (not right)
    if i > 1 and j > 1 and sent[i - 2 : i] == heard[j - 1] + heard[j - 2] and sent[i - 1] != sent[i - 2]:
        ways["out of order"] = cost[i - 2][j - 2] + 1
    if j:
        doubled = heard[j - 1] in sent[max(i - 1, 0) : i + 1]
        ways["doubled" if doubled else "made up"] = cost[i][j - 1] + 1
    if i:
        ways["lost"] = cost[i - 1][j] + 1
    return ways
