"""Which locales a setting means."""

from __future__ import annotations


def covers(mine: str, wanted: str) -> bool:
    """Whether ``mine``, a locale ("en-US") or a language for all its regions ("en"), takes in ``wanted``."""
    low, other = mine.casefold(), wanted.casefold()
    return low == other or other.startswith(f"{low}-")
