"""In which order the targets of a trunk are tried (RFC 2782, what is down last)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from hookflash.phones.trunks.config import Share

T = TypeVar("T")


def ordered(targets: Sequence[T], shares: Sequence[Share], draw: Callable[[], float]) -> list[T]:
    """The targets in the order to try them; as they are given when there are no ``shares``.

    ``draw`` is uniform in [0, 1). Targets with weight 0 come after the others of their priority.
    """
    if not shares:
        return list(targets)
    found: list[T] = []
    left = sorted(zip(targets, shares, strict=True), key=lambda pair: pair[1].priority)
    while left:
        first = left[0][1].priority
        same = [pair for pair in left if pair[1].priority == first]
        total = sum(share.weight for _, share in same)
        chosen, point = same[0], draw() * total
        for pair in same:
            point -= pair[1].weight
            if point < 0:
                chosen = pair
                break
        found.append(chosen[0])
        left.remove(chosen)
    return found
