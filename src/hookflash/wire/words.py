"""Words for people."""

from __future__ import annotations


def count_of(number: int, one: str, several: str = "") -> str:
    """``number`` of a thing: "1 call", "2 calls"; ``several`` where an s does not do."""
    return f"{number} {one if number == 1 else several or one + 's'}"
