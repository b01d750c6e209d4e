"""Which codecs the media plane of this machine can do."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from hookflash.plane.opus import opus_available
from hookflash.sip.codecs import NAMES

log = logging.getLogger("hookflash.sip")


class NoCodec(OSError):
    """A trunk speaks only codecs that cannot be done here; the message names it."""


def codecs_of(who: str, wanted: Iterable[str], *, no_opus: str | None = None) -> tuple[str, ...]:
    """Those of ``wanted`` that can be done, each once; what is left out is logged.

    ``who`` names the trunk in messages; ``no_opus`` says why there is no Opus, "" if there is (default:
    look).

    Raises:
        NoCodec: nothing is left.
    """
    asked = tuple(dict.fromkeys(wanted))
    if "opus" not in asked:
        return asked
    why = opus_available() if no_opus is None else no_opus
    if not why:
        return asked
    able = tuple(name for name in asked if name != "opus")
    if not able:
        raise NoCodec(f"{who} speaks only opus, and there is none: {why}; or give it another codec")
    log.warning("%s is left without opus: %s", who, why)
    return able


def codecs_of_strangers(*, no_opus: str | None = None) -> tuple[str, ...]:
    """What callers of no trunk may speak: whatever can be done; their offer decides."""
    why = opus_available() if no_opus is None else no_opus
    return tuple(name for name in NAMES if not why or name != "opus")
