"""The settings of SIP: how we listen, trunks, routes, phones."""

# ruff: noqa: RUF009 - setting() is dataclasses.field() with our metadata, evaluated once on purpose

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from hookflash.config import kinds
from hookflash.config.kinds import Address, Kind
from hookflash.config.setting import required, setting
from hookflash.sip.codecs import DEFAULT as DEFAULT_CODECS
from hookflash.sip.codecs import NAMES as CODECS
from hookflash.sip.offer import POLICIES
from hookflash.wire.identifiers import Identifier, IdentifierKind


def _name_server() -> Kind:
    """An address, or ``[address]:port``; kept as canonical text."""

    def check(value: object) -> str:
        text = str(value) if isinstance(value, str) else ""
        if text.startswith("["):
            host, _, port = text[1:].rpartition("]:")
            if not 0 < int(port) < 65536:
                raise ValueError
            return f"[{ip_address(host)}]:{int(port)}"
        return str(ip_address(text))

    return Kind('an IP address, or "[address]:port"', check)


def _communication_user() -> Kind:
    """A rawId of a communication user, as it is compared."""

    def check(value: object) -> str:
        text = str(value) if isinstance(value, str) else ""
        identifier = Identifier.parse(text)
        if (
            identifier.kind is not IdentifierKind.COMMUNICATION_USER
            or not text.isprintable()
            or " " in text
            or len(text) > 256
        ):
            raise ValueError
        return identifier.raw_id

    return Kind("a communication user such as 8:acs:<resource>_<user>", check)


