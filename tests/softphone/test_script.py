"""The phone's script language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.softphone.script import ScriptError, Step, parse


def test_a_whole_script_becomes_steps() -> None:
    text = "dial sip:+1800@127.0.0.1; wait 0.5\npress 12#  // the code\nexpect digits 456 within 3; hangup"
    assert parse(text) == [
        Step("dial", "sip:+1800@127.0.0.1"),
        Step("wait", "0.5", 0.5),
        Step("press", "12#"),
        Step("expect digits", "456", 3.0),
        Step("hangup"),
    ]


def test_limits_have_defaults() -> None:
    assert [
        step.seconds for step in parse("expect audio; expect silence; answer; expect hangup within 2")
    ] == [
        10.0,
        1.0,
        10.0,
        2.0,
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("press 12x", '"12x"'),
        ("jump", "one of dial"),
        ("wait soon", '"soon"'),
        ("wait -1", '"-1"'),
        ("dial", "a SIP URI"),
        ("play", "a WAV file"),
        ("expect applause", "digits, audio, silence or hangup"),
        ("expect audio for 3", "within"),
        ("hangup now", "nothing after"),
        ("expect digits", "keys"),
    ],
)
def test_an_error_names_the_step_and_what_was_expected(text: str, hint: str) -> None:
    with pytest.raises(ScriptError, match="step 2 of the script") as raised:
        parse(f"wait 1; {text}")
    assert hint in str(raised.value)
    assert text in str(raised.value)


@given(st.text(max_size=80))
def test_any_text_is_a_script_or_a_script_error(text: str) -> None:
    try:
        steps = parse(text)
    except ScriptError:
        return
    assert all(0 <= step.seconds <= 3600 for step in steps)
