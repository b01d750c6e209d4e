"""The settings of who owns what and who may ask: resources, numbers, keys, tokens and their issuers."""

from __future__ import annotations

from dataclasses import dataclass

from hookflash.config import kinds
from hookflash.config.setting import required, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceSettings:
    """A communication resource: what an application's connection string points at."""

    name: str = required(
        kinds.pattern("a name of letters, digits and hyphens", r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
    )
    """Name of the resource; numbers and subscriptions refer to it."""
    id: str = required(kinds.guid())
    """The resource's immutable id, a GUID. It is in every user id and is the audience of webhook tokens."""
    access_keys: tuple[str, ...] = required(kinds.listing(kinds.access_key(), least=1))
    """Access keys, base64 of at least 32 bytes; every one is valid, so that keys can be rolled: the first is
    called primary, the second secondary."""
    tokens: tuple[str, ...] = setting(kinds.listing(kinds.token()), ())
    """Static bearer tokens that act for the resource; every one is valid. For development: production mode
    refuses them."""
    playback_marks: bool = setting(kinds.boolean(), False)
    """Tell apps whose audio streams are bidirectional when what they sent has been heard, as
    `hookflash-marks=1` in the query of a `transportUrl` does; `hookflash-marks=0` there says no. The real
    service sends nothing of the kind, and parsers of SDKs may not know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """Bearer tokens of all issuers."""

    leeway: float = setting(kinds.number(0, 600, "seconds"), 60.0)
    """Seconds by which the clock of an issuer may differ from ours."""
    key_age: float = setting(kinds.number(60, 86400, "seconds"), 3600.0)
    """Seconds after which an issuer's keys are fetched anew."""
    key_pause: float = setting(kinds.number(1, 3600, "seconds"), 30.0)
    """Least seconds between two fetches of an issuer's keys, whatever tokens come in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerSettings:
    """An OpenID Connect issuer, such as Microsoft Entra ID, whose tokens act for a resource. Several entries
    may name the same issuer: the first whose audience, tenant and application fit a token says which resource
    it acts for."""

    issuer: str = required(kinds.url("https", "http"))
    """What its tokens say in `iss`, for example `https://login.microsoftonline.com/<tenant>/v2.0`;
    `{tenantid}` in it stands for the `tid` of the token."""
    resource: str = required(kinds.text("the name of a resource"))
    """Name of the resource that its tokens act for."""
    discovery: str | None = setting(kinds.url("https", "http"), None)
    """URL of its OpenID configuration; the default is `issuer` with `/.well-known/openid-configuration`."""
    audiences: tuple[str, ...] = setting(
        kinds.listing(kinds.text("an audience"), least=1), ("https://communication.azure.com/",)
    )
    """Audiences (`aud`) of tokens to accept; a slash at the end makes no difference."""
    tenants: tuple[str, ...] = setting(kinds.listing(kinds.text("a tenant id")), ())
    """Tenants (`tid`) to accept; any when empty."""
    apps: tuple[str, ...] = setting(kinds.listing(kinds.text("an application id")), ())
    """Applications (`azp` or `appid`) to accept; any when empty."""
    teams_audiences: tuple[str, ...] = setting(
        kinds.listing(kinds.text("an audience")), ("https://auth.msft.communication.azure.com/",)
    )
    """Audiences of tokens of Teams users that may be exchanged for a communication token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberSettings:
    """A telephone number that a resource owns: calls to it raise IncomingCall."""

    e164: str = required(kinds.e164())
    """The number in E.164 form, with the plus sign."""
    resource: str = required(kinds.text("the name of a resource"))
    """Name of the resource that owns it."""
    country: str | None = setting(kinds.pattern("two letters of ISO 3166, such as US", r"[A-Za-z]{2}"), None)
    """Country of the number, as the phone-number SDKs show it; by default the one that its calling code
    says."""
    type: str = setting(kinds.choice("geographic", "tollFree", "mobile"), "geographic")
    """Type of the number, as the phone-number SDKs show it."""
    since: str = setting(
        kinds.pattern("a date such as 2026-01-31", r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"),
        "2000-01-01",
    )
    """Day of its purchase, as the phone-number SDKs show it."""
    may_call: tuple[str, ...] | None = setting(kinds.listing(kinds.number_pattern()), None)
    """`tolls.allowed` for calls from this number."""
    calls_per_minute: int | None = setting(kinds.integer(0, 100_000, "calls"), None)
    """`tolls.calls_per_minute` for calls from this number."""
    units_per_day: float | None = setting(kinds.number(0, 1e9, "units"), None)
    """`tolls.units_per_day` for calls from this number."""
