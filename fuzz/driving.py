"""What the fuzzing programs share: running a target with Atheris, or on random octets without it."""

from __future__ import annotations

import base64
import contextlib
import importlib.util
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before anything of numba is imported: kernels run as plain Python then.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

PEER = ("192.0.2.9", 4000)
PLAIN = ("--random", "--kept")
"""Options that need no Atheris."""


def watched() -> Any:
    """While this lasts, what is imported from the project is watched for new branches, with Atheris."""
    if importlib.util.find_spec("atheris") is None or (sys.argv[1:] and sys.argv[1] in PLAIN):
        return contextlib.nullcontext()
    atheris: Any = importlib.import_module("atheris")
    return atheris.instrument_imports(include=["hookflash"])


def pieces(data: bytes) -> Iterator[bytes]:
    """The input as datagrams: each begins with its length in two octets, at most 1,500."""
    at = 0
    while at + 2 <= len(data):
        size = min(int.from_bytes(data[at : at + 2], "big") % 1501, len(data) - at - 2)
        yield data[at + 2 : at + 2 + size]
        at += 2 + size


def run(target: Callable[[bytes], None]) -> None:
    """Feed ``target`` for as long as the arguments say: libFuzzer's, ``--random`` and how often, or
    ``--kept`` and a file of inputs, one a line in base64; with a folder behind it they are written there
    instead.
    """
    if sys.argv[1:2] == ["--random"]:
        dice = random.Random(0)
        for _ in range(int(sys.argv[2])):
            target(dice.randbytes(dice.randrange(400)))
        return
    if sys.argv[1:2] == ["--kept"]:
        kept = [base64.b64decode(line) for line in Path(sys.argv[2]).read_text().split()]
        for number, data in enumerate(kept):
            if sys.argv[3:]:
                Path(sys.argv[3], f"kept{number:04}").write_bytes(data)
            else:
                target(data)
        print(f"{len(kept)} inputs")
        return
    if importlib.util.find_spec("atheris") is None:
        sys.exit("error: Atheris is not installed here; see fuzz/README.md, or give --random 1000")
    atheris: Any = importlib.import_module("atheris")
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()
