"""Whose turn it is, and who gives way, where several apps want the same: nobody can crowd out the others.

An *owner* is the resource of an app, by its GUID; "" stands for those of whom nothing is known.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Shelf:
    """The keys of what is kept, with their sizes and owners.

    When room is short, the owner who keeps the most gives up what it has not used for longest. One who
    floods the shelf so pushes out nobody but itself once it has more than each of the others.

    Attributes:
        total: the sum of all sizes.
    """

    def __init__(self) -> None:
        self.total = 0
        self._owners: dict[str, str] = {}
        self._kept: dict[str, OrderedDict[str, int]] = {}
        self._sizes: dict[str, int] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._owners

    def __len__(self) -> int:
        return len(self._owners)

    def owner(self, key: str) -> str | None:
        """Who keeps it, None where nobody does."""
        return self._owners.get(key)

    def add(self, key: str, size: int, owner: str = "") -> None:
        """Keep ``key``, which was just used; one that is there already changes its size and owner."""
        self.remove(key)
        self._owners[key] = owner
        self._kept.setdefault(owner, OrderedDict())[key] = size
        self._sizes[owner] = self._sizes.get(owner, 0) + size
        self.total += size

    def touch(self, key: str) -> None:
        """It was used just now; unknown keys are ignored."""
        owner = self._owners.get(key)
        if owner is not None:
            self._kept[owner].move_to_end(key)

    def remove(self, key: str) -> None:
        """Forget a key; unknown ones are ignored."""
        owner = self._owners.pop(key, None)
        if owner is None:
            return
        size = self._kept[owner].pop(key)
        self._sizes[owner] -= size
        self.total -= size
        if not self._kept[owner]:
            del self._kept[owner], self._sizes[owner]

    def first_to_go(self) -> str:
        """The key to give up next. Raises ValueError when nothing is kept."""
        most = max(self._sizes, key=self._sizes.__getitem__)
        return next(iter(self._kept[most]))


class TurnQueue(Generic[T]):
    """What waits, in order for each owner; the owners take turns. At most ``places`` wait.

    Where there is no place left, the owner who has the most waiting gives up the last of them, if that is
    more than the newcomer's owner has; else the newcomer has to go.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def of(self, owner: str) -> int:
        """How many of one owner wait."""
        return len(self._waiting.get(owner, ()))

    def put(self, item: T, owner: str = "") -> T | None:
        """Let ``item`` wait; what has no place any more for that, which may be ``item`` itself."""
        gone: T | None = None
        if self._count >= self._places:
            most = max(self._waiting, key=self.of, default=owner)
            if self.of(most) <= self.of(owner):
                return item
            gone = self._waiting[most][-1]
            self._take(most, gone)
        self._waiting.setdefault(owner, deque()).append(item)
        self._count += 1
        return gone

    def pop(self) -> T:
        """The next: of whoever's turn it is, what has waited longest. Raises KeyError when nothing waits."""
        owner = next(iter(self._waiting), None)
        if owner is None:
            raise KeyError("nothing waits")
        item = self._waiting[owner][0]
        self._waiting.move_to_end(owner)
        self._take(owner, item)
        return item

    def remove(self, item: T) -> None:
        """It does not wait any more; what is not there is ignored."""
        for owner, waiting in self._waiting.items():
            if item in waiting:
                self._take(owner, item)
                return

    def _take(self, owner: str, item: T) -> None:
        waiting = self._waiting[owner]
        waiting.remove(item)
        self._count -= 1
        if not waiting:
            del self._waiting[owner]
