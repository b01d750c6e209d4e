"""The commands that need no server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hookflash import __version__
from hookflash.cli.commands import cli

ID = "6d889502-3d7a-41a8-befa-d21fd80e8767"
KEY = "c3lzdGVtLXRlc3RzLW9ubHktbm90LWEtc2VjcmV0LWtleS0wMQ=="


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_the_version_is_printed() -> None:
    assert invoke("--version").stdout.strip() == f"hookflash {__version__}"


def test_no_configuration_is_a_valid_configuration() -> None:
    result = invoke("check")
    assert result.exit_code == 0
    assert "no file, all defaults" in result.stdout
    assert "devresource" in result.stdout
    assert "loose" in result.stdout


def test_check_says_that_keys_travel_in_clear() -> None:
    trunk = '[[trunk]]\nname = "carrier"\ntargets = ["192.0.2.1"]\nsrtp = "optional"\n'
    Path("hookflash.toml").write_text(trunk)
    result = invoke("check")
    assert result.exit_code == 0
    assert "trunk carrier: SRTP keys travel in clear" in result.stdout


def test_check_shows_numbers_trunks_and_routes() -> None:
    Path("hookflash.toml").write_text(
        f"""
[[resource]]
name = "main"
id = "{ID}"
access_keys = ["{KEY}"]
[[number]]
e164 = "+18005550100"
resource = "main"
[[subscription]]
name = "ivr"
resource = "main"
endpoint = "http://127.0.0.1:8000/in"
[[trunk]]
name = "carrier"
targets = ["192.0.2.1:5060"]
[[route]]
pattern = "\\\\+.*"
trunk = "carrier"
"""
    )
    result = invoke("check")
    assert result.exit_code == 0, result.output
    for part in ("hookflash.toml", "+18005550100", "ivr", "192.0.2.1:5060", "-> carrier"):
        assert part in result.stdout
    assert KEY not in result.output


def test_check_shows_phones_by_user_and_whom_no_app_can_hear_of() -> None:
    def phone(name: str, user: str) -> str:
        return f'[[phone]]\nusername = "{name}"\npassword = "hidden-one"\nuser = "{user}"\n'

    ours, stray = f"8:acs:{ID.upper()}_bob", "8:acs:99999999-2222-3333-4444-555555555555_eve"
    text = f'[[resource]]\nname = "main"\nid = "{ID}"\naccess_keys = ["{KEY}"]\n'
    text += phone("desk", ours) + phone("eve", stray) + phone("soft", ours)
    text += "".join(phone(f"p{number}", f"8:acs:{ID}_{number}") for number in range(30))
    Path("hookflash.toml").write_text(text)
    shown = invoke("check").stdout
    assert f"phone desk, soft: {ours}\n" in shown
    assert f"phone eve: {stray}; no resource has that id" in shown
    assert "phones of 12 more users" in shown
    assert "hidden-one" not in shown


def test_every_mistake_is_named_with_its_place() -> None:
    Path("wrong.toml").write_text('[server]\nbindd = "x"\nmode = "loud"\n')
    result = invoke("check", "--config", "wrong.toml")
    assert result.exit_code == 2
    assert "wrong.toml:2" in result.output
    assert "wrong.toml:3" in result.output
    assert "2 mistakes" in result.output


def test_a_connection_string_stands_alone_on_its_line() -> None:
    result = invoke("connection-string")
    assert result.exit_code == 0
    assert result.stdout.startswith("endpoint=http://127.0.0.1:8080")
    assert ";accesskey=" in result.stdout
    assert result.stdout.count("\n") == 1


def test_an_unknown_resource_is_refused_with_the_known_ones() -> None:
    result = invoke("connection-string", "other")
    assert result.exit_code == 2
    assert '"other"' in result.output
    assert "devresource" in result.output


def test_closed_standard_files_do_not_matter() -> None:
    """Sockets would get their numbers, and the media worker aborts on such sockets."""
    count = "import os; from hookflash.cli import commands; commands._open_standard_files(); "
    script = f'exec "{sys.executable}" -c "{count}print(1); os._exit(os.dup(0))" <&- >&- 2>&-'
    assert subprocess.run(["sh", "-c", script], check=False, timeout=60).returncode >= 3
