"""Patterns of numbers and how numbers are written another way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.phones.rewriting import LONGEST, PatternError, Rewrite, check, compiled, matches, rewritten

GERMAN = (Rewrite("00*", r"+\1"), Rewrite("0*", r"+49\1"), Rewrite(r"([1-9]\d{2,5})", r"+4930123\1"))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0014255550100", "+14255550100"),
        ("030123456", "+4930123456"),
        ("777", "+4930123777"),
        ("+442071234567", "+442071234567"),
        ("anonymous", "anonymous"),
    ],
)
def test_the_first_rule_that_fits_counts(written: str, meant: str) -> None:
    assert rewritten(written, GERMAN) == meant


@given(st.from_regex(r"\+?[0-9]{0,20}", fullmatch=True), st.from_regex(r"\+?[0-9]{0,6}", fullmatch=True))
def test_a_prefix_is_a_prefix(number: str, prefix: str) -> None:
    assert matches(number, (prefix,)) is matches(number, (f"{prefix}*",)) is number.startswith(prefix)
    expected = f"9{number[len(prefix) :]}" if number.startswith(prefix) else number
    assert rewritten(number, (Rewrite(prefix, r"9\1"),)) == expected


def test_expressions_match_the_whole_number() -> None:
    assert matches("+4930", (r"\+49\d+",))
    assert not matches("+4930x", (r"\+49\d+",))
    assert not matches("+49", ())


def test_a_number_that_is_too_long_matches_nothing() -> None:
    assert not matches("1" * (LONGEST + 1), ("*",))
    assert rewritten("1" * (LONGEST + 1), (Rewrite("*", "2"),)) == "1" * (LONGEST + 1)


def test_what_cannot_work_is_said() -> None:
    with pytest.raises(PatternError, match="unterminated"):
        compiled("(")
    with pytest.raises(PatternError, match="group"):
        check("+49*", r"\2")
    check("+49*", r"0\1")
