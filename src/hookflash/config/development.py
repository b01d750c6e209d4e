"""The well-known development resource.

Its id and key are public on purpose, so that every developer's connection string is the same and may be
pasted into test code. Production mode refuses them.
"""

from __future__ import annotations

from typing import Protocol

from hookflash.wire.connection_string import format_connection_string

DEVELOPMENT_RESOURCE_NAME = "devresource"
DEVELOPMENT_RESOURCE_ID = "de7e1095-0000-4000-8000-00000000acce"
DEVELOPMENT_ACCESS_KEY = (
    "SG9va2ZsYXNoIGRldmVsb3BtZW50IGtleTogcHVibGlzaGVkLCBrbm93biB0byBhbGwsIG5vdCBhIHNlY3JldCE="
)
"""Base64 of a readable 65-byte sentence: nobody can mistake it for a secret."""


class Keyed(Protocol):
    """Anything with access keys: a configured resource."""

    @property
    def access_keys(self) -> tuple[str, ...]: ...


def connection_string(resource: Keyed, endpoint: str) -> str:
    """The string an Azure SDK takes: ``endpoint=<url>/;accesskey=<key>`` with the resource's first key.

    Args:
        resource: a configured resource.
        endpoint: the server's base URL, for example ``https://calls.example.org``; a trailing slash is added.
    """
    return format_connection_string(endpoint, resource.access_keys[0])
