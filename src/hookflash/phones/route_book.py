"""The routes of a server: those of its configuration, and those that apps have set for their resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hookflash.phones.config import TrunkConfig
from hookflash.phones.number_patterns import NumberPattern
from hookflash.phones.rewriting import rewritten
from hookflash.phones.routes import Choice, Routes


@dataclass(frozen=True, slots=True)
class AppRoute:
    """Numbers in which ``pattern`` is found go out over ``trunks``, in their order."""

    pattern: NumberPattern
    trunks: tuple[TrunkConfig, ...]


class RouteBook:
    """Finds the trunks for a call. What apps have set can change at any time; the next call goes by it."""

    def __init__(self, configured: Routes) -> None:
        self._configured = configured
        self._of_apps: dict[str, tuple[AppRoute, ...]] = {}

    def become(self, tables: Mapping[str, tuple[AppRoute, ...]]) -> None:
        """Know these routes of apps from now on, by the GUID of their resource in lower case."""
        self._of_apps = dict(tables)

    def choices(self, number: str, resource: str = "") -> list[Choice]:
        """The trunks for an E.164 number that is called for a resource, best first, each trunk once.

        The routes of the resource go first; those of the configuration take the numbers that none of them
        matches.
        """
        found: dict[str, Choice] = {}
        for route in self._of_apps.get(resource.casefold(), ()):
            if route.trunks and route.pattern.found_in(number):
                for trunk in route.trunks:
                    found.setdefault(trunk.name, Choice(trunk, rewritten(number, trunk.dial_rewrite)))
        return list(found.values()) or self._configured.choices(number)
