from __future__ import annotations

from typing import Any

import pytest

from hookflash.events.filters import OPERATORS, AdvancedFilter, FilterError, Filters, lookup

EVENT: dict[str, Any] = {
    "subject": "/caller/4:+14255550123/recipient/4:+18005550100",
    "eventType": "Microsoft.Communication.IncomingCall",
    "data": {
        "to": {"kind": "phoneNumber", "rawId": "4:+18005550100", "phoneNumber": {"value": "+18005550100"}},
        "callerDisplayName": "Ada",
        "count": 3,
        "flag": True,
        "empty": None,
    },
}
NUMBER = "data.to.PhoneNumber.Value"


def matches(operator: str, key: str, *values: Any) -> bool:
    return AdvancedFilter(operator_type=operator, key=key, values=values).matches(EVENT)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringIn", NUMBER, ["+18005550100"], True),
        ("StringIn", "data.to.phoneNumber.value", ["+1", "+18005550100"], True),
        ("StringIn", NUMBER, ["+18005550101"], False),
        ("stringin", "DATA.CALLERDISPLAYNAME", ["ADA"], True),
        ("StringNotIn", NUMBER, ["+18005550100"], False),
        ("StringNotIn", NUMBER, ["+1"], True),
        ("StringNotIn", "data.nothing", ["+1"], True),
        ("StringBeginsWith", NUMBER, ["+44", "+1800"], True),
        ("StringBeginsWith", NUMBER, ["800"], False),
        ("StringNotBeginsWith", NUMBER, ["+1800"], False),
        ("StringEndsWith", NUMBER, ["0100"], True),
        ("StringNotEndsWith", NUMBER, ["0100"], False),
        ("StringContains", "subject", ["RECIPIENT"], True),
        ("StringNotContains", "subject", ["nobody"], True),
        ("StringIn", "data.count", ["3"], False),
        ("StringIn", "data.to.phoneNumber.value.deeper", ["x"], False),
        ("NumberIn", "data.count", [1, 3], True),
        ("NumberIn", "data.flag", [1], False),
        ("NumberNotIn", "data.count", [3], False),
        ("NumberLessThan", "data.count", [4], True),
        ("NumberLessThan", "data.count", [3], False),
        ("NumberLessThanOrEquals", "data.count", [3], True),
        ("NumberGreaterThan", "data.count", [2], True),
        ("NumberGreaterThanOrEquals", "data.count", [4], False),
        ("NumberLessThan", "data.callerDisplayName", [4], False),
        ("BoolEquals", "data.flag", [True], True),
        ("BoolEquals", "data.flag", [False], False),
        ("BoolEquals", "data.count", [True], False),
        ("IsNullOrUndefined", "data.empty", [], True),
        ("IsNullOrUndefined", "data.missing", [], True),
        ("IsNotNull", "data.flag", [], True),
        ("IsNotNull", "data.empty", [], False),
    ],
)
def test_operators(operator: str, key: str, values: list[Any], expected: bool) -> None:
    assert matches(operator, key, *values) is expected


def test_a_single_value_is_a_value() -> None:
    assert AdvancedFilter(operator_type="NumberGreaterThan", key="data.count", value=2).matches(EVENT)


def test_the_exact_name_is_preferred() -> None:
    assert lookup({"A": 1, "a": 2}, "a") == 2
    assert lookup({"A": 1}, "a") == 1
    assert lookup({}, "a.b") is None


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), True),
        (Filters(subject_begins_with="/CALLER/4:"), True),
        (Filters(subject_begins_with="/CALLER/4:", is_subject_case_sensitive=True), False),
        (Filters(subject_ends_with="550100"), True),
        (Filters(subject_ends_with="550101"), False),
        (Filters(subject_begins_with="x"), False),
        (Filters.equal_to({NUMBER: "+18005550100", "data.callerDisplayName": "ada"}), True),
        (Filters.equal_to({NUMBER: "+18005550100", "data.callerDisplayName": "Bob"}), False),
    ],
)
def test_conditions_add_up(filters: Filters, expected: bool) -> None:
    filters.check()
    assert filters.matches(EVENT) is expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (AdvancedFilter(operator_type="StringIs", key="subject", values=("a",)), "use one of StringIn, "),
        (AdvancedFilter(operator_type="StringIn", key="", values=("a",)), "has no key"),
        (AdvancedFilter(operator_type="StringIn", key="subject"), "has no values"),
        (
            AdvancedFilter(operator_type="StringIn", key="subject", values=("a",) * 26),
            "26 values, at most 25",
        ),
    ],
)
def test_unusable_conditions_are_named(condition: AdvancedFilter, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        Filters(advanced_filters=(condition,)).check()


def test_every_operator_passes_its_check() -> None:
    for name in OPERATORS:
        AdvancedFilter(operator_type=name, key="k", values=("v",)).check()
    AdvancedFilter(operator_type="IsNotNull", key="k").check()
    with pytest.raises(FilterError, match="26 advanced filters"):
        Filters(advanced_filters=(AdvancedFilter(operator_type="IsNotNull", key="k"),) * 26).check()
