"""The codecs we speak, as session descriptions name them, and payload types for them.

RFC 3551 gives the static payload types and the clocks (G.722's RTP clock is 8,000 Hz although it samples at
16,000), RFC 7587 writes Opus, RFC 4733 telephone-event, RFC 3389 comfort noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hookflash.sip.sdp import MediaDescription, RtpMap

PTIMES = (10, 20, 30, 40, 60)
"""Milliseconds of audio a packet of ours may hold."""
PTIME = 20
"""The same where nobody wishes for anything else."""
MAX_PAYLOAD_TYPE = 127

_DYNAMIC = range(96, 128)


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec.

    Attributes:
        name: what settings and users call it; not case-sensitive there.
        format: how an rtpmap writes it; its ``rate`` is the RTP clock in Hz.
        payload_type: its static number, or the one we give it when that is free.
        written: the encoding in the case its specification uses.
        parameters: our fmtp; "" for none.
        ptimes: milliseconds of audio that one packet of ours may hold.
        noise: whether comfort noise (CN/8000) goes with it: it samples at 8,000 Hz.
    """

    name: str
    format: RtpMap
    payload_type: int
    written: str
    parameters: str = ""
    ptimes: tuple[int, ...] = PTIMES
    noise: bool = False

    @property
    def clock(self) -> int:
        """Its RTP clock in Hz."""
        return self.format.rate

    @property
    def encoding(self) -> str:
        """The encoding in upper case."""
        return self.format.encoding

    @property
    def is_static(self) -> bool:
        """Whether RFC 3551 fixes its payload type."""
        return self.payload_type not in _DYNAMIC


ALL = (
    Codec("PCMU", RtpMap("PCMU", 8_000), 0, "PCMU", noise=True),
    Codec("PCMA", RtpMap("PCMA", 8_000), 8, "PCMA", noise=True),
    Codec("G722", RtpMap("G722", 8_000), 9, "G722"),
    # We play 16,000 Hz at most, and capture no more: a peer need not spend bits on what is above.
    Codec(
        "opus",
        RtpMap("OPUS", 48_000, 2),
        96,
        "opus",
        "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1;sprop-stereo=0",
        (PTIME,),
    ),
    Codec("L16/16000", RtpMap("L16", 16_000), 97, "L16", "", (PTIME,)),
    Codec("L16", RtpMap("L16", 8_000), 98, "L16", noise=True),
)
"""Every codec; L16 is mono."""
BY_NAME = {codec.name: codec for codec in ALL}
BY_FORMAT = {codec.format: codec for codec in ALL}
NAMES = tuple(BY_NAME)
DEFAULT = ("PCMU", "PCMA", "G722", "opus")
"""What trunks speak unless told otherwise, in order of preference: carriers expect G.711 first."""

NOISE = RtpMap("CN", 8_000)
NOISE_PAYLOAD_TYPE = 13
"""Comfort noise: a static number."""
EVENTS = "0-15"
"""The telephone-events we understand and send: the sixteen DTMF keys."""
EVENT_PAYLOAD_TYPES = {8_000: 101, 16_000: 100, 48_000: 99}
"""The numbers we give telephone-event, by clock, when they are free."""

_STATIC = {codec.payload_type: codec.format for codec in ALL if codec.is_static}
_STATIC[NOISE_PAYLOAD_TYPE] = NOISE


def event_format(clock: int) -> RtpMap:
    """Telephone-event at a clock. One at another clock than the audio's is of no use to it: both share
    sequence numbers and time (RFC 4733 section 2.1)."""
    return RtpMap("TELEPHONE-EVENT", clock)


def written(form: RtpMap) -> str:
    """As an rtpmap writes it, without the payload type."""
    if form.encoding == "TELEPHONE-EVENT":
        return f"telephone-event/{form.rate}"
    codec = BY_FORMAT.get(form)
    name = codec.written if codec is not None else form.encoding
    return f"{name}/{form.rate}" + (f"/{form.channels}" if form.channels > 1 else "")


def parameters(form: RtpMap) -> str:
    """Our fmtp of a format; "" for none."""
    if form.encoding == "TELEPHONE-EVENT":
        return EVENTS
    codec = BY_FORMAT.get(form)
    return codec.parameters if codec is not None else ""


def formats(media: MediaDescription) -> list[tuple[int, RtpMap]]:
    """The payload types of a media line in their order, with what they are: by rtpmap, or by RFC 3551."""
    found: list[tuple[int, RtpMap]] = []
    stated_types = media.rtpmaps()
    for text in media.formats:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else MAX_PAYLOAD_TYPE + 1
        if number > MAX_PAYLOAD_TYPE:
            continue
        stated = stated_types.get(str(number)) or _STATIC.get(number)
        if stated is not None:
            found.append((number, stated))
    return found


def number_of(pairs: Iterable[tuple[int, RtpMap]], form: RtpMap) -> int:
    """The first payload type of a format, -1 without one."""
    return next((number for number, own in pairs if own == form), -1)


def numbered(wanted: Sequence[RtpMap], kept: Mapping[RtpMap, int]) -> list[tuple[int, RtpMap]]:
    """Payload types for what we offer: those of ``kept``, static ones, or free ones.

    A number that ``kept`` has for something else is not used again: its meaning must not change within a
    session (RFC 3264 section 8.3.2).
    """
    taken = set(kept.values())
    found: list[tuple[int, RtpMap]] = []
    for form in wanted:
        number = kept.get(form)
        if number is None:
            number = next((one for one in _proposed(form) if one not in taken), None)
            if number is None:
                continue
            taken.add(number)
        found.append((number, form))
    return found


def _proposed(form: RtpMap) -> Iterable[int]:
    codec = BY_FORMAT.get(form)
    if codec is not None:
        yield codec.payload_type
    elif form == NOISE:
        yield NOISE_PAYLOAD_TYPE
    else:
        yield EVENT_PAYLOAD_TYPES.get(form.rate, _DYNAMIC[0])
    yield from reversed(_DYNAMIC)
