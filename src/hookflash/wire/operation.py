"""What an operation of an Azure surface is, as data."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from hookflash.wire.versions import PREVIEW, STABLE, at_least


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the operation table.

    ``since`` is the first stable api-version, "" where there is none. ``repeatable`` tells whether SDKs send
    repeatability headers, ``status`` is the success status (see
    :func:`hookflash.wire.operations.success_status`). ``request`` and
    ``response`` are None where no body is sent. ``previews`` are the previews before ``since`` that have it.
    """

    name: str
    method: str
    path: str
    since: str
    repeatable: bool
    status: int
    request: type[msgspec.Struct] | None = None
    response: type[msgspec.Struct] | None = None
    previews: tuple[str, ...] = ()

    def known_to(self, version: str) -> bool:
        """Whether ``version`` (a known api-version) has this operation."""
        if self.since and at_least(version, self.since):
            return True
        return version in self.previews

    def versions(self) -> tuple[str, ...]:
        """Every api-version that has it, in order; for messages and documents."""
        return tuple(version for version in sorted(STABLE + PREVIEW) if self.known_to(version))


def previews(first: str, before: str = "9999-12-31") -> tuple[str, ...]:
    """The previews from ``first`` on that came before ``before``."""
    return tuple(one for one in PREVIEW if at_least(one, first) and not at_least(one, before))
