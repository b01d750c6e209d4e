"""Everything that our grammar has a meaning for, as strategies: header fields, bodies, whole messages.

A field says what its values are, how one is written, and by which reader of ours it is read again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from hookflash.phones.trunks.registration import granted, least_expires, retry_after
from hookflash.sip import keys
from hookflash.sip.codecs import NAMES
from hookflash.sip.crypto import SUITES, Crypto
from hookflash.sip.dialog_headers import RAck, Replaces, SessionExpires, parse_min_se, parse_rseq
from hookflash.sip.digest import Challenge, parse_pairs
from hookflash.sip.events import Replied
from hookflash.sip.fields import Headers
from hookflash.sip.grammar import quote
from hookflash.sip.headers import CSeq, MediaType, NameAddr, Reason, Via
from hookflash.sip.message import Message, Request, Response
from hookflash.sip.refer_headers import (
    SIPFRAG,
    ReferTo,
    SubscriptionState,
    event_of,
    fragment,
    read_fragment,
    refer_to,
    referrer,
    subscribes,
    written,
)
from hookflash.sip.sdp import Attribute, MediaDescription, Origin, SessionDescription
from hookflash.sip.uri import SipUri, TelUri

Reader = Callable[[Message], Any]

# --- the small parts --------------------------------------------------------------------------------------

PRINTABLE = st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"))
TOKENS = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=10)
LOWER = TOKENS.map(str.lower)
WORDS = st.text(PRINTABLE, max_size=30).map(lambda text: text.strip(" \t"))
QUOTED = st.text(PRINTABLE, max_size=12)
SECONDS = st.integers(0, 2**32 - 1)
HOSTS = st.from_regex(
    r"[a-z0-9]([a-z0-9-]{0,6}\.){0,3}[a-z0-9]{1,6}", fullmatch=True
) | st.ip_addresses().map(str)
PORTS = st.none() | st.integers(1, 65_535)
PARAMS = st.dictionaries(LOWER, st.none() | TOKENS | QUOTED.map(quote), max_size=3)
URI_TEXT = st.text(PRINTABLE, min_size=1, max_size=10)
SIP_URIS = st.builds(
    SipUri,
    st.sampled_from(["sip", "sips"]),
    st.none() | URI_TEXT,
    HOSTS,
    PORTS,
    st.dictionaries(LOWER.filter(lambda name: name != "method"), st.none() | URI_TEXT, max_size=3),
)
TEL_URIS = st.from_regex(r"\+[0-9]{1,15}", fullmatch=True).map(TelUri)
URIS: SearchStrategy[SipUri | TelUri] = SIP_URIS | TEL_URIS
NAMES_OF_PEOPLE = st.text(PRINTABLE, max_size=16).map(str.strip)
ADDRESSES = st.builds(NameAddr, NAMES_OF_PEOPLE, URIS, PARAMS)
MEDIA_TYPES = st.builds(MediaType, LOWER, LOWER, PARAMS)
VIAS = st.builds(
    Via,
    st.sampled_from(["UDP", "TCP", "TLS", "WS", "WSS"]),
    HOSTS,
    PORTS,
    st.builds(
        lambda params, branch, rport: {**params, "branch": f"z9hG4bK{branch}", "rport": rport},
        PARAMS,
        TOKENS,
        st.none() | st.integers(0, 65_535).map(str),
    ),
)
CHALLENGES = st.builds(
    Challenge,
    QUOTED,
    QUOTED,
    st.sampled_from(["MD5", "SHA-256", "SHA-512-256", "MD5-sess", "AKAv1-MD5"]),
    st.sampled_from([(), ("auth",), ("auth", "auth-int")]),
    st.none() | QUOTED,
    st.booleans(),
)
PAIRS = st.dictionaries(LOWER, QUOTED, min_size=1, max_size=6)
REPLACES = st.builds(
    Replaces, TOKENS, TOKENS, TOKENS.map(lambda tag: "" if tag == "0" else tag), st.booleans()
)
REFERS = st.builds(
    ReferTo,
    SIP_URIS,
    st.none() | REPLACES,
    st.lists(st.tuples(TOKENS.map("X-".__add__), st.text(PRINTABLE, max_size=8)), max_size=2).map(tuple),
) | TEL_URIS.map(ReferTo)


# --- fields -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Field:
    """One header: its values, and how they are written and read.

    With ``joined`` a value is a list, whose elements stand in one line or in several; with ``many`` in as
    many lines as there are.
    """

    values: SearchStrategy[Any]
    write: Callable[[Any], str]
    read: Reader
    joined: bool = False
    many: bool = False


def listed(values: SearchStrategy[Any], read: Reader, write: Callable[[Any], str] = str) -> Field:
    return Field(st.lists(values, min_size=1, max_size=3), write, read, joined=True)


def addresses(name: str) -> Field:
    return listed(ADDRESSES, lambda message: message.addresses(name))


def plain(name: str) -> Field:
    return Field(WORDS, str, lambda message: message.headers.get(name))


def tags(name: str) -> Field:
    return Field(
        st.frozensets(LOWER, min_size=1, max_size=4),
        ", ".join,
        lambda message: message.headers.tokens(name),
    )


def challenges(name: str) -> Field:
    return Field(
        st.lists(CHALLENGES, min_size=1, max_size=3),
        str,
        lambda message: [Challenge.parse(value) for value in message.headers.all(name)],
        many=True,
    )


def credentials(name: str) -> Field:
    return Field(
        st.lists(PAIRS, min_size=1, max_size=2),
        lambda pairs: "Digest " + ", ".join(f"{key}={quote(value)}" for key, value in pairs.items()),
        lambda message: [parse_pairs(value) for value in message.headers.all(name)],
        many=True,
    )


def text(name: str) -> Callable[[Message], str]:
    return lambda message: message.headers.get(name) or ""


def _contacts(message: Message) -> list[Any]:
    return ["*"] if message.contact_is_star else list(message.contacts)


def _called(message: Message) -> NameAddr:
    return NameAddr.parse(message.headers.all("P-Called-Party-ID")[0])


def _expires(message: Message) -> int:
    """As a registration takes it where its contact says nothing."""
    return granted(Headers([("Expires", text("Expires")(message))]), SipUri("sip", "us", "h"), 1)


def _least(message: Message) -> int | None:
    return least_expires(Replied(1, 423, "", "response", message.headers))


def _refer_to(message: Message) -> ReferTo:
    return ReferTo.of(Request("REFER", "sip:b@h", message.headers))


REGISTRABLE = st.integers(1, 86_400)

FIELDS: dict[str, Field] = {
    "Via": listed(VIAS, lambda message: [Via.parse(value) for value in message.headers.all("Via")]),
    "From": Field(ADDRESSES, str, lambda message: message.from_),
    "To": Field(ADDRESSES, str, lambda message: message.to),
    "Call-ID": Field(st.text("abc@019.-:<>()", min_size=1, max_size=20), str, text("Call-ID")),
    "Max-Forwards": Field(st.integers(0, 255), str, lambda message: message.max_forwards),
    "Contact": Field(
        st.just(["*"]) | st.lists(ADDRESSES, min_size=1, max_size=3), str, _contacts, joined=True
    ),
    "Record-Route": addresses("Record-Route"),
    "Route": addresses("Route"),
    "Path": addresses("Path"),
    "P-Asserted-Identity": addresses("P-Asserted-Identity"),
    "P-Preferred-Identity": addresses("P-Preferred-Identity"),
    "P-Called-Party-ID": Field(ADDRESSES, str, _called),
    "Diversion": addresses("Diversion"),
    "History-Info": addresses("History-Info"),
    "Allow": Field(
        st.frozensets(TOKENS, min_size=1, max_size=5),
        ", ".join,
        lambda message: frozenset(message.headers.all("Allow")),
    ),
    "Supported": tags("Supported"),
    "Require": tags("Require"),
    "Accept": listed(
        MEDIA_TYPES, lambda message: [MediaType.parse(value) for value in message.headers.all("Accept")]
    ),
    "Content-Encoding": Field(TOKENS, str, text("Content-Encoding")),
    "RAck": Field(
        st.builds(RAck, st.integers(1, 2**32 - 1), st.integers(0, 2**31 - 1), TOKENS),
        str,
        lambda message: RAck.parse(text("RAck")(message)),
    ),
    "RSeq": Field(st.integers(1, 2**32 - 1), str, lambda message: parse_rseq(text("RSeq")(message))),
    "Session-Expires": Field(
        st.builds(SessionExpires, SECONDS, st.sampled_from(["", "uac", "uas"])),
        str,
        lambda message: SessionExpires.parse(text("Session-Expires")(message)),
    ),
    "Min-SE": Field(SECONDS, str, lambda message: parse_min_se(text("Min-SE")(message))),
    "Replaces": Field(REPLACES, written, lambda message: Replaces.parse(text("Replaces")(message))),
    "Refer-To": Field(
        REFERS, lambda value: refer_to(str(value.uri), value.replaces, value.headers), _refer_to
    ),
    "Referred-By": Field(
        st.builds(NameAddr, NAMES_OF_PEOPLE, URIS).map(str), str, lambda message: referrer(message.headers)
    ),
    "Refer-Sub": Field(
        st.booleans(), lambda value: str(value).lower(), lambda message: subscribes(message.headers)
    ),
    "Event": Field(
        st.tuples(LOWER, st.none() | st.integers(0, 2**31 - 1)),
        lambda value: value[0] if value[1] is None else f"{value[0]};id={value[1]}",
        lambda message: event_of(message.headers),
    ),
    "Subscription-State": Field(
        st.builds(SubscriptionState, LOWER, PARAMS),
        lambda value: (
            value.state + "".join(f";{k}" if v is None else f";{k}={v}" for k, v in value.params.items())
        ),
        lambda message: SubscriptionState.of(message.headers),
    ),
    "Reason": listed(
        st.builds(Reason, TOKENS, st.none() | st.integers(0, 65_535), QUOTED),
        lambda message: [Reason.parse(value) for value in message.headers.all("Reason")],
    ),
    "WWW-Authenticate": challenges("WWW-Authenticate"),
    "Proxy-Authenticate": challenges("Proxy-Authenticate"),
    "Authorization": credentials("Authorization"),
    "Proxy-Authorization": credentials("Proxy-Authorization"),
    "Retry-After": Field(
        st.integers(0, 999_999_999),
        lambda value: f"{value} (later)",
        lambda message: retry_after(message.headers),
    ),
    "Expires": Field(REGISTRABLE, str, _expires),
    "Min-Expires": Field(REGISTRABLE, str, _least),
    "Privacy": plain("Privacy"),
    "User-To-User": plain("User-To-User"),
    "User-Agent": plain("User-Agent"),
    "Info-Package": plain("Info-Package"),
    "X-Anything": plain("X-Anything"),
}
"""Every header that something here reads, but for CSeq, Content-Type and Content-Length, which have to go
with the rest of a message."""

ALWAYS = ("Via", "From", "To", "Call-ID")
OPTIONAL = tuple(name for name in FIELDS if name not in ALWAYS)


# --- bodies -----------------------------------------------------------------------------------------------

DIRECTIONS = st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"])
PAYLOADS = st.integers(0, 127)
CRYPTO = st.sampled_from(sorted(SUITES)).flatmap(
    lambda suite: st.builds(
        Crypto,
        st.integers(0, 999_999_999),
        st.just(suite),
        st.binary(min_size=SUITES[suite], max_size=SUITES[suite]),
    )
)
OPUS = st.dictionaries(
    st.sampled_from(["maxaveragebitrate", "maxplaybackrate", "useinbandfec", "usedtx", "cbr", "stereo"]),
    st.integers(0, 600_000),
    max_size=6,
)


@dataclass(frozen=True)
class Audio:
    """What the attributes of an audio line say that we know."""

    rtpmaps: dict[int, tuple[str, int, int]]
    opus: dict[str, int]
    ptime: int
    maxptime: int
    direction: str
    crypto: tuple[Crypto, ...]
    rtcp: tuple[str, int] | None
    mux: bool

    @property
    def attributes(self) -> tuple[Attribute, ...]:
        written: list[Attribute] = [
            ("rtpmap", f"{number} {name}/{rate}" + (f"/{channels}" if channels > 1 else ""))
            for number, (name, rate, channels) in self.rtpmaps.items()
        ]
        written += [
            ("fmtp", f"{number} " + "; ".join(f"{name}={value}" for name, value in self.opus.items()))
            for number in self.rtpmaps
            if self.opus
        ]
        written += [("ptime", str(self.ptime)), ("maxptime", str(self.maxptime)), (self.direction, None)]
        written += [("crypto", str(one)) for one in self.crypto]
        if self.rtcp is not None:
            family = "IP6" if ":" in self.rtcp[0] else "IP4"
            written.append(("rtcp", f"{self.rtcp[1]} IN {family} {self.rtcp[0]}"))
        return (*written, ("rtcp-mux", None)) if self.mux else tuple(written)


AUDIO = st.builds(
    Audio,
    st.dictionaries(
        PAYLOADS,
        st.tuples(
            st.sampled_from([*(name.partition("/")[0] for name in NAMES), "telephone-event", "CN", "AMR-WB"]),
            st.sampled_from([8000, 16000, 48000, 90000]),
            st.integers(1, 8),
        ),
        min_size=1,
        max_size=5,
    ),
    OPUS,
    st.integers(1, 200),
    st.integers(1, 200),
    DIRECTIONS,
    st.lists(CRYPTO, max_size=3, unique_by=lambda one: one.tag).map(tuple),
    st.none() | st.tuples(st.ip_addresses().map(str), st.integers(1, 65_535)),
    st.booleans(),
)
SDP_TOKENS = st.text("abcXYZ019-.!+_", min_size=1, max_size=8)
SDP_WORDS = st.text(PRINTABLE, max_size=20).map(lambda value: value.strip(" "))
LINES: SearchStrategy[MediaDescription] = st.builds(
    lambda audio, port, protocol, connection: MediaDescription(
        "audio", port, protocol, tuple(map(str, audio.rtpmaps)), connection, audio.attributes
    ),
    AUDIO,
    st.integers(0, 65_535),
    st.sampled_from(["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"]),
    st.none() | st.ip_addresses().map(str),
) | st.builds(
    MediaDescription,
    st.sampled_from(["video", "image", "text", "application", "message"]),
    st.integers(0, 65_535),
    st.sampled_from(["RTP/AVP", "udptl", "TCP/MSRP", "UDP/DTLS/SCTP"]),
    st.lists(SDP_TOKENS, min_size=1, max_size=4).map(tuple),
    st.none() | HOSTS,
    st.lists(st.tuples(SDP_TOKENS, st.none() | SDP_WORDS), max_size=4).map(tuple),
)
DESCRIPTIONS = st.builds(
    SessionDescription,
    st.builds(
        Origin, SDP_TOKENS, st.integers(0, 2**63).map(str), st.integers(0, 2**63), st.ip_addresses().map(str)
    ),
    st.ip_addresses().map(str) | st.just("host.example"),
    st.lists(LINES, max_size=4).map(tuple),
    st.lists(
        st.tuples(SDP_TOKENS, st.none() | SDP_WORDS) | DIRECTIONS.map(lambda way: (way, None)), max_size=3
    ).map(tuple),
    SDP_WORDS.map(lambda value: value or "-"),
)


@dataclass(frozen=True)
class Body:
    """A body: its type, "" for none, its octets, and what is to be read of them by which reader."""

    kind: str
    data: bytes
    means: object = None
    read: Reader = lambda message: None


def _fragment(status: int, reason: str) -> Body:
    return Body(
        f"{SIPFRAG};version=2.0",
        fragment(status, reason),
        (status, reason),
        lambda message: read_fragment(message.body),
    )


BODIES: SearchStrategy[Body] = st.one_of(
    st.just(Body("", b"")),
    DESCRIPTIONS.map(
        lambda whole: Body(
            "application/sdp",
            whole.to_bytes(),
            whole,
            lambda message: SessionDescription.parse(message.body),
        )
    ),
    st.builds(
        lambda kind, key, duration: Body(kind, keys.write(key, duration, kind), key, keys.read),
        st.sampled_from([keys.RELAY, keys.PLAIN]),
        st.sampled_from("0123456789*#ABCD"),
        st.integers(40, 5000),
    ),
    st.builds(
        _fragment, st.integers(100, 699), st.from_regex(r"[A-Za-z][A-Za-z ]{0,20}[A-Za-z]", fullmatch=True)
    ),
    st.binary(max_size=200).map(lambda data: Body("application/octet-stream", data)),
)


# --- messages ---------------------------------------------------------------------------------------------

METHODS = (
    "INVITE",
    "ACK",
    "BYE",
    "CANCEL",
    "OPTIONS",
    "PRACK",
    "UPDATE",
    "INFO",
    "REFER",
    "NOTIFY",
    "REGISTER",
    "SUBSCRIBE",
    "MESSAGE",
    "PUBLISH",
)


@dataclass(frozen=True)
class Meant:
    """A message and what it means, header by header."""

    message: Request | Response
    fields: dict[str, Any]
    cseq: CSeq
    body: Body


@st.composite
def messages(draw: st.DrawFn) -> Meant:
    """Requests of every method and responses of every class, with any fields and any body."""
    chosen = draw(st.lists(st.sampled_from(OPTIONAL), unique=True, max_size=8))
    meant: dict[str, Any] = {}
    headers = Headers()
    for name in [*ALWAYS, *chosen]:
        field = FIELDS[name]
        meant[name] = value = draw(field.values)
        parts = [field.write(one) for one in value] if field.joined or field.many else [field.write(value)]
        if field.joined and draw(st.booleans()):
            parts = [draw(st.sampled_from([", ", ",", " ,\t"])).join(parts)]
        for part in parts:
            headers.add(name, part)
    method = draw(st.sampled_from(METHODS) | TOKENS)
    cseq = CSeq(draw(st.integers(0, 2**31 - 1)), method)
    headers.add("CSeq", str(cseq))
    body = draw(BODIES)
    if body.kind:
        headers.add("Content-Type", body.kind)
    if draw(st.booleans()):
        return Meant(Request(method, str(draw(URIS)), headers, body.data), meant, cseq, body)
    response = Response(draw(st.integers(100, 699)), "", headers, body.data)
    response.reason = draw(WORDS)
    return Meant(response, meant, cseq, body)
