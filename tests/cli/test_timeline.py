"""The timeline of a call: order, columns, nothing cut off, nothing that a terminal would obey."""

from __future__ import annotations

import copy
import io
from typing import Any

import pytest
from rich.console import Console

from hookflash.cli.calls import show_call
from hookflash.cli.timeline import clock, happenings, name_of

ID = "421f0b00-1c3a-4f52-9a3b-000000000001"


def at(ms: int) -> str:
    return f"2026-06-13T18:58:{20 + ms // 1000:02d}.{ms % 1000:03d}Z"


def entry(ms: int, what: str, detail: str = "") -> dict[str, Any]:
    return {"at": at(ms), "after": 0.0, "what": what, **({"detail": detail} if detail else {})}


CALL: dict[str, Any] = {
    "callConnectionId": ID,
    "serverCallId": "aHR0",
    "correlationId": "6f1c",
    "state": "connected",
    "origin": "answered",
    "caller": "4:+14255550123",
    "targets": ["4:+18005550100"],
    "callbackUri": "https://app.example/cb",
    "apiVersion": "2026-03-12",
    "since": at(0),
    "lasted": 9.12,
    "participants": [
        {"rawId": "4:+14255550123", "kind": "phone", "leg": 1, "state": "up", "muted": True},
        {"rawId": "8:acs:app", "kind": "app", "leg": 2, "state": "up", "aliases": ["4:+18005550100"]},
    ],
    "trace": [entry(0, "answered"), entry(214, "told", "CallConnected 200/0"), entry(214, "joined", "4:+1")],
    "operations": [
        {
            "number": 6,
            "operation": "PlayToAll",
            "leg": "main",
            "state": "completed",
            "targets": [],
            "accepted": at(1000),
            "asked": "file https://f.example/a.wav",
            "trace": [
                entry(1000, "queued"),
                entry(1000, "begun"),
                entry(1042, "audio ready", "from the cache"),
                entry(1060, "first sample"),
                entry(3100, "ended", "PlayCompleted 200/0 Action completed successfully."),
            ],
        },
        {
            "number": 7,
            "operation": "Recognize(1:1)",
            "operationContext": "pin",
            "leg": "main",
            "state": "collecting",
            "targets": ["4:+14255550123"],
            "accepted": at(1020),
            "asked": "dtmf, up to 4 keys",
            "trace": [
                entry(1020, "queued", "behind #6 PlayToAll"),
                entry(3100, "begun"),
                entry(3112, "audio ready"),
                entry(4300, "key", "one"),
                entry(4300, "barge-in", "by key, the prompt stops"),
                entry(4300, "timer armed", "inter-tone, due in 2.000 s"),
            ],
        },
    ],
}


def later(call: dict[str, Any], more: int) -> dict[str, Any]:
    """The same call some time later, with ``more`` that has happened."""
    call = copy.deepcopy(call)
    call["operations"][1]["trace"] += [
        entry(5000 + number, "key", f"later-{number}") for number in range(1, more + 1)
    ]
    return call


def shown(call: dict[str, Any], width: int, *, broken: bool = True) -> list[str]:
    text = io.StringIO()
    show_call(Console(file=text, width=width, highlight=False), call, broken=broken)
    return text.getvalue().splitlines()


def test_a_wide_terminal_has_a_line_for_each_happening_in_order() -> None:
    lines = shown(CALL, 160)
    assert lines[lines.index("") + 1 :] == [
        "00:00.000  call                     answered",
        "00:00.214  call                     joined         4:+1",
        "00:00.214  call                     told           CallConnected 200/0",
        "00:01.000  #6 PlayToAll             queued         file https://f.example/a.wav",
        "00:01.000  #6 PlayToAll             begun",
        "00:01.020  #7 Recognize(1:1) 'pin'  queued         "
        "dtmf, up to 4 keys; of 4:+14255550123; behind #6 PlayToAll",
        "00:01.042  #6 PlayToAll             audio ready    after 42 ms; from the cache",
        "00:01.060  #6 PlayToAll             first sample",
        "00:03.100  #6 PlayToAll             ended          "
        "PlayCompleted 200/0 Action completed successfully.",
        "00:03.100  #7 Recognize(1:1) 'pin'  begun",
        "00:03.112  #7 Recognize(1:1) 'pin'  audio ready    after 12 ms",
        "00:04.300  #7 Recognize(1:1) 'pin'  key            one",
        "00:04.300  #7 Recognize(1:1) 'pin'  barge-in       by key, the prompt stops",
        "00:04.300  #7 Recognize(1:1) 'pin'  timer armed    inter-tone, due in 2.000 s",
    ]


