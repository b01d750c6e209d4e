"""Why legs fail and end."""

from __future__ import annotations

import pytest

from hookflash.calls.facts import Cause
from hookflash.phones.causes import cause_of
from hookflash.sip.fields import Headers


@pytest.mark.parametrize(
    ("reason", "q850", "text"),
    [
        ('Q.850;cause=16;text="Normal call clearing"', 16, "Normal call clearing"),
        ("SIP;cause=486, Q.850;cause=17", 17, ""),
        ("SIP;cause=486", None, ""),
        ("Q.850;cause=x", None, ""),
    ],
)
def test_the_isdn_cause_is_read_from_reason(reason: str, q850: int | None, text: str) -> None:
    assert cause_of(486, "Busy", Headers([("Reason", reason)])) == Cause(486, "Busy", None, q850, text)
