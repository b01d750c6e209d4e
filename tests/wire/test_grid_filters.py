from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookflash.wire.grid_filters import (
    OPERATORS,
    AdvancedFilter,
    FilterError,
    Filters,
    lookup,
    read_filters,
)

EVENT: dict[str, Any] = {
    "id": "0D7",
    "topic": "/subscriptions/0/myacs",
    "dataVersion": "1.0",
    "subject": "/caller/4:+14255550123/recipient/4:+18005550100",
    "eventType": "Microsoft.Communication.IncomingCall",
    "data": {
        "to": {"kind": "phoneNumber", "rawId": "4:+18005550100", "phoneNumber": {"value": "+18005550100"}},
        "callerDisplayName": "Ada",
        "count": 3,
        "flag": True,
        "empty": None,
        "tags": ["Urgent", "billing"],
        "sizes": [1, 20],
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
        ("NumberInRange", "data.count", [(0, 1), (3, 4)], True),
        ("NumberInRange", "data.count", [(4, 9)], False),
        ("NumberInRange", "data.callerDisplayName", [(4, 9)], False),
        ("NumberNotInRange", "data.count", [(4, 9)], True),
        ("NumberNotInRange", "data.count", [(1.5, 3)], False),
        ("NumberNotInRange", "data.missing", [(1, 3)], True),
        ("NumberGreaterThan", "data.missing", [-1], False),
        ("StringIn", "EventType", ["microsoft.communication.incomingcall"], True),
        ("StringIn", "type", ["microsoft.communication.incomingcall"], True),
        ("StringEndsWith", "source", ["myacs"], True),
        ("StringEndsWith", "Topic", ["myacs"], True),
        ("StringIn", "eventId", ["0d7"], True),
        ("StringIn", "EventTypeVersion", ["1.0"], True),
        ("StringIn", "data.tags", ["urgent"], False),
        ("StringNotIn", "data.tags", ["nothing"], False),
        ("IsNotNull", "data.tags", [], True),
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
    ("operator", "key", "values", "expected"),
    [
        ("StringIn", "data.tags", ["URGENT", "x"], True),
        ("StringIn", "data.tags", ["x"], False),
        ("StringNotIn", "data.tags", ["x", "y"], True),
        ("StringNotIn", "data.tags", ["billing"], False),
        ("NumberInRange", "data.sizes", [(15, 25)], True),
        ("NumberNotIn", "data.sizes", [20], False),
        ("StringContains", "data.sizes", ["2"], False),
    ],
)
def test_arrays_where_they_are_wanted(operator: str, key: str, values: list[Any], expected: bool) -> None:
    condition = AdvancedFilter(operator_type=operator, key=key, values=tuple(values))
    filters = Filters(enable_advanced_filtering_on_arrays=True, advanced_filters=(condition,))
    filters.check()
    assert filters.matches(EVENT) is expected


def bad(operator: str, key: str, *values: Any) -> dict[str, Any]:
    return {"operatorType": operator, "key": key, "values": list(values)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("StringIn", "advanced filter 2 is 'StringIn'; give a table with operatorType, key and values"),
        ({"key": "subject"}, "advanced filter 2 has no operatorType; give it as a string"),
        (
            {"operatorType": "StringIn", "key": 7},
            "advanced filter 2 has key = 7; give it as a string",
        ),
        (
            {"operatorType": "StringIn", "key": "subject", "vales": ["a"]},
            "advanced filter 2 has 'vales', which no filter has; did you mean 'values'?",
        ),
        (
            {"operatorType": "StringIn", "key": "subject", "values": "a"},
            "advanced filter 2, StringIn on 'subject', has values = 'a'; give a list",
        ),
        (
            bad("StringIs", "subject", "a"),
            "advanced filter 2 on 'subject' has operatorType 'StringIs'; "
            "did you mean StringIn? use one of StringIn, ",
        ),
        (bad("Zzz", "subject", "a"), "advanced filter 2 on 'subject' has operatorType 'Zzz'; use one of"),
        (bad("StringIn", "", "a"), "advanced filter 2, StringIn, has no key; give a path such as data.to."),
        (
            bad("StringIn", "datum.to", "a"),
            "advanced filter 2, StringIn, has key 'datum.to'; use id, topic, subject,",
        ),
        (bad("StringIn", "data..to", "a"), "advanced filter 2, StringIn, has key 'data..to'; use id"),
        (bad("StringIn", "data.", "a"), "advanced filter 2, StringIn, has key 'data.'; use id"),
        (bad("StringIn", "data." + "a" * 600, "a"), "advanced filter 2, StringIn, has key 'data.aaaa"),
        (
            bad("StringIn", "subject"),
            "advanced filter 2, StringIn on 'subject', has no values; give a string",
        ),
        (
            bad("StringIn", "subject", "a", 5),
            "advanced filter 2, StringIn on 'subject', has the value 5; give a string",
        ),
        (
            bad("NumberIn", "data.count", "5"),
            "advanced filter 2, NumberIn on 'data.count', has the value '5'; give a number",
        ),
        (
            bad("NumberIn", "data.count", True),
            "advanced filter 2, NumberIn on 'data.count', has the value True; give a number",
        ),
        (
            bad("BoolEquals", "data.flag", "true"),
            "advanced filter 2, BoolEquals on 'data.flag', has the value 'true'; give true or false",
        ),
        (
            bad("NumberLessThan", "data.count", 1, 2),
            "advanced filter 2, NumberLessThan on 'data.count', has 2 values; "
            "this operator takes one, a number",
        ),
        (
            bad("NumberInRange", "data.count", 1, 2),
            "advanced filter 2, NumberInRange on 'data.count', has the value 1; "
            "give a range, [lowest, highest]",
        ),
        (
            bad("NumberInRange", "data.count", [1, 2, 3]),
            "advanced filter 2, NumberInRange on 'data.count', has the value [1, 2, 3]; give a range",
        ),
        (
            bad("NumberInRange", "data.count", [5, 2]),
            "advanced filter 2, NumberInRange on 'data.count', has the value [5, 2]; "
            "the lowest number comes first",
        ),
        (
            bad("IsNotNull", "data.count", 1),
            "advanced filter 2, IsNotNull on 'data.count', has the value 1; "
            "this operator takes none, leave it out",
        ),
        (
            bad("StringIn", "subject", "x" * 513),
            "advanced filter 2, StringIn on 'subject', has a value of 513 characters, 'xxxx",
        ),
    ],
)
def test_a_filter_that_cannot_be_used_says_which_and_why(given: Any, message: str) -> None:
    good = {"operatorType": "StringIn", "key": "subject", "values": ["a"]}
    with pytest.raises(FilterError) as caught:
        read_filters([good, given])
    assert str(caught.value).startswith(message)


