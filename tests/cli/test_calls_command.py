"""``hookflash calls`` against a server that answers as told."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from cli.test_cli_media import Stub, invoke
from cli.test_cli_media import stub as stub
from cli.test_timeline import CALL, ID, later
from rich.console import Console

from hookflash.cli.calls import run_list, run_show, show_list

ROW: dict[str, Any] = {
    "callConnectionId": ID,
    "serverCallId": "s",
    "correlationId": "c",
    "state": "connected",
    "origin": "answered",
    "since": "2026-06-13T18:58:20.000Z",
    "lasted": 9.12,
    "participants": ["4:+14255550123", "8:acs:app"],
}


def test_calls_are_listed(stub: Stub) -> None:
    rows = [ROW, {**ROW, "participants": [], "moreParticipants": 3}]
    stub.answers["GET", "/hookflash/calls?top=2"] = (200, {"value": rows, "next": 7})
    result = invoke("calls", "list", "--top", "2", "--url", stub.url, "--key", "secret")
    assert result.exit_code == 0, result.output
    first, second, more = result.stdout.splitlines()
    assert first.split() == [
        *(ID, "connected", "9.1", "s", "2026-06-13", "18:58:20Z", "answered"),
        *("4:+14255550123,", "8:acs:app"),
    ]
    assert second.endswith("and 3 more")
    assert "--top" in more
    assert stub.asked[0][2] == "Bearer secret"


def test_no_calls_at_all(stub: Stub) -> None:
    stub.answers["GET", "/hookflash/calls?top=20"] = (200, {"value": []})
    assert "no calls are up" in invoke("calls", "list", "--url", stub.url).stdout


def test_a_narrow_terminal_has_people_below() -> None:
    text = io.StringIO()
    show_list(Console(file=text, width=80, force_terminal=True, color_system=None), {"value": [ROW]})
    lines = text.getvalue().splitlines()
    assert lines[1] == "    2026-06-13 18:58:20Z, answered: 4:+14255550123, 8:acs:app"
    assert all(len(line) <= 80 for line in lines)


def test_a_call_is_shown_by_any_id(stub: Stub) -> None:
    stub.answers["GET", "/hookflash/calls/a%2Fb%3D%3D"] = (200, CALL)
    result = invoke("calls", "show", "a/b==", "--url", stub.url)
    assert result.exit_code == 0, result.output
    assert f"{ID}, answered, connected" in result.stdout
    assert "barge-in" in result.stdout


def test_json_is_what_the_server_said(stub: Stub) -> None:
    stub.answers["GET", "/hookflash/calls/421f"] = (200, CALL)
    stub.answers["GET", "/hookflash/calls?top=20"] = (200, {"value": [ROW]})
    assert json.loads(invoke("calls", "show", "421f", "--json", "--url", stub.url).stdout) == CALL
    assert json.loads(invoke("calls", "list", "--json", "--url", stub.url).stdout) == {"value": [ROW]}
    assert invoke("calls", "show", "421f", "--json", "-f", "--url", stub.url).exit_code == 2


@pytest.mark.parametrize("words", [("list",), ("show", "421f")])
def test_a_refusal_is_shown_with_its_reason(stub: Stub, words: tuple[str, ...]) -> None:
    body = {"error": {"code": "8522", "message": "No call is known by '421f'."}}
    stub.answers["GET", "/hookflash/calls/421f"] = (404, body)
    stub.answers["GET", "/hookflash/calls?top=20"] = (401, body)
    result = invoke("calls", *words, "--url", stub.url)
    assert result.exit_code == 1
    assert "No call is known" in result.output


@pytest.mark.parametrize("words", [("calls", "list"), ("media",), ("drain",)])
def test_a_refusal_cannot_steer_the_terminal(stub: Stub, words: tuple[str, ...]) -> None:
    evil = "\x1b]0;owned\x07\x9b2J gone\u202e\r\n[red]FAKE[/red]"
    for body in ({"error": {"message": evil}}, evil):
        stub.answers["GET", "/hookflash/calls?top=20"] = (403, body)
        stub.answers["GET", "/hookflash/media"] = (403, body)
        stub.answers["POST", "/hookflash/drain"] = (403, body)
        result = invoke(*words, "--url", stub.url)
        assert result.exit_code == 1
        assert all(char.isprintable() or char == "\n" for char in result.output)
        assert "[red]FAKE[/red]" in result.output.replace("\n", "")


def test_a_call_is_followed_until_it_ends(stub: Stub) -> None:
    answers = [CALL, CALL, later(CALL, 1), {**later(CALL, 2), "ended": "2026-06-13T18:58:40.000Z"}]
    text, pauses = io.StringIO(), []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        stub.answers["GET", f"/hookflash/calls/{ID}"] = (200, answers[len(pauses)])

    stub.answers["GET", "/hookflash/calls/421f"] = (200, answers[0])
    console = Console(file=text, width=200)
    how = {"call_id": "421f", "as_json": False, "follow": True}
    code = run_show(None, stub.url, "k", **how, console=console, pause=pause)
    assert code == 0
    assert len(pauses) == 3
    lines = text.getvalue().splitlines()
    assert [line.split()[-1] for line in lines[-2:]] == ["later-1", "later-2"]
    assert sum("barge-in" in line for line in lines) == 1


def test_who_has_seen_enough_stops_following(stub: Stub) -> None:
    stub.answers["GET", "/hookflash/calls/421f"] = (200, CALL)

    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    console = Console(file=io.StringIO(), width=200)
    follow = {"call_id": "421f", "as_json": False, "follow": True}
    assert run_show(None, stub.url, "k", **follow, console=console, pause=interrupted) == 0
    assert run_list(None, "http://127.0.0.1:9", "k", top=1, as_json=False) == 1
