"""The values of SSML's prosody and break, in all their notations.

Numbers follow the Azure speech service where it differs from the W3C recommendation: a percentage without a
sign is a change ("50%" is half as fast again), and so is one of the volume. A function returns None for what
it does not understand.
"""

from __future__ import annotations

import math
import re

from hookflash.speech.script import SILENT_DB, Manner

MAX_BREAK_MS = 20_000
"""What one pause can last; a longer one is cut to it."""
MAX_GAIN_DB = 6.0
MAX_PITCH = 12.0

_NUMBER = r"(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_VALUE = re.compile(rf"([+-]?)({_NUMBER})\s*(%|[a-z]*)")
_TIME = re.compile(rf"\+?({_NUMBER})\s*(ms|s)")

_RATES = {"x-slow": 0.5, "slow": 0.64, "medium": 1.0, "fast": 1.55, "x-fast": 2.0, "default": 1.0}
_VOLUMES = {
    "silent": 0.0,
    "x-soft": 0.2,
    "soft": 0.4,
    "medium": 0.6,
    "loud": 0.8,
    "x-loud": 1.0,
    "default": 1.0,
}
_PITCHES = {"x-low": 0.55, "low": 0.8, "medium": 1.0, "high": 1.2, "x-high": 1.45, "default": 1.0}
_BREAKS = {"none": 0, "x-weak": 250, "weak": 500, "medium": 750, "strong": 1000, "x-strong": 1250}
_BASE_HZ = {"male": 120.0, "female": 210.0, "": 165.0}
"""What a voice is taken to have where a pitch is given in Hz."""


def duration_ms(text: str) -> int | None:
    """Milliseconds of a time such as "500ms" or "1.5s", cut to :data:`MAX_BREAK_MS`."""
    match = _TIME.fullmatch(text.strip().lower())
    if match is None:
        return None
    value = float(match[1]) * (1000 if match[2] == "s" else 1)
    return round(min(value, MAX_BREAK_MS))


def strength_ms(text: str) -> int | None:
    """Milliseconds of a break's strength."""
    return _BREAKS.get(text.strip().lower())


def rate(text: str, now: Manner) -> float | None:
    """The factor of a rate: a word, a factor of the voice's own speed, or a change in percent of ``now``."""
    word = text.strip().lower()
    if word in _RATES:
        return _RATES[word]
    match = _VALUE.fullmatch(word)
    if match is None or match[3] not in ("", "%"):
        return None
    value = float(match[2])
    if match[3] == "%":
        return _within(now.rate * (1 + _signed(match[1], value) / 100), 0.5, 2.0)
    if match[1]:
        return _within(now.rate + _signed(match[1], value), 0.5, 2.0)
    return _within(value, 0.5, 2.0)


def gain(text: str, now: Manner) -> float | None:
    """The gain in dB of a volume: a word, 0 to 100, a change on that scale, in percent, or in dB."""
    word = text.strip().lower()
    if word in _VOLUMES:
        return _db(_VOLUMES[word])
    match = _VALUE.fullmatch(word)
    if match is None or match[3] not in ("", "%", "db"):
        return None
    value = float(match[2])
    level = 0.0 if now.gain_db <= SILENT_DB else 10 ** (now.gain_db / 20)
    if match[3] == "db":
        return _within(now.gain_db + _signed(match[1], value), SILENT_DB, MAX_GAIN_DB)
    if match[3] == "%":
        return _db(level * (1 + _signed(match[1], value) / 100))
    if match[1]:
        return _db(level + _signed(match[1], value) / 100)
    return _db(min(value, 100.0) / 100)


def pitch(text: str, now: Manner) -> float | None:
    """Semitones of a pitch: a word, Hz, or a change in Hz, semitones or percent.

    Hz are reckoned from a usual voice of the gender, since the voice's own is not known here.
    """
    word = text.strip().lower()
    if word in _PITCHES:
        return _semitones(_PITCHES[word])
    match = _VALUE.fullmatch(word)
    if match is None or match[3] not in ("%", "hz", "st"):
        return None
    change = _signed(match[1], float(match[2]))
    if match[3] == "st":
        return _within(now.pitch + change, -MAX_PITCH, MAX_PITCH)
    factor: float = 2 ** (now.pitch / 12)
    base = _BASE_HZ[now.gender]
    if match[3] == "%":
        return _semitones(factor * (1 + change / 100))
    if match[1]:
        return _semitones((base * factor + change) / base)
    return _semitones(change / base)


_EMPHASIS = {"strong": (0.9, 3.0), "moderate": (0.95, 1.5), "none": (1.0, 0.0), "reduced": (1.1, -3.0)}


def emphasis(level: str, now: Manner) -> tuple[float, float] | None:
    """Rate and gain in dB for a level of emphasis."""
    change = _EMPHASIS.get(level.strip().lower() or "moderate")
    if change is None:
        return None
    return (
        _within(now.rate * change[0], 0.5, 2.0),
        _within(now.gain_db + change[1], SILENT_DB, MAX_GAIN_DB),
    )


def _signed(sign: str, value: float) -> float:
    return -value if sign == "-" else value


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _db(level: float) -> float:
    return _within(20 * math.log10(level), SILENT_DB, MAX_GAIN_DB) if level > 0 else SILENT_DB


def _semitones(factor: float) -> float:
    return _within(12 * math.log2(factor), -MAX_PITCH, MAX_PITCH) if factor > 0 else -MAX_PITCH
