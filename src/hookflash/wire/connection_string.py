"""Connection strings: ``endpoint=https://host/;accesskey=<base64>`` (contract section 2.1)."""

from __future__ import annotations


def format_connection_string(endpoint: str, access_key: str) -> str:
    """The string an app pastes; the endpoint comes first because one SDK insists on that order."""
    return f"endpoint={endpoint.rstrip('/')}/;accesskey={access_key}"
