"""How kernels are compiled and where the compiled code is kept.

Numba keys its disk cache by one source file's time and size, but a kernel may have inlined a function of
another file, and installed files often all carry the same time. So the cache lives in a folder named after a
digest of all kernel sources and of the settings that change the generated code.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config as numba_config

# Its attributes are made at run time from the environment.
config: Any = numba_config

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def cache_folder() -> str:
    """Folder of the compiled kernels; ``XDG_CACHE_HOME`` and ``NUMBA_CACHE_DIR`` are honoured."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for source in sorted(
        [*here.glob("*.py"), *(here.parent / "columns").glob("*.py"), here.parent / "rings.py"]
    ):
        digest.update(source.read_bytes())
    digest.update(f"{numba.__version__} {config.BOUNDSCHECK}".encode())
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    base = Path(given) if given else Path(home) / "hookflash" / "kernels"
    return str(base / digest.hexdigest()[:16])


_FOLDER = cache_folder()


def kernel(function: Kernel) -> Kernel:
    """Compile ``function`` on first call with the options all kernels share.

    It can not make arrays: counting references to the views it takes of the columns would cost several
    times what most kernels do. The caller holds every array for as long as the call lasts.
    """
    return _compile(function)


def allocating(function: Kernel) -> Kernel:
    """A kernel that makes arrays of its own, and so has to count references."""
    return _compile(function, counting=True)


def part(function: Kernel) -> Kernel:
    """A piece of a kernel, always inlined: passing groups of columns by value costs more than most do."""
    return _compile(function, inline=True)


def _compile(function: Kernel, *, inline: bool = False, counting: bool = False) -> Kernel:
    options: dict[str, Any] = {"forceinline": inline, "_nrt": counting}
    before = config.CACHE_DIR
    config.CACHE_DIR = _FOLDER
    try:
        compiled = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy", **options)(function)
    finally:
        config.CACHE_DIR = before
    return cast(Kernel, compiled)
