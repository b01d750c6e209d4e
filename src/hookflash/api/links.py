"""Links back to this server, as the client reaches it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from hookflash.api.reading import Scope

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(:\d{1,5})?")


def base_url(scope: Scope, headers: dict[str, str], public_url: str) -> str:
    """The base URL under which the client of a request reaches us, without a trailing slash.

    The scheme and Host of the request, so that a server with several names answers under the one it was
    asked under. ``public_url`` when a proxy stands between (it says so by X-Forwarded-Host or
    X-Forwarded-Proto), when the Host is that of ``public_url`` but without its port (Java's SDK leaves it
    out), or is no host at all.
    """
    host = headers.get("host", "")
    if "x-forwarded-host" in headers or "x-forwarded-proto" in headers or not _HOST.fullmatch(host):
        return public_url
    if host.lower() == (urlsplit(public_url).hostname or ""):
        return public_url
    return f"{scope.get('scheme') or 'http'}://{host}"
