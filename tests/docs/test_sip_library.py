"""The page on SIP as a library shows the example programs as they are, and its other code works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "sip-library.md"


@pytest.mark.parametrize("name", ["answering", "calling"])
def test_the_programs_are_shown_as_they_are(name: str) -> None:
    shown = re.findall(rf'```python title="examples/sip/{name}\.py"\n(.*?)```', PAGE.read_text(), re.DOTALL)
    assert shown == [(ROOT / "examples" / "sip" / f"{name}.py").read_text()]


def test_the_user_agent_without_sockets_does_what_is_said_of_it() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code.count("assert") == 4
    exec(compile(code, str(PAGE), "exec"), {})