@dataclass(frozen=True, slots=True, kw_only=True)
class SipSettings:
    """The SIP side."""

    bind: Address = setting(kinds.address(), Address("0.0.0.0", 5060))
    """Where SIP listens, UDP and TCP."""
    bind_v6: Address | None = setting(kinds.address(), None)
    """Where SIP listens besides, UDP and TCP, for example `[::]:5060` for IPv6; nowhere when not given."""
    ws_bind: Address | None = setting(kinds.address(), None)
    """Where SIP over WebSockets (RFC 7118) listens; nowhere when not given. Media are RTP as everywhere, so
    this is for soft phones and gateways, not for browsers, which speak DTLS and ICE only. The address of a
    trunk counts for nothing here: a page that is open there could call at its expense."""
    wss_bind: Address | None = setting(kinds.address(), None)
    """Where SIP over secure WebSockets listens, with `tls_cert`; nowhere when not given."""
    ws_origins: tuple[str, ...] = setting(kinds.listing(kinds.url("https", "http")), ())
    """Origins whose web pages may open a WebSocket, such as `https://phone.example.org`; any when empty."""
    tls_bind: Address | None = setting(kinds.address(), None)
    """Where SIP over TLS listens, usually port 5061; nowhere when not given."""
    tls_cert: str | None = setting(kinds.path(relative=True), None)
    """PEM file with the certificate chain for SIP over TLS. It is shown to trunks that ask for one, too. Read
    anew on SIGHUP, like the other files of TLS; connections that are up keep what they have."""
    tls_key: str | None = setting(kinds.path(relative=True), None)
    """PEM file with the private key of `tls_cert`, without a passphrase."""
    tls_authorities: str | None = setting(kinds.path(relative=True), None)
    """PEM file with the certificates of those who may sign the certificates of trunks and of callers; the
    default are the authorities of the system."""
    tls_clients: str = setting(kinds.choice("off", "optional", "required"), "off")
    """Certificates of those who connect to us: not asked for (`off`), valid if shown (`optional`), or nobody
    gets in without (`required`). A trunk is known by a name in its certificate that is the host of one of
    its targets, wherever it calls from."""
    tls_verify: bool = setting(kinds.boolean(), True)
    """Whether the certificates of trunks are checked: signed by an authority, not expired, and for the host
    of the target (RFC 5922). Without it anybody on the way may pretend to be the trunk."""
    tls_wildcards: bool = setting(kinds.boolean(), False)
    """Let `*.example.org` in the certificate of a trunk stand for `sip.example.org`. RFC 5922 forbids it,
    but some carriers have such certificates."""
    external_address: str | None = setting(kinds.host(), None)
    """The address that peers outside reach us under, put into Contact and SDP; the default is the address of
    the interface that leads to the peer. An IPv4 address is not told to peers at IPv6, and the reverse."""
    udp_bytes: int = setting(kinds.integer(500, 65535, "bytes"), 1300)
    """Requests that are longer go over TCP instead of UDP (RFC 3261), as they might not fit into a packet of
    the network. A trunk that takes no TCP gets them over UDP after all, and for ten minutes at once; 65535
    never tries TCP."""
    unknown_callers: bool = setting(
        kinds.boolean(), True, loose="calls are taken from addresses that no trunk names"
    )
    """Take calls from addresses that no `[[trunk]]` names."""
    reliable: bool = setting(kinds.boolean(), True)
    """Send 180 and 183 reliably (RFC 3262) to whoever supports it. Otherwise only who requires it gets them
    so: for peers that say `100rel` and then send no PRACK, whose calls would end with 504."""
    session_expires: int = setting(kinds.integer(0, 86_400, "s"), 1800)
    """Session timers (RFC 4028): for how many seconds a call lives without a sign of its phone. Halfway it is
    refreshed, by whoever was agreed on; a call whose phone has vanished is ended. 0 asks for none."""
    min_session_expires: int = setting(kinds.integer(90, 86_400, "s"), 90)
    """The shortest such time to take from a phone, in seconds; it is told so (422, Min-SE)."""
    answer_strangers: bool = setting(
        kinds.boolean(),
        True,
        loose="whoever scans for SIP servers gets answers and finds this one",
    )
    """Answer requests from addresses that no `[[trunk]]` names and whose calls are not taken: 403, 481, and
    200 to OPTIONS. Otherwise they hear nothing at all."""
    stranger_rate: float = setting(kinds.number(1, 10_000, "messages a second"), 20.0)
    """Messages a second that are looked at from one address that no `[[trunk]]` names and no phone is
    registered from, three times as many at once; the others are dropped. Without effect where calls of
    unknown callers are taken."""
    ban_points: float = setting(kinds.number(1, 1000), 20.0)
    """When strangers are banned: a request of theirs is 1 point, a message that is no SIP 2, a failed TLS
    handshake 1.5, a wrong password 4, the name of a scanner 20; a point is forgiven every ten seconds. Trunks
    are never banned. `hookflash bans` shows who is, and lifts bans."""
    ban_seconds: float = setting(kinds.number(0, 86400, "seconds"), 600.0)
    """Seconds of a ban; each further one within a day of the last is twice as long, a day at most. 0 bans
    nobody. What comes from a banned address is dropped unread."""
    realm: str = setting(kinds.pattern("a realm without quotes", r'[^"\\\x00-\x1f\x7f]{1,100}'), "hookflash")
    """Realm in the challenges to phones, and to trunks with `challenge`."""
    min_registration: int = setting(kinds.integer(10, 86_400, "s"), 60)
    """The shortest time a phone may register for, in seconds; it is told so (423, Min-Expires). An hour is
    never too short (RFC 3261)."""
    max_registration: int = setting(kinds.integer(60, 86_400, "s"), 3600)
    """The longest; who asks for more gets this. Over TCP, TLS and WebSockets it is a minute less than
    `idle_timeout` at most, so that the connection is there when the phone is called."""
    digest_algorithms: tuple[str, ...] = setting(
        kinds.listing(kinds.choice("SHA-512-256", "SHA-256", "MD5"), least=1), ("SHA-256", "MD5")
    )
    """Hashes that these challenges offer, the preferred one first (RFC 8760). MD5 is there for trunks and
    phones that know nothing else."""
    app_routing: bool = setting(kinds.boolean(), True)
    """Let apps set trunks and routes of their resource with the SIP-routing SDKs. They are called over
    `app_transport`, and where `server.private_targets` is off at public addresses only."""
    app_transport: str = setting(kinds.choice("udp", "tcp", "tls", "auto"), "auto")
    """SIP transport towards the trunks that apps set; `tls` comes with optional SRTP. As `transport` of a
    trunk otherwise."""
    max_hops: int = setting(kinds.integer(1, 20, "calls"), 5)
    """How often one call out is tried at most, at one server after the other: the next one when a server is
    out of reach, silent, or answers 408 or 5xx, and each redirect that is followed."""
    failover_seconds: float = setting(kinds.number(1, 600, "seconds"), 40.0)
    """Seconds after the beginning of a call out in which another server may be tried for it. A silent server
    takes 32 of them."""
    name_servers: tuple[str, ...] = setting(kinds.listing(_name_server()), ())
    """Name servers to ask for the targets of trunks, at port 53 or as `[address]:port`; those of the system
    when empty. `/etc/hosts` comes before them."""
    connections: int = setting(kinds.integer(1, 100_000, "connections"), 1000)
    """Connections (TCP and TLS) that others may have open to us at a time. Trunks get in beyond that."""
    connections_per_source: int = setting(kinds.integer(1, 100_000, "connections"), 250)
    """Those of one address among them, or of one /64 of IPv6."""
    calls_per_source: int = setting(kinds.integer(1, 100_000, "calls"), 100)
    """Calls that one phone, or one address that no `[[trunk]]` names, may have coming in at a time; one more
    gets 503 with Retry-After. Without effect on this machine itself. Trunks have `limits`."""
    dialogs: int = setting(kinds.integer(1, 1_000_000, "calls"), 5000)
    """Calls of SIP at a time, whoever has begun them: who calls beyond that gets 503 with Retry-After."""
    transactions: int = setting(kinds.integer(100, 10_000_000, "requests"), 20_000)
    """Requests that are remembered at a time, most of them for half a minute after their answer (RFC 3261
    timers H and J); of more, all but BYE and CANCEL get 503 with Retry-After."""
    transactions_per_source: int = setting(kinds.integer(10, 10_000_000, "requests"), 4000)
    """Those of one address among them, or of one /64 of IPv6. Trunks and this machine are not counted."""
    message_timeout: float = setting(kinds.number(1, 300, "seconds"), 30.0)
    """Seconds in which a message that has begun on a connection must be complete, and in which a new
    connection must bring its first. A TLS handshake may take a third of it."""
    idle_timeout: float = setting(kinds.number(10, 86400, "seconds"), 900.0)
    """Seconds after which a connection is closed that nothing came over, not even a keep-alive."""
    keep_alive: float = setting(kinds.number(0, 3600, "seconds"), 95.0)
    """Seconds of silence at most after which a keep-alive goes over a connection that we opened (RFC 5626,
    two empty lines); 0 sends none. Once a trunk has answered one, a connection on which it fails to is
    closed after ten seconds. WebSockets are pinged as often, and closed in the same way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkLimits:
    """Bounds on one trunk."""

    calls: int = setting(kinds.integer(1, 100_000, "calls"), 1000)
    """Calls at the same time, both directions together."""
    calls_per_second: float = setting(kinds.number(0.1, 10_000, "calls a second"), 50.0)
    """New calls a second, both directions together; a second's worth may come at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkSettings:
    """A SIP peer: a carrier or an SBC."""

    name: str = required(kinds.text("a name"))
    """Name of the trunk; routes refer to it."""
    targets: tuple[str, ...] = required(
        kinds.listing(
            kinds.pattern(
                '"host" or "host:port", with ";priority=10;weight=60" behind it if need be',
                r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(;priority=\d{1,4})?(;weight=\d{1,4})?",
            ),
            least=1,
        )
    )
    """Where calls are sent: `host` or `host:port`, tried in order. With `;priority=` and `;weight=` behind
    any of them, such as `sbc1.example.org:5060;priority=10;weight=60`, lower priorities (0 where not given)
    are tried first, and equal ones share the calls in proportion to their weights (1 where not given; 0 is
    tried last). A name without a port is looked up by RFC 3263: SRV records say which servers it has and in
    which order they are tried; without any it is the host itself at port 5060, 5061 for TLS."""
    transport: str = setting(kinds.choice("udp", "tcp", "tls", "auto"), "udp")
    """SIP transport towards the trunk; with `auto` the NAPTR and SRV records of the target choose. With `tls`
    it has to show a certificate for the host of the target, see `sip.tls_verify`."""
    redirect_hosts: tuple[str, ...] = setting(
        kinds.listing(
            kinds.pattern(
                'a host such as "gw1.carrier.example", or "*.carrier.example" for all',
                r"(\*\.)?[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]+\]?",
            )
        ),
        (),
    )
    """Hosts to which the trunk may redirect a call (301, 302), beside those of `targets` and the addresses of
    `allow`. A redirect to anywhere else is the end of the call."""
    sips: bool = setting(kinds.boolean(), False)
    """Call with `sips:` addresses, which ask for TLS on every hop as far as the callee's domain; only with
    `transport = "tls"`."""
    username: str | None = setting(kinds.text(), None)
    """User name for digest authentication."""
    password: str | None = setting(kinds.text("a password", secret=True), None)
    """Password for digest authentication."""
    challenge: bool = setting(kinds.boolean(), False)
    """Take calls of this trunk only with `username` and `password`: who calls is challenged (digest
    authentication, 401). They are then taken from any address."""
    register: bool = setting(kinds.boolean(), False)
    """Register at `targets` with `username` and `password`, so that the trunk knows where to send calls. The
    registration is refreshed before it ends, tried again after failures (after half a minute at first, after
    half an hour at most), and taken back at the end."""
    register_account: str | None = setting(kinds.text("the user part of an address"), None)
    """Whom to register: the user part of the address that the trunk knows us by, `username` when not given.
    Its domain is `domain`, or else the host of the first target."""
    register_expires: int = setting(kinds.integer(60, 86_400, "s"), 600)
    """Seconds to register for; the trunk may grant less, or ask for more (423)."""
    health_interval: float = setting(kinds.number(0, 86_400, "seconds"), 0.0)
    """Seconds after which each target is asked by OPTIONS whether it is there; 0 never asks. Targets that are
    down are tried last, and a trunk that has no other is skipped for the next route. `hookflash trunks`
    shows which are."""
    health_failures: int = setting(kinds.integer(1, 100), 3)
    """How many times in a row there may be no answer, 408, 503 or 504 before a target is down. Any other
    answer, and it is up."""
    allow: tuple[str, ...] = setting(kinds.peers(), ())
    """Addresses and networks its calls come from; the addresses of `targets` are always allowed, though over
    UDP not where `transport` is `tls`: a datagram can be forged in anybody's name."""
    codecs: tuple[str, ...] = setting(kinds.listing(kinds.choice(*CODECS), least=1), DEFAULT_CODECS)
    """Codecs to offer and accept, best first. When the trunk calls, the order of its offer decides among
    these. `G722` and `opus` are wideband (16 kHz), `L16` is uncompressed audio at 8 kHz and `L16/16000` at
    16 kHz. `opus` is left out, with a word in the log, where there is no libopus."""
    srtp: str = setting(kinds.choice(*POLICIES), "off")
    """Whether media is encrypted (SRTP with keys in SDP, RFC 4568). `required` offers RTP/SAVP and refuses
    calls without keys; `optional` takes both, and offers RTP/AVP with keys, which a trunk that does not
    know them passes over; `off` refuses RTP/SAVP."""
    identity: str = setting(kinds.choice("from", "asserted", "preferred"), "from")
    """Where the caller's number goes beside From, and `Privacy: id` with it when it is withheld: nowhere
    (`from`), into P-Asserted-Identity (`asserted`, for a carrier that trusts us) or P-Preferred-Identity
    (`preferred`); RFC 3325."""
    caller: str | None = setting(kinds.pattern("a number, such as +14255550100", r"\+?[0-9]{2,20}"), None)
    """Number that the trunk is shown where a call has none of its own, or one that may not be shown; sent as
    it is written here."""
    callers: tuple[str, ...] = setting(kinds.listing(kinds.number_pattern()), ())
    """Numbers that the trunk may be shown as the caller's: `owned` for those of the resource that calls, and
    patterns as in `[[route]]`. Any number when empty."""
    callers_otherwise: str = setting(kinds.choice("replace", "withhold", "refuse"), "replace")
    """What becomes of any other number: `caller` is shown instead (`replace`), none is (`withhold`), or the
    call does not take this trunk (`refuse`, 403 when no other one is left)."""
    caller_rewrite: tuple[str, ...] = setting(kinds.listing(kinds.rewriting()), ())
    r"""How callers' numbers are written for the trunk, for example `["+49* -> 0\1", "+* -> 00\1"]`: the first
    pattern that matches counts, and E.164 is sent where none does."""
    dial_rewrite: tuple[str, ...] = setting(kinds.listing(kinds.rewriting()), ())
    """The same for the number that is dialled; a `rewrite` of the route goes before it."""
    domain: str | None = setting(kinds.host(), None)
    """What stands behind our numbers in From, where the trunk wants its own domain there; the address that it
    knows us by when not given."""
    inbound_rewrite: tuple[str, ...] = setting(kinds.listing(kinds.rewriting()), ())
    r"""How the numbers that the trunk calls become E.164, for example `["00* -> +\1", "0* -> +49\1"]`. What
    then has no plus sign gets one."""
    inbound_caller_rewrite: tuple[str, ...] | None = setting(kinds.listing(kinds.rewriting()), None)
    """The same for the numbers of its callers; as `inbound_rewrite` when not given."""
    dtmf: str = setting(kinds.choice("rtp", "info", "info-dtmf"), "rtp")
    """How keys are pressed towards the trunk: in the audio (`rtp`: RFC 4733 events, or tones where those were
    not agreed on) or by INFO requests (`info`: application/dtmf-relay, with how long; `info-dtmf`:
    application/dtmf, the key alone). From the trunk all are taken."""
    refer: str = setting(kinds.choice("refuse", "accept"), "refuse")
    """Whether the trunk may transfer its calls with REFER, in a call: `accept` dials whom it names, by our
    routes and at our expense, with its call ended once they answer; `refuse` answers 405."""
    transfer: str = setting(kinds.choice("bridge", "refer"), "bridge")
    """How an app's transfer of a phone behind this trunk to a number nobody here owns is carried out: by
    dialling and connecting both (`bridge`), or by asking the trunk to with REFER (`refer`), which takes both
    off this server. A trunk that answers 403, 405 or 501, or does not allow REFER, is bridged; so is a
    transfer with a caller id of its own."""
    session_expires: int | None = setting(kinds.integer(0, 86_400, "s"), None)
    """`sip.session_expires` for this trunk."""
    min_session_expires: int | None = setting(kinds.integer(90, 86_400, "s"), None)
    """`sip.min_session_expires` for this trunk."""
    limits: TrunkLimits = setting(kinds.table(TrunkLimits), TrunkLimits())
    """Bounds on the trunk. What is over them goes out by the next route, or fails; calls that come in get 503
    with Retry-After."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    """Which trunk takes a call to a number that is not owned."""

    pattern: str = required(kinds.number_pattern())
    r"""Which numbers: a prefix (`+49*`; `*` is every number) or a regular expression that the whole number
    must match (`\+49(\d+)`)."""
    trunk: str = required(kinds.text("the name of a trunk"))
    """Name of the trunk."""
    priority: int = setting(kinds.integer(0, 1_000_000), 100)
    """Routes with a lower value are tried first; equal ones in the order of the file."""
    rewrite: str | None = setting(kinds.text("a replacement"), None)
    r"""What to dial instead, for example `0\1`; `\1` is the first group, with a prefix what follows it. The
    number itself when not given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneSettings:
    """A SIP phone that may register here. Calls to its user ring it and everything else that is registered
    with its name; it calls as its user, other phones by their user names. Read anew on SIGHUP: phones that
    are gone, or have another password or user, are not registered any more."""

    username: str = required(kinds.pattern("a user name without spaces", r"[A-Za-z0-9._+*#-]{1,64}"))
    """User name it registers with and is called by: `sip:<username>@<this server>`."""
    password: str = required(kinds.text("a password", secret=True))
    """Its password."""
    user: str = required(_communication_user())
    """The communication user that calls to this phone are addressed to, `8:acs:<id of a resource>_<any>`.
    Several phones may have the same one; they ring together."""
    codecs: tuple[str, ...] = setting(kinds.listing(kinds.choice(*CODECS), least=1), DEFAULT_CODECS)
    """Codecs to offer and accept, best first, as for a trunk."""
    srtp: str = setting(kinds.choice(*POLICIES), "optional")
    """Whether media is encrypted, as for a trunk."""
    dtmf: str = setting(kinds.choice("rtp", "info", "info-dtmf"), "rtp")
    """How keys are pressed towards the phone, as for a trunk."""
    numbers: tuple[str, ...] = setting(kinds.listing(kinds.number_pattern()), ())
    """Which numbers that no resource owns it may dial, over the routes: prefixes (`+49*`; `*` is every
    number) or regular expressions that the whole number must match. None unless given: whoever learns the
    password dials at your expense."""
    caller: str | None = setting(kinds.pattern("a number such as +14255550100", r"\+[1-9][0-9]{1,14}"), None)
    """The number it shows then; the trunk's own when not given."""
