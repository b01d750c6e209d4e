"""TLS for SIP: the contexts of both ends, loaded anew when told, and whose certificate a peer shows."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hookflash.sip.certificates import identities, matching, mismatch


class TlsError(ValueError):
    """A certificate or an authority that cannot be used; the message says which and why."""


class ClientCertificates(Enum):
    """What is asked of those who connect to us."""

    OFF = "off"
    """Nothing: certificates are not asked for."""
    OPTIONAL = "optional"
    """One that is shown must be valid; none will do."""
    REQUIRED = "required"
    """Nobody gets in without a valid one."""


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """Files and rules.

    ``cert`` and ``key`` are PEM files of our chain and its private key: needed to listen, and shown to
    servers that ask for it; "" is none. ``authorities`` is a PEM file of who may sign peers' certificates; ""
    are those of the system. ``verify`` checks the certificates of servers; ``wildcards`` as for
    :func:`~hookflash.sip.certificates.matching`.
    """

    cert: str = ""
    key: str = ""
    authorities: str = ""
    clients: ClientCertificates = ClientCertificates.OFF
    verify: bool = True
    wildcards: bool = False


class Tls:
    """The two contexts as the files were when they were last read. Raises :class:`TlsError`."""

    def __init__(self, settings: TlsSettings) -> None:
        self.settings = settings
        self.client = _client(settings)
        self.server = _server(settings) if settings.cert else None

    def objection(self, shown: Sequence[str], *names: str) -> str | None:
        """Why a server that shows some identities is none of ``names``; None when it is, or nobody asks."""
        if not self.settings.verify:
            return None
        if matching(shown, names, wildcards=self.settings.wildcards) is not None:
            return None
        return mismatch(shown, names)


def shown_by(peer: Any) -> tuple[str, ...]:
    """The identities of a verified certificate, none without one; ``peer`` is a transport's SSL object."""
    certificate = None if peer is None else peer.getpeercert()
    return identities(certificate) if certificate else ()


def _context(protocol: int, settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Compression leaks (CRIME), renegotiation lets a client make us work for nothing.
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    if settings.cert:
        try:
            # A key with a passphrase must not make the server ask for it at a terminal.
            context.load_cert_chain(settings.cert, settings.key or None, password=_no_passphrase)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise TlsError(
                f"certificate {settings.cert!r} and key {settings.key!r} cannot be used: {error}; "
                "give the PEM files of a certificate chain and its private key"
            ) from error
    return context


def _no_passphrase() -> str:
    raise ValueError("the key is protected by a passphrase")


def _trust(context: ssl.SSLContext, settings: TlsSettings, purpose: ssl.Purpose) -> None:
    if not settings.authorities:
        context.load_default_certs(purpose)
        return
    try:
        context.load_verify_locations(settings.authorities)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise TlsError(
            f"authorities {settings.authorities!r} cannot be used: {error}; "
            "give a PEM file of one or more certificates"
        ) from error


def _client(settings: TlsSettings) -> ssl.SSLContext:
    context = _context(ssl.PROTOCOL_TLS_CLIENT, settings)
    # Names are compared by RFC 5922, not by the rules of HTTPS: see Tls.objection.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if settings.verify else ssl.CERT_NONE
    if settings.verify:
        _trust(context, settings, ssl.Purpose.SERVER_AUTH)
    return context


def _server(settings: TlsSettings) -> ssl.SSLContext:
    context = _context(ssl.PROTOCOL_TLS_SERVER, settings)
    context.verify_mode = {
        ClientCertificates.OFF: ssl.CERT_NONE,
        ClientCertificates.OPTIONAL: ssl.CERT_OPTIONAL,
        ClientCertificates.REQUIRED: ssl.CERT_REQUIRED,
    }[settings.clients]
    if settings.clients is not ClientCertificates.OFF:
        _trust(context, settings, ssl.Purpose.CLIENT_AUTH)
    return context
