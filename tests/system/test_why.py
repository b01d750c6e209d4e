"""Why an event was sent: a call with a play and recognitions, through the official SDK, and its timeline."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.communication.callautomation import FileSource, PhoneNumberIdentifier, RecognizeInputType
from rich.console import Console
from system.harness import ACCESS_KEY
from system.room import ALICE, Call, Room, ended

from hookflash.cli.calls import run_list, run_show

EMPTY = "[server]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration of whoever asks, on a machine without the server's own."""
    path = tmp_path / "hookflash.toml"
    path.write_text(EMPTY)
    return path


def ask(room: Room, path: str, key: str = ACCESS_KEY) -> requests.Response:
    return requests.get(
        f"{room.server.url}/hookflash/{path}", headers={"Authorization": f"Bearer {key}"}, timeout=10
    )


def printed(room: Room, config: Path, call_id: str, width: int) -> list[str]:
    text = io.StringIO()
    console = Console(file=text, width=width, force_terminal=True, color_system=None, highlight=False)
    how = {"call_id": call_id, "as_json": False, "follow": False}
    assert run_show(config, room.server.url, ACCESS_KEY, **how, console=console) == 0
    return [line.rstrip() for line in text.getvalue().splitlines()]


def told(lines: list[str], number: int) -> list[str]:
    """What the timeline says of one operation, without times."""
    found = (re.fullmatch(r"\d\d:\d\d\.\d{3}  #(\d+) \S+(?: '\w+')?  +(.*)", line) for line in lines)
    return [re.sub("  +", "  ", one[2]) for one in found if one is not None and int(one[1]) == number]


def recognize(room: Room, connection: Call, context: str, **options: Any) -> None:
    connection.sdk.start_recognizing_media(
        RecognizeInputType.DTMF,
        PhoneNumberIdentifier(ALICE),
        operation_context=context,
        **{"dtmf_max_tones_to_collect": 2, "interrupt_call_media_operation": False, **options},
    )


def test_a_play_and_recognitions_tell_why_their_events_were_sent(
    room: Room, single: Call, config: Path
) -> None:
    url = f"{room.webhook.url}/short.wav"
    room.webhook.files["/short.wav?sig=secret"] = room.webhook.files["/short.wav"]
    single.sdk.play_media_to_all(FileSource(url=f"{url}?sig=secret"), operation_context="hello")
    recognize(room, single, "pin", play_prompt=room.file("long.wav"), interrupt_prompt=True)
    room.webhook.wait("PlayStarted", operationContext="pin")
    room.phone(ALICE).play("expect audio; press 12")
    room.webhook.wait("RecognizeCompleted", operationContext="pin")
    recognize(room, single, "silent", initial_silence_timeout=1)
    room.webhook.wait("RecognizeFailed", operationContext="silent")

    story = ask(room, f"calls/{single.id}").json()
    assert (story["state"], story["origin"]) == ("connected", "created")
    assert {one["rawId"] for one in story["participants"]} > {f"4:{ALICE}"}
    play, pin, silent = story["operations"]
    assert [one["operationContext"] for one in (play, pin, silent)] == ["hello", "pin", "silent"]
    assert [one["state"] for one in (play, pin, silent)] == ["completed", "completed", "failed"]
    assert play["asked"] == f"file {url}"
    assert "secret" not in str(story)
    due, fired = (one for one in silent["trace"] if one["what"].startswith("timer"))
    assert 1.0 <= fired["after"] - due["after"] < 2.0

    wide = printed(room, config, single.id[:8], 160)
    assert "secret" not in "\n".join(wide)
    assert wide[0] == f"call     {single.id}, created, connected"
    asked = (
        "dtmf, up to 2 keys, initial silence 5 s, inter-tone 2 s, the prompt may be interrupted after file "
    )
    first, *rest = [one for one in told(wide, play["number"]) if not one.startswith("audio ready")]
    assert first == f"queued  file {url}"
    assert rest == ["begun", "first sample", "ended  PlayCompleted 200/0 Action completed successfully."]
    together = " ".join(" ".join(wide).split())
    waits = f"behind #{play['number']} PlayToAll 'hello'"
    assert f"{asked}{room.webhook.url}/long.wav; of 4:{ALICE}; {waits}" in together
    happened = [one.partition("  ") for one in told(wide, pin["number"])]
    assert [what for what, _, _ in happened if what != "audio ready"] == [
        *("queued", "begun", "first sample", "key", "barge-in", "timer armed", "key", "ended")
    ]
    assert happened[-1][2].startswith("RecognizeCompleted 200/8531 ")
    assert [one.partition("  ")[2] for one in told(wide, silent["number"])[2:4]] == [
        "initial silence, due in 1.000 s",
        "initial silence",
    ]
    assert told(wide, silent["number"])[-1].startswith("ended  RecognizeFailed 400/8510 ")
    times = [line[:9] for line in wide if re.match(r"\d\d:\d\d\.\d{3}  ", line)]
    assert times == sorted(times)
    assert any(re.search(rf"call +joined +4:{re.escape(ALICE)}, leg", line) for line in wide)
    assert all(len(line) <= 80 for line in printed(room, config, single.id, 80)[12:])


def test_a_call_that_has_ended_is_there_by_each_of_its_ids(room: Room, config: Path) -> None:
    connection = room.call(ALICE)
    properties = connection.sdk.get_call_properties()
    up = ask(room, "calls?top=1").json()["value"][0]
    assert (up["callConnectionId"], up["state"]) == (connection.id, "connected")
    assert f"4:{ALICE}" in up["participants"]
    ended(room, connection)
    for name in (connection.id, properties.server_call_id, properties.correlation_id, connection.id[:8]):
        story = ask(room, f"calls/{requests.utils.quote(str(name), safe='')}").json()
        assert (story["callConnectionId"], story["state"]) == (connection.id, "disconnected"), name
    ends = [one for one in story["trace"] if one["what"] == "ends"]
    assert [one["detail"] for one in ends] == ["the app asked for it"]
    assert story["trace"][-1]["detail"].startswith("CallDisconnected 200/")
    text = io.StringIO()
    console = Console(file=text, width=160, highlight=False)
    assert run_list(config, room.server.url, ACCESS_KEY, top=5, as_json=False, console=console) == 0
    assert f"{connection.id}  disconnected" in text.getvalue()


def test_a_call_that_never_was(room: Room, config: Path) -> None:
    answer = ask(room, "calls/ffffffff-0000")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "8522")
    how = {"call_id": "ffffffff-0000", "as_json": False, "follow": False}
    assert run_show(config, room.server.url, ACCESS_KEY, **how) == 1
