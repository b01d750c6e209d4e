"""How kernels are compiled and where the compiled code is kept.

Numba keys its disk cache by one source file's time and size, but a kernel may have inlined a function of
another file, and installed files often all carry the same time. So the kernels of a module are kept in a
folder named after a digest of its source, of all it takes from the plane, and of the settings that change
the generated code: what has not changed is never compiled again.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config as numba_config

# Its attributes are made at run time from the environment.
config: Any = numba_config

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


_IMPORT = re.compile(r"^from (hookflash\.plane\.[a-z0-9_.]+) import", re.MULTILINE)
_PACKAGE = Path(__file__).parents[2]


def cache_folder(module: str = __name__) -> str:
    """Folder of a module's compiled kernels; ``XDG_CACHE_HOME`` and ``NUMBA_CACHE_DIR`` are honoured."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    base = Path(given) if given else Path(home) / "hookflash" / "kernels"
    return str(base / _digest(module))


@cache
def _digest(module: str) -> str:
    """Of a module's source and of all it imports from the plane, directly or not."""
    sources: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        source = _PACKAGE.joinpath(*name.split(".")[1:]).with_suffix(".py")
        if not source.is_file():
            source = source.with_suffix("") / "__init__.py"
        if name in sources or not source.is_file():
            continue
        sources[name] = source.read_bytes()
        waiting += _IMPORT.findall(sources[name].decode())
        if source.name == "__init__.py":
            waiting += [f"{name}.{part.stem}" for part in source.parent.glob("*.py") if part != source]
    digest = hashlib.sha256(f"{numba.__version__} {config.BOUNDSCHECK}".encode())
    for name in sorted(sources):
        digest.update(name.encode() + sources[name])
    return digest.hexdigest()[:16]


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
    config.CACHE_DIR = cache_folder(function.__module__)
    try:
        compiled = numba.njit(cache=True, nogil=True, fastmath=True, error_model="numpy", **options)(function)
    finally:
        config.CACHE_DIR = before
    return cast(Kernel, compiled)
