"""Agreeing on audio (RFC 3264): offers, answers, and what both sides then do.

One audio stream. Whatever else is offered is refused with port 0, line by line, as the answer has to have as
many media lines as the offer.

Whether it is encrypted (SRTP, keys by RFC 4568) is a policy. "off": RTP/SAVP is refused, keys in RTP/AVP are
not looked at. "required": we offer RTP/SAVP and take nothing without keys. "optional": we take both, and
offer RTP/AVP with keys. That is what phones and PBXs call best effort or optimistic: a peer that does not
know a=crypto passes over it, as RFC 8866 demands, and the call is a plain one; a peer that does know answers
with its key. RTP/SAVP with a second try in RTP/AVP would keep the letter of RFC 4568, but costs every call to
a plain peer a round trip, and those who answer 200 with port 0, or 606, instead of 488 would be lost; two
media lines are read as two streams by carriers. A peer that insists on RTP/SAVP needs "required".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hookflash.ports.plane_commands import OpusTerms, SrtpKeys
from hookflash.sip import audio_lines, crypto
from hookflash.sip import codecs as known
from hookflash.sip.audio_lines import AVP, SAVP, Line
from hookflash.sip.codecs import DEFAULT, NOISE, NOISE_PAYLOAD_TYPE, PTIME, Codec
from hookflash.sip.crypto import Crypto
from hookflash.sip.opus_terms import opus_terms
from hookflash.sip.sdp import (
    MediaDescription,
    Origin,
    RtpMap,
    SessionDescription,
    is_address,
    is_for_many,
)

POLICIES = ("off", "optional", "required")
"""Whether audio is encrypted."""

_UNSPECIFIED = ("0.0.0.0", "::")

KeyOf = Callable[[str], bytes]
"""Our master key and salt for a suite."""


@dataclass(frozen=True, slots=True)
class AudioMedia:
    """The audio both sides agreed on, as seen from us.

    ``host``/``port`` is where the peer receives RTP; ``host`` is "" when it gave no IP address (old-style
    hold, or a name: learn it from the first packet).
    ``codec`` is one of :data:`hookflash.sip.codecs.NAMES` and ``clock`` its RTP clock in Hz.
    ``payload_type`` and ``event_payload_type`` are the numbers to put into packets sent to the peer (-1: no
    telephone-event); ``receive_payload_type`` and ``receive_event_payload_type`` are those to expect, which
    differ only when the peer answered with numbers of its own. ``noise_payload_type`` is that of comfort
    noise from the peer, -1 when there can be none. ``ptime`` is in milliseconds. ``held`` says
    that the peer asked us to stay silent (hold): it does not receive. With ``rtcp_mux`` RTCP shares the port
    of RTP (RFC 5761). ``srtp`` is None for plain RTP. ``opus`` is what the peer wishes of our Opus.
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
    clock: int = 8_000
    noise_payload_type: int = -1
    rtcp_mux: bool = False
    srtp: SrtpKeys | None = None
    opus: OpusTerms | None = None

    @property
    def held(self) -> bool:
        """Whether the peer does not want to hear us."""
        return not self.sending


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to send and what it settles."""

    description: SessionDescription
    media: AudioMedia


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
    codecs: Sequence[str] = DEFAULT,
    sending: bool = True,
    receiving: bool = True,
    events: bool = True,
    media: AudioMedia | None = None,
    numbers: Mapping[RtpMap, int] | None = None,
    slots: Sequence[MediaDescription] = (),
    srtp: str = "off",
    key: KeyOf | None = None,
) -> SessionDescription:
    """An offer of audio received at ``host``:``port``. Raises :class:`ValueError` for unknown codecs.

    For a re-offer, ``media`` is what was agreed: its codec and suite go first, and encryption stays as it
    is. ``numbers`` are payload types that were given before and stay.
    ``slots`` are the media lines of our last description: their number and places have to stay
    (RFC 3264 section 8), so what was refused there is refused again.
    ``key`` is needed unless ``srtp`` is "off".
    """
    offered: list[Codec] = []
    for name in codecs:
        if name not in known.BY_NAME:
            raise ValueError(f'cannot offer the codec "{name}"; the codecs are {", ".join(known.NAMES)}')
        offered.append(known.BY_NAME[name])
    if not offered:
        raise ValueError(f"cannot offer audio without a codec; the codecs are {', '.join(known.NAMES)}")
    if media is not None:
        offered.sort(key=lambda codec: codec.name != media.codec)
    forms = [codec.format for codec in offered]
    if any(codec.noise for codec in offered):
        forms.append(NOISE)
    if events:
        forms += dict.fromkeys(known.event_format(codec.clock) for codec in offered)
    secured = srtp != "off" if media is None else media.srtp is not None
    keys: list[Crypto] = []
    if secured and key is not None:
        keys = [
            Crypto(tag, suite, key(suite)) for tag, suite in enumerate(crypto.preferred(_suite(media)), 1)
        ]
    line = audio_lines.write(
        port,
        "",
        known.numbered(forms, numbers or {}),
        direction(sending, receiving),
        PTIME if media is None else media.ptime,
        keys,
        mux=media is not None and media.rtcp_mux,
    )
    first = MediaDescription("audio", port, "RTP/SAVP" if srtp == "required" else "RTP/AVP", ())
    lines: list[MediaDescription] = []
    placed = False
    for slot in slots or (first,):
        if placed or slot.kind != "audio" or not slot.port:
            lines.append(MediaDescription(slot.kind, 0, slot.protocol, slot.formats))
        else:
            lines.append(MediaDescription("audio", port, slot.protocol, line.formats, None, line.attributes))
            placed = True
    return SessionDescription(Origin("-", session_id, version, host), host, tuple(lines))


def answer(
    remote: SessionDescription,
    host: str,
    port: int,
    *,
    session_id: str,
    version: int = 1,
    codecs: Sequence[str] = DEFAULT,
    sending: bool = True,
    receiving: bool = True,
    events: bool = True,
    keep: AudioMedia | None = None,
    srtp: str = "off",
    key: KeyOf | None = None,
) -> Answer | None:
    """The answer to an offer; None when it has no audio we speak (488 then; :func:`objection` says why).

    The first usable audio line is taken, of encrypted and plain ones the first encrypted; every other line
    is refused. Among the common codecs the offerer's order decides, except that those of ``keep`` (what is
    in use) go first. ``sending`` and ``receiving`` say what we are willing to do; the answer never does more
    than the offer allows (RFC 3264 section 6.1). ``key`` is needed unless ``srtp`` is "off".
    """
    name = keep.codec if keep is not None else None
    usable = [
        None
        if is_for_many(remote.address(media))
        else audio_lines.read(media, codecs, events=events, srtp=srtp, codec=name, suite=_suite(keep))
        for media in remote.media
    ]
    able = [index for index, one in enumerate(usable) if one is not None]
    if not able:
        return None
    place = min(able, key=lambda index: (line := usable[index]) is None or line.crypto is None)
    chosen, media = usable[place], remote.media[place]
    assert chosen is not None
    keys, own = None, []
    if chosen.crypto is not None and key is not None:
        suite = chosen.crypto.suite
        own = [Crypto(chosen.crypto.tag, suite, key(suite))]
        keys = SrtpKeys(suite, own[0].key, chosen.crypto.key)
    mux = media.attribute("rtcp-mux") is not None
    agreed = _agreed(remote, media, chosen, chosen, sending, receiving, mux, keys)
    pairs = [(chosen.payload_type, chosen.codec.format)]
    if chosen.noise_payload_type >= 0:
        pairs.append((chosen.noise_payload_type, NOISE))
    if chosen.event_payload_type >= 0:
        pairs.append((chosen.event_payload_type, known.event_format(chosen.codec.clock)))
    line = audio_lines.write(
        port, media.protocol, pairs, direction(agreed.sending, agreed.receiving), agreed.ptime, own, mux=mux
    )
    lines = [
        line if index == place else MediaDescription(one.kind, 0, one.protocol, one.formats)
        for index, one in enumerate(remote.media)
    ]
    return Answer(SessionDescription(Origin("-", session_id, version, host), host, tuple(lines)), agreed)


def accept(local: SessionDescription, remote: SessionDescription, srtp: str = "off") -> AudioMedia | None:
    """What the peer's answer to our offer settles; None when it refuses, or takes what was not offered."""
    if len(remote.media) != len(local.media):
        return None
    for ours, theirs in zip(local.media, remote.media, strict=True):
        if ours.kind == "audio" and ours.port:
            return _accepted(local, ours, remote, theirs, srtp)
    return None


