"""Connection strings: ``endpoint=https://host/;accesskey=<base64>`` (contract section 2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hookflash.wire.hmac import decode_key


@dataclass(frozen=True, slots=True)
class ConnectionString:
    """``endpoint`` is a URL without a trailing slash, ``access_key`` base64 as written."""

    endpoint: str
    access_key: str = field(repr=False)

    @property
    def secret(self) -> bytes:
        """The key's bytes."""
        return decode_key(self.access_key)

    @property
    def host(self) -> str:
        """Host of the endpoint, with its port when one is written."""
        return urlsplit(self.endpoint).netloc

    def __str__(self) -> str:
        return format_connection_string(self.endpoint, self.access_key)


def format_connection_string(endpoint: str, access_key: str) -> str:
    """The string an app pastes; the endpoint comes first because one SDK insists on that order."""
    return f"endpoint={endpoint.rstrip('/')}/;accesskey={access_key}"


def parse_connection_string(text: str) -> ConnectionString:
    """Read a connection string, names in any case and order. ValueError says what is wrong, not the key."""
    found: dict[str, str] = {}
    for part in text.strip().split(";"):
        name, mark, value = part.partition("=")
        if mark:
            found[name.strip().lower()] = value.strip()
    endpoint = found.get("endpoint", "").rstrip("/")
    access_key = found.get("accesskey", "")
    for name, value in (("endpoint", endpoint), ("accesskey", access_key)):
        if not value:
            raise ValueError(
                f"the connection string lacks {name}; expected endpoint=https://<host>/;accesskey=<base64>"
            )
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"the endpoint {endpoint!r} of the connection string is not an http or https URL")
    decode_key(access_key)
    return ConnectionString(endpoint, access_key)
