"""The keys behind our tokens: OpenID configuration and JWKS (contract section 5.8). Anybody may read them."""

from __future__ import annotations

from typing import Any

from hookflash.api.exchange import Core, Operation, Request
from hookflash.api.ports import KeyDocuments

CONFIGURATION_PATH = "/calling/.well-known/acsopenidconfiguration"
KEYS_PATH = "/calling/keys"


def operations(documents: KeyDocuments, public_url: str) -> tuple[Operation, ...]:
    """The two documents; ``public_url`` is the base URL that applications reach us under."""

    async def configuration(request: Request, core: Core) -> dict[str, Any]:
        return documents.openid_configuration(public_url)

    async def key_set(request: Request, core: Core) -> dict[str, Any]:
        return documents.jwks()

    return (
        Operation("OpenID configuration", "GET", CONFIGURATION_PATH, 200, configuration, signed=False),
        Operation("signing keys", "GET", KEYS_PATH, 200, key_set, signed=False),
    )
