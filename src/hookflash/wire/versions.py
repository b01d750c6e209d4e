"""API versions: parsing, order and leniency (contract section 1.1).

A version is a date with an optional ``-preview``. A preview sorts before the stable version of the same date.
Since the text form sorts by date, gates compare versions with :func:`at_least`.
"""

from __future__ import annotations

from functools import lru_cache

NEWEST = "2026-03-12"
"""What the newest SDKs send by default, and what an unknown version is taken for."""

STABLE = (
    "2023-03-06",
    "2023-10-15",
    "2024-04-15",
    "2024-09-15",
    "2025-05-15",
    "2025-06-15",
    "2026-03-12",
)
PREVIEW = (
    "2022-04-07-preview",
    "2023-01-15-preview",
    "2023-06-15-preview",
    "2023-10-03-preview",
    "2024-01-22-preview",
    "2024-06-15-preview",
    "2024-09-01-preview",
    "2024-11-15-preview",
    "2025-08-15-preview",
)
KNOWN = frozenset(STABLE + PREVIEW)
IDENTITY = ("2021-03-07", "2022-06-01", "2022-10-01", "2023-10-01")
"""Versions of the identity service (contract section 11)."""

_SUFFIX = "-preview"
_MAX_LENGTH = 32


@lru_cache(maxsize=256)
def key(version: str) -> tuple[int, int, int, int]:
    """Sort key: (year, month, day, 0 for a preview or 1). ValueError when it is not a date in this form."""
    text = version.casefold()
    stable = not text.endswith(_SUFFIX)
    parts = (text if stable else text[: -len(_SUFFIX)]).split("-")
    if len(version) > _MAX_LENGTH or [len(part) for part in parts] != [4, 2, 2]:
        raise ValueError(f"{version!r} is not an api-version; one looks like {NEWEST} or 2025-08-15-preview")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{version!r} is not an api-version; one looks like {NEWEST} or 2025-08-15-preview")
    year, month, day = (int(part) for part in parts)
    return (year, month, day, int(stable))


@lru_cache(maxsize=1024)
def at_least(version: str, floor: str) -> bool:
    """Whether ``version`` is ``floor`` or newer; both must be well formed."""
    return key(version) >= key(floor)


def is_preview(version: str) -> bool:
    return version.casefold().endswith(_SUFFIX)


@lru_cache(maxsize=256)
def resolve(version: str, *, strict: bool = False) -> str | None:
    """The version to treat a request as: itself when known (in canonical case), else the newest.

    With ``strict`` an unknown version gives None; so does a malformed or empty one in either mode.
    """
    folded = version.casefold()
    if folded in KNOWN:
        return folded
    if strict:
        return None
    try:
        key(version)
    except ValueError:
        return None
    return NEWEST
