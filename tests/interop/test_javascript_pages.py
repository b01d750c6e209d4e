"""The official JavaScript SDK follows the links from page to page, and signs each request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from api.conftest import Live
from api.edge import CONNECTION
from api.test_paging import somebody

from hookflash.config import DEVELOPMENT_ACCESS_KEY

pytestmark = pytest.mark.interop
HERE = Path(__file__).parent / "javascript"


def test_everybody_of_a_large_call_is_listed() -> None:
    if shutil.which("node") is None or not (HERE / "node_modules").is_dir():
        pytest.fail("needs node, and: npm install --prefix tests/interop/javascript --no-save")
    live = Live()
    live.start()
    try:
        live.engine.people = [somebody(number) for number in range(250)]
        string = f"endpoint={live.url}/;accesskey={DEVELOPMENT_ACCESS_KEY}"
        environment = {**os.environ, "ACS_CONNECTION_STRING": string, "CONNECTION": CONNECTION}
        done = subprocess.run(
            ["node", "pages.mjs"],
            cwd=HERE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert json.loads(done.stdout) == [f"4:+1425555{number:04d}" for number in range(250)]
        assert len(live.engine.commands) == 3
    finally:
        live.stop()
