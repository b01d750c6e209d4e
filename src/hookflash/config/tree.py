"""The settings, section by section. The docstring under each setting is its entry in the reference.

Every value is already checked and of its final type when it gets here; :func:`hookflash.config.load` is the
way in. ``Settings()`` is the configuration of ``hookflash serve`` with no file at all, except for the
development resource, which ``load`` adds.
"""

# ruff: noqa: RUF009 - setting() is dataclasses.field() with our metadata, evaluated once on purpose

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import Any

from hookflash.config import kinds
from hookflash.config.development import DEVELOPMENT_ACCESS_KEY, DEVELOPMENT_RESOURCE_ID
from hookflash.config.kinds import Address, PortRange
from hookflash.config.owners import AuthSettings, IssuerSettings, NumberSettings, ResourceSettings
from hookflash.config.setting import required, setting
from hookflash.config.sip import PhoneSettings, RouteSettings, SipSettings, TrunkSettings
from hookflash.config.speech import SpeechProviderSettings, SpeechSettings
from hookflash.config.storage import StorageSettings
from hookflash.config.tolls import TollSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The HTTP side, and what concerns the whole process."""

    bind: Address = setting(kinds.address(), Address("127.0.0.1", 8080))
    """Where plain HTTP listens."""
    tls_bind: Address = setting(kinds.address(), Address("127.0.0.1", 8443))
    """Where HTTPS listens; used only when `tls_cert` and `tls_key` are given."""
    tls_cert: str | None = setting(kinds.path(relative=True), None)
    """PEM file with the certificate chain for HTTPS. Relative paths start at the configuration file."""
    tls_key: str | None = setting(kinds.path(relative=True), None)
    """PEM file with the private key of `tls_cert`."""
    public_url: str | None = setting(kinds.url("https", "http"), None)
    """The base URL under which applications reach this server; the default is `http://` and `bind`.
    Production mode demands one that begins with `https://`."""
    mode: str = setting(kinds.choice("dev", "production"), "dev")
    """`dev` is generous, `production` is strict: it demands own access keys and an https `public_url`, and
    turns every looseness off that is not set by name."""
    data_dir: str = setting(kinds.path(), ".hookflash")
    """Directory of everything that must outlive the process. Relative paths start at the working
    directory."""
    drain_seconds: float = setting(kinds.number(0, 7 * 86400, "seconds"), 20.0)
    """Seconds that calls may go on after SIGINT, SIGTERM or `POST /hookflash/drain`, while no new ones are
    taken; those that are left then are ended. Whatever stops the server must wait some 15 seconds longer
    before it kills it."""
    http_callbacks: bool = setting(
        kinds.boolean(), True, loose="callback and subscription URLs may be plain http"
    )
    """Accept `http://` callback URLs and subscription endpoints."""
    private_targets: bool = setting(
        kinds.boolean(), True, loose="webhooks and prompt downloads may go to loopback and private addresses"
    )
    """Let webhooks and prompt downloads go to loopback, link-local and private addresses."""
    unowned_numbers: bool = setting(
        kinds.boolean(), True, loose="an incoming call to a number nobody owns rings the first resource"
    )
    """Ring the first configured resource when a call comes in for a number that no `[[number]]` names."""
    open_own_surface: bool = setting(
        kinds.boolean(), True, loose="/hookflash shows and changes subscriptions and journal without a key"
    )
    """Do not ask for an access key under `/hookflash`."""
    virtual_phones: bool = setting(
        kinds.boolean(), True, loose="programs may have phones of any identity under /hookflash/phones"
    )
    """Offer virtual phones under `/hookflash/phones`: they call and are called as numbers and users of their
    choice, without SIP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionSettings:
    """An Event Grid subscription: where the events of a resource are sent."""

    name: str = required(kinds.text("a name"))
    """Name of the subscription."""
    resource: str = required(kinds.text("the name of a resource"))
    """Name of the resource whose events are wanted."""
    endpoint: str = required(kinds.url("https", "http"))
    """URL that receives the events; it must answer the validation handshake."""
    event_types: tuple[str, ...] = setting(
        kinds.listing(kinds.text("an event type"), least=1), ("Microsoft.Communication.IncomingCall",)
    )
    """Event types to send, in full or short (`IncomingCall`); `All` is every type."""
    schema: str = setting(kinds.choice("EventGridSchema", "CloudEventSchemaV1_0"), "EventGridSchema")
    """Schema of the events."""
    subject_begins_with: str = setting(kinds.text(), "")
    """Deliver only events whose subject begins like this."""
    subject_ends_with: str = setting(kinds.text(), "")
    """Deliver only events whose subject ends like this."""
    subject_case_sensitive: bool = setting(kinds.boolean(), False)
    """Whether case matters for `subject_begins_with` and `subject_ends_with`."""
    filters: dict[str, str] = setting(kinds.mapping(kinds.text("a string")), {})
    """Deliver only events whose fields have these values, by dotted path, for example
    `{"data.to.phoneNumber.value" = "+18005550100"}`. Names and values compare without regard to case."""
    advanced_filters: tuple[Any, ...] = setting(kinds.listing(kinds.record()), ())
    """Advanced filters in Event Grid's own words, all of which must hold, for example
    `[{operatorType = "StringBeginsWith", key = "data.to.PhoneNumber.Value", values = ["+1800"]}]`."""
    filter_arrays: bool = setting(kinds.boolean(), False)
    """Let advanced filters look into arrays (Event Grid's `enableAdvancedFilteringOnArrays`)."""
    max_attempts: int | None = setting(kinds.integer(1, 30, "attempts"), None)
    """How often one event is tried; when not given 2 for IncomingCall and 30 for other events."""
    ttl_minutes: int | None = setting(kinds.integer(1, 1440, "minutes"), None)
    """Minutes during which one event is tried; when not given 1 for IncomingCall and 1440 for other
    events."""
    dead_letter: str | None = setting(kinds.path(), None)
    """Folder for events that cannot be delivered, one JSON file each. Relative paths start at
    `events.dead_letter_folder`, and if that is not given at `dead-letters` in `server.data_dir`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """The delivery of events."""

    token_issuer: str = setting(
        kinds.url("https", "http"), "https://acscallautomation.communication.azure.com"
    )
    """The `iss` of the bearer token on every callback. Applications written for Azure have the default as a
    constant."""
    dead_letter_folder: str | None = setting(kinds.path(), None)
    """Folder for events that an Event Grid subscription without a `dead_letter` of its own could not get;
    nothing is kept of those when not given. Relative paths start at the working directory."""
    dead_letter_files: int = setting(kinds.integer(1, 10_000_000, "files"), 10_000)
    """Dead letters kept at most; beyond, the oldest are removed."""
    dead_letter_bytes: int = setting(kinds.integer(1 << 20, 1 << 40, "bytes"), 256 << 20)
    """Bytes of dead letters kept at most; beyond, the oldest are removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """Recording of calls into files."""

    folder: str | None = setting(kinds.path(), None)
    """Folder of the recorded files; the default is `recordings` in `server.data_dir`. Relative paths start
    at the working directory."""
    file_bytes: int = setting(kinds.integer(1 << 20, 4 << 30, "bytes"), 1 << 30)
    """A recorded file that has grown so large is closed, and the recording goes on in another one."""
    file_seconds: float = setting(kinds.number(0, 7 * 86400, "seconds"), 0.0)
    """A recorded file that holds so many seconds of sound (or up to one more) is closed, and the recording
    goes on in another one; 0 has one file however long it gets, up to `file_bytes`."""
    keep_hours: float = setting(kinds.number(0, 24 * 36_500, "hours"), 0.0)
    """Hours after which a recorded file is deleted, here and in `storage`, counted from its end; 0 keeps them
    for ever. What should have gone elsewhere and has not arrived there is kept. The real service keeps its
    recordings for 48 hours."""
    storage: str | None = setting(kinds.url("s3", "https", "http"), None)
    """Where finished recordings go: `s3://<bucket>/<folder>` or
    `https://<account>.blob.core.windows.net/<container>/<folder>`, with the credential of the `[[storage]]`
    entry for it, or what the environment gives. They stay in `folder` when not given. An app that names a
    container of its own (`externalStorage`) has its recordings there instead."""
    keep_local: bool = setting(kinds.boolean(), True)
    """Whether a recording stays in `folder` once `storage`, or the container its app has named, has
    acknowledged it. Nothing is removed before that."""
    upload_hours: float = setting(kinds.number(0.01, 24 * 30, "hours"), 24.0)
    """Hours for which a recording is sent again and again where that does not work. Then it stays in
    `folder` until somebody deletes it, and the app is told that it is there."""
    external_hosts: tuple[str, ...] = setting(
        kinds.listing(
            kinds.pattern(
                'a host such as "account.blob.core.windows.net", or "*.blob.core.windows.net" for all',
                r"(\*\.)?[A-Za-z0-9._-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?",
            )
        ),
        ("*.blob.core.windows.net",),
    )
    """Hosts of the containers that apps may name, with a shared access signature, for their recordings. Plain
    http is taken where `server.http_callbacks` is on."""
    encryption_key_env: str | None = setting(
        kinds.pattern("the name of a variable", r"[A-Za-z_][A-Za-z0-9_]*"), None
    )
    """Name of the environment variable with the key that recordings are encrypted with (AES-256-GCM), base64
    of 32 bytes. More keys may follow, divided by spaces: they open what was encrypted with them. Recordings
    are not encrypted when neither this nor `encryption_key_file` is given."""
    encryption_key_file: str | None = setting(kinds.path(relative=True), None)
    """File with that key, or those keys, which nobody but the server may read. Relative paths start at the
    configuration file."""
    content_url: str | None = setting(kinds.url("https", "http"), None)
    """The base URL under which applications fetch recordings, as events name it; the default is
    `server.public_url`. The official SDKs fetch from hosts of the real service only: give
    `https://<a name>.asm.skype.com` here, and have that name lead to this server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaSettings:
    """The media plane."""

    workers: int = setting(kinds.integer(0, 256, "processes"), max(1, (os.cpu_count() or 2) - 1))
    """Media worker processes; 0 runs the plane inside the control process. The default is one per CPU core
    beyond the first, at least one."""
    cpus: str | tuple[int, ...] = setting(kinds.cpus(), ())
    """CPUs to pin the workers to, one for each in their order, for example `[1, 2]`; name one twice to let
    two workers share it. `"auto"` takes the last ones that the process may use, so that the first stays free
    for the rest of the server. Workers are pinned to none when not given."""
    load_limit: float = setting(kinds.number(0.05, 1), 0.8)
    """Share of its CPU core from which on a worker takes no new calls, measured by the time its ticks take.
    They are refused (503 with `Retry-After`) when no worker takes them, so that the calls that are up never
    suffer; people can still be added to those until half of what is left is used as well."""
    legs: int = setting(kinds.integer(2, 50_000, "legs"), 4800)
    """Most legs of a worker at a time; each phone and each app in a call is one. Their memory is taken when
    the worker starts, and touched as it is used. One in twenty is kept for calls that are up."""
    rtp_ports: PortRange = setting(kinds.ports(), PortRange(20000, 29999))
    """UDP ports for RTP and RTCP, divided between the workers; a call leg takes two."""
    jitter_least_ms: int = setting(kinds.integer(20, 300, "milliseconds"), 20)
    """The least time a packet waits before it is played, so that later ones can catch up. The wait follows
    what the network does; more than the default costs delay where the network is quiet."""
    jitter_most_ms: int = setting(kinds.integer(20, 300, "milliseconds"), 200)
    """The most time a packet waits: what comes later than that is lost."""
    prompt_bytes: int = setting(kinds.integer(1024, 1 << 30, "bytes"), 32 << 20)
    """Largest audio file a play source may name, in bytes. One that is sent compressed (`Content-Encoding`)
    is refused: it was not asked for, and nobody knows what it unpacks to."""
    prompt_timeout: float = setting(kinds.number(0.1, 120, "seconds"), 10.0)
    """Seconds to wait for the download of one audio file."""
    strict_files: bool = setting(kinds.boolean(), False)
    """Play what the real service plays and nothing else: WAV, mono, 16-bit PCM at 16 kHz. Otherwise WAV of
    any common rate and encoding will do, with up to eight channels, and MP3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """Bounds of the HTTP side."""

    request_bytes: int = setting(kinds.integer(1024, 64 << 20, "bytes"), 1 << 20)
    """Largest request body in bytes; a larger one is refused with 413."""
    request_timeout: float = setting(kinds.number(0.1, 300, "seconds"), 10.0)
    """Seconds a client may take to send a request body; then 408."""
    clock_skew: float = setting(kinds.number(1, 86400, "seconds"), 900.0)
    """Seconds by which the date of a signed request may differ from ours."""
    repeatability_entries: int = setting(kinds.integer(16, 10_000_000, "answers"), 50_000)
    """Answers kept for repeated requests (Repeatability-Request-ID); the oldest go first."""
    repeatability_age: float = setting(kinds.number(60, 7 * 86400, "seconds"), 86400.0)
    """Seconds an answer is kept for repeated requests."""
    participants_page: int = setting(kinds.integer(1, 1000, "participants"), 100)
    """Participants of a call on one page of their list, unless the request asks for another size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole tree."""

    server: ServerSettings = field(default_factory=ServerSettings)
    sip: SipSettings = field(default_factory=SipSettings)
    auth: AuthSettings = field(default_factory=AuthSettings)
    resource: tuple[ResourceSettings, ...] = ()
    issuer: tuple[IssuerSettings, ...] = ()
    number: tuple[NumberSettings, ...] = ()
    subscription: tuple[SubscriptionSettings, ...] = ()
    events: EventSettings = field(default_factory=EventSettings)
    trunk: tuple[TrunkSettings, ...] = ()
    route: tuple[RouteSettings, ...] = ()
    phone: tuple[PhoneSettings, ...] = ()
    tolls: TollSettings = field(default_factory=TollSettings)
    speech: SpeechSettings = field(default_factory=SpeechSettings)
    speech_provider: tuple[SpeechProviderSettings, ...] = ()
    recording: RecordingSettings = field(default_factory=RecordingSettings)
    storage: tuple[StorageSettings, ...] = ()
    media: MediaSettings = field(default_factory=MediaSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)

    @property
    def public_url(self) -> str:
        """The base URL applications use, without a trailing slash."""
        if self.server.public_url:
            return self.server.public_url.rstrip("/")
        return f"http://{self.server.bind}"

    def resource_named(self, name: str) -> ResourceSettings | None:
        """The resource with this name, in any casing."""
        return next((one for one in self.resource if one.name.casefold() == name.casefold()), None)

    def loosenesses(self) -> list[tuple[str, str]]:
        """Every looseness in effect: (dotted name of the setting, what it allows)."""
        found = [
            (f"{section}.{name}", meaning)
            for section in ("server", "sip")
            for name, meaning in loose_settings(type(getattr(self, section)))
            if getattr(getattr(self, section), name)
        ]
        if any(is_development(one) for one in self.resource):
            found.append(("resource", "the development resource and its published key are accepted"))
        found += [
            ("trunk.srtp", f"trunk {one.name}: SRTP keys travel in clear, as SIP is not over TLS")
            for one in self.trunk
            if one.srtp != "off" and one.transport != "tls"
        ]
        if not self.sip.tls_verify and any(one.transport == "tls" for one in self.trunk):
            found.append(("sip.tls_verify", "certificates of trunks called over TLS are not checked"))
        if any(one.tokens for one in self.resource):
            found.append(("resource.tokens", "static bearer tokens, which never expire, are accepted"))
        return found


