"""The data directory: private to its owner, used by one server at a time."""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path

log = logging.getLogger("hookflash.store")

LOCK_NAME = "server.lock"


class DataDirectoryInUse(Exception):
    """Another process holds the data directory; the message names it."""

    def __init__(self, path: Path, pid: int | None) -> None:
        holder = f"process {pid}" if pid is not None else "another process"
        super().__init__(
            f"data directory {path} is in use by {holder}; stop it, or give this server its own data_dir"
        )
        self.path = path
        self.pid = pid


class DataDirectoryUnusable(OSError):
    """The data directory cannot be created or written; the message says why and which setting names it."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"data directory {path} cannot be used: {error.strerror or error}; "
            "set server.data_dir to a directory that this user may write"
        )


class DataDirectory:
    """An acquired data directory.

    The lock is an ``flock``: the kernel frees it when the process ends, however it ends, so no lock is ever
    stale. The lock file stays; the process id in it is only there for the message of the next one who asks.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path | str) -> DataDirectory:
        """Create the directory (mode 0700) if need be and lock it.

        Raises:
            DataDirectoryInUse: another process holds it.
            DataDirectoryUnusable: it cannot be created or written.
        """
        path = Path(path)
        try:
            _make_private(path)
            descriptor = os.open(path / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryUnusable(path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid_in(descriptor)
            os.close(descriptor)
            raise DataDirectoryInUse(path, pid) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(path, descriptor)

    def release(self) -> None:
        """Give the directory free; idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _make_private(path: Path) -> None:
    if not path.exists():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        # Not narrowed here: the directory was made by somebody else, perhaps for more than us.
        log.warning(
            "data directory %s has mode %04o; others may look into it: chmod 700 %s", path, mode, path
        )


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