def test_filters_are_read_as_azure_writes_them() -> None:
    ranges, single = read_filters(
        [
            {"operatorType": "numberinrange", "key": "data.count", "values": [[1, 2], [3.5, 4]]},
            {"operatorType": "NumberGreaterThan", "key": "data.count", "value": 2},
        ]
    )
    assert ranges.wanted == ((1, 2), (3.5, 4))
    assert single.wanted == (2,)
    assert single.matches(EVENT)
    assert not ranges.matches(EVENT)
    kept = msgspec.json.decode(msgspec.json.encode(ranges), type=AdvancedFilter)
    assert kept == ranges


FITTING: dict[str, Any] = {"string": "v", "number": 1, "range": (1, 2), "boolean": True}


def test_every_operator_passes_its_check() -> None:
    assert len(OPERATORS) == 19
    for name, operator in OPERATORS.items():
        values = (FITTING[operator.takes],) if operator.takes else ()
        AdvancedFilter(operator_type=name, key="data.k", values=values).check()


def test_limits_of_a_subscription() -> None:
    def many(filters: int, values: int) -> Filters:
        condition = AdvancedFilter(operator_type="StringIn", key="data.k", values=("v",) * values)
        return Filters(advanced_filters=(condition,) * filters)

    many(25, 1).check()
    many(1, 25).check()
    with pytest.raises(FilterError, match="26 advanced filters; at most 25"):
        many(26, 1).check()
    with pytest.raises(FilterError, match="26 values together; at most 25"):
        many(2, 13).check()
    with pytest.raises(FilterError, match="subjectEndsWith has 513 characters; at most 512"):
        Filters(subject_ends_with="x" * 513).check()


@given(
    st.sampled_from([name for name, operator in OPERATORS.items() if operator.negated]),
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=3)
    ),
    st.integers(-5, 5),
)
def test_a_negated_operator_is_the_opposite(name: str, found: Any, number: int) -> None:
    takes = OPERATORS[name].takes
    value: Any = {"string": str(number), "number": number, "range": (number, number + 2)}[takes]
    event = {"data": {"k": found}}
    negated = AdvancedFilter(operator_type=name, key="data.k", values=(value,))
    positive = AdvancedFilter(operator_type=name.replace("Not", ""), key="data.k", values=(value,))
    assert negated.matches(event, True) is not positive.matches(event, True)
