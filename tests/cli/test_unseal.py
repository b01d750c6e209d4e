"""Encrypted recordings opened on the command line."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from hookflash.cli.commands import cli
from hookflash.recording.sealed_files import SealedWavWriter
from hookflash.recording.sealing import SealKey, seal_bytes

KEY = SealKey(bytes(32))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEAL", base64.b64encode(bytes(32)).decode())
    Path("hookflash.toml").write_text('[recording]\nencryption_key_env = "SEAL"\n')


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["unseal", *arguments])


def test_sound_and_metadata_come_out() -> None:
    samples = np.arange(50_000, dtype=np.int16).reshape(-1, 2)
    writer = SealedWavWriter(Path("sealed.wav"), 2, KEY)
    writer.write(samples)
    writer.close(2)
    assert invoke("sealed.wav", "plain.wav").exit_code == 0
    assert (soundfile.read("plain.wav", dtype="int16")[0] == samples).all()
    Path("sealed.json").write_bytes(seal_bytes(b"{}", KEY))
    assert invoke("sealed.json", "plain.json").exit_code == 0
    assert Path("plain.json").read_bytes() == b"{}"


def test_what_was_changed_does_not() -> None:
    raw = bytearray(seal_bytes(bytes(40_000), KEY))
    raw[30_000] ^= 1
    Path("sealed").write_bytes(raw)
    result = invoke("sealed", "plain")
    assert result.exit_code == 1
    assert "was changed: segment 1 does not open" in " ".join(result.stderr.split())
    assert sorted(path.name for path in Path().iterdir()) == ["hookflash.toml", "sealed"]


def test_files_that_are_there_are_left_alone() -> None:
    Path("sealed").write_bytes(seal_bytes(b"new", KEY))
    Path("plain").write_bytes(b"old")
    assert invoke("sealed", "plain").exit_code == 1
    assert Path("plain").read_bytes() == b"old"
    assert invoke("nothing", "other").exit_code == 1
    assert invoke("plain", "other").exit_code == 1
    assert not Path("other").exists()


def test_without_a_key_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAL", "")
    assert invoke("a", "b").exit_code == 2
    Path("hookflash.toml").write_text("")
    assert invoke("a", "b").exit_code == 2
