"""Structured logs: one line an event, as JSON for machines or plain for people.

Fields given with ``extra=`` become keys; ``callConnectionId`` and ``correlationId`` are the two that tie a
line to a call. Whatever came from outside is escaped, so that a remote party can never forge a line or a
terminal code.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TextIO

import msgspec

LogFormat = Literal["auto", "json", "pretty"]

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# What json.dumps leaves as it is, and terminals or readers of lines take for commands: DEL, C1 controls, line
# and paragraph separators, marks that turn the direction of text, lone surrogates (they cannot be written).
_UNSAFE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


_encode = msgspec.json.Encoder(enc_hook=str).encode


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


def _moment(created: float) -> str:
    seconds, fraction = divmod(created, 1)
    return f"{_second(int(seconds))}.{int(fraction * 1000):03d}+00:00"


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What the caller passed as ``extra``."""
    return {key: value for key, value in vars(record).items() if key not in _STANDARD and value is not None}


def printable(text: str) -> str:
    """``text`` with control characters written as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            text = _encode(line).decode()
        except (TypeError, ValueError, OverflowError):
            # A lone surrogate, an integer of more than 64 bits, a key that is none.
            text = json.dumps(line, default=str, ensure_ascii=False)
        if text.isascii() and "\x7f" not in text:
            return text
        return _UNSAFE.sub(lambda c: f"\\u{ord(c[0]):04x}", text)


class PrettyFormatter(logging.Formatter):
    """Time, level, logger, message and ``key=value`` fields, coloured on a terminal."""

    def __init__(self, *, colour: bool) -> None:
        super().__init__()
        self._colour = colour

    def _paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        name = record.name.removeprefix("hookflash.")
        extra = " ".join(
            f"{self._paint('2', key + '=')}{printable(str(value))}" for key, value in fields(record).items()
        )
        level = self._paint(_COLOURS.get(record.levelname, "0"), f"{record.levelname.lower():<8}")
        line = f"{moment} {level}{name:<10} {printable(record.getMessage())} {extra}".rstrip()
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class Strangers(logging.Filter):
    """Bounds what those who are in no call can write into our log: SIP garbage, refused requests.

    Up to ``burst`` lines at once and ``rate`` a second on average pass; the next line that passes says in
    ``left_out`` how many did not. Lines about legs and calls always pass.
    """

    def __init__(self, rate: float = 20.0, burst: int = 200) -> None:
        super().__init__()
        self._rate = rate
        self._burst = burst
        self._room = float(burst)
        self._at = 0.0
        self._left_out = 0

    def filter(self, record: logging.LogRecord) -> bool:
        given = vars(record)
        if "leg" in given or not ("peer" in given or "method" in given):
            return True
        passed = max(0.0, record.created - self._at)
        self._room = min(self._burst, self._room + passed * self._rate)
        self._at = record.created
        if self._room < 1:
            self._left_out += 1
            return False
        self._room -= 1
        if self._left_out:
            record.left_out, self._left_out = self._left_out, 0
        return True


def configure(format: LogFormat = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log of the process to ``stream`` (standard error by default).

    ``auto`` is pretty on a terminal and JSON elsewhere.
    """
    out = stream or sys.stderr
    pretty = format == "pretty" or (format == "auto" and out.isatty())
    handler = logging.StreamHandler(out)
    handler.setFormatter(PrettyFormatter(colour=out.isatty()) if pretty else JsonFormatter())
    handler.addFilter(Strangers())
    # None of our lines names its place in the source, its thread or its process: do not look for them.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("asyncio", "aiohttp", "uvicorn", "numba"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
