"""Agreeing on audio (RFC 3264): offers, answers, and what both sides then do.

One audio stream with PCMU or PCMA and telephone-event (RFC 4733) at 8,000 Hz. Whatever else is offered is
refused with port 0, line by line, as the answer has to have as many media lines as the offer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hookflash.sip.sdp import (
    MAX_PORT,
    Attribute,
    MediaDescription,
    Origin,
    RtpMap,
    SessionDescription,
    is_address,
)

CODECS = ("PCMU", "PCMA")
"""The codecs we speak, in our order of preference."""
PTIME = 20
"""Milliseconds of audio in each packet we send."""
EVENT_PAYLOAD_TYPE = 101
"""The payload type we offer for telephone-event."""
EVENTS = "0-15"
"""The events we understand and send: the sixteen DTMF keys."""
RATE = 8_000
"""Clock rate of everything we negotiate, in Hz."""

_STATIC = {"PCMU": 0, "PCMA": 8}
_STATIC_NAMES = {number: name for name, number in _STATIC.items()}
_EVENT_ENCODING = "TELEPHONE-EVENT"
_AVP = ("RTP/AVP", "RTP/AVPF")
_UNSPECIFIED = ("0.0.0.0", "::")
_PTIME = re.compile(r"[0-9]{1,4}")
_RTCP = re.compile(r"([0-9]{1,5})(?: +IN +IP[46] +([0-9A-Fa-f.:]{2,45}))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AudioMedia:
    """The audio both sides agreed on, as seen from us.

    ``host``/``port`` is where the peer receives RTP; ``host`` is "" when it gave no IP address (old-style
    hold, or a name: learn it from the first packet).
    ``payload_type`` and ``event_payload_type`` are the numbers to put into packets sent to the peer (-1: no
    telephone-event); ``receive_payload_type`` and ``receive_event_payload_type`` are those to expect, which
    differ only when the peer answered with numbers of its own. ``ptime`` is in milliseconds. ``held`` says
    that the peer asked us to stay silent (hold): it does not receive.
    """

    host: str
    port: int
    codec: str
    payload_type: int
    event_payload_type: int
    sending: bool
    receiving: bool
    ptime: int = PTIME
    receive_payload_type: int = 0
    receive_event_payload_type: int = -1
    rtcp_host: str = ""
    rtcp_port: int = 0

    @property
    def held(self) -> bool:
        """Whether the peer does not want to hear us."""
        return not self.sending


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to send and what it settles."""

    description: SessionDescription
    media: AudioMedia


@dataclass(frozen=True, slots=True)
class _Line:
    """What is usable in one audio line of the peer."""

    codec: str
    payload_type: int
    event_payload_type: int


def direction(sending: bool, receiving: bool) -> str:
    """The attribute for a direction."""
    if sending:
        return "sendrecv" if receiving else "sendonly"
    return "recvonly" if receiving else "inactive"


def offer(
    host: str,
    port: int,
    *,
    session_id: str,
    version: int = 1,
    codecs: Sequence[str] = CODECS,
    sending: bool = True,
    receiving: bool = True,
    events: bool = True,
    media: AudioMedia | None = None,
    slots: Sequence[MediaDescription] = (),
) -> SessionDescription:
    """An offer of audio received at ``host``:``port``. Raises :class:`ValueError` for unknown codecs.

    For a re-offer, ``media`` is what was agreed: its codec goes first and its payload types stay.
    ``slots`` are the media lines of our last description: their number and places have to stay
    (RFC 3264 section 8), so what was refused there is refused again.
    """
    numbers: list[tuple[int, str]] = []
    for codec in codecs:
        if codec not in _STATIC:
            raise ValueError(f'cannot offer the codec "{codec}"; the codecs are {", ".join(_STATIC)}')
        if media is not None and media.codec == codec:
            numbers.insert(0, (media.receive_payload_type, codec))
        else:
            numbers.append((_STATIC[codec], codec))
    if not numbers:
        raise ValueError(f"cannot offer audio without a codec; the codecs are {', '.join(_STATIC)}")
    event = -1
    if events:
        taken = {number for number, _ in numbers}
        agreed = media.receive_event_payload_type if media is not None else -1
        wanted = (agreed, EVENT_PAYLOAD_TYPE, EVENT_PAYLOAD_TYPE - 1, EVENT_PAYLOAD_TYPE - 2)
        event = next(number for number in wanted if number >= 0 and number not in taken)
    way = direction(sending, receiving)
    lines: list[MediaDescription] = []
    placed = False
    for slot in slots or (MediaDescription("audio", port, "RTP/AVP", ()),):
        if placed or slot.kind != "audio" or not slot.port:
            lines.append(MediaDescription(slot.kind, 0, slot.protocol, slot.formats))
        else:
            lines.append(_audio_line(port, slot.protocol, numbers, event, way))
            placed = True
    return SessionDescription(Origin("-", session_id, version, host), host, tuple(lines))


