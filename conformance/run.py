"""Run the conformance suites: a real server, the official SDKs of three languages, one list of scenarios.

    python conformance/run.py                      every language
    python conformance/run.py --language python --only create-call-answered

Starts ``hookflash serve`` with TLS on loopback, then each runner as its own process with what it needs in
environment variables, and prints a table of scenarios by language. Ends with 1 if any scenario failed, if a
runner left one out without saying why, or if a runner ended early.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT / "tests")]

import scenarios  # noqa: E402
from catcher import Catcher  # noqa: E402
from serving import Serving  # noqa: E402
from talkers import Talkers  # noqa: E402

FLAVOURS = ("python", "python-aio", "javascript", "java")
"""The columns of the table. ``python`` is the synchronous client, ``python-aio`` the asynchronous one."""
LIMIT = 600
"""Seconds a runner may take."""


def command(flavour: str, environment: dict[str, str], work: Path) -> tuple[list[str], Path]:
    """The command line of a runner and the folder it runs in."""
    if flavour.startswith("python"):
        tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", "-c", "pytest.ini"]
        return [environment["CONFORMANCE_PYTHON"], *tests, "test_scenarios.py"], HERE / "python"
    if flavour == "javascript":
        return ["node", "--test", "scenarios.test.mjs"], HERE / "javascript"
    store = work / "trust.p12"
    if not store.exists() or store.stat().st_mtime < Path(environment["CONFORMANCE_CA"]).stat().st_mtime:
        store.unlink(missing_ok=True)
        given = ["-file", environment["CONFORMANCE_CA"], "-keystore", str(store)]
        kind = ["-storetype", "PKCS12", "-storepass", "changeit"]
        subprocess.run(
            ["keytool", "-importcert", "-noprompt", "-alias", "ca", *given, *kind],
            check=True,
            capture_output=True,
        )
    maven = ["mvn", "-B", "-q", *(["-o"] if os.environ.get("CONFORMANCE_OFFLINE") else []), "test"]
    target = f"-Dconformance.build={work / 'java'}"
    return [*maven, target, f"-Dconformance.truststore={store}"], HERE / "java"


def needs(flavour: str) -> str | None:
    """What is missing to run a flavour, and how to get it; None when nothing is."""
    if flavour == "javascript":
        if shutil.which("node") is None:
            return "node is not installed (Debian: apt-get install nodejs npm)"
        if not (HERE / "javascript" / "node_modules").exists():
            return "the JavaScript SDK is not installed: npm install --prefix conformance/javascript"
    if flavour == "java":
        for program, package in (("mvn", "maven"), ("keytool", "default-jdk-headless")):
            if shutil.which(program) is None:
                return f"{program} is not installed (Debian: apt-get install {package})"
    return None


def read_lines(path: Path) -> list[dict[str, Any]]:
    """A file of JSON lines; empty when the runner never got to write it."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def judge(
    flavour: str, listed: list[dict[str, Any]], results: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """The result of each scenario; one that the runner did not report, or left out unasked, has failed."""
    found = {one["scenario"]: one for one in results}
    judged = {}
    for scenario in listed:
        name = scenario["id"]
        excused = scenarios.excuse(scenario, flavour)
        result = found.get(name, {"status": "failed", "reason": "the runner did not report it"})
        if scenario.get("alone") and excused is not None:
            result = {"status": "skipped"}
        if (result["status"] == "skipped") != (excused is not None):
            result = {"status": "failed", "reason": f"{result['status']}, but excused for: {excused}"}
        judged[name] = result
    return judged


