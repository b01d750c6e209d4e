"""The phone's script: steps divided by semicolons or newlines, ``//`` after a blank starts a comment.

====================================  ====================================================================
``dial URI``                          call, and wait until it is answered
``answer [within S]``                 wait for a call and answer it
``wait S``                            let S seconds pass
``press KEYS``                        press keys (0-9 A-D * #) and wait until they are sent
``play FILE``                         send a WAV file and wait until it is sent
``expect digits KEYS [within S]``     these keys arrive, in this order
``expect audio [within S]``           something is heard
``expect silence [for S]``            nothing is heard for S seconds
``expect hangup [within S]``          the far side ends the call
``hangup``                            end the call
====================================  ====================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_WITHIN = 10.0
DEFAULT_FOR = 1.0
_KEYS = re.compile(r"[0-9A-Da-d*#]+")


class ScriptError(ValueError):
    """A step cannot be understood; the message names the step and what was expected."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step. ``verb`` is the first word ("expect" steps: "expect digits" and so on), ``argument`` what it
    works on, ``seconds`` its time limit or duration."""

    verb: str
    argument: str = ""
    seconds: float = DEFAULT_WITHIN

    def __str__(self) -> str:
        return f"{self.verb} {self.argument}".strip()


def parse(text: str) -> list[Step]:
    """The steps of a script.

    Raises:
        ScriptError: naming the first step that cannot be understood.
    """
    steps = []
    for number, raw in enumerate(re.split(r"[;\n]", text), 1):
        line = re.split(r"(?:^|\s)//", raw.strip(), maxsplit=1)[0].strip()
        if line:
            steps.append(_step(line, number))
    return steps


def _step(line: str, number: int) -> Step:
    verb, _, rest = line.partition(" ")
    rest = rest.strip()
    match verb:
        case "dial" | "play":
            return Step(verb, _needed(rest, number, line, "a SIP URI" if verb == "dial" else "a WAV file"))
        case "answer":
            return Step(verb, "", _limit(rest, "within", DEFAULT_WITHIN, number, line))
        case "wait":
            return Step(verb, rest, _seconds(rest, number, line))
        case "press":
            return Step(verb, _keys(rest, number, line))
        case "hangup":
            if rest:
                raise _error(number, line, "nothing after hangup")
            return Step(verb)
        case "expect":
            return _expect(rest, number, line)
    known = "dial, answer, wait, press, play, expect and hangup"
    raise _error(number, line, f"one of {known}")


def _expect(rest: str, number: int, line: str) -> Step:
    what, _, rest = rest.partition(" ")
    match what:
        case "digits":
            keys, _, limit = rest.strip().partition(" ")
            seconds = _limit(limit, "within", DEFAULT_WITHIN, number, line)
            return Step("expect digits", _keys(keys, number, line), seconds)
        case "audio" | "hangup":
            return Step(f"expect {what}", "", _limit(rest, "within", DEFAULT_WITHIN, number, line))
        case "silence":
            return Step("expect silence", "", _limit(rest, "for", DEFAULT_FOR, number, line))
    raise _error(number, line, "digits, audio, silence or hangup after expect")


def _limit(text: str, word: str, default: float, number: int, line: str) -> float:
    text = text.strip()
    if not text:
        return default
    found, _, value = text.partition(" ")
    if found != word:
        raise _error(number, line, f'"{word} SECONDS" or nothing, not "{text}"')
    return _seconds(value, number, line)


def _seconds(text: str, number: int, line: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise _error(number, line, f'seconds between 0 and 3600, not "{text}"')
    return seconds


def _keys(text: str, number: int, line: str) -> str:
    if not _KEYS.fullmatch(text):
        raise _error(number, line, f'keys out of 0-9, A-D, * and #, not "{text}"')
    return text.upper()


def _needed(text: str, number: int, line: str, what: str) -> str:
    if not text:
        raise _error(number, line, what)
    return text


def _error(number: int, line: str, expected: str) -> ScriptError:
    return ScriptError(f'step {number} of the script, "{line}": expected {expected}')
