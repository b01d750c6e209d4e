"""Ports for demos and tests."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from hookflash import loopback


def test_a_port_is_free_for_both_and_not_one_the_system_gives_away() -> None:
    low, high = (int(word) for word in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    port = loopback.free_port()
    with socket.socket() as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        one.bind(("127.0.0.1", port))
        other.bind(("127.0.0.1", port))
    assert not low <= port <= high or high - low > 60_000


@pytest.mark.parametrize("text", ["1024 65535", "rubbish", None])
def test_without_a_range_of_its_own_any_port_will_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "range"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(loopback, "_RANGE", file)
    assert 30000 <= loopback.free_port() <= 65535


def test_a_port_in_use_is_passed_over_and_none_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        used = taken.getsockname()[1]
        monkeypatch.setattr(loopback, "_not_handed_out", lambda: [used])
        with pytest.raises(OSError, match="is free"):
            loopback.free_port()
