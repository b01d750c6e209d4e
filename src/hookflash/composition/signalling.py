"""The SIP transports out of settings: where they listen, their bounds, their certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from hookflash.config import Address, Settings, SipSettings
from hookflash.phones.locating import LocatingNetwork
from hookflash.phones.name_cache import CachedNames
from hookflash.phones.resolver import DnsNames
from hookflash.phones.trunk import TrunkPhones
from hookflash.ports.clock import Clock
from hookflash.sip.transports import (
    ClientCertificates,
    Handlers,
    Limits,
    Tls,
    TlsSettings,
    Transports,
)


class CannotListenForSip(Exception):
    """A SIP address cannot be used; the message says which, why and what to do."""


class SipEdge:
    """What SIP goes in and out by.

    Args:
        settings: the whole tree; ``sip`` and the transports of trunks count.
        phones: who is told of every message.
        clock: for time-outs.

    Raises:
        TlsError: a certificate cannot be used.

    Attributes:
        transports: the sockets.
        address: where UDP and TCP listen, once they do.
        tls_address: where TLS listens; None when it does not.
        ws_addresses: where WebSockets listen, plain ones before secure ones.
    """

    def __init__(self, settings: Settings, phones: TrunkPhones, clock: Clock) -> None:
        self._settings = settings
        self.transports = Transports(
            Handlers(
                phones.ingress.receive,
                phones.broken,
                phones.ingress.malformed,
                phones.ingress.barred,
                phones.ingress.failed_handshake,
                phones.ingress.known,
            ),
            clock,
            external_address=settings.sip.external_address or "",
            limits=limits_of(settings.sip),
            tls=tls_of(settings),
            origins=settings.sip.ws_origins,
        )
        names = CachedNames(DnsNames(_server(text) for text in settings.sip.name_servers), clock)
        phones.attach(LocatingNetwork(self.transports, names, clock))
        self.address: tuple[str, int] = ("", 0)
        self.tls_address: tuple[str, int] | None = None
        self.ws_addresses: list[tuple[str, int]] = []

    async def listen(self) -> None:
        """Listen wherever the settings say.

        Raises:
            CannotListenForSip: an address cannot be used.
        """
        sip = self._settings.sip
        try:
            setting, where = "sip.bind", sip.bind
            self.address = await self.transports.listen(where.host, where.port)
            if sip.bind_v6 is not None:
                setting, where = "sip.bind_v6", sip.bind_v6
                await self.transports.listen(where.host, where.port)
            if sip.tls_bind is not None:
                setting, where = "sip.tls_bind", sip.tls_bind
                self.tls_address = await self.transports.listen_tls(where.host, where.port)
            for setting, place in (("sip.ws_bind", sip.ws_bind), ("sip.wss_bind", sip.wss_bind)):
                if place is not None:
                    where, secure = place, setting == "sip.wss_bind"
                    self.ws_addresses.append(
                        await self.transports.listen_ws(where.host, where.port, secure=secure)
                    )
        except OSError as error:
            raise CannotListenForSip(_refused(setting, where, error)) from error

    async def renew(self) -> None:
        """Read the files of TLS again, in a thread: a bundle of authorities takes its time, and calls go on
        meanwhile. Connections that are up keep what they have.

        Raises:
            TlsError: one cannot be used; what was in use stays in use.
        """
        tls = await asyncio.to_thread(tls_of, self._settings)
        if tls is not None:
            self.transports.renew(tls)

    @property
    def refused(self) -> Mapping[str, int]:
        """Connections that were not let in so far, by the setting in ``sip`` that says so."""
        return self.transports.visitors.refused

    async def close(self) -> None:
        """Let go of every socket."""
        await self.transports.close()


def limits_of(sip: SipSettings) -> Limits:
    """The bounds on connections."""
    return Limits(
        connections=sip.connections,
        per_peer=sip.connections_per_source,
        message=sip.message_timeout,
        handshake=sip.message_timeout / 3,
        idle=sip.idle_timeout,
        keep_alive=sip.keep_alive,
    )


def tls_of(settings: Settings) -> Tls | None:
    """The certificates as their files are now; None where nothing is over TLS.

    Raises:
        TlsError: one cannot be used.
    """
    sip = settings.sip
    if (
        sip.tls_bind is None
        and sip.wss_bind is None
        and all(trunk.transport != "tls" for trunk in settings.trunk)
    ):
        return None
    return Tls(
        TlsSettings(
            cert=sip.tls_cert or "",
            key=sip.tls_key or "",
            authorities=sip.tls_authorities or "",
            clients=ClientCertificates(sip.tls_clients),
            verify=sip.tls_verify,
            wildcards=sip.tls_wildcards,
        )
    )


def _server(text: str) -> tuple[str, int]:
    """A name server: ``address`` or ``[address]:port``."""
    host, bracket, port = text.rpartition("]:")
    return (host.removeprefix("["), int(port)) if bracket else (text, 53)


def _refused(setting: str, where: Address, error: OSError) -> str:
    return f"{setting}: cannot listen on {where}: {error.strerror or error}; free the address or set another"
