"""UDP, TCP and TLS under asyncio: bytes in, bytes out, nothing decided (RFC 3261 section 18)."""

from hookflash.sip.transports.endpoint import Endpoint
from hookflash.sip.transports.limits import Handlers, Limits
from hookflash.sip.transports.sockets import Transports
from hookflash.sip.transports.tls import ClientCertificates, Tls, TlsError, TlsSettings

__all__ = [
    "ClientCertificates",
    "Endpoint",
    "Handlers",
    "Limits",
    "Tls",
    "TlsError",
    "TlsSettings",
    "Transports",
]