def answer(
    remote: SessionDescription,
    host: str,
    port: int,
    *,
    session_id: str,
    version: int = 1,
    codecs: Sequence[str] = CODECS,
    sending: bool = True,
    receiving: bool = True,
    events: bool = True,
    keep: str | None = None,
) -> Answer | None:
    """The answer to an offer; None when it has no audio we speak (488 then).

    The first usable audio line is taken, every other line refused. Among the common codecs the offerer's
    order decides, except that ``keep`` (the codec in use) goes first. ``sending`` and ``receiving`` say
    what we are willing to do; the answer never does more than the offer allows (RFC 3264 section 6.1).
    """
    lines: list[MediaDescription] = []
    chosen: AudioMedia | None = None
    for media in remote.media:
        usable = _usable(media, codecs, keep, events) if chosen is None else None
        if usable is None:
            lines.append(MediaDescription(media.kind, 0, media.protocol, media.formats))
            continue
        chosen = _agreed(remote, media, usable, usable, sending, receiving)
        lines.append(
            _audio_line(
                port,
                media.protocol,
                [(usable.payload_type, usable.codec)],
                usable.event_payload_type,
                direction(chosen.sending, chosen.receiving),
                chosen.ptime,
            )
        )
    if chosen is None:
        return None
    return Answer(SessionDescription(Origin("-", session_id, version, host), host, tuple(lines)), chosen)


def accept(
    local: SessionDescription, remote: SessionDescription, codecs: Sequence[str] = CODECS
) -> AudioMedia | None:
    """What the peer's answer to our offer settles; None when it refuses, or takes what was not offered."""
    if len(remote.media) != len(local.media):
        return None
    for ours, theirs in zip(local.media, remote.media, strict=True):
        if ours.kind != "audio" or not ours.port:
            continue
        offered = _usable(ours, codecs, None, True)
        usable = _usable(theirs, [codec for codec in codecs if _number(ours, codec) is not None], None, True)
        if offered is None or usable is None:
            return None
        own = _Line(
            usable.codec,
            _number(ours, usable.codec) or 0,
            offered.event_payload_type if usable.event_payload_type >= 0 else -1,
        )
        if own.event_payload_type < 0:
            usable = _Line(usable.codec, usable.payload_type, -1)
        said = local.direction(ours)
        sending, receiving = said in ("sendrecv", "sendonly"), said in ("sendrecv", "recvonly")
        return _agreed(remote, theirs, usable, own, sending, receiving)
    return None


@dataclass(slots=True)
class Negotiation:
    """The offers and answers of one dialog: keeps the o= line, its version, and the codec in use.

    ``host``/``port`` is our RTP address, ``session_id`` digits that are unique to the dialog. A description
    that equals the last one keeps its version, any other raises it by one (RFC 3264 section 8). ``media``
    is what is agreed so far; a failed attempt leaves it as it was.
    """

    host: str
    port: int
    session_id: str
    codecs: Sequence[str] = CODECS
    events: bool = True
    media: AudioMedia | None = None
    local: SessionDescription | None = None
    _pending: SessionDescription | None = field(default=None, repr=False)
    _version: int = field(default=0, repr=False)
    _last: SessionDescription | None = field(default=None, repr=False)

    def offer(self, *, sending: bool = True, receiving: bool = True) -> SessionDescription:
        """An offer: the first, a re-offer (codec in use first), or what an empty INVITE asks for."""
        description = offer(
            self.host,
            self.port,
            session_id=self.session_id,
            codecs=self.codecs,
            sending=sending,
            receiving=receiving,
            events=self.events,
            media=self.media,
            slots=self.local.media if self.local else (),
        )
        self._pending = self._numbered(description)
        return self._pending

    def answer(
        self, remote: SessionDescription, *, sending: bool = True, receiving: bool = True
    ) -> SessionDescription | None:
        """The answer to send for the peer's offer; None when nothing is common: 488, no change."""
        found = answer(
            remote,
            self.host,
            self.port,
            session_id=self.session_id,
            codecs=self.codecs,
            sending=sending,
            receiving=receiving,
            events=self.events,
            keep=self.media.codec if self.media else None,
        )
        if found is None:
            return None
        self.media, self._pending = found.media, None
        self.local = self._numbered(found.description)
        return self.local

    def accept(self, remote: SessionDescription) -> AudioMedia | None:
        """Take the peer's answer to our last offer; None when it is no answer to it, and nothing changes.

        May be called again for the same offer: a 183 brings the answer early and the 200 repeats it.
        """
        if self._pending is None:
            return None
        media = accept(self._pending, remote, self.codecs)
        if media is not None:
            self.media, self.local = media, self._pending
        return media

    def _numbered(self, description: SessionDescription) -> SessionDescription:
        last = self._last
        if last is None or (last.media, last.connection) != (description.media, description.connection):
            self._version += 1
        origin = Origin("-", self.session_id, self._version, self.host)
        self._last = SessionDescription(origin, description.connection, description.media)
        return self._last


