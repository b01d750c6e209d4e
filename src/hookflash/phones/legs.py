"""A SIP leg: one phone at the far end of a SIP session, as the phone room keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from hookflash.calls.effects import DialLeg
from hookflash.calls.facts import Cause
from hookflash.phones.config import PhoneConfig, Target, TrunkConfig
from hookflash.ports.plane import ConnectLeg, OpusTerms
from hookflash.sip.codecs import BY_NAME, DEFAULT
from hookflash.sip.flow import Flow
from hookflash.sip.negotiation import Negotiation
from hookflash.sip.offer import AudioMedia
from hookflash.sip.uri import SipUri, format_host_port

if TYPE_CHECKING:
    from hookflash.phones.searching import Search


class LegState(Enum):
    """OFFERED: calls us, nothing decided. ANSWERING: we said yes. DIALLING: we call it. UP; GONE."""

    OFFERED = "offered"
    ANSWERING = "answering"
    DIALLING = "dialling"
    UP = "up"
    GONE = "gone"


class Moving(Enum):
    """How far a move into another call is. MEDIA: the plane moves it. PHONE: the phone has to be told."""

    NO = "no"
    MEDIA = "media"
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place to send an outgoing call to: a target, and once it is located, the path to a server of it.

    After a redirect ``uri`` is what is called instead of ``number`` at ``target``, and ``asked`` whom the
    call was for at first.
    """

    trunk: TrunkConfig
    number: str
    target: Target
    flow: Flow | None = None
    uri: SipUri | None = None
    asked: SipUri | None = None

    def __str__(self) -> str:
        host, port = self.target
        return format_host_port(host, port)


@dataclass(frozen=True, slots=True)
class Fork:
    """A device that rings for a leg, in a session of its own."""

    session: int
    phone: PhoneConfig
    flow: Flow
    negotiation: Negotiation
    call_id: str


@dataclass(slots=True, eq=False)
class Forks:
    """The devices that ring for a leg, by session, and why others do not (any more)."""

    open: dict[int, Fork] = field(default_factory=dict)
    refusals: list[Cause] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Leg:
    """The state of one leg. ``session`` is the user agent's number, 0 while there is none."""

    leg: int
    state: LegState
    session: int = 0
    call: int = 0
    peer: str = ""
    talking_to: str = ""
    """The ``peer`` it is up with, "" while it is not."""
    call_id: str = ""
    trunk: str = ""
    """The name of the trunk it belongs to; "" for a stranger."""
    phone: str = ""
    """The user name of the registered phone it is; "" for any other."""
    source: str = ""
    """Whom a call that came in counts for (:mod:`hookflash.phones.call_caps`); "" for nobody."""
    flow: Flow | None = None
    offer: bytes = field(default=b"", repr=False)
    """The peer's SDP offer; empty when it wants ours."""
    codecs: tuple[str, ...] = DEFAULT
    srtp: str = "off"
    opened: bool = False
    """Whether the plane holds a row for it."""
    accepted: bool = False
    """Whether our 200 is out."""
    port: int = 0
    negotiation: Negotiation | None = None
    moving: Moving = Moving.NO
    told_port: int = 0
    """The port of ours the phone knows."""
    offered_port: int = 0
    """The port in our pending re-INVITE."""
    answered_port: int = 0
    """The port in our latest 200."""
    effect: DialLeg | None = None
    candidates: list[Candidate] = field(default_factory=list)
    candidate: Candidate | None = None
    search: Search | None = None
    """How the search for a target of it stands."""
    forks: Forks | None = None
    """The devices that ring for it, until one of them has it."""
    rang: bool = False
    """Whether it was said to ring."""
    alerted: bool = False
    """Whether the callee is alerted, which more than early media tells."""
    referring: bool = False
    """Whether its trunk is asked to connect the phone elsewhere (REFER)."""
    refer_taken: bool = False
    """Whether it has taken that."""
    refer_told: bool = False
    """Whether it has told how far it is."""
    refers: bool = False
    """Whether its trunk is to be asked when it is transferred."""
    info_keys: str = ""
    """The type of the INFO bodies that keys for it go out in; "" when they go into the audio."""
    presses_by_info: bool = False
    """Whether its keys come by INFO."""
    last_key: tuple[str, float] = ("", 0.0)
    """The last key its audio brought, and when."""
    connected: ConnectLeg | None = None
    """What the plane was told last."""

    @property
    def fields(self) -> dict[str, object]:
        """For log lines."""
        return {"leg": self.leg, "call_id": self.call_id, "peer": self.peer}


def connection(leg: int, media: AudioMedia) -> ConnectLeg:
    """What was negotiated, in the plane's words."""
    # The usual port for RTCP is not named: behind NAT the plane finds the real one from RTP's.
    usual = media.rtcp_mux or (media.rtcp_host, media.rtcp_port) == (media.host, media.port + 1)
    unknown = usual or not media.rtcp_host
    return ConnectLeg(
        leg,
        media.host,
        media.port if media.host else 0,
        media.payload_type,
        BY_NAME[media.codec].encoding,
        media.event_payload_type,
        media.sending,
        media.receiving,
        clock=media.clock,
        ptime=media.ptime,
        receive_payload_type=media.receive_payload_type,
        receive_event_payload_type=media.receive_event_payload_type,
        noise_payload_type=media.noise_payload_type,
        rtcp_host="" if unknown else media.rtcp_host,
        rtcp_port=0 if unknown else media.rtcp_port,
        rtcp_mux=media.rtcp_mux,
        srtp=media.srtp,
        opus=media.opus or OpusTerms(),
    )
