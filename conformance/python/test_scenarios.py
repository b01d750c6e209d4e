"""Every scenario of the list, with the synchronous or the asynchronous clients, as the launcher says."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from sdk import Sdk
from world import VERSION, World

ENV = {name: value for name, value in os.environ.items() if name.startswith("CONFORMANCE_")}
AIO = ENV["CONFORMANCE_FLAVOUR"] == "python-aio"
SCENARIOS = json.loads(Path(ENV["CONFORMANCE_SCENARIOS"]).read_text())
USED: set[str] = set()


def write(variable: str, line: dict[str, Any]) -> None:
    """One line of JSON to the file a variable names."""
    with Path(ENV[variable]).open("a") as file:
        file.write(json.dumps(line) + "\n")


def seen(response: Any) -> None:
    """Keep what went over the wire, for the parity table."""
    request = response.http_request
    body = request.body
    text = body.decode() if isinstance(body, bytes) else body
    try:
        answer = response.http_response.text()
    except Exception:  # an asynchronous body that was not read: there was none to read
        answer = ""
    line = {"method": request.method, "url": request.url, "status": response.http_response.status_code}
    write("CONFORMANCE_TRAFFIC", {**line, "request": text, "response": answer})


def clients() -> dict[str, Sdk]:
    """One set of clients for each credential."""
    options = {"connection_verify": ENV["CONFORMANCE_CA"], "raw_response_hook": seen, "retry_total": 0}
    endpoint, given = ENV["CONFORMANCE_ENDPOINT"], json.loads(ENV["CONFORMANCE_CLIENTS"])
    return {name: Sdk(endpoint, one, AIO, options, USED) for name, one in given.items()}


@pytest.mark.parametrize("number", range(len(SCENARIOS)), ids=[one["id"] for one in SCENARIOS])
def test_scenario(number: int) -> None:
    scenario = SCENARIOS[number]
    result: dict[str, Any] = {"scenario": scenario["id"], "status": "passed"}
    if "python" in scenario.get("not", {}) or scenario.get("since", "") > VERSION:
        write("CONFORMANCE_RESULTS", {**result, "status": "skipped"})
        pytest.skip("left out")
    began = time.monotonic()

    async def run() -> None:
        made = clients()
        try:
            await World(scenario, number, ENV, made).run()
        finally:
            for sdk in made.values():
                await sdk.close()

    try:
        asyncio.run(run())
    except BaseException as error:
        result |= {"status": "failed", "reason": str(error)[:2000] or repr(error)}
        raise
    finally:
        write("CONFORMANCE_RESULTS", {**result, "seconds": round(time.monotonic() - began, 2)})


def test_methods_used() -> None:
    """Not a scenario: hands the names of the client methods that ran to the parity table."""
    write("CONFORMANCE_TRAFFIC", {"methods": sorted(USED)})
