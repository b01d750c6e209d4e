"""What an error says."""

from __future__ import annotations

from hookflash.sip.errors import ParseError


def test_the_header_is_named() -> None:
    error = ParseError("too large", header="CSeq")
    assert str(error) == "CSeq: too large"
    assert (error.status, error.request) == (400, None)
    assert str(ParseError("no start line")) == "no start line"