def table(listed: list[dict[str, Any]], judged: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Scenarios by flavour."""
    marks = {"passed": "ok", "failed": "FAILED", "skipped": "-"}
    width = max(len(one["id"]) for one in listed)
    lines = [" " * width + "".join(f"  {flavour:>10}" for flavour in judged)]
    for scenario in listed:
        cells = [f"  {marks[results[scenario['id']]['status']]:>10}" for results in judged.values()]
        lines.append(f"{scenario['id']:{width}}" + "".join(cells))
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", action="append", default=[], metavar="ID", help="a scenario; may be repeated"
    )
    parser.add_argument("--language", action="append", choices=FLAVOURS, help="a column; may be repeated")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the Python SDKs")
    parser.add_argument("--keep", metavar="FOLDER", help="leave logs, traffic and results here")
    options = parser.parse_args()
    flavours = options.language or list(FLAVOURS)
    listed = scenarios.load(HERE / "scenarios", options.only)
    for flavour in flavours:
        if (missing := needs(flavour)) is not None:
            print(f"error: {flavour} cannot run: {missing}", file=sys.stderr)
            return 2
    work = Path(options.keep or tempfile.mkdtemp(prefix="hookflash-conformance-")).resolve()
    work.mkdir(parents=True, exist_ok=True)
    for stale in (*work.glob("*.jsonl"), *work.glob("runner-*.log")):
        stale.unlink()
    began = time.monotonic()
    with Catcher() as catcher, Serving(work, catcher.url, catcher.issuer) as server:
        catcher.break_down = server.break_down
        catcher.talkers = Talkers(work, f"127.0.0.1:{server.sip_port}")
        together = [one for one in listed if not one.get("alone")]
        run_all(flavours, together, work, catcher, server, options.python)
        for flavour in flavours:
            alone = [one for one in listed if one.get("alone") and not scenarios.excuse(one, flavour)]
            if alone:
                run_all([flavour], alone, work, catcher, server, options.python)
        (work / "events.json").write_text(json.dumps(catcher.posts))
    judged = {one: judge(one, listed, read_lines(work / f"results-{one}.jsonl")) for one in flavours}
    print(table(listed, judged))
    failures = 0
    for flavour, results in judged.items():
        for name, result in results.items():
            if result["status"] == "failed":
                failures += 1
                print(f"\n{flavour}: {name}: {result['reason']}")
    (work / "results.json").write_text(json.dumps(judged, indent=1))
    total = sum(len(results) for results in judged.values())
    left_out = sum(
        result["status"] == "skipped" for results in judged.values() for result in results.values()
    )
    print(
        f"\n{total - left_out - failures} of {total - left_out} runs passed; {left_out} left out, where an "
        f"SDK has no such thing; {len(listed)} scenarios; {time.monotonic() - began:.0f} s; {work}"
    )
    return 1 if failures else 0


def run_all(
    flavours: list[str],
    listed: list[dict[str, Any]],
    work: Path,
    catcher: Catcher,
    server: Serving,
    python: str,
) -> None:
    """Run flavours at the same time against one server; each writes its results to a file."""
    if not listed:
        return
    (work / "scenarios.json").write_text(json.dumps(listed))
    running = {}
    for flavour in flavours:
        environment = server.environment() | {
            "CONFORMANCE_FLAVOUR": flavour,
            "CONFORMANCE_SCENARIOS": str(work / "scenarios.json"),
            "CONFORMANCE_RESULTS": str(work / f"results-{flavour}.jsonl"),
            "CONFORMANCE_TRAFFIC": str(work / f"traffic-{flavour}.jsonl"),
            "CONFORMANCE_CATCHER": catcher.url,
            "CONFORMANCE_RUN": str(FLAVOURS.index(flavour) + 1),
            "CONFORMANCE_PYTHON": python,
        }
        line, folder = command(flavour, environment, work)
        # NODE_EXTRA_CA_CERTS is how Node learns of a private CA.
        given = {**os.environ, **environment, "NODE_EXTRA_CA_CERTS": environment["CONFORMANCE_CA"]}
        with (work / f"runner-{flavour}.log").open("ab") as log:
            running[flavour] = subprocess.Popen(line, cwd=folder, env=given, stdout=log, stderr=log)
    deadline = time.monotonic() + LIMIT
    for flavour, process in running.items():
        try:
            process.wait(max(1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not read_lines(work / f"results-{flavour}.jsonl"):
            log_text = (work / f"runner-{flavour}.log").read_text(errors="replace")
            print(f"{flavour} reported nothing; its log ends:\n{log_text[-3000:]}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
