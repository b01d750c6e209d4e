"""The tables of ``hookflash media``: nothing of them may be cut off, however narrow the terminal is."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from hookflash.cli.media import show

CONNECTION = "421f0b00-1c3a-4f52-9a3b-000000000001"
WORKER: dict[str, Any] = {
    "state": "draining",
    "reason": "it is replaced",
    "pid": 3_213_123,
    "cpu": 63,
    "legs": 4800,
    "load": 0.71,
    "lateMs": 12.3,
    "busyMs": 19.1,
    "skippedTicks": 12345,
    "starts": 12,
    "uptimeSeconds": 6000,
}
TOTALS = {"legsClosed": 12, "callsRefused": 1, "callsLost": 0, "workersLost": 1, "meanMos": 4.1}
PHONE: dict[str, Any] = {
    "leg": 12345,
    "kind": "phone",
    "codec": "opus/48000",
    "encrypted": True,
    "remote": "[2001:db8:1234:5678:9abc:def0:1234:5678]:54321",
    "worker": 3,
    "callConnectionIds": [CONNECTION],
    "quality": {
        "mos": 3.02,
        "received": 90,
        "lost": 10,
        "discarded": 3,
        "jitterMs": 12.4,
        "roundTripMs": 301.0,
    },
}
APP: dict[str, Any] = {**PHONE, "leg": 7, "kind": "app", "codec": "", "remote": "", "quality": None}


def shown(width: int, workers: list[dict[str, Any]], legs: list[dict[str, Any]]) -> list[str]:
    text = io.StringIO()
    show(Console(file=text, width=width, highlight=False), {"workers": workers, "totals": TOTALS}, legs)
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 140])
def test_every_worker_has_one_line_and_nothing_is_cut_off(width: int) -> None:
    lines = shown(width, [{**WORKER, "worker": number} for number in range(2)], [])
    assert "…" not in "\n".join(lines)
    assert " ".join(lines[1].split()) == "# state pid cpu legs load late ms busy ms skips starts up"
    assert " ".join(lines[2].split()) == "0 draining 3213123 63 4800 71% 12.3 19.1 12345 12 100 min"
    assert "worker 1 takes no new calls: it is replaced" in lines


def test_the_cpu_is_shown_only_where_workers_are_pinned() -> None:
    worker = {name: value for name, value in WORKER.items() if name != "cpu"}
    assert "cpu" not in shown(80, [{**worker, "worker": 0}], [])[1].split()


def test_a_narrow_terminal_has_addresses_and_connections_below_the_legs() -> None:
    lines = shown(80, [], [PHONE, APP])
    assert "12345  3.02  10.0 %  3.0 %  12.4 ms  301 ms  opus/48000  yes   3" in lines
    assert f"leg 12345: {PHONE['remote']}, {CONNECTION}" in lines
    assert f"leg 7: {CONNECTION}" in lines


def test_a_wide_terminal_has_them_beside() -> None:
    lines = shown(160, [], [PHONE, APP])
    phone = next(line for line in lines if line.startswith("12345"))
    assert phone.endswith(f"{PHONE['remote']}  {CONNECTION}")
    assert not any(line.startswith("leg 12345") for line in lines)
