"""Trunks and routes that apps set with the SIP-routing SDKs, beside those of the configuration.

What the configuration names is shown to everybody and cannot be changed here. What an app sets belongs to its
resource, is on disk before the answer leaves, and holds for the next call.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

import msgspec

from hookflash.phones.config import TrunkConfig
from hookflash.phones.number_patterns import NumberPattern
from hookflash.phones.rewriting import PatternError
from hookflash.phones.route_book import AppRoute
from hookflash.ports.outbox import Documents
from hookflash.wire.numbers import SipConfiguration, SipPatch, SipRouteWish, SipTrunk, SipTrunkRoute
from hookflash.wire.results import duplicated, unprocessable

log = logging.getLogger("hookflash")

SPACE = "sip-routing"
"""Where the tables are kept among the documents, by resource."""
MAX_TRUNKS, MAX_ROUTES, MAX_ROUTE_TRUNKS = 250, 250, 50
"""Most entries of one resource, and most trunks of one route."""
MAX_NAME, MAX_DESCRIPTION = 256, 1024
"""Characters of the texts of a route at most."""
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")


class Phones(Protocol):
    """Whose calls go by the tables."""

    def route_for_apps(
        self, routes: Mapping[str, tuple[AppRoute, ...]], trunks: tuple[TrunkConfig, ...]
    ) -> None: ...


class SipTables:
    """The tables of every resource.

    Args:
        configured: what the configuration has, as the SDKs show it.
        trunks: its trunks, by the host they are shown under.
        documents: where what apps set is kept.
        template: what a trunk is apart from its host and port.
        phones: whose calls go by it.
    """

    def __init__(
        self,
        configured: Callable[[], SipConfiguration],
        trunks: Mapping[str, TrunkConfig],
        documents: Documents,
        template: TrunkConfig,
        phones: Phones,
    ) -> None:
        self._configured = configured
        self._trunks = trunks
        self._documents = documents
        self._template = template
        self._phones = phones
        self._own: dict[str, SipConfiguration] = {}
        self._lock = asyncio.Lock()

    async def load(self) -> None:
        """Go on with what was set before; what cannot be read is left out, and a line in the log."""
        for resource, body in (await self._documents.documents(SPACE)).items():
            try:
                self._own[resource] = msgspec.json.decode(body, type=SipConfiguration)
            except msgspec.MsgspecError as error:
                log.error("the SIP routing of resource %s cannot be read: %s", resource, error)
        self._apply()

    def shown(self, resource: str) -> SipConfiguration:
        """What a resource sees: the configuration's and its own; routes in the order they are tried."""
        configured, own = self._configured(), self._of(resource)
        return SipConfiguration({**own.trunks, **configured.trunks}, [*own.routes, *configured.routes])

    async def update(self, resource: str, patch: SipPatch) -> SipConfiguration:
        """Change what a resource has set, as far as ``patch`` says something about it.

        Raises:
            Refusal: 400 or 422, ``UnprocessableConfiguration``; nothing has been changed.
            NotDurable: it could not be written.
        """
        if not patch.trunks and patch.routes is None:
            raise unprocessable("EmptyPatch", "The request changes nothing; give trunks or routes.")
        async with self._lock:
            configured, own = self._configured(), self._of(resource)
            trunks = _trunks(own.trunks, patch.trunks or {}, configured)
            routes = own.routes
            if patch.routes is not None:
                routes = _routes(patch.routes, {*trunks, *configured.trunks}, configured)
            for route in routes:
                for host in route.trunks:
                    if host not in trunks and host not in configured.trunks:
                        raise unprocessable(
                            "TrunkUsedInRoute", f"Route {route.name!r} needs trunk {host!r}; change it first."
                        )
            changed = SipConfiguration(trunks, routes)
            await self._documents.put_document(SPACE, resource.casefold(), msgspec.json.encode(changed))
            self._own[resource.casefold()] = changed
            self._apply()
        return self.shown(resource)

    def _of(self, resource: str) -> SipConfiguration:
        return self._own.get(resource.casefold(), SipConfiguration({}, []))

    def _apply(self) -> None:
        """Let calls go by what there is now."""
        tables: dict[str, tuple[AppRoute, ...]] = {}
        added: list[TrunkConfig] = []
        for resource, own in self._own.items():
            made = {host: self._made(resource, host, trunk) for host, trunk in own.trunks.items()}
            added += made.values()
            # What the configuration names goes before what was set under the same name earlier on.
            known = {**made, **self._trunks}
            routes: list[AppRoute] = []
            for route in own.routes:
                missing = [host for host in route.trunks if host not in known]
                if missing:
                    what = {"route": route.name, "resource": resource, "trunk": ", ".join(missing)}
                    log.warning("a route names trunks that are no more", extra=what)
                trunks = tuple(known[host] for host in route.trunks if host in known)
                try:
                    routes.append(AppRoute(NumberPattern(route.number_pattern), trunks))
                except PatternError as error:
                    log.error("route %s of resource %s cannot be used: %s", route.name, resource, error)
            tables[resource] = tuple(routes)
        self._phones.route_for_apps(tables, tuple(added))

    def _made(self, resource: str, host: str, trunk: SipTrunk) -> TrunkConfig:
        target = (host, trunk.sip_signaling_port)
        return replace(self._template, name=f"{host}@{resource}", targets=(target,), resource=resource)