def test_the_call_is_introduced() -> None:
    lines = shown(
        {**CALL, "otherConnections": ["b", "c"], "operationContext": "o", "moreParticipants": 2}, 160
    )
    assert lines[: lines.index("")] == [
        f"call     {ID}, answered, connected",
        "since    2026-06-13T18:58:20.000Z, 9.120 s",
        "from     4:+14255550123 to 4:+18005550100",
        "in it    4:+14255550123 (phone, leg 1, up, muted); "
        "8:acs:app (app, leg 2, up, known as 4:+18005550100)",
        "events   https://app.example/cb, api-version 2026-03-12",
        "ids      correlation 6f1c, server call aHR0",
        "         and 2 more",
        "context  'o'",
        "also     other apps' b, c",
        "#6 PlayToAll, main leg: completed",
        "#7 Recognize(1:1) 'pin' of 4:+14255550123, main leg: collecting",
    ]
    ended = shown({**CALL, "ended": at(9120)}, 160)
    assert "since    2026-06-13T18:58:20.000Z, ended 2026-06-13T18:58:29.120Z, 9.120 s" in ended


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_narrow_terminal_breaks_details_and_cuts_nothing_off(width: int) -> None:
    lines = shown(CALL, width)
    assert all(len(line) <= width for line in lines)
    start = next(number for number, line in enumerate(lines) if line.startswith("00:01.020  #7    queued"))
    together = " ".join(" ".join(lines[start : start + 3]).split())
    assert "dtmf, up to 4 keys; of 4:+14255550123; behind #6 PlayToAll" in together
    if width < 100:
        indent = lines[start].index("dtmf")
        assert lines[start + 1][:indent].isspace()
        assert lines[start + 1][indent] != " "


def test_a_very_narrow_one_has_details_below() -> None:
    lines = shown(CALL, 40)
    place = lines.index("00:04.300  #7    barge-in")
    assert lines[place + 1] == "    by key, the prompt stops"


def test_other_programs_get_whole_lines_with_full_names() -> None:
    lines = shown(CALL, 40, broken=False)
    assert any(line.endswith("dtmf, up to 4 keys; of 4:+14255550123; behind #6 PlayToAll") for line in lines)
    assert sum("Recognize(1:1) 'pin'" in line for line in lines) == 7


def test_what_was_left_out_is_told() -> None:
    call = copy.deepcopy(CALL)
    call["operations"][1] |= {"leftOut": 12, "leftOutAt": 4}
    told = [one for one in happenings(call) if one.number == 7]
    assert [(one.what, one.place) for one in told] == [
        *(("queued", 0), ("begun", 1), ("audio ready", 2), ("key", 3)),
        *(("...", 15), ("barge-in", 16), ("timer armed", 17)),
    ]
    assert "12 not kept" in told[4].detail


def test_ends_show_how_they_went() -> None:
    ends = {"PlayCompleted": "green", "RecognizeFailed": "red", "PlayCanceled": "yellow", "Other": "white"}
    for event, style in ends.items():
        call = copy.deepcopy(CALL)
        call["operations"][0]["trace"][-1]["detail"] = f"{event} 200/0 Failed or not."
        (end,) = [one for one in happenings(call) if one.what == "ended"]
        assert end.style == style


def test_nothing_reaches_the_terminal_as_a_command() -> None:
    call = copy.deepcopy(CALL)
    call["operations"][1]["operationContext"] = "[red]\x1b[2J"
    call["operations"][1]["trace"][3]["detail"] = "\x9b31m\u202e[bold]"
    call["caller"] = "4:\x1b]0;title"
    text = "\n".join(shown(call, 160))
    assert not any(character in text for character in ("\x1b", "\x9b", "\u202e"))
    assert "[bold]" in text


def test_long_names_are_cut_in_lines_and_whole_above() -> None:
    call = copy.deepcopy(CALL)
    call["operations"][1]["operationContext"] = "c" * 100
    lines = shown(call, 200)
    assert any(f"'{'c' * 100}' of 4:+1" in line for line in lines)
    assert name_of(call["operations"][1]) == f"#7 Recognize(1:1) '{'c' * 21}...'"


def test_offsets_have_hours_when_there_are_any() -> None:
    assert [clock(ms) for ms in (-1, 999, 61_020, 3_599_999, 3_723_004, 360_000_000)] == [
        *("00:00.000", "00:00.999", "01:01.020", "59:59.999", "1:02:03.004", "100:00:00.000")
    ]
