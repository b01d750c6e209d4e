"""Who may ask, out of settings: resources with keys and tokens, issuers, owned numbers."""

from __future__ import annotations

from collections.abc import Callable

from hookflash.api.asgi import Bounds
from hookflash.api.bearer import Issuer, Issuers
from hookflash.api.keysets import Fetch
from hookflash.api.ports import Resource
from hookflash.calls.directory import Directory
from hookflash.calls.directory import Resource as Owner
from hookflash.config import Settings


class ConfiguredResources:
    """What the configuration says of resources, as it is now; they are known by their GUID."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def first(self) -> str | None:
        """Whose keys may tell the server what concerns everybody."""
        return next((one.id for one in self._settings().resource), None)

    def name(self, guid: str) -> str:
        """The name of a resource; the GUID itself where there is none."""
        return next((one.name for one in self._settings().resource if one.id == guid), guid)

    def marks(self, guid: str) -> bool:
        """Whether its apps are told when what they streamed has been heard."""
        return any(one.id == guid and one.playback_marks for one in self._settings().resource)


def resources(settings: Settings) -> list[Resource]:
    """The configured resources with their credentials."""
    return [Resource(one.name, one.id, one.access_keys, one.tokens) for one in settings.resource]


def issuers(settings: Settings, fetch: Fetch) -> Issuers | None:
    """The configured issuers, None without any."""
    if not settings.issuer:
        return None
    ids = {one.name.casefold(): one.id for one in settings.resource}
    return Issuers(
        [
            Issuer(
                one.issuer,
                ids[one.resource.casefold()],
                one.discovery or "",
                audiences=one.audiences,
                tenants=one.tenants,
                apps=one.apps,
                teams_audiences=one.teams_audiences,
            )
            for one in settings.issuer
        ],
        fetch,
        leeway=settings.auth.leeway,
        key_age=settings.auth.key_age,
        key_pause=settings.auth.key_pause,
    )


_BOUNDS = (
    "request_bytes",
    "request_timeout",
    "repeatability_entries",
    "repeatability_age",
    "participants_page",
)


def bounds(settings: Settings) -> Bounds:
    """What requests of apps may take."""
    return Bounds(**{name: getattr(settings.limits, name) for name in _BOUNDS})


def directory_of(settings: Settings) -> Directory:
    """Which numbers belong to which resource."""
    ids = {one.name.casefold(): one.id for one in settings.resource}
    default = settings.resource[0].id if settings.server.unowned_numbers and settings.resource else None
    return Directory(
        [Owner(one.id, one.name) for one in settings.resource],
        {one.e164: ids[one.resource.casefold()] for one in settings.number},
        default,
    )
