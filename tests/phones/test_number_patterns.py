"""Number patterns of apps: what they mean, and that no pattern takes long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.phones.number_patterns import MAX_PATTERN, NumberPattern
from hookflash.phones.rewriting import PatternError


@pytest.mark.parametrize(
    ("pattern", "number", "found"),
    [
        (r"\+1(425|206)(\d{7})$", "+14255550100", True),
        (r"^\+1(425|206)(\d{7})$", "+13255550100", False),
        ("^+[1-9][0-9]{3,23}$", "+4930123456", True),
        ("^+[1-9][0-9]{3,23}$", "4930123456", False),
        (r"\+49", "+4930", True),
        (r"^\+49", "0049+49", False),
        (r"(^+1|^+44)\d*?$", "+4420", True),
        (r"^[^4]", "+49", True),
        (r"^\+[^4]", "+49", False),
        (r"^(?:\+?1)?800.*", "1800555", True),
        (r"[+]1[2-4-]", "+13", True),
        (r"^\D1$", "+1", True),
        ("a|", "anything", True),
        (r"^\d+$", "1" * 33, False),
    ],
)
def test_what_apps_write_is_understood(pattern: str, number: str, found: bool) -> None:
    assert NumberPattern(pattern).found_in(number) is found


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "(", ")", "[", "[]", "[9-0]", r"\b1", "(?=1)", "1**", "1{2", "1{3,2}", "1{999}", "*", "^*"),
        *("x" * 600, "é", "(" * 30 + "1" + ")" * 30, "1{,2}", r"[\d-9]", "1?+", "(1" * 3, "\\"),
    ],
)
def test_what_cannot_be_used_is_said(pattern: str) -> None:
    with pytest.raises(PatternError):
        NumberPattern(pattern)


_ATOMS = st.sampled_from(["1", "2", "+", ".", r"\d", "[12]", "[^1]", r"\+"]).map(
    lambda text: r"\+" if text == "+" else text
)
_PATTERNS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{1,2}", "{1,}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@given(_PATTERNS, st.booleans(), st.booleans(), st.text("+12", max_size=6))
def test_it_finds_what_re_finds(pattern: str, start: bool, end: bool, number: str) -> None:
    whole = f"{'^' if start else ''}{pattern}{'$' if end else ''}"
    assert NumberPattern(whole).found_in(number) is (re.search(whole, number) is not None)


@given(st.text(r"+12[]{}()|?*^$\d,.-", max_size=40), st.text("+12", max_size=8))
def test_any_text_is_a_pattern_or_an_error(pattern: str, number: str) -> None:
    try:
        NumberPattern(pattern).found_in(number)
    except PatternError:
        return


@pytest.mark.parametrize(
    "pattern", [r"^(\d+)+x$", r"^((\d*)*)*x$", r"^(1|1|1|1|11)*x$", r"^\d*\d*\d*\d*\d*\d*\d*\d*\d*\d*x$"]
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """Each of these keeps ``re`` busy for longer than anybody waits; here the steps are counted."""
    from hookflash.phones import number_patterns

    pattern = pattern.replace("x", "#")
    steps = 0
    work_out = number_patterns._work_out

    def counted(*given: object) -> set[int]:
        nonlocal steps
        steps += 1
        return work_out(*given)  # type: ignore[arg-type]

    number_patterns._work_out = counted  # type: ignore[assignment]
    try:
        assert not NumberPattern(pattern).found_in("1" * 32)
    finally:
        number_patterns._work_out = work_out
    assert 0 < steps < 33 * MAX_PATTERN
