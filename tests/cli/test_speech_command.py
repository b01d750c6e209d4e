"""``hookflash speech`` against a server that answers as told."""

from __future__ import annotations

from typing import Any

from cli.test_cli_media import Stub, invoke
from cli.test_cli_media import stub as stub

ENGINE = {
    "engine": "piper",
    "processes": 1,
    "running": 1,
    "waiting": 3,
    "starts": 2,
    "lost": 1,
    "refused": 0,
    "problem": "",
}


def row(provider: str, does: str, problem: str = "", **more: Any) -> dict[str, Any]:
    found = {"provider": provider, "kind": "azure", "does": does, "locales": [], "problem": problem}
    return {**found, "works": not problem, **more}


def test_who_works_and_who_fails(stub: Stub) -> None:
    rows = [row("main", "speak", "no answer\x1b[2J came"), row("spare", "speak"), row("ears", "recognise")]
    stub.answers["GET", "/hookflash/speech"] = (200, {"providers": rows, "engines": [ENGINE]})
    result = invoke("speech", "--url", stub.url, "--key", "secret")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "speak     fails  main (azure, every locale): no answer\\x1b[2J came",
        "speak     works  spare (azure, every locale)",
        "recognise works  ears (azure, every locale)",
        "piper     1 process, 1 job under way, 3 waiting; since the start 2 started, 1 died, 0 jobs refused",
    ]
    assert stub.asked[0][2] == "Bearer secret"


def test_nobody_to_do_it_is_said_and_is_an_exit_code(stub: Stub) -> None:
    rows = [row("main", "speak", "no key"), row("ears", "recognise", locales=["en-US", "de"])]
    stub.answers["GET", "/hookflash/speech"] = (200, {"providers": rows, "engines": []})
    result = invoke("speech", "--url", stub.url)
    assert result.exit_code == 1
    assert "nobody can speak here" in result.stdout
    assert "(azure, en-US, de)" in result.stdout
    stub.answers["GET", "/hookflash/speech"] = (200, {"providers": [row("main", "speak")], "engines": []})
    result = invoke("speech", "--url", stub.url)
    assert result.exit_code == 1
    assert "nobody recognises speech here" in result.stdout


def test_a_server_that_is_not_there(stub: Stub) -> None:
    assert invoke("speech", "--url", "http://127.0.0.1:9").exit_code == 1
