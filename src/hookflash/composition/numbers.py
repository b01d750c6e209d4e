"""Owned numbers and SIP routing, as the phone-number SDKs read them, out of settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from hookflash.config import Settings
from hookflash.config.kinds import as_regex
from hookflash.wire.numbers import (
    PurchasedPhoneNumber,
    SipConfiguration,
    SipPatch,
    SipTrunk,
    SipTrunkRoute,
    purchased,
)
from hookflash.wire.results import not_supported

SIP_PORT = 5060


class _Owned(NamedTuple):
    resource: str
    model: PurchasedPhoneNumber


class ConfiguredNumbers:
    """Implements ``api.numbers.Numbers`` over the settings as they are now."""

    def __init__(self, settings: Callable[[], Settings], tables: Tables | None = None) -> None:
        self._settings = settings
        self._tables = tables

    def owned(self) -> Sequence[_Owned]:
        settings = self._settings()
        ids = {one.name.casefold(): one.id for one in settings.resource}
        return [
            _Owned(ids[one.resource.casefold()], purchased(one.e164, one.type, one.country, one.since))
            for one in settings.number
        ]

    def sip(self, resource: str) -> SipConfiguration:
        return self._tables.shown(resource) if self._tables is not None else configured_sip(self._settings())

    async def set_sip(self, resource: str, patch: SipPatch) -> SipConfiguration:
        if self._tables is None or not self._settings().sip.app_routing:
            raise not_supported(
                "Trunks and routes are named in the configuration ([[trunk]], [[route]]) and cannot be "
                "changed here, as sip.app_routing is off. Change them there, and restart."
            )
        return await self._tables.update(resource, patch)


class Tables(Protocol):
    """What apps have set beside the configuration."""

    def shown(self, resource: str) -> SipConfiguration: ...

    async def update(self, resource: str, patch: SipPatch) -> SipConfiguration: ...


def configured_sip(settings: Settings) -> SipConfiguration:
    """Trunks and routes of the configuration, as the SDKs show them."""
    hosts: dict[str, tuple[str, int]] = {}
    trunks: dict[str, SipTrunk] = {}
    for trunk in settings.trunk:
        host, port = hosts[trunk.name.casefold()] = _host_and_port(trunk.targets[0])
        trunks.setdefault(host, SipTrunk(port))
    routes = [
        SipTrunkRoute(
            name=f"{one.pattern} to {one.trunk}",
            description=f"priority {one.priority}",
            number_pattern=as_regex(one.pattern),
            trunks=[hosts[one.trunk.casefold()][0]],
        )
        for one in sorted(settings.route, key=lambda route: route.priority)
    ]
    return SipConfiguration(trunks, routes)


def _host_and_port(target: str) -> tuple[str, int]:
    """Of ``host``, ``host:port`` or ``[v6]:port``, already checked."""
    host, colon, port = target.rpartition(":")
    if not colon or target.endswith("]"):
        return target.strip("[]").lower(), SIP_PORT
    return host.strip("[]").lower(), int(port)
