"""Times as the wire writes them. Input is Unix time in seconds; nothing here reads a clock."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

_TICKS_PER_SECOND = 10_000_000
_TICKS_AT_EPOCH = 621_355_968_000_000_000

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def ticks_iso(time: float, suffix: str) -> str:
    """ISO 8601 with seven fraction digits and ``suffix`` for the zone."""
    seconds, ticks = divmod(round(time * _TICKS_PER_SECOND), _TICKS_PER_SECOND)
    return f"{_second(seconds)}.{ticks:07d}{suffix}"


def offset_time(time: float) -> str:
    """``2026-06-13T19:10:07.1802851+00:00``: CloudEvents, token expiry, recording times (contract section
    5.2).
    """
    return ticks_iso(time, "+00:00")


def zulu_time(time: float) -> str:
    """``2026-06-13T19:10:01.2415391Z``: the Event Grid envelope (contract section 5.7)."""
    return ticks_iso(time, "Z")


@lru_cache(maxsize=64)
def millisecond_time(time: float) -> str:
    """``2024-11-15T19:16:12.925Z``: audio on streaming sockets (contract section 7.3)."""
    seconds, milliseconds = divmod(round(time * 1000), 1000)
    return f"{_second(seconds)}.{milliseconds:03d}Z"


def dotnet_ticks(time: float) -> int:
    """100 ns units since the year 1, as .NET counts."""
    return _TICKS_AT_EPOCH + round(time * _TICKS_PER_SECOND)


@lru_cache(maxsize=256)
def parse_imf_fixdate(text: str) -> int | None:
    """Unix time of an IMF-fixdate (``Sun, 06 Nov 1994 08:49:37 GMT``, RFC 9110 section 5.6.7); None when it
    is not one.

    The day of the week must agree with the date.
    """
    if len(text) != 29 or text[3:5] != ", " or text[25:] != " GMT":
        return None
    if text[7] != " " or text[11] != " " or text[16] != " " or text[19] != ":" or text[22] != ":":
        return None
    day, year, hour, minute, second = text[5:7], text[12:16], text[17:19], text[20:22], text[23:25]
    digits = day + year + hour + minute + second
    if not (digits.isascii() and digits.isdigit()) or text[8:11] not in _MONTHS:
        return None
    try:
        moment = datetime(
            int(year),
            _MONTHS.index(text[8:11]) + 1,
            int(day),
            int(hour),
            int(minute),
            int(second),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    return int(moment.timestamp()) if text[:3] == _DAYS[moment.weekday()] else None


def imf_fixdate(time: float) -> str:
    """Unix time as IMF-fixdate, whole seconds."""
    moment = datetime.fromtimestamp(int(time), UTC)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} GMT"
    )
