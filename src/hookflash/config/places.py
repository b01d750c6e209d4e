"""Where each setting was written, for messages about settings that do not go together."""

from __future__ import annotations

from typing import Any

Path = tuple[str | int, ...]


class Places:
    """Places by path; a setting that was not written has the place of the table around it, or the file's."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._places: dict[Path, str] = {}
        self._paths: dict[int, Path] = {}
        self.broken: set[str] = set()
        """Sections with entries that did not fit: what refers to them cannot be judged."""

    def put(self, path: Path, place: str) -> None:
        self._places[path] = place

    def follow(self, row: Any, path: Path) -> None:
        """Remember the path of an entry of an array: entries that did not fit are left out of the tuple."""
        self._paths[id(row)] = path

    def path_of(self, row: Any) -> Path:
        return self._paths.get(id(row), ())

    def of(self, *path: str | int) -> str:
        for end in range(len(path), 0, -1):
            if path[:end] in self._places:
                return self._places[path[:end]]
        return self._name


def at(places: Places, row: Any, name: str) -> tuple[str, str]:
    """Place and dotted key of a setting of an entry."""
    path = (*places.path_of(row), name)
    return places.of(*path), ".".join(str(part) for part in path)
