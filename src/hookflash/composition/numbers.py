"""Owned numbers and SIP routing, as the phone-number SDKs read them, out of settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from hookflash.config import Settings
from hookflash.config.kinds import as_regex
from hookflash.wire.numbers import PurchasedPhoneNumber, SipConfiguration, SipTrunk, SipTrunkRoute, purchased

SIP_PORT = 5060


class _Owned(NamedTuple):
    resource: str
    model: PurchasedPhoneNumber


class ConfiguredNumbers:
    """Implements ``api.numbers.Numbers`` over the settings as they are now."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        self._settings = settings

    def owned(self) -> Sequence[_Owned]:
        settings = self._settings()
        ids = {one.name.casefold(): one.id for one in settings.resource}
        return [
            _Owned(ids[one.resource.casefold()], purchased(one.e164, one.type, one.country, one.since))
            for one in settings.number
        ]

    def sip(self) -> SipConfiguration:
        settings = self._settings()
        hosts = {one.name.casefold(): _host_and_port(one.targets[0]) for one in settings.trunk}
        routes = [
            SipTrunkRoute(
                name=f"{one.pattern} to {one.trunk}",
                description=f"priority {one.priority}",
                number_pattern=as_regex(one.pattern),
                trunks=[hosts[one.trunk.casefold()][0]],
            )
            for one in sorted(settings.route, key=lambda route: route.priority)
        ]
        return SipConfiguration({host: SipTrunk(port) for host, port in hosts.values()}, routes)


def _host_and_port(target: str) -> tuple[str, int]:
    """Of ``host``, ``host:port`` or ``[v6]:port``, already checked."""
    host, colon, port = target.rpartition(":")
    if not colon or target.endswith("]"):
        return target.strip("[]"), SIP_PORT
    return host.strip("[]"), int(port)
