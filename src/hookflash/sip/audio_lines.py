"""One audio line of a session description: what is usable in the peer's, and how ours is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hookflash.sip import codecs as known
from hookflash.sip import crypto
from hookflash.sip.codecs import NOISE, PTIME, Codec
from hookflash.sip.crypto import Crypto
from hookflash.sip.sdp import MAX_PORT, Attribute, MediaDescription, RtpMap, is_for_many

AVP = ("RTP/AVP", "RTP/AVPF")
"""Plain RTP (RFC 3551, RFC 4585)."""
SAVP = ("RTP/SAVP", "RTP/SAVPF")
"""SRTP (RFC 3711, RFC 5124)."""

_MILLISECONDS = re.compile(r"([0-9]{1,4})(?:\.[0-9]{1,6})?")
_RTCP = re.compile(r"([0-9]{1,5})(?: +IN +IP[46] +([0-9A-Fa-f.:]{2,45}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """What is usable in one audio line: the codec, payload types (-1: none), the peer's key."""

    codec: Codec
    payload_type: int
    event_payload_type: int
    noise_payload_type: int
    crypto: Crypto | None = None


def read(
    media: MediaDescription,
    codecs: Sequence[str],
    *,
    events: bool,
    srtp: str,
    codec: str | None = None,
    suite: str | None = None,
) -> Line | None:
    """What can be used of an offered line; None when it can not be.

    The offerer's order decides, except that ``codec`` and ``suite`` (those in use) go first.
    """
    if media.kind != "audio" or not media.port:
        return None
    found = carried(media, srtp, suite)
    pairs = known.formats(media)
    common = [
        (number, one)
        for number, form in pairs
        if (one := known.BY_FORMAT.get(form)) is not None and one.name in codecs
    ]
    if found is None or not common:
        return None
    number, chosen = next((pair for pair in common if pair[1].name == codec), common[0])
    return Line(
        chosen,
        number,
        known.number_of(pairs, known.event_format(chosen.clock)) if events else -1,
        known.number_of(pairs, NOISE) if chosen.noise else -1,
        found[0],
    )


def carried(media: MediaDescription, srtp: str, suite: str | None = None) -> tuple[Crypto | None] | None:
    """How a line's audio can be carried, as the peer's key or None for plain; None when it can not."""
    protocol = media.protocol.upper()
    if protocol not in AVP + SAVP:
        return None
    found = crypto.lines(media) if srtp != "off" else []
    own = next((one for one in found if one.suite == suite), next(iter(found), None))
    if own is None and (protocol in SAVP or srtp == "required"):
        return None
    return (own,)


def write(
    port: int,
    protocol: str,
    pairs: Sequence[tuple[int, RtpMap]],
    direction: str,
    ptime: int,
    keys: Sequence[Crypto],
    *,
    mux: bool,
) -> MediaDescription:
    """A line of ours; ``pairs`` are payload types and what they are."""
    attributes: list[Attribute] = []
    for number, form in pairs:
        attributes.append(("rtpmap", f"{number} {known.written(form)}"))
        if parameters := known.parameters(form):
            attributes.append(("fmtp", f"{number} {parameters}"))
    attributes += [("crypto", str(one)) for one in keys]
    attributes.append(("ptime", str(ptime)))
    if mux:
        attributes.append(("rtcp-mux", None))
    attributes.append((direction, None))
    formats = tuple(str(number) for number, _ in pairs)
    return MediaDescription("audio", port, protocol, formats, None, tuple(attributes))


def ptime(media: MediaDescription, codec: Codec) -> int:
    """Milliseconds in each packet of ours: what the peer wishes for (RFC 8866 section 6.4), or the next
    shorter that we do."""
    wish = _milliseconds(media, "ptime") or PTIME
    longest = _milliseconds(media, "maxptime") or wish
    possible = [one for one in codec.ptimes if one <= min(wish, longest)]
    return max(possible) if possible else min(codec.ptimes)


def _milliseconds(media: MediaDescription, name: str) -> int:
    match = _MILLISECONDS.fullmatch(media.attribute(name) or "")
    return int(match[1]) if match else 0


def rtcp(media: MediaDescription, host: str) -> tuple[str, int]:
    """Where the peer receives RTCP: a=rtcp (RFC 3605), otherwise the port after RTP's."""
    value = media.attribute("rtcp")
    match = _RTCP.fullmatch(value) if value else None
    if match and 0 < int(match[1]) <= MAX_PORT and not is_for_many(match[2] or host):
        return match[2] or host, int(match[1])
    return host, media.port + 1 if media.port < MAX_PORT else 0
