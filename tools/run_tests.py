"""The fast tests, with the coverage gate on the pure rooms.

Run by ``make test`` and by the README's test command. Each pure room has to be covered by its own tests, so
these run room by room under coverage; everything else runs once, without. Arguments are passed on to pytest,
and then there is no gate, because a part of the tests covers a part of the code.

``--kernels`` (``make kernels``) does the same for the kernels of the media plane: their tests once more,
without the compiler, since what is compiled coverage can not see. That takes some minutes by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

GATE = 95
"""Per cent of lines and branches, together, that a pure room's own tests must reach."""
GATED = {
    "wire": ("wire",),
    "calls": ("calls", "media"),
    "media": ("calls", "media"),
    "sip": ("sip", "phones"),
}
"""Pure rooms, and the tests that have to cover them."""
ROOMS = sorted(set(GATED.values()))
KERNELS = "plane/kernels"
KERNELS_DATA = "plane"
PLAIN = (
    "audio_desk",
    "bridge",
    "codecs",
    "hold_music",
    "jitter",
    "latching",
    "packets",
    "packing",
    "plane_pipeline",
    "plane_receive",
    "plane_rfc4733",
    "plane_rtcp",
    "plane_tapping",
    "playing",
    "tones",
)
"""Tests of the plane that are run once more without the compiler: what is compiled, coverage can not see."""
NOT_PLAIN = "not compiled and not slow and not interop"
"""But for those that are marked to need the compiler."""
COMPILED = (
    "concealment",
    "plane_codec",
    "plane_dtmf",
    "plane_kernels",
    "quality",
    "sweep",
    "events",
)
"""Those that run kernels in their plain form by themselves."""
SYSTEM = "tests/system"
NOT_PURE = "src/hookflash/sip/transports/*"
ROOT = Path(__file__).parent.parent


def run(*command: str, **environment: str) -> int:
    """Run a Python module of this environment; returns its exit code."""
    where = {**os.environ, **environment}
    return subprocess.run([sys.executable, "-m", *command], check=False, cwd=ROOT, env=where).returncode


class Aside(threading.Thread):
    """Test runs beside the others, one after the other.

    ``failed`` and ``said`` hold once it has been joined.
    """

    def __init__(self, *runs: tuple[Sequence[str], Mapping[str, str]]) -> None:
        super().__init__(daemon=True)
        self.failed = False
        self.said = ""
        self._runs = runs
        self.start()

    def run(self) -> None:
        """Run them, and keep what they say."""
        for command, environment in self._runs:
            done = subprocess.run(
                [sys.executable, "-m", *command],
                check=False,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            self.said += done.stdout.decode(errors="replace")
            self.failed |= done.returncode != 0

    def finish(self, what: str) -> bool:
        """Wait for them and print what they said; whether one failed."""
        self.join()
        print(f"\n{what}:\n{self.said}", flush=True)
        return self.failed


def kernels() -> int:
    """The tests of the kernels under coverage: without the compiler, and those that choose for themselves."""
    source = f"--source=src/hookflash/{KERNELS}"
    plain = ("coverage", "run", "--data-file=.coverage.kernels", source, "-m", "pytest", "-m", NOT_PLAIN)
    compiled = ("coverage", "run", "--data-file=.coverage.compiled", source, "-m", "pytest")
    without = Aside(((*plain, *files(PLAIN)), {"NUMBA_DISABLE_JIT": "1"}))
    failed = run(*compiled, *files(COMPILED)) != 0
    failed |= without.finish("without the compiler")
    data = (".coverage.kernels", ".coverage.compiled")
    failed |= run("coverage", "combine", "--keep", f"--data-file=.coverage.{KERNELS_DATA}", *data) != 0
    return 1 if failed or not gates_hold({KERNELS: KERNELS_DATA}) else 0


def rooms() -> list[tuple[Sequence[str], Mapping[str, str]]]:
    """The runs of the pure rooms under coverage.

    Only the rooms the gate is about are traced: all the code they use would take several times as long.
    """
    return [(("coverage", "run", *_of_rooms(names), "-m", "pytest", *tests_of(names)), {}) for names in ROOMS]


def _of_rooms(names: tuple[str, ...]) -> tuple[str, str]:
    rooms = ",".join(f"src/hookflash/{room}" for room, by in GATED.items() if by == names)
    return f"--data-file=.coverage.{names[0]}", f"--source={rooms}"


def files(names: Sequence[str]) -> list[str]:
    """The files of these tests of the plane."""
    return [f"tests/plane/test_{name}.py" for name in names]


def tests_of(names: tuple[str, ...]) -> list[str]:
    """The folders of these tests."""
    return [f"tests/{name}" for name in names]


def gates_hold(gates: Mapping[str, str]) -> bool:
    """Whether all rooms reach the gate; by the name of what was measured of each."""
    missed = [room for room, data in gates.items() if not covered(room, f".coverage.{data}")]
    if missed:
        print(f"error: tests cover less than {GATE} % of {', '.join(missed)}", file=sys.stderr)
    return not missed


def covered(room: str, data: str) -> bool:
    """Whether a room reaches the gate; prints its files that are not covered whole."""
    print(f"\ncoverage of {room}, at least {GATE} %:", flush=True)
    report = ("report", f"--data-file={data}", f"--include=src/hookflash/{room}/*", f"--omit={NOT_PURE}")
    return run("coverage", *report, f"--fail-under={GATE}", "--skip-covered", "--skip-empty") == 0


def main() -> int:
    """Exit code 0 only if every test passed and the gate held for every pure room."""
    if sys.argv[1:] == ["--kernels"]:
        return kernels()
    if len(sys.argv) > 1:
        return run("pytest", *sys.argv[1:])
    # Compiled once, by all cores, before half a dozen servers want it at the same time.
    warm = [sys.executable, "-c", "from hookflash.plane.warmup import warm_up; warm_up()"]
    failed = subprocess.run(warm, check=False, cwd=ROOT).returncode != 0
    # Whole servers and phones mostly wait for each other: half of them beside the other half.
    system = sorted(str(path.relative_to(ROOT)) for path in (ROOT / SYSTEM).glob("test_*.py"))
    first = Aside(*rooms(), (("pytest", *system[::2]), {}))
    second = Aside((("pytest", *system[1::2]), {}))
    print("all tests but those of the rooms below and of whole servers:", flush=True)
    ignored = [*tests_of(tuple(name for names in ROOMS for name in names)), SYSTEM]
    failed |= run("pytest", *(f"--ignore={path}" for path in ignored)) != 0
    failed |= second.finish("whole servers and phones")
    failed |= first.finish(f"under coverage: {', '.join(GATED)}; then the other servers and phones")
    gated = gates_hold({room: names[0] for room, names in GATED.items()})
    return 1 if failed or not gated else 0


if __name__ == "__main__":
    sys.exit(main())
