"""What a peer wishes of the Opus we send, by its fmtp (RFC 7587 section 6.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hookflash.ports.plane_commands import OpusTerms
from hookflash.sip.sdp import MediaDescription

LEAST_BITRATE, MOST_BITRATE = 6_000, 510_000
"""Bit/s; other values of maxaveragebitrate are ignored, as the RFC asks."""
LEAST_RATE, MOST_RATE = 8_000, 48_000
"""Hz: what Opus can play; other values of maxplaybackrate are ignored."""

_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


def opus_terms(media: MediaDescription, payload_type: int) -> OpusTerms:
    """The wishes a description states for a payload type; what it does not state is as the RFC says."""
    stated = dict(_parameters(media, payload_type))
    bitrate = stated.get("maxaveragebitrate", 0)
    rate = stated.get("maxplaybackrate", MOST_RATE)
    return OpusTerms(
        bitrate if LEAST_BITRATE <= bitrate <= MOST_BITRATE else 0,
        rate if LEAST_RATE <= rate <= MOST_RATE else MOST_RATE,
        fec=stated.get("useinbandfec") == 1,
        dtx=stated.get("usedtx") == 1,
        constant=stated.get("cbr") == 1,
    )


def _parameters(media: MediaDescription, payload_type: int) -> Iterator[tuple[str, int]]:
    """Names, in lower case, and values of the parameters that are numbers."""
    for name, value in media.attributes:
        if name != "fmtp" or value is None:
            continue
        number, _, rest = value.partition(" ")
        if number != str(payload_type):
            continue
        for one in rest.split(";"):
            key, _, text = one.partition("=")
            if _NUMBER.fullmatch(text.strip(" ")):
                yield key.strip(" ").lower(), int(text)
