"""``hookflash trunks`` against a server that answers as told."""

from __future__ import annotations

from cli.test_cli_media import Stub, invoke, stub  # noqa: F401

SINCE = "2026-06-13T18:58:20.000Z"
TRUNK = {
    "name": "carrier",
    "transport": "udp",
    "up": True,
    "targets": [
        {"target": "sbc1.example:5060", "up": True, "watched": True, "since": SINCE},
        {"target": "sbc2.example", "up": False, "watched": True, "problem": "408 No response in time"},
    ],
    "calls": 7,
    "limits": {"calls": 30.0, "callsPerSecond": 5.0},
    "refused": {"calls": 2},
    "registration": {"state": "refused", "since": SINCE, "problem": "\x1b[31mno"},
}


def test_trunks_are_shown(stub: Stub) -> None:  # noqa: F811
    stub.answers["GET", "/hookflash/trunks"] = (200, {"value": [TRUNK]})
    result = invoke("trunks", "--url", stub.url)
    assert result.exit_code == 0, result.output
    words = " ".join(result.stdout.split())
    for part in ("carrier", "refused", "7 of 30", "2 refused", "sbc2.example", "down", "sbc1.example:5060"):
        assert part in words, part
    assert "\x1b[31mno" not in result.stdout
    stub.answers["GET", "/hookflash/trunks"] = (200, {"value": []})
    assert "no trunk is configured" in invoke("trunks", "--url", stub.url).stdout
