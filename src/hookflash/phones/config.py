"""What is configured about trunks, routes and phones, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from hookflash.phones.registered.locations import Bounds
from hookflash.phones.rewriting import Rewrite
from hookflash.phones.trunks.config import TrunkCare
from hookflash.sip.codecs import DEFAULT
from hookflash.sip.session import SessionTerms
from hookflash.wire.identifiers import Identifier

SESSION = SessionTerms(1800, 90)
"""What is asked for and taken where nothing else is configured: the RFC's recommendations."""

CARE = TrunkCare()
"""A trunk that nothing is known or asked of, without limits."""

IDENTITIES = ("from", "asserted", "preferred")
"""Where the caller's number goes beside From: nowhere, P-Asserted- or P-Preferred-Identity (RFC 3325)."""

Target = tuple[str, int | None]
"""A host, and its port; None lets DNS say it."""


@dataclass(frozen=True, slots=True)
class TrunkConfig:
    """One SIP trunk: somebody who carries calls to and from us.

    ``targets`` are tried in order, or as ``care.shares`` say; ``transport`` is "UDP", "TCP", "TLS", or "" to
    let DNS choose. Calls from the addresses of ``targets`` and from the networks of ``allow`` (CIDR or single
    addresses) belong to the trunk. ``username`` and ``password`` answer its 401/407. ``caller`` is shown when
    a call has no number of its own; ``domain`` stands behind numbers in From ("" means our own address).
    Numbers that fit ``callers`` may be shown, all without any; ``otherwise`` is one of
    :data:`hookflash.phones.callers.OTHERWISE`. ``caller_rewrite`` is how callers are written for the trunk,
    ``dial_rewrite`` how dialled numbers are, ``inbound_rewrite`` and ``inbound_caller_rewrite`` make E.164 of
    the callees and callers of its calls. ``codecs`` are offered and accepted, best first; ``srtp`` is one of
    :data:`hookflash.sip.offer.POLICIES`. ``ring_timeout`` is in seconds. ``sips`` calls with ``sips:``
    addresses. ``session`` are the terms of its session timers (RFC 4028). ``challenge`` takes its calls only
    with the same user name and password, and then from anywhere. ``info_keys`` is the type of
    the INFO bodies that keys go out in (:mod:`hookflash.sip.keys`); "" is none, and keys go into the audio.
    ``identity`` is one of :data:`IDENTITIES`. Redirects to ``redirect_hosts`` (names, addresses,
    "*.example.org") are followed beside those to ``targets``. With ``takes_refer`` it may have its calls go
    on with somebody else (REFER), who is dialled; one that ``transfers`` is asked to, by REFER, when an app
    transfers. ``care`` says how the trunk is looked after.
    """

    name: str
    targets: tuple[Target, ...]
    transport: str = "UDP"
    username: str = ""
    password: str = field(default="", repr=False)
    allow: tuple[str, ...] = ()
    caller: str = ""
    domain: str = ""
    codecs: tuple[str, ...] = DEFAULT
    srtp: str = "off"
    ring_timeout: float = 180.0
    sips: bool = False
    session: SessionTerms = SESSION
    challenge: bool = False
    info_keys: str = ""
    identity: str = "from"
    redirect_hosts: tuple[str, ...] = ()
    takes_refer: bool = False
    transfers: bool = False
    callers: tuple[str, ...] = ()
    otherwise: str = "replace"
    caller_rewrite: tuple[Rewrite, ...] = ()
    dial_rewrite: tuple[Rewrite, ...] = ()
    inbound_rewrite: tuple[Rewrite, ...] = ()
    inbound_caller_rewrite: tuple[Rewrite, ...] = ()
    resource: str = ""
    """The GUID of the resource whose app has set it, in lower case; it may call that one's numbers only."""
    public_only: bool = False
    """Whether it is called at addresses of the public internet only."""
    care: TrunkCare = CARE


@dataclass(frozen=True, slots=True)
class SearchRules:
    """How far a call is tried: at ``hops`` targets and redirects at most, none begun after ``seconds``."""

    hops: int = 5
    seconds: float = 40.0


@dataclass(frozen=True, slots=True)
class PhoneConfig:
    """A SIP phone that may register here.

    It proves who it is by ``username`` and ``password``, and is a device of the communication user ``user``.
    ``codecs``, ``srtp`` and ``info_keys`` are as for a trunk. ``numbers`` are regular expressions of
    those numbers, owned by nobody here, that it may dial, showing ``caller``; none unless configured.
    """

    username: str
    password: str = field(repr=False)
    user: Identifier
    codecs: tuple[str, ...] = DEFAULT
    srtp: str = "off"
    info_keys: str = ""
    numbers: tuple[str, ...] = ()
    caller: str = ""


@dataclass(frozen=True, slots=True)
class RouteConfig:
    """Which trunk takes which numbers.

    ``pattern`` is a prefix ("+1425", also written "+1425*"; "*" is everything) or a regular expression that
    has to match the whole E.164 number. Routes are tried by rising ``priority``, equal ones in the order
    given. ``rewrite`` is what is dialled instead of the number, in the syntax of ``re.Match.expand``; group 1
    of a prefix pattern is what follows the prefix.
    """

    pattern: str
    trunk: str
    priority: int = 0
    rewrite: str = ""


@dataclass(frozen=True, slots=True)
class PhonesConfig:
    """All of it.

    ``accept_unknown`` lets anybody call (development), with ``codecs``, ``srtp`` and ``session``. Otherwise
    strangers get 403, or nothing at all with ``silent``, to OPTIONS and broken requests neither.
    ``media_address`` goes into SDP; "" means the address the peer reaches our SIP at. ``wildcards`` as for
    :func:`hookflash.sip.certificates.matching`. ``realm`` and ``algorithms`` (the best first) are in the
    challenges to trunks that are challenged and to ``phones``, whose registrations have ``bounds``.
    ``search`` bounds every call out. ``calls_per_source`` bounds the calls that a phone, or an address of no
    trunk, may have coming in at a time.
    """

    trunks: tuple[TrunkConfig, ...] = ()
    routes: tuple[RouteConfig, ...] = ()
    accept_unknown: bool = False
    silent: bool = False
    media_address: str = ""
    codecs: tuple[str, ...] = DEFAULT
    srtp: str = "off"
    wildcards: bool = False
    session: SessionTerms = SESSION
    realm: str = "hookflash"
    algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    search: SearchRules = SearchRules()
    phones: tuple[PhoneConfig, ...] = ()
    bounds: Bounds = field(default_factory=Bounds)
    calls_per_source: int = 100