SECTIONS: dict[str, type] = {
    "server": ServerSettings,
    "sip": SipSettings,
    "auth": AuthSettings,
    "resource": ResourceSettings,
    "issuer": IssuerSettings,
    "number": NumberSettings,
    "subscription": SubscriptionSettings,
    "events": EventSettings,
    "trunk": TrunkSettings,
    "route": RouteSettings,
    "phone": PhoneSettings,
    "tolls": TollSettings,
    "speech": SpeechSettings,
    "speech_provider": SpeechProviderSettings,
    "recording": RecordingSettings,
    "storage": StorageSettings,
    "media": MediaSettings,
    "limits": LimitSettings,
}
"""Every section, in the order of the reference."""

ARRAYS = frozenset(
    {"resource", "issuer", "number", "subscription", "trunk", "route", "phone", "speech_provider", "storage"}
)
"""Sections that are arrays of tables (``[[name]]``)."""


def loose_settings(section: type) -> list[tuple[str, str]]:
    """The loosenesses of a section: (name, what it allows)."""
    return [(one.name, one.metadata["loose"]) for one in fields(section) if one.metadata.get("loose")]


def is_development(resource: ResourceSettings) -> bool:
    """Whether a resource uses the published development id or key."""
    return resource.id == DEVELOPMENT_RESOURCE_ID or DEVELOPMENT_ACCESS_KEY in resource.access_keys
