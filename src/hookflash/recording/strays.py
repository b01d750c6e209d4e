"""Folders of recordings that no note names: what is left of files that were begun, and never known of.

Neither their age nor an app ends them, so those without a sound in them are removed. One with sound is always
kept: its note may have been lost with the journal. Not for the event loop.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import stat
import time
from collections.abc import Container, Iterator
from pathlib import Path

from hookflash.recording.files import HEADER_SIZE
from hookflash.recording.sealing import EMPTY, is_sealed

AGE = 86_400.0
"""Seconds for which nothing has changed in what is removed: another server may record into the folder."""
MOST = 1_000
"""Strays that are looked at in one go."""
_SHOWN = 10
_SOUNDS = frozenset(("audio.wav", "audio.mp3", "audio.part"))
_ROOM = "metadata.part"
_OURS = re.compile(r"0-hf-d1-[0-9a-f]{32}")

_log = logging.getLogger(__name__)


def new_document_id() -> str:
    """A document id in the form the service has them; a folder is named by it."""
    return f"0-hf-d1-{secrets.token_hex(16)}"


def clear(folder: Path, noted: Container[str]) -> None:
    """Remove what is left of files that were never known of; ``noted`` are the document ids that are known.

    Nothing goes but folders named as ours are, in which only files of ours are, without a sound, for so long
    that nobody writes them. What stays is named in the log.
    """
    removed, kept, before = 0, [], time.time() - AGE
    try:
        for seen, name in enumerate(_strays(folder, noted)):
            if seen == MOST:
                _log.warning("there are more folders without a note in %s; not all were looked at", folder)
                break
            path = folder / name
            if not _is_empty(path):
                kept.append(name)
            elif _is_old(path, before) and discard(path):
                removed += 1
                _log.info("%s, left of a recording that nobody knows, had no sound in it: removed", path)
    except OSError as error:
        _log.error("what is left of recordings in %s could not be looked through: %s", folder, error)
    if removed:
        _log.warning("%d folders without a sound, which no recording knows, were removed", removed)
    if kept:
        more = ", ..." if len(kept) > _SHOWN else ""
        _log.warning(
            "%d folders in %s belong to no recording that is known, and are kept: %s%s; look whether "
            "something in them is wanted, and delete them",
            len(kept),
            folder,
            ", ".join(sorted(kept)[:_SHOWN]),
            more,
        )


def discard(path: Path) -> bool:
    """Remove the folder of a file if there is no sound in it, and nothing but files of ours; whether it is
    gone."""
    if not _is_empty(path):
        return False
    try:
        for name in os.listdir(path):
            if _may_go(path / name):
                (path / name).unlink()
        # Fails if there is something else by now.
        path.rmdir()
    except OSError:
        return False
    return True


def _strays(folder: Path, noted: Container[str]) -> Iterator[str]:
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as found:
        for entry in found:
            if (
                _OURS.fullmatch(entry.name)
                and entry.name not in noted
                and entry.is_dir(follow_symlinks=False)
            ):
                yield entry.name


def _is_empty(path: Path) -> bool:
    """Whether it is a folder, and everything in it may go; False when that can not be seen."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode) and all(_may_go(path / name) for name in os.listdir(path))
    except OSError:
        return False


def _is_old(path: Path, before: float) -> bool:
    """Whether nothing in a folder has changed since ``before``, Unix time."""
    try:
        return all(one.lstat().st_mtime <= before for one in (path, *path.iterdir()))
    except OSError:
        return False


def _may_go(path: Path) -> bool:
    """Whether a file is one of ours with nothing in it. Metadata tell of a file that was finished: not it."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return False
    if path.name in _SOUNDS:
        return _is_silent(path, status.st_size)
    return path.name == _ROOM


def _is_silent(path: Path, size: int) -> bool:
    """Whether there is no sample behind the header."""
    if size == 0:
        return True
    if is_sealed(path):
        return size <= EMPTY
    return path.suffix != ".mp3" and size <= HEADER_SIZE
