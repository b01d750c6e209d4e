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
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import config as numba_config
from numba.core.registry import CPUDispatcher

# Its attributes are made at run time from the environment.
config: Any = numba_config

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


_IMPORT = re.compile(r"^\s*from (hookflash\.plane[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_PACKAGE = Path(__file__).parents[2]
_made: set[str] = set()


def base_folder() -> Path:
    """Where compiled kernels are kept; ``XDG_CACHE_HOME`` and ``NUMBA_CACHE_DIR`` are honoured."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(given) if given else Path(home) / "hookflash" / "kernels"


def cache_folder(module: str = __name__) -> str:
    """Folder of a module's compiled kernels."""
    return str(base_folder() / _digest(module))


@cache
def unkept(folder: Path) -> str | None:
    """Why nothing can be kept in ``folder``; None when it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


def kernel_names() -> set[str]:
    """Every kernel that has been made in this process, whether it is compiled yet or not."""
    return set(_made)


@cache
def _digest(module: str) -> str:
    """Of a module's source and of all it imports from the plane, directly or not."""
    sources: dict[str, bytes] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        source = _source(name)
        if name in sources or source is None:
            continue
        sources[name] = source.read_bytes()
        for package, names in _IMPORT.findall(sources[name].decode()):
            waiting += [f"{package}.{part}" for part in re.findall(r"\w+", names)]
            if package != "hookflash.plane":
                waiting.append(package)
        if source.name == "__init__.py":
            waiting += [f"{name}.{part.stem}" for part in source.parent.glob("*.py") if part != source]
    digest = hashlib.sha256(f"{numba.__version__} {config.BOUNDSCHECK}".encode())
    for name in sorted(sources):
        digest.update(name.encode() + sources[name])
    return digest.hexdigest()[:16]


def _source(module: str) -> Path | None:
    """The file of a module or package; None when the name is of neither."""
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    for source in (path.with_suffix(".py"), path / "__init__.py"):
        if source.is_file():
            return source
    return None


def kernel(function: Kernel) -> Kernel:
    """Compile ``function`` on first call with the options all kernels share.

    It can not make arrays: counting references to the views it takes of the columns would cost several
    times what most kernels do. The caller holds every array for as long as the call lasts.
    """
    return _compile(function)


def allocating(function: Kernel) -> Kernel:
    """A kernel that makes arrays of its own, and so has to count references."""
    return _compile(function, counting=True)


class _Part(CPUDispatcher):
    """Only kernels call it. Without the code that takes groups of columns apart it compiles much faster."""

    def __call__(self, *args: Any) -> Any:
        """From Python, as tests do, it runs as Python."""
        return self.py_func(*args)


def part(function: Kernel) -> Kernel:
    """A piece of a kernel, always inlined: passing groups of columns by value costs more than most do.

    Called from Python it is not compiled: make a kernel that calls it. It is not kept by itself either, but
    in the kernels that it is part of.
    """
    compiled = _Part(function, targetoptions=_options(forceinline=True, no_cpython_wrapper=True))
    return cast(Kernel, compiled)


def _options(**more: Any) -> dict[str, Any]:
    """What all have in common. Nothing in C calls a kernel, so that none needs a way in for it."""
    return {
        "nopython": True,
        "nogil": True,
        "fastmath": True,
        "error_model": "numpy",
        "boundscheck": None,
        "no_cfunc_wrapper": True,
        "_nrt": False,
    } | more


def _compile(function: Kernel, *, counting: bool = False) -> Kernel:
    compiled = CPUDispatcher(function, targetoptions=_options(_nrt=counting))
    _made.add(f"{function.__module__}.{function.__qualname__}")
    if unkept(base_folder()) is None:
        before = config.CACHE_DIR
        config.CACHE_DIR = cache_folder(function.__module__)
        try:
            compiled.enable_caching()
        finally:
            config.CACHE_DIR = before
    return cast(Kernel, compiled)
