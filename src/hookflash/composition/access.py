"""Who may ask, out of settings: resources with keys and tokens, issuers, owned numbers."""

from __future__ import annotations

from hookflash.api.bearer import Issuer, Issuers
from hookflash.api.keysets import Fetch
from hookflash.api.ports import Resource
from hookflash.config import Settings


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
