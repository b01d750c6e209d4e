"""Who owns what: resources, their numbers, and thereby who is rung for an identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hookflash.wire.identifiers import Identifier, IdentifierKind


@dataclass(frozen=True, slots=True)
class Resource:
    """A communication resource: ``id`` is its GUID (lower case), ``name`` is for people."""

    id: str
    name: str = ""


class Directory:
    """Resources (GUID and name), owned numbers (E.164 to resource GUID), and the resource of last resort.

    ``default_resource`` is for development: it takes calls to users of resources that are not here, and to
    any number that nobody owns when it is called from outside. Raises ValueError when a number or the
    default names a resource that does not exist.
    """

    def __init__(
        self,
        resources: Iterable[Resource],
        numbers: Mapping[str, str] | None = None,
        default_resource: str | None = None,
    ) -> None:
        self.resources = {resource.id.casefold(): resource for resource in resources}
        self.numbers = {number: owner.casefold() for number, owner in (numbers or {}).items()}
        self.default_resource = default_resource.casefold() if default_resource else None
        named = {f"number {number}": owner for number, owner in self.numbers.items()}
        if self.default_resource:
            named["default_resource"] = self.default_resource
        for what, owner in named.items():
            if owner not in self.resources:
                known = ", ".join(sorted(self.resources)) or "none"
                raise ValueError(
                    f"{what} names resource {owner!r}, which does not exist; resources are: {known}"
                )

    def become(self, other: Directory) -> None:
        """Know from now on what ``other`` knows; calls that are up go on as they are."""
        self.resources = other.resources
        self.numbers = other.numbers
        self.default_resource = other.default_resource

    def owner(self, target: Identifier) -> str | None:
        """The GUID of the resource whose apps are asked when ``target`` is called, None when it is nobody's.

        Users carry their resource in their id (``8:acs:<resource>_<user>``, contract section 3.1), and
        those of a resource that is not here are the default resource's; numbers are listed.
        """
        own = self.resource_of(target)
        if own is None and target.kind is IdentifierKind.COMMUNICATION_USER:
            return self.default_resource
        return own

    def resource_of(self, who: Identifier) -> str | None:
        """The GUID of the resource whose number or user that is; None when no resource here says so."""
        if who.kind is IdentifierKind.COMMUNICATION_USER:
            scope = who.raw_id.rsplit(":", 1)[-1].partition("_")[0].casefold()
            return scope if scope in self.resources else None
        if who.phone_number is not None:
            return self.numbers.get(who.phone_number)
        return None

    def owner_from_outside(self, target: Identifier) -> str | None:
        """Like :meth:`owner` for a call from a phone; then the default resource takes what is left."""
        return self.owner(target) or self.default_resource
