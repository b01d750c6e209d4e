"""A minute of calls that come and go on a worker, by the soak among the benchmarks."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="the callers are a C program")
def test_nothing_is_left_of_a_minute_of_calls():
    command = [sys.executable, "-m", "bench.soak", "--secs", "60", "--load", "0.1", "--rows", "960"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=220)
    found = json.loads(done.stdout)
    # A machine that is busy otherwise leaves ticks out; that is not what is asked here.
    assert [fault for fault in found["faults"] if "ticks were left out" not in fault] == [], done.stderr
    assert found["calls"] > 50
    assert found["keys heard"] > 50
