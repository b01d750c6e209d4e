"""Dead letters: one JSON file for each event that could not be delivered, in a bounded folder."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hookflash.events.delivering import End, Outcome
from hookflash.events.policies import GRID_FINAL
from hookflash.ports.journal import Delivery
from hookflash.wire.dead_letter import MAX_ATTEMPTS_EXCEEDED, TIME_TO_LIVE_EXCEEDED, dead_letter

log = logging.getLogger("hookflash.events")

MAX_FILES = 10_000
MAX_BYTES = 256 << 20
SUFFIX = ".json"
_SLACK = 0.9
"""What is left after the oldest were removed, of what may be there: so that not every new one looks again."""
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")


def letter_of(delivery: Delivery, outcome: Outcome) -> bytes:
    """What is kept of a delivery that was given up."""
    progress = outcome.progress
    return dead_letter(
        delivery.body,
        reason=_reason(outcome),
        attempts=progress.tries,
        outcome=progress.outcome or "Probation",
        status=progress.status,
        last_attempt=progress.at,
    )


def _reason(outcome: Outcome) -> str:
    if outcome.end is End.EXPIRED:
        return TIME_TO_LIVE_EXCEEDED
    if outcome.end is End.EXHAUSTED:
        return MAX_ATTEMPTS_EXCEEDED
    if outcome.end is End.REFUSED:
        return GRID_FINAL.get(outcome.progress.status, "UndeliverableDueToTargetRefused")
    return "UndeliverableDueToInternalError"


class DeadLetters:
    """Files under ``folder``, which is made when the first one is kept.

    Bounded in number and bytes, over all folders below it: beyond, the oldest are removed, which is logged.

    Args:
        folder: where folders given as plain names are.
        always: keep those of subscriptions without a folder too, each in one of its own name.
        max_files, max_bytes: the bounds.
    """

    def __init__(
        self, folder: Path, *, always: bool, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES
    ) -> None:
        self.folder = folder
        self._always = always
        self._max_files = max_files
        self._max_bytes = max_bytes
        # What is there, of each folder used; unknown until the first letter.
        self._there: dict[Path, tuple[int, int]] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hookflash-dead-letters")

    def place(self, subscription: str, named: str) -> Path | None:
        """The folder for a subscription which names one (or "" for none); None when nothing is kept of it."""
        if named:
            return self.folder / named
        return self.folder / subscription if self._always else None

    async def keep(self, place: Path, name: str, letter: bytes) -> Path:
        """Write ``letter`` durably; the same name is written over. Returns the file.

        Raises:
            OSError: it cannot be written.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._keep, place, name, letter)

    def close(self) -> None:
        """Finish what is being written."""
        self._thread.shutdown()

    # --- on the thread --------------------------------------------------------------------------------------

    def _keep(self, place: Path, name: str, letter: bytes) -> Path:
        root = self._root(place)
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = place / (_UNFIT.sub("_", name)[:150] + SUFFIX)
        unfinished = path.with_suffix(".new")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(letter)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        files, size = self._there.get(root) or _measure(_letters(root))
        self._there[root] = files + 1, size + len(letter)
        self._make_room(root, path)
        return path

    def _root(self, place: Path) -> Path:
        """What is bounded together: everything under the folder, or a folder elsewhere by itself."""
        return self.folder if place.is_relative_to(self.folder) else place

    def _make_room(self, root: Path, newest: Path) -> None:
        files, size = self._there[root]
        if files <= self._max_files and size <= self._max_bytes:
            return
        # Somebody may have taken letters away meanwhile: look again before any is removed.
        letters = _letters(root)
        files, size = _measure(letters)
        removed = 0
        if files > self._max_files or size > self._max_bytes:
            for _, length, path in letters:
                if files <= self._max_files * _SLACK and size <= self._max_bytes * _SLACK:
                    break
                if path == newest:
                    continue
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
                files, size, removed = files - 1, size - length, removed + 1
        self._there[root] = files, size
        if removed:
            log.warning(
                "%d of the oldest dead letters in %s were removed, to keep within %d files and %d bytes",
                removed,
                root,
                self._max_files,
                self._max_bytes,
            )


Letter = tuple[float, int, Path]


def _letters(root: Path) -> list[Letter]:
    """Time, length and path of every letter, oldest first."""
    found: list[Letter] = []
    for path in root.rglob(f"*{SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            about = path.stat()
            found.append((about.st_mtime, about.st_size, path))
    return sorted(found)


def _measure(letters: list[Letter]) -> tuple[int, int]:
    return len(letters), sum(length for _, length, _ in letters)
