"""The fast tests, with the coverage gate on the pure rooms.

Run by ``make test`` and by the README's test command. Arguments are passed on to pytest; with arguments the
gate is left out, because a part of the tests covers a part of the code.
"""

from __future__ import annotations

import subprocess
import sys

PURE_ROOMS = (
    "src/hookflash/wire/*",
    "src/hookflash/calls/*",
    "src/hookflash/media/*",
    "src/hookflash/sip/*",
)
NOT_PURE = ("src/hookflash/sip/transports/*",)
GATE = 95


def run(*command: str) -> int:
    """Run a Python module of this environment; returns its exit code."""
    return subprocess.run([sys.executable, "-m", *command], check=False).returncode


def main() -> int:
    """Exit code 0 only if every test passed and the gate held."""
    if len(sys.argv) > 1:
        return run("pytest", *sys.argv[1:])
    failed = run("coverage", "run", "-m", "pytest")
    if failed:
        return failed
    return run(
        "coverage",
        "report",
        f"--include={','.join(PURE_ROOMS)}",
        f"--omit={','.join(NOT_PURE)}",
        f"--fail-under={GATE}",
        "--skip-covered",
        "--skip-empty",
    )


if __name__ == "__main__":
    sys.exit(main())
