"""What fuzzing SIP has found worth keeping, through the program that fuzzes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(__file__).parents[2] / "fuzz"
KEPT = PROGRAMS / "sip.inputs"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAMS / "fuzz_sip.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_every_kept_input_leaves_nothing_behind() -> None:
    done = run("--kept", str(KEPT))
    assert done.returncode == 0, done.stderr[-2000:]
    count = len(KEPT.read_text().split())
    assert count > 100
    assert done.stdout == f"{count} inputs\n"


def test_kept_inputs_are_unpacked(tmp_path: Path) -> None:
    done = run("--kept", str(KEPT), str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list(tmp_path.iterdir())) == len(KEPT.read_text().split())
