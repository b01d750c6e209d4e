"""Which codecs the media plane of this machine can do."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from hookflash.plane.codecs import CODECS
from hookflash.plane.opus import why_no_opus
from hookflash.sip.codecs import BY_NAME, NAMES

log = logging.getLogger("hookflash.sip")


class NoCodec(OSError):
    """A trunk speaks only codecs that cannot be done here; the message names it."""


def why_not(name: str) -> str:
    """Why a codec can not be done here, for people; "" when it can."""
    codec = BY_NAME[name]
    if (codec.encoding, codec.clock) not in CODECS:
        return "the media plane does not speak it"
    return why_no_opus() if name == "opus" else ""


def codecs_of(who: str, wanted: Iterable[str], lacking: Callable[[str], str] = why_not) -> tuple[str, ...]:
    """Those of ``wanted`` that can be done, each once; what is left out is logged.

    ``who`` names the trunk in messages; ``lacking`` says why a codec can not be done.

    Raises:
        NoCodec: nothing is left.
    """
    able: list[str] = []
    problems: list[str] = []
    for name in dict.fromkeys(wanted):
        why = lacking(name)
        if why:
            problems.append(f"{name}: {why}")
        else:
            able.append(name)
    if not able:
        raise NoCodec(f"{who} has no codec that can be done ({'; '.join(problems)}); give it another one")
    for problem in problems:
        log.warning("%s is left without %s", who, problem)
    return tuple(able)


def codecs_of_strangers(lacking: Callable[[str], str] = why_not) -> tuple[str, ...]:
    """What callers of no trunk may speak: whatever can be done; their offer decides."""
    return tuple(name for name in NAMES if not lacking(name))
