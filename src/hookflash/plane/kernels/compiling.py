"""How kernels are compiled and where the compiled code is kept.

Numba keys its disk cache by one source file's time and size, but a kernel may have inlined a function of
another file, and installed files often all carry the same time. So the kernels of a module are kept in a
folder named after a digest of its source, of all it takes from the plane, and of the settings that change
the generated code: what has not changed is never compiled again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

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
def hold(folder: str) -> None:
    """Mark a folder as used just now, and as in use for as long as this process lives.

    :mod:`hookflash.plane.kernel_cache` removes what is neither.
    """
    with contextlib.suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        # Never closed: the lock ends with the process.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.utime(folder)


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


def kept(name: str) -> bool:
    """Whether the folders hold compiled code of the kernel of this name."""
    module, _, function = name.rpartition(".")
    return any(Path(cache_folder(module)).glob(f"*/*.{function}-*.nbi"))


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


class Call(NamedTuple):
    """A call of a kernel that was not compiled: ``kernel.compile(types)`` does it and keeps the result."""

    kernel: Any
    types: tuple[Any, ...]

    @property
    def name(self) -> str:
        return name_of(self.kernel.py_func)


class _Noted:
    """The calls that were noted so far, and whether one is being run as Python."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, tuple[Any, ...]], Call] = {}
        self.within = False

    def plain(self, called: _Kernel) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            if self.within:
                # Its caller will compile it too.
                return called.py_func(*args)
            types = tuple(called.typeof_pyval(value) for value in args)
            self.calls[(name_of(called.py_func), types)] = Call(called, types)
            self.within = True
            try:
                return called.py_func(*args)
            finally:
                self.within = False

        return run


_noted: _Noted | None = None


@contextmanager
def noting() -> Iterator[dict[Any, Call]]:
    """Within it a kernel that is not compiled is noted and run as Python, instead of being compiled.

    Nothing is known of what is kept: what is in the folders is noted as well. For one thread.
    """
    global _noted
    _noted = _Noted()
    try:
        yield _noted.calls
    finally:
        _noted = None


class _Kernel(CPUDispatcher):
    """Compiled when it is called first, but for :func:`noting`."""

    def _compile_for_args(self, *args: Any, **named: Any) -> Any:
        if _noted is not None:
            # What is returned is called with the same arguments.
            return _noted.plain(self)
        return cast(Any, super())._compile_for_args(*args, **named)


class _Part(CPUDispatcher):
    """Only kernels call it. Without the code that takes groups of columns apart it compiles much faster."""

    def __call__(self, *args: Any) -> Any:
        """From Python, as tests do, it runs as Python."""
        return self.py_func(*args)


def name_of(function: Callable[..., Any]) -> str:
    """Module and name, as in :func:`kernel_names`."""
    return f"{function.__module__}.{function.__qualname__}"


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
    """A piece of a kernel, always inlined: passing groups of columns by value costs more than most do.

    Called from Python it is not compiled: make a kernel that calls it. It is not kept by itself either, but
    in the kernels that it is part of.
    """
    if config.DISABLE_JIT:
        return function
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
    if config.DISABLE_JIT:
        return function
    compiled = _Kernel(function, targetoptions=_options(_nrt=counting))
    _made.add(name_of(function))
    if unkept(base_folder()) is None:
        before = config.CACHE_DIR
        config.CACHE_DIR = cache_folder(function.__module__)
        hold(config.CACHE_DIR)
        try:
            compiled.enable_caching()
        finally:
            config.CACHE_DIR = before
    return cast(Kernel, compiled)
