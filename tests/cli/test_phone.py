"""The phone command: arguments, exit codes, and a call between two of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hookflash.cli.commands import cli


def test_a_mistake_in_the_script_is_told_before_anything_is_dialled() -> None:
    result = CliRunner().invoke(cli, ["phone", "sip:1@127.0.0.1:9", "--script", "press x"])
    assert result.exit_code == 2
    assert "keys out of 0-9" in result.output


def test_a_bind_address_without_a_port_is_refused() -> None:
    result = CliRunner().invoke(cli, ["phone", "--bind", "localhost", "--script", "wait 0"])
    assert result.exit_code == 2
    assert "host:port" in result.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--codec", "G729"], "G729 is not out of PCMU, PCMA, L16"),
        (["--srtp", "maybe"], "maybe is none of off, optional, required"),
    ],
)
def test_codecs_and_policies_that_there_are_not_are_refused(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(cli, ["phone", *arguments, "--script", "wait 0"])
    assert result.exit_code == 2
    assert told in result.output


def test_two_phones_in_two_processes(tmp_path: Path) -> None:
    base = [sys.executable, "-m", "hookflash", "phone"]
    callee = subprocess.Popen(
        [*base, "--script", "answer within 20; expect digits 42; expect hangup within 20"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert callee.stdout is not None
    uri = callee.stdout.readline().split(" on ")[1].strip()
    recording = tmp_path / "heard.wav"
    caller = subprocess.run(
        [*base, uri, "--script", "press 42; wait 0.2; hangup", "--record", str(recording), "--codec", "pcma"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    out, _ = callee.communicate(timeout=60)
    assert caller.returncode == 0, caller.stdout
    assert callee.returncode == 0, out
    assert "answered" in caller.stdout
    assert "PCMA" in caller.stdout
    assert recording.stat().st_size > 44
    missing = subprocess.run(
        [*base, uri, "--script", "expect digits 1 within 0.1", "--timeout", "1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert missing.returncode == 1
    assert "failed" in missing.stdout