def _audio_line(
    port: int,
    protocol: str,
    numbers: list[tuple[int, str]],
    event_payload_type: int,
    way: str,
    ptime: int = PTIME,
) -> MediaDescription:
    formats = [str(number) for number, _ in numbers]
    attributes: list[Attribute] = [("rtpmap", f"{number} {codec}/{RATE}") for number, codec in numbers]
    if event_payload_type >= 0:
        formats.append(str(event_payload_type))
        attributes.append(("rtpmap", f"{event_payload_type} telephone-event/{RATE}"))
        attributes.append(("fmtp", f"{event_payload_type} {EVENTS}"))
    attributes += [("ptime", str(ptime)), (way, None)]
    return MediaDescription("audio", port, protocol, tuple(formats), None, tuple(attributes))


def _meaning(media: MediaDescription, number: int) -> RtpMap | None:
    """What a payload type is: by its rtpmap, or by RFC 3551 for the static ones."""
    stated = media.rtpmap(number)
    if stated is None and number in _STATIC_NAMES:
        return RtpMap(_STATIC_NAMES[number], RATE)
    return stated


def _payload_types(media: MediaDescription) -> list[tuple[int, str]]:
    """Payload types of ours to speak, in the order of the line, with their encoding."""
    found: list[tuple[int, str]] = []
    for text in media.formats:
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else 128
        if (
            number < 128
            and (stated := _meaning(media, number))
            and stated.rate == RATE
            and stated.channels == 1
        ):
            found.append((number, stated.encoding))
    return found


def _number(media: MediaDescription, codec: str) -> int | None:
    return next((number for number, name in _payload_types(media) if name == codec), None)


def _usable(media: MediaDescription, codecs: Sequence[str], keep: str | None, events: bool) -> _Line | None:
    if media.kind != "audio" or not media.port or media.protocol.upper() not in _AVP:
        return None
    common = [(number, name) for number, name in _payload_types(media) if name in codecs]
    if not common:
        return None
    number, codec = next((pair for pair in common if pair[1] == keep), common[0])
    event = _number(media, _EVENT_ENCODING) if events else None
    return _Line(codec, number, -1 if event is None else event)


def _agreed(
    remote: SessionDescription,
    media: MediaDescription,
    theirs: _Line,
    ours: _Line,
    sending: bool,
    receiving: bool,
) -> AudioMedia:
    host = remote.address(media)
    way = remote.direction(media)
    held = host in _UNSPECIFIED
    if held or not is_address(host):
        host = ""
    rtcp_host, rtcp_port = _rtcp(media, host)
    return AudioMedia(
        host,
        media.port,
        theirs.codec,
        theirs.payload_type,
        theirs.event_payload_type,
        sending and way in ("sendrecv", "recvonly") and not held,
        receiving and way in ("sendrecv", "sendonly"),
        _ptime(media),
        ours.payload_type,
        ours.event_payload_type,
        rtcp_host,
        rtcp_port,
    )


def _ptime(media: MediaDescription) -> int:
    """20 ms unless the peer cannot take that much; a wish for longer packets is not followed (RFC 8866
    section 6.4).
    """
    longest = media.attribute("maxptime")
    if longest is not None and _PTIME.fullmatch(longest) and 10 <= int(longest) < PTIME:
        return 10
    return PTIME


def _rtcp(media: MediaDescription, host: str) -> tuple[str, int]:
    """Where the peer receives RTCP: a=rtcp (RFC 3605), otherwise the port after RTP's."""
    value = media.attribute("rtcp")
    match = _RTCP.fullmatch(value) if value else None
    if match and 0 < int(match[1]) <= MAX_PORT:
        return match[2] or host, int(match[1])
    return host, media.port + 1 if media.port < MAX_PORT else 0
