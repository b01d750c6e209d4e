"""Which codecs the media plane of this machine can do."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from hookflash.plane.opus import opus_available
from hookflash.sip.codecs import NAMES

log = logging.getLogger("hookflash.sip")


class NoCodec(OSError):
    """A trunk speaks only codecs that cannot be done here; the message names it."""


def codecs_of(who: str, wanted: Iterable[str], *, opus: bool | None = None) -> tuple[str, ...]:
    """Those of ``wanted`` that can be done, each once; what is left out is logged.

    ``who`` names the trunk in messages; ``opus`` says whether libopus is there (default: look).

    Raises:
        NoCodec: nothing is left.
    """
    asked = tuple(dict.fromkeys(wanted))
    if "opus" not in asked or (opus_available() if opus is None else opus):
        return asked
    remedy = "install libopus (apt-get install libopus0)"
    able = tuple(name for name in asked if name != "opus")
    if not able:
        raise NoCodec(f"{who} speaks only opus, which needs libopus; {remedy} or give it another codec")
    log.warning("%s is left without opus: there is no libopus; %s", who, remedy)
    return able


def codecs_of_strangers(*, opus: bool | None = None) -> tuple[str, ...]:
    """What callers of no trunk may speak: whatever can be done; their offer decides."""
    there = opus_available() if opus is None else opus
    return tuple(name for name in NAMES if there or name != "opus")
