"""``python -m bench [NAME...]``: run the benchmarks; one JSON line a figure on standard output, nothing else.

A line is ``{"bench": ..., "value": ..., "unit": ..., "target": ..., "ok": ...}``, with ``noise_percent``, how
far the rounds lie apart, where there were several. What a benchmark has to say
besides goes to standard error. The exit code is 0 when every benchmark ran, whatever its figures: machines
differ, and a shared one is noise; ``ok`` says whether the target was met here and now.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
NAMES = (
    "legs",
    "capacity",
    "conference",
    "wideband",
    "secure",
    "recording",
    "recordings",
    "streaming",
    "memory",
    "api",
    "latency",
    "flows",
    "sip",
    "sip_core",
    "sip_media",
    "sip_phones",
    "keys",
    "talkoff",
    "speech",
    "recognition",
    "barge_in",
    "services",
)
TIMEOUT = 300
"""Seconds a benchmark may take; the first one may have kernels to compile."""
LONGER = {"talkoff": 900}
"""Those that may take longer: an hour of speech has to be spoken."""


def main() -> int:
    """Run the named benchmarks, or all of them."""
    wanted = sys.argv[1:] or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        print(f"error: no benchmark {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    failed = [name for name in wanted if run(name)]
    if failed:
        print(f"error: these did not run: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str) -> int:
    """Run one benchmark in a process of its own; returns its exit code."""
    print(f"bench {name} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"bench.{name}"]
    limit = LONGER.get(name, TIMEOUT)
    try:
        return subprocess.run(command, cwd=HERE.parent, check=False, timeout=limit).returncode
    except subprocess.TimeoutExpired:
        print(f"error: bench {name} was not done after {limit} s; is the machine busy?", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