def _accepted(
    local: SessionDescription,
    ours: MediaDescription,
    remote: SessionDescription,
    theirs: MediaDescription,
    srtp: str,
) -> AudioMedia | None:
    protocol = theirs.protocol.upper()
    if theirs.kind != "audio" or not theirs.port or protocol not in AVP + SAVP:
        return None
    if is_for_many(remote.address(theirs)):
        return None
    secured = protocol in SAVP or (crypto.are_given(ours) and crypto.are_given(theirs))
    keys = _keys(ours, theirs) if secured else None
    if keys is None and (secured or srtp == "required" or ours.protocol.upper() in SAVP):
        return None
    offered, answered = known.formats(ours), known.formats(theirs)
    common = [(number, form) for number, form in answered if known.number_of(offered, form) >= 0]
    number, codec = next(
        ((number, known.BY_FORMAT[form]) for number, form in common if form in known.BY_FORMAT), (-1, None)
    )
    if codec is None:
        return None
    event = known.event_format(codec.clock)
    heard, said = known.number_of(offered, event), known.number_of(answered, event)
    if heard < 0 or said < 0:
        heard = said = -1
    noise = known.number_of(offered, NOISE) if codec.noise else -1
    own = Line(codec, known.number_of(offered, codec.format), heard, noise)
    way = local.direction(ours)
    sending, receiving = way in ("sendrecv", "sendonly"), way in ("sendrecv", "recvonly")
    mux = all(one.attribute("rtcp-mux") is not None for one in (ours, theirs))
    return _agreed(remote, theirs, Line(codec, number, said, -1), own, sending, receiving, mux, keys)


