"""SIPp as a process: a scenario, a bounded number of calls, and its own verdict."""

from __future__ import annotations

import csv
import re
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from scenario import Scenario

from hookflash.loopback import free_port

MAX_PORT = 65_535
SCENARIOS = Path(__file__).parent / "sipp"


@dataclass(frozen=True)
class Verdict:
    """What SIPp's statistics say in the end."""

    code: int
    successful: int
    failed: int
    retransmissions: int
    output: str


class Sipp:
    """One run of SIPp on loopback.

    Args:
        scenario: file in the ``sipp`` folder without ``.xml``, a built-in one ("uac", "uas"), or one that is
            written for this run.
        folder: where its files go.
        remote: host:port to call, for a caller.
        calls, rate: how many in all, how many a second.
        user: user part of the request URI.
        address: its own, for SIP and RTP.
        port: its own SIP port; a free one when 0.
        keys: values for the scenario's own keywords.
        media_port: where its RTP arrives; a free port when 0.
        options: further command line.
    """

    def __init__(
        self,
        scenario: str | Scenario,
        folder: Path,
        *,
        remote: str = "",
        calls: int = 1,
        rate: int = 10,
        user: str = "+18005550100",
        transport: str = "u1",
        address: str = "127.0.0.1",
        timeout: int = 120,
        port: int = 0,
        media_port: int = 0,
        keys: dict[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self._statistics = folder / "statistics.csv"
        self._errors = folder / "errors.log"
        self._messages = folder / "messages.log"
        if isinstance(scenario, Scenario):
            which = ["-sf", str(scenario.save(folder / "scenario.xml"))]
        else:
            file = SCENARIOS / f"{scenario}.xml"
            which = ["-sf", str(file)] if file.exists() else ["-sn", scenario]
        command = ["sipp", *which, "-i", address, "-p", str(self.port), "-s", user, "-t", transport]
        command += ["-mi", address, "-mp", str(media_port or media_ports(calls))]
        for name, value in (keys or {}).items():
            command += ["-key", name, value]
        command += ["-m", str(calls), "-r", str(rate), "-l", str(max(calls, 10)), "-timeout", str(timeout)]
        command += ["-trace_stat", "-stf", str(self._statistics), "-fd", "1", "-trace_err", "-nostdin"]
        if calls <= 20:
            command += ["-trace_msg", "-message_file", str(self._messages)]
        command += ["-error_file", str(self._errors), *options, *([remote] if remote else [])]
        self._process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._timeout = timeout

    def finish(self) -> Verdict:
        """Wait for the end and read the statistics."""
        try:
            output, _ = self._process.communicate(timeout=self._timeout + 30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        errors = self._errors.read_text() if self._errors.exists() else ""
        last: dict[str, str] = {}
        if self._statistics.exists():
            with self._statistics.open(newline="") as file:
                for row in csv.DictReader(file, delimiter=";"):
                    last = row
        return Verdict(
            self._process.returncode,
            int(last.get("SuccessfulCall(C)") or 0),
            int(last.get("FailedCall(C)") or 0),
            int(last.get("Retransmissions(C)") or 0),
            (errors or output or "")[-3000:],
        )

    def wait_listening(self, timeout: float = 10) -> None:
        """Wait until its port takes messages."""
        wanted = f":{self.port:04X}"
        deadline = time.monotonic() + timeout
        while not any(_listens(table, wanted) for table in ("udp", "tcp", "udp6", "tcp6")):
            assert self._process.poll() is None, f"SIPp ended: {self.finish().output}"
            assert time.monotonic() < deadline, f"SIPp does not listen within {timeout} s"
            threading.Event().wait(0.02)

    def messages(self) -> str:
        """Every message it has sent and received; only runs of few calls keep them."""
        return self._messages.read_text(errors="replace") if self._messages.exists() else ""

    def received(self) -> str:
        """Those it has received."""
        blocks = re.split(r"^-{10,}.*$", self.messages(), flags=re.MULTILINE)
        return "".join(block for block in blocks if "message received" in block[:100])

    def wait_message(self, text: str, timeout: float = 10) -> None:
        """Wait until it has sent or received a message with this text."""
        deadline = time.monotonic() + timeout
        while text not in self.messages():
            assert time.monotonic() < deadline, f"no {text!r} within {timeout} s"
            threading.Event().wait(0.02)

    def stop(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def media_ports(calls: int) -> int:
    """A free port from which [auto_media_port] counts up, by four a call, without passing the last one.

    That for video, which SIPp binds as well, is the second after it.
    """
    while True:
        port = free_port()
        if port <= MAX_PORT - 4 * (calls + 1) and _is_free(port + 2):
            return port


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _listens(table: str, port: str) -> bool:
    """Whether /proc/net/udp or tcp has a socket bound to a port, in state listening or unconnected."""
    lines = Path("/proc/net", table).read_text().splitlines()[1:]
    rows = [line.split() for line in lines]
    return any(row[1].endswith(port) and row[3] in ("07", "0A") for row in rows)


def run(scenario: str | Scenario, folder: Path, **options: object) -> Verdict:
    """Run SIPp to its end."""
    return Sipp(scenario, folder, **options).finish()  # type: ignore[arg-type]