def _trunks(
    own: Mapping[str, SipTrunk], wished: Mapping[str, SipTrunk | None], configured: SipConfiguration
) -> dict[str, SipTrunk]:
    """The trunks of a resource after a change. Raises Refusal 422."""
    changed = dict(own)
    for written, trunk in wished.items():
        host = written.lower()
        if host in configured.trunks:
            if trunk is None or trunk != configured.trunks[host]:
                raise unprocessable(
                    "ReadOnlyTrunk",
                    f"Trunk {host!r} is named in the configuration ([[trunk]]) and cannot be changed or "
                    "deleted here; set and delete the others one by one.",
                )
        elif trunk is None:
            # To delete what is not there is no mistake, as with the real service.
            changed.pop(host, None)
        else:
            if _HOST.fullmatch(host) is None:
                raise unprocessable("InvalidTrunkFqdn", f"{written[:80]!r} is no domain name.")
            if not 0 < trunk.sip_signaling_port < 65536:
                raise unprocessable(
                    "InvalidTrunkSipSignalingPort",
                    f"The port of {host!r} is {trunk.sip_signaling_port}; give one from 1 to 65535.",
                )
            changed[host] = trunk
    if len(changed) > MAX_TRUNKS:
        raise unprocessable("TooManyTrunks", f"A resource may have {MAX_TRUNKS} trunks, not {len(changed)}.")
    return changed


def _routes(wished: list[SipRouteWish], known: set[str], configured: SipConfiguration) -> list[SipTrunkRoute]:
    """The routes of a resource after a change. Raises Refusal 400 or 422."""
    fixed = {route.name: route for route in configured.routes}
    changed: list[SipTrunkRoute] = []
    names: set[str] = set()
    for wish in wished:
        route = SipTrunkRoute(
            wish.name,
            wish.number_pattern,
            [host.lower() for host in wish.trunks or ()],
            wish.description or "",
        )
        if route.name in names:
            raise duplicated("DuplicatedRoute", f"Route {route.name[:80]!r} is there twice.")
        names.add(route.name)
        if route.name in fixed:
            # Whoever lists routes, adds one and sets them all sends those of the configuration as well.
            if route != fixed[route.name]:
                raise unprocessable(
                    "ReadOnlyRoute",
                    f"Route {route.name!r} is named in the configuration ([[route]]) and cannot be changed "
                    "here; leave it out, or send it as it is.",
                )
            continue
        _check(route, known)
        changed.append(route)
    if len(changed) > MAX_ROUTES:
        raise unprocessable("TooManyRoutes", f"A resource may have {MAX_ROUTES} routes, not {len(changed)}.")
    return changed


def _check(route: SipTrunkRoute, known: set[str]) -> None:
    if not 0 < len(route.name) <= MAX_NAME:
        raise unprocessable("InvalidRouteName", f"A route needs a name of 1 to {MAX_NAME} characters.")
    if len(route.description) > MAX_DESCRIPTION:
        what = f"The description of route {route.name!r} has more than {MAX_DESCRIPTION} characters."
        raise unprocessable("InvalidRouteDescription", what)
    try:
        NumberPattern(route.number_pattern)
    except PatternError as error:
        what = f"The number pattern of route {route.name!r} cannot be used: {error}."
        raise unprocessable("InvalidRouteNumberPattern", what) from None
    if len(set(route.trunks)) < len(route.trunks) or len(route.trunks) > MAX_ROUTE_TRUNKS:
        what = f"Route {route.name!r} names a trunk twice, or more than {MAX_ROUTE_TRUNKS}."
        raise duplicated("RouteWithDuplicatedTrunk", what)
    missing = [host for host in route.trunks if host not in known]
    if missing:
        what = f"Route {route.name!r} names trunk {missing[0][:80]!r}, which is not set; set it first."
        raise unprocessable("MissingTrunk", what)
