"""``hookflash bans`` against a server that answers as told."""

from __future__ import annotations

from cli.test_cli_media import Stub, invoke, stub  # noqa: F401

BAN = {"source": "203.0.113.9", "reason": "scanner", "secondsLeft": 599.6, "times": 2, "refused": 1234}


def test_bans_are_shown(stub: Stub) -> None:  # noqa: F811
    stub.answers["GET", "/hookflash/bans"] = (200, {"value": [BAN, {**BAN, "source": "\x1b[31mevil"}]})
    result = invoke("bans", "--url", stub.url)
    assert result.exit_code == 0, result.output
    for part in ("203.0.113.9", "scanner", "600 s", "1234"):
        assert part in result.stdout, part
    assert "\x1b[31mevil" not in result.stdout
    stub.answers["GET", "/hookflash/bans"] = (200, {"value": []})
    assert "nobody is banned" in invoke("bans", "--url", stub.url).stdout


def test_bans_are_lifted(stub: Stub) -> None:  # noqa: F811
    stub.answers["DELETE", "/hookflash/bans?source=2001%3Adb8%3A%3A%2F64"] = (200, {"lifted": 1})
    stub.answers["DELETE", "/hookflash/bans"] = (200, {"lifted": 3})
    assert "1 ban is lifted" in invoke("bans", "--url", stub.url, "--lift", "2001:db8::/64").stdout
    assert "3 bans are lifted" in invoke("bans", "--url", stub.url, "--lift-all").stdout
    body = {"error": {"message": "'x' is not banned"}}
    stub.answers["DELETE", "/hookflash/bans?source=x"] = (404, body)
    assert invoke("bans", "--url", stub.url, "--lift", "x").exit_code == 1
