"""The fast tests, with the coverage gate on the pure rooms.

Run by ``make test`` and by the README's test command. Each pure room has to be covered by its own tests, so
these run room by room under coverage; everything else runs once, without. Arguments are passed on to pytest,
and then there is no gate, because a part of the tests covers a part of the code.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

GATE = 95
"""Per cent of lines and branches, together, that a pure room's own tests must reach."""
GATED = {
    "wire": ("wire",),
    "calls": ("calls", "media"),
    "media": ("calls", "media"),
    "sip": ("sip", "phones"),
    "plane/kernels": ("plane",),
}
"""Pure rooms, and the tests that have to cover them."""
NOT_PURE = "src/hookflash/sip/transports.py"
ROOT = Path(__file__).parent.parent


def run(*command: str, **environment: str) -> int:
    """Run a Python module of this environment; returns its exit code."""
    where = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-m", *command], check=False, cwd=ROOT, env=where).returncode


def tests_of(names: tuple[str, ...]) -> list[str]:
    """The folders of these tests."""
    return [f"tests/{name}" for name in names]


def covered(room: str, data: str) -> bool:
    """Whether a room reaches the gate; prints its files that are not covered whole."""
    print(f"\ncoverage of {room}, at least {GATE} %:", flush=True)
    report = ("report", f"--data-file={data}", f"--include=src/hookflash/{room}/*", f"--omit={NOT_PURE}")
    return run("coverage", *report, f"--fail-under={GATE}", "--skip-covered", "--skip-empty") == 0


def main() -> int:
    """Exit code 0 only if every test passed and the gate held for every pure room."""
    if len(sys.argv) > 1:
        return run("pytest", *sys.argv[1:])
    failed, missed = False, []
    for names in sorted(set(GATED.values())):
        print(f"\ntests of {', '.join(names)}, under coverage:", flush=True)
        data = f".coverage.{names[0]}"
        # Only the rooms the gate is about: tracing all the code they use would take several times as long.
        rooms = ",".join(f"src/hookflash/{room}" for room, by in GATED.items() if by == names)
        arguments = ("run", f"--data-file={data}", f"--source={rooms}", "-m", "pytest", *tests_of(names))
        failed |= run("coverage", *arguments) != 0
        missed += [room for room, by in GATED.items() if by == names and not covered(room, data)]
    print("\nall other tests:", flush=True)
    gated = [name for names in GATED.values() for name in names]
    failed |= run("pytest", *(f"--ignore={folder}" for folder in tests_of(tuple(gated)))) != 0
    if missed:
        print(f"error: tests cover less than {GATE} % of {', '.join(missed)}", file=sys.stderr)
    return 1 if failed or missed else 0


if __name__ == "__main__":
    sys.exit(main())
