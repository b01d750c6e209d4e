"""Whose certificate is it? The identities a certificate shows in SIP (RFC 5922 section 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from hookflash.sip.errors import ParseError
from hookflash.sip.grammar import printable
from hookflash.sip.uri import SipUri

MAX_NAMES = 100
"""Names of one certificate that are looked at."""


def identities(certificate: Mapping[str, Any]) -> tuple[str, ...]:
    """The SIP domains a certificate stands for, in lower case, each once, in the order found.

    ``certificate`` is what :meth:`ssl.SSLObject.getpeercert` gives. A ``sip:`` URI without a user part and a
    DNS name are identities, an IP address too (which RFC 5922 leaves to local policy: a trunk may be
    configured by address). The subject's common name counts only where there is no such name at all
    (section 7.1). A ``sips:`` URI, a URI with a user and other kinds of names are none.
    """
    found: dict[str, None] = {}
    for kind, value in list(certificate.get("subjectAltName", ()))[:MAX_NAMES]:
        name = _identity(str(kind), str(value))
        if name:
            found[name] = None
    if not found:
        for part in certificate.get("subject", ()):
            for key, value in part:
                if key == "commonName" and value:
                    found[_canonical(str(value))] = None
    return tuple(found)


def _identity(kind: str, value: str) -> str:
    if kind == "DNS":
        return _canonical(value)
    if kind == "IP Address":
        try:
            return str(ip_address(value.strip()))
        except ValueError:
            return ""
    if kind == "URI" and value[:4].lower() == "sip:":
        try:
            uri = SipUri.parse(value)
        except ParseError:
            return ""
        return _canonical(uri.host) if uri.user is None else ""
    return ""


def matching(shown: Iterable[str], wanted: Iterable[str], *, wildcards: bool = False) -> str | None:
    """The first wanted domain that a certificate's :func:`identities` include; None when there is none.

    Compared as whole names without regard to case. ``wildcards`` lets ``*.example.org`` stand for one more
    label in front, which RFC 5922 section 7.2 forbids but some carriers count on.
    """
    names = set(shown)
    for domain in wanted:
        name = _canonical(domain)
        if name in names:
            return domain
        label, dot, rest = name.partition(".")
        if wildcards and label and dot and "." in rest and f"*.{rest}" in names:
            return domain
    return None


def mismatch(shown: Iterable[str], wanted: Iterable[str]) -> str:
    """Says that no name fits, for a log line."""
    told = ", ".join(printable(name) for name in list(shown)[:5]) or "no name"
    return f"its certificate is for {told}, not for {', '.join(printable(name) for name in wanted)}"


def _canonical(name: str) -> str:
    try:
        return str(ip_address(name))
    except ValueError:
        return name.lower().removesuffix(".")