def objection(remote: SessionDescription, codecs: Sequence[str], srtp: str = "off") -> tuple[int, str] | None:
    """Why :func:`answer` would give None for an offer, as code and text of a Warning header (RFC 3261
    section 20.43); None when it would not."""
    audio = [media for media in remote.media if media.kind == "audio" and media.port]
    if not audio:
        return 304, "Media type not available"
    audio = [media for media in audio if not is_for_many(remote.address(media))]
    if not audio:
        return 330, "Multicast not available"
    ways = [media for media in audio if audio_lines.carried(media, srtp) is not None]
    if not ways:
        return 302, "Incompatible transport protocol"
    if all(audio_lines.read(media, codecs, events=True, srtp=srtp) is None for media in ways):
        return 305, "Incompatible media format"
    return None


def _suite(media: AudioMedia | None) -> str | None:
    """The suite in use."""
    return media.srtp.suite if media is not None and media.srtp is not None else None


def _keys(ours: MediaDescription, theirs: MediaDescription) -> SrtpKeys | None:
    """What an answer's key settles: it has the tag and suite of one of ours (RFC 4568 section 5.1.3)."""
    offered = crypto.lines(ours)
    for one in crypto.lines(theirs):
        for own in offered:
            if (own.tag, own.suite) == (one.tag, one.suite):
                return SrtpKeys(own.suite, own.key, one.key)
    return None


def _agreed(
    remote: SessionDescription,
    media: MediaDescription,
    theirs: Line,
    ours: Line,
    sending: bool,
    receiving: bool,
    mux: bool,
    keys: SrtpKeys | None,
) -> AudioMedia:
    host = remote.address(media)
    way = remote.direction(media)
    held = host in _UNSPECIFIED
    if held or not is_address(host):
        host = ""
    rtcp_host, rtcp_port = (host, media.port) if mux else audio_lines.rtcp(media, host)
    # Many who never agree on comfort noise send it all the same, under the number it has anyhow.
    noise = ours.noise_payload_type
    if noise < 0 and ours.codec.noise:
        noise = NOISE_PAYLOAD_TYPE
    return AudioMedia(
        host,
        media.port,
        theirs.codec.name,
        theirs.payload_type,
        theirs.event_payload_type,
        sending and way in ("sendrecv", "recvonly") and not held,
        receiving and way in ("sendrecv", "sendonly"),
        audio_lines.ptime(media, theirs.codec),
        ours.payload_type,
        ours.event_payload_type,
        rtcp_host,
        rtcp_port,
        theirs.codec.clock,
        noise,
        mux,
        keys,
        opus_terms(media, theirs.payload_type) if theirs.codec.name == "opus" else None,
    )
