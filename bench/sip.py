"""``python -m bench.sip``: complete calls a second of CPU, signalling alone, beside sippy.

Ours is ``examples/sip/answering.py``: :mod:`hookflash.sip` on its own, as anybody would use it, agreeing on
audio in each call. sippy (BSD licence) answers all calls with the same description, which is less work. It is
measured where a Python has it: set ``SIPPY_PYTHON``, for example to that of a virtual environment into which
``pip install sippy`` was done; it is no dependency of ours.

``sip`` is calls a second that one core would do if it did nothing else, ``sip.sippy`` the same of sippy, and
``sip.ratio`` ours over theirs in the same round. Both are offered a rate that sippy carries, at which a
server sleeps most of the time and finds its caches cold when it wakes. ``sip.busy`` is the same figure of
ours at a rate that leaves it little sleep. How it is measured is said in :mod:`bench.sip_load`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from bench.figures import figure, refuse
from bench.media import FAILURES, HERE, middle
from bench.sip_load import Load, Server
from hookflash.loopback import free_port

TARGET = 2000.0
OURS = HERE.parent / "examples" / "sip" / "answering.py"
THEIRS = HERE / "sippy_server.py"
_INSTALL = """\
sip: sippy is not measured: no Python has it. To have it beside ours:
    python3 -m venv /some/where && /some/where/bin/pip install sippy
    SIPPY_PYTHON=/some/where/bin/python python -m bench sip"""


def sippy_python() -> Path | None:
    """A Python that has sippy: the one named, or this one."""
    for name in (os.environ.get("SIPPY_PYTHON"), sys.executable):
        if name and subprocess.run([name, "-c", "import sippy"], capture_output=True).returncode == 0:
            return Path(name)
    return None


def run(command: list[str], calls: int, rate: int) -> Load:
    """One run of a server, warmed up."""
    with Server(command) as server:
        server.load(rate, rate)
        return server.load(calls, rate)


def main() -> int:
    """Run the servers in turn and print the figures."""
    parser = argparse.ArgumentParser(prog="bench.sip")
    parser.add_argument("--calls", type=int, default=3000, help="calls of a run")
    parser.add_argument("--rate", type=int, default=300, help="calls a second")
    parser.add_argument("--busy", type=int, default=1200, help="calls a second of the run that keeps it busy")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program")
    options = parser.parse_args()
    servers = {"hookflash": lambda: [sys.executable, str(OURS), "0"]}
    python = sippy_python()
    if python is None:
        print(_INSTALL, file=sys.stderr)
    else:
        servers["sippy"] = lambda: [str(python), str(THEIRS), str(free_port())]
    runs = {name: (command, options.calls, options.rate) for name, command in servers.items()}
    runs["busy"] = (servers["hookflash"], options.calls * options.busy // options.rate, options.busy)
    loads: dict[str, list[Load]] = {name: [] for name in runs}
    try:
        for _ in range(options.rounds):
            for name, (command, calls, rate) in runs.items():
                load = run(command(), calls, rate)
                loads[name].append(load)
                print(
                    f"sip: {name}: {load.rate:.0f} calls/s of CPU at {load.offered:.0f} calls/s, "
                    f"{load.failed} failed, {load.repeated} messages repeated",
                    file=sys.stderr,
                    flush=True,
                )
    except FAILURES as error:
        return refuse("sip", error, "calls/s/core", TARGET)
    for name, ours in (("sip.busy", loads["busy"]), ("sip", loads["hookflash"])):
        whole = all(load.whole for load in ours)
        rate, noise = middle([load.rate for load in ours])
        figure(name, rate, "calls/s/core", TARGET, at_least=True, noise=noise, whole=whole)
    if "sippy" in loads:
        rate, noise = middle([load.rate for load in loads["sippy"]])
        figure("sip.sippy", rate, "calls/s/core", None, noise=noise)
        pairs = zip(ours, loads["sippy"], strict=True)
        ratio, noise = middle([one.rate / other.rate for one, other in pairs])
        figure("sip.ratio", ratio, "x sippy", 1.0, at_least=True, noise=noise, whole=whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
